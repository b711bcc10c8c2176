"""get as it is typed: whole screens."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SCALED_OBJECT,
    Resource,
)
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.objects import agent, byo, hpa, mcp_server, model_config, reconcile, scaled_object, taken_name

Object = dict[str, Any]
TOOLS = [
    {"type": "McpServer", "mcpServer": {"name": "datetime", "toolNames": ["get_date", "get_time"]}},
    {"type": "Agent", "agent": {"name": "helper"}},
]


def put(cluster: FakeCluster, obj: Object, *, age: int = 0, **rendered: Any) -> None:
    """An agent or MCP server, ``age`` seconds before the next, with a Deployment as ``rendered`` says."""
    resource = MCP_SERVER if obj["kind"] == "MCPServer" else AGENT
    cluster.add(resource, obj)
    if rendered:
        reconcile(cluster, obj["metadata"]["name"], resource=resource, **rendered)
    cluster.clock.sleep(age)


def roll(cluster: FakeCluster, name: str, *conditions: Object, **status: int) -> None:
    """The Deployment's status with these values in it."""
    now = cluster.read(DEPLOYMENT, name)["status"]
    cluster.set_status(DEPLOYMENT, name, {**now, **status, "conditions": list(conditions)})


def refuse(cluster: FakeCluster, name: str, message: str, resource: Resource = AGENT) -> None:
    condition = {
        "type": "Accepted",
        "status": "False",
        "reason": "ReconcileFailed",
        "message": message,
        "lastTransitionTime": "2026-11-23T08:00:00Z",
    }
    cluster.set_status(resource, name, {"observedGeneration": 1, "conditions": [condition]})


