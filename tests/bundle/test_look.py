"""A panel in which something would be cut is named without drawing it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.bundle import look
from tests.bundle.contents import Json, generated, panels

PANELS = {panel["title"]: panel for panel in panels(generated()["kagent-fleet"])}
TURNS, AGENTS = "Turns by agent", "Agents, the worst first"


def legend(panel: Json) -> Json:
    found: Json = panel["options"]["legend"]
    return found


def override(panel: Json, name: str) -> list[Json]:
    """The properties of the last override of a column."""
    every = panel["fieldConfig"]["overrides"]
    found: list[Json] = [one["properties"] for one in every if one["matcher"]["options"] == name][-1]
    return found


@pytest.mark.parametrize("title", [TURNS, AGENTS])
def test_nothing_is_cut(title: str) -> None:
    assert list(look.problems(PANELS[title])) == []


@pytest.mark.parametrize(
    ("title", "change", "said"),
    [
        (TURNS, lambda p: legend(p).update(displayMode="table"), "a legend below that is more than names"),
        (TURNS, lambda p: legend(p).update(calcs=["sum"]), "a legend below that is more than names"),
        (TURNS, lambda p: legend(p).update(placement="right"), "a legend beside a panel that is not wide"),
        (AGENTS, lambda p: p["fieldConfig"]["overrides"].pop(0), "empty cells say what is missing"),
        (AGENTS, lambda p: p["fieldConfig"]["defaults"]["custom"].pop("minWidth"), "its columns need 15"),
        (
            AGENTS,
            lambda p: override(p, "Cause").append({"id": "custom.width", "value": 900}),
            "its columns need 2",
        ),
        (AGENTS, lambda p: p["gridPos"].update(w=12), "and it has 760"),
    ],
)
def test_what_would_be_cut_is_named(title: str, change: Callable[[Json], Any], said: str) -> None:
    broken = copy.deepcopy(PANELS[title])
    change(broken)
    [found] = look.problems(broken)
    assert said in found
