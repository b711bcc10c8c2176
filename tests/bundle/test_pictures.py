"""``python -m scripts.pictures``: what it prints, what it leaves, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.bundle.contents import generated
from tests.lab.layout import CHECKOUT
from tests.loopback import Loopback, Received, response, serve

pytestmark = [pytest.mark.chromium, pytest.mark.npm]

END = 1_795_860_000


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A Prometheus that knows one agent's turns, and no series named gone."""

    def answer(request: Received) -> bytes:
        if urlsplit(request.path).path.startswith("/api/v1/label/"):
            return response(200, {"status": "success", "data": ["triage"]})
        values = [[END - 21600 + 300 * index, str(index % 9)] for index in range(72)]
        known = [{"metric": {"agent": "triage"}, "values": values}]
        result = [] if "gone" in request.path else known
        return response(200, {"status": "success", "data": {"resultType": "matrix", "result": result}})

    with serve() as loopback:
        loopback.answer = answer
        yield loopback


def dashboard(*queries: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${prometheus_datasource}"}
    targets = [
        {"refId": letter, "expr": query, "legendFormat": "{{agent}}", "datasource": source}
        for letter, query in zip("ABC", queries, strict=False)
    ]
    panel = {"id": 1, "title": "Turns", "type": "timeseries", "targets": targets}
    variable = {"name": "agent", "type": "query", "query": "label_values(kagent_agent_info, name)"}
    return {
        "uid": "kagent-fleet",
        "title": "kagent / Fleet",
        "panels": [panel | {"gridPos": {"x": 0, "y": 0, "w": 24, "h": 8}}],
        "templating": {"list": [variable]},
    }


def pictures(folder: Path, server: Loopback, **dashboards: dict[str, Any]) -> tuple[int, str]:
    paths = [folder / f"{name}.json" for name in dashboards]
    for path, one in zip(paths, dashboards.values(), strict=True):
        path.write_text(json.dumps(one))
    words = ["-m", "scripts.pictures", "--prometheus", server.url, "--at", str(END), "--out", str(folder)]
    command = [sys.executable, *words, *map(str, paths)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def test_nothing_is_wrong(tmp_path: Path, server: Loopback) -> None:
    assert pictures(tmp_path, server, fine=dashboard("turns", "gone")) == (
        0,
        "fine: note: Turns: query B finds nothing\n",
    )
    assert (tmp_path / "fine.png").read_bytes().startswith(b"\x89PNG")


def test_each_dashboard_that_is_wrong_is_named(tmp_path: Path, server: Loopback) -> None:
    twice = dashboard("turns")
    twice["panels"] *= 2
    odd = dashboard("turns")
    odd["templating"]["list"][0]["type"] = "adhoc"
    assert pictures(tmp_path, server, twice=twice, odd=odd, empty=dashboard("gone")) == (
        1,
        "twice: wrong: Turns: has the id of Turns, 1\n"
        'twice: wrong: Turns: lies over the panel "Turns"\n'
        "odd: wrong: variable $agent is of type adhoc\n"
        "empty: wrong: Turns: no data\n"
        "empty: note: Turns: query A finds nothing\n",
    )
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["empty.png", "twice.png"]


@pytest.mark.telemetry
def test_the_bundles_own_dashboards(tmp_path: Path) -> None:
    """With the made-up fleet, which a Prometheus of the lab's programs knows."""
    command = [sys.executable, "-m", "scripts.pictures", "--at", str(END), "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=900, check=False)
    assert [line for line in done.stdout.splitlines() if ": wrong: " in line] == []
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in tmp_path.glob("*.png")} == set(generated())
