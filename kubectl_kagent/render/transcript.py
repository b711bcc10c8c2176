"""A session as a transcript: for people, for programs, and as Markdown. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypedDict

from kubectl_kagent import clock
from kubectl_kagent.conversation.sessions import Session
from kubectl_kagent.conversation.transcript import (
    CallEntry,
    DecisionEntry,
    EndEntry,
    Entry,
    MessageEntry,
    RequestEntry,
    ResultEntry,
    UnrecognizedEntry,
)
from kubectl_kagent.model.events import ToolResult
from kubectl_kagent.render.approvals import PendingView, pending_view
from kubectl_kagent.render.chat import call_text, outcome, pending_line
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.table import plain
from kubectl_kagent.render.trace_view import TokensView

_MARGIN = " " * 21  # as wide as a time and two blanks


Shown = Callable[[str], str]


def transcript_text(session: Session, entries: Sequence[Entry], shown: Shown) -> str:
    """A session for people, times in UTC. Each text of others is as ``shown`` before it is laid out."""
    lines = [shown(_heading(session)), *(line for entry in entries for line in _entry(entry, shown))]
    return "".join(f"{line}\n" for line in lines)


def _heading(session: Session) -> str:
    agent = f"{session.namespace}/{session.agent}" if session.namespace else session.agent
    times = f"begun {_time(session.created)}, last used {_time(session.updated)} UTC"
    return plain(f"session {session.id} of agent {agent}: {session.title or '<no title>'} ({times})")


def _entry(entry: Entry, shown: Shown) -> Iterator[str]:
    match entry:
        case MessageEntry(who, text, at):
            yield from _block(at, f"{shown(who)}: {shown(text)}")
        case CallEntry(call, at):
            yield from _block(at, f"→ {shown(call_text(call))}")
        case ResultEntry(result, at, seconds, rejected):
            about = shown(outcome(result, seconds, rejected=rejected))
            yield from _block(at, f"{about}: {_given(result, shown)}")
        case RequestEntry(calls):
            yield from _block(None, "waits for " + "; ".join(shown(pending_line(call)) for call in calls))
        case DecisionEntry(decision):
            yield from _block(None, f"user: {shown(_decision(decision))}")
        case EndEntry(task, state, message, prompt, output, at):
            said = f": {shown(message)}" if message else ""
            tokens = f"({prompt} prompt and {output} output tokens)"
            about = shown(f"task {task} {state}")
            yield from _block(clock.parse_or_none(at), f"{about}{said} {tokens}")
        case UnrecognizedEntry(raw):
            yield from _block(None, f"? not understood: {shown(json.dumps(raw, ensure_ascii=False))}")


def _given(result: ToolResult, shown: Shown) -> str:
    """What a tool gave; of a single word the tool's name may say what it is."""
    begin = f"{result.name}: "
    if len(result.text.split()) == 1:
        return shown(begin + result.text).removeprefix(begin)
    return shown(result.text)


def _decision(decision: Mapping[str, Any]) -> str:
    """``approve``, ``reject: REASON``, or what was decided of each call, or the answers."""
    kind, answers = str(decision.get("decision_type")), decision.get("ask_user_answers")
    decisions, reasons = decision.get("decisions"), decision.get("rejection_reasons")
    if isinstance(answers, list) and answers:
        given = [item.get("answer") if isinstance(item, Mapping) else item for item in answers]
        return "answers " + "; ".join(json.dumps(item, ensure_ascii=False) for item in given)
    if isinstance(decisions, Mapping):
        why = reasons if isinstance(reasons, Mapping) else {}
        return "; ".join(
            f"{word} {call}" + (f": {why[call]}" if call in why else "") for call, word in decisions.items()
        )
    reason = decision.get("rejection_reason")
    return f"{kind}: {reason}" if reason else kind


def _block(at: datetime | None, text: str) -> Iterator[str]:
    """A time and a text; its further lines stand under the first."""
    first, *rest = text.rstrip("\n").split("\n")
    yield visible(f"{_time(at)}  {first}" if at else f"{_MARGIN}{first}").rstrip()
    yield from (visible(f"{_MARGIN}{line}").rstrip() for line in rest)


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "<unknown>"


class MessageView(TypedDict):
    """Words of the user or of the agent."""

    kind: Literal["said"]
    who: Annotated[str, "`user`, or the name of the agent"]
    text: Annotated[str, "the words"]
    at: Annotated[str | None, "when; null: not recorded"]


