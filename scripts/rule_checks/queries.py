"""What can be wrong with an expression of a rule or of a panel, by the names of pint's checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import promql_parser

from scripts.rule_checks import promql
from scripts.rule_checks.catalogue import Catalogue
from scripts.rule_checks.promql import Node, short

Check = Callable[[Node, Catalogue], Iterator[str]]

_REGEXES = (promql_parser.MatchOp.Re, promql_parser.MatchOp.NotRe)
_PATTERN = re.compile(r"[\\.+*?()|\[\]{}^$]")
_GROWTH = frozenset({"rate", "irate", "increase"})
_OF_GAUGES = frozenset({"delta", "idelta", "deriv", "predict_linear"})
# What is right of a counter, whatever it has reached.
_SAFE = _GROWTH | {"resets", "changes", "absent", "absent_over_time", "present_over_time", "count_over_time"}
_SAMPLES = 4  # in a window, so that a scrape which fails leaves no hole; pint asks for the two of a slope
_SPOILT = frozenset({"sum", "avg", "stddev", "stdvar"})  # by one NaN or infinite value


def series(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/series: by the catalogue in place of a Prometheus: names, labels, values of labels."""
    equal = promql_parser.MatchOp.Equal
    for selector in promql.selectors(expr):
        for name in sorted(promql.names(selector)):
            for matcher in selector.matchers.matchers:
                if matcher.name not in catalogue.labels(name) | promql.EVERYWHERE | {"__name__"}:
                    yield f"{name} has no label {matcher.name}"
                    continue
                values = catalogue.values(name, matcher.name)
                if matcher.op == equal and values is not None and matcher.value not in values:
                    yield f"no {name} has {matcher.name}={matcher.value}"


