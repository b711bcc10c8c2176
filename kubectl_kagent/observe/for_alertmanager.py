"""Who hears of alerts, as an object of the prometheus-operator. Its messages link to the team's Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Object = dict[str, Any]

_FILE = "manifests/prometheus-operator/alertmanagerconfig.yaml"
SECRET = "kagent-alertmanager"  # its name; what is in it is the user's
# as alerts/alertmanager/site.tmpl defines it
_GRAFANA = '{{{{ define "kagent.grafana" }}}}{}{{{{ end }}}}'
_EXAMPLE = _GRAFANA.format("https://grafana.example.com")


def alertmanager_config(root: Path, grafana: str) -> Object:
    """The AlertmanagerConfig below ``root``; ``grafana`` is a URL without a slash at its end.

    Raises ValueError when nothing in the file names Grafana: the bundle was built wrong.
    """
    import yaml  # most verbs do without

    text = (root / _FILE).read_text()
    if _EXAMPLE not in text:
        raise ValueError(f"{_FILE} has no address of Grafana to put another in its place")
    found: Object = yaml.safe_load(text.replace(_EXAMPLE, _GRAFANA.format(grafana)))
    return found
