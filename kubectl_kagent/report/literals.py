"""What of objects and turns is known: names that may be seen, secrets and messages that may not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubectl_kagent.masking.innocent import is_innocent
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
_SHORTEST_TEXT = 16  # letters of a line that is told apart from what a program says
_MOST_TEXTS = 2000


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
            if inner not in ("managedFields", "data") and not (literal and inner == "value"):
                yield from _names(str(inner), item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(key, item)


def secrets(objects: Iterable[Object], visible: set[str]) -> set[str]:
    """Literals that are secrets by their name, or read like no words: to be masked wherever they stand.

    ``visible`` are the names of things.
    """
    found = (one for item in objects for one in _literals("", "", item))
    return {value for value, named in found if value not in visible and _is_secret(value, named=named)}


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


def _of_address(value: str) -> Iterator[str]:
    """The password and the query of an address."""
    if "://" not in value:
        return
    try:
        parts = urlsplit(value)
        yield from filter(None, (parts.password, *(one for _, one in parse_qsl(parts.query))))
    except ValueError:
        return


def messages(objects: Iterable[Object], turns: Iterable[Turn]) -> set[str]:
    """Lines of prompts and conversations, which programs may write into their logs."""
    found = (line for text in _texts(objects, turns) for line in map(str.strip, text.splitlines()))
    return set(islice((line for line in found if len(line) >= _SHORTEST_TEXT), _MOST_TEXTS))


def _texts(objects: Iterable[Object], turns: Iterable[Turn]) -> Iterator[str]:
    for turn in turns:
        yield from (turn.question, turn.answer)
        for step in turn.root.below():
            yield from _said(step)
    for item in objects:
        yield from _prompts("", item)


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
