"""What kagent's controller does to what it owns; the same claims for the real one and for the stand-in."""

import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

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
from tests.contract.kubectl import Namespace, Object, eventually, own_namespace

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespace(lab_kubeconfig: Path) -> Iterator[Namespace]:
    with own_namespace(lab_kubeconfig, "standin-semantics") as fresh:
        prepare(fresh)
        yield fresh


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


def replicas(namespace: Namespace, name: str) -> int:
    return int(namespace.get(f"deploy/{name}")["spec"]["replicas"])


def secret_hash(namespace: Namespace, name: str) -> str:
    return str(namespace.get(f"modelconfig/{name}")["status"]["secretHash"])


def rendered_config(namespace: Namespace, name: str) -> Object:
    text = namespace.ok(
        "get", f"secret/{name}", "-o", r"go-template={{index .data `config.json` | base64decode}}"
    )
    config: Object = json.loads(text)
    return config


# What it makes


def test_everything_an_agent_owns_bears_its_name_and_labels(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    uid = namespace.get(f"agent/{name}")["metadata"]["uid"]
    for kind in ("deploy", "secret", "service", "serviceaccount"):
        metadata = namespace.get(f"{kind}/{name}")["metadata"]
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
    assert set(namespace.get(f"secret/{name}")["data"]) == {"config.json", "agent-card.json"}
    selector = namespace.get(f"deploy/{name}")["spec"]["selector"]
    assert selector == {"matchLabels": {"app": "kagent", "kagent": name}}


def test_the_readiness_probe_follows_the_runtime(namespace: Namespace, name: str) -> None:
    namespace.create(
        declarative(f"{name}-go"), declarative(f"{name}-py", {"runtime": "python"}), byo(f"{name}-byo")
    )
    timings = {}
    for suffix in ("go", "py", "byo"):
        await_reconciled(namespace, f"{name}-{suffix}")
        probe = template(namespace, f"{name}-{suffix}")["spec"]["containers"][0]["readinessProbe"]
        timings[suffix] = (probe["initialDelaySeconds"], probe["periodSeconds"], probe["timeoutSeconds"])
    assert timings == {"go": (1, 1, 5), "py": (15, 15, 15), "byo": (15, 15, 15)}


def test_the_agents_annotations_are_copied_but_an_edit_of_them_alone_is_not_seen(
    namespace: Namespace, name: str
) -> None:
    made(namespace, declarative(name, annotations={"kubernetes.io/change-cause": "first"}))
    deployment = namespace.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "first"

    namespace.ok("rollout", "status", f"deploy/{name}")  # every change of the Deployment is a reason to look
    settle(namespace)
    namespace.ok("annotate", f"agent/{name}", "--overwrite", "kubernetes.io/change-cause=second")
    settle(namespace)
    deployment = namespace.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "first"

    set_prompt(namespace, name, "Another prompt.")
    await_reconciled(namespace, name)
    deployment = namespace.get(f"deploy/{name}")["metadata"]["annotations"]
    assert deployment["kubernetes.io/change-cause"] == "second"


# Replicas


def test_an_agent_has_no_scale_subresource(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    done = namespace.run("scale", "agent", name, "--replicas=2")
    assert done.returncode == 1
    assert done.stderr == f'Error from server (NotFound): agents.kagent.dev "{name}" not found\n'


def test_replicas_of_the_spec_win_over_the_deployment(namespace: Namespace, name: str) -> None:
    made(namespace, byo(name, replicas=1))
    namespace.patch(f"agent/{name}", {"spec": {"byo": {"deployment": {"replicas": 2}}}})
    eventually(lambda: replicas(namespace, name) == 2)
    namespace.ok("scale", f"deploy/{name}", "--replicas=1")
    eventually(lambda: replicas(namespace, name) == 2)


def test_without_replicas_in_the_spec_the_deployment_keeps_its_own(namespace: Namespace, name: str) -> None:
    made(namespace, byo(name, replicas=0))
    namespace.patch(f"agent/{name}", {"spec": {"byo": {"deployment": {"replicas": None}}}})
    await_reconciled(namespace, name)
    assert replicas(namespace, name) == 0
    namespace.ok("scale", f"deploy/{name}", "--replicas=2")
    settle(namespace)
    assert replicas(namespace, name) == 2
    namespace.patch(f"agent/{name}", {"spec": {"description": "a reconcile"}})
    await_reconciled(namespace, name)
    assert replicas(namespace, name) == 2


# Rollouts


def test_a_changed_prompt_overwrites_the_secret_and_rolls_out(namespace: Namespace, name: str) -> None:
    before = made(namespace, declarative(name))
    uid = namespace.get(f"secret/{name}")["metadata"]["uid"]
    set_prompt(namespace, name, "Second prompt.")
    changed_hash(namespace, name, before)
    secret = namespace.get(f"secret/{name}")
    assert secret["metadata"]["uid"] == uid
    assert rendered_config(namespace, name)["instruction"] == "Second prompt."


def test_rollout_undo_of_the_deployment_says_it_worked_and_changes_nothing(
    namespace: Namespace, name: str
) -> None:
    first = made(namespace, declarative(name))
    set_prompt(namespace, name, "Second prompt.")
    second = changed_hash(namespace, name, first)
    eventually(lambda: revisions(namespace, name) == [1, 2])

    assert namespace.ok("rollout", "undo", f"deploy/{name}") == f"deployment.apps/{name} rolled back\n"
    eventually(lambda: revisions(namespace, name) == [3, 4])
    assert config_hash(namespace, name) == second


def test_the_old_spec_brings_the_old_hash_and_replica_set_back(namespace: Namespace, name: str) -> None:
    first = made(namespace, declarative(name))
    eventually(lambda: len(replica_sets(namespace, name)) == 1)
    set_prompt(namespace, name, "Second prompt.")
    changed_hash(namespace, name, first)
    eventually(lambda: len(replica_sets(namespace, name)) == 2)

    set_prompt(namespace, name, "First prompt.")
    eventually(lambda: config_hash(namespace, name) == first)
    eventually(lambda: max(replica_sets(namespace, name)) == (3, first))
    assert len(replica_sets(namespace, name)) == 2


def test_rollout_restart_of_the_deployment_sticks(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    namespace.ok("rollout", "restart", f"deploy/{name}")
    settle(namespace)
    set_prompt(namespace, name, "Second prompt.")
    await_reconciled(namespace, name)
    assert "kubectl.kubernetes.io/restartedAt" in template(namespace, name)["metadata"]["annotations"]


def test_a_pause_and_a_foreign_image_are_reverted_at_once(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    wanted = template(namespace, name)["spec"]
    namespace.ok("rollout", "pause", f"deploy/{name}")
    eventually(lambda: "paused" not in namespace.get(f"deploy/{name}")["spec"])
    namespace.ok("set", "image", f"deploy/{name}", "kagent=lab.local/other:1")
    eventually(lambda: template(namespace, name)["spec"] == wanted)


def test_foreign_labels_of_the_pod_template_are_kept(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    labels = {"labels": {"team": "blue"}}
    namespace.patch(f"deploy/{name}", {"spec": {"template": {"metadata": labels}}})
    set_prompt(namespace, name, "Second prompt.")
    await_reconciled(namespace, name)
    assert template(namespace, name)["metadata"]["labels"]["team"] == "blue"


def replica_sets(namespace: Namespace, name: str) -> list[tuple[int, str]]:
    """(revision, config hash) of each ReplicaSet."""
    listed = json.loads(namespace.ok("get", "rs", "-l", f"kagent={name}", "-o", "json"))["items"]
    return sorted(
        (
            int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            item["spec"]["template"]["metadata"]["annotations"][CONFIG_HASH],
        )
        for item in listed
    )


def revisions(namespace: Namespace, name: str) -> list[int]:
    return [revision for revision, _ in replica_sets(namespace, name)]


# What an agent is made from


def test_a_model_config_edit_rolls_its_agents_without_a_new_generation(
    namespace: Namespace, name: str
) -> None:
    namespace.create(model_config(name))
    await_accepted(namespace, f"modelconfig/{name}")
    before = made(namespace, declarative(name, {"modelConfig": name}))
    namespace.patch(f"modelconfig/{name}", {"spec": {"model": "gpt-fake-2"}})
    changed_hash(namespace, name, before)
    found = namespace.get(f"agent/{name}")
    assert (found["metadata"]["generation"], found["status"]["observedGeneration"]) == (1, 1)


def test_a_rotated_key_rolls_the_agents(namespace: Namespace, name: str) -> None:
    namespace.create(
        KEY_SECRET | {"metadata": {"name": f"{name}-key"}}, model_config(name, secret=f"{name}-key")
    )
    await_accepted(namespace, f"modelconfig/{name}")
    first = secret_hash(namespace, name)
    before = made(namespace, declarative(name, {"modelConfig": name}))
    namespace.patch(f"secret/{name}-key", {"stringData": {"OPENAI_API_KEY": "sk-two"}})
    eventually(lambda: secret_hash(namespace, name) != first)
    changed_hash(namespace, name, before)


def test_a_prompt_from_a_config_map_is_followed(namespace: Namespace, name: str) -> None:
    namespace.create(config_map(name, {"prompt": "Prompt of the map."}))
    source = {"type": "ConfigMap", "name": name, "key": "prompt"}
    before = made(namespace, declarative(name, {"systemMessage": None, "systemMessageFrom": source}))
    namespace.patch(f"configmap/{name}", {"data": {"prompt": "Changed prompt."}})
    changed_hash(namespace, name, before)


def test_a_prompt_template_is_followed(namespace: Namespace, name: str) -> None:
    namespace.create(config_map(name, {"rules": "Be kind."}))
    changes = {
        "systemMessage": 'You are {{.AgentName}}. {{include "house/rules"}}',
        "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": name, "alias": "house"}]},
    }
    before = made(namespace, declarative(name, changes))
    namespace.patch(f"configmap/{name}", {"data": {"rules": "Be brief."}})
    changed_hash(namespace, name, before)
    assert rendered_config(namespace, name)["instruction"] == f"You are {name}. Be brief."


def test_tool_servers_are_followed(namespace: Namespace, name: str) -> None:
    server = f"{name}-tools"  # an MCPServer of the agent's name would fight with it over the Deployment
    deployment = {"image": IMAGE, "port": 3000, "replicas": 0}
    mcp = {"transportType": "http", "httpTransport": {"targetPort": 3000}, "deployment": deployment}
    namespace.create(
        remote_mcp_server(server),
        {"apiVersion": "kagent.dev/v1alpha1", "kind": "MCPServer", "metadata": {"name": server}, "spec": mcp},
    )
    tools = [mcp_tool("RemoteMCPServer", server), mcp_tool("MCPServer", server)]
    first = made(namespace, declarative(name, {"tools": tools}))
    namespace.patch(f"remotemcpserver/{server}", {"spec": {"url": f"http://{server}.invalid/other"}})
    second = changed_hash(namespace, name, first)
    namespace.patch(f"mcpserver/{server}", {"spec": {"deployment": {"port": 3001}}})
    changed_hash(namespace, name, second)


# What it owns and did not make


def test_foreign_objects_under_an_agent_are_pruned_but_not_controller_revisions(
    namespace: Namespace, name: str
) -> None:
    made(namespace, declarative(name))
    owner = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "name": name,
        "uid": namespace.get(f"agent/{name}")["metadata"]["uid"],
        "controller": True,
    }
    metadata = {"name": f"{name}-own", "ownerReferences": [owner]}
    namespace.create(
        config_map(name, {}) | {"metadata": metadata},
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": metadata,
            "revision": 1,
            "data": {"spec": {}},
        },
    )
    set_prompt(namespace, name, "Second prompt.")
    eventually(lambda: not namespace.exists(f"configmap/{name}-own"))
    assert namespace.exists(f"controllerrevision/{name}-own")


def test_a_secret_of_the_agents_name_is_taken_over(namespace: Namespace, name: str) -> None:
    namespace.create(KEY_SECRET | {"metadata": {"name": name}})
    made(namespace, declarative(name))
    assert set(namespace.get(f"secret/{name}")["data"]) == {"config.json", "agent-card.json"}


def test_what_was_deleted_is_made_again(namespace: Namespace, name: str) -> None:
    made(namespace, declarative(name))
    for kind in ("service", "secret", "deploy"):
        uid = namespace.get(f"{kind}/{name}")["metadata"]["uid"]
        namespace.ok("delete", f"{kind}/{name}")
        eventually(partial(namespace.exists, f"{kind}/{name}"))
        assert namespace.get(f"{kind}/{name}")["metadata"]["uid"] != uid
