"""Each check of an alert finds what it is there for, and lets the right one pass."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.rule_checks import alerts
from tests.unit.scripts.rule_checks.small import CATALOGUE

GOOD: dict[str, Any] = {
    "alert": "Deep",
    "expr": 'depth > on () group_left () limit{name="depth"}',
    "for": "5m",
    "labels": {"severity": "warning"},
    "annotations": {
        "description": "{{ $labels.namespace }}{{ with $externalLabels.cluster }} of {{ . }}{{ end }}: "
        '{{ $value }}, more than {{ query `limit{name="depth"}` | first | value }}.'
    },
}


def text(description: str) -> dict[str, Any]:
    return {"annotations": {"description": description}}


def findings(**changes: Any) -> list[tuple[str, str]]:
    rule = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return [(name, line) for name, check in alerts.CHECKS.items() for line in check(rule, CATALOGUE)]


def test_a_good_alert_has_none() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    "expr",
    [
        "depth > 1",
        "absent(depth)",
        "depth unless on (namespace) owner",
        "depth and on (namespace) owner == 1",
        "sum by (cluster) (depth > 1) * 2",
        'label_replace(depth == 0, "x", "$1", "job", "(.+)")',
        "depth > 1 or depth < 0",
    ],
)
def test_a_condition(expr: str) -> None:
    assert [*alerts.comparison({"expr": expr}, CATALOGUE)] == []


@pytest.mark.parametrize(
    "expr", ["depth", "vector(1)", "depth > bool 1", "depth > 1 or depth", "sum by (cluster) (depth) * 2"]
)
def test_no_condition(expr: str) -> None:
    said = "its expression has no condition: it fires with any value"
    assert [*alerts.comparison({"expr": expr}, CATALOGUE)] == [said]


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"keep_firing_for": "0m"}, "alerts/for", "keep_firing_for: 0m says nothing"),
        (
            {"expr": "absent(depth)", "for": "1m", "annotations": {}},
            "alerts/absent",
            "it fires on what is missing, so it has to wait for two scrapes (120s)",
        ),
        (
            {"expr": "depth unless on (namespace) owner", "for": None, "annotations": {}},
            "alerts/absent",
            "it fires on what is missing, so it has to wait for two scrapes (120s)",
        ),
        (
            {"expr": "topk(3, depth) > 1", "annotations": {}},
            "promql/fragile",
            "topk chooses other series each time, so alerts come and go",
        ),
        (
            {"expr": "sum(depth) / sum(owner) > 1", "for": None, "annotations": {}},
            "promql/fragile",
            "/ of two sums of different series, which are scraped one by one: it needs a for",
        ),
        (
            text("{{ $labels.agent }}"),
            "alerts/template",
            "a template names agent, which the expression does not give",
        ),
        (
            text("{{ range query `depth` }}{{ .Labels.agent }}{{ end }}"),
            "alerts/template",
            "a template names agent, which the expression does not give",
        ),
        (
            {"labels": {"value": "{{ $value }}"}},
            "alerts/template",
            "a label with the value is another alert with each evaluation",
        ),
        (
            {"expr": "rate(calls_total[5m]) > 1", **text("{{ $value }} calls a second")},
            "alerts/template",
            "a template shows $value of a rate with all its digits: humanize it",
        ),
        (text("{{ query `limit{` }}"), "alerts/template", "a template asks limit{, which is no PromQL"),
        (text('{{ query "limits" }}'), "alerts/template", "a template asks for limits, which nobody makes"),
        (
            text("{{ $externalLabels.region }}"),
            "alerts/external_labels",
            "a template names the external label region, which nobody sets",
        ),
        (
            text("{{ $externalLabels.cluster }}"),
            "alerts/external_labels",
            "a template names the external label cluster without a with: it may not be there",
        ),
    ],
)
def test_a_bad_one(changes: dict[str, Any], check: str, said: str) -> None:
    assert findings(**changes) == [(check, said)]


def test_a_text_names_the_limit_that_is_compared_with() -> None:
    assert findings(**text('{{ query `limit{name="calls"}` }}')) == [
        ("alerts/template", 'a template asks for limit{name="calls"}, which the expression does not read')
    ]
    assert findings(**text('{{ query `limit{name="x"}` }}')) == [
        ("alerts/template", "a template: no limit has name=x"),
        ("alerts/template", 'a template asks for limit{name="x"}, which the expression does not read'),
    ]