def test_the_numbers_of_somebody_elses_deployment_are_not_the_agents(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    put(cluster, agent())
    taken_name(cluster)
    refuse(cluster, "clock", "deployment clock is not ours")
    row = kagent("get", "agent/clock")[1].splitlines()[1]
    assert row.split()[:4] == ["clock", "Declarative", "-", "-"]


@pytest.fixture
def zoo(cluster: FakeCluster) -> FakeCluster:
    """An agent in each state, and each way to decide its replicas."""
    cluster.add(MODEL_CONFIG, model_config())
    put(cluster, agent("a-ready", tools=TOOLS, runtime="go"), age=3 * 86400, config_hash="111")
    put(cluster, byo("b-byo", replicas=2), age=3600, config_hash="222", image="registry.example/own:1")
    put(cluster, agent("c-asleep", deployment={"replicas": 0}), age=600, config_hash="333")
    put(cluster, agent("d-refused", modelConfig="gone"), age=60)
    refuse(cluster, "d-refused", 'failed to get ModelConfig "gone": modelconfigs.kagent.dev "gone" not found')
    put(cluster, agent("e-rolling", deployment={"replicas": 3}), age=60, config_hash="444", ready=False)
    roll(cluster, "e-rolling", updatedReplicas=1, replicas=4, readyReplicas=3)
    put(cluster, agent("f-stuck"), age=5, config_hash="555", ready=False)
    deadline = {
        "type": "Progressing",
        "status": "False",
        "message": 'ReplicaSet "f-1" has timed out progressing.',
    }
    roll(cluster, "f-stuck", deadline)
    put(cluster, agent("g-hpa"), age=5, config_hash="666")
    cluster.add(HPA, hpa("g-hpa"))
    put(cluster, agent("h-keda", deployment={"replicas": 1}), age=5, config_hash="777")
    cluster.add(SCALED_OBJECT, scaled_object("h-keda", minReplicaCount=0, maxReplicaCount=9))
    put(cluster, agent("i-new"), age=5)
    put(cluster, agent("j-unwell"), age=5, config_hash="888", ready=False)
    return cluster


# Agents


@pytest.mark.parametrize("words", [["agents"], ["agent"], [], ["agents.kagent.dev"]])
def test_agents(zoo: FakeCluster, kagent: Kagent, screen: Screen, words: list[str]) -> None:
    code, out, err = kagent("get", *words)
    assert (code, err) == (0, "")
    screen("get-agents", out)


def test_agents_wide(zoo: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    code, out, err = kagent("get", "agents", "-o", "wide")
    assert (code, err) == (0, "")
    screen("get-agents-wide", out)


def test_agents_of_all_namespaces(zoo: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    for obj in zoo.read_all(AGENT)[2:]:
        zoo.remove(AGENT, obj["metadata"]["name"])
    far = {**agent("a-far"), "metadata": {"name": "a-far", "namespace": "elsewhere"}}
    zoo.add(AGENT, far)
    code, out, err = kagent("get", "agents", "-A")
    assert (code, err) == (0, "")
    screen("get-agents-all-namespaces", out)


def test_agents_by_name_and_by_label(zoo: FakeCluster, kagent: Kagent) -> None:
    def names(*words: str) -> list[str]:
        code, out, err = kagent("get", *words)
        assert (code, err) == (0, "")
        return [line.split()[0] for line in out.splitlines()[1:]]

    assert names("agents", "g-hpa", "a-ready") == ["g-hpa", "a-ready"]
    assert names("agent/b-byo") == ["b-byo"]
    assert names("c-asleep") == ["c-asleep"]
    zoo.edit(AGENT, "f-stuck", {"metadata": {"labels": {"tier": "gold"}}})
    assert names("agents", "-l", "tier=gold") == ["f-stuck"]


def test_the_revision_that_runs(story: Story, kagent: Kagent) -> None:
    assert kagent("get", "agents") == (
        0,
        "NAME    TYPE          READY   UP-TO-DATE   SCALED-BY   MODEL   TOOLS   REVISION   AGE   STATUS\n"
        "clock   Declarative   1/1     1            spec        small   0       2          60s   Ready\n",
        "",
    )


# Other types


def test_mcp_servers(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    put(
        cluster, mcp_server("datetime"), age=7200, config_hash="6122c090", image="registry.example/datetime:1"
    )
    put(cluster, mcp_server("idle", replicas=0), age=90, config_hash="0badcafe")
    put(cluster, mcp_server("odd"), age=5)
    refuse(cluster, "odd", "unsupported transport", MCP_SERVER)
    code, out, err = kagent("get", "mcp")
    assert (code, err) == (0, "")
    wide = kagent("get", "mcpservers", "-o", "wide")[1]
    everywhere = kagent("get", "mcpservers", "-A")[1]
    screen("get-mcpservers", f"{out}\n{wide}\n{everywhere}")


def accepted(status: str, message: str = "") -> Object:
    return {"conditions": [{"type": "Accepted", "status": status, "message": message}]}


def test_model_configs(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    cluster.add(MODEL_CONFIG, {**model_config(), "status": accepted("True")})
    cluster.clock.sleep(600)
    refused = accepted("False", 'failed to get secret: secrets "keys" not found\n' + "and more " * 9)
    cluster.add(MODEL_CONFIG, {**model_config("other", "large"), "status": refused})
    cluster.add(MODEL_CONFIG, model_config("unseen"))
    code, out, err = kagent("get", "mc")
    assert (code, err) == (0, "")
    screen(
        "get-modelconfigs", f"{out}\n{kagent('get', 'modelconfigs', '-A')[1]}\n{kagent('get', 'mc/other')[1]}"
    )


def test_remote_mcp_servers(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    found = {"discoveredTools": [{"name": "a"}, {"name": "b"}], **accepted("True")}
    spec = {"protocol": "STREAMABLE_HTTP", "url": "http://tools.example:8084/mcp"}
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "tools"}, "spec": spec, "status": found})
    cluster.clock.sleep(86400)
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "new"}, "spec": {"url": "http://new.example"}})
    code, out, err = kagent("get", "rmcps")
    assert (code, err) == (0, "")
    screen("get-remotemcpservers", f"{out}\n{kagent('get', 'remotemcpservers', '-A')[1]}")


# Nothing


@pytest.mark.parametrize("word", ["agents", "mcpservers", "modelconfigs", "remotemcpservers"])
def test_none(cluster: FakeCluster, kagent: Kagent, word: str) -> None:
    assert kagent("get", word) == (0, "", "No resources found in default namespace.\n")
    assert kagent("get", word, "-o", "wide") == (0, "", "No resources found in default namespace.\n")
    assert kagent("get", word, "-A") == (0, "", "No resources found\n")
    code, out, err = kagent("get", word, "-o", "json")
    assert (code, err, json.loads(out)["items"]) == (0, "", [])
    assert kagent("get", word, "-o", "name") == (0, "", "")


