"""Durations as they are typed."""

from __future__ import annotations

import pytest

from kubectl_kagent.cli.duration import seconds
from kubectl_kagent.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("15", 15),
        ("1.5", 1.5),
        ("30s", 30),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("5m", 300),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h2m3s4ms", 3723.004),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "s", "soon", "-5s", "5 s", "1d", "5m30", "1h-2m", "\u0663s", "1e3s", "5S"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        seconds(text)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "h", "2562048h", "9223372037"])
def test_a_duration_is_no_longer_than_gos(text: str) -> None:
    assert seconds("2562047h") == 2562047 * 3600
    with pytest.raises(UsageError, match="is too long"):
        seconds(text)
