"""Our rules have no finding, and what is ignored is there and has a reason."""

from __future__ import annotations

from typing import Any

from scripts.rule_checks import catalogue, findings
from scripts.rule_checks.findings import Ignored
from tests.unit.scripts.rule_checks.small import CATALOGUE, GROUPS


def alerting(expr: str) -> list[dict[str, Any]]:
    return [{"name": "a", "rules": [{"alert": "Deep", "expr": expr}]}]


def test_our_rules_have_none() -> None:
    assert findings.problems([*catalogue.groups()], catalogue.load()) == []


def test_every_kind_of_check_is_run_on_a_rule() -> None:
    groups = [*GROUPS, *alerting('depth{job=~"a"}'), *alerting("calls_total > 1")]
    assert findings.problems(groups, CATALOGUE, ()) == [
        'Deep: promql/regexp: job=~"a" has no pattern: use =',
        "Deep: alerts/comparison: its expression has no condition: it fires with any value",
        "Deep: promql/counter: calls_total is a counter: only its growth tells something",
        "limit: rule/name: the name has to be level:metric:operations",
        "Deep: rule/duplicate: another rule has the same name and the same labels",
    ]


def test_what_is_ignored_is_not_said_and_what_nothing_needs_is() -> None:
    ignored = (Ignored("alerts/comparison", "De*", "a reason"), Ignored("promql/rate", "Deep", "another"))
    assert findings.problems(alerting("depth"), CATALOGUE, ignored) == [
        "Deep: promql/rate is ignored for nothing"
    ]
