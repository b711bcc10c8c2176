"""The stand-in's REST answers against the recorded ones of the real controller."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab.standin.a2a import A2ADoor
from tests.lab.standin.conversations import Conversations
from tests.lab.standin.kinds import AGENT, MODEL_CONFIG, Key, Kind, Object, key_of
from tests.lab.standin.listings import Listings
from tests.lab.standin.server import application
from tests.lab.standin.sources import NotFound
from tests.lab.standin.store import Store
from tests.recordings import DATA

RECORDED = DATA / "controller"
SESSION = "01a205ee-5c2c-7c37-98b7-5021745c85a8"
AGENT_HEADERS = {"x-agent-name": "default__NS__datetime_agent"}
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


class Recording:
    def __init__(self, name: str) -> None:
        head, _, self.body = (RECORDED / f"rest_{name}.txt").read_text().partition("\n\n")
        lines = head.splitlines()
        self.status = int(lines[1].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines[2:])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Listed:
    """As a cache that has listed the recorded objects."""

    def __init__(self, objects: dict[Kind, list[Object]]) -> None:
        self._objects = objects

    def all(self, kind: Kind) -> list[Object]:
        return self._objects[kind]

    def get(self, kind: Kind, key: Key) -> Object:
        for obj in self._objects[kind]:
            if key_of(obj) == key:
                return obj
        raise NotFound(kind, key.name)


class Client:
    """Asks the application without a network."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


@pytest.fixture
def ask(store: Store) -> Client:
    agent = Recording("agent").json["data"]["agent"]
    models = []
    for recorded in Recording("modelconfigs").json["data"]:
        namespace, _, name = recorded["ref"].partition("/")
        metadata = {"namespace": namespace, "name": name, "resourceVersion": "1"}
        models.append({"metadata": metadata, "spec": recorded["spec"], "status": recorded["status"]})
    cache = Listed({AGENT: [agent], MODEL_CONFIG: models})
    door = A2ADoor(cache, store, "http://kagent-controller.kagent:8083", "")
    return Client(application(Listings(cache, store), Conversations(cache, store), door))


def timeless(value: Any) -> Any:
    """Times differ from run to run, but not in their form."""
    if isinstance(value, dict):
        return {name: timeless(part) for name, part in value.items()}
    if isinstance(value, list):
        return [timeless(part) for part in value]
    return "a time" if isinstance(value, str) and TIME.fullmatch(value) else value


def expect(answer: httpx.Response, recording: Recording) -> None:
    assert answer.status_code == recording.status
    assert answer.headers["content-type"] == recording.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/health", "health"),
        ("/api/me", "me"),
        ("/api/agents/default/nope", "agent_404"),
        ("/api/sessions/nope", "session_404"),
        ("/api/a2a/default/datetime-agent/.well-known/agent-card.json", "card"),
    ],
)
def test_answers_with_the_recorded_bytes(ask: Client, path: str, name: str) -> None:
    answer, recording = ask("GET", path), Recording(name)
    expect(answer, recording)
    assert answer.text.strip() == recording.body.strip()
    assert answer.headers["content-length"] == recording.headers["content-length"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/agents", "agents"),
        ("/api/agents?namespace=default", "agents"),
        ("/api/agents/default/datetime-agent", "agent"),
        ("/api/modelconfigs", "modelconfigs"),
    ],
)
def test_lists_what_was_recorded(ask: Client, path: str, name: str) -> None:
    answer, recording = ask("GET", path), Recording(name)
    expect(answer, recording)
    assert answer.json() == recording.json


def test_another_namespace_has_no_agents(ask: Client) -> None:
    assert ask("GET", "/api/agents?namespace=other").json() == {
        "error": False,
        "message": "Successfully listed agents",
    }


def test_the_version_names_the_stand_in(ask: Client) -> None:
    answer = ask("GET", "/version").json()
    assert answer.keys() == Recording("version").json.keys()
    assert answer["kagent_version"] == "stand-in"


def test_an_unknown_agent_over_a2a(ask: Client) -> None:
    answer, recording = ask("POST", "/api/a2a/default/nope", json={}), Recording("a2a_404")
    expect(answer, recording)
    assert answer.text == recording.body


def test_an_unknown_wire_version_over_a2a(ask: Client) -> None:
    answer = ask("POST", "/api/a2a/default/datetime-agent", json={}, headers={"a2a-version": "9.0"})
    assert (answer.status_code, answer.text) == (400, 'unsupported A2A version "9.0"\n')


