"""The series that exist, for rules and dashboards alike.

Scraped ones are in ``alerts/series.yaml``; what the rules record, and with which labels, the rules say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from scripts.rule_checks import promql

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
FILE = "series.yaml"

Rule = Mapping[str, Any]
Group = Mapping[str, Any]

# Of a scrape, and of rules in a group that names none: Prometheus' own default of both is a minute.
DEFAULT_SECONDS = 60.0
_SCRAPED = frozenset({"job", "instance", "cluster"})
# By OpenMetrics' names; a gauge of such a name would have to be made an exception.
_COUNTERS = ("_total", "_bucket", "_sum", "_count")


class Catalogue:
    """What is known of a series by its name: of ``scraped`` ones, as in series.yaml, and of the rules'."""

    def __init__(self, scraped: Mapping[str, Any], groups: Iterable[Group]) -> None:
        self.scraped = scraped
        self.recorded: dict[str, list[Rule]] = {}
        self._seconds: dict[str, float] = {}
        for group in groups:
            for rule in (rule for rule in group["rules"] if "record" in rule):
                self.recorded.setdefault(rule["record"], []).append(rule)
                self._seconds[rule["record"]] = seconds(group)
        self.labels = cache(self._labels)

    def __contains__(self, name: object) -> bool:
        return name in self.scraped or name in self.recorded

    def _labels(self, name: str) -> frozenset[str]:
        """The labels that series of that name can have; none for a name that nobody makes."""
        if name in self.scraped:
            return frozenset(self.scraped[name]["labels"]) | _SCRAPED
        found = [
            promql.labels(promql.parse(rule["expr"]), self.labels) | frozenset(rule.get("labels") or ())
            for rule in self.recorded.get(name, ())
        ]
        return frozenset().union(*found)

    def select_by(self, name: str) -> str | None:
        """The label by which a query has to say whose series of that name it reads."""
        found: str | None = self.scraped.get(name, {}).get("select_by")
        return found

    def values(self, name: str, label: str) -> set[str] | None:
        """The values that the rules which record ``name`` give to a label; None if they leave it open."""
        given = [(rule.get("labels") or {}).get(label) for rule in self.recorded.get(name, ())]
        return None if not given or None in given else {str(value) for value in given}

    def seconds(self, name: str) -> float:
        """How often there is a sample of it."""
        return self._seconds.get(name, DEFAULT_SECONDS)

    def is_counter(self, name: str) -> bool:
        if name in self.recorded:
            return any(self.counts(promql.parse(rule["expr"])) for rule in self.recorded[name])
        return name.endswith(_COUNTERS)

    def counts(self, expr: promql.Node) -> bool:
        """Whether the values of an expression are those of counters, or sums of them."""
        if isinstance(expr, promql_parser.VectorSelector):
            return any(self.is_counter(name) for name in promql.names(expr))
        if isinstance(expr, promql_parser.BinaryExpr):
            keeps = str(expr.op) in promql.SETS | promql.COMPARISONS or self._is_one(expr.rhs)
            return keeps and self.counts(expr.lhs)
        if isinstance(expr, promql_parser.Call):
            keeps = expr.func.name in ("label_replace", "label_join", "last_over_time")
            return keeps and self.counts(expr.args[0])
        if isinstance(expr, promql_parser.AggregateExpr) and str(expr.op) in ("count", "group"):
            return False
        inner = getattr(expr, "vector_selector", None) or getattr(expr, "expr", None)
        return inner is not None and self.counts(inner)

    def _is_one(self, expr: promql.Node) -> bool:
        """Whether it is recorded as a group, whose value is 1: a product with it is a join."""
        inner = expr.expr if isinstance(expr, promql_parser.AggregateExpr) else expr
        rules = self.recorded.get(getattr(inner, "name", None) or "", ())
        trees = [promql.parse(rule["expr"]) for rule in rules]
        return bool(trees) and all(
            isinstance(tree, promql_parser.AggregateExpr) and str(tree.op) == "group" for tree in trees
        )


def seconds(group: Group) -> float:
    """The interval of a group."""
    given = group.get("interval")
    return promql_parser.parse_duration(given).total_seconds() if given else DEFAULT_SECONDS


def rule_files(root: Path = ALERTS) -> list[Path]:
    """The rules files, written by hand and generated."""
    return sorted(root.rglob("*.rules.yaml"))


def groups(root: Path = ALERTS) -> Iterator[Group]:
    """The groups of all rules files below ``root``."""
    for path in rule_files(root):
        yield from yaml.safe_load(path.read_text())["groups"]


@cache
def load(root: Path = ALERTS) -> Catalogue:
    """That of the rules and the series.yaml below ``root``."""
    return Catalogue(yaml.safe_load((root / FILE).read_text()), groups(root))


def name_of(rule: Rule) -> str:
    """The alert, or the series that is recorded."""
    return str(rule.get("alert") or rule["record"])
