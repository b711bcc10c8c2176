"""What happens in one turn of a conversation, as events, whatever wire or runtime they came over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Task states of A2A, in the spelling of wire 0.3. A task in one of the last ones is over.
INPUT_REQUIRED = "input-required"
FINAL_STATES = frozenset({"completed", "failed", "canceled", "rejected"})
# The agent is at work, or will be.
ONGOING_STATES = frozenset({"submitted", "working"})
# Nothing more comes in these until somebody acts.
PAUSED_STATES = frozenset({INPUT_REQUIRED, "auth-required"})


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the agent. ``partial``: the whole text repeats it later; ``thought``: not the answer."""

    text: str
    partial: bool
    thought: bool
    message_id: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The agent calls a tool; ``session`` is the sub-agent's conversation when the tool is an agent."""

    id: str
    name: str
    args: Mapping[str, Any]
    session: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's answer as sent, its text, and whether it is a failure."""

    id: str
    name: str
    response: Any
    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question of ask_user, with the choices offered; of ``multiple`` several may be chosen."""

    question: str
    choices: tuple[str, ...]
    multiple: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A call that waits for a person: to approve it, or (with ``questions``) to answer.

    ``inner`` are the calls of a sub-agent that this one stands for. A call that can't be read waits, too.
    """

    id: str
    call: ToolCall | Unknown
    hint: str
    questions: tuple[Question, ...]
    inner: tuple[ToolCall | Unknown, ...]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call of the model, told with a message."""

    prompt: int
    output: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The task's state changed; ``message`` is what the agent says about it."""

    state: str
    final: bool
    message: str
    timestamp: str

    @property
    def text(self) -> str:
        """What is shown of it: the agent's words, or else the state itself."""
        return self.message or self.state


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer as a whole (an artifact). It repeats text that may have been streamed before."""

    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something this version does not know; kept as it came."""

    raw: Any


Event = Text | ToolCall | ToolResult | Request | TokenUsage | State | Answer | Unknown


@dataclass(frozen=True, slots=True)
class Update:
    """One message of the stream: the task and conversation it belongs to, and its events.

    ``approvals`` is the extension of A2A by which it asks for approvals; empty: it names none. ``whole``: it
    is the task itself, with all that was before, and not one piece of news.
    """

    task_id: str
    context_id: str
    events: tuple[Event, ...]
    approvals: str = ""
    whole: bool = False
