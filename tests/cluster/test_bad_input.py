"""Bad input of every kind: a clear error with its exit code, nothing on stdout, no change in the cluster."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
)
from kubectl_kagent.model.snapshot import canonical_json
from kubectl_kagent.model.workload import Workload
from tests.cluster.conftest import Done, Tools, own_namespace, wait_for
from tests.cluster.workloads import (
    MANAGER,
    await_rendered,
    config_hash,
    config_map,
    create,
    declarative,
    edit,
    key,
    mcp_server,
    model_config,
    read,
    set_prompt,
)

pytestmark = pytest.mark.cluster

NOBODY = (
    'Error from server (NotFound): agents.kagent.dev "nobody" not found\n'
    "hint: kubectl kagent get agents -A lists all agents\n"
)


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    """One namespace for all: nothing in it may change."""
    with own_namespace(lab_kubeconfig) as found:
        yield found


@pytest.fixture(scope="module")
def api(tools: Tools) -> ApiServer:
    """With an agent of two revisions and an MCP server."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    create(api, key(), model_config(), declarative("clock"), mcp_server("tools", replicas=0))
    set_prompt(api, "clock", "Second prompt.")
    assert tools.kagent("rollout", "history", "clock").code == 0
    return api


@pytest.fixture
def untouched(api: ApiServer) -> Iterator[None]:
    """Fails when anything in the namespace was created, deleted, or written to."""
    before = versions(api)
    yield
    assert versions(api) == before


def versions(api: ApiServer) -> dict[str, str]:
    """All of each object that people write; kagent and kmcp write statuses when they come to it."""
    found: dict[str, str] = {}
    for resource in (AGENT, MCP_SERVER, MODEL_CONFIG, CONTROLLER_REVISION, HPA, DEPLOYMENT):
        for item in api.list_objects(resource, api.namespace)["items"]:
            kept = {key: value for key, value in item.items() if key not in ("status", "metadata")}
            if resource is not DEPLOYMENT:  # kmcp writes theirs again and again
                metadata = item["metadata"].items()
                passing = ("resourceVersion", "managedFields")
                kept["metadata"] = {key: value for key, value in metadata if key not in passing}
            found[resource.label(item["metadata"]["name"])] = canonical_json(kept)
    return found


UNKNOWN = [
    "get agent nobody",
    "describe agent nobody",
    "scale agent/clock agent/nobody --replicas=2",
    "hibernate clock nobody",
    "wake nobody",
    "autoscale nobody --max=3 --cpu=70%",
    "rollout history nobody",
    "rollout diff nobody",
    "rollout undo nobody",
    "rollout status nobody",
    "rollout restart clock nobody",
]


@pytest.mark.usefixtures("untouched")
def test_an_unknown_agent_is_not_found(tools: Tools) -> None:
    assert all_at_once(tools, UNKNOWN) == dict.fromkeys(UNKNOWN, Done(1, "", NOBODY))


def all_at_once(tools: Tools, lines: Iterable[str], *flags: str) -> dict[str, Done]:
    """Each line as a process, side by side."""
    running = {line: tools.start(*line.split(), *flags) for line in lines}
    ended = {line: process.communicate(timeout=120) for line, process in running.items()}
    return {line: Done(running[line].returncode, *texts) for line, texts in ended.items()}


USAGE = {
    "scale pod/clock --replicas=2": (
        'error: the server doesn\'t have a resource type "pod" that this command knows\n'
        "hint: it knows: agent, mcpserver\n"
    ),
    "scale modelconfig/model --replicas=2": (
        "error: cannot do this with modelconfigs\nhint: it works on: agent, mcpserver\n"
    ),
    "rollout undo remotemcpserver/tools": (
        "error: cannot do this with remotemcpservers\nhint: it works on: agent, mcpserver\n"
    ),
    "scale agent/clock --replicas=-1": (
        "error: invalid value for '--replicas': -1 is not in the range 0<=x<=2147483647\n"
        "hint: kubectl kagent scale -h shows how it is used\n"
    ),
    "scale agent/clock": "error: give either --replicas=COUNT or --release\n",
    "scale agent/clock mcpserver/tools --replicas=2": "error: all objects must be of the same type\n",
    "scale agents --all --replicas=2 --resource-version=1 -l a=b nobody": (
        "error: name objects, or select them with -l or --all, not both\n"
    ),
    "rollout undo agents": "error: name exactly one object\nhint: for example agent/NAME\n",
    "rollout undo agent/clock --to-revision=first": (
        "error: invalid value for '--to-revision': 'first' is not a valid integer\n"
        "hint: kubectl kagent rollout undo -h shows how it is used\n"
    ),
    "rollout undo agent/clock --wait --timeout=soon": (
        'error: "soon" is not a duration\nhint: write it like 30s, 5m or 1h30m\n'
    ),
    "autoscale agent/clock --min=3 --max=2 --cpu=70%": "error: --min=3 is more than --max=2\n",
    "get agents -o nonsense": (
        'error: unable to match a printer suitable for the output format "nonsense"\n'
        "hint: allowed: json, yaml, name, wide, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE, "
        "custom-columns=HEADER:PATH,...\n"
    ),
    "rollout forget agent/clock": (
        "error: no such command 'forget'\nhint: kubectl kagent rollout -h shows how it is used\n"
    ),
}


