"""A cluster with a kagent controller, a Tempo and a Jaeger that answer from recordings."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubectl_kagent.backends import jaeger, tempo
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.model.resources import AGENT, SERVICE
from tests import recordings
from tests.fake.cluster import FakeCluster
from tests.fake.store import Object
from tests.objects import agent

GO_TASK = "01a205ee-5c2c-7b74-bbc1-3b013db9526e"
GO_SESSION = "01a205ee-5c2c-7c37-98b7-5021745c85a8"
HITL_TASK = "01a205f3-7ec0-7368-9981-97b4c741794c"
HITL_SESSION = "01a205f3-7ec0-73fa-8ff8-d8b32191aad9"
TEMPO_TASK = "01a20616-7bf8-7aef-afdb-18091d1b13a3"
TEMPO_TRACE = "b9a6b4f2f31d0806f5659aa993c4ec57"
JAEGER_TRACE = TEMPO_TRACE
JAEGER_TASK = TEMPO_TASK
JAEGER_SESSION = "01a20616-7bf8-7b53-87e7-c42deb63dcd9"
ERROR_TRACE = "092fe3eef377ca5f8bb1d8036774a651"


class TraceCluster(FakeCluster):
    """Sessions and tasks by session id; traces by trace id. ``asked`` are the paths that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, tuple[Any, Any]] = {
            GO_SESSION: (recordings.rest("session"), recordings.rest("session_tasks")),
            HITL_SESSION: (recordings.rest("session_hitl_events"), recordings.rest("session_hitl_tasks")),
        }
        self.traces = {
            TEMPO_TRACE: recordings.tempo("v2_trace_go_tool"),
            ERROR_TRACE: {"trace": recordings.tempo("trace_go_tool_error")},
        }
        self.in_jaeger = {JAEGER_TRACE: recordings.jaeger("trace_go_tool")}
        self.asked: list[str] = []
        self.kept: list[Any] = []
        self.version = "0.10.4"
        self.queries: list[Mapping[str, str]] = []
        self.on_ask: Callable[[str], object] = lambda _: None
        self.add(AGENT, agent("datetime-agent"))
        labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
        self._install("kagent-controller", labels, {"name": "controller", "port": 8083})

    def install_tempo(self, *, name: str = "tempo", component: str = "", port: Any = None) -> None:
        labels = dict([tempo.LABELS.split("=")])
        if component:
            labels["app.kubernetes.io/component"] = component
        self._install(name, labels, port or {"name": "http", "port": 3200}, "observe")

    def install_jaeger(self, *, name: str = "jaeger", labels: Any = None, port: Any = None) -> None:
        self._install(
            name,
            labels or dict([jaeger.LABELS.split("=")]),
            port or {"name": "http-query", "port": 16686},
            "observe",
        )

    def _install(self, name: str, labels: Any, port: Any, namespace: str = "kagent") -> None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]}}
        self.add(SERVICE, body)

    def called(self, method: str, namespace: str, service: str, path: str, body: Any = None) -> Object:
        parts = urlsplit(path)
        self.asked.append(f"{namespace}/{service}{parts.path}")
        self.on_ask(self.asked[-1])
        if parts.path == "/version":
            return {"kagent_version": self.version}
        if service.startswith("kagent-controller"):
            return {"error": False, "data": self._controller(parts.path)}
        query = {key: value[0] for key, value in parse_qs(parts.query).items()}
        return self._tempo(parts.path, query) if "tempo" in service else self._jaeger(parts.path, query)

    def _controller(self, path: str) -> Any:
        if path in ("/api/sessions", "/api/sessions/agent/default/datetime-agent"):
            return [session["session"] for session, _ in self.sessions.values()]
        _, _, kind, id_, *rest = path.split("/")
        if kind == "sessions" and id_ in self.sessions:
            return self.sessions[id_][bool(rest)]
        if kind == "tasks":
            for _, tasks in self.sessions.values():
                if found := [task for task in tasks if task["id"] == id_]:
                    return found[0]
        if kind == "sessions" and id_ == "agent":
            raise NotFound(f"Agent not found: failed to get agent {'__NS__'.join(rest)}: record not found")
        raise NotFound(f"{kind} not found: {id_}")

    def _jaeger(self, path: str, query: Mapping[str, str]) -> Object:
        """As Jaeger 1.76 does it: a service and what is to be of one of its spans, never a part of a text."""
        if path == "/api/v3/services":
            names = {span["service"] for found in self.in_jaeger.values() for span in _spans(found)}
            return {"services": sorted(names)} if names else {}
        traces = self.in_jaeger
        if path.startswith("/api/v3/traces/"):
            found = [id_ for id_ in traces if path.endswith(f"/{id_}")]
        else:
            self.queries.append(query)
            limit = int(query.get("limit") or query["query.num_traces"])
            found = [id_ for id_ in traces if any(_is(query, span) for span in _spans(traces[id_]))][:limit]
        if path == "/api/traces":
            return {"data": [{"traceID": id_.lstrip("0"), "spans": []} for id_ in found]}
        if not found:
            raise NotFound('{"error":{"httpCode":404,"message":"No traces found"}}')
        return {"result": {"resourceSpans": [batch for id_ in found for batch in _batches(traces[id_])]}}

    def _tempo(self, path: str, query: Mapping[str, str]) -> Object:
        if path == "/api/search":
            self.queries.append(query)
            start, end = int(query["start"]), int(query["end"])
            if end - start > 168 * 3600:
                raise KagentError(f"range specified by start and end exceeds 168h0m0s. {start=} {end=}")
            found = [id_ for id_ in self._searched(query["q"]) if start <= _begun(self.traces[id_]) < end]
            newest = sorted(found, key=lambda id_: _begun(self.traces[id_]), reverse=True)
            return {"traces": [{"traceID": id_.lstrip("0")} for id_ in newest[: int(query["limit"])]]}
        if path.removeprefix("/api/v2/traces/") in self.traces:
            return self.traces[path.removeprefix("/api/v2/traces/")]
        raise NotFound("nothing")

    def _searched(self, query: str) -> list[str]:
        """Traces in which all texts of the query are, as far as a fake can tell."""
        wanted = [word.removesuffix(".*") for word in query.split('"')[1::2]]
        if " || " in query:
            return [id_ for id_, found in self.traces.items() if any(word in str(found) for word in wanted)]
        return [id_ for id_, found in self.traces.items() if all(word in str(found) for word in wanted)]


