"""What is wrong with a dashboard is named, and nothing else: good panels of each kind, then broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.pictures.machine import Studio
from tests.lab.progress import Progress

pytestmark = [pytest.mark.chromium, pytest.mark.npm]

START, STEP, COUNT = 1_795_840_000, 60, 30
LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with Studio(Progress()) as opened:
        yield opened


def series(*names: str, label: str = "agent", value: float = 5) -> list[Json]:
    samples = [[START + index * STEP, str(value + index % 7)] for index in range(COUNT)]
    return [{"metric": {label: name}, "values": samples} for name in names]


def gap(name: str) -> list[Json]:
    """A series that begins with what is no number."""
    [one] = series(name)
    return [{**one, "values": [[START, "NaN"], *one["values"][1:]]}]


def vector(*names: str, label: str = "agent", value: str = "5") -> list[Json]:
    return [{"metric": {label: name}, "value": [START, value]} for name in names]


def target(result: list[Json], kind: str = "series", legend: str = "{{agent}}", ref: str = "A") -> Json:
    return {"refId": ref, "kind": kind, "legend": legend, "step": STEP, "result": result}


def panel(kind: str, title: str, place: tuple[int, int, int, int], *answers: Json, **more: Any) -> Json:
    x, y, w, h = place
    shape = {
        "type": kind,
        "title": title,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "answers": list(answers),
    }
    return {"fieldConfig": {"defaults": {"unit": "s"}, "overrides": []}, "options": {}} | shape | more


def drawn(studio: Studio, folder: Path, *panels: Json, annotations: tuple[Json, ...] = ()) -> Json:
    """The verdict, with titles in place of the panels' numbers."""
    scene = {
        "title": "kagent / Test",
        "links": ["kagent dashboards"],
        "variables": [{"label": "Namespace", "text": "All"}],
        "range": {"from": START * 1000, "to": (START + COUNT * STEP) * 1000, "text": "the last half hour"},
        "panels": list(panels),
        "annotations": list(annotations),
    }
    verdict = studio.draw(scene, folder / "picture.png", 1600)
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    named = {
        key: [(panels[one["panel"]]["title"], one["problem"]) for one in verdict[key]]
        for key in ("problems", "blanks")
    }
    return named | {"crashes": verdict["crashes"]}


def test_good_panels_of_each_kind(studio: Studio, tmp_path: Path) -> None:
    lines = {"timestamp": f"{START}000000000", "line": "turn ended <b>well</b>"}
    wrapped = ["a " * 300, "ab " * 200]
    stream = [
        {
            "stream": {"pod": "triage"},
            "values": [[lines["timestamp"], text] for text in (lines["line"], *wrapped)],
        }
    ]
    traces = [
        {
            "traceID": "7f3c",
            "startTimeUnixNano": f"{START}000000000",
            "rootServiceName": "triage",
            "rootTraceName": "invoke_agent triage",
            "durationMs": 5200,
        }
    ]
    buckets = [{"metric": {"le": le}, "values": series("x")[0]["values"]} for le in ("1", "5", "+Inf")]
    states = {"0": {"text": "fine", "color": "green"}, "5": {"text": "slow", "color": "orange"}}
    mapped = {"defaults": {"mappings": [{"type": "value", "options": states}]}, "overrides": []}
    renamed = {"renameByName": {"agent": "Agent", "Value": "Turns"}, "excludeByName": {"Time": True}}
    alike = panel("table", "Table", (12, 9, 12, 6), target(vector("triage", "refunds"), "table"))
    verdict = drawn(
        studio,
        tmp_path,
        panel("row", "Row", (0, 0, 24, 1)),
        panel(
            "timeseries",
            "Lines",
            (0, 1, 12, 8),
            target(series("triage") + gap("refunds")),
            options={"legend": LEGEND},
        ),
        panel("stat", "Number", (12, 1, 6, 4), target(vector("triage"))),
        panel("gauge", "Gauge", (18, 1, 6, 4), target(vector("triage"))),
        panel("bargauge", "Bars", (12, 5, 12, 4), target(vector("triage", "refunds"))),
        panel(
            "state-timeline", "States", (0, 9, 12, 6), target(series("triage", value=0)), fieldConfig=mapped
        ),
        alike | {"transformations": [{"id": "organize", "options": renamed}]},
        panel("heatmap", "Heatmap", (0, 15, 12, 6), target(buckets, "heatmap")),
        panel("logs", "Logs", (12, 15, 12, 6), target(stream, "logs")),
        panel("table", "Traces", (0, 21, 12, 5), target(traces, "search")),
        panel("text", "Text", (12, 21, 6, 5), options={"content": "**Read** me"}),
        panel("nodeGraph", "Graph", (18, 21, 6, 5), target(vector("triage"))),
        annotations=({"name": "Rollout", "color": "blue", "time": (START + 600) * 1000},),
    )
    blanks = [("Gauge", "gauge: drawn by Grafana only"), ("Graph", "nodeGraph: drawn by Grafana only")]
    assert verdict == {"problems": [], "blanks": blanks, "crashes": []}


