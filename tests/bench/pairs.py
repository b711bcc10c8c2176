"""Whole programs in pairs, the two in turn on one machine at the same time: only ratios mean something."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.cluster.conftest import Tools

PAIRS = 15

Words = Sequence[str]


@dataclass(frozen=True)
class Sample:
    """One run: wall clock and CPU seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Pairs:
    """Medians: the seconds of ours and of the peer's, and the pairs' ratios of wall clock and CPU."""

    ours: float
    peer: float
    wall: float
    cpu: float


def compare(words: Callable[[int], tuple[Words, Words]], tools: Tools, pairs: int = PAIRS) -> Pairs:
    """``words`` gives both commands of the pair with that number; the first pair, 0, only fills caches."""
    found = [tuple(run(each, tools) for each in words(number)) for number in range(pairs + 1)][1:]
    ours, peer = (statistics.median(pair[side].wall for pair in found) for side in (0, 1))
    wall, cpu = (
        statistics.median(getattr(a, field) / max(getattr(b, field), 1e-3) for a, b in found)
        for field in ("wall", "cpu")
    )
    return Pairs(ours, peer, wall, cpu)


def run(words: Words, tools: Tools) -> Sample:
    """Run to the end; it must succeed."""
    env = {**os.environ, "KUBECONFIG": str(tools.kubeconfig)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
