"""What a dashboard has to keep to: dashboard-linter's rules, and the house's own.

Four of its rules do not hold here: template-job-rule, template-instance-rule, target-job-rule and
target-instance-rule want a variable and a matcher for job and instance in each query. What an agent did is of
no job and no instance: its series come from the collector that its spans went to, and its pods come and go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import promql_parser

from scripts.pictures.variables import query_result
from scripts.rule_checks import catalogue, promql
from scripts.rule_checks.queries import EVERYWHERE
from tests.bundle import look
from tests.bundle.contents import Json, Query, filled_in, panels, parsed, queries, variables
from tests.bundle.grafana_schema import UNITS

CATALOGUE = catalogue.load()
_WIDTH = 24
_GROWTH = {"rate", "irate", "increase"}
_LATENCY = re.compile(r"duration|time to first token", re.IGNORECASE)
# Their controllers write no exemplars.
_WITHOUT_EXEMPLARS = {"kagent-control-plane"}


def problems(uid: str, dashboard: Json, uids: set[str]) -> list[str]:
    """Everything that is wrong with a dashboard; ``uids`` are those of all dashboards, for links."""
    return [
        *_of_dashboard(uid, dashboard),
        *_of_variables(dashboard),
        *_of_grid(dashboard),
        *_of_links(dashboard, uids),
        *_of_annotations(dashboard),
        *(f"{panel['title']}: {problem}" for panel in panels(dashboard) for problem in _of_panel(uid, panel)),
        *(f"{query.where}: {problem}" for query in queries(dashboard) for problem in of_query(query)),
    ]


def _of_dashboard(uid: str, dashboard: Json) -> Iterator[str]:
    wanted = {"uid": uid, "schemaVersion": 42, "editable": False, "graphTooltip": 1, "tags": ["kagent"]}
    for key, value in wanted.items():
        if dashboard.get(key) != value:
            yield f"{key} is not {value!r}"
    if not dashboard.get("title") or not dashboard.get("description"):
        yield "no title or no description"
    for link in dashboard["links"]:
        if not (
            link["asDropdown"] and link["includeVars"] and link["keepTime"] and link["tags"] == ["kagent"]
        ):
            yield "the link to all dashboards does not carry time and variables"
    for number, times in Counter(panel["id"] for panel in dashboard["panels"]).items():
        if times > 1:
            yield f"{times} panels have the id {number}"


def _of_variables(dashboard: Json) -> Iterator[str]:
    names = [variable["name"] for variable in variables(dashboard)]
    for variable in variables(dashboard):
        name = variable["name"]
        if variable["type"] == "datasource":
            if name != f"{variable['query']}_datasource":
                yield f"data source variable {name} is not named after its kind"
            if variable["label"] != f"{variable['query'].capitalize()} data source":
                yield f"data source variable {name} has another label than its kind"
        elif variable["type"] == "query":
            if variable["refresh"] != 2:
                yield f"variable {name} is not read again when the time changes"
            if query_result(variable["query"]):
                if variable["hide"] != 2 or not variable["skipUrlSync"]:
                    yield f"variable {name} is worked out, and yet shown or part of the address"
                continue
            if not (variable["multi"] and variable["includeAll"] and variable["allValue"] in (".*", ".+")):
                yield f"variable {name} has no choice of all"
            if variable["sort"] != 1:
                yield f"variable {name} is not sorted"
    if names[:4] != ["prometheus_datasource", "loki_datasource", "tempo_datasource", "cluster"]:
        yield "the variables don't begin with data sources and cluster"
    used = set(_mentioned(dashboard))
    for name in sorted(set(names) - used - {"loki_datasource", "tempo_datasource"}):
        yield f"variable {name} is used by nothing"
    for name in sorted(used - set(names)):
        yield f"variable {name} is used and not defined"


def _mentioned(dashboard: Json) -> Iterator[str]:
    """Variables that queries and data links name; not Grafana's own, which begin with two underscores."""
    texts = [query.text for query in queries(dashboard)]
    texts += [target["datasource"]["uid"] for panel in panels(dashboard) for target in panel["targets"]]
    texts += [target.get("interval") or "" for panel in panels(dashboard) for target in panel["targets"]]
    texts += [link["url"] for link in data_links(dashboard)]
    for text in texts:
        yield from re.findall(r"\$\{?(?!_)([a-z][a-z_]*)", text)


