"""Turns in several stretches of time: none counts twice, and what nobody counted is not zero."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.model.trace import AGENT, Record, Step, Tokens, Turn
from kubectl_kagent.model.usage import AGENTS, Stretch, Stretches, UsageRow, Wanted
from kubectl_kagent.telemetry.traces.sources import FromController, records
from kubectl_kagent.telemetry.usage import stretches
from kubectl_kagent.telemetry.usage.tokens import unpriced, with_tokens
from tests import recordings
from tests.fake.prometheus import CountedTurn, CountingPrometheus
from tests.loopback import response, serve

PRICES = {("small", "input"): 0.5, ("small", "output"): 2.0}


def window(begin: float, end: float, agent: str = "") -> Wanted:
    return Wanted(AGENTS, None, end - begin, end, agent=agent)


def ask(counting: CountingPrometheus, *asked: Wanted) -> Stretches:
    with serve() as server:
        server.answer = lambda request: response(200, counting.answer(request.path))
        return stretches.from_prometheus(replace(at_address(server.url), name="p"), asked, now=100)


def test_windows_that_touch_share_no_turn() -> None:
    counting = CountingPrometheus([CountedTurn("a-b", end) for end in (10, 20, 20.5, 30)])
    found = ask(counting, window(0, 20), window(20, 30), window(30, 40)).counted
    counts = [stretch.of("default", "a-b") for stretch in found]
    assert [row and row.calls for row in counts] == [2, 2, 0]


def test_tokens_and_what_they_cost() -> None:
    turns = [CountedTurn("a-b", 5, prompt=100, output=10), CountedTurn("c", 6, prompt=3, model="large")]
    found = ask(CountingPrometheus(turns, prices=PRICES), window(0, 10))
    priced, free = (found.counted[0].of("default", agent) for agent in ("a-b", "c"))
    assert priced
    assert free
    assert (priced.tokens, priced.cost) == (Tokens(100, 10), 70.0)
    assert (free.tokens, free.cost) == (Tokens(3, 0), None)
    assert found.gaps == ("Prometheus (p): there is no price of large",)


def test_models_of_other_namespaces_are_no_matter() -> None:
    turns = [CountedTurn("a", 5, prompt=1), CountedTurn("a", 5, prompt=1, namespace="b", model="large")]
    asked = Wanted(AGENTS, "default", 10, 10, agent="a")
    found = ask(CountingPrometheus(turns, prices=PRICES), asked)
    assert ([row.namespace for row in found.counted[0].rows], found.gaps) == (["default"], ())


def test_without_any_price_nothing_is_said_of_prices() -> None:
    found = ask(CountingPrometheus([CountedTurn("a", 5, prompt=1)]), window(0, 10))
    assert (found.counted[0].rows[0].cost, found.gaps) == (None, ())


def test_what_nobody_counts_is_not_zero_tokens() -> None:
    row = UsageRow("default", "a", "a", 1, 0)
    assert with_tokens([row], {}, PRICES) == (row,)
    spent = {("default", "a", "a"): {("small", "input"): 2.4, ("small", "cached"): 0.2}}
    assert with_tokens([row], spent, PRICES) == (replace(row, tokens=Tokens(2, 0), cost=1.2),)
    assert unpriced(spent, PRICES) == set()


def test_a_stretch_before_the_first_sample_is_not_known() -> None:
    counting = CountingPrometheus([CountedTurn("a", 25)], begins=15)
    before, first, after = ask(counting, window(0, 10), window(10, 30), window(30, 40)).counted
    assert before == Stretch((), begun=False)
    assert before.of("default", "a") is None
    assert (first.begun, first.rows[0].calls) == (False, 1)
    assert after.of("default", "a") == UsageRow("default", "a", "a", 0, 0)


# From the records

BEGAN = 1795395837.020857  # of the session in the recording


def recorded(*asked: Wanted, sessions: list[object] | None = None) -> Stretches:
    session = recordings.rest("session")
    listed = [session["session"]] if sessions is None else sessions

    def answer(path: str) -> object:
        if path.startswith("/api/sessions?") or path == "/api/sessions":
            return listed
        return recordings.rest("session_tasks") if "/tasks" in path else session

    with serve() as server:
        server.answer = lambda request: response(
            200, {"kagent_version": "0.10.4", "data": answer(request.path)}
        )
        controller = Controller(at_address(server.url).http)
        return stretches.from_records(records((controller,)), asked)


def test_a_recorded_turn_is_in_the_stretch_in_which_it_began() -> None:
    begin = recorded(window(BEGAN - 10, BEGAN), window(BEGAN, BEGAN + 0.01), window(BEGAN + 0.01, BEGAN + 10))
    counts = [stretch.of("default", "datetime-agent") for stretch in begin.counted]
    assert [row and row.calls for row in counts] == [None, 1, 0]
    assert counts[1] is not None
    assert counts[1].tokens == Tokens(84, 14)


def test_of_one_agent_the_turns_of_others_are_left_out() -> None:
    (found,) = recorded(window(BEGAN - 1, BEGAN + 1, "other")).counted
    assert found == Stretch((), begun=True)


@pytest.mark.parametrize("sessions", [[], [{"id": "gone", "updated_at": "2020-01-01T00:00:00Z"}]])
def test_without_records_nothing_is_known(sessions: list[object]) -> None:
    (found,) = recorded(window(BEGAN - 10, BEGAN + 10), sessions=sessions).counted
    assert found == Stretch((), begun=False)


def test_nothing_is_asked_for_no_stretch() -> None:
    assert recorded() == Stretches(())


def test_turns_without_a_time_are_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = tuple(Turn("default/a", Step(AGENT, "a", start=start), "completed") for start in (None, 5.0))
    monkeypatch.setattr(FromController, "turns", lambda *_: Record(turns, ("unread",)))
    found = recorded(window(0, 10))
    assert [row.calls for row in found.counted[0].rows] == [1]
    assert found.gaps == ("unread", "turns without a time are left out: 1")
