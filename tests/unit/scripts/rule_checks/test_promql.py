"""What the series of an expression can be labelled with, and how one is shown."""

from __future__ import annotations

import pytest

from scripts.rule_checks import promql
from tests.unit.scripts.rule_checks.small import CATALOGUE


@pytest.mark.parametrize(
    ("expr", "labels"),
    [
        ("depth", "cluster instance job namespace"),
        ('{__name__=~"depth|limit"}', "cluster instance job name namespace"),
        ("-(depth offset 5m)", "cluster instance job namespace"),
        ("rate(calls_total[5m])", "agent cluster instance job namespace"),
        ("max_over_time(depth[1h:5m])", "cluster instance job namespace"),
        ("sum(calls_total)", ""),
        ("sum by (cluster, agent, pod) (calls_total)", "agent cluster"),
        ("sum without (instance, job) (calls_total)", "agent cluster namespace"),
        ("topk by (agent) (3, depth)", "cluster instance job namespace"),
        ('label_replace(depth, "x", "$1", "namespace", "(.+)")', "cluster instance job namespace x"),
        ("histogram_quantile(0.9, sum by (cluster, le) (calls_total))", "cluster"),
        ('absent(depth{namespace="a", job=~"b"})', "namespace"),
        ("vector(1)", ""),
        ("2 * (depth > 1)", "cluster instance job namespace"),
        ("time() - depth", "cluster instance job namespace"),
        ("depth and on () limit", "cluster instance job namespace"),
        ("depth or limit", "cluster instance job name namespace"),
        ("depth unless on (namespace) owner", "cluster instance job namespace"),
        ("depth / depth", "cluster instance job namespace"),
        ("depth > on (namespace) depth", "namespace"),
        ("depth / ignoring (instance, job) depth", "cluster namespace"),
        (
            "calls_total * on (namespace) group_left (team) owner",
            "agent cluster instance job namespace team",
        ),
        ("depth * on (namespace) group_right (name) owner", "agent cluster instance job name namespace team"),
        ("nobodys", "cluster"),
    ],
)
def test_labels(expr: str, labels: str) -> None:
    assert sorted(promql.labels(promql.parse(expr), CATALOGUE.labels)) == labels.split()


def test_an_expression_is_shown_in_one_line_that_is_not_long() -> None:
    assert promql.short(promql.parse("sum( \n depth )")) == "sum(depth)"
    long = promql.short(promql.parse(" + ".join(["depth"] * 30)))
    assert (len(long), long[-3:]) == (80, "...")


def test_names_are_those_of_all_selectors() -> None:
    expr = promql.parse('rate(a[5m]) / {__name__=~"b|c"} unless {job="x"} offset 5m')
    assert promql.series_names(expr) == {"a", "b", "c", "(no name)"}
