"""With recorders running, history lists each change of the effective config once, in order, none lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.errors import Conflict, Unreachable
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG, REMOTE_MCP_SERVER, Resource
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.snapshot import canonical_json
from kubectl_kagent.model.workload import Workload, dig, with_replicas
from tests.cluster.conftest import Tools, wait_for
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

AGENTS = [f"agent-{number}" for number in range(5)]
EDITS = 50
Object = dict[str, Any]


def agent(name: str) -> Object:
    return {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "Agent",
        "metadata": {"name": name, "annotations": {"kubectl-kagent/revision-history-limit": "500"}},
        "spec": {
            "type": "Declarative",
            "description": "edited all the time",
            "declarative": {
                "runtime": "python",
                "modelConfig": "model",
                "systemMessage": "first",
                "deployment": {"replicas": 0},
                "tools": [
                    {
                        "type": "McpServer",
                        "mcpServer": {
                            "kind": "RemoteMCPServer",
                            "apiGroup": "kagent.dev",
                            "name": "tools",
                            "toolNames": ["a"],
                        },
                    }
                ],
            },
        },
    }


SOURCES = [
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"KEY": "none"}},
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "ModelConfig",
        "metadata": {"name": "model"},
        "spec": {"provider": "OpenAI", "model": "m0", "apiKeySecret": "key", "apiKeySecretKey": "KEY"},
    },
    {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "RemoteMCPServer",
        "metadata": {"name": "tools"},
        "spec": {"description": "tools", "url": "http://127.0.0.1:9/mcp"},
    },
]


class Witness:
    """Every write that the API server acknowledged, by its resource version: the truth to compare with."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._lock = threading.Lock()
        self.writes: dict[int, Object] = {}

    def saw(self, obj: Object) -> None:
        with self._lock:
            self.writes[int(obj["metadata"]["resourceVersion"])] = obj

    def configs(self, name: str) -> list[Object]:
        """The effective configs of an agent in order, each once."""
        current: dict[str, Object] = {}
        found: list[Object] = []
        for version in sorted(self.writes):
            obj = self.writes[version]
            kind = obj["kind"]
            if kind == "Agent" and obj["metadata"]["name"] != name:
                continue
            current[kind] = obj
            if len(current) < 3:
                continue
            spec = with_replicas(current["Agent"]["spec"], ("declarative", "deployment"), None)
            config = {
                "spec": spec,
                "model": current["ModelConfig"]["spec"],
                "tools": current["RemoteMCPServer"]["spec"],
            }
            if not found or found[-1] != config:
                found.append(config)
        return found


def recorded(revision: Revision) -> Object:
    sources = {source.reference.resource.kind: source.content for source in revision.sources}
    return {
        "spec": with_replicas(revision.spec, ("declarative", "deployment"), None),
        "model": (sources["ModelConfig"] or {})["spec"],
        "tools": (sources["RemoteMCPServer"] or {})["spec"],
    }