class CallView(TypedDict):
    """A call of a tool that begins."""

    kind: Literal["call"]
    id: Annotated[str, "id of the call"]
    tool: Annotated[str, "name of the tool"]
    args: Annotated[dict[str, Any], "what the tool is given, as the model wrote it"]
    at: Annotated[str | None, "when; null: not recorded"]


class ResultView(TypedDict):
    """What a call gave."""

    kind: Literal["result"]
    id: Annotated[str, "id of the call"]
    tool: Annotated[str, "name of the tool"]
    text: Annotated[str, "the words in the answer, or the answer as JSON"]
    failed: Annotated[bool, "whether the tool says that it failed"]
    rejected: Annotated[bool, "whether a person rejected the call, which then was not made"]
    at: Annotated[str | None, "when; null: not recorded"]
    seconds: Annotated[float | None, "how long it took; null: not known, or a person was waited for"]


class RequestView(TypedDict):
    """What the agent asks of a person."""

    kind: Literal["asked"]
    calls: Annotated[list[PendingView], "what is to be decided"]


class DecisionView(TypedDict):
    """What a person answers."""

    kind: Literal["decided"]
    decision: Annotated[
        dict[str, Any], "the decision as kagent has it: `decision_type` and what goes with it"
    ]


class EndView(TypedDict):
    """A task as it stands, after what was said in it."""

    kind: Literal["task"]
    task: Annotated[str, "id of the task"]
    state: Annotated[str, "state of the task as A2A 0.3 spells it, or `unknown`"]
    message: Annotated[str, "what the agent says about it; empty for a completed one"]
    at: Annotated[str, "when it last changed, as the agent writes it; empty: not recorded"]
    tokens: Annotated[TokensView, "tokens of all calls of the model in it; 0 where the agent counts none"]


class UnrecognizedView(TypedDict):
    """Something that this version does not understand."""

    kind: Literal["odd"]
    raw: Annotated[Any, "what came, unchanged"]


EntryView = MessageView | CallView | ResultView | RequestView | DecisionView | EndView | UnrecognizedView


class TranscriptView(TypedDict):
    """A session as one reads it."""

    session: Annotated[dict[str, Any], "the session as the kagent controller has it"]
    entries: Annotated[list[EntryView], "what was said and done, in time order"]


def transcript_view(session: Session, entries: Sequence[Entry]) -> TranscriptView:
    """The same as data."""
    return {"session": dict(session.raw), "entries": [_object(entry) for entry in entries]}


def _object(entry: Entry) -> EntryView:
    match entry:
        case MessageEntry(who, text, at):
            return {"kind": "said", "who": who, "text": text, "at": _iso(at)}
        case CallEntry(call, at):
            return {"kind": "call", "id": call.id, "tool": call.name, "args": dict(call.args), "at": _iso(at)}
        case ResultEntry(result, at, seconds, rejected):
            return {
                "kind": "result",
                "id": result.id,
                "tool": result.name,
                "text": result.text,
                "failed": result.failed,
                "rejected": rejected,
                "at": _iso(at),
                "seconds": seconds,
            }
        case RequestEntry(calls):
            return {"kind": "asked", "calls": [pending_view(call) for call in calls]}
        case DecisionEntry(decision):
            return {"kind": "decided", "decision": dict(decision)}
        case EndEntry(task, state, message, prompt, output, at):
            return {
                "kind": "task",
                "task": task,
                "state": state,
                "message": message,
                "at": at,
                "tokens": {"prompt": prompt, "output": output},
            }
        case UnrecognizedEntry(raw):
            return {"kind": "odd", "raw": raw}


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def transcript_markdown(session: Session, entries: Sequence[Entry], shown: Shown) -> str:
    """The same as Markdown: words as they are, what tools got and gave in fences."""
    lines = [f"# {shown(plain(session.title)) or session.id}", "", shown(_heading(session))]
    for entry in entries:
        lines += ["", *_markdown(entry, shown)]
    return "".join(f"{line}\n" for line in lines)


def _markdown(entry: Entry, shown: Shown) -> Iterator[str]:
    match entry:
        case MessageEntry(who, text, at):
            yield f"**{plain(shown(who))}**" + (f" ({_time(at)})" if at else "")
            yield ""
            yield shown(text).rstrip("\n")
        case CallEntry(call):
            yield from _fenced(f"→ {shown(call_text(call))}")
        case ResultEntry(result, rejected=rejected):
            about = plain(shown(outcome(result, rejected=rejected)))
            yield from _fenced(f"{about}: {_given(result, shown)}")
        case _:
            yield "*" + " ".join(line.strip() for line in _entry(entry, shown)) + "*"


def _fenced(text: str) -> Iterator[str]:
    """A fence longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    yield from (fence, text.rstrip("\n"), fence)
