"""The objects that a command line names: types, names, selectors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_kagent.cluster.side_by_side import side_by_side
from kubectl_kagent.errors import UsageError
from kubectl_kagent.model.resources import (
    AGENT,
    WORKLOADS,
    Resource,
    find_type,
    find_without_deployment,
)

if TYPE_CHECKING:
    from kubectl_kagent.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Targets:
    """The objects named on the command line: one type, and names (none with -l or --all)."""

    resource: Resource
    names: tuple[str, ...]

    def list(
        self,
        cluster: Cluster,
        namespace: str | None,
        *,
        selector: str | None = None,
        all_: bool | None = None,
    ) -> list[dict[str, Any]]:
        """The named or selected objects as served; ``all_`` is None for a verb that has no ``--all``.

        Raises NotFound, or UsageError when nothing is named.
        """
        if self.names:
            if selector or all_:
                raise UsageError("name objects, or select them with -l or --all, not both")
            return side_by_side(lambda name: cluster.get(self.resource, namespace, name), self.names)
        if not (selector or all_):
            others = "-l LABELS" if all_ is None else "--all"
            raise UsageError(
                "required resource not specified",
                hint=f"for example {self.resource.singular}/NAME, or {others}",
            )
        listing = cluster.list_objects(self.resource, namespace, labels=selector)
        typed = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        return [typed | item for item in listing["items"]]


def parse_targets(words: tuple[str, ...], allowed: tuple[Resource, ...] = WORKLOADS) -> Targets:
    """``TYPE/NAME...``, ``TYPE NAME...``, ``TYPE`` or bare ``NAME...`` (an agent).

    Raises UsageError for an unknown type, a type that the verb does not take, or two types at once.
    """
    if not words:
        return Targets(AGENT, ())
    if any("/" in word for word in words):
        pairs = [word.split("/", 1) for word in words]
        if any(len(pair) != 2 or not pair[0] or not pair[1] for pair in pairs):
            raise UsageError(
                "there is no need to specify a resource type as a separate argument when passing "
                "arguments in resource/name form"
            )
        types = {_type(pair[0], allowed) for pair in pairs}
        if len(types) > 1:
            raise UsageError("all objects must be of the same type")
        return Targets(types.pop(), _names_of(pair[1] for pair in pairs))
    if find_type(words[0]) or _is_another_type(words):
        return Targets(_type(words[0], allowed), _names_of(words[1:]))
    return Targets(AGENT, _names_of(words))


def agent_name(word: str) -> str:
    """The agent that ``word`` names: ``agent/NAME`` or bare. Raises UsageError for anything else."""
    names = parse_targets((word,), (AGENT,)).names
    if len(names) != 1:
        raise UsageError("name an agent", hint=f"an agent called {word} is agent/{word}")
    return names[0]


def _names_of(words: Iterable[str]) -> tuple[str, ...]:
    """The words, which go into the request's path as they are."""
    names = tuple(words)
    for name in names:
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII) or name in (".", ".."):
            hint = "separate the names with spaces, and name one type per command" if "," in name else None
            raise UsageError(f'invalid resource name "{name}"', hint=hint)
    return names


def _is_another_type(words: tuple[str, ...]) -> bool:
    """Of a kind that no verb is for; alone its singular may as well be an agent's name."""
    other = find_without_deployment(words[0])
    return other is not None and (len(words) > 1 or words[0].lower() != other.singular)


def _type(word: str, allowed: tuple[Resource, ...]) -> Resource:
    resource = find_type(word)
    known = ", ".join(item.singular for item in allowed)
    if other := find_without_deployment(word):
        raise UsageError(
            f"cannot do this with {other.plural}: kagent runs them without a Deployment",
            hint=f"it works on: {known}; kubectl get {other.plural} lists those",
        )
    if resource is None:
        raise UsageError(
            f'the server doesn\'t have a resource type "{word}" that this command knows',
            hint=f"it knows: {known}",
        )
    if resource not in allowed:
        raise UsageError(f"cannot do this with {resource.plural}", hint=f"it works on: {known}")
    return resource


def one_target(words: tuple[str, ...]) -> tuple[Resource, str]:
    """The type and name of exactly one workload. Raises UsageError for none or several."""
    targets = parse_targets(words)
    if len(targets.names) != 1:
        raise UsageError("name exactly one object", hint="for example agent/NAME")
    return targets.resource, targets.names[0]
