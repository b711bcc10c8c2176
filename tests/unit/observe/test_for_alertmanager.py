"""Who hears of alerts: with an operator and an address of Grafana, which stands in every link."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kubectl_kagent.model.resources import ALERTMANAGER_CONFIG
from kubectl_kagent.observe.bundle import Operator, Settings, build, resource_of
from kubectl_kagent.observe.for_alertmanager import DEFAULT_LOKI_UID, alertmanager_config
from tests.lab.layout import CHECKOUT

GRAFANA = "https://g.example.org/x"


def test_each_link_leads_to_this_grafana() -> None:
    found = alertmanager_config(CHECKOUT, GRAFANA, "lines")
    text = yaml.safe_dump(found, width=10**6)
    assert ("grafana.example.com" in text, "kagent-loki" in text) == (False, False)
    (slack,) = found["spec"]["receivers"][0]["slackConfigs"]
    assert '{{ define "kagent.loki" }}lines{{ end }}' in slack["text"]
    assert f'{{{{ define "kagent.grafana" }}}}{GRAFANA}{{{{ end }}}}' in slack["titleLink"]


@pytest.mark.parametrize(
    ("operators", "grafana", "places"),
    [
        ({"prometheus-operator"}, GRAFANA, ["team"]),
        ({"prometheus-operator"}, "", []),
        ({"grafana-operator"}, GRAFANA, []),
    ],
)
def test_when_it_is_in_the_bundle(operators: set[Operator], grafana: str, places: list[str]) -> None:
    found = build(CHECKOUT, Settings(frozenset(operators), "team", grafana=grafana))
    kept = [item for item in found if resource_of(item) is ALERTMANAGER_CONFIG]
    assert [item["metadata"]["namespace"] for item in kept] == places


def test_a_file_that_names_no_grafana_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "manifests" / "prometheus-operator"
    folder.mkdir(parents=True)
    (folder / "alertmanagerconfig.yaml").write_text("kind: AlertmanagerConfig\n")
    with pytest.raises(ValueError, match="has no address of Grafana"):
        alertmanager_config(tmp_path, GRAFANA, "lines")


def test_logs_are_looked_for_in_the_loki_that_manifests_grafana_makes() -> None:
    folder = CHECKOUT / "manifests" / "generated" / "datasources" / "tempo"
    text = yaml.safe_load((folder / "kagent-datasources.yaml").read_text())
    uids = {source["uid"] for source in text["datasources"] if source["type"] == "loki"}
    assert uids == {DEFAULT_LOKI_UID}
