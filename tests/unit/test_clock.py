"""Times as they are written: how they are read, and how the plugin writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kubectl_kagent import clock


def test_times_are_utc_and_read_back() -> None:
    berlin = datetime(2026, 11, 23, 9, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert clock.timestamp(berlin) == "2026-11-23T08:00:05Z"
    assert clock.parse_time(clock.timestamp(berlin)) == berlin
    assert clock.parse_time("2026-11-23T08:00:05.123456Z").microsecond == 123456


@pytest.mark.parametrize("text", ["2026-11-23T08:00:05", "2026-11-23", "soon", ""])
def test_a_time_without_a_zone_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        clock.parse_time(text)


@pytest.mark.parametrize("value", [None, 5, "", "yesterday", [], {}])
def test_what_names_no_moment_is_none(value: Any) -> None:
    assert clock.parse_or_none(value) is None


def test_a_time_without_a_zone_may_be_utc() -> None:
    assert clock.parse_or_none("2026-11-23T01:03:56") == datetime(2026, 11, 23, 1, 3, 56, tzinfo=UTC)
    assert clock.parse_or_none("2026-11-23T02:03:56+01:00") == datetime(2026, 11, 23, 1, 3, 56, tzinfo=UTC)
