"""From when on a node has lines, and whether that is late."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubectl_kagent.telemetry.logs.served import is_late


@pytest.mark.parametrize(
    ("stamp", "late"),
    [
        (b"2026-11-23T08:00:59.000000000Z", False),
        (b"2026-11-23T08:01:01.000000000Z", True),
        (b"unable to retrieve container logs", False),
        (b"", False),
    ],
)
def test_a_minute_is_not_late_yet(stamp: bytes, *, late: bool) -> None:
    assert is_late(stamp, datetime(2026, 11, 23, 8, tzinfo=UTC)) is late
