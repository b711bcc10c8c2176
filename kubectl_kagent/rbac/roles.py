"""The ClusterRoles that we ship, made from what the verbs need; and which of them a refusal asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kubectl_kagent.model.resources import CONTROLLER_REVISION
from kubectl_kagent.rbac.needs import CONTROLLER_SERVICE
from kubectl_kagent.rbac.permissions import PERMISSIONS, verbs_of
from kubectl_kagent.rbac.rules import READING, Rule


@dataclass(frozen=True, slots=True)
class Role:
    """A ClusterRole that we ship, in ``manifests/PART_OF``.

    ``aggregate_to`` are Kubernetes' own roles that it adds to.
    """

    name: str
    purpose: str
    rules: frozenset[Rule]
    aggregate_to: tuple[str, ...] = ()
    part_of: str = "rbac"

    def has(self, rule: Rule) -> bool:
        """Whether it allows that, for its name or for all."""
        return bool({rule, replace(rule, name="")} & self.rules)


# How the roles get into a cluster, and what each opens. Whoever has no checkout finds it there, too.
PAGE = "https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md"

# verbs that only the roles named after them have
_APART = ("record", "observe")


def _rules(verb: str = "") -> frozenset[Rule]:
    """All rules of a verb in ``_APART``, or of all verbs that are not."""
    return frozenset(
        rule
        for row, needs in PERMISSIONS.items()
        if (row.split()[0] == verb if verb else row.split()[0] not in _APART)
        for need in needs
        for rule in need.rules
    )


def _is_recording(rule: Rule) -> bool:
    return rule.resource == CONTROLLER_REVISION.plural and rule.verb not in READING


def _is_looking(rule: Rule) -> bool:
    # a proxy reaches into every Service of the namespace: Kubernetes' own view has none either
    return rule.verb in READING and not rule.resource.endswith("/proxy")


def _is_talking(rule: Rule) -> bool:
    return rule.name == CONTROLLER_SERVICE


# RBAC can't tell our ControllerRevisions from those of a StatefulSet or DaemonSet. Only the policy in
# manifests/rbac/recording-policy.yaml asks for this right, and holds whoever has it to revisions of ours.
RECORDS_AGENTS_ONLY = Rule(CONTROLLER_REVISION.group, CONTROLLER_REVISION.plural, "record-agents")

# The smallest first.
ROLES = (
    Role(
        "kagent-view",
        "look: check, get, describe, logs, report, rollout history, diff, status, tools list, check, "
        "version; completion of names",
        frozenset(filter(_is_looking, _rules())),
        ("view", "edit", "admin"),
    ),
    Role(
        "kagent-controller-api",
        "all that the kagent controller's API can do, as any user: chat, approvals and sessions, but also "
        "create and delete agents wherever it serves; for a RoleBinding in kagent's namespace",
        frozenset(filter(_is_talking, _rules())),
    ),
    Role(
        "kagent-edit",
        "change: also scale, hibernate, wake, autoscale, rollout restart and undo, tools call; "
        "trace, top and rollout history --impact, which ask services; no recording",
        frozenset(rule for rule in _rules() if not _is_recording(rule)),
        ("edit", "admin"),
    ),
    Role(
        "kagent-operate",
        "all of kagent-edit, and history is recorded: also record",
        _rules() | _rules("record") | {RECORDS_AGENTS_ONLY},
    ),
    Role(
        "kagent-observe",
        "observe install, diff, status, uninstall and export; who binds it must also have what the bundle's "
        "own ClusterRoles grant, as a cluster-admin does, or may not install these",
        _rules("observe"),
    ),
    Role(
        "kagent-recorder",
        "what the recorder in the cluster needs",
        _rules("record") | {RECORDS_AGENTS_ONLY},
        part_of="recorder",
    ),
)


_REFUSED = re.compile(
    r'(?: "(?P<name>[^"]*)" is forbidden:.*)? cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" '
    r'in API group "(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]+)")?'
)
# What the authorizer adds for a binding of a role that nobody has made.
_NOT_THERE = re.compile(r'RBAC: .*?clusterrole\.rbac\.authorization\.k8s\.io "([^"]+)" not found')


def refused_by_rbac(message: str) -> bool:
    """Whether the API server refuses for want of a rule: admission and quotas refuse as Forbidden too."""
    return _REFUSED.search(message) is not None


def hint(message: str, verb: Sequence[str] = ()) -> str | None:
    """The smallest ClusterRole of ours that allows what ``message`` (the API server's) refuses, and where.

    With the words of a ``verb``, ``("rollout", "undo")``, the role has all that the verb needs there. A role
    of ours that is bound and not there is named instead.
    """
    found = _REFUSED.search(message)
    if found is None:
        return None
    absent = _NOT_THERE.search(message)
    if absent and (ours := next((role for role in ROLES if role.name == absent[1]), None)):
        made = f"kubectl apply -k manifests/{ours.part_of}"
        return f"ClusterRole {ours.name} is bound, but not there: {made} makes it ({PAGE})"
    wanted = Rule(found["group"], found["resource"], found["verb"], found["name"] or "")
    role = smallest(wanted, *_needed_beside(wanted, verb)) or smallest(wanted)
    return granted(role, found["namespace"]) if role else None


def _needed_beside(refused: Rule, verb: Sequence[str]) -> Iterator[Rule]:
    """What a verb that can't do without ``refused`` needs in the same place, with any options."""
    rows = [needs for row, needs in PERMISSIONS.items() if _is_row_of(row, verb)]  # the closest comes last
    strict = [need for needs in rows[-1:] for need in needs if not need.without]
    asked = {refused, replace(refused, name="")}
    places = {need.elsewhere for need in strict if asked.intersection(need.rules)}
    return (rule for need in strict if need.elsewhere in places and not need.option for rule in need.rules)


def _is_row_of(row: str, verb: Sequence[str]) -> bool:
    """Whether the row of the table (``rollout undo, rollback``, ``trace``) is about the verb."""
    return any(tuple(verb[: len(words)]) == words for words in verbs_of(row))


def smallest(*rules: Rule) -> Role | None:
    """The smallest ClusterRole of ours that has the rules, each for its name or for all."""
    return next((role for role in ROLES if all(map(role.has, rules))), None)


def granted(role: Role, namespace: str | None) -> str:
    """How ``role`` allows what it does in ``namespace``, or in all of them."""
    binding = f"a RoleBinding in namespace {namespace}" if namespace else "a ClusterRoleBinding"
    return f"ClusterRole {role.name} allows it, by {binding} ({PAGE})"