@pytest.mark.usefixtures("untouched")
def test_a_senseless_command_line_is_a_usage_error(tools: Tools) -> None:
    assert all_at_once(tools, USAGE) == {line: Done(2, "", error) for line, error in USAGE.items()}


@pytest.mark.usefixtures("untouched")
def test_preconditions_that_do_not_hold(tools: Tools, api: ApiServer) -> None:
    version = read(api, "clock")["metadata"]["resourceVersion"]
    assert tools.kagent("scale", "clock", "--replicas=2", "--resource-version=1") == Done(
        1,
        "",
        "Error from server (Conflict): agent.kagent.dev/clock: expected resource version to be 1, "
        f"was {version}\n",
    )
    assert tools.kagent("scale", "clock", "--replicas=2", "--current-replicas=7") == Done(
        1,
        "",
        "Error from server (Conflict): agent.kagent.dev/clock: expected replicas to be 7, was 1\n",
    )


@pytest.mark.usefixtures("untouched")
def test_a_revision_that_is_not_there(tools: Tools) -> None:
    lines = [
        "rollout undo clock --to-revision=9",
        "rollout history clock --revision=9",
        "rollout diff clock 1 9",
        "rollout diff clock 9",
    ]
    error = (
        "Error from server (NotFound): agent.kagent.dev/clock has no revision 9\n"
        f"hint: kubectl kagent rollout history agent/clock -n {tools.namespace} lists its revisions\n"
    )
    assert all_at_once(tools, lines) == dict.fromkeys(lines, Done(1, "", error))


# The connection

CHANGE = ("scale", "agent/clock", "--replicas=2")


