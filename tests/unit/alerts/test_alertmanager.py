"""The configuration of Alertmanager, and what is generated from it, say the same and name what is there."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from scripts.alerting import ALERTMANAGER, alertmanager_config
from scripts.inlined import definitions, inlined
from tests.unit.alerts.test_runbooks import alert_names

CONFIG = yaml.safe_load((ALERTMANAGER / "alertmanager.yaml").read_text())
OPERATOR = yaml.safe_load(alertmanager_config())
DEFINED = definitions(path.read_text() for path in sorted(ALERTMANAGER.glob("*.tmpl")))
INHIBITIONS = CONFIG["inhibit_rules"]
SEVERITIES = ("info", "warning", "critical")


def named(matchers: list[str]) -> set[str]:
    """The alerts that a list of matchers names."""
    texts = [text for text in matchers if text.startswith("alertname")]
    return {name for text in texts for name in re.findall(r"Kagent\w+", text)}


def severities(matchers: list[str], rules: dict[str, set[str]]) -> set[str]:
    found = {severity for name in named(matchers) for severity in rules.get(name, set(SEVERITIES))}
    wanted = {severity for severity in SEVERITIES if f'severity="{severity}"' in matchers}
    return found & wanted if wanted else found


def rule_severities() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in ALERTMANAGER.parent.glob("*.rules.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    found.setdefault(rule["alert"], set()).add(rule["labels"]["severity"])
    return found


@pytest.mark.parametrize("rule", INHIBITIONS, ids=lambda rule: rule["source_matchers"][0])
def test_an_inhibition_names_alerts_that_are_there(rule: dict[str, Any]) -> None:
    names = named(rule["source_matchers"]) | named(rule["target_matchers"])
    assert names - {"Kagent"} <= alert_names()


@pytest.mark.parametrize("rule", INHIBITIONS[1:], ids=lambda rule: rule["source_matchers"][0])
def test_nothing_critical_is_kept_back_by_what_is_less(rule: dict[str, Any]) -> None:
    rules = rule_severities()
    source, target = (severities(rule[f"{side}_matchers"], rules) for side in ("source", "target"))
    worst = max(map(SEVERITIES.index, target))
    assert worst <= min(map(SEVERITIES.index, source))


def test_the_operators_object_has_the_same_routes_and_inhibitions() -> None:
    def back(value: Any) -> Any:
        """Matchers as one text, keys as Alertmanager writes them."""
        if isinstance(value, list):
            return [back(part) for part in value]
        if not isinstance(value, dict):
            return value
        if "matchType" in value:
            return f'{value["name"]}{value["matchType"]}"{value["value"]}"'
        keys = {"sourceMatch": "source_matchers", "targetMatch": "target_matchers"}
        names = {key: keys.get(key) or re.sub("[A-Z]", lambda c: f"_{c[0].lower()}", key) for key in value}
        return {names[key]: back(part) for key, part in value.items()}

    spec = OPERATOR["spec"]
    times = {key: CONFIG["route"][key] for key in ("group_wait", "group_interval", "repeat_interval")}
    assert back(spec["route"]) == {**times, **CONFIG["route"]["routes"][0]}
    assert back(spec["inhibitRules"]) == INHIBITIONS


def test_the_operators_receivers_say_the_same_with_secrets_by_selector() -> None:
    theirs = {receiver["name"]: receiver for receiver in OPERATOR["spec"]["receivers"]}
    assert list(theirs) == [receiver["name"] for receiver in CONFIG["receivers"]]
    for receiver in CONFIG["receivers"]:
        ours = sorted(inlined(value, DEFINED) for value in _values(receiver))
        assert ours == sorted(_values(theirs[receiver["name"]]))
    secret = {"name": "kagent-alertmanager"}
    assert theirs["slack"]["slackConfigs"][0]["apiURL"] == secret | {"key": "slack-url"}
    assert theirs["slack-info"]["slackConfigs"][0]["apiURL"] == secret | {"key": "slack-info-url"}
    assert theirs["pagerduty"]["pagerdutyConfigs"][0]["routingKey"] == secret | {"key": "pagerduty-key"}
    assert theirs["deadman"]["webhookConfigs"][0]["urlSecret"] == secret | {"key": "deadman-url"}


def _values(value: Any) -> list[str]:
    """Everything that is said but where secrets are."""
    if isinstance(value, dict):
        told = [
            _values(part) for key, part in value.items() if key not in {"apiURL", "routingKey", "urlSecret"}
        ]
        named_ = [key for key in value if key in ("firing", "resolved")]  # a key here, a value there
        return [text for part in told for text in part] + named_
    if isinstance(value, list):
        return [text for part in value for text in _values(part)]
    return [] if str(value).startswith(("/etc/", "https://deadman")) else [str(value)]


def test_a_matcher_that_is_none_is_an_error() -> None:
    from scripts import alerting

    with pytest.raises(ValueError, match="matchers"):
        alerting._matchers(['severity="critical'])


def test_the_templates_are_those_of_the_folder() -> None:
    assert set(CONFIG["templates"]) == {path.name for path in ALERTMANAGER.glob("*.tmpl")}


def test_links_of_an_incident_are_details() -> None:
    """The operator would refuse the whole object for a link that needs a function of Alertmanager's."""
    (pages,) = [
        one["pagerdutyConfigs"][0] for one in OPERATOR["spec"]["receivers"] if one["name"] == "pagerduty"
    ]
    assert "pagerDutyLinkConfigs" not in pages
    keys = [detail["key"] for detail in pages["details"]]
    assert keys == ["firing", "resolved", "Dashboard", "Logs", "Runbook", "Silence"]
