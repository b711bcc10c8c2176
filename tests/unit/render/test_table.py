"""Plain tables and ages, to the character as kubectl has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest

from kubectl_kagent.render.table import age, plain, table

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = 60, 3600, 86400


def test_columns_stand_three_apart_and_lines_end_without_blanks() -> None:
    rows = [["datetime-agent", "1/1", ""], ["b", "10/10", "x"]]
    assert table(["NAME", "READY", "WHY"], rows) == dedent("""\
        NAME             READY   WHY
        datetime-agent   1/1     <none>
        b                10/10   x
        """)


def test_a_narrow_column_is_six_wide() -> None:
    assert table(["A", "B", "C"], [["clock", "3", "true"]]) == dedent("""\
        A       B     C
        clock   3     true
        """)


def test_a_table_without_rows_is_its_header() -> None:
    assert table(["NAME", "AGE"], []) == "NAME   AGE\n"


def test_wide_characters_count_twice() -> None:
    lines = table(["NAME", "X"], [["日本", "1"], ["ab", "2"]]).splitlines()
    assert lines == ["NAME   X", "日本   1", "ab     2"]


def test_what_joins_the_character_before_it_takes_no_column() -> None:
    lines = table(["NAME", "X"], [["cafe\u0301", "1"], ["\u2764\ufe0f", "2"], ["ab", "3"]]).splitlines()
    assert lines == ["NAME   X", "cafe\u0301   1", "\u2764\ufe0f     2", "ab     3"]


def test_plain_takes_the_sting_out_of_control_characters() -> None:
    assert plain("one\ntwo\tthree\x1b[31m \x00") == "one two three [31m"
    assert plain("  ä 😀  ") == "ä 😀"
    assert plain("one\u2028two\u2029three\x85four") == "one two three four"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1, "1s"),
        (59, "59s"),
        (60, "60s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 1, "2m1s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE, "10m"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 59, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY, "8d"),
        (365 * DAY, "365d"),
        (2 * 365 * DAY - 1, "729d"),
        (2 * 365 * DAY, "2y"),
        (2 * 365 * DAY + DAY, "2y1d"),
        (8 * 365 * DAY - 1, "7y364d"),
        (8 * 365 * DAY, "8y"),
        (8 * 365 * DAY + DAY, "8y"),
    ],
)
def test_ages_are_shortened_as_kubectl_does(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text
    assert age(NOW - timedelta(seconds=seconds, milliseconds=900), NOW) == text


def test_a_clock_ahead_of_ours_is_no_age() -> None:
    assert age(NOW + timedelta(seconds=30), NOW) == "0s"