def insist(action: Callable[[], Object]) -> Object:
    """``action`` again and again until the API server has answered; each is safe to do twice."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return action()
        except (Unreachable, Conflict):
            assert time.monotonic() < deadline, "the API server did not come back"
            time.sleep(0.05)


class Script:
    """Fifty edits of all kinds; a write whose answer was lost is done again or read back."""

    def __init__(self, api: ApiServer, tools: Tools, witness: Witness) -> None:
        self.api, self.tools, self.witness = api, tools, witness

    def patch(self, resource: Resource, name: str, spec: Object) -> None:
        def once() -> Object:
            return self.api.merge_patch(
                resource, self.tools.namespace, name, {"spec": spec}, manager="script"
            )

        self.witness.saw(insist(once))

    def patch_agent(self, name: str, declarative: Object) -> None:
        self.patch(AGENT, name, {"declarative": declarative})

    def read(self, resource: Resource, name: str) -> Object:
        return insist(lambda: self.api.get(resource, self.tools.namespace, name))

    def kubectl_edit(self, name: str, number: int) -> None:
        editor = f"sed -i 's/^  description: .*/  description: edited {number}/'"
        wait_for(
            lambda: self.tools.kubectl("edit", "agent", name, check=False, KUBE_EDITOR=editor).code == 0,
            "kubectl edit",
        )
        self.witness.saw(self.read(AGENT, name))

    def undo(self, name: str) -> None:
        self.tools.kagent("rollout", "undo", f"agent/{name}", "--with-sources")
        for resource, other in ((MODEL_CONFIG, "model"), (REMOTE_MCP_SERVER, "tools"), (AGENT, name)):
            self.witness.saw(self.read(resource, other))

    def edit(self, number: int) -> None:
        name = AGENTS[number % len(AGENTS)]
        kind = number % 10
        if kind in (0, 1, 2):
            self.patch_agent(name, {"systemMessage": f"prompt {number}"})
        elif kind == 3:
            self.patch(MODEL_CONFIG, "model", {"model": f"m{number}"})
        elif kind == 4:
            self.patch(REMOTE_MCP_SERVER, "tools", {"url": f"http://127.0.0.1:9/{number}/mcp"})
        elif kind == 5:
            prompt = self.read(AGENT, name)["spec"]["declarative"]["systemMessage"]
            self.patch_agent(name, {"systemMessage": prompt + "+"})
            self.patch_agent(name, {"systemMessage": prompt})  # and back again
        elif kind == 6:
            tool = agent(name)["spec"]["declarative"]["tools"][0]
            tool["mcpServer"]["toolNames"] = ["a", f"tool-{number}"]
            self.patch_agent(name, {"tools": [tool]})
        elif kind == 7:
            self.kubectl_edit(name, number)
        elif kind == 8:
            done = self.tools.kagent("scale", f"agent/{name}", "--replicas=0", "-o", "json")
            if done.code == 0:
                self.witness.saw(json.loads(done.out))
        else:
            self.undo(name)


def test_every_change_is_listed_once_and_in_order(tools: Tools, api: ApiServer, lab: Lab) -> None:
    everything = {"apiVersion": "v1", "kind": "List", "items": [*SOURCES, *map(agent, AGENTS)]}
    tools.kubectl("create", "-f", "-", stdin=json.dumps(everything))
    witness = Witness(api)
    script = Script(api, tools, witness)
    # what kagent makes of the key is a part of the config too: it is there before the first edit
    wait_for(lambda: dig(script.read(MODEL_CONFIG, "model"), "status", "secretHash"), "the key's hash")
    for resource, name in [(MODEL_CONFIG, "model"), (REMOTE_MCP_SERVER, "tools")]:
        witness.saw(script.read(resource, name))
    for name in AGENTS:
        witness.saw(script.read(AGENT, name))
    recorders = [tools.start("record", "--field-manager", f"recorder-{number}") for number in (1, 2)]
    try:
        for number in range(EDITS):
            script.edit(number)
            if number == EDITS // 2:
                lab.restart("kube-apiserver")
        wait_for(lambda: all(is_complete(api, tools, name) for name in AGENTS), "the last revision")
    finally:
        for recorder in recorders:
            recorder.terminate()
        said = [recorder.communicate(timeout=30) for recorder in recorders]
    for name in AGENTS:
        found = revisions_of(api, Workload(AGENT, script.read(AGENT, name)))
        assert [revision.number for revision in found] == list(range(1, len(found) + 1)), said
        assert without_repeats(map(recorded, found)) == witness.configs(name), said
        for revision in found:
            earlier = [r.number for r in found if r.number < revision.number and r.hash == revision.hash]
            assert revision.rollback_of == (earlier[-1] if earlier else None)
    undo_to_each_of_the_last_twenty(tools, script, AGENTS[0])


def without_repeats(configs: Iterable[Object]) -> list[Object]:
    """The first may come twice: before and after kagent has read the key (its hash is a source)."""
    found: list[Object] = []
    for config in configs:
        if len(found) != 1 or found[0] != config:
            found.append(config)
    return found


def undo_to_each_of_the_last_twenty(tools: Tools, script: Script, name: str) -> None:
    workload = Workload(AGENT, script.read(AGENT, name))
    for revision in revisions_of(script.api, workload)[-20:]:
        done = tools.kagent("rollout", "undo", f"agent/{name}", f"--to-revision={revision.number}")
        assert done.code == 0 or "what differs is shared" in done.err, done
        spec = script.read(AGENT, name)["spec"]
        assert canonical_json(spec) == canonical_json(dict(revision.spec)), (revision.number, done)


def is_complete(api: ApiServer, tools: Tools, name: str) -> bool:
    """Whether the newest revision is the live config."""
    workload = Workload(AGENT, api.get(AGENT, tools.namespace, name))
    found = revisions_of(api, workload)
    live = with_replicas(workload.spec, workload.deployment_path, None)
    model = api.get(MODEL_CONFIG, tools.namespace, "model")["spec"]
    servers = api.get(REMOTE_MCP_SERVER, tools.namespace, "tools")["spec"]
    return bool(found) and recorded(found[-1]) == {"spec": live, "model": model, "tools": servers}