def _of_grid(dashboard: Json) -> Iterator[str]:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    yield f"{panel['title']} lies over {taken[x, y]}"
                    return
                taken[x, y] = panel["title"]
    height = max(y for _, y in taken) + 1
    if min(x for x, _ in taken) < 0 or max(x for x, _ in taken) >= _WIDTH:
        yield "a panel is beside the grid"
    elif len(taken) != height * _WIDTH:
        yield f"{height * _WIDTH - len(taken)} cells of the grid are empty"


def data_links(dashboard: Json) -> Iterator[Json]:
    """The links of fields: of whole panels, and of single columns."""
    for panel in panels(dashboard):
        yield from panel["fieldConfig"]["defaults"].get("links", [])
        for override in panel["fieldConfig"]["overrides"]:
            for item in override["properties"]:
                if item["id"] == "links":
                    yield from item["value"]


def _of_links(dashboard: Json, uids: set[str]) -> Iterator[str]:
    for link in data_links(dashboard):
        found = re.match(r"/d/([a-z-]+)\?", link["url"])
        if found is None:
            if not link["url"].startswith("/explore?") or "${__from}" not in link["url"]:
                yield f"the link {link['title']} leads neither to a dashboard nor to Explore"
        elif found[1] not in uids:
            yield f"the link {link['title']} leads to {found[1]}, which is no dashboard"
        elif "${__url_time_range}" not in link["url"]:
            yield f"the link {link['title']} doesn't carry the time"


def _of_annotations(dashboard: Json) -> Iterator[str]:
    """What happened to others than those that are chosen only hides what happened to these."""
    names = {variable["name"] for variable in variables(dashboard)}
    wanted = [{"namespace"} & names, {"server", "agent"} & names]
    for annotation in dashboard["annotations"]["list"]:
        for group in filter(None, wanted):
            if "expr" in annotation and not any(f"${name}" in annotation["expr"] for name in group):
                yield f"annotation {annotation['name']}: not only of the chosen {' or '.join(sorted(group))}"


def _of_panel(uid: str, panel: Json) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    if not panel["title"] or not panel.get("description", "").endswith("."):
        yield "no title, or no description that ends in a full stop"
    if not defaults.get("noValue"):
        yield "nothing says what is missing when there is no data"
    if not panel["targets"]:
        yield "no query"
        return
    for target in panel["targets"]:
        if target["datasource"]["uid"] != f"${{{target['datasource']['type']}_datasource}}":
            yield f"query {target['refId']} asks a data source that is no variable"
    if panel["datasource"] != panel["targets"][0]["datasource"]:
        yield "the panel has another data source than its queries"
    if panel["type"] in ("timeseries", "stat", "bargauge", "heatmap") and defaults.get("unit") not in UNITS:
        yield f"{defaults.get('unit')!r} is no unit of Grafana"
    yield from look.problems(panel)
    if panel["type"] == "timeseries" and _LATENCY.search(panel["title"]) and uid not in _WITHOUT_EXEMPLARS:
        yield from _without_exemplars(panel)
    if panel["type"] == "table" and panel.get("transformations"):
        yield from _of_columns(panel)


def _without_exemplars(panel: Json) -> Iterator[str]:
    """Prometheus finds exemplars by the series in a query, and only scraped series have some."""
    asked = [target for target in panel["targets"] if target.get("exemplar")]
    if not any("_bucket{" in target["expr"] for target in asked):
        yield "a latency without exemplars"


def _of_columns(panel: Json) -> Iterator[str]:
    order = panel["transformations"][-1]["options"]["indexByName"]
    letters = [target["refId"] for target in panel["targets"]]
    values = {"Value"} if len(letters) == 1 else {f"Value #{letter}" for letter in letters}
    labels: set[str] = set()
    for target in panel["targets"]:
        labels |= _labels(query_of(target))
    for field in order:
        if field not in values | labels:
            yield f"no query gives the column {field}"
    shown = set(panel["transformations"][-1]["options"]["renameByName"].values())
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName" and override["matcher"]["options"] not in shown:
            yield f"an override is of {override['matcher']['options']}, which is no column"


