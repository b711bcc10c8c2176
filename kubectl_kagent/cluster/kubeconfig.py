"""Kubeconfigs as client-go reads them: several files are one, and a context names a cluster and a user of it.

An error names the file and the place in it, never what stands there: that may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kubectl_kagent.cluster.go_yaml import Loader
from kubectl_kagent.errors import BadConfig, KagentError

_SEVERAL = ("clusters", "contexts", "users")
_LISTED = "kubectl config get-{0} lists the {0}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A mapping of a kubeconfig. ``file`` and ``place`` say where it stands, ``name`` what it is called.

    What asks for a value raises KagentError when one of another type is there; null is none.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    place: str = ""
    name: str = ""

    def text(self, key: str) -> str:
        """A string, or an empty one when there is none."""
        return str(self._typed(key, str, "a string") or "")

    def flag(self, key: str) -> bool:
        return bool(self._typed(key, bool, "true or false"))

    def texts(self, key: str) -> list[str]:
        return self._strings(self._typed(key, list, "a list") or [], key)

    def text_lists(self, key: str) -> dict[str, list[str]]:
        """A mapping of lists of strings. Raises KagentError for anything else."""
        found = self._typed(key, dict, "a mapping") or {}
        if not all(isinstance(value, list) for value in found.values()):
            raise self.wrong(f"{key} is not a mapping of lists")
        return {str(name): self._strings(value, key) for name, value in found.items()}

    def entry(self, key: str) -> Entry | None:
        found = self._typed(key, dict, "a mapping")
        return None if found is None else Entry(found, self.file, self._inside(key), self.name)

    def entries(self, key: str) -> list[Entry]:
        """A list of mappings. Raises KagentError for anything else."""
        found = self._typed(key, list, "a list") or []
        places = [f"{self._inside(key)}[{index}]" for index in range(len(found))]
        for place, value in zip(places, found, strict=True):
            if not isinstance(value, dict):
                raise _unusable(self.file, f"{place} is not a mapping")
        return [Entry(value, self.file, place) for place, value in zip(places, found, strict=True)]

    def path(self, key: str) -> str:
        """A file's path; a relative one starts at the folder of the kubeconfig."""
        found = self.text(key)
        return os.path.join(os.path.dirname(os.path.abspath(self.file)), found) if found else ""

    def data(self, key: str) -> bytes:
        """Bytes that are written in base64. Raises KagentError for what is not."""
        try:
            return base64.b64decode("".join(self.text(key).split()), validate=True)
        except (binascii.Error, ValueError):
            raise self.wrong(f"{key} is not base64") from None

    def wrong(self, why: str) -> BadConfig:
        """The error for what is wrong in here."""
        return _unusable(self.file, f"{self.place}: {why}" if self.place else why)

    def _typed(self, key: str, kind: type, called: str) -> Any:
        value = self.fields.get(key)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(f"{key} is not {called}")
        return value

    def _strings(self, found: list[Any], key: str) -> list[str]:
        if not all(isinstance(value, str) for value in found):
            raise self.wrong(f"{key} is not a list of strings")
        return found

    def _inside(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command line uses of the kubeconfigs."""

    cluster: Entry
    user: Entry
    namespace: str


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The files as one: of things of one name the first counts, and the first file that sets a context."""

    current: str
    clusters: Mapping[str, Entry]
    contexts: Mapping[str, Entry]
    users: Mapping[str, Entry]

    def choose(
        self, context: str | None, cluster: str | None, user: str | None, *, server: bool, login: bool
    ) -> Chosen:
        """What the context names, or the flags instead of it. The cluster that a context names need not be
        there when the flags have a ``server``, nor the user when they have a ``login``.

        Raises KagentError for a context, cluster or user that is not there.
        """
        name = context or self.current
        if not name and not (cluster or server):
            raise KagentError("no current context is set in the kubeconfig", hint="name one with --context")
        for flag, kind, plural, known in (
            (user, "auth info", "users", self.users),
            (context, "context", "contexts", self.contexts),
            (cluster, "cluster", "clusters", self.clusters),
        ):
            if flag and flag not in known:
                raise KagentError(f'{kind} "{flag}" does not exist', hint=_LISTED.format(plural))
        if name and name not in self.contexts:
            raise KagentError(
                f"context was not found for specified context: {name}", hint=_LISTED.format("contexts")
            )
        chosen = self.contexts[name] if name else Entry()
        cluster, user = cluster or chosen.text("cluster"), user or chosen.text("user")
        if not (cluster or server):
            raise KagentError(
                f'cluster was not specified for context "{name}"', hint="name one with --cluster"
            )
        for kind, wanted, found, given in (
            ("cluster", cluster, self.clusters, server),
            ("user", user, self.users, login),
        ):
            if wanted and wanted not in found and not given:
                raise KagentError(
                    f'{kind} "{wanted}" was not found for context "{name}"', hint=_LISTED.format(f"{kind}s")
                )
        return Chosen(
            self.clusters.get(cluster, Entry()), self.users.get(user, Entry()), chosen.text("namespace")
        )


def load(paths: Iterable[Path]) -> Kubeconfig | None:
    """The kubeconfigs that are there, or None when none is. Raises KagentError for one that can't be used."""
    found = [_of_the_kind(entry) for path in paths if (entry := read(path)) is not None]
    if not found:
        return None
    merged: dict[str, dict[str, Entry]] = {kind: {} for kind in _SEVERAL}
    for config in found:
        for kind in _SEVERAL:
            merged[kind] = {**_named(config, kind), **merged[kind]}
    current = next((name for config in found if (name := config.text("current-context"))), "")
    return Kubeconfig(current, **merged)


def read(path: Path, called: str = "a kubeconfig") -> Entry | None:
    """A kubeconfig, or another file that is ``called`` so, as it is written; None when there is no such file.

    Raises KagentError for one that can't be read, or is not that.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        failed = "read" if isinstance(error, IsADirectoryError) else "open"
        raise _unusable(str(path), f"{failed} {path}: {str(error.strerror).lower()}") from error
    return Entry(_parsed(data, str(path), called), str(path))


def _of_the_kind(config: Entry) -> Entry:
    version, kind = config.text("apiVersion") or "v1", config.text("kind") or "Config"
    if (version, kind) != ("v1", "Config"):
        raise _unusable(config.file, f'no kind "{kind}" is registered for version "{version}"')
    return config


def _named(config: Entry, kind: str) -> dict[str, Entry]:
    """What a list of named things holds, by name: ``users: [{name: jane, user: {...}}]``."""
    found: dict[str, Entry] = {}
    for item in config.entries(kind):
        name = item.text("name")
        if name in found:
            raise _unusable(config.file, f"{kind} has two entries named {name}")
        inner = item.entry(kind.removesuffix("s")) or Entry(file=item.file)
        found[name] = Entry(inner.fields, inner.file, f'{kind.removesuffix("s")} "{name}"', name)
    return found


def _parsed(data: bytes, file: str, called: str) -> dict[str, Any]:
    try:
        config = next(yaml.load_all(data, Loader), None)  # of several documents kubectl takes the first
    except (yaml.YAMLError, ValueError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        why = f"line {mark.line + 1}: {problem}" if mark else getattr(error, "reason", "it is not YAML")
        raise _unusable(file, f"yaml: {why}") from None
    except RecursionError:
        raise _unusable(file, "it is nested too deep") from None
    if config is None:  # an empty file is for kubectl one that says nothing
        return {}
    if not isinstance(config, dict):
        raise _unusable(file, f"it is not {called}")
    return config


def _unusable(file: str, why: str) -> BadConfig:
    return BadConfig(f'error loading config file "{file}": {why}')
