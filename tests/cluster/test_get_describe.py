"""What get, describe, rollout history and rollout diff show of real objects, and in which formats."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import MODEL_CONFIG, REMOTE_MCP_SERVER
from tests.cluster.conftest import Done, Tools, own_namespace, wait_for
from tests.cluster.workloads import (
    MANAGER,
    Object,
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
    remote_server,
    set_prompt,
    tool,
)

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    """One namespace for all: these verbs change nothing."""
    with own_namespace(lab_kubeconfig) as found:
        yield found


@pytest.fixture(scope="module")
def hashes(tools: Tools) -> list[str]:
    """The config hashes of the three revisions of agent clock: first, another prompt, another model."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    agent = declarative("clock", tools=[tool("tools", "now", "today")])
    create(api, key(), model_config(), remote_server("tools"), agent, parked("idle", replicas=0))
    create(api, mcp_server("server", replicas=0))
    found = [config_hash(api, "clock")]
    assert tools.kagent("rollout", "history", "clock").code == 0
    set_prompt(api, "clock", "Second prompt.\nOf two lines.")
    found.append(config_hash(api, "clock"))
    edit(api, "model", {"model": "large"}, MODEL_CONFIG)
    wait_for(lambda: config_hash(api, "clock") not in found, "the new model")
    wait_for(lambda: "status" in read(api, "tools", REMOTE_MCP_SERVER), "kagent's look at the tools")
    assert tools.kagent("rollout", "history", "clock").code == 0
    return [*found, config_hash(api, "clock")]


@pytest.fixture
def api(tools: Tools, hashes: list[str]) -> ApiServer:
    assert hashes
    return connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))


def cells(text: str) -> list[list[str]]:
    """The rows of a table, ages made the same."""
    rows = [re.split(r" {3,}", line.strip()) for line in text.splitlines()]
    return [[re.sub(r"^(\d+[smh])+$", "AGE", cell) for cell in row] for row in rows]


# get


def test_get_tells_the_truth_about_each_agent(tools: Tools, api: ApiServer) -> None:
    done = tools.kagent("get", "agents")
    assert (done.code, done.err) == (0, "")
    header, *rows = cells(done.out)
    assert " ".join(header) == "NAME TYPE READY UP-TO-DATE SCALED-BY MODEL TOOLS REVISION AGE STATUS"
    assert [row[:-1] for row in rows] == [
        ["clock", "Declarative", "0/1", "1", "spec", "large", "2", "3", "AGE"],
        ["idle", "BYO", "0/0", "0", "spec", "-", "0", "-", "AGE"],
    ]
    assert rows[1][-1] == "ScaledToZero"
    assert rows[0][-1] in ("Progressing", "NotReady")


def test_get_wide_adds_what_runs(tools: Tools, hashes: list[str], api: ApiServer) -> None:
    done = tools.kagent("get", "agent", "clock", "-o", "wide")
    header, row = cells(done.out)
    assert header[-3:] == ["RUNTIME", "CONFIG-HASH", "IMAGE"]
    image = deployment(api, "clock")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert row[-3:] == ["python", hashes[2], image]


def test_get_of_all_namespaces_names_them(tools: Tools, api: ApiServer) -> None:
    done = tools.kagent("get", "agents", "-A")
    assert done.code == 0
    header, *rows = cells(done.out)
    assert header[0] == "NAMESPACE"
    ours = [row[1] for row in rows if row[0] == api.namespace]
    assert ours == ["clock", "idle"]


@pytest.mark.usefixtures("api")
def test_get_lists_the_other_kinds(tools: Tools) -> None:
    assert cells(tools.kagent("get", "mcpservers").out) == [
        ["NAME", "TYPE", "READY", "UP-TO-DATE", "SCALED-BY", "REVISION", "AGE", "STATUS"],
        ["server", "http", "0/0", "0", "spec", "-", "AGE", "ScaledToZero"],
    ]
    assert cells(tools.kagent("get", "mc").out) == [
        ["NAME", "PROVIDER", "MODEL", "ACCEPTED", "AGE"],
        ["model", "OpenAI", "large", "True", "AGE"],
    ]
    header, row = cells(tools.kagent("get", "rmcps").out)
    assert header == ["NAME", "PROTOCOL", "URL", "TOOLS", "ACCEPTED", "AGE"]
    assert row[:4] == ["tools", "STREAMABLE_HTTP", "http://127.0.0.1:9/mcp", "0"]
    assert row[4].startswith("False: failed to fetch tools")


