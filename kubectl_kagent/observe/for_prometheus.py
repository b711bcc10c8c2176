"""What Prometheus reads, as objects: PrometheusRules, or for a plain one ConfigMaps of its own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubectl_kagent.model.resources import CONFIG_MAP, PROMETHEUS_RULE
from kubectl_kagent.observe import rule_values

Object = dict[str, Any]

# Each rule file of these folders, whatever it is called.
_FOLDERS = ("alerts", "alerts/generated")
_ENDING = ".rules.yaml"
_SCRAPE = "manifests/observability/prometheus/scrape.yaml"


def prometheus_objects(root: Path, *, operator: bool, values: str) -> Iterator[Object]:
    """The rules below ``root``, and without an operator what is scraped.

    ``values`` is a values file of the user's, which may name only some of them. Raises ValueError for one
    that is wrong.
    """
    texts = rule_texts(root, values)
    if not operator:
        scrape = root / _SCRAPE
        yield _config_map("kagent-rules", texts)
        yield _config_map("kagent-scrape", {scrape.name: scrape.read_text()})
        return
    import yaml  # most verbs do without

    for name, text in texts.items():
        yield {
            "apiVersion": PROMETHEUS_RULE.api_version,
            "kind": PROMETHEUS_RULE.kind,
            "metadata": {"name": f"kagent-{name.removesuffix(_ENDING)}"},
            "spec": {"groups": yaml.safe_load(text)["groups"]},
        }


def _config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": {"name": name}, "data": data}


def rule_texts(root: Path, values: str = "") -> dict[str, str]:
    """The rule files below ``root`` by name; with ``values`` as for ``prometheus_objects``."""
    paths = [path for folder in _FOLDERS for path in (root / folder).glob(f"*{_ENDING}")]
    texts = {path.name: path.read_text() for path in sorted(paths, key=lambda path: path.name)}
    if values:
        given = rule_values.merged((root / rule_values.SOURCE).read_text(), values)
        texts[Path(rule_values.GENERATED).name] = rule_values.rules_file(given)
    return texts
