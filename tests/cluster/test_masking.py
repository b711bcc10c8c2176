"""Secrets in real objects: no verb shows them, no process leaves them behind, and the object stays whole."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import MODEL_CONFIG
from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.cluster.running import Running
from tests.cluster.workloads import (
    create,
    declarative,
    edit,
    key,
    mcp_server,
    model_config,
    read,
    remote_server,
    set_prompt,
    tool,
)

pytestmark = pytest.mark.cluster

CANARY = "cAnArY7"  # in every literal secret
SECRET = "cAnArY8"  # what the Secret holds
IN_BASE64 = base64.b64encode(SECRET.encode()).decode()[:9]


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    """An agent, its model, a tool server, an MCP server with a secret in each, and the agent's history."""
    with own_namespace(lab_kubeconfig) as found:
        api = connect(Connection(kubeconfig=str(found.kubeconfig), namespace=found.namespace))
        secret = key() | {"stringData": {"KEY": SECRET}}
        model = model_config()
        model["spec"]["defaultHeaders"] = {"x-api-key": f"{CANARY}-old"}
        server = remote_server("tools")
        server["spec"]["headersFrom"] = [
            {"name": "Authorization", "value": f"Bearer {CANARY}"},
            {"name": "X-Api-Key", "valueFrom": {"type": "Secret", "name": "key", "key": "KEY"}},
        ]
        server["spec"]["url"] = f"http://127.0.0.1:9/mcp?api_key={CANARY}"
        settings = declarative("clock", tools=[tool("tools", "now")])
        settings["metadata"]["annotations"] = {"kubernetes.io/change-cause": f"deploy --token {CANARY}"}
        settings["spec"]["declarative"]["deployment"]["env"] = [
            {"name": "DB_PWD", "value": CANARY},
            {"name": "DATABASE_URL", "value": f"postgres://bob:{CANARY}@db/x"},
        ]
        create(api, secret, model, server, settings)
        create(api, mcp_server("server", replicas=0, env={"DB_PASSWORD": CANARY}, args=["--token", CANARY]))
        assert found.kagent("rollout", "history", "clock").code == 0
        set_prompt(api, "clock", f"Log in with password: {CANARY}")
        edit(api, "model", {"defaultHeaders": {"x-api-key": f"{CANARY}-new"}}, MODEL_CONFIG)
        yield found


VERBS = [
    *("get agents", "get agents -o wide", "get modelconfigs", "get remotemcpservers"),
    *("get mcpservers -o wide", "describe agent/clock", "describe mcpserver/server"),
    *("rollout history clock", "rollout history clock -o json", "rollout history clock --revision=1"),
    *("rollout diff clock 1 2", "rollout diff clock", "rollout undo clock --to-revision=1 --dry-run=server"),
    *("rollout history mcp/server", "rollout status clock --timeout=1s"),
    *("tools list -o wide", "tools check clock", "logs clock"),
    *("sessions list", "trace clock", "chat nobody hello", "approvals list"),
]


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_shows_them(tools: Tools, verb: str) -> None:
    done = tools.kagent(*verb.split())
    assert done.out + done.err
    for secret in (CANARY, SECRET, IN_BASE64):
        assert secret not in done.out + done.err


def test_a_diff_says_that_a_key_changed(tools: Tools) -> None:
    assert tools.kagent("rollout", "history", "clock").code == 0
    diff = tools.kagent("rollout", "diff", "clock").out
    assert "defaultHeaders.x-api-key: [masked] (before)\n" in diff
    assert "defaultHeaders.x-api-key: [masked] (after)\n" in diff


def test_the_object_is_what_the_server_has(tools: Tools) -> None:
    """It can be applied back."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    printed = yaml.safe_load(tools.kagent("get", "agent/clock", "-o", "yaml").out)
    assert printed["spec"] == read(api, "clock")["spec"]
    assert CANARY in json.dumps(printed["spec"])
    unchanged = tools.kubectl(
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
        "-f",
        "-",
        stdin=json.dumps({**printed, "metadata": {"name": "clock"}}),
    )
    assert unchanged.code == 0


def test_no_revision_has_the_value_of_a_secret(tools: Tools) -> None:
    stored = tools.kubectl("get", "controllerrevisions", "-o", "json").out
    assert CANARY in stored
    assert SECRET not in stored
    assert IN_BASE64 not in stored


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_recorder_tells_and_leaves_none_behind_however_it_ends(
    tools: Tools, tmp_path: Path, ending: int
) -> None:
    """Neither of what it recorded, nor of its own login, whose key the kubeconfig has."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    folders = dict.fromkeys(("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"), str(tmp_path))
    process = tools.start("record", **folders)
    recorder = Running(process)
    told = "defaultHeaders.x-api-key [masked] (before) → [masked] (after)"
    try:
        wait_for(lambda: recorder.lines["err"], "its first word")
        edit(api, "model", {"defaultHeaders": {"x-api-key": f"{CANARY}-{ending}"}}, MODEL_CONFIG)
        wait_for(lambda: any(told in line for _, line in recorder.lines["out"]), told)
    finally:
        process.send_signal(ending)
        _, out, err = recorder.end()
    printed = "".join([*out, *err]).encode()
    left = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (CANARY.encode(), SECRET.encode(), IN_BASE64.encode(), *_login(tools)):
        assert secret not in printed
        assert not any(secret in content for content in left)


def _login(tools: Tools) -> list[bytes]:
    """What of the kubeconfig nobody may see: as it stands there, and the key itself."""
    user = yaml.safe_load(tools.kubeconfig.read_text())["users"][0]["user"]
    stands = [user[field] for field in ("client-key-data", "token") if user.get(field)]
    assert stands
    key_data = user.get("client-key-data")
    return [*(text.encode() for text in stands), *([base64.b64decode(key_data)] if key_data else [])]
