"""Other values in one place of a kubeconfig, and not another letter changed: people have comments in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import yaml

from kubectl_kagent import clock
from kubectl_kagent.cluster.go_yaml import Loader

_TIMEOUT = 5.0  # seconds for another program that writes it


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The file, open for writing and locked against kubectl as kubectl locks it. Raises OSError."""
    lock = f"{path}.lock"
    until = clock.monotonic() + _TIMEOUT
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError as error:
            if clock.monotonic() > until:
                raise TimeoutError(0, f"{lock} is there: remove it if nothing writes the file") from error
            clock.sleep(0.1)
    try:
        with open(path, "r+b", buffering=0) as file:
            yield file
    finally:
        os.unlink(lock)


def overwrite(file: IO[bytes], text: str) -> None:
    """Put ``text`` in the place of all that is there: a link stays one, and the file its owner's.

    Raises OSError, with the file as it was, when there is no room: what is overwritten has its room already.
    """
    file.seek(0)
    before = file.read()
    try:
        _write(file, text.encode())
    except OSError:
        _write(file, before)
        raise
    finally:
        os.fsync(file.fileno())


def _write(file: IO[bytes], data: bytes) -> None:
    """All of it: one write may take only a part."""
    file.seek(0)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()


def with_values(text: str, user: str, values: Mapping[str, str]) -> str:
    """``text`` with ``values`` in the config of the user's auth-provider.

    Raises ValueError where it is written in a way that does not allow that, with anchors for example.
    """
    try:
        config: Any = yaml.compose(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError("it is not YAML") from error
    for step in ("users", user, "user", "auth-provider", "config"):
        config = _inside(config, step)
    if not isinstance(config, yaml.MappingNode) or not config.value:
        raise ValueError("the user has no auth-provider with a config")
    result = text
    for start, end, new in sorted(_changes(config, values), reverse=True):
        result = result[:start] + new + result[end:]
    if not _is_only_change(text, result, user, values):
        raise ValueError("something else would be changed")
    return result


def _inside(node: Any, step: str) -> Any:
    """What a mapping has under a key, or a list of named mappings under a name; None when it has not."""
    if isinstance(node, yaml.SequenceNode):
        return next(
            (item for item in node.value if getattr(_inside(item, "name"), "value", None) == step), None
        )
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _changes(config: yaml.MappingNode, values: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """From where to where what is to stand. JSON's strings are YAML's, in either of its styles."""
    first = config.value[0][0].start_mark
    after = ", " if config.flow_style else "\n" + " " * first.column
    changes = []
    for key, value in values.items():
        node = _inside(config, key)
        if node:
            changes.append((node.start_mark.index, node.end_mark.index, json.dumps(value)))
        else:
            changes.append((first.index, first.index, f"{json.dumps(key)}: {json.dumps(value)}{after}"))
    return changes


def _is_only_change(before: str, after: str, user: str, values: Mapping[str, str]) -> bool:
    try:
        old, new = yaml.load(before, Loader), yaml.load(after, Loader)
    except yaml.YAMLError:
        return False
    named = next(item for item in old["users"] if item["name"] == user)
    named["user"]["auth-provider"]["config"] |= values
    return bool(old == new)
