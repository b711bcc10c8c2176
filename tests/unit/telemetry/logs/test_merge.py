"""The merge: in order, with a bounded delay, in bounded memory."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from kubectl_kagent import clock
from kubectl_kagent.telemetry.logs import merge as merging
from kubectl_kagent.telemetry.logs.lane import DELAY, LONGEST_DELAY, Lane
from kubectl_kagent.telemetry.logs.merge import Merge
from kubectl_kagent.telemetry.logs.stamps import text_of

EIGHT = datetime.fromisoformat("2026-11-23T08:00:00Z")


class Time:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        monkeypatch.setattr(clock, "now", lambda: EIGHT + timedelta(seconds=self.now - 100))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def line(nanoseconds: int, text: str = "x") -> bytes:
    return b"2026-11-23T08:00:00.%09dZ %s\n" % (nanoseconds, text.encode())


def plain(lines: list[bytes]) -> tuple[list[bytes], bytes]:
    return lines, b"\n".join(map(text_of, lines))


def test_a_lane_alone_waits_for_nobody(time: Time) -> None:
    merge = Merge(patient=False)
    merge.lane(plain).put(line(1, "a") + line(2, "b"))
    assert merge.take(time.now) == b"a\nb\n"
    assert merge.take(time.now) == b""


def test_lines_go_out_as_far_as_every_lane_has_come(time: Time) -> None:
    merge = Merge(patient=False)
    one, two = merge.lane(plain), merge.lane(plain)
    one.put(line(1, "a") + line(4, "d"))
    assert merge.take(time.now) == b""
    two.put(line(2, "b") + line(3, "c"))
    assert merge.take(time.now) == b"a\nb\nc\n"
    two.end()
    assert merge.take(time.now) == b"d\n"


def test_equal_stamps_of_one_container_keep_their_order(time: Time) -> None:
    merge = Merge(patient=True)
    one, two = merge.lane(plain), merge.lane(plain)
    one.put(line(1, "z") + line(1, "a"))
    two.put(line(0, "first"))
    one.end()
    two.end()
    assert merge.take(time.now) == b"first\nz\na\n"
    assert merge.lanes == 0


def test_a_quiet_lane_is_waited_for_only_a_moment(time: Time) -> None:
    merge = Merge(patient=False)
    quiet, busy = merge.lane(plain), merge.lane(plain)
    quiet.put(line(1, "a"))
    busy.put(line(1, "A"))
    assert merge.take(time.now) == b"a\nA\n"
    time.now += DELAY
    busy.put(line(2, "b"))
    assert merge.take(time.now) == b""
    time.now += DELAY
    assert merge.take(time.now) == b"b\n"


def test_a_lane_that_connects_again_is_waited_for_longer(time: Time) -> None:
    merge = Merge(patient=False)
    away, busy = merge.lane(plain), merge.lane(plain)
    away.wait_for(LONGEST_DELAY)
    busy.put(line(2, "b"))
    merge.take(time.now)
    time.now += LONGEST_DELAY / 2
    assert merge.take(time.now) == b""
    away.put(line(1, "a"))
    busy.put(line(3, "c"))
    assert merge.take(time.now) == b"a\n"


def test_a_lane_that_reads_the_past_is_waited_for_and_not_any_more_when_it_has(time: Time) -> None:
    merge = Merge(patient=False)
    past, busy = merge.lane(plain), merge.lane(plain)
    past.catch_up(on=True)
    past.put(line(1, "a"))
    busy.put(line(2, "b"))
    assert merge.take(time.now) == b"a\n"
    time.now += 10 * LONGEST_DELAY
    assert merge.take(time.now) == b""
    past.catch_up(on=False)
    assert merge.take(time.now) == b"b\n"


def test_lines_of_the_past_do_not_wait_for_a_lane_that_is_of_now(time: Time) -> None:
    merge = Merge(patient=False)
    now, past = merge.lane(plain), merge.lane(plain)
    now.catch_up(on=False)
    time.now += 60
    past.catch_up(on=True)
    past.put(line(1, "old"))
    assert merge.take(time.now) == b"old\n"


def test_a_lane_that_sends_without_a_pause_is_waited_for_longer(time: Time) -> None:
    merge = Merge(patient=False)
    held_up, other = merge.lane(plain), merge.lane(plain)
    for number in range(100):
        held_up.put(line(number))
    other.put(line(500, "b"))
    merge.take(time.now)
    time.now += 2 * DELAY
    assert merge.take(time.now) == b""
    time.now += 2 * DELAY
    assert merge.take(time.now) == b"b\n"


def test_a_clock_that_is_an_hour_late_delays_the_others_by_a_bounded_time(time: Time) -> None:
    merge = Merge(patient=False)
    right, late = merge.lane(plain), merge.lane(plain)
    right.put(b"2026-11-23T09:00:00.000000000Z right\n")
    for number in range(20):
        late.put(line(number, f"late {number}"))
        out = merge.take(time.now)
        time.now += DELAY / 2
        if b"right" in out:
            break
    assert 0 < time.now - 100 <= LONGEST_DELAY + DELAY


def test_a_past_is_waited_for_as_long_as_it_takes(time: Time) -> None:
    merge = Merge(patient=True)
    slow, quick = merge.lane(plain), merge.lane(plain)
    quick.put(line(5, "b"))
    quick.end()
    time.now += 3600
    assert merge.take(time.now) == b""
    slow.put(line(1, "a"))
    slow.end()
    assert merge.take(time.now) == b"a\nb\n"


def test_what_waits_can_be_had_at_once(time: Time) -> None:
    merge = Merge(patient=False)
    merge.lane(plain)
    merge.lane(plain).put(line(5, "b"))
    assert merge.take(time.now, everything=True) == b"b\n"


def test_a_full_lane_makes_its_reader_wait_and_the_others_wait_for_it(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_ROOM", 200)
    monkeypatch.setattr(merging, "_LEAST_ROOM", 0)
    merge = Merge(patient=False)
    ahead, behind = merge.lane(plain), merge.lane(plain)
    behind.put(line(1, "b"))
    ahead.put(b"".join(line(number, "a") for number in range(2, 6)))
    put = threading.Event()

    def more() -> None:
        ahead.put(line(7, "late"))
        put.set()

    thread = threading.Thread(target=more, daemon=True)
    thread.start()
    assert merge.take(time.now) == b"b\n"
    time.now += 10 * DELAY
    behind.put(line(6, "b"))
    assert not put.is_set()
    assert merge.take(time.now) == b"a\na\na\na\n"
    thread.join(10)
    assert put.is_set()


def test_lines_that_a_filter_leaves_out_leave_no_empty_ones(time: Time) -> None:
    def none(lines: list[bytes]) -> tuple[list[bytes], bytes]:
        return [], b""

    merge = Merge(patient=True)
    one, two = merge.lane(none), merge.lane(plain)
    one.put(line(1))
    two.put(line(2, "b"))
    one.end()
    two.end()
    assert merge.take(time.now) == b"b\n"


def test_a_lane_without_lines_is_over_when_it_ends(time: Time) -> None:
    lane = Lane(threading.Event(), patient=True)
    assert not lane.over
    lane.end()
    assert lane.over