def query_of(target: Json) -> Query:
    """A panel's own PromQL query."""
    return Query("", "prometheus", target["expr"], target)


def of_query(query: Query) -> Iterator[str]:
    """What is wrong with one query; LogQL and TraceQL are parsed by their own grammars elsewhere."""
    if query.kind == "loki":
        if re.search(r"\[(?!\$__auto\])", re.sub(r'"[^"]*"', "", query.text)):
            yield "a range in LogQL that is not $__auto"
        return
    if query.kind != "prometheus":
        if re.search(r"\|\s*(rate|count_over_time|quantile_over_time|sum_over_time)", query.text):
            yield "TraceQL for a number"
        return
    try:
        tree = parsed(query)
    except ValueError as e:
        yield f"no PromQL: {e}"
        return
    for name in sorted(promql.series_names(tree)):
        if name not in CATALOGUE:
            yield f"{name} is in no catalogue"
            return
    yield from _of_long_ranges(query)
    yield from _of_windows(query, tree)
    yield from _of_groups(tree)
    yield from _of_workloads(tree)
    yield from _of_legend(query)
    yield from _of_expression(query)


def _of_long_ranges(query: Query) -> Iterator[str]:
    """A week of what is recorded each 30 s, or of the collector's buckets, takes too long to read."""
    if re.search(r":total\{[^}]*\}\[\$__(range|interval)\]", query.text):
        yield "a recorded counter over a time range, in place of its :increase5m"
    if re.search(r"traces_span_metrics\w+\{[^}]*\}(?! @ 0)", query.text):
        yield "series of spans at another time than @ 0: they are there for exemplars alone"


def _of_windows(query: Query, tree: object) -> Iterator[str]:
    # A rate per second is taken over $__rate_interval; annotations have a step of their own.
    if not query.where.startswith("annotation") and re.search(
        r"\brate\(.*?\[(?!\$__rate_interval\])", query.text
    ):
        yield "a rate over another window than $__rate_interval"
    for node, parents in promql.nodes(tree):
        if isinstance(node, promql_parser.VectorSelector) and re.search(r"(_|:)total$", node.name or ""):
            grown = len(parents) >= 2 and isinstance(parents[-2], promql_parser.Call)
            variable = query.where.startswith("variable")
            if not variable and not (grown and parents[-2].func.name in _GROWTH) and not _is_latest(query):
                yield f"the counter {node.name} outside of rate and increase"


def _is_latest(query: Query) -> bool:
    """The one count since the beginning: how often a workload was rolled back."""
    return "kagent_workload_rollbacks_total" in query.text


def _of_groups(tree: object) -> Iterator[str]:
    for node, _ in promql.nodes(tree):
        if not isinstance(node, promql_parser.AggregateExpr) or node.modifier is None:
            continue
        labels = set(node.modifier.labels)
        single = labels <= {"le"} or labels == {
            "model",
            "type",
        }  # all clusters in one; a price has no cluster
        if "by" in str(node.modifier) and "cluster" not in labels and not single:
            yield f"{node.modifier} leaves the cluster out"


def _of_workloads(tree: object) -> Iterator[str]:
    """MCP servers are workloads, too; they have no label agent, which a matcher of all agents takes."""
    for node, _ in promql.nodes(tree):
        if isinstance(node, promql_parser.VectorSelector) and (node.name or "").startswith("kagent:workload"):
            matched = {matcher.name for matcher in node.matchers.matchers}
            if "agent" in matched and "kind" not in matched:
                yield f"{node.name} of agents is also that of MCP servers"


def _of_expression(query: Query) -> Iterator[str]:
    """What is checked of rules' expressions as well. A variable may stand for several values."""
    expr = promql.parse(filled_in(query.text, default="x|y"))
    for name, check in EVERYWHERE:
        yield from (f"{name}: {line}" for line in dict.fromkeys(check(expr, CATALOGUE)))


def _of_legend(query: Query) -> Iterator[str]:
    legend = query.target.get("legendFormat") or ""
    missing = set(re.findall(r"\{\{(\w+)\}\}", legend)) - _labels(query)
    for label in sorted(missing):
        yield f"the legend names {label}, which the query doesn't give"


def _labels(query: Query) -> frozenset[str]:
    return promql.labels(parsed(query), CATALOGUE.labels)
