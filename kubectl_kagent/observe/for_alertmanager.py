"""Who hears of alerts, as an object of the prometheus-operator. Its messages link to the team's Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Object = dict[str, Any]

_FILE = "manifests/prometheus-operator/alertmanagerconfig.yaml"
SECRET = "kagent-alertmanager"  # its name; what is in it is the user's
# as alerts/alertmanager/site.tmpl defines it
_GRAFANA = '{{{{ define "kagent.grafana" }}}}{}{{{{ end }}}}'
_LOKI = '{{{{ define "kagent.loki" }}}}{}{{{{ end }}}}'
_EXAMPLE = _GRAFANA.format("https://grafana.example.com")
DEFAULT_LOKI_UID = "kagent-loki"  # of manifests/grafana


def alertmanager_config(root: Path, grafana: str, loki_uid: str) -> Object:
    """The AlertmanagerConfig below ``root``; ``grafana`` is a URL without a slash at its end.

    ``loki_uid`` is that of Grafana's data source of lines. Raises ValueError when nothing in the file names
    Grafana or the data source: the bundle was built wrong.
    """
    import yaml  # most verbs do without

    text = (root / _FILE).read_text()
    ours = _LOKI.format(DEFAULT_LOKI_UID)
    if _EXAMPLE not in text or ours not in text:
        raise ValueError(f"{_FILE} has no address of Grafana, or no uid of Loki, to put another in its place")
    text = text.replace(_EXAMPLE, _GRAFANA.format(grafana)).replace(ours, _LOKI.format(loki_uid))
    found: Object = yaml.safe_load(text)
    return found
