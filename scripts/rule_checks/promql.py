"""An expression of PromQL as a tree: what is in it, and what each part of it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import promql_parser

Node = Any  # one of promql_parser's classes, which have no common attributes
LabelsOf = Callable[[str], frozenset[str]]

EVERYWHERE = frozenset({"cluster"})  # an external label
COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
SETS = frozenset({"and", "or", "unless"})
# They give some of the series that they get, as these are.
SAMPLING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})


def parse(text: str) -> Node:
    """Raises ValueError for a text that is no PromQL."""
    return promql_parser.parse(text)


def nodes(expr: Node, *parents: Node) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """An expression and all below it, each with what it is in, outermost first."""
    yield expr, parents
    for child in _below(expr):
        yield from nodes(child, *parents, expr)


def _below(expr: Node) -> list[Node]:
    if isinstance(expr, promql_parser.BinaryExpr):
        return [expr.lhs, expr.rhs]
    if isinstance(expr, promql_parser.Call):
        return list(expr.args)
    if isinstance(expr, promql_parser.MatrixSelector):
        return [expr.vector_selector]
    inner = getattr(expr, "expr", None)
    return [] if inner is None else [inner]


def bare(expr: Node) -> Node:
    """An expression without the parentheses around it."""
    while isinstance(expr, promql_parser.ParenExpr):
        expr = expr.expr
    return expr


def short(expr: Node) -> str:
    """An expression in one line, for people."""
    text = " ".join(expr.prettify().split()).replace("( ", "(").replace(" )", ")")
    return text if len(text) <= 80 else f"{text[:77]}..."


def selectors(expr: Node) -> list[Node]:
    """All that read series, in the order of the text."""
    return [node for node, _ in nodes(expr) if isinstance(node, promql_parser.VectorSelector)]


def names(selector: Node) -> set[str]:
    """The names of the series that a selector reads; of ``{__name__=~"a|b"}`` both."""
    listed = [matcher for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    found = {name for matcher in listed for name in matcher.value.split("|")}
    return found | ({selector.name} if selector.name else set())


def series_names(expr: Node) -> set[str]:
    """The names of all series that an expression reads; ``(no name)`` for a selector without one."""
    return {name for selector in selectors(expr) for name in names(selector) or {"(no name)"}}


def is_scalar(expr: Node) -> bool:
    """Whether it gives a number, without labels to match."""
    expr = bare(expr)
    if isinstance(expr, promql_parser.UnaryExpr):
        return is_scalar(expr.expr)
    if isinstance(expr, promql_parser.BinaryExpr):
        return is_scalar(expr.lhs) and is_scalar(expr.rhs)
    if isinstance(expr, promql_parser.Call):
        return expr.func.name in ("scalar", "time", "pi")
    return isinstance(expr, promql_parser.NumberLiteral)


def on_labels(pair: promql_parser.BinaryExpr) -> set[str] | None:
    """The labels of ``on (...)``; None without one."""
    matching = pair.modifier.matching if pair.modifier else None
    if matching is None or matching.type != promql_parser.LabelModifierType.Include:
        return None
    return set(matching.labels)


def is_one_to_one(pair: promql_parser.BinaryExpr) -> bool:
    """Whether it is without group_left and group_right; so is each with ``and``, ``or`` and ``unless``."""
    card = promql_parser.VectorMatchCardinality
    return pair.modifier is None or pair.modifier.card == card.OneToOne


def carried(pair: promql_parser.BinaryExpr) -> set[str]:
    """The labels that ``group_left (...)`` or ``group_right (...)`` takes over from the other side."""
    return set((pair.modifier and pair.modifier.group_labels) or ())


def sides(pair: promql_parser.BinaryExpr) -> tuple[Node, Node]:
    """The operand that may have many series for each of the other's, and the other."""
    grouped_right = pair.modifier and pair.modifier.card == promql_parser.VectorMatchCardinality.OneToMany
    return (pair.rhs, pair.lhs) if grouped_right else (pair.lhs, pair.rhs)


def labels(expr: Node, of_series: LabelsOf) -> frozenset[str]:
    """The labels that the series of an expression can have; ``of_series`` gives those of a name."""
    if isinstance(expr, promql_parser.VectorSelector):
        return frozenset().union(*(of_series(name) for name in names(expr))) | EVERYWHERE
    if isinstance(expr, promql_parser.AggregateExpr):
        return _of_aggregate(expr, labels(expr.expr, of_series))
    if isinstance(expr, promql_parser.BinaryExpr):
        return _of_pair(expr, of_series)
    if isinstance(expr, promql_parser.Call):
        return _of_call(expr, [labels(argument, of_series) for argument in expr.args])
    below = [labels(child, of_series) for child in _below(expr)]
    return frozenset().union(*below)


def _of_aggregate(expr: promql_parser.AggregateExpr, inner: frozenset[str]) -> frozenset[str]:
    if str(expr.op) in SAMPLING:
        return inner
    if expr.modifier is None:
        return frozenset()
    named = frozenset(expr.modifier.labels)
    is_by = expr.modifier.type == promql_parser.AggModifierType.By
    return named & inner if is_by else inner - named


def _of_call(call: promql_parser.Call, given: list[frozenset[str]]) -> frozenset[str]:
    name = call.func.name
    if name in ("label_replace", "label_join"):
        return given[0] | {call.args[1].val}
    if name.startswith("absent"):
        equal = promql_parser.MatchOp.Equal
        found = [one for node in selectors(call.args[0]) for one in node.matchers.matchers]
        return frozenset(matcher.name for matcher in found if matcher.op == equal)
    every = frozenset().union(*given)
    return every - {"le"} if name == "histogram_quantile" else every


def _of_pair(pair: promql_parser.BinaryExpr, of_series: LabelsOf) -> frozenset[str]:
    if is_scalar(pair.lhs) or is_scalar(pair.rhs):
        return labels(pair.rhs if is_scalar(pair.lhs) else pair.lhs, of_series)
    left, right = labels(pair.lhs, of_series), labels(pair.rhs, of_series)
    if str(pair.op) in SETS:
        return left | right if str(pair.op) == "or" else left
    if not is_one_to_one(pair):
        return labels(sides(pair)[0], of_series) | carried(pair)
    matching = pair.modifier.matching if pair.modifier else None
    if matching is None:
        return left
    on = on_labels(pair)
    return left - frozenset(matching.labels) if on is None else left & on
