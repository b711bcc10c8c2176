"""A secret in fifty places, without a name beside it and without a known shape: none is in the report.

Each place has a value of its own, so a failure names the place. It is looked for as it is, in base64 whatever
stands around it, percent-encoded, in hexadecimal digits, and across the ends of lines. Without the Redaction
each of them is found, but for those that nothing reads: so none of the places is out of reach.
"""

from __future__ import annotations

import base64
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
    Resource,
)
from kubectl_kagent.report.redaction import Redaction
from tests.conftest import Kagent
from tests.fake.agent import SESSION, called, gave, row, talking, task, text
from tests.fake.checked import Checked
from tests.loopback import Received, response, serve
from tests.objects import config_map
from tests.unit.commands.test_logs import pod
from tests.unit.commands.test_sessions import message

# These are in nothing that is read, or not taken from it
UNREAD = ("secret", "secret-base64", "session-title", "task-metadata")
PLACES = (
    *UNREAD,
    *("config-map", "token"),
    # an Agent
    *("env", "env-login", "env-path", "env-sentence", "prompt", "description", "tool-header"),
    *("annotation", "last-applied", "change-cause", "label", "pod-annotation", "condition"),
    # what it is made from
    *("model-header", "model-path", "model-query", "server-header", "server-path", "server-tool"),
    *("server-condition", "mcp-env", "mcp-flag", "mcp-argument"),
    # around it
    *("template-env", "pod-env", "pod-argument", "pod-annotation-of-pod", "event", "waiting", "terminated"),
    # logs
    *("log", "log-json", "log-base64", "log-percent", "log-hex", "log-address", "log-two-lines"),
    *("log-known-two-lines", "log-yaml", "log-previous", "log-controller"),
    # a conversation
    *("question", "answer", "tool-argument", "tool-result", "tool-name", "model-error", "invented-tool"),
    # what the controller says of a request
    "refusal",
)


def canary(place: str) -> str:
    """Letters and digits that stand nowhere else."""
    return f"cAnArY{PLACES.index(place):02d}xQ7wL"


def spellings(value: str) -> Iterator[str]:
    yield from (value, value.lower(), value.encode().hex(), quote(value), quote(value).lower())
    for before in range(3):
        encoded = base64.b64encode(b"-" * before + value.encode()).decode()
        yield encoded[4 if before else 0 : -4]


def seen(files: dict[str, str]) -> set[str]:
    """The places whose secret is in one of the files."""
    found = set()
    for written in files.values():
        bare = re.sub(r"^\d{4}-\d\d-\d\dT\S+ ", "", written, flags=re.MULTILINE)
        texts = (written, re.sub(r"\s", "", bare))
        found |= {
            place
            for place in PLACES
            if any(one in one_of for one in spellings(canary(place)) for one_of in texts)
        }
    return found


# The world


