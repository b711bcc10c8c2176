"""Secrets in forty places, every verb over them: which place may show its own, and to whom.

docs/decisions/masking.md is the decision; ``PLACES`` is what is tested of it. Each place has a value of its
own that is a secret by its shape or its name. Every verb runs twice: as it is, where none may be seen, and
with a masking that knows no secret, where each must be: so none of the places is out of reach.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from kubectl_kagent.masking import text as masking_text
from kubectl_kagent.masking import values as masking_values
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    EVENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    Resource,
)
from tests.conftest import Kagent
from tests.fake.agent import SESSION, TASK, called, gave, request, row, talking, task, text, update
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.loopback import Received, response, serve
from tests.objects import config_map, mcp_server
from tests.unit.commands.test_logs import pod
from tests.unit.commands.test_sessions import event, message
from tests.unit.lifecycle.history.test_recorder import Watcher

# What may print a place's secret besides --show-secrets: the object itself, to be applied back as it is.
ITSELF = "get -o yaml, and history --revision -o yaml where it is part of the config"
TO_DECIDE = "the call that somebody is asked to approve, whole: a mask could hide what it does"
IN_PIECES = "chat -o json: each event is masked by itself, and this one has its secret in two"
NOBODY = ""

PLACES = {
    # The spec of an Agent
    "env": ITSELF,
    "env-url": ITSELF,
    "env-token": ITSELF,
    "prompt": ITSELF,
    "description": ITSELF,
    "tool-header": ITSELF,
    "pod-annotation": ITSELF,
    "annotation": ITSELF,
    "last-applied": ITSELF,
    "change-cause": ITSELF,
    "condition": ITSELF,
    # What it is made from
    "model-header": ITSELF,
    "model-url": ITSELF,
    "server-header": ITSELF,
    "server-url": ITSELF,
    "server-tool": ITSELF,
    "prompt-source": ITSELF,
    # An MCPServer
    "mcp-env": ITSELF,
    "mcp-args": ITSELF,
    # A Secret that it uses: as it is, and in base64
    "secret": NOBODY,
    "secret-base64": NOBODY,
    # Around it
    "event": NOBODY,
    "log-line": NOBODY,
    "log-json": NOBODY,
    "log-key": NOBODY,
    # A conversation
    "title": NOBODY,
    "question": NOBODY,
    "answer": NOBODY,
    "answer-pieces": IN_PIECES,
    "answer-key": NOBODY,
    "answer-lines": NOBODY,
    "args": NOBODY,
    "result": NOBODY,
    "result-json": NOBODY,
    "result-basic": NOBODY,
    "failure": NOBODY,
    "metadata": NOBODY,
    "session-event": NOBODY,
    "approval": TO_DECIDE,
    # What servers and the person say
    "rpc-error": NOBODY,
    "refusal": NOBODY,
    "address": NOBODY,
    "typed": NOBODY,
}
WHOLE = {place for place, shown in PLACES.items() if shown == ITSELF}
SECRET = Resource("", "v1", "secrets", "Secret")  # none of our verbs reads it
KEY = "-----BEGIN PRIVATE KEY-----\n{0}\nMIIE{0}\n-----END PRIVATE KEY-----"


def canary(place: str) -> str:
    """A value that stands nowhere else, and is no secret by itself."""
    assert place in PLACES
    return f"cAnArY{list(PLACES).index(place):02d}"


def seen(text: str) -> set[str]:
    return {place for place in PLACES if canary(place) in text or in_base64(place) in text}


def in_base64(place: str) -> str:
    return base64.b64encode(canary(place).encode()).decode().rstrip("=")[:-1]


# The world


@pytest.fixture
def world(story: Story) -> FakeCluster:
    """An agent, an MCP server, a model, a tool server with a secret in each field, and in their history."""
    cluster = story.cluster
    secret = {"spare": in_base64("secret-base64"), "key": canary("secret")}
    cluster.add(
        SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": secret}
    )
    cluster.add(CONFIG_MAP, config_map("prompts", clock=f"Be kind. password: {canary('prompt-source')}"))
    remote = {
        "apiVersion": REMOTE_MCP_SERVER.api_version,
        "kind": "RemoteMCPServer",
        "metadata": {"name": "tools"},
        "spec": {
            "url": f"http://tools.example/mcp?api_key={canary('server-url')}",
            "headersFrom": [{"name": "X-Api-Key", "value": canary("server-header")}],
        },
        "status": {
            "discoveredTools": [{"name": "find", "description": f"as in --token {canary('server-tool')}"}]
        },
    }
    story.add(REMOTE_MCP_SERVER, remote)
    story.add(MCP_SERVER, mcp_server())
    edit(story)
    pod(cluster, "clock-a")
    lines = KEY.format(canary("log-key")).splitlines()
    cluster.kubelet.write(
        "clock-a",
        f"08:00:00 INFO: connect postgres://bob:{canary('log-line')}@db/x",
        f"08:00:01 {json.dumps({'msg': 'x', 'token': canary('log-json')})}",
        *(f"08:00:02 {line}" for line in lines),
    )
    involved = {"kind": "Agent", "name": "clock", "namespace": "default"}
    cluster.add(
        EVENT,
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "clock.1"},
            "involvedObject": involved,
            "lastTimestamp": "2026-11-23T08:00:00Z",
            "message": f"failed with token={canary('event')}",
        },
    )
    return cluster


def edit(story: Story) -> None:
    """The second revision of each has all of them; the model's and the server's are changed once more."""
    server = {
        "kind": "RemoteMCPServer",
        "name": "tools",
        "toolNames": ["find"],
    }
    header = {"name": "Authorization", "value": f"Bearer {canary('tool-header')}"}
    spec = {
        "description": f"the token is {canary('description')}",
        "declarative": {
            "systemMessage": f"Guess.\npassword: {canary('prompt')}",
            "promptTemplate": None,
            "systemMessageFrom": {"type": "ConfigMap", "name": "prompts", "key": "clock"},
            "tools": [{"type": "McpServer", "mcpServer": server, "headersFrom": [header]}],
            "deployment": {
                "annotations": {"x-api-key": canary("pod-annotation")},
                "env": [
                    {"name": "DB_PWD", "value": canary("env")},
                    {"name": "DATABASE_URL", "value": f"postgres://bob:{canary('env-url')}@db/x"},
                    {"name": "MODE", "value": f"sk-proj-{canary('env-token')}abcdefghijkl"},
                ],
            },
        },
    }
    model = {
        "defaultHeaders": {"x-api-key": canary("model-header")},
        "openAI": {"baseUrl": f"http://bob:{canary('model-url')}@models.example"},
    }
    server_spec = {
        "deployment": {"env": {"DB_PASSWORD": canary("mcp-env")}, "args": ["--token", canary("mcp-args")]}
    }
    story.edit(MODEL_CONFIG, "gpt", model)
    story.edit(MCP_SERVER, "datetime", server_spec)
    annotations = {
        "example.com/api-token": canary("annotation"),
        "kubernetes.io/change-cause": f"deploy --password {canary('change-cause')}",
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"apiKey": canary("last-applied")}),
    }
    story.cluster.edit(AGENT, "clock", {"metadata": {"annotations": annotations}})
    story.edit(AGENT, "clock", spec)
    condition = {
        "type": "Accepted",
        "status": "False",
        "reason": "ReconcileFailed",
        "message": f"Authorization: Bearer {canary('condition')}",
        "lastTransitionTime": "2026-11-23T08:00:00Z",
    }
    status = story.cluster.read(AGENT, "clock").get("status", {})
    story.cluster.set_status(AGENT, "clock", {**status, "conditions": [condition]})


def turn() -> list[Any]:
    """A turn with a secret in everything that an agent says."""
    pieces = f"The key: sk-proj-{canary('answer-pieces')}abcdefghijkl, and "
    words = f"password={canary('answer')} and\n{KEY.format(canary('answer-key'))}\n"
    words += f"- token: |\n    {canary('answer-lines')}\n"
    result = json.dumps({"data": {"password": canary("result-json")}})
    login = base64.b64encode(f"robin:{canary('result-basic')}".encode()).decode()
    return [
        update("working", text(pieces[:17]), partial=True),
        update("working", text(pieces[17:30]), partial=True),
        update("working", text(pieces[30:]), partial=True),
        update("working", text(pieces + words)),
        update("working", called("c1", "find", command=f"curl -u bob:{canary('args')} http://x")),
        update("working", gave("c1", "find", {"result": f"{result} apikey={canary('result')}"})),
        update("working", gave("c2", "find", {"result": f"Authorization: Basic {login}"})),
        update(
            "failed", text(f"Incorrect API key provided: {canary('failure')}"), trace_token=canary("metadata")
        ),
    ]


def records() -> dict[str, Any]:
    """The same as the controller keeps it, and a task that waits for an approval."""
    asked = {
        "kind": "message",
        "role": "agent",
        "messageId": "m",
        "parts": [request("c1", "find", token=canary("approval"))],
    }
    waits = task("input-required", asked, message=asked, id_="7a5c0009")
    said = [
        message("user", text(f"use --token {canary('question')}")),
        message("agent", text(f"password={canary('answer')}"), called("c1", "find", token=canary("args"))),
        message("agent", gave("c1", "find", {"result": f"apikey={canary('result')}"})),
    ]
    failed = task("failed", *said)
    failed["status"]["message"] = message("agent", text(f"token={canary('failure')}"))
    failed["metadata"] = {"api_key": canary("metadata")}
    kept = row(SESSION) | {"name": f"password={canary('title')}"}
    return {
        "/api/sessions": [kept],
        f"/api/sessions/{SESSION}": {
            "session": kept,
            "events": [event("00", text=f"token={canary('session-event')}")],
        },
        f"/api/sessions/{SESSION}/tasks": [failed, waits],
        f"/api/tasks/{TASK}": failed,
    }


# What is printed

VERBS = [
    *(
        f"get {kind}{wide}"
        for kind in ("agents", "mcpservers", "modelconfigs", "remotemcpservers")
        for wide in ("", " -o wide")
    ),
    "describe agent/clock",
    "describe mcpserver/datetime",
    *(
        f"rollout history {name}{form}"
        for name in ("agent/clock", "mcp/datetime")
        for form in ("", " -o wide", " -o json", " -o yaml")
    ),
    "rollout history clock --revision=-1",
    "rollout history clock --revision=4",
    "rollout diff clock 1 4",
    "rollout diff mcp/datetime",
    "rollout undo clock --to-revision=2 --dry-run=client",
    "rollout status clock --timeout=1s",
    "scale clock --replicas=2",
    "tools list -o wide",
    "tools list -o json",
    "tools check clock",
    "logs clock",
    "logs clock -o raw",
    "logs clock -o json",
]
TALK = [
    "sessions list -A",
    "sessions list -A -o wide",
    "sessions list -A -o yaml",
    f"sessions show {SESSION}",
    f"sessions show {SESSION} -o json",
    f"sessions export {SESSION}",
    f"sessions export {SESSION} -o yaml",
    f"sessions export {SESSION} -o md",
    "approvals list -A",
    "approvals list -A -o wide",
    "approvals list -A -o json",
    "trace clock",
    "trace clock -o wide",
    "trace clock -o json",
    f"trace show {TASK}",
    f"trace show {TASK} -o yaml",
]


def everything(
    kagent: Kagent, world: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """What each verb prints and sends; files that are left behind are looked at too."""
    for verb in VERBS:
        yield verb, "".join(kagent(*verb.split())[1:])
    with talking(turn(), turn(), data=records()) as there:
        for verb in TALK:
            yield verb, "".join(kagent(*verb.split(), f"--kagent-url={there.url}")[1:])
        for words in ((), ("--include-messages",)):
            yield "report", reported(kagent, tmp_path, f"--kagent-url={there.url}", *words)
        with serve() as spans:
            spans.answer = lambda _: response(200, "", "application/x-protobuf")
            for verb in ("chat clock hello", "chat clock hello -o json"):
                words = [*verb.split(), f"--kagent-url={there.url}", f"--otlp-endpoint={spans.url}"]
                yield verb, "".join(kagent(*words)[1:])
            assert (
                kagent("trace", "export", "--since=24h", f"--otlp={spans.url}", f"--kagent-url={there.url}")[
                    0
                ]
                == 0
            )
            yield "spans", "".join(sent.body.decode("latin-1") for sent in spans.received)
    yield from refusals(kagent)
    yield "record", recorded(world)
    yield "a diff program", diff_program(kagent, tmp_path, monkeypatch)
    yield "chat_history", remembered(monkeypatch, tmp_path)


def reported(kagent: Kagent, tmp_path: Path, *words: str) -> str:
    """What report prints, and what is in its archive."""
    path = tmp_path / "report.zip"
    code, out, err = kagent("report", f"--file={path}", *words)
    assert (code, out) == (0, f"{path}\n"), err
    archive = zipfile.ZipFile(path)
    path.unlink()
    return "".join((out, err, *(archive.read(name).decode() for name in archive.namelist())))


def refusals(kagent: Kagent) -> Iterator[tuple[str, str]]:
    """An agent and a controller that answer with secrets, and an address that has one."""
    error = {"error": {"code": -32603, "message": f"upstream said api_key={canary('rpc-error')}"}}
    with serve() as server:

        def answer(received: Received) -> bytes:
            if received.method == "POST":
                return response(200, error)
            return response(500, {"error": f"dsn postgres://bob:{canary('refusal')}@db failed"})

        server.answer = answer
        yield "refused", "".join(kagent("chat", "clock", "hello", f"--kagent-url={server.url}")[1:])
        yield "failed", "".join(kagent("sessions", "list", f"--kagent-url={server.url}")[1:])
    address = f"http://bob:{canary('address')}@127.0.0.1:9"
    yield "away", "".join(kagent("sessions", "list", f"--kagent-url={address}")[1:])


def recorded(world: FakeCluster) -> str:
    """The recorder's log, of a recorder that comes to a cluster and sees another change of each secret."""
    watcher = Watcher(world)
    lines = [*watcher.turn(), *watcher.turn()]
    model = {"defaultHeaders": {"x-api-key": f"{canary('model-header')}-NEW"}}
    world.edit(MODEL_CONFIG, "gpt", {"spec": model})
    server = {"deployment": {"env": {"DB_PASSWORD": f"{canary('mcp-env')}-NEW"}}}
    world.edit(MCP_SERVER, "datetime", {"spec": server})
    return "\n".join([*lines, *watcher.turn(), *watcher.turn(), *watcher.said])


