"""What waits for a person, and the answer as kagent reads it."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.conversation.decisions import (
    UNREADABLE,
    Pending,
    Verdict,
    decision,
    pending,
    rejected,
    rejection,
)
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.events import Question, Request, ToolCall, Unknown

YES, NO = Verdict(approved=True), Verdict(approved=False)


def call(id_: str, name: str = "delete", **args: Any) -> ToolCall:
    return ToolCall(id_, name, args)


def waits(*ids: str) -> list[Pending]:
    return [Pending(call(id_), "", ()) for id_ in ids]


def asks(id_: str) -> Pending:
    return Pending(call(id_, "ask_user"), "", (Question("Which?", ("a", "b")),))


def test_a_sub_agents_calls_stand_for_the_call_of_the_sub_agent() -> None:
    question = {"question": "Which?", "choices": ["a"], "multiple": True}
    inner = (call("1"), call("2", "ask_user", questions=[question]))
    requests = [
        Request("r1", call("0", "team__NS__helper"), "", (), inner),
        Request("r2", call("3"), "", (), ()),
    ]
    assert pending(requests) == (
        Pending(inner[0], "team__NS__helper", ()),
        Pending(inner[1], "team__NS__helper", (Question("Which?", ("a",), multiple=True),)),
        Pending(call("3"), "", ()),
    )


def test_beside_a_call_that_can_not_be_read_nothing_is_approved() -> None:
    odd = Unknown({"name": "drop", "args": ["prod"]})
    both = pending(
        [
            Request("r1", call("a"), "", (), ()),
            Request("r2", call("b", "team__NS__helper"), "", (), (odd,)),
            Request("r3", odd, "", (), (call("c"),)),
        ]
    )
    assert both == (
        Pending(call("a"), "", ()),
        Pending(odd, "team__NS__helper", ()),
        Pending(call("c"), "", ()),
        Pending(odd, "", ()),
    )
    for verdicts in ([YES] * 4, [YES, NO, NO, NO]):
        with pytest.raises(KagentError) as caught:
            decision(both, verdicts)
        assert caught.value.message == UNREADABLE
    assert decision(both, [NO] * 4) == rejection(both) == {"decision_type": "reject"}


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        ({"decision_type": "approve", "decisions": {"a": "approve", "b": "approve"}}, set()),
        ({"decision_type": "reject"}, {"a", "b"}),  # as kagent's own page says it
        ({"decision_type": "reject", "decisions": {"a": "reject"}}, {"a", "b"}),
        ({"decision_type": "batch", "decisions": {"a": "approve", "b": "reject", "c": "reject"}}, {"b"}),
        ({"decision_type": "batch", "decisions": ["b"]}, set()),
        ({"decision_type": ["reject"]}, set()),
    ],
)
def test_which_calls_a_decision_rejects(said: dict[str, Any], ids: set[str]) -> None:
    inner = Pending(call("c"), "team__NS__helper", ())
    assert rejected([*waits("a", "b", ""), inner], said) == ids


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([YES, YES], {"decision_type": "approve", "decisions": {"a": "approve", "b": "approve"}}),
        ([NO, NO], {"decision_type": "reject", "decisions": {"a": "reject", "b": "reject"}}),
        (
            [Verdict(approved=False, reason="no")] * 2,
            {
                "decision_type": "reject",
                "rejection_reason": "no",
                "decisions": {"a": "reject", "b": "reject"},
            },
        ),
        ([YES, NO], {"decision_type": "batch", "decisions": {"a": "approve", "b": "reject"}}),
        (
            [Verdict(approved=False, reason="x"), Verdict(approved=False, reason="y")],
            {
                "decision_type": "batch",
                "decisions": {"a": "reject", "b": "reject"},
                "rejection_reasons": {"a": "x", "b": "y"},
            },
        ),
        (
            [Verdict(approved=False, reason="x"), Verdict(approved=True, reason="of no use")],
            {
                "decision_type": "batch",
                "decisions": {"a": "reject", "b": "approve"},
                "rejection_reasons": {"a": "x"},
            },
        ),
    ],
)
def test_decisions(verdicts: list[Verdict], said: dict[str, Any]) -> None:
    assert decision(waits("a", "b"), verdicts) == said


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        ("ab", {"decisions": {"a": "reject", "b": "reject"}}),
        ("aa", {}),
        ("", {}),
    ],
)
def test_a_rejection_is_one_whatever_waits(ids: str, named: dict[str, Any]) -> None:
    assert rejection(waits(*ids)) == {"decision_type": "reject", **named}
    assert rejection(waits(*ids), "no") == {"decision_type": "reject", "rejection_reason": "no", **named}


def test_answers_go_with_an_approval_of_the_rest() -> None:
    answered = Verdict(approved=True, answers=(("a", "b"),))
    told = {"decision_type": "approve", "ask_user_answers": [{"answer": ["a", "b"]}]}
    assert decision([asks("q")], [answered]) == {**told, "decisions": {"q": "approve"}}
    both = {**told, "decisions": {"a": "approve", "q": "approve"}}
    assert decision([*waits("a"), asks("q")], [YES, answered]) == both


def test_what_kagent_would_misunderstand_is_not_sent() -> None:
    answered = Verdict(approved=True, answers=(("a",),))
    with pytest.raises(KagentError, match="only together with an approval"):
        decision([*waits("a"), asks("q")], [NO, answered])
    with pytest.raises(KagentError, match="can't be told apart"):
        decision([asks("p"), asks("q")], [answered, answered])
    with pytest.raises(KagentError, match="there is nothing to approve"):
        decision([], [])
    for ids in (("a", "a"), ("a", "")):
        with pytest.raises(KagentError, match="no ids to tell them apart"):
            decision(waits(*ids), [YES, NO])
        assert decision(waits(*ids), [NO, NO]) == {"decision_type": "reject"}
