"""Stamps, and what of a log has come already."""

from __future__ import annotations

import random

from kubectl_kagent.telemetry.logs import stamps
from kubectl_kagent.telemetry.logs.seen import Seen


def line(nanoseconds: int, text: str = "x") -> bytes:
    second, rest = divmod(nanoseconds, 10**9)
    return b"2026-11-23T08:00:%02d.%09dZ %s\n" % (second, rest, text.encode())


def test_lines_come_in_the_order_of_their_stamps_and_equal_ones_stay() -> None:
    block = line(2, "b") + line(1, "a") + line(2, "a") + line(3)
    lines, strays = stamps.stamped(block)
    assert ([item[31:] for item in lines], strays) == ([b"a", b"b", b"a", b"x"], [])


def test_another_time_zone_is_turned_into_utc() -> None:
    block = b"2026-11-23T09:30:00.000000007+05:30 text\n"
    assert stamps.stamped(block) == ([b"2026-11-23T04:00:00.000000007Z text"], [])
    assert stamps.since(b"2026-11-23T09:30:00.000000007+05:30") == "2026-11-23T09:30:00+05:30"


def test_a_line_without_a_stamp_is_none_of_the_log() -> None:
    block = b"failed to watch\n" + line(5, "a") + b"\nunable to retrieve\n2026-11-23T08:00:01.0000\n"
    assert stamps.stamped(block) == (
        [line(5, "a").rstrip()],
        [b"failed to watch", b"unable to retrieve", b"2026-11-23T08:00:01.0000"],
    )


def test_a_second_reading_gives_only_what_is_new() -> None:
    seen = Seen()
    first = line(10**9, "old") + line(10**9 + 5, "a") + line(10**9 + 5, "b")
    assert seen.since() is None
    assert seen.new(first) == first
    assert seen.since() == "2026-11-23T08:00:01Z"
    again = first + line(10**9 + 5, "c") + line(10**9 + 7)
    assert seen.new(again) == line(10**9 + 5, "c") + line(10**9 + 7)
    assert seen.new(line(10**9 + 8)) == line(10**9 + 8)


def test_after_a_rotation_nothing_of_the_new_file_is_skipped() -> None:
    seen = Seen()
    seen.new(line(1) + line(2) + line(3))
    seen.since()
    assert seen.new(line(4) + line(5)) == line(4) + line(5)


def test_what_comes_late_from_the_other_stream_is_new() -> None:
    seen = Seen()
    seen.new(line(1) + line(5, "out"))
    seen.since()
    assert seen.new(line(1) + line(5, "out") + line(4, "err") + line(6)) == line(4, "err") + line(6)


def test_the_rest_of_a_long_line_that_began_before_is_skipped() -> None:
    seen = Seen()
    seen.new(line(10**9))
    seen.since()
    assert seen.new(b"rest of a line\n" + line(10**9) + line(2 * 10**9)) == line(2 * 10**9)


def test_breaks_at_random_places_lose_and_repeat_nothing() -> None:
    chance = random.Random(7)
    time, log = 0, []
    for number in range(5000):
        time += chance.choice([0, 0, 1, 50, 10**6, 3 * 10**8]) if chance.random() < 0.5 else 1
        log.append(line(time, f"{number}"))
        if time > 58 * 10**9:
            break
    seen, got, position = Seen(), [], 0
    while position < len(log):
        since = seen.since()
        start = 0
        if since:
            start = next(i for i, item in enumerate(log) if item >= since[:19].encode())
        end = min(len(log), position + chance.randint(0, 400))
        for cut in range(start, end, 40):
            got.append(seen.new(b"".join(log[cut : min(cut + 40, end)])))
        position = end
    assert b"".join(got) == b"".join(log)


def test_an_answer_in_which_no_remembered_line_is_does_not_go_on_where_the_last_one_ended() -> None:
    seen = Seen()
    seen.new(line(1, "a") + line(2, "b"))
    for again, apart in ((line(1, "a") + line(2, "b"), False), (line(2, "b"), False), (b"", True)):
        assert seen.since() is not None
        seen.new(again + line(3, "new"))
        assert seen.is_apart is apart
        seen = Seen()
        seen.new(line(1, "a") + line(2, "b"))
