"""What may leave: every text of a report goes through here.

Three nets, one behind the other: an object is shown by its shape, with no literal of its env, headers,
annotations and data; what is known to be a secret or a message is masked wherever it stands; and of all else
only what reads like words, numbers and known names passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kubectl_kagent.masking import MASKED, masked, masked_value
from kubectl_kagent.masking.known import KnownValues
from kubectl_kagent.masking.legible import only_legible
from kubectl_kagent.masking.stream import Lines
from kubectl_kagent.masking.text import as_seen
from kubectl_kagent.model.trace import Step, Turn
from kubectl_kagent.report import literals

Object = Mapping[str, Any]

MESSAGE = "[message]"
_LONGEST = 200  # letters of a field that no rule knows
_DATA = {"data", "stringData", "binaryData"}
_SAID = {"message", "reason", "error"}  # what controllers say, however long
_QUERY = re.compile(r"(://[^\s?#]*)[?#]\S*")


class Redaction:
    """What is known of one report's objects and turns. ``whole``: prompts and messages were asked for."""

    def __init__(
        self,
        objects: Iterable[Object],
        turns: Iterable[Turn],
        names: Iterable[str] = (),
        *,
        whole: bool = False,
    ) -> None:
        objects, turns = list(objects), list(turns)
        self.whole = whole
        self._names = literals.names(objects, turns) | set(names)
        self._secrets = KnownValues(literals.secrets(objects, self._names))
        said = set[str]() if whole else literals.messages(objects, turns)
        self._messages = KnownValues(said - self._names, mask=MESSAGE, encoded=False)

    def text(self, text: str) -> str:
        """A text of any lines as it may be seen."""
        return only_legible(masked(self._known(text)), self._names)

    def lines(self, lines: Sequence[str]) -> list[str]:
        """The lines of a log, as many as they were; a secret may go on in the next one."""
        known = self._known("\n".join(map(as_seen, lines))).split("\n")
        keys = Lines()
        return [only_legible(keys.masked(line), self._names) for line in known]

    def _known(self, text: str) -> str:
        """Without what is known; a colour or a sign that nobody sees may stand in the midst of it."""
        return self._secrets.masked(self._messages.masked(as_seen(text)))

    def values(self, value: Any) -> Any:
        """A JSON value with each text in it as it may be seen."""
        if isinstance(value, Mapping):
            return {key: self.values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.values(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def shape(self, obj: Object) -> Any:
        """An object as it may be seen."""
        return self._value("", masked_value(obj))

    def turn(self, turn: Turn) -> Turn:
        """What was done, and without ``whole`` nothing of what was said."""
        question, answer = (self._said(text) for text in (turn.question, turn.answer))
        return replace(turn, question=question, answer=answer, root=self._step(turn.root))

    def _said(self, text: str) -> str:
        return self.text(text) if self.whole or not text else MESSAGE

    def _step(self, step: Step) -> Step:
        args = self._value("", masked_value(step.args)) if self.whole and step.args else None
        return replace(
            step,
            name=self.text(step.name),
            model=self.text(step.model),
            args=args,
            result=self._said(step.result),
            error=self.text(step.error),
            steps=tuple(map(self._step, step.steps)),
        )

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(key, value)
        if isinstance(value, list):
            inner = "" if key in literals.LITERALS else key
            return [self._value(inner, item) for item in value]
        return self._leaf(key, value) if isinstance(value, str) else value

    def _mapping(self, key: str, value: Mapping[str, Any]) -> dict[str, Any]:
        if key in _DATA:
            return {self.text(name): f"[{len(str(item))} characters]" for name, item in value.items()}
        if key in literals.LITERALS:
            return {self.text(name): self._literal(name, item) for name, item in value.items()}
        found = {}
        for inner, item in value.items():
            if inner == "managedFields":
                continue
            literal = inner == "value" and isinstance(item, str)
            found[self.text(str(inner))] = MASKED if literal else self._value(str(inner), item)
        return found

    def _literal(self, name: str, value: Any) -> Any:
        """What stands under a name of the user's own; a reference to a Secret may be seen."""
        if isinstance(value, Mapping) or name in literals.ANNOTATIONS:
            return self._value(name, value)
        return MASKED

    def _leaf(self, key: str, text: str) -> str:
        is_text = key in literals.TEXTS and not self.whole
        is_long = (len(text) > _LONGEST or "\n" in text) and key not in _SAID and not self.whole
        if is_text or is_long:
            return f"[{len(text)} characters]"
        return self.text(_QUERY.sub(rf"\1?{MASKED}", text))
