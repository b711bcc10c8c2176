"""Each check of rules beside each other finds what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.rule_checks import together

FIRST = {"record": "agent:calls:rate5m", "expr": "sum by (cluster) (rate(calls_total[5m]))"}


def findings(*rules: dict[str, Any], **group: Any) -> list[tuple[str, str, str]]:
    groups = [{"name": "group", "rules": [FIRST, *rules], **group}]
    return [(name, of, line) for name, check in together.CHECKS.items() for of, line in check(groups)]


@pytest.mark.parametrize(
    "rule",
    [
        {"record": "agent:calls:double", "expr": "agent:calls:rate5m * 2"},
        {"record": "agent:calls:rate5m", "expr": "vector(1)", "labels": {"part": "open"}},
        {"record": "agent:calls:before", "expr": "max_over_time(agent:calls:before[1h])"},
        {"record": "agent:calls:before", "expr": "agent:calls:before offset 1m"},
        {"record": "kagent:limit", "expr": "vector(1)"},
    ],
)
def test_nothing_is_wrong(rule: dict[str, Any]) -> None:
    assert findings(rule, {"alert": "A", "expr": "vector(1)"}, interval="5m") == []


def test_a_group_that_is_seldom_evaluated() -> None:
    assert findings(interval="6m") == [
        ("group/interval", "group", "its interval is above 300s: its series have holes")
    ]


@pytest.mark.parametrize(
    ("rule", "check", "said"),
    [
        (
            {"record": "calls_rate", "expr": "vector(1)"},
            "rule/name",
            "the name has to be level:metric:operations",
        ),
        (
            {"alert": "A", "expr": "depth > 1", "labels": {"cluster": "x"}},
            "labels/conflict",
            "its label cluster takes the place of the one that tells whose it is",
        ),
        (
            {"record": "agent:calls:rate5m", "expr": "depth"},
            "rule/duplicate",
            "another rule has the same name and the same labels",
        ),
        (
            {"alert": "A", "expr": "sum by (cluster) ( rate(calls_total[5m]) ) > 1"},
            "promql/performance",
            "it works out what agent:calls:rate5m is already",
        ),
    ],
)
def test_a_bad_rule(rule: dict[str, Any], check: str, said: str) -> None:
    assert findings(rule) == [(check, str(rule.get("alert") or rule["record"]), said)]


def test_a_rule_that_reads_what_is_recorded_after_it() -> None:
    early = {"record": "agent:calls:early", "expr": "agent:calls:late * 2"}
    late = {"record": "agent:calls:late", "expr": "depth"}
    said = "it reads agent:calls:late, which its group records only after it"
    assert findings(early, late) == [("rule/dependency", "agent:calls:early", said)]
    assert findings(late, early) == []
