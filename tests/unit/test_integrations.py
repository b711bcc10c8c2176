"""What manifests/integrations gives to Argo CD, k9s and GitHub Actions, run as far as it can be here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from lupa.lua51 import LuaRuntime

from kubectl_kagent.app import cli
from scripts.command_tree import commands
from tests.lab.layout import CHECKOUT
from tests.objects import agent, mcp_server
from tests.recordings import DATA

_FILES = CHECKOUT / "manifests" / "integrations"
_ARGO = yaml.safe_load((_FILES / "argo-cd" / "argocd-cm.yaml").read_text())
_PLUGINS = yaml.safe_load((_FILES / "k9s" / "plugins.yaml").read_text())["plugins"]
# click keeps the option for help as it is in the first context that asks
_ROOT = click.Context(cli, **cli.context_settings)
_WAITING = ("Progressing", "the controller has not seen the newest change")
Object = dict[str, Any]


def health(obj: Object) -> tuple[str, str]:
    """What Argo CD shows: its Lua is 5.1, and has nothing but the functions of the language itself."""
    lua = LuaRuntime(register_eval=False)
    for name in ("string", "io", "os", "math", "debug", "python", "coroutine", "require"):
        lua.globals()[name] = None
    lua.globals().obj = _table(lua, obj)
    found = lua.execute(_ARGO["data"][f"resource.customizations.health.kagent.dev_{obj['kind']}"])
    return found["status"], found["message"]


def _table(lua: LuaRuntime, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _table(lua, item) for key, item in value.items() if item is not None})
    if isinstance(value, list):
        return lua.table_from([_table(lua, item) for item in value])
    return value


def condition(type_: str, status: str, message: str) -> Object:
    return {"type": type_, "status": status, "message": message, "reason": "R"}


def with_status(obj: Object, *conditions: Object, observed: int = 1, kind: str = "Agent") -> Object:
    status = {"conditions": list(conditions), "observedGeneration": observed}
    return {**obj, "kind": kind, "metadata": {**obj["metadata"], "generation": 1}, "status": status}


ACCEPTED = condition("Accepted", "True", "Agent configuration accepted")
READY = condition("Ready", "True", "Deployment is ready")
STARTING = condition("Ready", "False", "Deployment is not ready, 0/1 pods are ready")
EMPTY = condition("Ready", "False", "Deployment is not ready, 0/0 pods are ready")
REFUSED = condition("Accepted", "False", 'ModelConfig.kagent.dev "missing" not found')


def _recorded(name: str) -> Object:
    obj: Object = yaml.safe_load((DATA / "controller" / name).read_text())
    return obj


def test_an_agent_of_the_real_controller_is_healthy() -> None:
    assert health(_recorded("k8s_agent.yaml")) == ("Healthy", "Deployment is ready")


def test_the_health_of_an_agent() -> None:
    clock = agent("clock")
    byo = {**clock, "spec": {"type": "BYO", "byo": {"deployment": {"replicas": 0}}}}
    asleep = {**clock, "spec": {**clock["spec"], "declarative": {"deployment": {"replicas": 0}}}}
    assert health(with_status(clock, ACCEPTED, READY)) == ("Healthy", "Deployment is ready")
    assert health(with_status(clock, ACCEPTED, STARTING)) == ("Progressing", STARTING["message"])
    assert health(with_status(clock, ACCEPTED)) == _WAITING
    assert health(with_status(clock, REFUSED, READY)) == ("Degraded", REFUSED["message"])
    for obj in (asleep, byo):
        assert health(with_status(obj, ACCEPTED, EMPTY)) == ("Suspended", "scaled to 0")
    assert health(with_status(clock, ACCEPTED, EMPTY)) == ("Suspended", "scaled to 0")
    assert health(with_status(clock, ACCEPTED, READY, observed=0)) == _WAITING
    new = with_status(clock)
    del new["status"]
    assert health(new) == _WAITING


def test_the_health_of_an_mcp_server() -> None:
    server = mcp_server()
    ready = condition("Ready", "True", "Deployment is ready and all pods are running")
    empty = condition("Ready", "False", "Deployment not ready: 0/0 replicas available")
    starting = condition("Ready", "False", "Deployment not ready: 0/1 replicas available")
    for conditions, expected in (
        ((ready,), ("Healthy", ready["message"])),
        ((starting,), ("Progressing", starting["message"])),
        ((empty,), ("Suspended", "scaled to 0")),
        ((), _WAITING),
        *(
            ((condition(name, "False", "no"), ready), ("Degraded", "no"))
            for name in ("Accepted", "ResolvedRefs", "Programmed")
        ),
    ):
        assert health(with_status(server, *conditions, kind="MCPServer")) == expected
    server["spec"] = {"deployment": {"replicas": 0}}
    assert health(with_status(server, ready, kind="MCPServer")) == ("Suspended", "scaled to 0")


@pytest.mark.parametrize("name", _PLUGINS)
def test_each_plugin_of_k9s_is_a_command_line_of_ours(name: str) -> None:
    plugin = _PLUGINS[name]
    assert (plugin["command"], plugin["args"][0]) == ("kubectl", "kagent")
    words = [re.sub(r"\$([A-Z]+)", lambda found: found[1].lower(), word) for word in plugin["args"][1:]]
    node = max(
        (node for node in commands() if words[: len(node.words)] == list(node.words)),
        key=lambda node: len(node.words),
    )
    assert not isinstance(node.command, click.Group)
    context = node.command.make_context(node.name, words[len(node.words) :], parent=_ROOT)
    assert (context.params["namespace"], context.params["context"]) == ("namespace", "context")
    changes = node.words in {("rollout", "undo")}
    assert bool(plugin.get("confirm")) == bool(plugin.get("dangerous")) == changes


def test_a_view_of_k9s_has_each_key_once_and_no_plugin_lacks_what_it_needs() -> None:
    keys = [(scope, plugin["shortCut"]) for plugin in _PLUGINS.values() for scope in plugin["scopes"]]
    assert len(keys) == len(set(keys))
    for plugin in _PLUGINS.values():
        assert {"shortCut", "description", "scopes", "command"} <= plugin.keys()


def test_the_workflow_for_others_is_held_to_the_rules_of_ours() -> None:
    path: Path = _FILES / "github-actions" / "deploy.yaml"
    text = path.read_text()
    workflow = yaml.safe_load(text)
    ours = (CHECKOUT / ".github" / "workflows" / "ci.yaml").read_text()
    assert workflow["permissions"] == {}
    assert {*re.findall(r"uses: .*", text)} <= {*re.findall(r"uses: .*", ours)}
    runs = [step["run"] for step in workflow["jobs"]["deploy"]["steps"] if "run" in step]
    assert [run for run in runs if "${{" in run] == []
    (gate,) = [run for run in runs if "rollout status" in run]
    assert "--on-failure=undo" in gate
    assert "--smoke" in gate
