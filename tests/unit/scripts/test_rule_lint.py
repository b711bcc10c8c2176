"""The rules are as they should be, and each check of them finds what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from scripts import rule_lint
from scripts.rule_checks.catalogue import Catalogue

GOOD: dict[str, Any] = {
    "alert": "KagentAgentGone",
    "expr": "min by (cluster, agent) (up) == 0",
    "labels": {"severity": "warning"},
    "annotations": {
        "summary": "An agent is gone.",
        "description": "{{ $labels.agent }} is gone. See `kubectl kagent get agents`.",
        "runbook_url": f"{rule_lint.RUNBOOKS}/KagentAgentGone.md",
        "dashboard_url": "/d/kagent-agent",
    },
}
TESTED = [
    {"alertname": "KagentAgentGone", "exp_alerts": [{"exp_labels": {"agent": "a"}}]},
    {"alertname": "KagentAgentGone", "exp_alerts": []},
]


def file_of(cases: list[dict[str, Any]]) -> dict[str, Any]:
    return {"tests": [{"alert_rule_test": cases}]}


def test_the_rules_that_are_checked_in_have_no_problem() -> None:
    assert rule_lint.problems() == []


def test_a_good_alert_has_none() -> None:
    assert [*rule_lint.of_alert(GOOD), *rule_lint.of_labels(GOOD)] == []
    assert [*rule_lint.of_tests([GOOD], [file_of(TESTED)])] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alert": "Kagent_agent_gone"}, "the name has to be"),
        ({"alert": f"Kagent{'Very' * 9}Long"}, "the name has to be"),
        ({"labels": {"severity": "page"}}, "severity has to be"),
        ({"annotations": {**GOOD["annotations"], "summary": "an agent is gone"}}, "summary has to be"),
        (
            {"annotations": {**GOOD["annotations"], "summary": "Agent {{ $labels.agent }}."}},
            "summary has to be",
        ),
        ({"annotations": {**GOOD["annotations"], "description": "Gone."}}, "description has to have"),
        ({"annotations": {**GOOD["annotations"], "runbook_url": "https://x"}}, "runbook_url has to be"),
        ({"annotations": {**GOOD["annotations"], "dashboard_url": "/d/other"}}, "dashboard_url has to be"),
    ],
)
def test_style(changes: dict[str, Any], message: str) -> None:
    found = [*rule_lint.of_alert({**GOOD, **changes})]
    assert any(message in line for line in found), found


@pytest.mark.parametrize("lost", ["sum(up)", "sum by (agent) (up)", "sum without (cluster) (up)"])
def test_an_aggregation_that_loses_the_cluster(lost: str) -> None:
    assert len([*rule_lint.of_labels({**GOOD, "expr": lost})]) == 1
    assert [*rule_lint.of_labels({**GOOD, "expr": "sum without (agent) (up)"})] == []


def test_a_series_that_nobody_makes_and_one_that_nobody_reads() -> None:
    recording = {"record": "a:b:c", "expr": "rate(upp[5m])"}
    alert = {**GOOD, "expr": 'a:b:c > 1 and up{job="x"} offset 1m'}
    scraped = {name: {"labels": []} for name in ("up", "shown", "down")}
    known = Catalogue(scraped, [{"name": "g", "rules": [recording]}])
    assert [*rule_lint.of_series([recording, alert], known, {"shown"})] == [
        "a:b:c: nobody makes upp: a typo, or not yet in series.yaml",
        "series.yaml: no rule and no dashboard reads down",
    ]


def test_what_dashboards_read_is_read() -> None:
    assert {"agent:turns:increase5m", "kagent_build_info", "ALERTS"} <= rule_lint.shown()


def test_an_alert_without_its_pair_of_tests() -> None:
    assert [*rule_lint.of_tests([GOOD], [file_of(TESTED[:1])])] == [
        "KagentAgentGone: no test in which it does not fire"
    ]
    assert [*rule_lint.of_tests([GOOD], [file_of(TESTED[1:])])] == [
        "KagentAgentGone: no test in which it fires"
    ]
    burn = {**GOOD, "labels": {"severity": "warning", "long": "1d"}}
    assert [*rule_lint.of_tests([burn], [file_of(TESTED)])] == [
        "KagentAgentGone: no test in which it fires (long=1d)"
    ]


def test_a_group_is_small() -> None:
    assert len([*rule_lint.of_group({"name": "g" * 41, "rules": [GOOD] * 21})]) == 2
    assert [*rule_lint.of_group({"name": "g", "rules": [GOOD] * 20})] == []
