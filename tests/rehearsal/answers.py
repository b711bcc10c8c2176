"""Every query of every panel and rule, asked once: how many series it gives, and with which labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from tests.bundle.contents import Json, Query, generated, nodes, queries
from tests.lab.layout import CHECKOUT

_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
# Grafana fills them in itself; the others are variables of ours.
_MACROS = {"$__rate_interval": "2m", "$__interval": "1m", "$__auto": "1m"}

Ask = Callable[[str], list[dict[str, Any]]]


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


def of_dashboards(ask: Ask, variables: Mapping[str, str], seconds: int) -> Iterator[Answer]:
    """All PromQL of panels, annotations and variables; ``seconds`` is the dashboard's time range."""
    for uid, dashboard in generated().items():
        for query in queries(dashboard):
            if query.kind == "prometheus":
                text = filled(query.text, variables, seconds)
                found = ask(text)
                have = set.intersection(*(set(one["metric"]) for one in found)) if found else set()
                missing = tuple(sorted(_labels(dashboard, query) - have)) if found else ()
                yield Answer(uid, query.where, text, len(found), missing)


def filled(text: str, variables: Mapping[str, str], seconds: int) -> str:
    """A query as Grafana sends it; of a variable without a value, All."""
    for macro, value in {**_MACROS, "$__range": f"{seconds}s"}.items():
        text = text.replace(macro, value)
    return re.sub(r"\$\{?([a-z_]+)(?::\w+)?\}?", lambda found: variables.get(found[1], ".*"), text)


def _labels(dashboard: Json, query: Query) -> set[str]:
    """Those of the legend, or of what a variable offers; a single cluster need not have ``cluster``."""
    legend = query.target.get("legendFormat") or ""
    labels = set(re.findall(r"\{\{ *(\w+) *\}\}", legend))
    if query.where.startswith("variable "):
        labels.add(query.target["query"]["query"].rpartition(",")[2].strip(" )"))
    return labels - {"cluster"}


def of_rules(ask: Ask) -> Iterator[Answer]:
    """What rules record, and what alerts compare: a comparison says 1 or 0 here, instead of leaving out."""
    for path in sorted((CHECKOUT / "alerts").glob("*.rules.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                name = rule.get("record") or f"{rule['alert']} {rule.get('for', '0s')}"
                text = rule["expr"] if "record" in rule else with_bool(rule["expr"])
                yield Answer(path.name, name, text, len(ask(text)))


def with_bool(text: str) -> str:
    """The expression whose comparisons leave nothing out."""
    for node, _ in nodes(promql_parser.parse(text)):
        assert node is not None
    pieces = re.split(r'("(?:[^"\\]|\\.)*"|\{[^{}]*\}|(?:==|!=|>=|<=|>|<)(?!\s*bool))', text)
    return "".join(f"{piece} bool" if piece in _COMPARISONS else piece for piece in pieces)
