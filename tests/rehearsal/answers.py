"""Every query of every panel and rule, asked once: how many series it gives, and with which labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from scripts.pictures.variables import query_result
from scripts.rule_checks.promql import nodes
from tests.bundle.contents import Json, Query, filled_in, generated, queries
from tests.lab.layout import CHECKOUT

_AWAY = (
    *("agentgateway", "gateway:", 'sli="gateway"', "kagent_tools", "tool_calls_total"),
    "leader_election_master_status",  # of a controller with replicas
    "otelcol_exporter_enqueue_failed_spans_total",  # of a queue that is full
)

_NOT_OF_ALL = {"error_type"}  # the Go runtime's spans don't say why a call failed

Ask = Callable[[str], list[dict[str, Any]]]  # the series that a query has at some time of the range


@dataclass(frozen=True, slots=True)
class Answer:
    """``where`` is the file or dashboard, ``what`` the rule or panel; ``missing`` are absent labels."""

    where: str
    what: str
    text: str
    series: int
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return bool(self.series) and not self.missing

    @property
    def is_of_parts_away(self) -> bool:
        """Of what the lab does not have, as agentgateway as a proxy of its own and kagent-tools."""
        return any(name in self.text for name in _AWAY)


def of_dashboards(ask: Ask, exemplars: Ask, variables: Mapping[str, str], seconds: int) -> Iterator[Answer]:
    """All PromQL of panels, annotations and variables; ``seconds`` is the dashboard's time range.

    ``exemplars`` are the series with exemplars that a query names: of one that is there for them alone.
    """
    for uid, dashboard in generated().items():
        for query in queries(dashboard):
            if query.kind == "prometheus":
                text = filled(query.text, variables, seconds)
                found = (exemplars if " @ 0)" in text else ask)(text)
                each = [set(one["metric"]) for one in found]
                have = set.intersection(*each) | (set.union(*each) & _NOT_OF_ALL) if found else set()
                missing = tuple(sorted(_labels(dashboard, query) - have)) if found else ()
                yield Answer(uid, query.where, text, len(found), missing)


def of_logs(ask: Ask, variables: Mapping[str, str], seconds: int) -> Iterator[Answer]:
    """All LogQL of panels."""
    for uid, dashboard in generated().items():
        for query in queries(dashboard):
            if query.kind == "loki":
                text = filled(query.text, variables, seconds)
                yield Answer(uid, query.where, text, len(ask(text)))


def filled(text: str, variables: Mapping[str, str], seconds: int) -> str:
    """A query as Grafana sends it for so long a range; of a variable without a value, All."""
    return filled_in(text, variables, default=".*", span=f"{seconds}s")


def _labels(dashboard: Json, query: Query) -> set[str]:
    """Those of the legend, or of what a variable offers; a single cluster need not have ``cluster``."""
    legend = query.target.get("legendFormat") or ""
    labels = set(re.findall(r"\{\{ *(\w+) *\}\}", legend))
    if query.where.startswith("variable ") and not query_result(query.target["query"]):
        labels.add(query.target["query"]["query"].rpartition(",")[2].strip(" )"))
    return labels - {"cluster"}


def of_rules(ask: Ask, seconds: int) -> Iterator[Answer]:
    """What rules record; of an alert all that it compares, as long as it has not fired itself."""
    for path in sorted((CHECKOUT / "alerts").glob("*.rules.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "record" in rule:
                    yield Answer(path.name, rule["record"], rule["expr"], len(ask(rule["expr"])))
                else:
                    yield _of_alert(path.name, rule, ask, seconds)


def _of_alert(where: str, rule: dict[str, Any], ask: Ask, seconds: int) -> Answer:
    name = rule["alert"]
    what = f"{name} ({rule['labels']['severity']}, {rule.get('for', '0s')})"
    fired = ask(f'last_over_time(ALERTS{{alertname="{name}"}}[{seconds}s])')
    series = {text: len(ask(f"last_over_time({text}[{seconds}s])")) for text in _selectors(rule["expr"])}
    empty = [text for text, count in series.items() if not count]
    if fired or not empty:
        return Answer(where, what, rule["expr"], len(fired) or sum(series.values()))
    return Answer(where, what, " and ".join(empty), 0)


def _selectors(text: str) -> set[str]:
    found = set()
    for node, _ in nodes(promql_parser.parse(text)):
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.prettify().partition(" offset ")[0])
    return found