def test_a_name_that_is_not_there(zoo: FakeCluster, kagent: Kagent) -> None:
    missing = (
        'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
        "hint: kubectl kagent get agents -A lists all agents\n"
    )
    for flags in ([], ["-o", "yaml"], ["-o", "wide"]):
        assert kagent("get", "agents", "nobody", *flags) == (1, "", missing)


# For programs


def test_json_of_one_is_the_object_and_of_all_a_list(zoo: FakeCluster, kagent: Kagent) -> None:
    whole = {k: v for k, v in zoo.read(AGENT, "a-ready")["metadata"].items() if k != "managedFields"}
    expected = {**zoo.read(AGENT, "a-ready"), "metadata": whole}
    for words in (["agent", "a-ready"], ["agent/a-ready"], ["a-ready"]):
        code, out, err = kagent("get", *words, "-o", "json")
        assert (code, err, json.loads(out)) == (0, "", expected)
    listing = json.loads(kagent("get", "agents", "-o", "json")[1])
    assert (listing["kind"], listing["apiVersion"], len(listing["items"])) == ("List", "v1", 10)
    assert listing["items"][0] == expected
    assert {item["kind"] for item in listing["items"]} == {"Agent"}
    two = json.loads(kagent("get", "agents", "a-ready", "b-byo", "-o", "json")[1])
    assert [item["metadata"]["name"] for item in two["items"]] == ["a-ready", "b-byo"]
    assert yaml.safe_load(kagent("get", "a-ready", "-o", "yaml")[1]) == expected


def test_names_and_expressions(zoo: FakeCluster, kagent: Kagent) -> None:
    names = [f"agent.kagent.dev/{obj['metadata']['name']}\n" for obj in zoo.read_all(AGENT)]
    assert kagent("get", "agents", "-o", "name") == (0, "".join(names), "")
    template = "jsonpath={range .items[*]}{.spec.type}{end}"
    assert kagent("get", "agents", "-o", template)[1].startswith("DeclarativeBYODeclarative")
    assert kagent("get", "agent", "a-ready", "-o", "jsonpath-as-json={.spec.type}")[1] == (
        '[\n    "Declarative"\n]\n'
    )
    columns = "custom-columns=NAME:.metadata.name,IMAGE:.spec.byo.deployment.image"
    assert kagent("get", "agents", "a-ready", "b-byo", "-o", columns) == (
        0,
        "NAME      IMAGE\na-ready   <none>\nb-byo     registry.example/own:1\n",
        "",
    )


def test_a_selector_for_programs(zoo: FakeCluster, kagent: Kagent) -> None:
    zoo.edit(AGENT, "f-stuck", {"metadata": {"labels": {"tier": "gold"}}})
    assert kagent("get", "agents", "-l", "tier=gold", "-o", "name")[1] == "agent.kagent.dev/f-stuck\n"


# As scripts ask kubectl


def test_without_a_header(zoo: FakeCluster, kagent: Kagent) -> None:
    whole = kagent("get", "agents")[1]
    assert kagent("get", "agents", "--no-headers") == (0, whole.partition("\n")[2], "")
    assert kagent("get", "modelconfigs", "--no-headers")[1].startswith("gpt ")
    columns = ("-o", "custom-columns=NAME:.metadata.name")
    assert kagent("get", "agent", "a-ready", "--no-headers", *columns)[1] == "a-ready\n"
    assert kagent("get", "agent", "a-ready", "--no-headers", "-o", "name")[1] == "agent.kagent.dev/a-ready\n"


def test_labels_are_columns(zoo: FakeCluster, kagent: Kagent) -> None:
    zoo.edit(AGENT, "b-byo", {"metadata": {"labels": {"team": "sre", "example.com/tier": "gold"}}})
    asked = ("agents", "a-ready", "b-byo", "-L", "example.com/tier,team", "-L", "nope", "--show-labels")
    header, *rows = (line.split() for line in kagent("get", *asked)[1].splitlines())
    assert header[-5:] == ["STATUS", "TIER", "TEAM", "NOPE", "LABELS"]
    assert [row[-5:] for row in rows] == [
        ["Ready", "<none>", "<none>", "<none>", "<none>"],
        ["Ready", "gold", "sre", "<none>", "example.com/tier=gold,team=sre"],
    ]
    assert kagent("get", "modelconfigs", "--show-labels")[1].split("\n")[0].endswith("AGE    LABELS")


