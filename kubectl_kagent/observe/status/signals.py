"""What is said of a signal: a word for its state, since when it is so, why, and what would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Nothing is to be done about these.
ARRIVING = "arriving"
QUIET = "quiet"  # it arrived before, nothing is broken, and nothing was sent lately
UNUSED = "unused"  # the cluster has nothing that would send it
# And about these there is.
WAITING = "waiting"  # nothing is broken, and nothing has come yet
FAILING = "failing"  # it arrives, but not all of it
STOPPED = "stopped"  # it arrived in the last day, and does no more
MISSING = "missing"  # it has not arrived for a day
UNKNOWN = "unknown"  # it can't be looked at
FINE = (ARRIVING, QUIET, UNUSED)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What would mend a signal: words, commands to run, values of kagent's Helm chart; any of them."""

    text: str = ""
    commands: tuple[str, ...] = ()
    helm_values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Since:
    """For how many seconds it has been so; ``longer``: it was so all the time that was looked at."""

    seconds: float
    longer: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal and its state. ``since`` is None where it is not known."""

    name: str
    status: str
    detail: str
    since: Since | None = None
    remedies: tuple[Remedy, ...] = ()

    @property
    def fine(self) -> bool:
        return self.status in FINE
