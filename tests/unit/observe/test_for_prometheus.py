"""What Prometheus reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubectl_kagent.observe.for_prometheus import prometheus_objects
from tests.lab.layout import CHECKOUT

FILES = sorted(path for path in (CHECKOUT / "alerts").rglob("*.rules.yaml") if "tests" not in path.parts)


def test_each_rule_file_is_a_prometheus_rule() -> None:
    found = list(prometheus_objects(CHECKOUT, operator=True, values=""))
    assert {item["kind"] for item in found} == {"PrometheusRule"}
    groups = {item["metadata"]["name"]: item["spec"]["groups"] for item in found}
    wanted = {
        f"kagent-{path.name.partition('.')[0]}": yaml.safe_load(path.read_text())["groups"] for path in FILES
    }
    assert groups == wanted
    assert len(wanted) > 9


def test_a_plain_prometheus_gets_the_files_as_they_are() -> None:
    rules, scrape = prometheus_objects(CHECKOUT, operator=False, values="")
    assert (rules["kind"], rules["metadata"]) == ("ConfigMap", {"name": "kagent-rules"})
    assert rules["data"] == {path.name: path.read_text() for path in FILES}
    text = (CHECKOUT / "manifests/observability/prometheus/scrape.yaml").read_text()
    assert (scrape["metadata"]["name"], scrape["data"]) == ("kagent-scrape", {"scrape.yaml": text})


@pytest.mark.parametrize("operator", [True, False])
def test_values_of_a_team_change_one_file(*, operator: bool) -> None:
    changed = "prices: {usd_per_million_tokens: {mine: {input: 2, output: 3}}}\n"
    ours, theirs = (
        {item["metadata"]["name"]: item.get("data") or item["spec"] for item in found}
        for found in (
            prometheus_objects(CHECKOUT, operator=operator, values=""),
            prometheus_objects(CHECKOUT, operator=operator, values=changed),
        )
    )
    different = [name for name in ours if ours[name] != theirs[name]]
    assert different == (["kagent-values"] if operator else ["kagent-rules"])
    assert "mine" in str(theirs[different[0]])


def test_a_bundle_without_values_is_built_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(prometheus_objects(tmp_path, operator=True, values="thresholds: {}"))
