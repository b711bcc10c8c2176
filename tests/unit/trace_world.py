"""A cluster with a kagent controller and a Tempo that answer from recordings."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubectl_kagent.cluster.tempo import LABELS
from kubectl_kagent.errors import NotFound
from kubectl_kagent.model.resources import AGENT, SERVICE
from tests.fakes import FakeCluster, Object
from tests.objects import agent
from tests.unit import recordings

GO_TASK = "01a205ee-5c2c-7b74-bbc1-3b013db9526e"
GO_SESSION = "01a205ee-5c2c-7c37-98b7-5021745c85a8"
HITL_TASK = "01a205f3-7ec0-7368-9981-97b4c741794c"
HITL_SESSION = "01a205f3-7ec0-73fa-8ff8-d8b32191aad9"
TEMPO_TASK = "01a20616-7bf8-7aef-afdb-18091d1b13a3"
TEMPO_TRACE = "b9a6b4f2f31d0806f5659aa993c4ec57"
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
        self.asked: list[str] = []
        self.kept: list[Any] = []
        self.queries: list[Mapping[str, str]] = []
        self.on_ask: Callable[[str], object] = lambda _: None
        self.add(AGENT, agent("datetime-agent"))
        labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
        self._install("kagent-controller", labels, {"name": "controller", "port": 8083})

    def install_tempo(self, *, name: str = "tempo", component: str = "", port: Any = None) -> None:
        labels = dict([LABELS.split("=")])
        if component:
            labels["app.kubernetes.io/component"] = component
        self._install(name, labels, port or {"name": "http", "port": 3200}, "observe")

    def _install(self, name: str, labels: Any, port: Any, namespace: str = "kagent") -> None:
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [port]}}
        self.add(SERVICE, body)

    def service(
        self, method: str, namespace: str, service: str, path: str, body: Any = None, **_: Any
    ) -> Object:
        parts = urlsplit(path)
        self.asked.append(f"{namespace}/{service}{parts.path}")
        self.on_ask(self.asked[-1])
        if service.startswith("kagent-controller"):
            return {"error": False, "data": self._controller(parts.path)}
        return self._tempo(parts.path, {key: value[0] for key, value in parse_qs(parts.query).items()})

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

    def _tempo(self, path: str, query: Mapping[str, str]) -> Object:
        if path == "/api/search":
            self.queries.append(query)
            return {"traces": [{"traceID": id_.lstrip("0")} for id_ in self._searched(query["q"])]}
        if path.removeprefix("/api/v2/traces/") in self.traces:
            return self.traces[path.removeprefix("/api/v2/traces/")]
        raise NotFound("nothing")

    def _searched(self, query: str) -> list[str]:
        """Traces in which all texts of the query are, as far as a fake can tell."""
        wanted = [word.removesuffix(".*") for word in query.split('"')[1::2]]
        if " || " in query:
            return [id_ for id_, found in self.traces.items() if any(word in str(found) for word in wanted)]
        return [id_ for id_, found in self.traces.items() if all(word in str(found) for word in wanted)]


def in_base64(trace: str) -> str:
    return base64.b64encode(bytes.fromhex(trace)).decode()