def test_get_prints_objects_as_kubectl_does(tools: Tools, api: ApiServer) -> None:
    for words in (
        ("agents", "-o", "name"),
        ("agents", "-o", "json"),
        ("agent", "clock", "-o", "yaml"),
        ("agents", "-o", 'jsonpath={range .items[*]}{.metadata.name}{"\\t"}{.spec.type}{"\\n"}{end}'),
        ("agents", "-o", "custom-columns=NAME:.metadata.name,MODEL:.spec.declarative.modelConfig"),
    ):
        ours, theirs = tools.kagent("get", *words), tools.kubectl("get", *words)
        assert (ours.code, ours.err) == (0, ""), words
        if words[-1] in ("json", "yaml"):
            assert yaml.safe_load(ours.out) == yaml.safe_load(theirs.out), words
        else:
            assert ours.out == theirs.out, words


def test_get_of_an_empty_namespace_says_so(tools: Tools, api: ApiServer) -> None:
    done = tools.kagent("get", "agents", "-l", "team=nobody")
    assert done == Done(0, "", f"No resources found in {api.namespace} namespace.\n")


@contextmanager
def followed(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """The lines that a process has printed so far; it is interrupted at the end."""
    lines: list[str] = []
    assert process.stdout
    reader = threading.Thread(target=lines.extend, args=(process.stdout,))
    with process:
        reader.start()
        try:
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            reader.join()


def test_get_watch_prints_a_line_for_each_change(tools: Tools, api: ApiServer) -> None:
    create(api, parked("watched", replicas=1))
    process = tools.start("get", "agent", "watched", "-w")
    with followed(process) as lines:
        wait_for(lambda: len(lines) == 2, "the first screen")
        edit(api, "watched", {"byo": {"deployment": {"replicas": 3}}})
        wait_for(lambda: cells(lines[-1])[0][2:4] == ["0/3", "3"], "the line of the change")
        edit(api, "watched", {"byo": {"deployment": {"replicas": 0}}})
        wait_for(lambda: "ScaledToZero" in lines[-1], "the line of the sleep")
    tools.kubectl("delete", "agent", "watched")
    assert process.returncode == 130
    assert all(line.startswith("watched ") for line in lines[1:])
    shown = [cells(line) for line in lines]
    assert all(one != next_ for one, next_ in pairwise(shown)), "a line that says nothing new"


# describe


def squeezed(text: str) -> list[str]:
    """Lines with one blank between words, ages made the same."""
    lines = [
        re.sub(r"(?<= )(\d+[smh])+(?= |$)", "AGE", re.sub(r" +", " ", line)) for line in text.splitlines()
    ]
    return [line.strip() for line in lines]


def test_describe_shows_an_agent_with_all_it_is_made_of(
    tools: Tools, api: ApiServer, hashes: list[str]
) -> None:
    done = tools.kagent("describe", "agent", "clock")
    assert (done.code, done.err) == (0, "")
    lines = squeezed(done.out)
    image = deployment(api, "clock")["spec"]["template"]["spec"]["containers"][0]["image"]
    status = lines[6].removeprefix("Status: ")
    assert status in ("Progressing", "NotReady")
    assert lines[: lines.index("Tools:") + 1] == [
        "Name: clock",
        f"Namespace: {api.namespace}",
        "Kind: Agent (kagent.dev/v1alpha2)",
        "Type: Declarative, python runtime",
        "Created: AGE ago",
        "Description: a test",
        f"Status: {status}",
        "Replicas: 0 ready of 1, 1 up to date",
        "Scaled by: spec",
        f"Config hash: {hashes[2]}",
        f"Image: {image}",
        "Model: large (ModelConfig model)",
        "Prompt:",
        "Second prompt.",
        "Of two lines.",
        "Tools:",
    ]
    start = lines.index("Tools:") + 1
    assert lines[start].startswith("remotemcpserver/tools http://127.0.0.1:9/mcp (Accepted is False: ")
    assert lines[start + 1 : start + 3] == ["now", "today"]
    start = lines.index("Revisions:") + 1
    assert lines[start : start + 5] == [
        "REVISION AGE CHANGED-BY CHANGE",
        f"1 AGE {MANAGER} first recorded",
        f"2 AGE {MANAGER} prompt",
        f"3 AGE {MANAGER} modelconfig/model model small → large",
        "Pods:",
    ]
    assert any(re.match(r"clock-\S+ 0/1 Pending 0 AGE -", line) for line in lines)
    assert any(line.startswith("Warning FailedScheduling AGE pod/clock-") for line in lines)


@pytest.mark.usefixtures("api")
def test_describe_shows_an_mcp_server(tools: Tools) -> None:
    lines = squeezed(tools.kagent("describe", "mcpserver/server").out)
    for line in (
        "Kind: MCPServer (kagent.dev/v1alpha1)",
        "Type: http",
        "Status: ScaledToZero",
        "Replicas: 0 ready of 0, 0 up to date",
        "Accepted True AGE Accepted MCPServer configuration is valid",
        "Revisions: <none>",
        "Pods: <none>",
    ):
        assert line in lines


# rollout history and diff


def test_history_has_these_fields_for_programs(tools: Tools, api: ApiServer, hashes: list[str]) -> None:
    def whole() -> Object | None:
        """Once the newest revision has its pod."""
        done = tools.kagent("rollout", "history", "agent/clock", "-o", "json")
        assert (done.code, done.err) == (0, "")
        found: Object = json.loads(done.out)
        return found if found["revisions"][2]["pods"] == 1 else None

    shown = wait_for(whole, "a pod of the third revision")
    assert yaml.safe_load(tools.kagent("rollout", "history", "clock", "-o", "yaml").out) == shown
    assert shown["object"] == "agent.kagent.dev/clock"
    image = deployment(api, "clock")["spec"]["template"]["spec"]["containers"][0]["image"]
    times = [row.pop("changedAt") for row in shown["revisions"]]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times)
    assert times == sorted(times)
    pods = [row.pop("pods") for row in shown["revisions"]]
    # no pod gets ready, and a rolling update has two: which of the earlier ones it keeps is its own matter
    assert sum(pods) == 2
    changes = ["first recorded", "prompt", "modelconfig/model model small → large"]
    common: Object = {"changedBy": MANAGER, "image": image, "readyPods": 0, "changeCause": None}
    common |= {"rollbackOf": None, "gapBefore": False}
    assert shown["revisions"] == [
        {"revision": number, "live": number == 3, "configHash": config, "change": change, **common}
        for number, config, change in zip((1, 2, 3), hashes, changes, strict=True)
    ]
    template = 'jsonpath={range .revisions[*]}{.revision} {.configHash}{"\\n"}{end}'
    lines = tools.kagent("rollout", "history", "clock", "-o", template).out.splitlines()
    assert lines == [f"{number} {config}" for number, config in enumerate(hashes, start=1)]


