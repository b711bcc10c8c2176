"""Lines that come from Loki into the merge: those that are older than what the node has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from kubectl_kagent import clock
from kubectl_kagent.cluster.http import JsonService
from kubectl_kagent.telemetry.logs.lane import Lane
from kubectl_kagent.telemetry.logs.loki import Pods, pages, stamp
from kubectl_kagent.telemetry.logs.merge import Merge, Texts
from kubectl_kagent.telemetry.logs.notices import ContainerRef

_LOOK_AGAIN = 0.02


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Loki, what to ask it for, and from when on."""

    http: JsonService
    pods: Pods
    since: datetime

    def read(
        self,
        merge: Merge,
        gate: Lane,
        texts: Callable[[ContainerRef], Texts],
        served_from: Callable[[ContainerRef], bytes],
    ) -> None:
        """Give all of it to ``merge``, a page at a time; ``gate`` keeps younger lines back meanwhile.

        ``served_from`` is the stamp of the first line that the node has of a container, if any.
        """
        first: dict[ContainerRef, bytes] = {}
        start, end = (int(time.timestamp() * 10**9) for time in (self.since, clock.now()))
        for page in pages(self.http, self.pods, start, end):
            blocks: dict[ContainerRef, list[bytes]] = {}
            for nanoseconds, source, text in page:
                if source not in first:
                    first[source] = served_from(source)
                line = stamp(nanoseconds)
                if not first[source] or line < first[source]:
                    blocks.setdefault(source, []).append(_line(line, text))
            lanes = [merge.lane(texts(source), patient=True) for source in blocks]
            for lane, lines in zip(lanes, blocks.values(), strict=True):
                lane.put(b"".join(lines))
                lane.end()
            gate.reach(stamp(page[-1][0]))
            while not all(lane.over for lane in lanes):
                clock.sleep(_LOOK_AGAIN)


def _line(stamp: bytes, text: str) -> bytes:
    """A line of several, as some programs' records are in Loki, becomes several with one stamp."""
    return b"".join(stamp + b" " + part.encode(errors="replace") + b"\n" for part in _parts(text))


def _parts(text: str) -> Iterable[str]:
    return text.removesuffix("\n").split("\n")
