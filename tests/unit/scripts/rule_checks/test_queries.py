"""Each check of an expression finds what it is there for, and lets the right one pass."""

from __future__ import annotations

import pytest

from scripts.rule_checks import promql, queries
from tests.unit.scripts.rule_checks.small import CATALOGUE


@pytest.mark.parametrize(
    ("check", "right", "wrong", "said"),
    [
        (queries.series, 'depth{namespace="a"}', 'depth{agent="a"}', "depth has no label agent"),
        (queries.series, 'limit{name="calls"}', 'limit{name="call"}', "no limit has name=call"),
        (
            queries.selector,
            'up{job="x"}',
            'up{pod="x"}',
            "up is read without job: others make series of that name",
        ),
        (queries.regexp, 'depth{job=~"a|b"}', 'depth{job=~"a"}', 'job=~"a" has no pattern: use ='),
        (queries.regexp, 'depth{job!="a"}', 'depth{job!~"a"}', 'job!~"a" has no pattern: use !='),
        (
            queries.regexp,
            'depth{job=~"a.*"}',
            'depth{job=~"^a.*"}',
            'job=~"^a.*" has anchors, which Prometheus puts there anyway',
        ),
        (queries.regexp, 'depth{job=~".+"}', 'depth{job=~".*"}', 'job=~".*" matches everything or nothing'),
        (queries.rate, "rate(calls_total[5m])", "rate(depth[5m])", "rate of depth, which is no counter"),
        (
            queries.rate,
            "delta(depth[5m])",
            "delta(calls_total[5m])",
            "delta of calls_total, which is a counter",
        ),
        (
            queries.rate,
            "increase(agent:calls:total[5m])",
            "increase(agent:calls:merged[5m])",
            "increase of agent:calls:merged, a sum over processes: when one restarts, it seems to grow",
        ),
        (
            queries.window,
            "rate(calls_total[4m])",
            "rate(calls_total[3m])",
            "rate of calls_total over less than 240s, 4 of its samples",
        ),
        (
            queries.window,
            "rate(agent:calls:total[2m])",
            "rate(agent:calls:total[1m])",
            "rate of agent:calls:total over less than 120s, 4 of its samples",
        ),
        (
            queries.counter,
            "increase(calls_total[5m]) > 0",
            "calls_total > 0",
            "calls_total is a counter: only its growth tells something",
        ),
        (
            queries.counter,
            "depth unless on (namespace) calls_total",
            "calls_total unless on (namespace) depth",
            "calls_total is a counter: only its growth tells something",
        ),
        (
            queries.counter,
            "group by (cluster) (calls_total)",
            "last_over_time(agent:calls:total[5m])",
            "agent:calls:total is a counter: only its growth tells something",
        ),
        (
            queries.nan,
            "sum by (cluster) (depth / (depth > 0))",
            "sum by (cluster) (depth / depth)",
            "sum over depth / depth, which may be divided by 0",
        ),
        (
            queries.impossible,
            "sum by (cluster, agent) (sum by (cluster, agent) (calls_total))",
            "sum by (cluster, agent) (sum by (cluster) (calls_total))",
            "sum by agent: sum by (cluster) (calls_total) has no such label",
        ),
        (
            queries.impossible,
            "calls_total * on (agent) group_left (team) owner",
            "calls_total * on (agent) group_left (teams) owner",
            "* on teams: owner has no such label",
        ),
        (
            queries.impossible,
            "depth and on (namespace) owner",
            "depth and on (agent) owner",
            "and on agent: depth has no such label",
        ),
        (
            queries.impossible,
            'label_replace(depth, "x", "$1", "job", "(.+)")',
            'label_replace(depth, "x", "$1", "agent", "(.+)")',
            "label_replace agent: depth has no such label",
        ),
        (
            queries.vector_matching,
            "failures_total / calls_total",
            "failures_total / depth",
            "only one side of / has agent: failures_total / depth",
        ),
        (
            queries.vector_matching,
            'depth > on () group_left () limit{name="depth"}',
            "depth > on () group_left () limit",
            "limit may have several series that differ in name",
        ),
        (
            queries.vector_matching,
            "sum by (namespace) (depth) / on (namespace) sum by (namespace) (depth)",
            "sum by (namespace, pod, job) (depth) / on (namespace) sum by (namespace) (depth)",
            "sum by (namespace, pod, job) (depth) may have several series that differ in job",
        ),
    ],
)
def test_a_check(check: queries.Check, right: str, wrong: str, said: str) -> None:
    assert [*check(promql.parse(right), CATALOGUE)] == []
    assert [*check(promql.parse(wrong), CATALOGUE)] == [said]


def test_every_check_is_run() -> None:
    listed = {check for _, check in (*queries.EVERYWHERE, *queries.OF_RULES)}
    defined = {
        queries.series,
        queries.selector,
        queries.regexp,
        queries.rate,
        queries.window,
        queries.counter,
        queries.nan,
        queries.impossible,
        queries.vector_matching,
    }
    assert listed == defined
