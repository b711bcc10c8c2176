"""rollout restart: the mark goes where the controllers keep it."""

from __future__ import annotations

import pytest

from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MCP_SERVER
from kubectl_kagent.model.workload import RESTARTED_AT
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import byo, mcp_server, reconcile, taken_name
from tests.unit.lifecycle.workloads.test_users import TOLD, user


@pytest.fixture
def agent(cluster: FakeCluster) -> str:
    """The agent "echo" with its Deployment, all well; its uid."""
    uid: str = cluster.add(AGENT, objects.agent(generation=1, seen=1))["metadata"]["uid"]
    deployment = objects.deployment(generation=1, seen=1, available=1)
    deployment["metadata"]["ownerReferences"][0]["uid"] = uid
    cluster.add(DEPLOYMENT, deployment)
    return uid


def mark(cluster: FakeCluster) -> str:
    template = cluster.read(DEPLOYMENT, "echo")["spec"]["template"]
    return str(template["metadata"]["annotations"].get(RESTARTED_AT, ""))


def test_an_agents_deployment_is_marked_and_nothing_else_changes(
    cluster: FakeCluster, kagent: Kagent, agent: str
) -> None:
    before = cluster.read(DEPLOYMENT, "echo")["spec"]
    assert kagent("rollout", "restart", "agent/echo") == (0, "agent.kagent.dev/echo restarted\n", "")
    after = cluster.read(DEPLOYMENT, "echo")["spec"]
    del after["template"]["metadata"]["annotations"][RESTARTED_AT]
    assert after == before
    assert [request.resource for request in cluster.writes] == [DEPLOYMENT]


def test_two_restarts_within_a_second_are_two(cluster: FakeCluster, kagent: Kagent, agent: str) -> None:
    kagent("rollout", "restart", "echo")
    assert mark(cluster) == "2026-11-23T08:00:00.000000Z"
    cluster.clock.sleep(0.001)
    kagent("rollout", "restart", "echo")
    assert mark(cluster) == "2026-11-23T08:00:00.001000Z"


