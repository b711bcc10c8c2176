"""The table of permissions is true: the verbs make those requests, no others, and can be refused each."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.model.permissions import CONTROLLER_SERVICE, PERMISSIONS
from kubectl_kagent.model.resources import (
    AGENT,
    CRD,
    DEPLOYMENT,
    EVENT,
    MCP_SERVER,
    POD,
    REPLICA_SET,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import Source, digest
from kubectl_kagent.model.roles import ROLES, hint
from kubectl_kagent.model.workload import Workload, dig, with_replicas
from tests import objects, permission_cases
from tests.fakes import FakeCluster
from tests.permission_cases import CASES, NEVER, Case, Done, Recording, Use, judge, run, state, table

Object = dict[str, Any]
ROOT = Path(__file__).parents[2]


class FakeWorld:
    """The fake with a controller that acts at once."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.admin = cluster
        self.values: dict[str, str] = {}
        self._forgotten: dict[str, int] = {}
        for resource, body in permission_cases.objects("http://model"):
            cluster.add(resource, body)
        self.settle()
        self._crash("broken")
        answer = {"result": {"kind": "message", "parts": [{"kind": "text", "text": "hello"}]}}
        cluster.services["POST", "default/echo:8080/"] = answer
        self._install_kagent()
        self.converse()

    def settle(self) -> None:
        for resource in (AGENT, MCP_SERVER):
            for item in self.admin.read_all(resource):
                workload = Workload(resource, item)
                if self._forgotten.get(workload.name) != workload.generation:
                    self._reconcile(workload)

    def forget(self, name: str) -> None:
        found = self.admin.read(AGENT, name)
        self._forgotten[name] = found["metadata"]["generation"]
        self.admin.set_status(AGENT, name, {**found["status"], "observedGeneration": 0})

    def remember(self) -> None:
        self._forgotten.clear()
        self.settle()

    def _reconcile(self, workload: Workload) -> None:
        spec = with_replicas(workload.spec, workload.deployment_path, None)
        # of a source only what reaches the agent: an MCP server's environment does not
        sources = [
            Source.of(reference, item).content
            for reference in workload.references()
            for item in self.admin.read_all(reference.resource)
            if item["metadata"]["name"] == reference.name
        ]
        hash_ = digest([spec, sources])
        found = [i for i in self.admin.read_all(DEPLOYMENT) if i["metadata"]["name"] == workload.name]
        path = ("spec", "template", "metadata", "annotations", workload.config_hash_annotation)
        rendered = found and dig(found[0], *path) == hash_
        seen = found and dig(found[0], "status", "observedGeneration") == found[0]["metadata"]["generation"]
        if not rendered or not seen or workload.observed_generation < workload.generation:
            ready = workload.name != "broken"
            name, resource = workload.name, workload.resource
            objects.reconcile(self.admin, name, config_hash=hash_, resource=resource, ready=ready)

    def _crash(self, name: str) -> None:
        labels = {"app": "kagent", "kagent": name}
        revision = {"deployment.kubernetes.io/revision": "1"}
        self.admin.edit(DEPLOYMENT, name, {"metadata": {"annotations": revision}})
        deployment = self.admin.read(DEPLOYMENT, name)
        metadata = {"name": "rs", "labels": labels, "annotations": revision, **_owned_by(deployment)}
        replica_set = self._add(REPLICA_SET, {"metadata": metadata, "spec": {}})
        crashed = {
            "name": "kagent",
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
        pod = {
            "metadata": {"name": "pod", "labels": labels, **_owned_by(replica_set)},
            "spec": {"containers": [{"name": "kagent"}]},
            "status": {"containerStatuses": [crashed]},
        }
        self._add(POD, pod)
        self.admin.logs["pod", "kagent (previous)"] = "last words\n"
        self.admin.kubelet.write("pod", "08:00:00 last words")
        self.admin.kubelet.end("pod")
        involved = {"kind": "Pod", "name": "pod"}
        self._add(EVENT, {"metadata": {"name": "event"}, "involvedObject": involved, "reason": "x"})

    def _install_kagent(self) -> None:
        for resource in (AGENT, MCP_SERVER):
            versions = [{"name": resource.version, "served": True}]
            body = {"metadata": {"name": resource.full_name}, "spec": {"versions": versions}}
            self._add(CRD, body)
        labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
        where = {"namespace": "kagent", "labels": labels}
        ports = [{"name": "controller", "port": 8083}]
        service = {"metadata": {"name": "kagent-controller", **where}, "spec": {"ports": ports}}
        self._add(SERVICE, service)
        self.admin.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": "0.10.4"}
        sessions = "/api/sessions/agent/default/agent?user_id=admin%40kagent.dev"
        self.admin.services["GET", f"kagent/kagent-controller:8083{sessions}"] = {"data": []}
        everybody = "/api/sessions?user_id=admin%40kagent.dev"
        self.admin.services["GET", f"kagent/kagent-controller:8083{everybody}"] = {"data": []}
        container = {"name": "kagent"}
        pod = {"metadata": {"name": "controller", **where}, "spec": {"containers": [container]}}
        self._add(POD, pod | {"status": {"containerStatuses": [container | {"state": {"running": {}}}]}})
        self.admin.kubelet.write("controller", "08:00:00 hello")
        deployment = {
            "metadata": {"name": "kagent-controller", **where},
            "spec": {"replicas": 1},
            "status": {"availableReplicas": 1},
        }
        self._add(DEPLOYMENT, deployment)

    def converse(self) -> tuple[str, str]:
        """The waiting task is done as soon as it is answered."""
        row = {"id": "s", "agent_id": "default__NS__echo", "updated_at": "2026-11-23T08:00:00Z"}
        call = {"id": "c", "name": "delete", "args": {}}
        data = {"id": "r", "name": "adk_request_confirmation", "args": {"originalFunctionCall": call}}
        part = {"kind": "data", "data": data, "metadata": {"kagent_type": "function_call"}}
        message = {"role": "agent", "messageId": "m", "parts": [part]}
        task = {"kind": "task", "id": "t", "contextId": "s"}
        waiting = {**task, "status": {"state": "input-required", "message": message}}
        answers = {
            ("GET", "/api/sessions"): [row],
            ("GET", "/api/sessions/s?order=asc"): {"session": row, "events": []},
            ("GET", "/api/sessions/s?limit=1"): {"session": row, "events": []},
            ("GET", "/api/sessions/s/tasks"): [waiting],
            ("DELETE", "/api/sessions/s"): {},
        }
        place, user = "kagent/kagent-controller:8083", "user_id=admin%40kagent.dev"
        for (method, path), data in answers.items():
            asked = f"{path}{'&' if '?' in path else '?'}{user}"
            self.admin.services[method, f"{place}{asked}"] = {"error": False, "data": data}
        done = {"result": {**task, "status": {"state": "completed"}}}
        line = f"data: {json.dumps(done)}".encode()
        door = f"{place}/api/a2a/default/echo?{user}"
        self.admin.streams[door] = [line]
        self.admin.services["POST", door] = {"result": waiting}
        return "s", "t"

    def _add(self, resource: Resource, body: Object) -> Object:
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        return self.admin.add(resource, typed | body)


def _owned_by(owner: Object) -> Object:
    return {"ownerReferences": [{"uid": owner["metadata"]["uid"], "controller": True}]}


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

        need = table(verb)[use]
        case_now = replace(case, before=prepare)
        seen, recording = play(world, case_now, frozenset({use}), refused=not need.without)
        judge(need, use, case, full, seen, asked=use in recording.used, real=False)
        if not need.without:
            assert state(world, recording=verb == "record") == before[0], use
        case.after(world)


def test_no_role_reaches_a_secret_and_looking_changes_nothing() -> None:
    view, talk, edit, operate, recorder = ROLES
    assert not [rule for role in ROLES for rule in role.rules if "secret" in rule.resource]
    assert {rule.verb for rule in view.rules} == {"get", "list", "watch"}
    assert view.rules < edit.rules < operate.rules
    assert talk.rules < edit.rules
    assert {(rule.resource, rule.name) for rule in talk.rules} == {("services/proxy", CONTROLLER_SERVICE)}
    assert not talk.aggregate_to
    assert recorder.rules < operate.rules
    recording = {rule for rule in operate.rules - edit.rules if rule.resource == "controllerrevisions"}
    assert {rule.verb for rule in recording} == {"create", "patch", "delete", "record-agents"}


def test_the_hint_names_the_smallest_role() -> None:
    def refused(verb: str, resource: str, group: str) -> str | None:
        return hint(f'x is forbidden: User "u" cannot {verb} resource "{resource}" in API group "{group}"')

    assert refused("list", "agents", "kagent.dev") == (
        "ClusterRole kagent-view allows it (kubectl apply -k manifests/rbac)"
    )
    assert "kagent-edit" in str(refused("patch", "agents", "kagent.dev"))
    assert "kagent-edit" in str(refused("get", "services/proxy", ""))
    named = f'services "{CONTROLLER_SERVICE}" is forbidden: User "u" cannot get resource "services/proxy" '
    assert "kagent-controller-api" in str(hint(f'{named}in API group "" in the namespace "kagent"'))
    assert "kagent-operate" in str(refused("create", "controllerrevisions", "apps"))
    assert refused("impersonate", "users", "") is None
    assert hint('pods "x" is forbidden: exceeded quota: few') is None


def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
