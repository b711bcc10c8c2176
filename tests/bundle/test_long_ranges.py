"""Ranges of more than a day are summed up from hours, and count what shorter ones count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.pictures.scene import Stage, scene_of
from scripts.pictures.sources import Range, Sources
from tests.bundle.agents import recorded
from tests.bundle.contents import generated
from tests.bundle.curves import HOUR, Series, constant, counted
from tests.bundle.prometheus import prometheus

pytestmark = pytest.mark.telemetry

START = 1_795_680_000  # a whole hour
END = START + 50 * HOUR + 1500  # the last hour was closed 25 minutes before
TURNS = counted(6)
FLEET = generated()["kagent-fleet"]


def one_agent(start: int, _end: int) -> Iterator[Series]:
    yield Series("kagent_agent_info", {"namespace": "support", "name": "triage"}, constant(1))
    yield from recorded("agent:turns", {"namespace": "support", "agent": "triage"}, TURNS)
    yield Series("kagent:hours:closed", {}, lambda second: start + second - second % HOUR)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("days"), START, END, one_agent) as address:
        yield address


def turns(url: str, seconds: int) -> tuple[str, str]:
    """The query, and what the dashboard shows."""
    panels = scene_of(FLEET, Stage(Sources(url), Range(END - seconds, END)))["panels"]
    [answer] = next(panel["answers"] for panel in panels if panel["title"] == "Turns")
    [sample] = answer["result"]
    return answer["expr"], sample["value"][1]


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (48 * HOUR + 1500, 'increase1h{cluster=~".*",namespace=~".*",agent=~".*"}[174300s]'),
        (24 * HOUR + 1500, 'increase1h{cluster=~".*",namespace=~".*",agent=~".*"}[87900s]'),
        (24 * HOUR, 'increase5m{cluster=~".*",namespace=~".*",agent=~".*"}[86400s]'),
        (600, 'increase5m{cluster=~".*",namespace=~".*",agent=~".*"}[600s]'),
    ],
)
def test_turns_of_a_range(url: str, seconds: int, read: str) -> None:
    query, shown = turns(url, seconds)
    assert read in query
    length = END - START
    assert shown == str(int(TURNS(length) - TURNS(length - seconds)))


def test_what_is_open_is_asked_for(url: str) -> None:
    assert 'increase5m{cluster=~".*",namespace=~".*",agent=~".*"}[1500s]' in turns(url, 48 * HOUR)[0]