def test_panels_without_data(studio: Studio, tmp_path: Path) -> None:
    unasked = {**target([]), "unasked": "no Tempo to ask"}
    verdict = drawn(
        studio,
        tmp_path,
        panel("timeseries", "Nothing", (0, 0, 8, 6), target([])),
        panel("stat", "Not a number", (8, 0, 8, 6), target(vector("triage", value="NaN"))),
        panel("table", "No rows", (16, 0, 8, 6), target([], "table")),
        panel("timeseries", "Refused", (0, 6, 8, 6), target([]) | {"error": "parse error: unexpected end"}),
        panel(
            "table",
            "Unknown",
            (8, 6, 8, 6),
            target(vector("triage"), "table"),
            transformations=[{"id": "extractFields", "options": {}}],
        ),
        panel("table", "Traces", (16, 6, 8, 6), unasked),
    )
    assert verdict["problems"] == [
        ("Nothing", "no data"),
        ("Not a number", "no data"),
        ("No rows", "no data"),
        ("Refused", "A: parse error: unexpected end"),
        ("Unknown", "transformation extractFields is not one of @grafana/data"),
    ]
    assert verdict["blanks"] == [("Traces", "no Tempo to ask")]


def test_what_is_cut_or_covered(studio: Studio, tmp_path: Path) -> None:
    many = [f"agent-{number}" for number in range(40)]
    wide = [{"metric": {f"label_{number}": "x" for number in range(12)}, "value": [START, "1"]}]
    long_name = "an-agent-with-a-name-that-no-column-holds-however-wide-it-may-be"
    column = {
        "matcher": {"id": "byName", "options": "agent"},
        "properties": [{"id": "custom.width", "value": 90}],
    }
    narrow = {"defaults": {}, "overrides": [column]}
    no_time = {"transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]}
    verdict = drawn(
        studio,
        tmp_path,
        panel("timeseries", "Legend", (0, 0, 8, 6), target(series(*many)), options={"legend": LEGEND}),
        panel(
            "stat", "A title that is too long for its narrow panel", (8, 0, 3, 4), target(vector("triage"))
        ),
        panel("table", "Wide", (11, 0, 7, 6), target(wide, "table")),
        panel(
            "table", "Cell", (18, 0, 6, 6), target(vector(long_name), "table"), fieldConfig=narrow, **no_time
        ),
        panel("stat", "Under", (0, 8, 8, 4), target(vector("triage"))),
        panel("stat", "Over", (4, 10, 8, 4), target(vector("triage"))),
        panel(
            "bargauge",
            "Names",
            (12, 8, 6, 4),
            target(vector(long_name, "b")),
            options={"orientation": "horizontal"},
        ),
    )
    long_title = "A title that is too long for its narrow panel"
    shortened = f'text "{long_name[:59]}…" is cut'
    assert verdict["problems"] == [
        ("Under", 'lies over the panel "Over"'),
        ("Legend", 'legend is cut, from "agent-12" on'),
        (long_title, f'text "{long_title}" is cut'),
        ("Wide", 'table is wider than its panel, from "label_10" on'),
        ("Cell", f'column "agent" is too narrow for "{long_name[:59]}…"'),
        ("Names", shortened),
    ]


def test_what_can_not_be_read(studio: Studio, tmp_path: Path) -> None:
    narrow = {"defaults": {"unit": "s", "custom": {"axisWidth": 12}}, "overrides": []}
    over = '<p style="margin-bottom:-22px">One line of it</p><p>Another line</p>'
    many = [f"an-agent-with-a-long-name-{number}" for number in range(60)]
    verdict = drawn(
        studio,
        tmp_path,
        panel("timeseries", "Axis", (0, 0, 8, 6), target(series("triage")), fieldConfig=narrow),
        panel("text", "Lines", (8, 0, 8, 6), options={"content": over}),
        panel("stat", "Many", (16, 0, 4, 4), target(vector(*many))),
    )
    assert verdict["problems"] == [
        ("Axis", 'text "6 s" is cut'),
        ("Axis", 'text "8 s" is cut'),
        ("Axis", 'text "10 s" is cut'),
        ("Lines", 'text "One line of it" lies over "Another line"'),
        ("Many", 'texts are too small to read, from "an-agent-with-a-long-name-0" on'),
    ]


def test_what_others_wrote_is_text(studio: Studio, tmp_path: Path) -> None:
    hostile = '<img src="http://example.org/x" onerror="document.body.innerHTML=1">'
    stream = [{"stream": {"pod": hostile}, "values": [[f"{START}000000000", hostile]]}]
    verdict = drawn(
        studio,
        tmp_path,
        panel("timeseries", "Legend", (0, 0, 24, 8), target(series(hostile)), options={"legend": LEGEND}),
        panel("logs", "Logs", (0, 8, 24, 6), target(stream, "logs")),
        panel("text", "Text", (0, 14, 24, 4), options={"content": f"<script>throw 1</script>{hostile}"}),
    )
    assert verdict == {"problems": [], "blanks": [], "crashes": []}
