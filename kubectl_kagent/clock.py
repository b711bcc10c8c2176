"""The clock, in one place: tests give the program their own time. And times as they are written."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of a clock that only goes on, for limits and waits."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, as the API server writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """The moment an RFC 3339 time names. Raises ValueError for anything else, and without a time zone."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment


def parse_or_none(value: Any) -> datetime | None:
    """The moment an RFC 3339 time names, in UTC when it names no zone; None for anything else."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