def test_one_revision_in_full(tools: Tools, api: ApiServer, hashes: list[str]) -> None:
    done = tools.kagent("rollout", "history", "clock", "--revision=-1", "-o", "json")
    shown = json.loads(done.out)
    assert (shown["revision"], shown["configHash"]) == (2, hashes[1])
    assert shown["spec"] == read(api, "clock")["spec"]
    assert [(source["kind"], source["name"]) for source in shown["sources"]] == [
        ("ModelConfig", "model"),
        ("RemoteMCPServer", "tools"),
    ]
    assert shown["sources"][0]["content"]["spec"]["model"] == "small"
    screen = tools.kagent("rollout", "history", "clock", "--revision=2").out
    assert screen.startswith("agent.kagent.dev/clock with revision #2\nChanged at:   ")
    assert "    systemMessage: |-\n      Second prompt.\n      Of two lines.\n" in screen
    assert f"Source ModelConfig {api.namespace}/model:\n" in screen


@pytest.mark.usefixtures("api")
def test_diff_compares_in_the_agents_own_words(tools: Tools) -> None:
    newest = tools.kagent("rollout", "diff", "agent/clock")
    assert newest == Done(0, "modelconfig/model:\n  - model: small\n  + model: large\n", "")
    prompt = (
        "prompt:\n  --- revision 1\n  +++ revision 2\n  @@ -1 +1,2 @@\n"
        "  -First prompt.\n  +Second prompt.\n  +Of two lines.\n"
    )
    assert tools.kagent("rollout", "diff", "agent/clock", "1", "2") == Done(0, prompt, "")
    same = tools.kagent("rollout", "diff", "agent/clock", "2", "2")
    assert same == Done(0, "", "revision 2 and revision 2 are the same config\n")


@pytest.mark.usefixtures("api")
def test_diff_hands_both_revisions_to_the_users_own_program(tools: Tools, tmp_path: Path) -> None:
    program = tmp_path / "my diff"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$1" "${2##*/}" "${3##*/}"\ndiff "$2" "$3"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    done = tools.kagent("rollout", "diff", "clock", "1", "2", KUBECTL_EXTERNAL_DIFF=f"'{program}' --mine")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("--mine\nrevision-1.yaml\nrevision-2.yaml\n")
    assert ">     systemMessage: |-\n>       Second prompt.\n>       Of two lines.\n" in done.out

    failed = tools.kagent("rollout", "diff", "clock", "1", "2", KUBECTL_EXTERNAL_DIFF="sh -c 'exit 7'")
    assert failed == Done(1, "", "error: KUBECTL_EXTERNAL_DIFF: sh -c 'exit 7' failed with exit code 7\n")
