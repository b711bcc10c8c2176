"""Screens of ``approvals``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from kubectl_kagent.conversation.decisions import Pending
from kubectl_kagent.conversation.inbox import Waiting
from kubectl_kagent.masking import masked_value
from kubectl_kagent.render.chat import arguments
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.table import age, table


def approvals_table(items: Sequence[Waiting], *, now: datetime, namespaces: bool) -> str:
    """A line for each call or question that waits: all that it takes to decide, so nothing is cut."""
    columns = ["AGENT", "SESSION", "TASK", "AGE", "CALL", "TOOL/QUESTION", "ARGS"]
    lines = []
    for item in items:
        since = age(item.since, now) if item.since else "<unknown>"
        for call in item.calls or (None,):
            cells = [item.session.agent, item.session.id, item.task, since, call.call.id if call else ""]
            cells += map(visible, _what(call, item.said))
            lines.append([item.session.namespace, *cells] if namespaces else cells)
    return table(["NAMESPACE", *columns] if namespaces else columns, lines)


def _what(call: Pending | None, said: str) -> tuple[str, str]:
    """Tool and arguments, or the questions."""
    if call is None:
        return said, ""
    through = f" (of {call.via})" if call.via else ""
    if call.questions:
        return "; ".join(question.question for question in call.questions) + through, "; ".join(
            " | ".join(question.choices) for question in call.questions if question.choices
        )
    return call.call.name + through, arguments(replace(call.call, args=masked_value(call.call.args)))


def approvals_data(items: Sequence[Waiting]) -> dict[str, Any]:
    """The same as data."""
    return {"items": [_item(item) for item in items]}


def _item(item: Waiting) -> dict[str, Any]:
    return {
        "namespace": item.session.namespace,
        "agent": item.session.agent,
        "session": item.session.id,
        "task": item.task,
        "since": item.since.isoformat() if item.since else None,
        "said": item.said,
        "calls": [_call(call) for call in item.calls],
    }


def _call(call: Pending) -> dict[str, Any]:
    return {
        "id": call.call.id,
        "tool": call.call.name,
        "args": dict(call.call.args),
        "via": call.via,
        "questions": [
            {
                "question": question.question,
                "choices": list(question.choices),
                "multiple": question.multiple,
            }
            for question in call.questions
        ],
    }
