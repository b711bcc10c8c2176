"""What can be wrong with rules beside each other, by the names of pint's checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import promql_parser

from scripts.rule_checks import promql
from scripts.rule_checks.catalogue import Group, Rule, name_of, seconds

# A finding, and the rule that it is of (or the group).
Finding = tuple[str, str]
Check = Callable[[Sequence[Group]], Iterator[Finding]]

_LOOKBACK = 300  # seconds after which Prometheus takes a series without a new sample for gone
_RECORD = re.compile(r"[a-z_]+(:[a-z0-9_]+){1,2}")  # level:metric:operations
_OF_TARGETS = ("cluster", "job", "instance")


def interval(groups: Sequence[Group]) -> Iterator[Finding]:
    """group/interval: a series that is recorded too seldom has holes."""
    for group in groups:
        if seconds(group) > _LOOKBACK:
            yield group["name"], f"its interval is above {_LOOKBACK}s: its series have holes"


def name(groups: Sequence[Group]) -> Iterator[Finding]:
    """rule/name: Prometheus' form for what is recorded."""
    for rule in _rules(groups):
        if "record" in rule and not _RECORD.fullmatch(rule["record"]):
            yield name_of(rule), "the name has to be level:metric:operations"


def conflict(groups: Sequence[Group]) -> Iterator[Finding]:
    """labels/conflict: what an external label or a scrape says."""
    for rule in _rules(groups):
        for label in _OF_TARGETS:
            if label in (rule.get("labels") or {}):
                yield name_of(rule), f"its label {label} takes the place of the one that tells whose it is"


def duplicate(groups: Sequence[Group]) -> Iterator[Finding]:
    """rule/duplicate: two rules that make the same series or alerts."""
    seen: set[tuple[str, str]] = set()
    for rule in _rules(groups):
        key = (name_of(rule), str(sorted((rule.get("labels") or {}).items())))
        if key in seen:
            yield name_of(rule), "another rule has the same name and the same labels"
        seen.add(key)


def dependency(groups: Sequence[Group]) -> Iterator[Finding]:
    """rule/dependency: of a series that its group records only later, a rule reads what was before."""
    for group in groups:
        records = [rule.get("record") for rule in group["rules"]]
        for place, rule in enumerate(group["rules"]):
            later = set(records[place:]) - set(records[:place])
            for read in sorted(later & set(_read_now(rule))):
                yield name_of(rule), f"it reads {read}, which its group records only after it"


def _read_now(rule: Rule) -> Iterator[str]:
    """The series whose newest sample an expression reads, not their past."""
    for node, parents in promql.nodes(promql.parse(rule["expr"])):
        past = any(
            isinstance(above, promql_parser.MatrixSelector | promql_parser.SubqueryExpr) for above in parents
        )
        if isinstance(node, promql_parser.VectorSelector) and not past and not node.offset:
            yield from promql.names(node)


def performance(groups: Sequence[Group]) -> Iterator[Finding]:
    """promql/performance: what another rule has worked out already."""
    recorded: dict[str, str] = {}
    for rule in _rules(groups):
        if "record" in rule and promql.selectors(promql.parse(rule["expr"])):
            recorded.setdefault(_text(promql.parse(rule["expr"])), rule["record"])
    for rule in _rules(groups):
        parts = (_text(node) for node, _ in promql.nodes(promql.parse(rule["expr"])))
        for record in sorted({recorded[part] for part in parts if part in recorded}):
            if record != rule.get("record"):
                yield name_of(rule), f"it works out what {record} is already"


def _text(expr: promql.Node) -> str:
    return " ".join(promql.bare(expr).prettify().split())


def _rules(groups: Iterable[Group]) -> Iterator[Rule]:
    return (rule for group in groups for rule in group["rules"])


CHECKS: Mapping[str, Check] = {
    "group/interval": interval,
    "rule/name": name,
    "labels/conflict": conflict,
    "rule/duplicate": duplicate,
    "rule/dependency": dependency,
    "promql/performance": performance,
}
