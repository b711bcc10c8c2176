"""What was found out about kagent and kmcp, and what our verbs make of it, on the real controllers."""

from __future__ import annotations

import json

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    MCP_SERVER,
    MODEL_CONFIG,
)
from kubectl_kagent.model.workload import HIBERNATED_REPLICAS, RESTARTED_AT
from tests.cluster.conftest import Done, Tools, wait_for
from tests.cluster.workloads import (
    MANAGER,
    Object,
    await_rendered,
    config_hash,
    create,
    declarative,
    deployment,
    edit,
    key,
    mcp_server,
    model_config,
    parked,
    read,
    reconcile,
    remote_server,
    replicas,
    set_prompt,
    tool,
)

pytestmark = pytest.mark.cluster


def said(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


# Scale


def test_kubectl_cannot_scale_an_agent_and_its_deployment_does_not_keep_it(
    tools: Tools, api: ApiServer
) -> None:
    create(api, parked("clock"))
    theirs = tools.kubectl("scale", "agent", "clock", "--replicas=2", check=False)
    assert theirs == Done(1, "", 'Error from server (NotFound): agents.kagent.dev "clock" not found\n')

    ours = tools.kagent("scale", "agent/clock", "--replicas=2")
    assert ours == Done(0, "agent.kagent.dev/clock scaled\n", "")
    wait_for(lambda: replicas(api, "clock") == 2, "two replicas")

    tools.kubectl("scale", "deployment/clock", "--replicas=1")
    wait_for(lambda: replicas(api, "clock") == 2, "the count of the spec")


def test_a_released_count_is_the_deployments_own(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock", replicas=2))
    done = tools.kagent("scale", "agent/clock", "--release")
    warning = "Warning: no autoscaler targets deployment/clock: it stays at 2 until it is scaled\n"
    assert done == Done(0, "agent.kagent.dev/clock released\n", warning)
    assert "replicas" not in read(api, "clock")["spec"]["byo"]["deployment"]

    tools.kubectl("scale", "deployment/clock", "--replicas=3")
    reconcile(api, "clock")
    edit(api, "clock", {"description": "another reconcile"})
    await_rendered(api, "clock")
    assert replicas(api, "clock") == 3


def test_hibernate_remembers_the_count_for_wake(tools: Tools, api: ApiServer) -> None:
    create(api, parked("clock", replicas=3))
    assert tools.kagent("hibernate", "agent/clock") == Done(0, "agent.kagent.dev/clock hibernated\n", "")
    wait_for(lambda: replicas(api, "clock") == 0, "no replicas")
    assert read(api, "clock")["metadata"]["annotations"][HIBERNATED_REPLICAS] == "3"
    wait_for(lambda: status(tools, "clock") == "ScaledToZero", "the status of a sleeping agent")

    assert tools.kagent("wake", "agent/clock") == Done(0, "agent.kagent.dev/clock woken to 3\n", "")
    wait_for(lambda: replicas(api, "clock") == 3, "three replicas")
    assert "annotations" not in read(api, "clock")["metadata"]
    again = tools.kagent("wake", "agent/clock")
    assert again == Done(
        0, "agent.kagent.dev/clock unchanged\n", "Warning: agent.kagent.dev/clock is awake\n"
    )


def status(tools: Tools, name: str) -> str:
    """The last word of ``get``."""
    return tools.kagent("get", "agent", name).out.split()[-1]


# Undo


def test_undo_brings_the_old_config_hash_back_where_kubectl_only_says_so(
    tools: Tools, api: ApiServer
) -> None:
    servers = [remote_server("one"), remote_server("two")]
    models = [model_config("model", "small"), model_config("other", "large")]
    create(api, key(), *models, *servers, declarative("clock", tools=[tool("one", "now")]))
    first = read(api, "clock")["spec"]
    before = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    change = {
        "systemMessage": "Bad prompt.",
        "modelConfig": "other",
        "tools": [tool("one", "today"), tool("two", "never")],
    }
    edit(api, "clock", {"declarative": change})
    await_rendered(api, "clock")
    changed = config_hash(api, "clock")
    assert changed != before
    assert tools.kagent("scale", "agent/clock", "--replicas=4").code == 0
    await_rendered(api, "clock")

    theirs = tools.kubectl("rollout", "undo", "deployment/clock")
    assert theirs.out == "deployment.apps/clock rolled back\n"
    reconcile(api, "clock")
    assert config_hash(api, "clock") == changed

    ours = tools.kagent("rollout", "undo", "agent/clock")
    line = f"agent.kagent.dev/clock rolled back to revision 1 (config hash {before} is back, now revision 3)"
    assert ours == Done(0, said(line), "")
    first["declarative"]["deployment"]["replicas"] = 4
    assert read(api, "clock")["spec"] == first
    assert config_hash(api, "clock") == before
    assert replicas(api, "clock") == 4


def restarted_at(api: ApiServer, name: str) -> str | None:
    annotations: dict[str, str] = deployment(api, name)["spec"]["template"]["metadata"]["annotations"]
    return annotations.get(RESTARTED_AT)


def test_fields_that_the_plugin_does_not_know_are_kept_on_undo(tools: Tools, api: ApiServer) -> None:
    agent = declarative(
        "clock",
        memory={"modelConfig": "model", "ttlDays": 3},
        context={"compaction": {"compactionInterval": 7, "tokenThreshold": 5000}},
        a2aConfig={
            "skills": [{"id": "tell", "name": "Tell ⏰", "tags": ["b", "a"], "examples": ["<now> & then"]}]
        },
        executeCodeBlocks=False,
    )
    agent["spec"] |= {"iconUrl": "https://example.com/clock.png", "skills": {"refs": ["example.com/skill:1"]}}
    create(api, key(), model_config(), agent)
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    before = spec_as_served(tools, "clock")
    for field in (
        "ttlDays",
        "tokenThreshold",
        "Tell ⏰",
        "executeCodeBlocks",
        "iconUrl",
        "example.com/skill",
    ):
        assert field in before
    api.json_patch(
        *(AGENT, api.namespace, "clock"),
        [
            {"op": "remove", "path": "/spec/declarative/memory"},
            {"op": "remove", "path": "/spec/skills"},
            {"op": "replace", "path": "/spec/declarative/context/compaction/tokenThreshold", "value": 6000},
            {"op": "replace", "path": "/spec/declarative/a2aConfig/skills/0/tags", "value": ["a", "b"]},
        ],
        manager=MANAGER,
    )
    await_rendered(api, "clock")
    assert tools.kagent("rollout", "undo", "agent/clock").code == 0
    assert spec_as_served(tools, "clock") == before


def spec_as_served(tools: Tools, name: str) -> str:
    """The bytes of the spec in the API server's answer."""
    path = f"/apis/kagent.dev/v1alpha2/namespaces/{tools.namespace}/agents/{name}"
    text = tools.kubectl("get", "--raw", path).out
    start = text.index('"spec":')
    return text[start : text.index(',"status":', start)]


# What a config is made from


def test_a_model_config_change_is_one_revision_in_its_own_words(tools: Tools, api: ApiServer) -> None:
    create(api, key(), model_config(), declarative("clock"))
    before = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    generation = read(api, "clock")["metadata"]["generation"]
    edit(api, "model", {"model": "large"}, MODEL_CONFIG)
    wait_for(lambda: config_hash(api, "clock") != before, "the new config")

    assert read(api, "clock")["metadata"]["generation"] == generation
    rows = history(tools, "clock")
    assert [row["change"] for row in rows] == [
        "first recorded",
        "modelconfig/model model small → large",
    ]
    assert [row["configHash"] for row in rows] == [before, config_hash(api, "clock")]
    assert rows[1]["changedBy"] == MANAGER


def history(tools: Tools, name: str) -> list[Object]:
    done = tools.kagent("rollout", "history", name, "-o", "json")
    assert (done.code, done.err) == (0, "")
    found: list[Object] = json.loads(done.out)["revisions"]
    return found


def test_a_shared_source_is_restored_only_when_asked_and_its_other_users_are_named(
    tools: Tools, api: ApiServer
) -> None:
    create(api, key(), model_config(), declarative("clock"), declarative("diary"))
    before = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    edit(api, "model", {"model": "large"}, MODEL_CONFIG)
    wait_for(lambda: config_hash(api, "clock") != before, "the new config")

    shared = "modelconfig.kagent.dev/model (spec.model, also used by diary)"
    refused = tools.kagent("rollout", "undo", "agent/clock")
    assert refused == Done(
        1,
        "",
        said(
            "error: nothing in agent.kagent.dev/clock itself differs from revision 1; "
            f"what differs is shared: {shared}",
            f"hint: kubectl kagent rollout undo agent/clock -n {tools.namespace} "
            "--to-revision=1 --with-sources",
        ),
    )
    assert read(api, "model", MODEL_CONFIG)["spec"]["model"] == "large"

    done = tools.kagent("rollout", "undo", "agent/clock", "--with-sources")
    line = f"agent.kagent.dev/clock rolled back to revision 1 (config hash {before} is back, now revision 3)"
    assert done == Done(0, said(line), said(f"restoring: {shared}"))
    assert read(api, "model", MODEL_CONFIG)["spec"]["model"] == "small"
    assert history(tools, "clock")[-1]["change"] == "rollback of 1: modelconfig/model model large → small"
    assert len(history(tools, "diary")) == 3


def test_with_a_spec_that_differs_too_the_shared_source_left_behind_is_named(
    tools: Tools, api: ApiServer
) -> None:
    create(api, key(), model_config(), declarative("clock"))
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    edit(api, "model", {"model": "large"}, MODEL_CONFIG)
    set_prompt(api, "clock", "Bad prompt.")
    done = tools.kagent("rollout", "undo", "agent/clock", "--to-revision=1")
    assert done.code == 0
    assert done.err == said(
        "Warning: not restored: modelconfig.kagent.dev/model (spec.model)",
        f"hint: kubectl kagent rollout undo agent/clock -n {tools.namespace} --to-revision=1 --with-sources",
    )
    assert done.out.startswith(
        "agent.kagent.dev/clock spec restored from revision 1, but shared sources still differ (config hash "
    )
    assert read(api, "clock")["spec"]["declarative"]["systemMessage"] == "First prompt."
    assert read(api, "model", MODEL_CONFIG)["spec"]["model"] == "large"


def test_a_missing_model_config_is_told_and_undone(tools: Tools, api: ApiServer) -> None:
    create(api, key(), model_config(), declarative("clock"))
    before = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    edit(api, "clock", {"declarative": {"modelConfig": "missing"}})
    reason = f'failed to compile agent {tools.namespace}/clock: ModelConfig.kagent.dev "missing" not found'
    wait_for(lambda: reason in tools.kagent("get", "agent", "clock", "-o", "wide").out, "the reason")
    row = tools.kagent("get", "agent", "clock").out.splitlines()[1]
    assert "missing (missing)" in row
    assert "NotAccepted: failed to compile agent" in row
    assert config_hash(api, "clock") == before

    done = tools.kagent("rollout", "undo", "agent/clock")
    assert (done.code, done.err) == (0, "")
    assert f"config hash {before} is back" in done.out
    await_rendered(api, "clock")


# MCP servers


def test_an_mcp_server_is_scaled_restarted_and_rolled_back_through_its_spec(
    tools: Tools, api: ApiServer
) -> None:
    create(api, mcp_server("tools"))
    before = config_hash(api, "tools")
    scaled = tools.kagent("scale", "mcpserver/tools", "--replicas=2")
    warning = (
        "Warning: a session with mcpserver.kagent.dev/tools lives in one of its pods, and each request "
        'goes to any of 2: unless it keeps no sessions, agents get "Session not found" now and then\n'
    )
    assert scaled == Done(0, "mcpserver.kagent.dev/tools scaled\n", warning)
    wait_for(lambda: replicas(api, "tools") == 2, "two replicas")
    released = tools.kagent("scale", "mcpserver/tools", "--release")
    assert released == Done(
        1,
        "",
        "error: mcpserver.kagent.dev/tools can't be released: kmcp rewrites its replicas at each reconcile\n",
    )

    tools.kubectl("scale", "deployment/tools", "--replicas=1")
    assert tools.kagent("rollout", "restart", "mcpserver/tools").code == 0
    wait_for(lambda: restarted_at(api, "tools"), "the mark of the restart")
    assert replicas(api, "tools") == 2  # kmcp, unlike kagent, puts it back only when the spec changes
    edit(api, "tools", {"deployment": {"port": 8081}}, MCP_SERVER)
    wait_for(lambda: config_hash(api, "tools") != before, "the new config")
    assert restarted_at(api, "tools")

    done = tools.kagent("rollout", "undo", "mcpserver/tools")
    assert (done.code, done.err) == (0, "")
    wait_for(lambda: read(api, "tools", MCP_SERVER)["spec"]["deployment"]["port"] == 8080, "the old port")
    assert replicas(api, "tools") == 2
    changes = [row["change"] for row in history(tools, "mcpserver/tools")]
    assert changes[-1].startswith("rollback of ")


# Revisions


def test_revisions_are_not_pruned_and_go_with_their_agent(tools: Tools, api: ApiServer) -> None:
    create(api, key(), model_config(), declarative("clock"))
    owner = {
        **{"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "name": "clock", "controller": True},
        "uid": read(api, "clock")["metadata"]["uid"],
    }
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "own", "ownerReferences": [owner]},
    }
    api.create(CONFIG_MAP, api.namespace, foreign, manager=MANAGER)
    assert tools.kagent("rollout", "history", "agent/clock").code == 0
    set_prompt(api, "clock", "Second prompt.")
    wait_for(
        lambda: not api.list_objects(CONFIG_MAP, api.namespace, fields="metadata.name=own")["items"],
        "the prune",
    )
    assert revision_names(api) == ["agent-clock-r1"]
    assert len(history(tools, "clock")) == 2

    tools.kubectl("delete", "agent", "clock")
    wait_for(lambda: not revision_names(api), "the end of the revisions")


def revision_names(api: ApiServer) -> list[str]:
    found = api.list_objects(CONTROLLER_REVISION, api.namespace)["items"]
    return sorted(item["metadata"]["name"] for item in found)
