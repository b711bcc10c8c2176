"""How agents were used in several stretches of time: each turn counts in one of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from kubectl_kagent.backends.prometheus import Prometheus
from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.model.usage import Stretch, Stretches, Wanted
from kubectl_kagent.telemetry.traces.query import Query
from kubectl_kagent.telemetry.traces.sources import TraceSource
from kubectl_kagent.telemetry.usage import tokens
from kubectl_kagent.telemetry.usage.asking import Asking
from kubectl_kagent.telemetry.usage.metrics import begun, counted
from kubectl_kagent.telemetry.usage.records import rows
from kubectl_kagent.telemetry.usage.span_names import TODAY, SpanNames, other_names


def from_prometheus(prometheus: Prometheus, asked: Sequence[Wanted], *, now: float) -> Stretches:
    """What span metrics count in each: a turn is in the stretch in which Prometheus saw its end.

    Tokens of all stretches cost what they cost ``now``, so that the stretches can be compared.
    """
    priced = Asking(prometheus, now)
    prices = tokens.prices(priced)

    def measure(wanted: Wanted, names: SpanNames = TODAY) -> tuple[Stretch, set[str], tuple[str, ...]]:
        asking = Asking(prometheus, wanted.now)
        found = counted(asking, wanted, names)
        spent = tokens.spent(asking, wanted) if found else {}
        stretch = Stretch(tokens.with_tokens(found, spent, prices), begun(asking, wanted, names))
        return stretch, tokens.unpriced(spent, prices), asking.gaps

    measured = side_by_side(measure, asked)
    if asked and not any(stretch.rows for stretch, _, _ in measured):
        begin = min(one.now - one.seconds for one in asked)
        if others := other_names(priced, replace(asked[0], now=now, seconds=now - begin)):
            measured = side_by_side(lambda wanted: measure(wanted, others), asked)
    gaps = [*priced.gaps, *(gap for _, _, gaps in measured for gap in gaps)]
    free = {model for _, models, _ in measured for model in models}
    if prices and free:
        gaps.append(f"Prometheus ({prometheus.name}): {tokens.no_price(free)}")
    return Stretches(tuple(stretch for stretch, _, _ in measured), tuple(dict.fromkeys(gaps)))


def from_records(kept: TraceSource, asked: Sequence[Wanted]) -> Stretches:
    """What the controller recorded in each: a turn is in the stretch in which it began."""
    if not asked:
        return Stretches(())
    begin, end = min(one.now - one.seconds for one in asked), max(one.now for one in asked)
    # the sessions of all agents: the list of one agent's leaves out those that another agent began
    record = kept.turns(Query("", begin, end, limit=sys.maxsize))
    turns = [(turn.root.start, turn) for turn in record.turns if turn.root.start is not None]
    first = min((start for start, _ in turns), default=end)
    gaps = record.gaps
    if len(turns) < len(record.turns):
        gaps += (f"turns without a time are left out: {len(record.turns) - len(turns)}",)
    found = []
    for wanted in asked:
        meant = [turn for start, turn in turns if wanted.now - wanted.seconds <= start < wanted.now]
        found.append(Stretch(rows(meant, wanted), begun=first < wanted.now))
    return Stretches(tuple(found), gaps)