def test_sorted_by_a_field(zoo: FakeCluster, kagent: Kagent) -> None:
    def names(field: str, *words: str) -> list[str]:
        out = kagent("get", "agents", f"--sort-by={field}", *words)[1]
        return [line.split()[0] for line in out.splitlines()]

    for field in (
        "{.metadata.creationTimestamp}",
        ".metadata.creationTimestamp",
        "metadata.creationTimestamp",
    ):
        assert names(field, "--no-headers")[:3] == ["a-ready", "b-byo", "c-asleep"]
    counted = names(".spec.declarative.deployment.replicas", "-o", "name")
    assert [name.rpartition("/")[2] for name in counted[-3:]] == ["c-asleep", "h-keda", "e-rolling"]
    assert kagent("get", "agents", "--sort-by=.nope") == (
        1,
        "",
        'error: couldn\'t find any field with path "{.nope}" in the list of objects\n',
    )


def test_a_field_selector(zoo: FakeCluster, kagent: Kagent) -> None:
    asked = ("get", "agents", "--field-selector=metadata.name=b-byo")
    assert kagent(*asked, "-o", "name")[1] == "agent.kagent.dev/b-byo\n"
    assert kagent(*asked, "--no-headers")[1].split()[0] == "b-byo"
    others = kagent("get", "agents", "--field-selector=metadata.name!=b-byo", "-o", "name")[1]
    assert ("b-byo" in others, "a-ready" in others) == (False, True)
    code, _, err = kagent("get", "agents", "--field-selector=spec.type=BYO")
    assert (code, err) == (1, "Error from server (BadRequest): field label not supported: spec.type\n")


@pytest.mark.parametrize("form", [(), ("-o", "json"), ("-o", "name")])
def test_what_is_not_there_can_be_ignored(zoo: FakeCluster, kagent: Kagent, form: tuple[str, ...]) -> None:
    assert kagent("get", "agent", "nope", "--ignore-not-found", *form) == (0, "", "")
    code, out, err = kagent("get", "agents", "nope", "a-ready", "--ignore-not-found", *form)
    assert (code, err) == (0, "")
    assert "a-ready" in out
    assert kagent("get", "mcpservers", "--ignore-not-found") == (0, "", "")
    zoo.missing(AGENT)
    assert kagent("get", "agent", "nope", "--ignore-not-found", *form)[0] == 1


@pytest.mark.parametrize("form", [(), ("-o", "name")])
def test_what_is_there_is_printed_beside_what_is_not(
    zoo: FakeCluster, kagent: Kagent, form: tuple[str, ...]
) -> None:
    """As kubectl does."""
    hint = "hint: kubectl kagent get agents -A lists all agents\n"
    errors = [f'Error from server (NotFound): agents.kagent.dev "{name}" not found\n' for name in ("z", "x")]
    found = kagent("get", "agents", "a-ready", *form)[1]
    assert kagent("get", "agents", "z", "a-ready", "x", *form) == (1, found, hint.join([*errors, ""]))
    assert kagent("get", "agents", "z", "x", *form) == (1, "", hint.join([*errors, ""]))
    assert kagent("get", "agents", "z", "x", "-o", "json")[:2] == (1, "")
    assert kagent("get", "agents", "z", "a-ready", "-w")[:2] == (1, "")


# What makes no sense


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["agents", "a", "-A"],
            "error: a resource cannot be retrieved by name across all namespaces or with a selector\n",
        ),
        (
            ["agents", "a", "-l", "x=y"],
            "error: a resource cannot be retrieved by name across all namespaces or with a selector\n",
        ),
        (
            ["agents", "-w", "-o", "json"],
            "error: -w prints tables only\nhint: kubectl get -w -o json follows the objects themselves\n",
        ),
        (
            ["agents", "a", "--field-selector=metadata.name=a"],
            "error: a resource cannot be retrieved by name across all namespaces or with a selector\n",
        ),
        (["modelconfigs", "-w"], "error: -w works on agents and mcpservers\n"),
        (
            ["agents", "-o", "xml"],
            'error: unable to match a printer suitable for the output format "xml"\n'
            "hint: allowed: json, yaml, name, wide, jsonpath=TEMPLATE, "
            "jsonpath-as-json=TEMPLATE, custom-columns=HEADER:PATH,...\n",
        ),
    ],
)
def test_usage(zoo: FakeCluster, kagent: Kagent, words: list[str], message: str) -> None:
    assert kagent("get", *words) == (2, "", message)