def test_tools_and_their_servers(ask: Client, store: Store) -> None:
    servers = Recording("toolservers")
    for server in servers.json["data"]:
        store.save_server(server["ref"], server["groupKind"], "tools")
        store.replace_tools(server["ref"], server["groupKind"], server["discoveredTools"])
    assert ask("GET", "/api/toolservers").json() == servers.json
    assert timeless(ask("GET", "/api/tools").json()) == timeless(Recording("tools").json)


@pytest.fixture
def conversation(ask: Client) -> Callable[[], None]:
    """Replays what an agent sends in the recorded turn."""

    def replay() -> None:
        data = Recording("session").json["data"]
        body = {"id": SESSION, "name": data["session"]["name"], "agent_ref": "default/datetime-agent"}
        assert ask("POST", "/api/sessions", json=body).status_code == 201
        for event in data["events"]:
            sent = {"id": event["id"], "data": event["data"]}
            path = f"/api/sessions/{SESSION}/events"
            assert ask("POST", path, json=sent, headers=AGENT_HEADERS).status_code == 201
        for task in Recording("session_tasks").json["data"]:
            assert ask("POST", "/api/tasks", json=task | {"unset": None}).status_code == 201

    return replay


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/sessions", "sessions"),
        ("/api/sessions/agent/default/datetime-agent", "sessions_agent"),
        (f"/api/sessions/{SESSION}?order=asc", "session"),
        (f"/api/sessions/{SESSION}/tasks", "session_tasks"),
    ],
)
def test_a_recorded_conversation_is_kept(
    ask: Client, conversation: Callable[[], None], path: str, name: str
) -> None:
    conversation()
    answer, recording = ask("GET", path), Recording(name)
    expect(answer, recording)
    assert timeless(answer.json()) == timeless(recording.json)


def test_another_user_sees_nothing_of_it(ask: Client, conversation: Callable[[], None]) -> None:
    conversation()
    assert "data" not in ask("GET", "/api/sessions?user_id=bob").json()
    assert ask("GET", f"/api/sessions/{SESSION}", headers={"x-user-id": "bob"}).status_code == 404


def test_a_stored_task_answers_tasks_get(ask: Client, conversation: Callable[[], None]) -> None:
    conversation()
    task = Recording("session_tasks").json["data"][0]
    path = "/api/a2a/default/datetime-agent/"
    rpc = {"jsonrpc": "2.0", "id": 7, "method": "tasks/get", "params": {"id": task["id"]}}
    assert ask("POST", path, json=rpc).json() == {"jsonrpc": "2.0", "id": 7, "result": task}
    missing = ask("POST", path, json=rpc | {"params": {"id": "nope"}}).json()
    assert missing["error"]["code"] == -32001


def test_the_end_of_a_session(ask: Client, conversation: Callable[[], None]) -> None:
    conversation()
    assert (
        ask("PUT", f"/api/sessions/{SESSION}", json={"name": "renamed"}).json()["data"]["name"] == "renamed"
    )
    assert ask("DELETE", f"/api/sessions/{SESSION}").status_code == 200
    assert "data" not in ask("GET", "/api/sessions").json()


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "error"),
    [
        ("POST", "/api/sessions", {}, 400, "agent_ref is required"),
        (
            "POST",
            "/api/sessions",
            {"agent_ref": "a/b"},
            400,
            "Agent ref is invalid, please check the agent ref a/b",
        ),
        ("POST", "/api/sessions/nope/events", {"id": "1", "data": "{}"}, 404, "Session not found"),
        ("PUT", "/api/sessions/nope", {}, 400, "at least one of name or agent_ref is required"),
        ("GET", "/api/tasks/nope", None, 404, "Task not found"),
        ("GET", "/api/sessions/agent/default/nope", None, 404, "Agent not found"),
    ],
)
def test_errors(ask: Client, method: str, path: str, body: Object | None, code: int, error: str) -> None:
    answer = ask(method, path, json=body)
    assert answer.status_code == code
    assert answer.json()["error"].startswith(error)


def test_events_of_another_agent_are_refused(ask: Client, conversation: Callable[[], None]) -> None:
    conversation()
    sent = {"id": "x", "data": "{}"}
    answer = ask("POST", f"/api/sessions/{SESSION}/events", json=sent, headers={"x-agent-name": "other"})
    assert (answer.status_code, answer.json()) == (403, {"error": "Session does not belong to this agent"})


def test_an_unknown_path_is_answered_like_gos_router_does(ask: Client) -> None:
    answer = ask("GET", "/nope")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
