"""The dashboards keep to Grafana's schema and to the rules; a broken one would not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from dashboards.bundle import dashboards
from scripts.dashboards import CONFIG_MAPS, files
from tests.bundle import dashboard_rules, grafana_schema
from tests.bundle.contents import Json, generated, panels, queries

DASHBOARDS = generated()
UIDS = {
    "kagent-fleet",
    "kagent-agent",
    "kagent-mcp",
    "kagent-models",
    "kagent-gateway",
    "kagent-control-plane",
    "kagent-slo",
    "kagent-explore",
}


def test_all_are_there() -> None:
    assert set(DASHBOARDS) == UIDS


@pytest.mark.parametrize("uid", sorted(UIDS))
def test_schema(uid: str) -> None:
    assert grafana_schema.problems(DASHBOARDS[uid]) == []


@pytest.mark.parametrize("uid", sorted(UIDS))
def test_rules(uid: str) -> None:
    assert dashboard_rules.problems(uid, DASHBOARDS[uid], UIDS) == []


def test_two_runs_write_the_same() -> None:
    assert files() == files()
    assert dashboards() == DASHBOARDS


def test_a_config_map_holds_the_dashboard_and_is_small_enough() -> None:
    for uid, dashboard in DASHBOARDS.items():
        text = files()[f"{CONFIG_MAPS}/{uid}.yaml"]
        found = yaml.safe_load(text)
        assert found["metadata"]["labels"] == {"grafana_dashboard": "1"}
        assert json.loads(found["data"][f"{uid}.json"]) == dashboard
        assert len(text.encode()) < 2**20


def panel(dashboard: Json, title: str) -> Json:
    return next(panel for panel in panels(dashboard) if panel["title"] == title)


def target(dashboard: Json, title: str) -> Json:
    found: Json = panel(dashboard, title)["targets"][0]
    return found


def variable(dashboard: Json, name: str) -> Json:
    return next(item for item in dashboard["templating"]["list"] if item["name"] == name)


def replace(item: Json, key: str, old: str, new: str) -> str:
    assert old in item[key]
    item[key] = str(item[key]).replace(old, new)
    return str(item[key])


DURATION = "Turn duration by agent, p95"
AGENT_LINK = "the link Open this agent"
# How the fleet's dashboard is broken, and what is then said.
BREAKS: list[tuple[str, Callable[[Json], Any], str]] = [
    ("editable", lambda d: d.update(editable=True), "editable is not False"),
    ("an old version", lambda d: d.update(schemaVersion=39), "schemaVersion is not 42"),
    ("another uid", lambda d: d.update(uid="fleet"), "uid is not 'kagent-fleet'"),
    ("two ids", lambda d: d["panels"][1].update(id=d["panels"][2]["id"]), "2 panels have the id"),
    ("an overlap", lambda d: d["panels"][1]["gridPos"].update(w=5), "Not ready lies over Agents"),
    ("a gap", lambda d: d["panels"][1]["gridPos"].update(w=3), "4 cells of the grid are empty"),
    ("beside the grid", lambda d: d["panels"][6]["gridPos"].update(x=21), "a panel is beside the grid"),
    (
        "no description",
        lambda d: panel(d, "Turns").update(description=""),
        "Turns: no title, or no description",
    ),
    (
        "no word on no data",
        lambda d: panel(d, "Turns")["fieldConfig"]["defaults"].pop("noValue"),
        "Turns: nothing says what is missing",
    ),
    (
        "a unit of nobody",
        lambda d: panel(d, "Turns")["fieldConfig"]["defaults"].update(unit="turns"),
        "Turns: 'turns' is no unit of Grafana",
    ),
    ("no query", lambda d: panel(d, "Turns by agent").update(targets=[]), "Turns by agent: no query"),
    (
        "a fixed data source",
        lambda d: target(d, "Turns").update(datasource={"type": "prometheus", "uid": "prometheus"}),
        "Turns: query A asks a data source that is no variable",
    ),
    ("no PromQL", lambda d: target(d, "Turns").update(expr="sum(("), "Turns/A: no PromQL"),
    (
        "a series of nobody",
        lambda d: replace(target(d, "Turns"), "expr", "agent:turns:increase5m", "agent:turn:increase5m"),
        "Turns/A: agent:turn:increase5m is in no catalogue",
    ),
    (
        "a counter as it is",
        lambda d: target(d, "Turns").update(expr="sum by (cluster) (agent:turns:total)"),
        "Turns/A: the counter agent:turns:total outside of rate and increase",
    ),
    (
        "a week of a counter",
        lambda d: target(d, "Turns").update(
            expr='sum by (cluster) (increase(agent:turns:total{agent=~"$agent"}[$__range]))'
        ),
        "Turns/A: a recorded counter over a time range",
    ),
    (
        "a week of spans",
        lambda d: replace(panel(d, DURATION)["targets"][2], "expr", " @ 0", ""),
        f"{DURATION}/C: series of spans at another time than @ 0",
    ),
    (
        "another window",
        lambda d: target(d, "Turns").update(expr="sum(rate(agent:turns:total[5m]))"),
        "Turns/A: a rate over another window than $__rate_interval",
    ),
    (
        "no cluster",
        lambda d: replace(target(d, "Turns by agent"), "expr", "by (cluster, ", "by ("),
        "Turns by agent/A: by (namespace, agent) leaves the cluster out",
    ),
    (
        "a regular expression for one value",
        lambda d: replace(target(d, "Turns by agent"), "expr", '=~"$cluster"', '=~"eu-1"'),
        'Turns by agent/A: promql/regexp: cluster=~"eu-1" has no pattern: use =',
    ),
    (
        "a label in the legend only",
        lambda d: target(d, "Turns by agent").update(legendFormat="{{pod}}"),
        "Turns by agent/A: the legend names pod, which the query doesn't give",
    ),
    (
        "a label that is grouped away",
        lambda d: replace(target(d, "Turns by agent"), "expr", ", agent)", ")"),
        "Turns by agent/A: the legend names agent",
    ),
    (
        "no exemplars",
        lambda d: [item.pop("exemplar", None) for item in panel(d, DURATION)["targets"]],
        f"{DURATION}: a latency without exemplars",
    ),
    (
        "exemplars of a recorded series",
        lambda d: [
            item.update(expr="agent:turn_duration_seconds:p95_5m", exemplar=True)
            for item in panel(d, DURATION)["targets"]
        ],
        f"{DURATION}: a latency without exemplars",
    ),
    (
        "a column of no query",
        lambda d: panel(d, "Agents, the worst first")["targets"].pop(),
        "Agents, the worst first: no query gives the column model_config",
    ),
    (
        "an override of no column",
        lambda d: panel(d, "Agents, the worst first")["fieldConfig"]["overrides"][1]["matcher"].update(
            options="State"
        ),
        "Agents, the worst first: an override is of State, which is no column",
    ),
    (
        "an unknown variable",
        lambda d: replace(target(d, "Turns"), "expr", "$agent", "$agents"),
        "variable agents is used and not defined",
    ),
    (
        "a variable for nothing",
        lambda d: d["templating"]["list"].append({**variable(d, "agent"), "name": "colour"}),
        "variable colour is used by nothing",
    ),
    (
        "a variable that stays",
        lambda d: variable(d, "agent").update(refresh=1),
        "variable agent is not read again when the time changes",
    ),
    (
        "one agent only",
        lambda d: variable(d, "agent").update(multi=False),
        "variable agent has no choice of all",
    ),
    (
        "a data source by another name",
        lambda d: variable(d, "loki_datasource").update(name="logs"),
        "data source variable logs is not named after its kind",
    ),
    (
        "a link to nowhere",
        lambda d: [replace(link, "url", "kagent-agent", "kagent-agents") for link in links(d)],
        f"{AGENT_LINK} leads to kagent-agents, which is no dashboard",
    ),
    (
        "a link without the time",
        lambda d: [replace(link, "url", "${__url_time_range}", "") for link in links(d)],
        f"{AGENT_LINK} doesn't carry the time",
    ),
    (
        "a dropdown that forgets",
        lambda d: d["links"][0].update(includeVars=False),
        "the link to all dashboards does not carry time and variables",
    ),
    (
        "annotations of all agents",
        lambda d: replace(d["annotations"]["list"][1], "expr", ',name=~"$agent"', ""),
        "annotation Config changes: not only of the chosen agent",
    ),
    (
        "annotations of all namespaces",
        lambda d: replace(d["annotations"]["list"][6], "expr", ',namespace=~"$namespace|"', ""),
        "annotation Firing alerts: not only of the chosen namespace",
    ),
    (
        "MCP servers among the agents",
        lambda d: [
            replace(one, "expr", ',kind="Agent"', "")
            for one in panel(d, "Agents, the worst first")["targets"]
            if "replicas:desired" in one["expr"]
        ],
        "kagent:workload_replicas:desired of agents is also that of MCP servers",
    ),
]


def links(dashboard: Json) -> list[Json]:
    found: list[Json] = panel(dashboard, "Turns by agent")["fieldConfig"]["defaults"]["links"]
    return found


@pytest.mark.parametrize(("change", "said"), [(b, c) for _, b, c in BREAKS], ids=[a for a, _, _ in BREAKS])
def test_a_broken_dashboard_is_named(change: Callable[[Json], Any], said: str) -> None:
    broken = copy.deepcopy(DASHBOARDS["kagent-fleet"])
    change(broken)
    found = dashboard_rules.problems("kagent-fleet", broken, UIDS)
    assert [problem for problem in found if said in problem], found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(sharedCrosshair=True), "dashboard.sharedCrosshair is unknown"),
        (lambda d: panel(d, "Turns").update(span=4), "dashboard.panels[5].span is unknown"),
        (
            lambda d: panel(d, "Turns")["options"].update(colorMode="red"),
            "dashboard.panels[5].options.color_mode is 'red', not one of",
        ),
        (
            lambda d: panel(d, "Failed turns")["fieldConfig"]["defaults"]["thresholds"]["steps"][0].update(
                value="null"
            ),
            "dashboard.panels[6].field_config.defaults.thresholds.steps[0].value is 'null', not a number",
        ),
        (lambda d: target(d, "Turns").update(intervalFactor="x"), "interval_factor is 'x', not int"),
        (lambda d: target(d, "Turns").update(step=10), "dashboard.panels[5].targets[0].step is unknown"),
        (lambda d: d.update(tags="kagent"), "dashboard.tags is 'kagent', not a list"),
        (lambda d: panel(d, "Turns").pop("type"), "not a dashboard"),
    ],
)
def test_what_grafana_does_not_know_is_named(change: Callable[[Json], Any], said: str) -> None:
    broken = copy.deepcopy(DASHBOARDS["kagent-fleet"])
    change(broken)
    found = grafana_schema.problems(broken)
    assert [problem for problem in found if said in problem], found


@pytest.mark.parametrize(
    ("uid", "title", "text", "said"),
    [
        ("kagent-explore", "Turns of the chosen agents", "{ } | rate()", "TraceQL for a number"),
        ("kagent-explore", "Lines with the word", 'count_over_time({a="b"}[5m])', "that is not $__auto"),
    ],
)
def test_other_languages(uid: str, title: str, text: str, said: str) -> None:
    broken = copy.deepcopy(DASHBOARDS[uid])
    one = target(broken, title)
    one["query" if "query" in one else "expr"] = text
    assert [problem for problem in dashboard_rules.problems(uid, broken, UIDS) if said in problem]


def test_every_kind_of_query_is_looked_at() -> None:
    kinds = [query.kind for dashboard in DASHBOARDS.values() for query in queries(dashboard)]
    assert {kind: kinds.count(kind) > 5 for kind in set(kinds)} == {
        "prometheus": True,
        "loki": False,
        "tempo": True,
    }
