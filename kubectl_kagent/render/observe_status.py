"""What observe status prints: a table of signals, and below it what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypedDict

from kubectl_kagent.observe.status.report import Report
from kubectl_kagent.observe.status.signals import Remedy, Signal, Since
from kubectl_kagent.render.columns import UNKNOWN, Column, cells
from kubectl_kagent.render.table import plain

_COLUMNS: Sequence[Column[Signal]] = (
    Column("SIGNAL", lambda signal: signal.name),
    Column("STATUS", lambda signal: signal.status),
    Column("SINCE", lambda signal: _since(signal.since)),
    Column("DETAIL", lambda signal: signal.detail),
)


def status_table(found: Report) -> str:
    """The signals, and a paragraph for each that something is to be done about."""
    return cells(_COLUMNS, found.signals) + "".join(_to_do(found.signals))


def _to_do(signals: Sequence[Signal]) -> Iterator[str]:
    """The same remedy of several signals stands once, under all their names."""
    names: dict[str, list[str]] = {}
    for signal in signals:
        for remedy in signal.remedies:
            names.setdefault("".join(f"  {line}\n" for line in remedy_lines(remedy)), []).append(signal.name)
    for text, of in names.items():
        yield f"\n{', '.join(of)}:\n{text}"


def remedy_lines(remedy: Remedy) -> Iterator[str]:
    """Its words, Helm values and commands, a line each."""
    if remedy.text:
        yield plain(remedy.text)
    if remedy.helm_values:
        yield "set in kagent's Helm values:"
        yield from (f"  {name}={plain(value)}" for name, value in remedy.helm_values.items())
    yield from (f"$ {plain(command)}" for command in remedy.commands)


def _since(since: Since | None) -> str:
    if since is None:
        return UNKNOWN
    return f">{_span(since.seconds)}" if since.longer else _span(since.seconds)


def _span(seconds: float) -> str:
    """Rough, as it is known to the minute."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "<1m"
    return f"{minutes}m" if minutes < 120 else f"{minutes // 60}h"


class RemedyView(TypedDict):
    """What would mend a signal."""

    text: Annotated[str, "in words; may be empty"]
    commands: Annotated[list[str], "command lines to run, in that order"]
    helmValues: Annotated[dict[str, str], "values of kagent's Helm chart to set"]


class SignalView(TypedDict):
    """A signal."""

    signal: Annotated[str, "its name"]
    status: Annotated[
        str,
        "`arriving`, `quiet`, `unused`, `waiting`, `failing`, `stopped`, `missing` or `unknown`",
    ]
    fine: Annotated[bool, "whether nothing is to be done: the first three"]
    sinceSeconds: Annotated[float | None, "for how long it has been so, to the minute; null: not known"]
    sinceIsMore: Annotated[bool, "whether it was so all the time that was looked at, a day"]
    detail: Annotated[str, "why, in words"]
    remedies: Annotated[list[RemedyView], "what would mend it"]


class ObserveStatusView(TypedDict):
    """The signals of the observability bundle."""

    namespace: Annotated[str, "namespace of the bundle"]
    fine: Annotated[bool, "whether nothing is to be done about any signal"]
    unseen: Annotated[list[str], "what could not be looked at, and why"]
    items: Annotated[list[SignalView], "the signals, each after those that it depends on"]


def status_view(found: Report) -> ObserveStatusView:
    """The same for programs."""
    return {
        "namespace": found.namespace,
        "fine": found.fine,
        "unseen": [note.line for note in found.notes],
        "items": [_signal_view(signal) for signal in found.signals],
    }


def _signal_view(signal: Signal) -> SignalView:
    return {
        "signal": signal.name,
        "status": signal.status,
        "fine": signal.fine,
        "sinceSeconds": signal.since.seconds if signal.since else None,
        "sinceIsMore": signal.since is not None and signal.since.longer,
        "detail": signal.detail,
        "remedies": [remedy_view(remedy) for remedy in signal.remedies],
    }


def remedy_view(remedy: Remedy) -> RemedyView:
    """The same for programs."""
    return {
        "text": remedy.text,
        "commands": list(remedy.commands),
        "helmValues": dict(remedy.helm_values),
    }
