"""What answers behind Services: kagent's controller with agents, Tempo, Jaeger, Prometheus, Loki, MCP, OTLP.

The answers are recordings wherever there is one. What the program changed is kept, and read by the judges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests import recordings
from tests.fake.copies import copied
from tests.fake.records import ERROR_TRACE, JAEGER_TRACE, TEMPO_TRACE
from tests.soak.wire import Answer, Asked
from tests.unit.commands.test_top import priced as prometheus

Object = dict[str, Any]

WAITING_SESSION, WAITING_TASK = "5e551017-0000-4000-8000-000000000001", "7a5c0001-0000-4000-8000-000000000001"
NEW_SESSION, NEW_TASK = "5e551017-0000-4000-8000-000000000002", "7a5c0001-0000-4000-8000-000000000002"
_A2A = recordings.DATA / "a2a"
_IDS = re.compile(r'"(contextId|kagent_session_id|taskId)":"[^"]*"')


@dataclass
class Kept:
    """All that a request can change. ``said`` and ``called``: what agents and tools were sent."""

    sessions: dict[str, Object] = field(default_factory=dict)
    tasks: dict[str, list[Object]] = field(default_factory=dict)
    said: list[tuple[str, Object]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    exported: int = 0

    def copy(self) -> Kept:
        return Kept(copied(self.sessions), copied(self.tasks), [*self.said], [*self.called], self.exported)


def recorded_stream(name: str, session: str, task: str) -> list[Object]:
    """The events of a recorded answer of an agent, in another session."""
    text = (_A2A / f"{name}.txt").read_text()
    ids = {"contextId": session, "kagent_session_id": session, "taskId": task}
    text = _IDS.sub(lambda found: f'"{found[1]}":"{ids[found[1]]}"', text)
    found = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in found]


def recorded_task(name: str, session: str, task: str) -> Object:
    body = json.loads((_A2A / f"{name}.txt").read_text().split("\n# response", 1)[1].split("\n", 1)[1])
    found: Object = body["result"]
    return {**found, "contextId": session, "id": task}


class Services:
    """The services; ``kept`` is their memory."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.prometheus = prometheus
        self._traces = {
            TEMPO_TRACE: recordings.tempo("v2_trace_go_tool"),
            ERROR_TRACE: {"trace": recordings.tempo("trace_go_tool_error")},
        }
        self._loki = json.loads((recordings.DATA / "logs" / "loki_go_agent.json").read_text())
        for session, tasks in (("session", "session_tasks"), ("session_hitl_events", "session_hitl_tasks")):
            found = recordings.rest(session)
            self.kept.sessions[found["session"]["id"]] = found
            self.kept.tasks[found["session"]["id"]] = recordings.rest(tasks)

    def wait(self) -> None:
        """Let a task of agent ``echo`` wait for an approval."""
        row = {
            "id": WAITING_SESSION,
            "name": "delete prod-db",
            "user_id": "admin@kagent.dev",
            "created_at": "2026-11-23T07:00:00.5Z",
            "updated_at": "2026-11-23T07:58:00Z",
            "agent_id": "default__NS__echo",
        }
        self.kept.sessions[WAITING_SESSION] = {"session": row, "events": []}
        found = recorded_task("py_hitl_1_input_required", WAITING_SESSION, WAITING_TASK)
        self.kept.tasks[WAITING_SESSION] = [found]

    def answer(self, asked: Asked, namespace: str) -> Answer:
        path = asked.path
        if path.startswith("/api/a2a/"):
            return self._a2a(asked) if asked.method == "POST" else _json(recordings.card())
        if path == "/api/v1/label/__name__/values":
            return _json({"status": "success", "data": []})
        if path.startswith("/api/v1/query"):
            return _json(self.prometheus(asked.target))
        if path == "/api/traces" or path.startswith("/api/v3/"):
            return self._jaeger(path)
        if path == "/api/v2/search/tag/span.kagent.user_id/values":
            return _json({"tagValues": [{"type": "string", "value": "admin@kagent.dev"}]})
        if path == "/api/search" or path.startswith(("/api/traces/", "/api/v2/traces/")):
            return self._tempo(path)
        if path.startswith("/loki/"):
            return _json(self._loki if path.endswith("query_range") else _LOKI_LABELS)
        if path.startswith("/mcp"):
            return self._mcp(asked)
        if path == "/v1/traces":
            return self._otlp(asked)
        if path == "/" and asked.method == "POST":
            self.kept.said.append((asked.host, asked.json()["params"]))
            return _json(
                {"jsonrpc": "2.0", "id": "1", "result": recorded_task("py_send_tool", NEW_SESSION, NEW_TASK)}
            )
        if path == "/version":
            return _json({"kagent_version": "0.10.4", "git_commit": "unknown", "build_date": "unknown"})
        return self._controller(asked.method, path)

    # kagent's controller

    def _controller(self, method: str, path: str) -> Answer:
        kept = self.kept
        if path == "/api/sessions" or path.startswith("/api/sessions/agent/"):
            agent = "__NS__".join(path.split("/")[4:]).replace("-", "_")
            rows = [item["session"] for item in kept.sessions.values()]
            return _data([row for row in rows if not agent or row["agent_id"] == agent])
        if path == "/api/toolservers":
            return _data(recordings.rest("toolservers"))
        kind, id_, *rest = [unquote(part) for part in path.split("/")[2:]] + [""]
        if kind == "tasks":
            found = [task for tasks in kept.tasks.values() for task in tasks if task["id"] == id_]
            return _data(found[0]) if found else _not_found("task", id_)
        if kind != "sessions" or id_ not in kept.sessions:
            return _not_found(kind, id_)
        if method == "DELETE":
            kept.sessions.pop(id_), kept.tasks.pop(id_)
            return _data({})
        return _data(kept.tasks[id_] if rest[0] == "tasks" else kept.sessions[id_])

    # An agent, through the controller

    def _a2a(self, asked: Asked) -> Answer:
        agent, body = asked.path.rpartition("/")[2], asked.json()
        method, params = body["method"], body["params"]
        if method == "message/stream":
            self.kept.said.append((agent, params["message"]))
            return self._turn(agent, params["message"])
        task = next((t for tasks in self.kept.tasks.values() for t in tasks if t["id"] == params["id"]), None)
        if task is None:
            return _json(
                {"jsonrpc": "2.0", "id": "1", "error": {"code": -32001, "message": "Task not found"}}
            )
        if method == "tasks/resubscribe":
            return _stream([{"jsonrpc": "2.0", "id": "1", "result": task}])
        return _json({"jsonrpc": "2.0", "id": "1", "result": task})

    def _turn(self, agent: str, message: Object) -> Answer:
        """The task is over before the first word of it is on the way."""
        if message.get("taskId"):
            session, task, name = message["contextId"], message["taskId"], "py_hitl_2_approve_stream"
        elif "dangerous" in json.dumps(message):
            session, task, name = message.get("contextId") or NEW_SESSION, NEW_TASK, ""
        else:
            session, task = message.get("contextId") or NEW_SESSION, NEW_TASK
            name = "py_stream_tool_streamingllm"
        if not name:
            found = recorded_task("py_hitl_1_input_required", session, task)
            events = [{"jsonrpc": "2.0", "id": "1", "result": found}]
        else:
            events = recorded_stream(name, session, task)
            found = {**recorded_task("py_send_tool", session, task)}
        row = {"id": session, "name": "a question", "agent_id": f"default__NS__{agent.replace('-', '_')}"}
        self.kept.sessions.setdefault(session, {"session": row, "events": []})
        kept = self.kept.tasks.setdefault(session, [])
        kept[:] = [other for other in kept if other["id"] != task] + [found]
        return _stream(events)

    # The others

    def _tempo(self, path: str) -> Answer:
        if path == "/api/search":
            return _json({"traces": [{"traceID": id_.lstrip("0")} for id_ in self._traces]})
        found = self._traces.get(path.rpartition("/")[2])
        return _json(found) if found else Answer(404, b"trace not found", "text/plain")

    def _jaeger(self, path: str) -> Answer:
        if path == "/api/v3/services":
            return _json({"services": ["datetime_agent", "kagent-controller"]})
        if path == "/api/traces":
            return _json({"data": [{"traceID": JAEGER_TRACE, "spans": []}]})
        return _json(recordings.jaeger("trace_go_tool"))

    def _mcp(self, asked: Asked) -> Answer:
        if asked.method == "DELETE":
            return Answer(200)
        body = asked.json()
        method = body["method"]
        if "id" not in body:
            return Answer(202)
        if method == "initialize":
            about = {"name": "clock", "version": "1"}
            version = body["params"]["protocolVersion"]
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
            return _json(_rpc(body, result), {"Mcp-Session-Id": "m1"})
        if method == "tools/list":
            schema = {"type": "object", "properties": {"timezone": {"type": "string"}}}
            tool = {"name": "get_time", "description": "The time of day.", "inputSchema": schema}
            return _json(_rpc(body, {"tools": [tool, {**tool, "name": "get_date"}]}))
        self.kept.called.append(body["params"]["name"])
        return _json(_rpc(body, {"content": [{"type": "text", "text": "08:00 (UTC)"}], "isError": False}))

    def _otlp(self, asked: Asked) -> Answer:
        sent = ExportTraceServiceRequest.FromString(asked.body)
        self.kept.exported += sum(
            len(scope.spans) for resource in sent.resource_spans for scope in resource.scope_spans
        )
        return Answer(200, ExportTraceServiceResponse().SerializeToString(), "application/x-protobuf")


_LOKI_LABELS = {
    "status": "success",
    "data": ["k8s_container_name", "k8s_namespace_name", "k8s_pod_name", "service_name"],
}


def _rpc(body: Object, result: Object) -> Object:
    return {"jsonrpc": "2.0", "id": body["id"], "result": result}


def _data(value: Any) -> Answer:
    return _json({"error": False, "data": copied(value), "message": "Successfully"})


def _not_found(kind: str, id_: str) -> Answer:
    return Answer(404, json.dumps({"error": f"{kind} not found: {id_}"}).encode())


def _json(value: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(200, json.dumps(value).encode(), headers=headers or {})


def _stream(events: list[Object]) -> Answer:
    def parts() -> Iterator[bytes]:
        for event in events:
            yield f"data: {json.dumps(event)}\n\n".encode()

    return Answer(200, parts(), "text/event-stream")
