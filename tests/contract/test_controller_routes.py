"""What kagent's controller answers over REST and A2A, asked through the API server's service proxy."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.agents import byo, condition, declarative, made, prepare, remote_mcp_server
from tests.contract.kubectl import Namespace, Object, eventually, own_namespace
from tests.recordings import DATA

pytestmark = pytest.mark.cluster

RECORDED = DATA / "controller"
CONTROLLER = "/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy"
READY_SECONDS = 90.0
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@pytest.fixture(scope="module")
def namespace(lab_kubeconfig: Path) -> Iterator[Namespace]:
    with own_namespace(lab_kubeconfig, "standin-routes") as fresh:
        prepare(fresh)
        yield fresh


@pytest.fixture(scope="module")
def controller(namespace: Namespace) -> Iterator[httpx.Client]:
    command = [namespace.kubectl, "--kubeconfig", str(namespace.kubeconfig), "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        address = proxy.stdout.readline().split()[-1]  # Starting to serve on 127.0.0.1:1234
        with httpx.Client(base_url=f"http://{address}{CONTROLLER}", trust_env=False, timeout=60) as client:
            yield client
        proxy.terminate()


@pytest.fixture
def name() -> str:
    return f"agent-{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module")
def echo(namespace: Namespace, controller: httpx.Client) -> str:
    """An agent that answers: its Service knows its pod a moment later than that is ready."""
    made(namespace, byo("echo", replicas=1, env=[{"name": "REPLY", "value": "You said"}]))
    eventually(lambda: condition(namespace, "agent/echo", "Ready").get("status") == "True", READY_SECONDS)
    path, question = f"/api/a2a/{namespace.name}/echo", rpc("message/send", message("hi"))
    eventually(lambda: "result" in controller.post(path, json=question).json())
    return "echo"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"rest_{name}.txt").read_text().partition("\n\n")[2])


def listed(controller: httpx.Client, path: str) -> list[Object]:
    answer = controller.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json()["error"] is False
    found: list[Object] = answer.json()["data"]
    return found


def message(text: str) -> Object:
    parts = [{"kind": "text", "text": text}]
    return {"message": {"kind": "message", "messageId": str(uuid.uuid4()), "role": "user", "parts": parts}}


def rpc(method: str, params: Object) -> Object:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def test_health_and_version(controller: httpx.Client) -> None:
    assert controller.get("/health").json() == recorded("health")
    assert controller.get("/version").json().keys() == recorded("version").keys()


def test_whoever_asks_is_the_user_they_name(controller: httpx.Client) -> None:
    assert controller.get("/api/me").json() == {"sub": "admin@kagent.dev"}
    assert controller.get("/api/me?user_id=ann").json() == {"sub": "ann"}
    assert controller.get("/api/me", headers={"x-user-id": "bob"}).json() == {"sub": "bob"}


def test_an_agent_in_the_list_and_by_itself(
    namespace: Namespace, controller: httpx.Client, name: str
) -> None:
    made(namespace, declarative(name))
    eventually(lambda: condition(namespace, f"agent/{name}", "Ready") != {})
    found = [
        agent
        for agent in listed(controller, f"/api/agents?namespace={namespace.name}")
        if agent["agent"]["metadata"]["name"] == name
    ]
    assert len(found) == 1
    assert found[0].keys() == recorded("agents")["data"][0].keys()
    assert found[0]["id"] == f"{namespace.name}__NS__{name}".replace("-", "_")
    assert found[0]["agent"]["spec"]["declarative"]["systemMessage"] == "First prompt."
    assert (found[0]["model"], found[0]["modelConfigRef"]) == (
        "gpt-fake",
        f"{namespace.name}/shared-model",
    )
    assert (found[0]["accepted"], found[0]["deploymentReady"]) == (True, False)
    alone = controller.get(f"/api/agents/{namespace.name}/{name}").json()["data"]
    assert alone.keys() == found[0].keys()


def test_what_is_not_there(namespace: Namespace, controller: httpx.Client) -> None:
    agent = controller.get(f"/api/agents/{namespace.name}/nope")
    assert (agent.status_code, agent.headers["content-type"]) == (404, JSON)
    assert agent.text == '{"error":"Agent not found: Agent.kagent.dev \\"nope\\" not found"}\n'
    session = controller.get("/api/sessions/nope")
    assert session.status_code == 404
    assert session.text == '{"error":"Session not found: failed to get session nope: record not found"}\n'
    a2a = controller.post(f"/api/a2a/{namespace.name}/nope", json=rpc("message/send", message("hi")))
    assert (a2a.status_code, a2a.headers["content-type"]) == (404, TEXT)
    assert a2a.text == f"Agent {namespace.name}/nope not found\n"
    assert controller.get("/nope").status_code == 404


def test_model_configs_and_tool_servers(namespace: Namespace, controller: httpx.Client, name: str) -> None:
    references = {model["ref"] for model in listed(controller, "/api/modelconfigs")}
    assert f"{namespace.name}/shared-model" in references
    namespace.create(remote_mcp_server(name, url="http://127.0.0.1:1/mcp"))
    eventually(lambda: condition(namespace, f"remotemcpserver/{name}", "Accepted") != {})
    servers = [s for s in listed(controller, "/api/toolservers") if s["ref"] == f"{namespace.name}/{name}"]
    expected = {
        "ref": f"{namespace.name}/{name}",
        "groupKind": "RemoteMCPServer.kagent.dev",
        "discoveredTools": [],
    }
    assert servers == [expected]


def test_a_session_from_beginning_to_end(namespace: Namespace, controller: httpx.Client, name: str) -> None:
    made(namespace, declarative(name))
    session_id, user = str(uuid.uuid4()), f"{name}@example.com"
    identifier = f"{namespace.name}__NS__{name}".replace("-", "_")
    headers = {"x-user-id": user, "x-agent-name": identifier}

    body = {"id": session_id, "name": "what time is it", "agent_ref": f"{namespace.name}/{name}"}
    created = controller.post("/api/sessions", json=body, headers=headers)
    assert created.status_code == 201
    assert created.json()["data"].keys() == recorded("sessions")["data"][0].keys()
    for number in ("one", "two"):
        event = {"id": f"{session_id}-{number}", "data": json.dumps({"text": number})}
        path = f"/api/sessions/{session_id}/events"
        assert controller.post(path, json=event, headers=headers).status_code == 201
    task_id = str(uuid.uuid4())
    task = {"id": task_id, "contextId": session_id, "kind": "task", "status": {"state": "completed"}}
    assert controller.post("/api/tasks", json=task, headers=headers).status_code == 201

    for path in ("/api/sessions", f"/api/sessions/agent/{namespace.name}/{name}"):
        assert [s["id"] for s in controller.get(path, headers=headers).json()["data"]] == [session_id]
    whole = controller.get(f"/api/sessions/{session_id}?order=asc&limit=-1", headers=headers).json()["data"]
    assert whole["session"]["agent_id"] == identifier
    assert [json.loads(event["data"])["text"] for event in whole["events"]] == ["one", "two"]
    assert whole["events"][0].keys() == recorded("session")["data"]["events"][0].keys()
    tasks = controller.get(f"/api/sessions/{session_id}/tasks", headers=headers).json()["data"]
    assert [(t["id"], t["contextId"], t["status"]["state"]) for t in tasks] == [
        (task_id, session_id, "completed")
    ]
    assert controller.get(f"/api/tasks/{task_id}", headers=headers).json()["data"]["id"] == task_id

    assert controller.get(f"/api/sessions/{session_id}").status_code == 404  # another user's
    assert controller.delete(f"/api/sessions/{session_id}", headers=headers).status_code == 200
    # Nothing to list: not an empty list, but no data at all.
    emptied = {"error": False, "message": "Successfully listed sessions"}
    assert controller.get("/api/sessions", headers=headers).json() == emptied


def test_events_need_the_sessions_own_agent(
    namespace: Namespace, controller: httpx.Client, name: str
) -> None:
    made(namespace, declarative(name))
    session_id = str(uuid.uuid4())
    body = {"id": session_id, "agent_ref": f"{namespace.name}/{name}"}
    assert controller.post("/api/sessions", json=body).status_code == 201
    event = {"id": session_id, "data": "{}"}
    refused = controller.post(
        f"/api/sessions/{session_id}/events", json=event, headers={"x-agent-name": "other"}
    )
    assert (refused.status_code, refused.json()) == (403, {"error": "Session does not belong to this agent"})


def test_a_session_needs_an_agent(controller: httpx.Client) -> None:
    missing = controller.post("/api/sessions", json={})
    assert (missing.status_code, missing.json()) == (400, {"error": "agent_ref is required"})
    unknown = controller.post("/api/sessions", json={"agent_ref": "no/agent"})
    assert unknown.status_code == 400
    assert unknown.json()["error"].startswith("Agent ref is invalid, please check the agent ref no/agent")


def test_the_card_leads_to_the_controller(namespace: Namespace, controller: httpx.Client, name: str) -> None:
    made(namespace, declarative(name))
    path = f"/api/a2a/{namespace.name}/{name}"
    card = controller.get(f"{path}/.well-known/agent-card.json")
    assert card.headers["content-type"] == JSON
    assert card.json().keys() == recorded("card").keys()
    assert card.json()["name"] == name.replace("-", "_")
    assert card.json()["url"] == f"http://kagent-controller.kagent:8083{path}/"


def test_a_message_reaches_the_agent(namespace: Namespace, controller: httpx.Client, echo: str) -> None:
    path = f"/api/a2a/{namespace.name}/{echo}"
    answer = controller.post(path, json=rpc("message/send", message("hello there")))
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert (answer.json()["jsonrpc"], answer.json()["id"]) == ("2.0", 1)
    assert "You said" in json.dumps(answer.json()["result"])
    assert "hello there" in json.dumps(answer.json()["result"])


def test_a_message_can_be_streamed(namespace: Namespace, controller: httpx.Client, echo: str) -> None:
    path, events = f"/api/a2a/{namespace.name}/{echo}", []
    with controller.stream("POST", path, json=rpc("message/stream", message("hello there"))) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line.removeprefix("data:"))["result"])
    assert len(events) > 1
    assert events[-1]["kind"] == "status-update"
    assert events[-1]["final"] is True
    assert "hello there" in json.dumps(events)


def test_wire_versions_that_nobody_speaks(namespace: Namespace, controller: httpx.Client, echo: str) -> None:
    path = f"/api/a2a/{namespace.name}/{echo}"
    answer = controller.post(path, json=rpc("message/send", message("hi")), headers={"a2a-version": "9.0"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, TEXT)
    assert answer.text == 'unsupported A2A version "9.0"\n'


def test_an_agent_without_pods_is_a_json_rpc_error(
    namespace: Namespace, controller: httpx.Client, name: str
) -> None:
    made(namespace, declarative(name))
    path = f"/api/a2a/{namespace.name}/{name}"
    sent = controller.post(path, json=rpc("message/send", message("hi")))
    streamed = controller.post(path, json=rpc("message/stream", message("hi")))
    event = next(line for line in streamed.text.splitlines() if line.startswith("data:"))
    for answer in (sent.json(), json.loads(event.removeprefix("data:"))):
        assert (answer["id"], answer["error"]["code"]) == (1, -32603)
        assert answer["error"]["message"].startswith("failed to send HTTP request: Post ")
    assert (sent.status_code, streamed.status_code) == (200, 200)
