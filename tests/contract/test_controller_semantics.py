"""What kagent's controller does to what it owns; the same claims for the real one and for the stand-in."""

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.contract.kubectl import Cluster, Object, eventually, own_namespace

pytestmark = pytest.mark.cluster

CONFIG_HASH = "kagent.dev/config-hash"
IMAGE = "lab.local/byo-agent:lab"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "model-key"},
    "stringData": {"OPENAI_API_KEY": "sk-one"},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with own_namespace("standin-semantics") as made:
        made.create(SECRET, model_config("shared-model"), model_config("barrier-model"))
        for name in ("shared-model", "barrier-model"):
            await_secret_hash(made, name)
        made.create(declarative("barrier", {"modelConfig": "barrier-model"}))
        await_reconciled(made, "barrier")
        yield made


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


def model_config(name: str, secret: str = "model-key") -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": name},
        "spec": {
            "provider": "OpenAI",
            "model": "gpt-fake",
            "openAI": {"baseUrl": "http://10.244.0.1:9101/v1"},
            "apiKeySecret": secret,
            "apiKeySecretKey": "OPENAI_API_KEY",
        },
    }


def agent(name: str, spec: Object, annotations: dict[str, str] | None = None) -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec,
    }


def declarative(
    name: str, changes: Object | None = None, annotations: dict[str, str] | None = None
) -> Object:
    """Without pods: what becomes of its configuration can be seen without running it."""
    spec = {
        "modelConfig": "shared-model",
        "runtime": "go",
        "systemMessage": "First prompt.",
        "deployment": {"replicas": 0},
    }
    spec |= changes or {}
    return agent(name, {"type": "Declarative", "description": "a test", "declarative": spec}, annotations)


def byo(name: str, **deployment: object) -> Object:
    resources = {"requests": {"cpu": "5m", "memory": "16Mi"}}
    wanted = {"image": IMAGE, "imagePullPolicy": "Never", "resources": resources} | deployment
    return agent(name, {"type": "BYO", "description": "a test", "byo": {"deployment": wanted}})


def await_secret_hash(cluster: Cluster, name: str, other_than: str = "") -> str:
    def known() -> bool:
        return cluster.get(f"modelconfig/{name}").get("status", {}).get("secretHash", "") not in (
            "",
            other_than,
        )

    eventually(known)
    return str(cluster.get(f"modelconfig/{name}")["status"]["secretHash"])


def await_accepted(cluster: Cluster, resource: str) -> None:
    cluster.ok("wait", resource, "--for=condition=Accepted", "--timeout=20s")


def await_reconciled(cluster: Cluster, name: str) -> None:
    def observed() -> bool:
        found = cluster.get(f"agent/{name}")
        return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])

    eventually(observed)


def settle(cluster: Cluster) -> None:
    """Returns when the controller has worked off every Agent queued before: it takes them in turn."""
    prompt = f"Prompt {uuid.uuid4()}."
    cluster.patch("agent/barrier", {"spec": {"declarative": {"systemMessage": prompt}}})
    await_reconciled(cluster, "barrier")


def template(cluster: Cluster, name: str) -> Object:
    found: Object = cluster.get(f"deploy/{name}")["spec"]["template"]
    return found


def config_hash(cluster: Cluster, name: str) -> str:
    return str(template(cluster, name)["metadata"]["annotations"][CONFIG_HASH])


def replicas(cluster: Cluster, name: str) -> int:
    return int(cluster.get(f"deploy/{name}")["spec"]["replicas"])


def made(cluster: Cluster, created: Object) -> str:
    """Creates the Agent, waits for its Deployment, and answers its config hash."""
    cluster.create(created)
    name = created["metadata"]["name"]
    await_reconciled(cluster, name)
    return config_hash(cluster, name)


def changed_hash(cluster: Cluster, name: str, before: str) -> str:
    eventually(lambda: config_hash(cluster, name) != before)
    return config_hash(cluster, name)


def set_prompt(cluster: Cluster, name: str, prompt: str) -> None:
    cluster.patch(f"agent/{name}", {"spec": {"declarative": {"systemMessage": prompt}}})


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
    config = cluster.ok(
        "get", f"secret/{name}", "-o", r"go-template={{index .data `config.json` | base64decode}}"
    )
    assert json.loads(config)["instruction"] == "Second prompt."


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
    await_secret_hash(cluster, name)
    before = made(cluster, declarative(name, {"modelConfig": name}))
    cluster.patch(f"modelconfig/{name}", {"spec": {"model": "gpt-fake-2"}})
    changed_hash(cluster, name, before)
    found = cluster.get(f"agent/{name}")
    assert (found["metadata"]["generation"], found["status"]["observedGeneration"]) == (1, 1)


def test_a_rotated_key_rolls_the_agents(cluster: Cluster, name: str) -> None:
    cluster.create(SECRET | {"metadata": {"name": f"{name}-key"}}, model_config(name, secret=f"{name}-key"))
    await_accepted(cluster, f"modelconfig/{name}")
    first = await_secret_hash(cluster, name)
    before = made(cluster, declarative(name, {"modelConfig": name}))
    cluster.patch(f"secret/{name}-key", {"stringData": {"OPENAI_API_KEY": "sk-two"}})
    await_secret_hash(cluster, name, other_than=first)
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
    config = cluster.ok(
        "get", f"secret/{name}", "-o", r"go-template={{index .data `config.json` | base64decode}}"
    )
    assert json.loads(config)["instruction"] == f"You are {name}. Be brief."


def test_tool_servers_are_followed(cluster: Cluster, name: str) -> None:
    remote = {"description": "a test", "url": f"http://{name}.invalid/mcp", "timeout": "1s"}
    mcp = {"transportType": "http", "httpTransport": {"targetPort": 3000}}
    mcp["deployment"] = {"image": IMAGE, "port": 3000, "replicas": 0}
    cluster.create(
        {
            "apiVersion": "kagent.dev/v1alpha2",
            "kind": "RemoteMCPServer",
            "metadata": {"name": name},
            "spec": remote,
        },
        {"apiVersion": "kagent.dev/v1alpha1", "kind": "MCPServer", "metadata": {"name": name}, "spec": mcp},
    )
    tools = [mcp_tool("RemoteMCPServer", name), mcp_tool("MCPServer", name)]
    first = made(cluster, declarative(name, {"tools": tools}))
    cluster.patch(f"remotemcpserver/{name}", {"spec": {"url": f"http://{name}.invalid/other"}})
    second = changed_hash(cluster, name, first)
    cluster.patch(f"mcpserver/{name}", {"spec": {"deployment": {"port": 3001}}})
    changed_hash(cluster, name, second)


def mcp_tool(kind: str, name: str) -> Object:
    reference = {"apiGroup": "kagent.dev", "kind": kind, "name": name, "toolNames": ["get_time"]}
    return {"type": "McpServer", "mcpServer": reference}


def config_map(name: str, data: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


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
    cluster.create(SECRET | {"metadata": {"name": name}})
    made(cluster, declarative(name))
    assert set(cluster.get(f"secret/{name}")["data"]) == {"config.json", "agent-card.json"}


def test_what_was_deleted_is_made_again(cluster: Cluster, name: str) -> None:
    made(cluster, declarative(name))
    for kind in ("service", "secret", "deploy"):
        uid = cluster.get(f"{kind}/{name}")["metadata"]["uid"]
        cluster.ok("delete", f"{kind}/{name}")
        eventually(lambda kind=kind: cluster.exists(f"{kind}/{name}"))
        assert cluster.get(f"{kind}/{name}")["metadata"]["uid"] != uid