def _batches(trace: Any) -> list[Any]:
    return list(trace.get("result", trace)["resourceSpans"])


def _begun(trace: Any) -> float:
    """When the first span of a trace began, in whichever of Tempo's shapes it is."""
    return min(map(int, re.findall(r"'startTimeUnixNano': '(\d+)'", str(trace)))) / 1e9


def ago(world: TraceCluster, days: int) -> str:
    """Keep a trace in Tempo like the recorded one of the same session, begun so much earlier; its task."""
    earlier = days * 24 * 3600 * 10**9

    def moved(found: re.Match[str]) -> str:
        return f'{found[1]}"{int(found[2]) - earlier}"'

    def renamed(found: re.Match[str]) -> str:
        number = int.from_bytes(base64.b64decode(found[2])) + days
        return f'{found[1]}"{in_base64(f"{number:016x}")}"'

    text = re.sub(r'(TimeUnixNano": )"(\d+)"', moved, json.dumps(world.traces[TEMPO_TRACE]))
    text = re.sub(r'(panId": )"([^"]+)"', renamed, text)
    trace, task = f"{days:032x}", f"task-{days:03d}"
    text = text.replace(in_base64(TEMPO_TRACE), in_base64(trace)).replace(TEMPO_TASK, task)
    world.traces[trace] = json.loads(text)
    return task


def _spans(trace: Any) -> list[Object]:
    """Service, name and attributes of each."""
    return [
        {"service": texts(batch["resource"])["service.name"], "name": span["name"], "attributes": texts(span)}
        for batch in _batches(trace)
        for scope in batch["scopeSpans"]
        for span in scope["spans"]
    ]


def texts(holder: Any) -> dict[str, str]:
    return {item["key"]: item["value"].get("stringValue", "") for item in holder.get("attributes", ())}


def _is(query: Mapping[str, str], span: Object) -> bool:
    if "tags" in query:
        tags = json.loads(query["tags"]).items()
        return bool(span["service"] == query["service"] and tags <= span["attributes"].items())
    named = (query["query.service_name"], query["query.operation_name"])
    return bool((span["service"], span["name"]) == named)


def in_base64(trace: str) -> str:
    return base64.b64encode(bytes.fromhex(trace)).decode()