def diff_program(kagent: Kagent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What KUBECTL_EXTERNAL_DIFF is given."""
    kept = tmp_path / "given"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\ncat "$@" > {kept}\n')
    program.chmod(0o755)
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", str(program))
    kagent("rollout", "diff", "clock", "1", "4")
    monkeypatch.delenv("KUBECTL_EXTERNAL_DIFF")
    return kept.read_text()


def remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The file with the lines that were typed into chats."""
    import readline

    from kubectl_kagent.commands.chat import dialog

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    talk = mock.Mock(calls=[])
    talk.conversation.client.agent = "clock"
    talk.turn = mock.Mock(state="completed")
    readline.clear_history()  # of the process: another test may have typed
    typed = ["what time is it?", f"log in with --password {canary('typed')}"]
    with mock.patch.object(dialog, "_lines", return_value=iter(typed)):
        dialog.converse(talk, talk.say)
    return (tmp_path / "kubectl-kagent" / "chat_history").read_text()


def test_no_verb_shows_a_secret(
    kagent: Kagent, world: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        what: sorted(seen(printed))
        for what, printed in everything(kagent, world, tmp_path, monkeypatch)
        if seen(printed)
    }
    assert found == {"chat clock hello -o json": ["answer-pieces"]}


def test_each_of_them_is_there_to_be_shown(
    kagent: Kagent, world: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the mask every place is seen, but for a Secret's values, which nothing reads."""
    monkeypatch.setattr(masking_text, "_spans", lambda _text: iter(()))
    monkeypatch.setattr(masking_values, "is_secret_name", lambda _name: False)
    found: set[str] = set()
    for _, printed in everything(kagent, world, tmp_path, monkeypatch):
        found |= seen(printed)
    for kind in ("agent/clock", "remotemcpserver/tools", "modelconfig/gpt"):
        found |= seen(kagent("get", kind, "-o", "yaml")[1])
    # nor is a login in an address printed by anything that has no mask
    assert PLACES.keys() - found == {"secret", "secret-base64", "address"}


def test_the_object_itself_is_whole(kagent: Kagent, world: FakeCluster) -> None:
    """It is to be applied back: kubectl prints it whole too."""
    found: set[str] = set()
    for name in ("agent/clock", "mcpserver/datetime", "modelconfig/gpt", "remotemcpserver/tools"):
        found |= seen(kagent("get", name, "-o", "yaml")[1])
        found |= seen(kagent("get", name, "-o", "json")[1])
    newest = kagent("rollout", "history", "clock", "--revision=4", "-o", "yaml")[1]
    found |= seen(newest)
    assert found == WHOLE
    assert yaml.safe_load(newest)["spec"] == world.read(AGENT, "clock")["spec"]


def test_a_revision_has_the_spec_as_it_is_and_no_value_of_a_secret(world: FakeCluster) -> None:
    stored = json.dumps(world.read_all(CONTROLLER_REVISION))
    assert seen(stored) & {"env", "model-header", "prompt-source"} == {"env", "model-header", "prompt-source"}
    assert not seen(stored) & {"secret", "secret-base64"}


def test_what_somebody_is_to_approve_is_whole(kagent: Kagent, world: FakeCluster) -> None:
    from kubectl_kagent.cli import terminal
    from kubectl_kagent.commands.chat import questions
    from kubectl_kagent.conversation.decisions import Pending
    from kubectl_kagent.model.events import ToolCall

    said: list[str] = []
    call = ToolCall("c1", "find", {"command": f"x --token '; rm -rf / {canary('approval')}'"})
    asked = [Pending(call, "", ())]
    with (
        mock.patch.object(terminal, "say_whole", said.append),
        mock.patch.object(terminal, "ask", return_value="n"),
    ):
        questions.ask(asked)
    assert seen("".join(said)) == {"approval"}


def test_with_show_secrets_a_conversation_is_whole(kagent: Kagent, world: FakeCluster) -> None:
    found: set[str] = set()
    with talking(turn(), data=records()) as there:
        for verb in (f"sessions export {SESSION}", "chat clock hello", f"trace show {TASK}"):
            found |= seen("".join(kagent(*verb.split(), "--show-secrets", f"--kagent-url={there.url}")[1:]))
    found |= seen(kagent("logs", "clock", "--show-secrets")[1])
    assert found >= {
        "answer",
        "answer-pieces",
        "answer-key",
        "args",
        "result",
        "title",
        "log-line",
        "log-key",
    }
