"""In good times a panel shows zeros, or the word none: what is empty lacks its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.panels import THRESHOLD
from scripts.pictures.scene import Stage, scene_of
from scripts.pictures.sources import Range, Sources
from tests.bundle.contents import generated
from tests.bundle.prometheus import prometheus
from tests.bundle.series import good_times

pytestmark = pytest.mark.telemetry

SPAN = Range(1_795_838_400, 1_795_860_000)
DASHBOARDS = generated()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Stage]]:
    """A fleet in which all is well, and a Prometheus that knows of none."""
    known, unknown = (tmp_path_factory.mktemp(name) for name in ("known", "unknown"))
    with (
        prometheus(known, SPAN.start, SPAN.end, good_times) as url,
        prometheus(unknown, SPAN.start, SPAN.end, lambda _start, _end: []) as other,
    ):
        yield Stage(Sources(url), SPAN, "triage"), Stage(Sources(other), SPAN, "triage")


def numbers(panel: dict[str, Any]) -> list[float]:
    """Every number that Prometheus answers to a panel's queries, but for the thresholds that it draws."""
    answers = [answer for answer in panel["answers"] if answer["legend"] != THRESHOLD]
    found = [one for answer in answers for one in answer["result"]]
    samples = [sample for one in found for sample in one.get("values", [one.get("value")])]
    return [float(value) for _, value in samples if value != "NaN"]


def of_prometheus(uid: str, stage: Stage) -> dict[str, list[float]]:
    panels = scene_of(DASHBOARDS[uid], stage)["panels"]
    asked = [panel for panel in panels if panel.get("datasource", {}).get("type") == "prometheus"]
    return {f"{panel['type']} {panel['title']}": numbers(panel) for panel in asked}


@pytest.mark.parametrize("uid", sorted(DASHBOARDS))
def test_no_panel_is_empty(uid: str, stages: tuple[Stage, Stage]) -> None:
    assert [title for title, found in of_prometheus(uid, stages[0]).items() if not found] == []


@pytest.mark.parametrize("uid", sorted(DASHBOARDS))
def test_what_is_not_known_is_not_0(uid: str, stages: tuple[Stage, Stage]) -> None:
    assert [title for title, found in of_prometheus(uid, stages[1]).items() if found] == []
