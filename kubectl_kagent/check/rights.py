"""Which rights of the table in ``rbac`` the user has, and which verbs miss what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubectl_kagent.check.findings import WARNING, CheckFinding, Section
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.observe.status.signals import Remedy
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.roles import granted, smallest
from kubectl_kagent.rbac.rules import Need, Rule

ACCESS = "access"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """A rule in a namespace (empty: in all). Without ``sure`` it may be enough to have it in some others."""

    rule: Rule
    namespace: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Places:
    """What the table means by its words for namespaces; ``own`` is empty for all of them."""

    own: str
    controller: str
    bundle: str

    def rights(self, need: Need, rule: Rule) -> list[Right]:
        if not need.resource.namespaced:
            return [Right(rule, "", sure=True)]
        known: Mapping[str, tuple[str, ...]] = {
            "": (self.own,),
            "all namespaces": ("",),
            "all namespaces, or the controller's": (self.controller,),
            "the controller's": (self.controller,),
            "kagent's": (self.controller,),
            "the bundle's": (self.bundle,),
            "the bundle's, and kagent's": (self.bundle, self.controller),
            "kube-node-lease": ("kube-node-lease",),
        }
        if need.elsewhere not in known:
            return [Right(rule, "", sure=False)]
        return [Right(rule, namespace, sure=True) for namespace in known[need.elsewhere]]


Uses = Mapping[Right, tuple[tuple[str, Need], ...]]


def needed(places: Places) -> Uses:
    """Each right with the verbs that use it."""
    found: dict[Right, list[tuple[str, Need]]] = {}
    for verb, needs in PERMISSIONS.items():
        for need in needs:
            for rule in need.rules:
                for right in places.rights(need, rule):
                    found.setdefault(right, []).append((verb, need))
    return {right: tuple(uses) for right, uses in found.items()}


def access(uses: Uses, answers: Mapping[Right, bool | KagentError]) -> Section:
    """A warning for each role that would give what is missing: what a user may do is for others to say."""
    missing: dict[tuple[str, str], list[Right]] = {}
    refused: dict[Note, None] = {}
    unsure: list[Right] = []
    for right, answer in answers.items():
        if isinstance(answer, KagentError):
            refused[Note("rights", answer.explained)] = None
        elif not answer and right.sure:
            role = smallest(right.rule)
            missing.setdefault((right.namespace, role.name if role else ""), []).append(right)
        elif not answer:
            unsure.append(right)
    findings = tuple(_finding(*place, rights, uses) for place, rights in sorted(missing.items()))
    unchecked = tuple(
        Note(line, "not allowed in all namespaces, and in which it would be enough is not known")
        for line in _lines(unsure, uses)
    )
    ok = sum(answer is True for answer in answers.values())
    return Section(ACCESS, ok, findings, (*refused, *unchecked))


def _finding(namespace: str, name: str, rights: Sequence[Right], uses: Uses) -> CheckFinding:
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    count = "a right" if len(rights) == 1 else f"{len(rights)} rights"
    role = smallest(rights[0].rule)
    if role is None:
        return CheckFinding(WARNING, "you", f"lack {count} {where}", _lines(rights, uses))
    binding = f"rolebinding {name} -n {namespace}" if namespace else f"clusterrolebinding {name}"
    command = f"kubectl create {binding} --clusterrole={name} --user=USER"
    remedy = Remedy(granted(role, namespace), (command,))
    return CheckFinding(WARNING, "you", f"lack {count} of {name} {where}", _lines(rights, uses), remedy)


def _lines(rights: Iterable[Right], uses: Uses) -> tuple[str, ...]:
    """Rights that the same verbs use stand together."""
    found: dict[str, list[str]] = {}
    for right in sorted(rights):
        found.setdefault(_verbs(uses[right]), []).append(_spelled(right.rule))
    return tuple(f"{', '.join(spelled)}: {verbs}" for verbs, spelled in found.items())


def _spelled(rule: Rule) -> str:
    of = f".{rule.group}" if rule.group else ""
    return f"{rule.verb} {rule.resource}{of}{f' {rule.name}' if rule.name else ''}"


def _verbs(uses: Iterable[tuple[str, Need]]) -> str:
    """The verbs, those first that can't do their work without it."""
    needs, less = dict[str, None](), dict[str, None]()
    for verb, need in uses:
        label = f"{verb} with {need.option}" if need.option else verb
        (less if need.without else needs)[label] = None
    told = [", ".join(needs)] if needs else []
    if rest := [verb for verb in less if verb not in needs]:
        told.append(f"with less: {', '.join(rest)}")
    return "; ".join(told)
