"""Steps and Grafana's own variables."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.pictures.sources import Range
from scripts.pictures.steps import built_in, seconds_of, step_of
from scripts.pictures.variables import for_query, replaced

SIX_HOURS = Range(1_795_838_400, 1_795_860_000)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), (">30s", 30), ("5m", 300), ("100ms", 1), ("1d", 86400)]
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


def test_no_duration() -> None:
    with pytest.raises(ValueError, match=r"^not a duration: 'often'$"):
        seconds_of("often")


@pytest.mark.parametrize(
    ("panel", "target", "step"),
    [
        ({}, {}, 30),
        ({"maxDataPoints": 100}, {}, 300),
        ({"maxDataPoints": 20}, {}, 900),
        ({"interval": "5m"}, {}, 300),
        ({"interval": "5m"}, {"interval": "1m"}, 60),
        ({}, {"interval": "$__rate_interval"}, 120),
    ],
)
def test_the_step_of_a_query(panel: dict[str, Any], target: dict[str, Any], step: int) -> None:
    assert step_of(panel, target, SIX_HOURS, 800) == step


def test_variables_of_grafana() -> None:
    text = "[$__auto] [$__interval] [$__rate_interval] [$__range] $__range_s $__from ${__to}"
    expected = "[300s] [300s] [330s] [21600s] 21600 1795838400000 1795860000000"
    assert replaced(text, built_in(SIX_HOURS, 300), for_query) == expected
    assert replaced("$__rate_interval", built_in(SIX_HOURS, 30), for_query) == "120s"