@pytest.fixture
def world(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    monkeypatch.chdir(tmp_path)
    found = Checked(cluster.clock)
    _agent(found)
    _sources(found)
    _around(found)
    _logs(found)
    return found


def _agent(world: Checked) -> None:
    header = {"name": "X-Team", "value": canary("tool-header")}
    tool = {"kind": "RemoteMCPServer", "name": "web", "toolNames": ["search"]}
    env = {
        "MODE": canary("env"),
        "DATABASE": f"postgres://bob:{canary('env-login')}@db/x",
        "HOOK": f"https://hooks.example/{canary('env-path')}",
        "HINT": f"say {canary('env-sentence')} first",
        "KNOWN": canary("log-known-two-lines"),
    }
    spec = {
        "description": f"ask with {canary('description')}",
        "declarative": {
            "systemMessage": f"Guess.\nOpen with {canary('prompt')} when asked.",
            "systemMessageFrom": {"type": "ConfigMap", "name": "prompts", "key": "clock"},
            "tools": [{"type": "McpServer", "mcpServer": tool, "headersFrom": [header]}],
            "deployment": {
                "annotations": {"team/note": canary("pod-annotation")},
                "env": [{"name": name, "value": value} for name, value in env.items()],
            },
        },
    }
    applied = json.dumps({"spec": canary("last-applied")})
    annotations = {
        "example.com/note": canary("annotation"),
        "kubernetes.io/change-cause": f"deploy {canary('change-cause')}",
        "kubectl.kubernetes.io/last-applied-configuration": applied,
    }
    labels = {"team": canary("label")}
    world.edit(AGENT, "clock", {"spec": spec, "metadata": {"annotations": annotations, "labels": labels}})
    world.refuse(AGENT, "clock", f"the model said {canary('condition')}")


def _sources(world: Checked) -> None:
    world.add(CONFIG_MAP, config_map("prompts", clock=f"Be kind, {canary('config-map')}."))
    secret = Resource("", "v1", "secrets", "Secret")
    data = {"plain": canary("secret"), "coded": base64.b64encode(canary("secret-base64").encode()).decode()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": data}
    world.add(secret, body)
    address = f"https://models.example/{canary('model-path')}?x={canary('model-query')}"
    headers = {"x-team": canary("model-header")}
    world.edit(MODEL_CONFIG, "gpt", {"spec": {"defaultHeaders": headers, "openAI": {"baseUrl": address}}})
    header = {"name": "X-Team", "value": canary("server-header")}
    url = f"http://web.example/{canary('server-path')}/mcp"
    world.edit(REMOTE_MCP_SERVER, "web", {"spec": {"url": url, "headersFrom": [header]}})
    world.refuse(REMOTE_MCP_SERVER, "web", f"answered {canary('server-condition')}")
    tools = [{"name": "search", "description": f"try {canary('server-tool')}"}]
    status = world.read(REMOTE_MCP_SERVER, "web")["status"] | {"discoveredTools": tools}
    world.set_status(REMOTE_MCP_SERVER, "web", status)
    args = ["--login", canary("mcp-flag"), canary("mcp-argument")]
    world.edit(
        MCP_SERVER, "datetime", {"spec": {"deployment": {"env": {"MODE": canary("mcp-env")}, "args": args}}}
    )


def _around(world: Checked) -> None:
    env = [{"name": "MODE", "value": canary("template-env")}]
    containers = [{"name": "kagent", "image": "app:1", "env": env}]
    world.edit(DEPLOYMENT, "clock", {"spec": {"template": {"spec": {"containers": containers}}}})
    world.crash(
        {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {canary('waiting')}"}},
        last={"terminated": {"exitCode": 1, "reason": "Error", "message": f"lost {canary('terminated')}"}},
        events=({"reason": "Unhealthy", "message": f"probe said {canary('event')}"},),
    )
    world.remove(POD, "clock-x")
    pod(world, "clock-x")
    container = {
        "name": "kagent",
        "args": [canary("pod-argument")],
        "env": [{"name": "MODE", "value": canary("pod-env")}],
    }
    annotations = {"team/note": canary("pod-annotation-of-pod")}
    world.edit(
        POD, "clock-x", {"spec": {"containers": [container]}, "metadata": {"annotations": annotations}}
    )
    state = {
        "waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {canary('waiting')}"},
    }
    last = {"terminated": {"exitCode": 1, "reason": "Error", "message": f"lost {canary('terminated')}"}}
    status = {"name": "kagent", "restartCount": 1, "state": state, "lastState": last}
    world.set_status(POD, "clock-x", {"containerStatuses": [status]})
    involved = {"kind": "Agent", "name": "clock", "namespace": "default"}
    body = {"involvedObject": involved, "reason": "Failed", "message": f"told {canary('event')}"}
    world.add(EVENT, {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "clock.1"}, **body})


def _logs(world: Checked) -> None:
    world.kubelet.write("clock-x", f"07:00:00 ValueError: {canary('log-previous')} is wrong")
    world.kubelet.restart("clock-x")
    two, known = canary("log-two-lines"), canary("log-known-two-lines")
    world.kubelet.write(
        "clock-x",
        f"07:30:00 INFO: connected with {canary('log')} at once",
        f"07:30:01 {json.dumps({'level': 'info', 'msg': 'x', 'value': canary('log-json')})}",
        f"07:30:02 sent {base64.b64encode(b'robin:' + canary('log-base64').encode()).decode()}",
        f"07:30:03 redirected to x?next={quote(canary('log-percent'))}%20here",
        f"07:30:04 dump {canary('log-hex').encode().hex()}",
        f"07:30:05 GET https://web.example/a/{canary('log-address')}/b 200",
        f"07:30:06 key {two[:6]}",
        f"07:30:06   {two[6:]} and more",
        f"07:30:07 key {known[:3]}",
        f"07:30:07 {known[3:]} and more",
        f"07:30:08 thing: |\n  {canary('log-yaml')}",
    )
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    pod(world, "kagent-controller-x")
    world.edit(POD, "kagent-controller-x", {"metadata": {"labels": labels | {"kagent": "none"}}})
    world.kubelet.write("kagent-controller-x", f"07:00:00 reconciled {canary('log-controller')}")


def records() -> dict[str, Any]:
    """A task whose tool and model failed."""
    history = [
        message("user", text(f"what is {canary('question')}?")),
        message(
            "agent", text(f"It is {canary('answer')}."), called("c1", "search", q=canary("tool-argument"))
        ),
        message("agent", gave("c1", "search", {"result": f"found {canary('tool-result')}"})),
        message("agent", called("c2", f"search_{canary('invented-tool')}")),
        message("agent", gave("c2", "search", {"isError": True, "content": [{"text": canary("tool-name")}]})),
    ]
    failed = task("failed", *history)
    failed["status"]["message"] = message("agent", text(f"the model refused {canary('model-error')}"))
    failed["metadata"] = {"note": canary("task-metadata")}
    kept = row(SESSION) | {"name": f"about {canary('session-title')}"}
    return {
        "/api/sessions": [kept],
        "/api/sessions/agent/default/clock": [kept],
        f"/api/sessions/{SESSION}": {"session": kept, "events": []},
        f"/api/sessions/{SESSION}/tasks": [failed],
    }


def reports(kagent: Kagent, world: Checked, *words: str) -> dict[str, str]:
    """What report prints and writes, with records, and with a controller that refuses."""
    found: dict[str, str] = {}
    with talking(data=records()) as there:
        found |= report(kagent, world, "kept", f"--kagent-url={there.url}", *words)
    with serve() as server:

        def answer(received: Received) -> bytes:
            said = f"{dict(received.headers).get('Authorization')} is bad, as {canary('refusal')} is"
            return response(500, {"error": said})

        server.answer = answer
        token = f"--kagent-token={canary('token')}"
        found |= report(kagent, world, "refused", f"--kagent-url={server.url}", token, *words)
    return found


def report(kagent: Kagent, world: Checked, name: str, *words: str) -> dict[str, str]:
    path = Path(f"{name}.zip")
    code, out, _ = kagent("report", f"--file={path}", *words, cluster=world)
    assert (code, out) == (0, f"{path}\n")
    archive = zipfile.ZipFile(path)
    found = {f"{name}/{one}": archive.read(one).decode() for one in archive.namelist()}
    path.unlink()
    return found | {f"{name} printed": out}


def test_none_is_in_the_report(kagent: Kagent, world: Checked) -> None:
    found = reports(kagent, world)
    assert sorted(
        name.rpartition("/")[2] for name in found if "/logs/" in name and name.startswith("kept")
    ) == [
        "default_clock-x_kagent.previous.txt",
        "default_clock-x_kagent.txt",
        "default_kagent-controller-x_kagent.txt",
    ]
    assert seen(found) == set()


def test_nor_with_messages(kagent: Kagent, world: Checked) -> None:
    assert seen(reports(kagent, world, "--include-messages")) == set()


def test_nor_in_that_of_one_agent(kagent: Kagent, world: Checked) -> None:
    assert seen(reports(kagent, world, "clock")) == set()


def test_each_of_them_is_there_to_be_seen(
    kagent: Kagent, world: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Redaction, "text", lambda _self, text: text)
    monkeypatch.setattr(Redaction, "lines", lambda _self, lines: lines)
    monkeypatch.setattr(Redaction, "shape", lambda _self, obj: obj)
    monkeypatch.setattr(Redaction, "turn", lambda _self, turn: turn)
    found = reports(kagent, world, "--include-messages")
    assert set(PLACES) - seen(found) == {*UNREAD, "token"}  # our own login is left out of every answer


@pytest.mark.parametrize("net", ["only_legible", "masked"])
def test_what_is_known_needs_no_other_net(
    net: str, kagent: Kagent, world: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Literals of objects are masked wherever they stand, also where the words pass."""
    from kubectl_kagent.report import redaction

    monkeypatch.setattr(redaction, net, lambda text, *_: text)
    found = seen(reports(kagent, world))
    literal = {*PLACES[PLACES.index("env") : PLACES.index("event")], "log-known-two-lines"}
    texts = {"env-path", "description", "label", "condition", "model-path", "server-path", "server-tool"}
    texts |= {"server-condition", "mcp-argument", "mcp-flag", "pod-argument"}
    assert found & (literal - texts) == set()
