"""Series as functions of the seconds since the beginning: counts in waves, shares, rates, histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Curve = Callable[[float], float]

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TILE = 300  # seconds of a recorded increase
HOUR = 3600  # of one for ranges of more than a day
_WAVE_SECONDS = 7200


@dataclass(frozen=True)
class Series:
    """``every`` is how far apart its samples are, in seconds."""

    name: str
    labels: dict[str, str]
    value: Curve
    every: int = 30  # as the bundle scrapes


def counted(per_minute: float) -> Curve:
    """How often it has happened after so many seconds: a whole number, in waves of two hours."""
    wave = _WAVE_SECONDS / (2 * math.pi)

    def so_far(second: float) -> float:
        return float(int(per_minute / 60 * (second + 0.6 * wave * (1 - math.cos(second / wave)))))

    return so_far


def share_of(curve: Curve, share: float, during: tuple[float, float]) -> Curve:
    """How many of a curve's events are of a kind: a share of all, five times as many in ``during``."""
    start, end = during

    def so_far(second: float) -> float:
        in_incident = curve(min(max(second, start), end)) - curve(start)
        return float(int(share * (curve(second) + 4 * in_incident) + 0.5))

    return so_far


def below(bound: float, median: float) -> float:
    """The share of durations up to ``bound``: they are log-logistic, of shape 2."""
    return 1 / (1 + (median / bound) ** 2) if bound else 0.0


def mean(median: float) -> float:
    return median * math.pi / 2


def p95(median: float) -> float:
    return median * math.sqrt(19)


def rate(curve: Curve, window: float) -> Curve:
    """Per second over a window; from the beginning where that is shorter."""
    return lambda second: (curve(second) - curve(max(second - window, 0))) / window


def ratio(part: Curve, whole: Curve, window: float) -> Curve:
    """A share of what happened in a window; not a number where nothing did."""

    def at(second: float) -> float:
        before = max(second - window, 0)
        happened = whole(second) - whole(before)
        return (part(second) - part(before)) / happened if happened else math.nan

    return at


def grown(curve: Curve, tile: int = TILE) -> Curve:
    """What came in the five minutes before, or in another ``tile``."""
    return lambda second: curve(second) - curve(max(second - tile, 0))


def still_open(curve: Curve) -> Curve:
    """What came since the last whole five minutes."""
    return lambda second: curve(second) - curve(second - second % TILE)


def constant(value: float) -> Curve:
    return lambda _: value


def times(curve: Curve, factor: float) -> Curve:
    return lambda second: curve(second) * factor


def wobble(second: float) -> float:
    """From 0 to 1, another value every five minutes."""
    return (second // 300 * 7 % 11) / 11


def histogram(name: str, labels: dict[str, str], curve: Curve, median: float) -> Iterator[Series]:
    """The buckets of durations in seconds."""
    for bound in BUCKETS:
        yield Series(name, {**labels, "le": f"{bound:g}"}, share_of(curve, below(bound, median), (0, 0)))
    yield Series(name, {**labels, "le": "+Inf"}, curve)
