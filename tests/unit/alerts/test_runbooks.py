"""Each alert has its runbook with the four parts, and every command of ours in both can be typed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.alerting import PLACEHOLDERS, RUNBOOKS, commands
from tests.conftest import Kagent
from tests.lab.layout import CHECKOUT

PARTS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]
PAGES = sorted(RUNBOOKS.glob("*.md"))
# What the placeholders stand for; those of one word are no label of an alert.
NAMES = dict.fromkeys(PLACEHOLDERS, "weather") | {"NAMESPACE": "team-a"}
NAMES |= {"TASK": "2a9d5f30", "SESSION": "7b0fa553", "SERVER": "clock", "TEXT": "no"}
NAMES |= {"FILE": str(CHECKOUT / "alerts" / "values.yaml")}
# It records until it is stopped.
_ENDLESS = "record"


_IN_SENTENCES = re.compile(r"`(kubectl kagent [^`]+)`")
_LABEL = re.compile(r"\{\{ \$labels\.(\w+)(?: \| toLower)? \}\}")
# a dashboard, and the query behind it: an address may have one of two of them
_DASHBOARD = re.compile(r"/?\b(kagent-[a-z-]+)(\?(?:(?!kagent-[a-z-]+\?)[^'])*)?")


@cache
def alerts() -> tuple[dict[str, Any], ...]:
    """The rules of the bundle that alert; one alert may be of several rules."""
    groups = (
        group
        for path in sorted((CHECKOUT / "alerts").glob("*.rules.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    )
    return tuple(rule for group in groups for rule in group["rules"] if "alert" in rule)


def alert_names() -> set[str]:
    return {rule["alert"] for rule in alerts()}


def described() -> dict[str, list[str]]:
    """The command lines of ours in each alert's description, with the placeholders of runbooks for labels."""
    return {
        rule["alert"]: [
            _LABEL.sub(lambda label: label[1].upper(), line)
            for line in _IN_SENTENCES.findall(rule["annotations"]["description"])
        ]
        for rule in alerts()
    }


def lines() -> list[tuple[str, str]]:
    """Every command line of ours, in blocks, in sentences and in messages, with its runbook or alert."""
    found = []
    for page in PAGES:
        text = page.read_text()
        inline = _IN_SENTENCES.findall(text)
        found += [(page.stem, " ".join(line.split())) for line in (*commands(text), *inline)]
    found += [(alert, line) for alert, written in described().items() for line in written]
    return [*dict.fromkeys(found)]


@pytest.mark.parametrize("alert", described())
def test_a_description_names_the_first_command_of_its_runbook_first(alert: str) -> None:
    """People have both before them: in the message the command stands below the description."""
    assert described()[alert][0] == commands((RUNBOOKS / f"{alert}.md").read_text())[0]


@pytest.mark.parametrize("alert", described())
def test_a_link_to_a_dashboard_sets_variables_that_it_has(alert: str) -> None:
    (address,) = {rule["annotations"]["dashboard_url"] for rule in alerts() if rule["alert"] == alert}
    found = _DASHBOARD.findall(address)
    assert found
    for uid, query in found:
        dashboard = json.loads((CHECKOUT / "dashboards" / "generated" / f"{uid}.json").read_text())
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        assert {*re.findall(r"var-(\w+)=", query)} <= variables


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert {page.stem for page in PAGES} == alert_names()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_has_its_parts_and_is_short(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n\n## Meaning\n\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    bodies = re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]
    assert all(len(body.split()) > 3 for body in bodies)
    assert commands(bodies[2]), "the first command of the diagnosis goes into the message"
    assert commands(bodies[2]) == commands(text)
    assert 15 <= len(text.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 110


def filled(word: str, names: Mapping[str, str]) -> str:
    """With a name for each placeholder."""
    return re.sub(r"\b[A-Z]{3,}\b", lambda found: names[found[0]], word)


@pytest.mark.parametrize(("runbook", "line"), lines())
def test_a_command_is_one_of_ours(runbook: str, line: str, kagent: Kagent) -> None:
    """Run on a cluster that has none of the objects: whatever it says, it is not that the line is wrong."""
    words = shlex.split(line)[2:]
    for kind in ("Agent", "MCPServer") if "KIND/" in line else ("",):
        typed = [filled(word, NAMES | {"KIND": kind}) for word in words]
        code, _, err = kagent(*typed, *(["-h"] if words[0] == _ENDLESS else []))
        assert code != 2, f"{runbook}: {line}: {err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_names_alerts_and_values_that_are_there(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"\bKagent[A-Z]\w+", text)) <= alert_names()
    values = set(yaml.safe_load((CHECKOUT / "alerts" / "values.yaml").read_text())["thresholds"])
    labels = {"rule_group"}
    assert set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)`", text)) <= values | labels
