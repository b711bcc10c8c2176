"""RBAC in our words: rules, and what a verb needs them for."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.model.resources import Resource

READING = ("get", "list", "watch")


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One verb on one resource (``pods/log`` is one of its own), as RBAC knows it.

    With ``name`` it is only for the object of that name (RBAC's resourceNames).
    """

    group: str
    resource: str
    verb: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """Rules that a verb of ours uses, and what for.

    ``without`` is what it does when they are missing; empty: it can't do its work. ``elsewhere`` names the
    namespaces when they are not (only) the object's own: then it takes a ClusterRoleBinding. ``option`` is
    the option with which it needs them, empty when it does without any.
    """

    resource: Resource
    verbs: tuple[str, ...]
    why: str
    without: str = ""
    subresource: str = ""
    elsewhere: str = ""
    name: str = ""
    option: str = ""

    @property
    def resource_name(self) -> str:
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(Rule(self.resource.group, self.resource_name, verb, self.name) for verb in self.verbs)
