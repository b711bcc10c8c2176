"""What can be wrong with one alert, by the names of pint's checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import promql_parser

from scripts.rule_checks import promql, queries
from scripts.rule_checks.catalogue import DEFAULT_SECONDS, Catalogue, Rule
from scripts.rule_checks.promql import Node

Check = Callable[[Rule, Catalogue], Iterator[str]]

_LABEL = re.compile(r"\$labels\.(\w+)|\.Labels\.(\w+)")
_QUERY = re.compile(r"\bquery\s+(?:`([^`]*)`|\"((?:[^\"\\]|\\.)*)\")")
_BARE_VALUE = re.compile(r"\{\{-?\s*\$value\s*-?\}\}")
_EXTERNAL = re.compile(r"(with )?\$externalLabels\.(\w+)")
_ZERO = re.compile(r"0(ms|[smhdwy])?")  # which the parser of durations refuses
_SMALL = frozenset({"rate", "irate", "deriv"})


def comparison(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """alerts/comparison: an alert fires with any value, also with 0."""
    if not _has_condition(promql.parse(rule["expr"])):
        yield "its expression has no condition: it fires with any value"


def _has_condition(expr: Node) -> bool:
    """Whether there may be nothing where there are series."""
    if isinstance(expr, promql_parser.BinaryExpr):
        left, right = _has_condition(expr.lhs), _has_condition(expr.rhs)
        if str(expr.op) == "or":
            return left and right
        is_bool = expr.modifier is not None and expr.modifier.return_bool
        filters = str(expr.op) in promql.COMPARISONS and not is_bool
        return filters or str(expr.op) == "unless" or left or right
    if isinstance(expr, promql_parser.Call):
        return expr.func.name.startswith("absent") or any(map(_has_condition, expr.args))
    inner = getattr(expr, "expr", None)
    return inner is not None and _has_condition(inner)


def duration(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """alerts/for: a duration that is what is without it."""
    for key in ("for", "keep_firing_for"):
        if key in rule and _ZERO.fullmatch(rule[key]):
            yield f"{key}: {rule[key]} says nothing"


def absent(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """alerts/absent: after a restart of Prometheus, everything is missing until it is scraped."""
    missed = [
        node
        for node, _ in promql.nodes(promql.parse(rule["expr"]))
        if (isinstance(node, promql_parser.Call) and node.func.name.startswith("absent"))
        or (isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "unless")
    ]
    if missed and _seconds(rule, "for") < 2 * DEFAULT_SECONDS:
        yield f"it fires on what is missing, so it has to wait for two scrapes ({2 * DEFAULT_SECONDS:.0f}s)"


def fragile(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """promql/fragile: what a few scrapes that differ make fire and end."""
    for node, _ in promql.nodes(promql.parse(rule["expr"])):
        if isinstance(node, promql_parser.AggregateExpr) and str(node.op) in promql.SAMPLING:
            yield f"{node.op} chooses other series each time, so alerts come and go"
        elif _is_of_two(node) and not _seconds(rule, "for"):
            yield f"{node.op} of two sums of different series, which are scraped one by one: it needs a for"


def _is_of_two(node: Node) -> bool:
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in "+-*/%^":
        return False
    summed = [
        any(isinstance(below, promql_parser.AggregateExpr) for below, _ in promql.nodes(side))
        for side in (node.lhs, node.rhs)
    ]
    return all(summed) and promql.series_names(node.lhs) != promql.series_names(node.rhs)


def template(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """alerts/template: labels that the expression does not give, values in labels, and queries in a text."""
    expr, own = promql.parse(rule["expr"]), rule.get("labels") or {}
    notes = rule.get("annotations") or {}
    given = promql.labels(expr, catalogue.labels) | own.keys() | promql.EVERYWHERE
    for text in (*notes.values(), *map(str, own.values())):
        for label in sorted({one or other for one, other in _LABEL.findall(text)} - given):
            yield f"a template names {label}, which the expression does not give"
    if any("$value" in str(value) or ".Value" in str(value) for value in own.values()):
        yield "a label with the value is another alert with each evaluation"
    if _gives_small_numbers(expr) and any(map(_BARE_VALUE.search, notes.values())):
        yield "a template shows $value of a rate with all its digits: humanize it"
    for text in notes.values():
        for raw, quoted in _QUERY.findall(text):
            yield from _of_query(raw or quoted, expr, catalogue)


def _gives_small_numbers(expr: Node) -> bool:
    calls = [node for node, _ in promql.nodes(expr) if isinstance(node, promql_parser.Call)]
    return any(call.func.name in _SMALL for call in calls)


def _of_query(text: str, expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """What a text says that an alert compares with has to be what it does compare with."""
    try:
        query = promql.parse(text)
    except ValueError:
        yield f"a template asks {text}, which is no PromQL"
        return
    for name in sorted(promql.series_names(query)):
        if name not in catalogue:
            yield f"a template asks for {name}, which nobody makes"
            return
    yield from (f"a template: {line}" for line in queries.series(query, catalogue))
    read = {promql.short(selector) for selector in promql.selectors(expr)}
    for selector in promql.selectors(query):
        if promql.short(selector) not in read:
            yield f"a template asks for {promql.short(selector)}, which the expression does not read"


def external_labels(rule: Rule, catalogue: Catalogue) -> Iterator[str]:
    """alerts/external_labels: we know of cluster alone, and that one cluster's Prometheus has none."""
    for text in (rule.get("annotations") or {}).values():
        for guard, name in _EXTERNAL.findall(text):
            if name not in promql.EVERYWHERE:
                yield f"a template names the external label {name}, which nobody sets"
            elif not guard:
                yield f"a template names the external label {name} without a with: it may not be there"


def _seconds(rule: Rule, key: str) -> float:
    given = rule.get(key, "0s")
    return 0.0 if _ZERO.fullmatch(given) else promql_parser.parse_duration(given).total_seconds()


CHECKS: Mapping[str, Check] = {
    "alerts/comparison": comparison,
    "alerts/for": duration,
    "alerts/absent": absent,
    "alerts/template": template,
    "alerts/external_labels": external_labels,
    "promql/fragile": fragile,
}
