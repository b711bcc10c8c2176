"""``make bench``: whole processes of ours against kubectl's, in turn, as ratios of medians.

Only ratios mean something: the two run in pairs on the same machine at the same time.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.lab.lab import Lab

_PAIRS = 9
_WARM_UP = 1


@dataclass(frozen=True)
class Sample:
    """One run: wall clock and CPU seconds."""

    wall: float
    cpu: float


def run(words: list[str], env: dict[str, str]) -> Sample:
    """Run to the end; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(name: str, ours: list[str], peer: list[str], env: dict[str, str]) -> str:
    """A row: medians of both and the median of the pairwise ratios."""
    pairs = [(run(ours, env), run(peer, env)) for _ in range(_WARM_UP + _PAIRS)][_WARM_UP:]
    wall, cpu = (
        statistics.median(getattr(a, field) / max(getattr(b, field), 1e-9) for a, b in pairs)
        for field in ("wall", "cpu")
    )
    mine, theirs = (statistics.median(pair[side].wall for pair in pairs) for side in (0, 1))
    return f"{name:<44} {mine * 1000:>7.0f} {theirs * 1000:>8.0f} {wall:>7.2f} {cpu:>7.2f}\n"


def main() -> None:
    """Print the table."""
    lab = Lab.attach()
    env = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    plugin, kubectl = [sys.executable, "-m", "kubectl_kagent"], str(lab.kubectl)
    sys.stdout.write(f"{'ours : peer':<44} {'ours ms':>7} {'peer ms':>8} {'wall x':>7} {'cpu x':>7}\n")
    rows = [
        ("version --client : kubectl version --client", ["version", "--client"], ["version", "--client"]),
        (
            "get agents -A : kubectl get agents -A",
            ["get", "agents", "-A"],
            ["get", "agents.kagent.dev", "-A"],
        ),
        ("describe --help : kubectl describe --help", ["describe", "--help"], ["describe", "--help"]),
    ]
    for name, ours, peer in rows:
        sys.stdout.write(compare(name, [*plugin, *ours], [kubectl, *peer], env))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
