"""Two real agents with the example's tools: one asks the other, and needs approvals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from kubectl_kagent.backends.controller import Controller, find_controller
from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]

EXAMPLE = CHECKOUT / "manifests" / "examples" / "datetime-agent" / "overlays" / "lab"
ASKER, HELPER = "asker", "helper"
GREETINGS = 1  # turns of each agent before the test's own


@dataclass(frozen=True)
class Conversations:
    """The agents' namespace, and the way to them."""

    tools: Tools

    @property
    def helper(self) -> str:
        """The helper as the asker's tool."""
        return f"{self.tools.namespace.replace('-', '_')}__NS__{HELPER}"

    @property
    def controller(self) -> Controller:
        flags = Connection(kubeconfig=str(self.tools.kubeconfig), namespace=self.tools.namespace)
        return find_controller(connect(flags))

    def ask(self, text: str, agent: str = ASKER) -> Object:
        """The task that a question came to."""
        return _task(self._send({"parts": [{"kind": "text", "text": text}]}, agent))

    def is_awake(self, agent: str) -> bool:
        """Whether an agent answers: ready, it may know no tool yet, nor its Service its pod."""
        answer = self._send({"parts": [{"kind": "text", "text": "hello"}]}, agent)
        task: Object = answer.get("result") or {}
        return bool(task) and task["status"]["state"] == "completed"

    def decide(self, task: Object, decision: str) -> Object:
        """The task after a person's answer."""
        where = {"taskId": task["id"], "contextId": task["contextId"]}
        parts = [{"kind": "data", "data": {"decision_type": decision}}]
        return _task(self._send({**where, "parts": parts}, ASKER))

    def _send(self, message: Object, agent: str) -> Object:
        whole = {"kind": "message", "role": "user", "messageId": str(uuid4()), **message}
        body = {"jsonrpc": "2.0", "id": "1", "method": "message/send", "params": {"message": whole}}
        answer: Object = self.controller.ask(self.tools.namespace, agent, body)
        return answer


def _task(answer: Object) -> Object:
    """Raises AssertionError for an answer without one, with the error that it has."""
    assert "result" in answer, answer
    task: Object = answer["result"]
    return task


@contextmanager
def conversations(kubeconfig: Path, runtime: str) -> Iterator[Conversations]:
    """In a namespace of their own."""
    with own_namespace(kubeconfig) as tools:
        tools.kubectl("apply", "-k", str(EXAMPLE))
        tools.kubectl("delete", "agent", "datetime-agent")
        wanted = [
            _agent(HELPER, runtime, [_tools()]),
            _agent(ASKER, runtime, [_tools(requireApproval=["get_date"]), _asks(HELPER)]),
        ]
        tools.kubectl(
            "apply", "-f", "-", stdin=json.dumps({"kind": "List", "apiVersion": "v1", "items": wanted})
        )
        for target in ("mcpserver/datetime-mcp", f"agent/{HELPER}", f"agent/{ASKER}"):
            done = tools.kagent("rollout", "status", target, "--timeout=4m", timeout=260)
            assert done.code == 0, done.err
        found = Conversations(tools)
        wait_for(lambda: _reached(tools, "datetime-mcp:3000", f"{HELPER}:8080"), "the way to the tools")
        for name in (HELPER, ASKER):
            wait_for(partial(found.is_awake, name), f"an answer of {name}")
        yield found


def _reached(tools: Tools, *services: str) -> bool:
    """Whether pods can connect to them: a moment later than they are ready. An agent would fail till then."""
    connect = "import socket, sys; [socket.create_connection(a.split(':')).close() for a in sys.argv[1:]]"
    words = ("exec", "deployment/datetime-mcp", "--", "python3", "-c", connect, *services)
    return tools.kubectl(*words, check=False).code == 0


def _agent(name: str, runtime: str, tools: list[Object]) -> Object:
    resources = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}}
    declarative = {
        "runtime": runtime,
        "modelConfig": "datetime-model",
        "systemMessage": "Use your tools.",
        "tools": tools,
        "deployment": {"imagePullPolicy": "Never", "resources": resources},
    }
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name},
        "spec": {"type": "Declarative", "description": "A test of traces.", "declarative": declarative},
    }


def _tools(**more: object) -> Object:
    server = {"apiGroup": "kagent.dev", "kind": "MCPServer", "name": "datetime-mcp"}
    return {"type": "McpServer", "mcpServer": {**server, "toolNames": ["get_date", "get_time"], **more}}


def _asks(name: str) -> Object:
    return {"type": "Agent", "agent": {"name": name}}