def test_the_agents_that_use_a_restarted_server_are_named(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(AGENT, user("clock"))
    assert kagent("rollout", "restart", "mcpservers", "--all") == (
        0,
        "mcpserver.kagent.dev/datetime restarted\n",
        f"Warning: {TOLD.format('clock')}\n",
    )


def test_an_mcp_server_is_marked_in_its_own_spec(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, objects.mcp_server())
    assert kagent("rollout", "restart", "mcpserver/echo") == (
        0,
        "mcpserver.kagent.dev/echo restarted\n",
        "",
    )
    deployment = cluster.read(MCP_SERVER, "echo")["spec"]["deployment"]
    assert set(deployment.pop("annotations")) == {RESTARTED_AT}
    assert deployment == objects.mcp_server()["spec"]["deployment"]


def test_dry_run_changes_nothing(cluster: FakeCluster, kagent: Kagent, agent: str) -> None:
    client = kagent("rollout", "restart", "echo", "--dry-run=client")
    assert client == (0, "agent.kagent.dev/echo restarted (dry run)\n", "")
    server = kagent("rollout", "restart", "echo", "--dry-run=server")
    assert server == (0, "agent.kagent.dev/echo restarted (server dry run)\n", "")
    shown = kagent(
        "rollout", "restart", "echo", "--dry-run=client", "-o", "jsonpath={.spec.template.metadata}"
    )
    assert RESTARTED_AT in shown[1]
    assert mark(cluster) == ""


def test_o_prints_the_object_that_carries_the_mark(kagent: Kagent, agent: str) -> None:
    assert kagent("rollout", "restart", "echo", "-o", "name") == (0, "deployment.apps/echo\n", "")


def test_without_replicas_there_is_nothing_to_restart(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, objects.agent(replicas=0))
    assert kagent("rollout", "restart", "echo", "--wait") == (
        0,
        "",
        "Warning: agent.kagent.dev/echo has no replicas: there is nothing to restart\n",
    )
    assert not cluster.writes


def test_wait_speaks_on_stderr(kagent: Kagent, agent: str) -> None:
    code, out, err = kagent("rollout", "restart", "echo", "--dry-run=none", "--timeout=1ms")
    # nobody rolls the fake's Deployment
    assert (code, out) == (4, "agent.kagent.dev/echo restarted\n")
    assert err == (
        "Waiting for deployment spec update to be observed...\n"
        "error: agent.kagent.dev/echo is restarted, but timed out after 0.001s waiting for deployment spec "
        "update to be observed; deployment/echo: DeploymentNotObserved: the cluster has not looked at its "
        "newest spec\n"
        "hint: does kube-controller-manager run? kubectl get pods -n kube-system; kubectl kagent rollout "
        "status agent/echo -n default shows how far it is\n"
    )


def test_an_agent_without_a_deployment(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, objects.agent())
    assert kagent("rollout", "restart", "echo") == (
        1,
        "",
        'Error from server (NotFound): deployments.apps "echo" not found\n'
        "hint: kubectl kagent describe agent/echo -n default says why kagent has made none\n",
    )


def test_somebody_elses_deployment_of_that_name_is_left_alone(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, objects.agent())
    taken_name(cluster, "echo")
    assert kagent("rollout", "restart", "echo") == (
        1,
        "",
        "Error from server (NotFound): deployment.apps/echo does not belong to agent.kagent.dev/echo\n"
        "hint: kubectl kagent describe agent/echo -n default says why kagent has made none\n",
    )
    assert not cluster.writes


PAUSED = 'deployments.apps "echo" can\'t restart paused deployment (run rollout resume first)'
RESUME = "kubectl rollout resume deployment/echo -n default"


@pytest.mark.parametrize("dry_run", ["none", "client", "server"])
def test_a_paused_deployment_is_refused_in_kubectls_words(
    cluster: FakeCluster, kagent: Kagent, agent: str, dry_run: str
) -> None:
    cluster.edit(DEPLOYMENT, "echo", {"spec": {"paused": True}})
    result = kagent("rollout", "restart", "echo", f"--dry-run={dry_run}")
    assert result == (1, "", f"error: {PAUSED}\nhint: {RESUME}\n")
    assert not cluster.writes


def test_that_of_an_mcp_server_too(cluster: FakeCluster, kagent: Kagent) -> None:
    """Its own spec would take the mark, and no pod would be replaced: no session with it ends."""
    cluster.add(AGENT, user("clock", "echo"))
    uid = cluster.add(MCP_SERVER, objects.mcp_server())["metadata"]["uid"]
    deployment = objects.deployment()
    deployment["metadata"]["ownerReferences"][0]["uid"] = uid
    deployment["spec"]["paused"] = True
    cluster.add(DEPLOYMENT, deployment)
    assert kagent("rollout", "restart", "mcpserver/echo") == (1, "", f"error: {PAUSED}\nhint: {RESUME}\n")
    assert not cluster.writes


def test_a_paused_one_keeps_no_other_from_its_restart(
    cluster: FakeCluster, kagent: Kagent, agent: str
) -> None:
    cluster.edit(DEPLOYMENT, "echo", {"spec": {"paused": True}})
    cluster.add(AGENT, byo("own"))
    reconcile(cluster, "own", config_hash="1")
    assert kagent("rollout", "restart", "--all") == (
        1,
        "agent.kagent.dev/own restarted\n",
        f"Warning: {PAUSED}; {RESUME}\nerror: 1 of 2 agents were not restarted\n",
    )
    assert mark(cluster) == ""


def test_no_task_is_waited_for_where_the_deployment_is_paused(
    cluster: FakeCluster, kagent: Kagent, agent: str
) -> None:
    cluster.edit(DEPLOYMENT, "echo", {"spec": {"paused": True}})
    result = kagent("rollout", "restart", "echo", "--drain")
    assert result == (1, "", f"error: {PAUSED}\nhint: {RESUME}\n")


def test_a_mark_that_the_server_drops_is_no_restart(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older CRD does with a field that it does not have."""
    cluster.add(MCP_SERVER, objects.mcp_server())
    patch = cluster.merge_patch
    monkeypatch.setattr(cluster, "merge_patch", lambda *where, **how: patch(*where[:3], {}, **how))
    assert kagent("rollout", "restart", "mcpserver/echo") == (
        1,
        "",
        "error: mcpserver.kagent.dev/echo has no mark of the restart after the write\n"
        "hint: an admission rule may take it away, or its CRD does not know the field\n",
    )


def test_the_others_are_restarted_all_the_same(cluster: FakeCluster, kagent: Kagent, agent: str) -> None:
    for name in ("blank", "draft"):
        agent_object = objects.agent()
        agent_object["metadata"]["name"] = name
        cluster.add(AGENT, agent_object)
    assert kagent("rollout", "restart", "--all") == (
        1,
        "agent.kagent.dev/echo restarted\n",
        'Warning: deployments.apps "blank" not found; '
        "kubectl kagent describe agent/blank -n default says why kagent has made none\n"
        'Warning: deployments.apps "draft" not found; '
        "kubectl kagent describe agent/draft -n default says why kagent has made none\n"
        "error: 2 of 3 agents were not restarted\n",
    )
    assert mark(cluster)


def test_all_and_none(kagent: Kagent) -> None:
    assert kagent("rollout", "restart", "--all") == (0, "", "No agents matched in default namespace.\n")