def test_what_may_not_be_read_is_unknown_and_said_once(
    zoo: FakeCluster, kagent: Kagent, screen: Screen
) -> None:
    for resource in (MODEL_CONFIG, CONTROLLER_REVISION, HPA):
        zoo.deny("list", resource)
    code, out, err = kagent("get", "agents", "a-ready", "b-byo")
    assert code == 0
    screen("get-agents-forbidden-parts", f"{out}\n{err}")


@pytest.mark.parametrize("resource", [AGENT, DEPLOYMENT])
def test_forbidden(zoo: FakeCluster, kagent: Kagent, resource: Resource) -> None:
    zoo.deny("list", resource)
    code, out, err = kagent("get", "agents")
    assert (code, out) == (6, "")
    assert err.startswith(f"Error from server (Forbidden): {resource.full_name} is forbidden")


def test_without_kagent(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.missing(AGENT)
    code, out, err = kagent("get", "agents")
    assert (code, out) == (1, "")
    assert err.startswith('error: the server doesn\'t have a resource type "agents" in kagent.dev/v1alpha2\n')


def test_without_a_server(cluster: FakeCluster, kagent: Kagent) -> None:
    def away() -> None:
        raise Unreachable("the connection to the server 127.0.0.1:1 was refused", hint="is it up?")

    cluster.before("list", AGENT, away)
    assert kagent("get", "agents") == (
        5,
        "",
        "error: the connection to the server 127.0.0.1:1 was refused\nhint: is it up?\n",
    )


# -w


def test_watch_prints_a_line_again_when_it_changes(story: Story, kagent: Kagent) -> None:
    """Each look ends with the revisions, so what happens there is seen by the next look."""
    cluster = story.cluster

    def pods(ready: int) -> None:
        status = cluster.read(DEPLOYMENT, "clock")["status"]
        cluster.set_status(
            DEPLOYMENT, "clock", {**status, "readyReplicas": ready, "availableReplicas": ready}
        )

    def another() -> None:
        cluster.add(AGENT, agent("second"))

    def stop() -> None:
        raise KeyboardInterrupt

    for turn, action in enumerate((lambda: pods(0), another, lambda: pods(1), stop)):
        cluster.before("list", CONTROLLER_REVISION, action, nth=turn + 2)
    code, out, err = kagent("get", "agents", "-w")
    cluster.end_watches()
    assert (code, err) == (130, "interrupted\n")
    pending = "Pending: the controller has not seen the newest change"
    assert out == (
        "NAME    TYPE          READY   UP-TO-DATE   SCALED-BY   MODEL   TOOLS   REVISION   AGE   STATUS\n"
        "clock   Declarative   1/1     1            spec        small   0       2          60s   Ready\n"
        "clock   Declarative   0/1     1            spec        small   0       2          60s   NotReady\n"
        "second   Declarative   -       -            deployment   small   0       -          0s    "
        f"{pending}\n"
    )


def test_watch_says_once_what_may_not_be_read(story: Story, kagent: Kagent) -> None:
    cluster = story.cluster

    def stop() -> None:
        raise KeyboardInterrupt

    cluster.deny("list", HPA)
    cluster.before("list", CONTROLLER_REVISION, lambda: cluster.add(AGENT, agent("second")), nth=2)
    cluster.before("list", CONTROLLER_REVISION, stop, nth=3)
    code, _, err = kagent("get", "agents", "-w")
    cluster.end_watches()
    assert code == 130
    assert err.count("autoscaler unknown") == 1


def test_watch_does_not_look_whole_when_a_kind_may_not_be_watched(story: Story, kagent: Kagent) -> None:
    story.cluster.deny("watch", DEPLOYMENT)
    code, out, err = kagent("get", "agents", "-w")
    story.cluster.end_watches()
    assert code == 6
    assert out.endswith("Ready\n")
    assert err.startswith("Error from server (Forbidden): deployments.apps is forbidden")
