"""Screens of ``approvals``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, TypedDict

from kubectl_kagent.conversation.decisions import Pending
from kubectl_kagent.conversation.inbox import Waiting
from kubectl_kagent.masking import masked_value
from kubectl_kagent.model.events import Unknown
from kubectl_kagent.render.chat import arguments, as_it_came
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.table import age, table


def approvals_table(items: Sequence[Waiting], *, now: datetime, namespaces: bool, users: bool) -> str:
    """A line for each call or question that waits: all that it takes to decide, so nothing is cut.

    ``users``: with whose each task is.
    """
    columns = ["AGENT", "SESSION", "TASK", "AGE", "CALL", "TOOL/QUESTION", "ARGS"]
    columns += ["USER"] if users else []
    lines = []
    for item in items:
        since = age(item.since, now) if item.since else "<unknown>"
        for call in item.calls or (None,):
            cells = [item.session.agent, item.session.id, item.task, since, call.id if call else ""]
            cells += map(visible, _what(call, item.message))
            cells += [item.session.user] if users else []
            lines.append([item.session.namespace, *cells] if namespaces else cells)
    return table(["NAMESPACE", *columns] if namespaces else columns, lines)


def _what(call: Pending | None, said: str) -> tuple[str, str]:
    """Tool and arguments, or the questions."""
    if call is None:
        return said, ""
    through = f" (of {call.via})" if call.via else ""
    if isinstance(call.call, Unknown):
        return f"not understood{through}", as_it_came(call.call)
    if call.questions:
        return "; ".join(question.question for question in call.questions) + through, "; ".join(
            " | ".join(question.choices) for question in call.questions if question.choices
        )
    return call.call.name + through, arguments(replace(call.call, args=masked_value(call.call.args)))


class QuestionView(TypedDict):
    """A question of ask_user."""

    question: Annotated[str, "what is asked"]
    choices: Annotated[list[str], "the answers to choose from; any other text is an answer, too"]
    multiple: Annotated[bool, "whether several of the choices may be taken"]


class PendingView(TypedDict):
    """A call of a tool that waits for a person."""

    id: Annotated[str, "id of the call, as `--call` takes it; empty when the agent gives none"]
    tool: Annotated[str, "name of the tool; empty when the call can't be read"]
    args: Annotated[dict[str, Any], "what the tool is to be given, as the model wrote it"]
    via: Annotated[str, "the sub-agent that wants to make the call; empty: the agent itself"]
    questions: Annotated[list[QuestionView], "what is to be answered; empty: the call is to be approved"]
    raw: Annotated[
        Any, "the call as it came when it can't be read, and nothing beside it be approved; null: it can"
    ]


class WaitingView(TypedDict):
    """A task that waits."""

    namespace: Annotated[str, "namespace of the agent"]
    agent: Annotated[str, "name of the agent"]
    user: Annotated[str, "whose session it is"]
    session: Annotated[str, "id of the session"]
    task: Annotated[str, "id of the task, as `approvals approve` takes it"]
    since: Annotated[str | None, "when it began to wait; null: the agent gives no time"]
    message: Annotated[str, "what the agent says about it, else the state of the task"]
    calls: Annotated[list[PendingView], "what is to be decided, all of it at once"]


class ApprovalsView(TypedDict):
    """What waits for a person."""

    items: Annotated[list[WaitingView], "tasks that wait, the longest first"]


def approvals_view(items: Sequence[Waiting]) -> ApprovalsView:
    """The same as data."""
    return {"items": [_item(item) for item in items]}


def _item(item: Waiting) -> WaitingView:
    return {
        "namespace": item.session.namespace,
        "agent": item.session.agent,
        "user": item.session.user,
        "session": item.session.id,
        "task": item.task,
        "since": item.since.isoformat() if item.since else None,
        "message": item.message,
        "calls": [pending_view(call) for call in item.calls],
    }


def pending_view(call: Pending) -> PendingView:
    """A call that waits, as data."""
    return {
        "id": call.id,
        "tool": "" if isinstance(call.call, Unknown) else call.call.name,
        "args": {} if isinstance(call.call, Unknown) else dict(call.call.args),
        "via": call.via,
        "questions": [
            {
                "question": question.question,
                "choices": list(question.choices),
                "multiple": question.multiple,
            }
            for question in call.questions
        ],
        "raw": call.call.raw if isinstance(call.call, Unknown) else None,
    }