@pytest.mark.usefixtures("untouched")
def test_an_unreachable_server(tools: Tools) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    refused = (
        f"error: the connection to the server {address} was refused\nhint: is the host and port right?\n"
    )
    for server in (f"https://{address}", address):
        assert tools.kagent(*CHANGE, f"--server={server}") == Done(5, "", refused)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_never_answers(tools: Tools, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        started = time.monotonic()
        done = tools.kagent(*CHANGE, f"--server={scheme}://{address}", "--request-timeout=1s")
    assert done == Done(5, "", f"error: the server {address} did not answer in time\n")
    assert time.monotonic() - started < 10


@pytest.mark.usefixtures("untouched")
def test_a_server_that_hangs_up(tools: Tools) -> None:
    def hang_up() -> None:
        with suppress(OSError):  # at the end
            while True:
                rude.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as rude:
        address = f"127.0.0.1:{rude.getsockname()[1]}"
        threading.Thread(target=hang_up, daemon=True).start()
        done = tools.kagent(*CHANGE, f"--server=http://{address}")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith(f"error: unable to connect to the server {address}: ")
    assert done.err.count("\n") == 1


@pytest.mark.usefixtures("untouched")
def test_a_token_that_is_no_longer_good(tools: Tools) -> None:
    tools.kubectl("create", "serviceaccount", "gone")
    revoked = tools.kubectl("create", "token", "gone").out.strip()
    tools.kubectl("delete", "serviceaccount", "gone")
    for token in ("garbage", revoked):
        assert tools.kagent(*CHANGE, f"--token={token}") == Done(
            6,
            "",
            "error: you must be logged in to the server (Unauthorized)\n"
            "hint: the token or certificate is missing, wrong or expired: log in again\n",
        )


MALFORMED = {
    "clusters: [": (
        'error: error loading config file "FILE": yaml: line 2: did not find expected node content\n'
    ),
    "- a list": 'error: error loading config file "FILE": it is not a kubeconfig\n',
    "apiVersion: v1\nkind: Config\ncurrent-context: none\n": (
        "error: context was not found for specified context: none\n"
        "hint: kubectl config get-contexts lists the contexts\n"
    ),
    "apiVersion: v1\nkind: Config\n": (
        "error: no current context is set in the kubeconfig\nhint: name one with --context\n"
    ),
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("content", MALFORMED)
def test_a_malformed_kubeconfig(tools: Tools, tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken"
    path.write_text(content)
    expected = MALFORMED[content].replace("FILE", str(path))
    assert tools.kagent(*CHANGE, KUBECONFIG=str(path)) == Done(1, "", expected)


@pytest.mark.usefixtures("untouched")
def test_a_cluster_without_the_crds(tools: Tools) -> None:
    """The API server's own answer for an API group that nobody has defined: below it, kagent's is none."""
    server = tools.kubectl("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}").out
    resources = {
        "get agents": ("agents", "v1alpha2", "kagent 0.9 or 0.10"),
        "scale agent/clock --replicas=2": ("agents", "v1alpha2", "kagent 0.9 or 0.10"),
        "rollout restart agent/clock": ("agents", "v1alpha2", "kagent 0.9 or 0.10"),
        "scale mcpserver/tools --replicas=2": ("mcpservers", "v1alpha1", "kmcp"),
    }
    done = all_at_once(tools, resources, f"--server={server}/apis/absent.kagent.dev")
    assert done == {
        line: Done(
            1,
            "",
            f'error: the server doesn\'t have a resource type "{plural}" in kagent.dev/{version}\n'
            f"hint: {product} is not installed here, or only in a version whose API is another\n",
        )
        for line, (plural, version, product) in resources.items()
    }


# What is too large


@pytest.fixture
def apart(lab_kubeconfig: Path) -> Iterator[tuple[Tools, ApiServer]]:
    """A namespace for large objects."""
    with own_namespace(lab_kubeconfig) as found:
        yield found, connect(Connection(kubeconfig=str(found.kubeconfig), namespace=found.namespace))


def test_a_prompt_that_is_too_large_for_kagent_is_recorded_and_undone(
    apart: tuple[Tools, ApiServer],
) -> None:
    """The API server takes a prompt of 1 MiB, but kagent can't put it into a Secret."""
    tools, api = apart
    create(api, key(), model_config(), declarative("clock"))
    before = config_hash(api, "clock")
    large = "word " * ((1 << 20) // 5)
    edit(api, "clock", {"declarative": {"systemMessage": large}})
    wait_for(lambda: accepted(api) == "False", "kagent's refusal")
    wide = tools.kagent("get", "agent", "clock", "-o", "wide").out
    assert "NotAccepted: failed to reconcile owned objects" in wide
    assert 'Secret "clock" is invalid: data: Too long: may not be more than 1048576 bytes' in wide

    history = tools.kagent("rollout", "history", "clock", "-o", "json")
    assert (history.code, history.err) == (0, "")
    rows = [row for row in json.loads(history.out)["revisions"] if row["revision"]]
    assert [row["change"] for row in rows] == ["first recorded", "prompt"]
    done = tools.kagent("rollout", "undo", "clock")
    assert (done.code, done.err) == (0, "")
    assert f"config hash {before} is back" in done.out
    assert config_hash(api, "clock") == rows[0]["configHash"] == before

    kept = revisions_of(api, Workload(AGENT, read(api, "clock")))[1]
    assert kept.spec["declarative"]["systemMessage"] == large


def accepted(api: ApiServer) -> str:
    condition = Workload(AGENT, read(api, "clock")).condition("Accepted")
    return condition.status if condition else ""


def test_a_config_that_is_too_large_for_a_revision_is_said_to_be_lost_by_an_undo(
    apart: tuple[Tools, ApiServer],
) -> None:
    """Two ConfigMaps of which kagent takes a line each: it runs, but does not fit into one object."""
    tools, api = apart
    create(api, key(), model_config(), declarative("clock"))
    before = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "clock").code == 0
    for name in ("one", "two"):
        api.create(
            CONFIG_MAP, api.namespace, config_map(name, rule="Be brief.", rest="x" * 900_000), manager=MANAGER
        )
    template = {"dataSources": [{"kind": "ConfigMap", "name": name} for name in ("one", "two")]}
    prompt = '{{include "one/rule"}} {{include "two/rule"}}'
    edit(api, "clock", {"declarative": {"systemMessage": prompt, "promptTemplate": template}})
    await_rendered(api, "clock")
    large = config_hash(api, "clock")
    assert large != before

    warning = "Warning: the live config is not recorded: etcdserver: request is too large\n"
    history = tools.kagent("rollout", "history", "clock", "-o", "json")
    assert (history.code, history.err) == (0, warning)
    assert [(row["revision"], row["live"]) for row in json.loads(history.out)["revisions"]] == [
        (1, False),
        (None, False),
    ]
    diff = tools.kagent("rollout", "diff", "clock")
    assert (diff.code, diff.err) == (0, warning)
    assert diff.out.startswith("prompt:\n  --- revision 1\n  +++ live\n")

    undo = tools.kagent("rollout", "undo", "clock")
    assert undo.code == 0
    assert undo.err.startswith(warning)
    assert f"rolled back to revision 1 (config hash {before} is back, now revision 2)" in undo.out
