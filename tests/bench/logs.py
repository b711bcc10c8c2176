"""``python -m tests.bench.logs``: ten pods' logs, ours against kubectl's and stern's; five million lines.

The race: how many lines a second each prints of what the node has, following, in turn. The long run: pods
that write while we follow; every line must come once, and in the order of time.
"""

from __future__ import annotations

import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.cluster.log_pods import running, shown, tell, writer
from tests.cluster.workloads import create
from tests.lab.lab import Lab

_PODS = 10
_ROUNDS = 5
_RACE_LINES = 60_000  # a pod: less than a file that is rotated
_LONG_LINES = int(os.environ.get("LONG_LINES", "500000"))  # a pod
_RATE = int(os.environ.get("RATE", "2500"))  # lines a second and pod
_BLOCK = 1 << 20
_SILENCE = 20.0  # seconds


def main() -> None:
    """Print both tables."""
    lab = Lab.attach()
    with _agent(lab, "race", _RACE_LINES, rate=10**6) as (tools, api):
        for pod in running(api, "race"):
            tell(tools, pod, "begin")
        time.sleep(10)
        _race(tools, lab)
    with _agent(lab, "long", _LONG_LINES, rate=_RATE) as (tools, api):
        _long(tools, running(api, "long"))


@contextmanager
def _agent(lab: Lab, name: str, lines: int, *, rate: int) -> Iterator[tuple[Tools, ApiServer]]:
    with own_namespace(lab.kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(lab.kubeconfig), namespace=tools.namespace))
        create(api, writer(name, replicas=_PODS, lines=lines, rate=rate))
        wait_for(lambda: len(running(api, name)) == _PODS, "the pods", 180)
        yield tools, api


def _race(tools: Tools, lab: Lab) -> None:
    labels = "app=kagent,kagent=race"
    programs = {
        "kubectl kagent logs -f": [sys.executable, "-m", "kubectl_kagent", "logs", "race", "-f"],
        "kubectl logs -f --prefix": [
            *(str(lab.kubectl), "logs", "-f", "-l", labels),
            *("--prefix", "--tail=-1", f"--max-log-requests={_PODS}"),
        ],
    }
    for stern in sorted(lab.layout.cache.glob("bin/stern-*/stern")):
        programs["stern"] = [str(stern), "-l", labels, "--color=never"]
    speeds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(_ROUNDS):
        for name, words in programs.items():
            speeds[name].append(_speed([*words, "-n", tools.namespace], tools.env()))
    ours = speeds["kubectl kagent logs -f"]
    _say(f"{_PODS} pods with {_RACE_LINES} lines each, {_ROUNDS} rounds\n{'':<26}  lines/s  ours/theirs\n")
    for name, found in speeds.items():
        pairs = [(a, b) for a, b in zip(ours, found, strict=True) if b]
        failed = f"  printed nothing in {len(found) - len(pairs)} rounds" if len(pairs) < len(found) else ""
        if pairs:
            ratio = statistics.median(a / b for a, b in pairs)
            _say(f"{name:<26} {statistics.median(b for _, b in pairs):>8.0f} {ratio:>12.2f}{failed}\n")
        else:
            _say(f"{name:<26} {'-':>8} {'-':>12}{failed}\n")


def _speed(words: list[str], env: dict[str, str]) -> float:
    """Lines a second, start of the program included; 0 for one that stays silent (stern sometimes does)."""
    started, count = time.perf_counter(), 0
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        while count < _PODS * _RACE_LINES:
            ready, _, _ = select.select([process.stdout], [], [], _SILENCE)
            block = os.read(process.stdout.fileno(), _BLOCK) if ready else b""
            if not block:
                break
            count += block.count(b"\n")
        took = time.perf_counter() - started
        process.kill()
    assert count in (0, _PODS * _RACE_LINES), f"{words[0]} printed {count} lines"
    return count / took


def _long(tools: Tools, pods: list[str]) -> None:
    words = [sys.executable, "-m", "kubectl_kagent", "logs", "long", "-f", "--prefix", "--timestamps"]
    file = Path(f"/tmp/kubectl-kagent-bench-{os.getpid()}")
    with (
        file.open("wb") as out,
        subprocess.Popen(
            [*words, "-n", tools.namespace], env=tools.env(), stdout=out, stderr=subprocess.PIPE
        ) as process,
    ):
        try:
            for pod in pods:
                tell(tools, pod, "begin")
            started = time.perf_counter()
            _wait(file, len(pods) * _LONG_LINES, 60 + 3 * _LONG_LINES / _RATE)
            took = time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.stderr
            said = process.stderr.read().decode()
    _say(
        f"\n{len(pods)} pods, {_LONG_LINES} lines each at {_RATE} a second: {took:.0f} s\n"
        f"{said}{_judge(file)}"
    )
    file.unlink()


def _wait(file: Path, lines: int, limit: float) -> None:
    """Until the file has so many lines, or has not grown for half a minute."""
    count, grown = 0, time.monotonic()
    deadline = grown + limit
    with file.open("rb") as read:
        while count < lines and time.monotonic() < min(deadline, grown + 30):
            if block := read.read(_BLOCK):
                count, grown = count + block.count(b"\n"), time.monotonic()
            else:
                time.sleep(0.2)


def _judge(file: Path) -> str:
    """Lost, repeated and late lines, by their numbers and stamps."""
    numbers: dict[str, list[int]] = {}
    last, late = b"", 0
    with file.open("rb") as read:
        for pod, stamp, number in shown(read):
            numbers.setdefault(pod, []).append(number)
            late += stamp < last
            last = max(last, stamp)
    total = sum(map(len, numbers.values()))
    different = sum(len(set(found)) for found in numbers.values())
    lost, twice = _PODS * _LONG_LINES - different, total - different
    return f"{total} lines, {lost} lost, {twice} twice, {late} not in order\n"


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
