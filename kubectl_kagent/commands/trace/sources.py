"""Where the trace verbs look: the options that say so, and the order in which sources are asked."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from kubectl_kagent import clock
from kubectl_kagent.cli import options, terminal
from kubectl_kagent.cli.controller_access import ControllerAccess, with_controller
from kubectl_kagent.cli.duration import seconds
from kubectl_kagent.errors import KagentError, UsageError

if TYPE_CHECKING:
    from kubectl_kagent.backends.jaeger import Jaeger
    from kubectl_kagent.backends.tempo import Tempo
    from kubectl_kagent.model.trace import Record
    from kubectl_kagent.telemetry.traces.sources import TraceSource

F = TypeVar("F", bound=Callable[..., Any])
Store = TypeVar("Store", "Tempo", "Jaeger")

NONE = "none"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the command line says about sources. Nothing is asked before it is used."""

    reach: ControllerAccess
    tempo: str
    jaeger: str
    tenant: str
    file: IO[bytes] | None

    def ask(self, question: Callable[[TraceSource], Record]) -> tuple[Record, TraceSource]:
        """The answer of the first source that has one, and that source, whose name is told on stderr.

        What was named is asked alone. Else Tempo comes first and then Jaeger, where they are, and last the
        controller.
        """
        if self.file is not None:
            with _uncollected():
                return self._told(question, self._given())
        named = self._named()
        if named is not None:
            return self._told(question, named)
        for found in self._found():
            record = self._tried(question, found)
            if record is not None:
                return self._say(record, found)
        return self._told(question, self.controller())

    def live(self) -> TraceSource:
        """For what happens now: the controller knows a step when it begins, the others when it is over."""
        return self._named() or self.controller()

    def _named(self) -> TraceSource | None:
        """The store of spans whose address was given."""
        from kubectl_kagent.backends import jaeger, tempo
        from kubectl_kagent.telemetry.traces.stores import FromJaeger, FromTempo

        to_tempo, to_jaeger = (url not in ("", NONE) for url in (self.tempo, self.jaeger))
        if to_tempo and to_jaeger:
            raise UsageError("one source is asked: give --tempo an address, or --jaeger")
        if to_tempo:
            return FromTempo(self._as_tenant(tempo.at_address(self.tempo)))
        return FromJaeger(self._as_tenant(jaeger.at_address(self.jaeger))) if to_jaeger else None

    def _found(self) -> Iterator[TraceSource]:
        """The stores of spans in the cluster, in the order in which they are asked."""
        from kubectl_kagent.backends.jaeger import find_jaeger
        from kubectl_kagent.backends.tempo import find_tempo
        from kubectl_kagent.telemetry.traces.stores import FromJaeger, FromTempo

        if self.reach.url:
            return
        if self.tempo != NONE and (tempo := find_tempo(self.reach.connect())):
            yield FromTempo(self._as_tenant(tempo))
        if self.jaeger != NONE and (jaeger := find_jaeger(self.reach.connect())):
            yield FromJaeger(self._as_tenant(jaeger))

    def _as_tenant(self, store: Store) -> Store:
        from kubectl_kagent.cluster.tenant import AsTenant

        return replace(store, http=AsTenant(store.http, self.tenant))

    def _tried(self, question: Callable[[TraceSource], Record], source: TraceSource) -> Record | None:
        """What it answers; None when it knows nothing or can't be asked, which is told."""
        from kubectl_kagent.telemetry.traces.query import NoSuchTurn

        try:
            record = question(source)
            if record.turns:
                return record
            for gap in record.gaps:
                terminal.warn(gap)
            terminal.say(f"nothing in {source.name}")
        except NoSuchTurn as error:
            terminal.say(f"nothing in {source.name}{error.where}")
        except UsageError:
            raise
        except KagentError as error:
            terminal.warn(f"{source.name} can't be asked: {error.explained}")
        return None

    def controller(self) -> TraceSource:
        from kubectl_kagent.telemetry.traces.sources import records

        return records(self.reach.controllers())

    def _given(self) -> TraceSource:
        from kubectl_kagent.telemetry.traces.files import from_file

        assert self.file is not None
        name = getattr(self.file, "name", "<stdin>")
        return from_file("stdin" if name == "<stdin>" else name, self.file.read())

    def _told(
        self, question: Callable[[TraceSource], Record], source: TraceSource
    ) -> tuple[Record, TraceSource]:
        with _uncollected():
            return self._say(question(source), source)

    def _say(self, record: Record, source: TraceSource) -> tuple[Record, TraceSource]:
        for gap in record.gaps:
            terminal.warn(gap)
        if record.turns:
            terminal.say(f"from {source.name}")
        return record, source


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles: a trace is a million objects, none in a cycle, that all stay.

    Searched again and again while they come, they take twice the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def source(function: F) -> F:
    """Add the flags that say where to look, and pass SourceOptions as the first argument."""

    @with_controller
    @functools.wraps(function)
    def wrapper(
        reach: ControllerAccess,
        tempo: str,
        jaeger: str,
        tenant: str,
        file: IO[bytes] | None,
        **values: Any,
    ) -> Any:
        return function(SourceOptions(reach, tempo, jaeger, tenant, file), **values)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


_OPTIONS = (
    click.option(
        "--tempo",
        default="",
        metavar="URL",
        help="Ask only this Tempo; none: do not ask Tempo. Default: the one in the cluster, if any.",
    ),
    click.option(
        "--jaeger",
        default="",
        metavar="URL",
        help="Ask only this Jaeger; none: do not ask Jaeger. Default: the one in the cluster, after Tempo.",
    ),
    options.tenant,
    click.option(
        "--input",
        "file",
        type=click.File("rb"),
        metavar="FILE",
        help="Read OTLP JSON from this file; - is stdin. Needs no cluster.",
    ),
)


class TimeType(click.ParamType[float]):
    """A time, or how long ago: RFC 3339 or a duration, as seconds since the epoch."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from datetime import UTC, datetime

        if isinstance(value, float):
            return value
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            return clock.now().timestamp() - seconds(value)
