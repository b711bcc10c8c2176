"""What of objects and turns is known: names that may be seen, secrets and messages that may not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from kubectl_kagent.masking import hidden
from kubectl_kagent.masking.innocent import is_innocent, password_in
from kubectl_kagent.masking.legible import only_legible
from kubectl_kagent.masking.names import is_secret_name
from kubectl_kagent.model.deployment import REVISION
from kubectl_kagent.model.pod import DEFAULT_CONTAINER
from kubectl_kagent.model.trace import FAILED, Step, Turn
from kubectl_kagent.model.workload import (
    AGENT_CONFIG_HASH,
    HIBERNATED_RELEASED,
    HIBERNATED_REPLICAS,
    MCP_CONFIG_HASH,
    RESTARTED_AT,
)

Object = Mapping[str, Any]

# Fields that name something, wherever they stand in an object of ours or of Kubernetes.
_NAMES = {
    *("name", "namespace", "nodeName", "serviceAccountName", "image", "imageID", "containerID", "toolNames"),
    *("requireApproval", "model", "provider", "modelConfig", "apiKeySecret", "generateName", "uid"),
}
# Annotations of Kubernetes, kagent and ours, whose values are numbers and hashes.
ANNOTATIONS = {
    REVISION,
    AGENT_CONFIG_HASH,
    MCP_CONFIG_HASH,
    RESTARTED_AT,
    HIBERNATED_REPLICAS,
    HIBERNATED_RELEASED,
    DEFAULT_CONTAINER,
}
# Where literals stand that may be secrets, by name: env, and headers that go out.
LITERALS = {"env", "headers", "defaultHeaders", "headersFrom", "annotations", "secretRefs"}
# What is said to a model, and what it says.
TEXTS = {
    *("systemMessage", "stringValue", "template", "instruction", "instructions", "prompt", "prompts"),
    *("question", "answer", "text", "content", "input", "output"),
}
_PROSE = {*TEXTS, "description", "message"}
_SHORTEST_PASSWORD = 8  # letters of one that reads like a word: INFO is in every log
_SHORTEST_TEXT = 16  # letters of a line that is told apart from what a program says
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][\w-]*) +(?P<credentials>\S.*)")  # RFC 9110, 11.4


def names(objects: Iterable[Object], turns: Iterable[Turn]) -> set[str]:
    """What things are called: no secret, however it looks."""
    found = {name for item in objects for name in _names("", item)}
    for turn in turns:
        found |= {turn.task, turn.session, turn.trace, turn.agent, *turn.agent.split("/")}
    return found - {""}


def _names(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if key in _NAMES or key in ANNOTATIONS:
            yield value
        if key == "image":  # its registry stands in the settings of controllers, too, which are literals
            yield from re.split(r"[/:@]", value)
    elif isinstance(value, Mapping):
        literal = "value" in value  # the name of a variable or a header is one too, and its value is none
        for inner, item in value.items():
            if key in LITERALS and isinstance(item, str) and inner not in ANNOTATIONS:
                continue  # it has a name of the user's own, which may be "model"
            if inner not in ("managedFields", "data") and not (literal and inner == "value"):
                yield from _names(str(inner), item)
    elif isinstance(value, list):
        for item in value:
            yield from _names("" if key in LITERALS else key, item)


def secrets(objects: Iterable[Object], visible: set[str]) -> set[str]:
    """What is masked in the objects, and literals that read like no words: to be masked wherever they stand.

    ``visible`` are the names of things.
    """
    found = {
        value
        for item in objects
        for value, named in (*_literals("", "", item), *_masked(item))
        if value not in visible and _is_secret(value, named=named)
    }
    logins = {part for value in found for part in _of_login(value)}
    return found | {part for part in logins if part not in visible}


def _masked(item: Object) -> Iterator[tuple[str, bool]]:
    """What is masked in an object; what prose calls a secret is one only if it reads like no words."""
    for path, text, whole in hidden(item):
        yield text, whole or path.rpartition(".")[2].partition("[")[0] not in _PROSE


def _is_secret(value: str, *, named: bool) -> bool:
    if is_innocent(value) or value.strip(" .-").isdigit():
        return False
    return named or only_legible(value) != value


def _literals(room: str, key: str, value: Any) -> Iterator[tuple[str, bool]]:
    """The texts in ``LITERALS`` and under names of secrets, and whether their name says that they are one."""
    if isinstance(value, str):
        if room or is_secret_name(key):
            yield value, is_secret_name(key) or room in ("headers", "defaultHeaders", "headersFrom")
        yield from ((part, True) for part in _of_address(value))
    elif isinstance(value, Mapping):
        entry = next((value[one] for one in ("name", "header") if isinstance(value.get(one), str)), "")
        for inner, item in value.items():
            if inner in ("managedFields", "valueFrom", "name", "key") or (inner == "kind" and not room):
                continue
            here = str(inner) if inner in LITERALS else room
            yield from _literals(here, entry if inner == "value" and entry else str(inner), item)
    elif isinstance(value, list):
        for item in value:
            yield from _literals(room, key, item)


def _of_login(value: str) -> Iterator[str]:
    """What follows the scheme in a header for logins, and the password in ``Basic``."""
    if not (match := _LOGIN.fullmatch(value)):
        return
    yield match["credentials"]
    if match["scheme"].lower() == "basic":
        password = password_in(match["credentials"])
        if len(password) >= _SHORTEST_PASSWORD or only_legible(password) != password:
            yield password


def _of_address(value: str) -> Iterator[str]:
    """The password and the query of an address."""
    if "://" not in value:
        return
    try:
        parts = urlsplit(value)
        password = parts.password or ""
        yield from filter(None, (password, unquote(password), *(one for _, one in parse_qsl(parts.query))))
    except ValueError:
        return


def messages(objects: Iterable[Object], turns: Iterable[Turn]) -> set[str]:
    """Lines of prompts and conversations, which programs may write into their logs."""
    found = (line for text in _texts(objects, turns) for line in map(str.strip, text.splitlines()))
    return {line for line in found if len(line) >= _SHORTEST_TEXT}


def _texts(objects: Iterable[Object], turns: Iterable[Turn]) -> Iterator[str]:
    for turn in turns:
        yield from (turn.question, turn.answer)
        for step in turn.root.below():
            yield from _said(step)
    for item in objects:
        yield from _prompts("", item)
        if item.get("kind") == "ConfigMap":  # it is here because a prompt is made of it
            data = item.get("data")
            yield from filter(_is_text, data.values() if isinstance(data, Mapping) else ())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _said(step: Step) -> Iterator[str]:
    """But for what a failed step said: that is the cause."""
    if step.status != FAILED:
        yield step.result
    pending: list[Any] = [step.args]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _prompts(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if key in TEXTS:
            yield value
    elif isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _prompts(str(inner), item)
    elif isinstance(value, list):
        for item in value:
            yield from _prompts(key, item)
