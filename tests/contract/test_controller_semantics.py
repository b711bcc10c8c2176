"""What kagent's controller does to what it owns; the same claims for the real one and for the stand-in."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.contract.agents import (
    CONFIG_HASH,
    IMAGE,
    KEY_SECRET,
    await_accepted,
    await_reconciled,
    byo,
    changed_hash,
    config_hash,
    config_map,
    declarative,
    made,
    mcp_tool,
    model_config,
    prepare,
    remote_mcp_server,
    set_prompt,
    settle,
    template,
)
from tests.contract.kubectl import Cluster, Object, eventually, own_namespace

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_namespace("standin-semantics") as namespace:
        prepare(namespace)
        yield namespace


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


def replicas(cluster: Cluster, name: str) -> int:
    return int(cluster.get(f"deploy/{name}")["spec"]["replicas"])


def secret_hash(cluster: Cluster, name: str) -> str:
    return str(cluster.get(f"modelconfig/{name}")["status"]["secretHash"])


def rendered_config(cluster: Cluster, name: str) -> Object:
    text = cluster.ok(
        "get", f"secret/{name}", "-o", r"go-template={{index .data `config.json` | base64decode}}"
    )
    config: Object = json.loads(text)
    return config


# What it makes


def test_everything_an_agent_owns_bears_its_name_and_labels(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    uid = cluster.get(f"agent/{name}")["metadata"]["uid"]
    for kind in ("deploy", "secret", "service", "serviceaccount"):
        metadata = cluster.get(f"{kind}/{name}")["metadata"]
        assert metadata["labels"] == {
            "app": "kagent",
            "kagent": name,
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/managed-by": "kagent",
            "app.kubernetes.io/part-of": "kagent",
        }
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "kagent.dev/v1alpha2",
                "kind": "Agent",
                "name": name,
                "uid": uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    assert set(cluster.get(f"secret/{name}")["data"]) == {"config.json", "agent-card.json"}
    selector = cluster.get(f"deploy/{name}")["spec"]["selector"]
    assert selector == {"matchLabels": {"app": "kagent", "kagent": name}}


def test_the_readiness_probe_follows_the_runtime(cluster: Cluster, name: str) -> None:
    cluster.create(
        declarative(f"{name}-go"), declarative(f"{name}-py", {"runtime": "python"}), byo(f"{name}-byo")
    )
    timings = {}
    for suffix in ("go", "py", "byo"):
        await_reconciled(cluster, f"{name}-{suffix}")
        probe = template(cluster, f"{name}-{suffix}")["spec"]["containers"][0]["readinessProbe"]
        timings[suffix] = (probe["initialDelaySeconds"], probe["periodSeconds"], probe["timeoutSeconds"])
    assert timings == {"go": (1, 1, 5), "py": (15, 15, 15), "byo": (15, 15, 15)}


def test_the_agents_annotations_are_copied_but_an_edit_of_them_alone_is_not_seen(
    cluster: Cluster, name: str
) -> None:
    made(cluster, declarative(name, annotations={"kubernetes.io/change-cause": "first"}))
    deployment = cluster.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "first"

    cluster.ok("annotate", f"agent/{name}", "--overwrite", "kubernetes.io/change-cause=second")
    settle(cluster)
    deployment = cluster.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "first"

    set_prompt(cluster, name, "Another prompt.")
    await_reconciled(cluster, name)
    deployment = cluster.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "second"


# Replicas


def test_an_agent_has_no_scale_subresource(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    done = cluster.run("scale", "agent", name, "--replicas=2")
    assert done.returncode == 1
    assert done.stderr == f'Error from server (NotFound): agents.kagent.dev "{name}" not found\n'


def test_replicas_of_the_spec_win_over_the_deployment(cluster: Cluster, name: str) -> None:
    made(cluster, byo(name, replicas=1))
    cluster.patch(f"agent/{name}", {"spec": {"byo": {"deployment": {"replicas": 2}}}})
    eventually(lambda: replicas(cluster, name) == 2)
    cluster.ok("scale", f"deploy/{name}", "--replicas=1")
    eventually(lambda: replicas(cluster, name) == 2)


def test_without_replicas_in_the_spec_the_deployment_keeps_its_own(cluster: Cluster, name: str) -> None:
    made(cluster, byo(name, replicas=0))
    cluster.patch(f"agent/{name}", {"spec": {"byo": {"deployment": {"replicas": None}}}})
    await_reconciled(cluster, name)
    assert replicas(cluster, name) == 0
    cluster.ok("scale", f"deploy/{name}", "--replicas=2")
    settle(cluster)
    assert replicas(cluster, name) == 2
    cluster.patch(f"agent/{name}", {"spec": {"description": "a reconcile"}})
    await_reconciled(cluster, name)
    assert replicas(cluster, name) == 2


# Rollouts


def test_a_changed_prompt_overwrites_the_secret_and_rolls_out(cluster: Cluster, name: str) -> None:
    before = made(cluster, declarative(name))
    uid = cluster.get(f"secret/{name}")["metadata"]["uid"]
    set_prompt(cluster, name, "Second prompt.")
    changed_hash(cluster, name, before)
    secret = cluster.get(f"secret/{name}")
    assert secret["metadata"]["uid"] == uid
    assert rendered_config(cluster, name)["instruction"] == "Second prompt."


def test_rollout_undo_of_the_deployment_says_it_worked_and_changes_nothing(
    cluster: Cluster, name: str
) -> None:
    first = made(cluster, declarative(name))
    set_prompt(cluster, name, "Second prompt.")
    second = changed_hash(cluster, name, first)
    eventually(lambda: revisions(cluster, name) == [1, 2])

    assert cluster.ok("rollout", "undo", f"deploy/{name}") == f"deployment.apps/{name} rolled back\n"
    eventually(lambda: revisions(cluster, name) == [3, 4])
    assert config_hash(cluster, name) == second


def test_the_old_spec_brings_the_old_hash_and_replica_set_back(cluster: Cluster, name: str) -> None:
    first = made(cluster, declarative(name))
    eventually(lambda: len(replica_sets(cluster, name)) == 1)
    set_prompt(cluster, name, "Second prompt.")
    changed_hash(cluster, name, first)
    eventually(lambda: len(replica_sets(cluster, name)) == 2)

    set_prompt(cluster, name, "First prompt.")
    eventually(lambda: config_hash(cluster, name) == first)
    eventually(lambda: max(replica_sets(cluster, name)) == (3, first))
    assert len(replica_sets(cluster, name)) == 2


def test_rollout_restart_of_the_deployment_sticks(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    cluster.ok("rollout", "restart", f"deploy/{name}")
    settle(cluster)
    set_prompt(cluster, name, "Second prompt.")
    await_reconciled(cluster, name)
    assert "kubectl.kubernetes.io/restartedAt" in template(cluster, name)["metadata"]["annotations"]


def test_a_pause_and_a_foreign_image_are_reverted_at_once(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    wanted = template(cluster, name)["spec"]
    cluster.ok("rollout", "pause", f"deploy/{name}")
    eventually(lambda: "paused" not in cluster.get(f"deploy/{name}")["spec"])
    cluster.ok("set", "image", f"deploy/{name}", "kagent=lab.local/other:1")
    eventually(lambda: template(cluster, name)["spec"] == wanted)


def test_foreign_labels_of_the_pod_template_are_kept(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    labels = {"labels": {"team": "blue"}}
    cluster.patch(f"deploy/{name}", {"spec": {"template": {"metadata": labels}}})
    set_prompt(cluster, name, "Second prompt.")
    await_reconciled(cluster, name)
    assert template(cluster, name)["metadata"]["labels"]["team"] == "blue"


def replica_sets(cluster: Cluster, name: str) -> list[tuple[int, str]]:
    """(revision, config hash) of each ReplicaSet."""
    listed = json.loads(cluster.ok("get", "rs", "-l", f"kagent={name}", "-o", "json"))["items"]
    return sorted(
        (
            int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            item["spec"]["template"]["metadata"]["annotations"][CONFIG_HASH],
        )
        for item in listed
    )


def revisions(cluster: Cluster, name: str) -> list[int]:
    return [revision for revision, _ in replica_sets(cluster, name)]


# What an agent is made from


def test_a_model_config_edit_rolls_its_agents_without_a_new_generation(cluster: Cluster, name: str) -> None:
    cluster.create(model_config(name))
    await_accepted(cluster, f"modelconfig/{name}")
    before = made(cluster, declarative(name, {"modelConfig": name}))
    cluster.patch(f"modelconfig/{name}", {"spec": {"model": "gpt-fake-2"}})
    changed_hash(cluster, name, before)
    found = cluster.get(f"agent/{name}")
    assert (found["metadata"]["generation"], found["status"]["observedGeneration"]) == (1, 1)


def test_a_rotated_key_rolls_the_agents(cluster: Cluster, name: str) -> None:
    cluster.create(
        KEY_SECRET | {"metadata": {"name": f"{name}-key"}}, model_config(name, secret=f"{name}-key")
    )
    await_accepted(cluster, f"modelconfig/{name}")
    first = secret_hash(cluster, name)
    before = made(cluster, declarative(name, {"modelConfig": name}))
    cluster.patch(f"secret/{name}-key", {"stringData": {"OPENAI_API_KEY": "sk-two"}})
    eventually(lambda: secret_hash(cluster, name) != first)
    changed_hash(cluster, name, before)


def test_a_prompt_from_a_config_map_is_followed(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name, {"prompt": "Prompt of the map."}))
    source = {"type": "ConfigMap", "name": name, "key": "prompt"}
    before = made(cluster, declarative(name, {"systemMessage": None, "systemMessageFrom": source}))
    cluster.patch(f"configmap/{name}", {"data": {"prompt": "Changed prompt."}})
    changed_hash(cluster, name, before)


def test_a_prompt_template_is_followed(cluster: Cluster, name: str) -> None:
    cluster.create(config_map(name, {"rules": "Be kind."}))
    changes = {
        "systemMessage": 'You are {{.AgentName}}. {{include "house/rules"}}',
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": name, "alias": "house"}]},
    }
    before = made(cluster, declarative(name, changes))
    cluster.patch(f"configmap/{name}", {"data": {"rules": "Be brief."}})
    changed_hash(cluster, name, before)
    assert rendered_config(cluster, name)["instruction"] == f"You are {name}. Be brief."


def test_tool_servers_are_followed(cluster: Cluster, name: str) -> None:
    server = f"{name}-tools"  # an MCPServer of the agent's name would fight with it over the Deployment
    deployment = {"image": IMAGE, "port": 3000, "replicas": 0}
    mcp = {"transportType": "http", "httpTransport": {"targetPort": 3000}, "deployment": deployment}
    cluster.create(
        remote_mcp_server(server),
        {"apiVersion": "kagent.dev/v1alpha1", "kind": "MCPServer", "metadata": {"name": server}, "spec": mcp},
    )
    tools = [mcp_tool("RemoteMCPServer", server), mcp_tool("MCPServer", server)]
    first = made(cluster, declarative(name, {"tools": tools}))
    cluster.patch(f"remotemcpserver/{server}", {"spec": {"url": f"http://{server}.invalid/other"}})
    second = changed_hash(cluster, name, first)
    cluster.patch(f"mcpserver/{server}", {"spec": {"deployment": {"port": 3001}}})
    changed_hash(cluster, name, second)


# What it owns and did not make


def test_foreign_objects_under_an_agent_are_pruned_but_not_controller_revisions(
    cluster: Cluster, name: str
) -> None:
    made(cluster, declarative(name))
    owner = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "name": name,
        "uid": cluster.get(f"agent/{name}")["metadata"]["uid"],
        "controller": True,
    }
    metadata = {"name": f"{name}-own", "ownerReferences": [owner]}
    cluster.create(
        config_map(name, {}) | {"metadata": metadata},
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": metadata,
            "revision": 1,
            "data": {"spec": {}},
        },
    )
    set_prompt(cluster, name, "Second prompt.")
    eventually(lambda: not cluster.exists(f"configmap/{name}-own"))
    assert cluster.exists(f"controllerrevision/{name}-own")


def test_a_secret_of_the_agents_name_is_taken_over(cluster: Cluster, name: str) -> None:
    cluster.create(KEY_SECRET | {"metadata": {"name": name}})
    made(cluster, declarative(name))
    assert set(cluster.get(f"secret/{name}")["data"]) == {"config.json", "agent-card.json"}


def test_what_was_deleted_is_made_again(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    for kind in ("service", "secret", "deploy"):
        uid = cluster.get(f"{kind}/{name}")["metadata"]["uid"]
        cluster.ok("delete", f"{kind}/{name}")
        eventually(lambda kind=kind: cluster.exists(f"{kind}/{name}"))
        assert cluster.get(f"{kind}/{name}")["metadata"]["uid"] != uid
