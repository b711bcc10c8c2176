"""Each dashboard, drawn from the made-up fleet, is whole: nothing is empty, cut or covered.

Neither when much fails, nor in good times, when the series of failures have not begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.pictures.__main__ import picture
from scripts.pictures.machine import Studio
from scripts.pictures.scene import Stage
from scripts.pictures.sources import Range, Sources
from tests.bundle.contents import generated
from tests.bundle.prometheus import Fleet, prometheus
from tests.bundle.series import everything, good_times
from tests.lab.progress import Progress

pytestmark = [pytest.mark.chromium, pytest.mark.npm, pytest.mark.telemetry]

SPAN = Range(1_795_838_400, 1_795_860_000)
DASHBOARDS = generated()


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with Studio(Progress()) as opened:
        yield opened


@pytest.fixture(scope="module", params=[everything, good_times], ids=["trouble", "good times"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    fleet: Fleet = request.param
    with prometheus(tmp_path_factory.mktemp("prometheus"), SPAN.start, SPAN.end, fleet) as url:
        yield Stage(Sources(url), SPAN)


@pytest.mark.parametrize("uid", sorted(DASHBOARDS))
def test_is_whole(uid: str, studio: Studio, stage: Stage, tmp_path: Path) -> None:
    assert picture(studio, DASHBOARDS[uid], stage, tmp_path / "picture.png").problems == []