def selector(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/selector: of a name that others' series have as well, whose are read."""
    for found in promql.selectors(expr):
        given = {matcher.name for matcher in found.matchers.matchers}
        for name in sorted(promql.names(found)):
            wanted = catalogue.select_by(name)
            if wanted and wanted not in given:
                yield f"{name} is read without {wanted}: others make series of that name"


def regexp(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/regexp: where equality would do; anchors, which are there anyway; what matches everything."""
    for found in promql.selectors(expr):
        for matcher in found.matchers.matchers:
            text = f'{matcher.name}{"=~" if matcher.op == _REGEXES[0] else "!~"}"{matcher.value}"'
            if matcher.op not in _REGEXES or matcher.name == "__name__":
                continue
            if not _PATTERN.search(matcher.value):
                yield f"{text} has no pattern: use {'=' if matcher.op == _REGEXES[0] else '!='}"
            elif matcher.value.startswith("^") or matcher.value.endswith("$"):
                yield f"{text} has anchors, which Prometheus puts there anyway"
            elif matcher.value == ".*":
                yield f"{text} matches everything or nothing"


def rate(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/rate: growth of what is no counter, or of a sum over processes; and gauges' functions of one."""
    for node, _ in promql.nodes(expr):
        if not isinstance(node, promql_parser.Call) or node.func.name not in _GROWTH | _OF_GAUGES:
            continue
        name = node.func.name
        for read in promql.selectors(node.args[0]):
            for one in sorted(promql.names(read)):
                counter = catalogue.is_counter(one)
                if counter != (name in _GROWTH):
                    yield f"{name} of {one}, which is {'a' if counter else 'no'} counter"
                elif counter and "instance" not in catalogue.labels(one):
                    yield f"{name} of {one}, a sum over processes: when one restarts, it seems to grow"


def window(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/rate: a window with too few samples. Not of panels: there Grafana chooses it."""
    for node, _ in promql.nodes(expr):
        if not isinstance(node, promql_parser.Call) or node.func.name not in _GROWTH:
            continue
        (argument,) = node.args
        if not isinstance(argument, promql_parser.MatrixSelector):
            continue
        for name in sorted(promql.names(argument.vector_selector)):
            wanted = _SAMPLES * catalogue.seconds(name)
            if argument.range.total_seconds() < wanted:
                yield f"{node.func.name} of {name} over less than {wanted:.0f}s, {_SAMPLES} of its samples"


def counter(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/counter: what a counter has reached since its process began says nothing."""
    for node, parents in promql.nodes(expr):
        if isinstance(node, promql_parser.VectorSelector) and not _is_safe([*parents, node]):
            for name in sorted(promql.names(node)):
                if catalogue.is_counter(name):
                    yield f"{name} is a counter: only its growth tells something"


def _is_safe(path: list[Node]) -> bool:
    """Whether something above a selector asks for growth, or only whether it is there."""
    for above, below in pairwise(path):
        if isinstance(above, promql_parser.Call) and above.func.name in _SAFE:
            return True
        if isinstance(above, promql_parser.AggregateExpr) and str(above.op) in ("count", "group"):
            return True
        filters = isinstance(above, promql_parser.BinaryExpr) and str(above.op) in ("and", "unless")
        if filters and below is above.rhs:
            return True
    return False


def nan(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/nan: one division by zero spoils a whole sum."""
    for node, parents in promql.nodes(expr):
        if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in ("/", "%"):
            continue
        summed = [
            above
            for above in parents
            if isinstance(above, promql_parser.AggregateExpr) and str(above.op) in _SPOILT
        ]
        if summed and not _never_zero(node.rhs):
            yield f"{summed[-1].op} over {short(node)}, which may be divided by 0"


def _never_zero(expr: Node) -> bool:
    expr = promql.bare(expr)
    if isinstance(expr, promql_parser.BinaryExpr):
        return str(expr.op) in (">", "!=") and promql.is_scalar(expr.rhs)
    return isinstance(expr, promql_parser.NumberLiteral) and expr.val != 0


def impossible(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/impossible: labels that are grouped, joined or replaced by, and are there no more."""
    for node, _ in promql.nodes(expr):
        if isinstance(node, promql_parser.AggregateExpr):
            if node.modifier and node.modifier.type == promql_parser.AggModifierType.By:
                yield from _missing(set(node.modifier.labels), node.expr, catalogue, f"{node.op} by")
        elif isinstance(node, promql_parser.BinaryExpr):
            on = promql.on_labels(node) or set()
            many, one = promql.sides(node)
            yield from _missing(on, many, catalogue, f"{node.op} on")
            yield from _missing(on | promql.carried(node), one, catalogue, f"{node.op} on")
        elif isinstance(node, promql_parser.Call) and node.func.name == "label_replace":
            source = {node.args[3].val} - {""}
            yield from _missing(source, node.args[0], catalogue, "label_replace")


def _missing(wanted: set[str], expr: Node, catalogue: Catalogue, what: str) -> Iterator[str]:
    there = promql.labels(expr, catalogue.labels) | promql.EVERYWHERE
    for label in sorted(wanted - there):
        yield f"{what} {label}: {short(expr)} has no such label"


def vector_matching(expr: Node, catalogue: Catalogue) -> Iterator[str]:
    """promql/vector_matching: sides that have other labels, or several series for one."""
    for node, _ in promql.nodes(expr):
        if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) == "or":
            continue
        if promql.is_scalar(node.lhs) or promql.is_scalar(node.rhs):
            continue
        matching = node.modifier.matching if node.modifier else None
        if matching is None:
            yield from _unlike(node, catalogue)
        elif str(node.op) not in promql.SETS and (on := promql.on_labels(node)) is not None:
            many, one = promql.sides(node)
            yield from _several(one, on | promql.carried(node), catalogue)
            if promql.is_one_to_one(node):
                yield from _several(many, on, catalogue)


def _unlike(node: promql_parser.BinaryExpr, catalogue: Catalogue) -> Iterator[str]:
    left, right = (promql.labels(side, catalogue.labels) for side in (node.lhs, node.rhs))
    if left != right:
        others = ", ".join(sorted(left ^ right))
        yield f"only one side of {node.op} has {others}: {short(node)}"


def _several(side: Node, on: set[str], catalogue: Catalogue) -> Iterator[str]:
    """Labels that tell apart series which count as one; not those that a matcher holds to one value."""
    equal = promql_parser.MatchOp.Equal
    held = {
        matcher.name
        for found in promql.selectors(side)
        for matcher in found.matchers.matchers
        if matcher.op == equal
    }
    if more := promql.labels(side, catalogue.labels) - on - held - promql.EVERYWHERE:
        yield f"{short(side)} may have several series that differ in {', '.join(sorted(more))}"


# Of every expression, each with the name of pint's check that it is, or is a part of.
EVERYWHERE: Sequence[tuple[str, Check]] = (
    ("promql/series", series),
    ("promql/selector", selector),
    ("promql/regexp", regexp),
    ("promql/rate", rate),
    ("promql/nan", nan),
    ("promql/impossible", impossible),
    ("promql/vector_matching", vector_matching),
)
# Of those of rules as well; of panels tests/bundle/dashboard_rules.py knows more.
OF_RULES: Sequence[tuple[str, Check]] = (("promql/rate", window), ("promql/counter", counter))
