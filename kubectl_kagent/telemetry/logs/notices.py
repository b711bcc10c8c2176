"""Events of log streams: what the reader tells of each container, and each thing once."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubectl_kagent.errors import KagentError

_GATHER = 1.0  # seconds: what breaks for one pod mostly breaks for others too


@dataclass(frozen=True, slots=True)
class ContainerRef:
    """A container of a pod."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A pod's stream ended although its container runs, or the server does not answer; or the watch did."""

    pod: str
    why: str


@dataclass(frozen=True, slots=True)
class Back:
    """A pod's stream that broke has been answered again."""

    pod: str


@dataclass(frozen=True, slots=True)
class Older:
    """The node has lines from ``stamp`` on only, and more was asked for: older files are not served."""

    source: ContainerRef
    stamp: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """Anything else, as a line."""

    line: str


@dataclass(frozen=True, slots=True)
class Stray:
    """A line came that the container did not write: it has no stamp."""

    source: ContainerRef
    line: bytes

    @property
    def error(self) -> KagentError:
        words = " ".join(self.line.decode(errors="replace").split())[:300]
        return KagentError(
            f"the log of container {self.source.container} in pod {self.source.pod} came with words that are "
            f"not its own: {words}",
            hint="the kubelet says so when it can't read a log; --loki=auto reads it from Loki",
        )


@dataclass(frozen=True, slots=True)
class Failed:
    """A container, or Loki (without a pod), can't be read; an error that is not one of ours is a fault."""

    source: ContainerRef
    error: Exception


LogEvent = Broke | Back | Older | Notice | Stray | Failed


@dataclass
class Interruptions:
    """Breaks of many streams, gathered for a moment and told in one line; no more until they are back."""

    _down: set[str] = field(default_factory=set)
    _untold: set[str] = field(default_factory=set)
    _why: str = ""
    _first: float = 0.0

    def broke(self, event: Broke, now: float) -> None:
        if event.pod in self._down:
            return
        if not self._untold:
            self._first = now
        if self._untold <= {""}:  # what a stream says is nearer than what the watch does
            self._why = event.why
        self._down.add(event.pod)
        self._untold.add(event.pod)

    def back(self, pod: str) -> None:
        self._down.discard(pod)

    def due(self, now: float) -> str:
        """The line for what was gathered, or nothing yet."""
        if not self._untold or now - self._first < _GATHER:
            return ""
        pods = sorted(filter(None, self._untold))
        self._untold.clear()
        which = f"log stream of pod {pods[0]}" if len(pods) == 1 else f"log streams of {len(pods)} pods"
        return f"the {which if pods else 'watch on pods'} broke ({self._why}); reading on from the last line"
