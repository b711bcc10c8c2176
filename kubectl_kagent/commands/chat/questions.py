"""What an agent asks of a person, asked on the terminal: approvals and ask_user's questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubectl_kagent.cli import terminal
from kubectl_kagent.conversation.decisions import UNREADABLE, Pending, Verdict, decision, readable, rejection
from kubectl_kagent.model.events import Question
from kubectl_kagent.render import chat as screen


def ask(calls: Sequence[Pending]) -> dict[str, Any] | None:
    """The decision about all of ``calls``; None when the person leaves it for later (or with Ctrl-D)."""
    verdicts: dict[int, Verdict] = {}
    try:
        if not readable(calls):
            return _rejection(calls)
        for place, call in enumerate(calls):
            if not call.questions:
                verdicts[place] = _approval(call, f"({place + 1}/{len(calls)}) " if len(calls) > 1 else "")
        asked = [place for place, call in enumerate(calls) if call.questions]
        obstacle = _obstacle(list(verdicts.values()), len(asked))
        if asked and obstacle:
            terminal.warn(obstacle)
        for place in asked:
            verdicts[place] = Verdict(approved=False, reason=obstacle) if obstacle else _answers(calls[place])
    except EOFError:
        terminal.say("left for later")
        return None
    return decision(calls, [verdicts[place] for place in range(len(calls))])


def _rejection(calls: Sequence[Pending]) -> dict[str, Any]:
    """All that is left to decide where a call can't be read."""
    for call in calls:
        terminal.say_whole(f"? {screen.asked_line(call)}")
    terminal.warn(UNREADABLE)
    while (answer := terminal.ask("reject all of it? [y]es, [l]ater: ").strip().lower()) not in ("y", "yes"):
        if answer in ("l", "later"):
            raise EOFError
    return rejection(calls, _reason())


def _reason() -> str:
    return terminal.ask("reason, if you want to give one: ").strip()


def _obstacle(verdicts: Sequence[Verdict], asked: int) -> str:
    """Why kagent could not pass on answers, if so."""
    if not all(verdict.approved for verdict in verdicts):
        return "questions can't be answered while a call beside them is rejected: ask again"
    if asked > 1:
        return "several ask_user calls at once can't be answered apart: ask one after the other"
    return ""


def _approval(call: Pending, place: str) -> Verdict:
    terminal.say_whole(f"? {place}{screen.asked_line(call)}")
    while True:
        answer = terminal.ask("approve? [y]es, [n]o, [l]ater: ").strip().lower()
        if answer in ("y", "yes"):
            return Verdict(approved=True)
        if answer in ("n", "no"):
            return Verdict(approved=False, reason=_reason())
        if answer in ("l", "later"):
            raise EOFError


def _answers(call: Pending) -> Verdict:
    return Verdict(approved=True, answers=tuple(map(_answer, call.questions)))


def _answer(question: Question) -> tuple[str, ...]:
    terminal.say_whole(f"? {question.question}")
    for number, choice in enumerate(question.choices, 1):
        terminal.say_whole(f"  {number}. {choice}")
    how = "answer: "
    if question.choices:
        how = "numbers, or another answer: " if question.multiple else "number, or another answer: "
    while not (text := terminal.ask(how).strip()):
        pass
    return chosen(question, text)


def chosen(question: Question, text: str) -> tuple[str, ...]:
    """What a typed answer means: choices by number (several with commas), else the words themselves."""
    numbers = [part.strip() for part in text.split(",")] if question.multiple else [text]
    choices = {str(number): choice for number, choice in enumerate(question.choices, 1)}
    return tuple(choices[number] for number in numbers) if choices.keys() >= set(numbers) else (text,)
