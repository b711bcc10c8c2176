"""What waits for a person, and the person's answer in the words that kagent's runtimes read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.events import Question, Request, ToolCall, Unknown
from kubectl_kagent.wire.parts import questions

_WORDS = {True: "approve", False: "reject"}
UNREADABLE = "not all that waits can be read, and kagent approves all of it at once: nothing can be approved"


@dataclass(frozen=True, slots=True)
class Pending:
    """One call to decide; ``via`` is the tool (a sub-agent) that it comes through, else empty.

    With ``questions`` it is not to be approved but to be answered. Nothing can be approved beside a call that
    can't be read.
    """

    call: ToolCall | Unknown
    via: str
    questions: tuple[Question, ...]

    @property
    def id(self) -> str:
        """The call's; empty when the agent gives none, or the call can't be read."""
        return self.call.id if isinstance(self.call, ToolCall) else ""


def unknown_protocol(extension: str) -> str:
    """What to say of an agent that asks for approvals by an extension of A2A that is not known here."""
    return f"this kagent speaks an approval protocol that this plugin does not know: {extension}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person says to one call; ``answers`` are the chosen ones, for each question of it."""

    approved: bool
    reason: str = ""
    answers: tuple[tuple[str, ...], ...] = ()


def pending(requests: Iterable[Request]) -> tuple[Pending, ...]:
    """The calls behind requests: a sub-agent's own ones instead of the call of the sub-agent."""
    found = []
    for request in requests:
        via = request.call.name if isinstance(request.call, ToolCall) else ""
        found += [Pending(call, via, questions(call)) for call in request.inner]
        if not request.inner or not via:
            found.append(Pending(request.call, "", request.questions))
    return tuple(found)


def readable(calls: Iterable[Pending]) -> bool:
    """Whether a person can be shown all of them."""
    return not any(isinstance(item.call, Unknown) for item in calls)


def decision(calls: Sequence[Pending], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The data of the message that decides all of ``calls`` at once: kagent leaves none open.

    ``decisions`` names the calls that were shown, for the record. It is a batch only where it has to be: that
    saves nobody from a call that came since (kagent approves what a batch does not name), and an agent on
    LangGraph may take every type but ``approve`` for a rejection. Raises KagentError for what kagent can't be
    told in one message, and without calls: nobody has seen what that would approve.
    """
    if not calls:
        raise KagentError("no call waits: there is nothing to approve")
    if not readable(calls) and any(verdict.approved for verdict in verdicts):
        raise KagentError(UNREADABLE)
    named = _named(calls, [verdict.approved for verdict in verdicts])
    if any(verdict.answers for verdict in verdicts):
        return {**_answers(calls, verdicts), **named}
    if all(verdict.approved for verdict in verdicts):
        return {"decision_type": "approve", **named}
    if len({(verdict.approved, verdict.reason) for verdict in verdicts}) == 1:
        return rejection(calls, verdicts[0].reason)
    if not named:
        raise KagentError("these calls have no ids to tell them apart: approve or reject all of them alike")
    no = [(item, said) for item, said in zip(calls, verdicts, strict=True) if not said.approved]
    reasons = {item.id: said.reason for item, said in no if said.reason}
    return {"decision_type": "batch", **named, **({"rejection_reasons": reasons} if reasons else {})}


def rejection(calls: Sequence[Pending], reason: str = "") -> dict[str, Any]:
    """The same that rejects all of ``calls``; without calls, what else the agent waits for."""
    told = {"rejection_reason": reason} if reason else {}
    return {"decision_type": "reject", **told, **_named(calls, [False] * len(calls))}


def _named(calls: Sequence[Pending], approved: Sequence[bool]) -> dict[str, Any]:
    """What is decided of each call by its id; empty where ids don't tell them apart."""
    ids = [item.id for item in calls]
    if not ids or not all(ids) or len(set(ids)) < len(ids):
        return {}
    return {"decisions": {id_: _WORDS[yes] for id_, yes in zip(ids, approved, strict=True)}}


def rejected(calls: Iterable[Pending], decision: Mapping[str, Any]) -> set[str]:
    """The ids of those calls that a decision rejects; those of a sub-agent end in a session of its own."""
    named = decision.get("decisions")
    words = named if isinstance(named, Mapping) else {}
    none = decision.get("decision_type") == _WORDS[False]
    ids = (call.id for call in calls if not call.via)
    return {id_ for id_ in ids if id_ and (none or words.get(id_) == _WORDS[False])}


def _answers(calls: Sequence[Pending], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    if not all(verdict.approved for verdict in verdicts):
        raise KagentError("kagent takes answers only together with an approval of every other call")
    if sum(bool(call.questions) for call in calls) > 1:
        raise KagentError(
            "kagent gives the same answers to every ask_user of a batch: they can't be told apart"
        )
    given = next(verdict.answers for verdict in verdicts if verdict.answers)
    return {"decision_type": "approve", "ask_user_answers": [{"answer": list(item)} for item in given]}
