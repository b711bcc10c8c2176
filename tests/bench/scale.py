"""``python -m tests.bench.scale``: the bundle with 200 agents of 20 tools and 3 models each, over 7 days.

What is measured: series by metric for one agent; one evaluation of each group of rules against a tenth of
its interval; and each dashboard, with all its queries one after the other as Grafana asks them, from a
Prometheus that has just started. Samples are as far apart as in a cluster: 30 s for what is scraped, the
group's interval for what is recorded. Beside the seconds on the clock are those of Prometheus' CPU, which do
not grow with what else the machine does.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from scripts.pictures.scene import Stage, scene_of
from scripts.pictures.sources import QueryFailed, Range, Sources
from tests.bundle import scale
from tests.bundle.contents import generated
from tests.bundle.prometheus import serving
from tests.lab.build import build_promtool
from tests.lab.layout import Layout
from tests.lab.progress import Progress

AGENTS, TOOLS, MODELS = 200, 20, 3
FAILING = 5  # tools of each agent that have failed in the week
SPAN = Range(1714521600 - 7 * 86400, 1714521600)  # the week before 2024-05-01
SHARE_OF_INTERVAL = 0.1
DASHBOARD_SECONDS = 5.0
_ROUNDS = 3
_SLOWEST = 10


def main() -> int:
    """Print the three tables; 1 if a line is missed."""
    options = _options()
    build_promtool(Layout.here(), Progress())  # and what stands beside it: Prometheus, backfill
    with TemporaryDirectory() as name:
        folder = options.data or Path(name)
        one, around = scale.of_one(TOOLS, MODELS, FAILING), scale.around()
        with TemporaryDirectory() as small:
            recorded = scale.recorded([*one, *around], Path(small))
        _print_series(one, recorded)
        if not (folder / "data").exists():
            started = time.monotonic()
            everything = scale.fleet([*one, *around, *map(_closed, recorded)], options.agents)
            scale.backfill(everything, folder / "data", SPAN.start, SPAN.end)
            sys.stdout.write(f"\nwritten in {time.monotonic() - started:.0f} s\n")
        fine = [*_print_rules(folder), *_print_dashboards(folder)]
    return 0 if all(fine) else 1


def _closed(line: scale.Line) -> scale.Line:
    """The last hour was closed half an hour before the end."""
    return replace(line, curve=("constant", SPAN.end - 1800)) if line.name == "kagent:hours:closed" else line


def _print_series(one: list[scale.Line], recorded: list[scale.Line]) -> None:
    sys.stdout.write(f"series of an agent with {TOOLS} tools ({FAILING} failed) and {MODELS} models\n")
    for title, lines in (("scraped", one), ("recorded", scale.own(recorded))):
        for metric, count in sorted(Counter(line.name for line in lines).items()):
            sys.stdout.write(f"  {title:<10} {metric:<62} {count:>5}\n")
        sys.stdout.write(f"  {title:<10} {'all':<62} {len(lines):>5}\n")


def _print_rules(folder: Path) -> Iterator[bool]:
    sys.stdout.write(f"\n{'group of rules':<32} {'rules':>8} {'s':>8} {'cpu s':>8} {'line s':>8}\n")
    with serving(folder) as address:
        for group in scale.rule_groups():
            rounds = [_evaluated(address, group) for _ in range(_ROUNDS)]
            line = group["interval"] * SHARE_OF_INTERVAL
            seconds, cpu = min(wall for wall, _ in rounds), min(cpu for _, cpu in rounds)
            yield _row(group["name"], len(group["rules"]), seconds, cpu, line)


def _evaluated(address: str, group: dict[str, Any]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU."""
    before, started = _cpu(address), time.perf_counter()
    for rule in group["rules"]:
        asked = {"query": rule["expr"], "time": SPAN.end}
        answer = requests.post(f"{address}/api/v1/query", data=asked, timeout=300)
        if not answer.ok:
            raise QueryFailed(f"{group['name']}: {answer.text}")
    return time.perf_counter() - started, _cpu(address) - before


def _print_dashboards(folder: Path) -> Iterator[bool]:
    sys.stdout.write(f"\n{'dashboard, 7 days':<32} {'queries':>8} {'s':>8} {'cpu s':>8} {'line s':>8}\n")
    for uid, dashboard in generated().items():
        with serving(folder) as address:
            sources, before = Timed(address), _cpu(address)
            scene = scene_of(dashboard, Stage(sources, SPAN, "agent-000"))
            cpu = _cpu(address) - before
        for panel in scene["panels"]:
            for answer in panel["answers"]:
                if "error" in answer:
                    raise QueryFailed(f"{uid} {panel.get('title')}: {answer['error']}")
        seconds = sum(one for one, _ in sources.asked)
        is_fine = _row(uid, len(sources.asked), seconds, cpu, DASHBOARD_SECONDS)
        for took, query in sorted(sources.asked, reverse=True)[: 0 if is_fine else _SLOWEST]:
            sys.stdout.write(f"    {took:>6.2f} {' '.join(query.split())[:160]}\n")
        yield is_fine


def _row(name: str, count: int, seconds: float, cpu: float, line: float) -> bool:
    is_fine = min(seconds, cpu) < line
    sys.stdout.write(
        f"{name:<32} {count:>8} {seconds:>8.2f} {cpu:>8.2f} {line:>8.1f}{'' if is_fine else '  missed'}\n"
    )
    sys.stdout.flush()
    return is_fine


def _cpu(address: str) -> float:
    """What Prometheus has used so far, in seconds."""
    found = re.search(
        r"^process_cpu_seconds_total (\S+)", requests.get(f"{address}/metrics", timeout=30).text, re.M
    )
    if found is None:
        raise QueryFailed("Prometheus does not say how much CPU it used")
    return float(found[1])


class Timed(Sources):
    """A Prometheus whose answers are timed: (seconds, query) of each."""

    def __init__(self, prometheus: str) -> None:
        super().__init__(prometheus)
        object.__setattr__(self, "asked", [])

    asked: list[tuple[float, str]]

    def metrics(self, expr: str, range_: Range, step: int) -> list[Any]:
        started = time.perf_counter()
        result = super().metrics(expr, range_, step)
        self.asked.append((time.perf_counter() - started, f"step {step}: {expr}"))
        return result

    def now(self, expr: str, at: int) -> list[Any]:
        started = time.perf_counter()
        result = super().now(expr, at)
        self.asked.append((time.perf_counter() - started, expr))
        return result

    def label_values(self, series: str, label: str, range_: Range) -> list[str]:
        started = time.perf_counter()
        result = super().label_values(series, label, range_)
        self.asked.append((time.perf_counter() - started, f"values of {label} of {series}"))
        return result


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description="Measure the bundle.")
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--data", type=Path, help="where the blocks are kept (8 GB), for the next time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
