"""The table of permissions is true: the verbs make those requests, no others, and can be refused each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.rbac.needs import CONTROLLER_SERVICE
from kubectl_kagent.rbac.permissions import PERMISSIONS, verbs_of
from kubectl_kagent.rbac.roles import PAGE, ROLES, hint
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.lab.layout import CHECKOUT
from tests.permissions.cases import CASES, Case
from tests.permissions.judge import judge, state
from tests.permissions.recording import NEVER, Recording, Use, table
from tests.permissions.running import Done, run
from tests.permissions.world import FakeWorld

Object = dict[str, Any]

README = CHECKOUT / "README.md"


@pytest.fixture
def world(cluster: FakeCluster) -> FakeWorld:
    return FakeWorld(cluster)


def play(
    world: FakeWorld, case: Case, denied: frozenset[Use] = frozenset(), *, refused: bool = False
) -> tuple[Done, Recording]:
    world.remember()
    case.before(world)
    cluster = Recording(world.admin, denied, world.settle)
    until = case.until | {NEVER} if case.until and refused else case.until
    done = run(cluster, case.words(world), until=until)
    world.admin.end_watches()
    return done, cluster


@pytest.mark.parametrize(
    ("row", "verbs"),
    [
        ("trace", [("trace",)]),
        ("rollout undo, rollback", [("rollout", "undo"), ("rollback",)]),
        ("get agents|mcpservers", [("get", "agents"), ("get", "mcpservers")]),
        ("top --by=revision", [("top", "--by=revision")]),
    ],
)
def test_the_verbs_that_a_row_is_about(row: str, verbs: list[tuple[str, ...]]) -> None:
    assert verbs_of(row) == verbs


@pytest.mark.parametrize("verb", PERMISSIONS)
def test_a_verb_makes_the_requests_of_the_table_and_no_others(verb: str, world: FakeWorld) -> None:
    used: set[Use] = set()
    for case in CASES[verb]:
        done, recording = play(world, case)
        case.after(world)
        assert done.code != 6, done
        assert "cannot" not in done.err, done
        used |= recording.used
    assert used == set(table(verb))


@pytest.mark.parametrize("verb", PERMISSIONS)
def test_without_a_rule_a_verb_is_refused_before_it_changed_anything_or_says_what_it_lost(
    verb: str, world: FakeWorld
) -> None:
    first: dict[Use, tuple[Case, Done]] = {}
    for case in CASES[verb]:
        done, recording = play(world, case)
        case.after(world)
        for use in recording.used - set(first):
            first[use] = (case, done)
    for use, (case, full) in first.items():
        before: list[Object] = []

        def prepare(world: FakeWorld, case: Case = case, before: list[Object] = before) -> None:
            case.before(world)
            before.append(state(world, recording=verb == "record"))

        need = table(verb, case.line)[use]
        case_now = replace(case, before=prepare)
        seen, recording = play(world, case_now, frozenset({use}), refused=not need.without)
        judge(need, use, case, full, seen, asked=use in recording.used, real=False)
        if not need.without:
            assert state(world, recording=verb == "record") == before[0], use
        case.after(world)


def test_no_role_reaches_a_secret_and_looking_changes_nothing() -> None:
    view, talk, edit, operate, observe, recorder = ROLES
    assert not [rule for role in ROLES for rule in role.rules if "secret" in rule.resource]
    assert {rule.verb for rule in view.rules} == {"get", "list", "watch"}
    assert view.rules < edit.rules < operate.rules
    assert talk.rules < edit.rules
    assert {(rule.resource, rule.name) for rule in talk.rules} == {("services/proxy", CONTROLLER_SERVICE)}
    assert not talk.aggregate_to
    assert "but also create and delete agents wherever it serves" in talk.purpose
    assert not observe.aggregate_to
    assert not {rule.verb for rule in observe.rules} & {"escalate", "bind", "*"}
    assert recorder.rules < operate.rules
    recording = {rule for rule in operate.rules - edit.rules if rule.resource == "controllerrevisions"}
    assert {rule.verb for rule in recording} == {"create", "patch", "delete", "record-agents"}


def test_the_pages_say_what_installing_the_roles_opens() -> None:
    """Two of them become part of Kubernetes' own view and edit, and one is the controller's whole API."""
    opened = {role.name: role.aggregate_to for role in ROLES if role.aggregate_to}
    assert opened == {"kagent-view": ("view", "edit", "admin"), "kagent-edit": ("edit", "admin")}
    install = re.search(r"^kubectl apply -k manifests/rbac +# (.*)$", README.read_text(), re.MULTILINE)
    assert install
    assert install[1] == (
        "roles, added to your users' view and edit: docs/permissions.md says what that opens"
    )
    told = (CHECKOUT / "docs" / "permissions.md").read_text()
    assert "everybody with `view` in a namespace reads its Agents,\nModelConfigs" in told
    assert "it creates and deletes agents, model configs and tool servers with the controller's own" in told


def test_the_hint_names_the_smallest_role() -> None:
    def refused(verb: str, resource: str, group: str) -> str | None:
        return hint(f'x is forbidden: User "u" cannot {verb} resource "{resource}" in API group "{group}"')

    everywhere = 'x is forbidden: User "u" cannot list resource "agents" in API group "kagent.dev"'
    assert hint(f"{everywhere} at the cluster scope") == (
        "ClusterRole kagent-view allows it, by a ClusterRoleBinding (https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)"
    )
    assert hint(f'{everywhere} in the namespace "team"') == (
        "ClusterRole kagent-view allows it, by a RoleBinding in namespace team "
        "(https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)"
    )
    assert "kagent-edit" in str(refused("patch", "agents", "kagent.dev"))
    assert "kagent-edit" in str(refused("get", "services/proxy", ""))
    named = f'services "{CONTROLLER_SERVICE}" is forbidden: User "u" cannot get resource "services/proxy" '
    assert "kagent-controller-api" in str(hint(f'{named}in API group "" in the namespace "kagent"'))
    assert "kagent-operate" in str(refused("create", "controllerrevisions", "apps"))
    assert refused("impersonate", "users", "") is None
    assert hint('pods "x" is forbidden: exceeded quota: few') is None


def test_a_role_that_is_bound_and_not_there_is_named() -> None:
    refused = (
        'agents.kagent.dev is forbidden: User "ann" cannot list resource "agents" in API group "kagent.dev"'
    )
    message = f'{refused} in the namespace "t": RBAC: clusterrole.rbac.authorization.k8s.io "%s" not found'
    assert hint(message % "kagent-view") == (
        f"ClusterRole kagent-view is bound, but not there: kubectl apply -k manifests/rbac makes it ({PAGE})"
    )
    found = hint(message % "theirs")
    assert found is not None
    assert found.startswith("ClusterRole kagent-view allows it")


@pytest.mark.parametrize(
    ("verb", "refused", "role"),
    [
        ("scale", "get agents", "kagent-edit"),
        ("scale", "list agents", "kagent-edit"),  # with --all
        ("hibernate", "get mcpservers", "kagent-edit"),
        ("wake", "get agents", "kagent-edit"),
        ("autoscale", "get agents", "kagent-edit"),
        ("rollout undo", "list agents", "kagent-edit"),
        ("rollback", "list agents", "kagent-edit"),
        ("rollout restart", "get agents", "kagent-edit"),
        ("tools call", "get mcpservers", "kagent-edit"),
        ("record", "list agents", "kagent-operate"),
        ("rollout status", "get agents", "kagent-view"),
        ("rollout history", "list agents", "kagent-view"),
        ("get", "list agents", "kagent-view"),
        ("chat", "get agents", "kagent-view"),  # the controller's API is in another namespace
        ("approvals approve", "get services/proxy", "kagent-controller-api"),
        # it goes on without
        ("scale", "list horizontalpodautoscalers", "kagent-view"),
    ],
)
def test_the_hint_names_the_role_that_the_whole_verb_needs(verb: str, refused: str, role: str) -> None:
    asked, resource = refused.split()
    name, group = {
        "services/proxy": (CONTROLLER_SERVICE, ""),
        "horizontalpodautoscalers": ("x", "autoscaling"),
    }.get(resource, ("x", "kagent.dev"))
    message = (
        f'{resource.partition("/")[0]} "{name}" is forbidden: User "u" cannot {asked} resource "{resource}" '
        f'in API group "{group}" in the namespace "team"'
    )
    assert str(hint(message, verb.split())).startswith(
        f"ClusterRole {role} allows it, by a RoleBinding in namespace team"
    )


@pytest.mark.parametrize(
    ("line", "role"),
    [
        ("scale agent/x --replicas=2", "kagent-edit"),
        ("hibernate agent/x", "kagent-edit"),
        ("rollout undo agent/x", "kagent-edit"),
        ("describe agent/x", "kagent-view"),
    ],
)
def test_whoever_may_nothing_is_told_the_role_of_the_verb(
    cluster: FakeCluster, kagent: Kagent, line: str, role: str
) -> None:
    cluster.deny("get", AGENT)
    cluster.deny("list", AGENT)
    code, out, err = kagent(*line.split())
    assert (code, out) == (6, "")
    assert err.splitlines()[-1] == (
        f"hint: ClusterRole {role} allows it, by a RoleBinding in namespace default ({PAGE})"
    )
