"""What reaches a terminal: texts of other people and programs are shown, and never obeyed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.errors import Conflict, OtherServerError, UsageError
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    EVENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
)
from kubectl_kagent.render.escapes import harmless, visible
from kubectl_kagent.render.output import OBJECTS, parse
from kubectl_kagent.render.table import plain
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import hpa, mcp_server

Object = dict[str, Any]

# Retitles the window, turns red, goes back to the line's start, hides behind C1, rings, writes backwards, and
# begins lines of its own.
EVIL = "\x1b]0;owned\x07\x1b[31mred\rover\x9b2Jc1\x08\x7f\u202eback\nhint: forged\u2028error: forged\u0085\n"
CONTROL = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n", "\t"}


def evil(text: str) -> str:
    return f"{text}{EVIL}"


@pytest.fixture
def hostile(cluster: FakeCluster, controllers: Controllers) -> Story:
    """Every text that somebody else may choose is hostile; even names, which the API server would refuse."""
    name = "clock"
    tools = [
        {
            "type": "McpServer",
            "mcpServer": {"kind": "RemoteMCPServer", "name": evil("tools"), "toolNames": [evil("get")]},
        },
        {"type": "McpServer", "mcpServer": {"name": evil("gone"), "toolNames": [evil("a"), evil("b")]}},
        {"type": "Agent", "agent": {"name": evil("helper")}},
    ]
    said = {
        "type": "Accepted",
        "status": "False",
        "reason": evil("Why"),
        "message": evil("message"),
        "lastTransitionTime": "2026-11-23T08:00:00Z",
    }
    model = {"provider": evil("Open"), "model": evil("small")}
    cluster.add(MODEL_CONFIG, {**typed("ModelConfig", "gpt", model), "status": {"conditions": [said]}})
    offered = {"discoveredTools": [{"name": evil("other")}], "conditions": [said]}
    remote = typed("RemoteMCPServer", evil("tools"), {"protocol": evil("SSE"), "url": evil("http://x")})
    cluster.add(REMOTE_MCP_SERVER, {**remote, "status": offered})
    declarative = {"modelConfig": "gpt", "systemMessage": evil("Be kind.\nBe "), "tools": tools}
    spec = {"type": "Declarative", "description": evil("tells"), "declarative": declarative}
    notes = {
        "meta.helm.sh/release-name": evil("release"),
        "argocd.argoproj.io/tracking-id": evil("app"),
        "kubectl-kagent/hibernated-replicas": evil("3"),
    }
    obj = typed("Agent", name, spec)
    obj["metadata"]["annotations"] = notes
    story = Story(cluster, controllers)
    cluster.add(AGENT, obj, manager=evil("creator"))
    controllers.act()
    template = {"spec": {"containers": [{"name": "kagent", "image": evil("app:1")}]}}
    cluster.edit(DEPLOYMENT, name, {"spec": {"template": template}})
    story.look(name)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": evil("large"), evil("key"): evil("value")}})
    patch = {
        "description": evil("guesses\n"),
        "declarative": {"systemMessage": evil("Be rude."), "tools": tools[:1]},
    }
    story.edit(AGENT, name, patch, manager=evil("editor"))
    newest = cluster.read_all(CONTROLLER_REVISION)[-1]["metadata"]["name"]
    cause = {"kubernetes.io/change-cause": evil("because")}
    cluster.edit(CONTROLLER_REVISION, newest, {"metadata": {"annotations": cause}})
    surroundings(cluster, name, said)
    cluster.add(AGENT, typed("Agent", evil("another"), spec))
    return story


def surroundings(cluster: FakeCluster, name: str, said: Object) -> None:
    stuck = {"type": "ReplicaFailure", "status": "True", "message": evil("quota"), "reason": evil("Quota")}
    cluster.set_status(DEPLOYMENT, name, {**cluster.read(DEPLOYMENT, name)["status"], "conditions": [stuck]})
    labels = {"app": "kagent", "kagent": name}
    template = {"metadata": {"annotations": {"kagent.dev/config-hash": evil("1")}}, "spec": template_spec()}
    replica_set = typed("ReplicaSet", evil("clock-1"), {"template": template}, "apps/v1")
    replica_set["metadata"]["labels"] = labels
    cluster.add(REPLICA_SET, replica_set)
    state = {"waiting": {"reason": evil("CrashLoopBackOff")}}
    ended = {"terminated": {"reason": evil("Error"), "exitCode": 1}}
    container = {"name": evil("kagent"), "restartCount": 3, "state": state, "lastState": ended}
    pod = typed("Pod", evil("clock-1-a"), template_spec(), "v1")
    pod["metadata"]["labels"] = labels
    cluster.add(POD, {**pod, "status": {"containerStatuses": [container], "phase": evil("Odd")}})
    about = {"kind": evil("Agent"), "name": name}
    event = {"type": evil("Warning"), "reason": evil("Back"), "message": evil("off"), "involvedObject": about}
    cluster.add(EVENT, {**typed("Event", evil("e"), {}, "v1"), **event})
    scaler = hpa(name)
    scaler["metadata"]["name"] = evil("hpa")
    cluster.add(HPA, scaler)
    server = mcp_server("server")
    server["spec"]["transportType"] = evil("http")
    cluster.add(MCP_SERVER, {**server, "status": {"conditions": [said]}})


def typed(kind: str, name: str, spec: Object, api_version: str = "kagent.dev/v1alpha2") -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def template_spec() -> Object:
    return {"containers": [{"name": evil("kagent"), "image": evil("app:0")}]}


def run(cluster: FakeCluster, *args: str) -> str:
    """All that a terminal would get: click takes nothing out of it."""
    result = CliRunner().invoke(
        cli, args, obj=lambda _flags: cluster, color=True, catch_exceptions=False, prog_name="kubectl kagent"
    )
    return result.stdout + result.stderr


NAME = "clock"


def shown(words: tuple[str, ...]) -> str:
    return " ".join(words).replace(EVIL, "EVIL")


SCREENS: tuple[tuple[str, ...], ...] = (
    ("get", "agents"),
    ("get", "agents", "-o", "wide", "-A"),
    ("get", "agents", "-o", "name"),
    ("get", "agents", "-o", "jsonpath={.items[*].spec}"),
    ("get", "agents", "-o", "jsonpath={.items[*].spec.description}"),
    ("get", "agents", "-o", "custom-columns=A:.spec.description,B:.spec.declarative.tools"),
    ("get", "mcpservers", "-o", "wide"),
    ("get", "modelconfigs", "-A"),
    ("get", "remotemcpservers", "-A"),
    ("get", "agents", evil("nobody")),
    ("get", evil("type") + "/x"),
    ("get", "-l", evil("=")),
    ("get", "-o", evil("format")),
    ("describe", NAME),
    ("describe", "mcpservers", "--all"),
    ("rollout", "history", NAME),
    ("rollout", "history", NAME, "-o", "wide"),
    ("rollout", "history", NAME, "--revision=1"),
    ("rollout", "history", NAME, "--revision=-1"),
    ("rollout", "diff", NAME),
    ("rollout", "diff", NAME, "3", "1"),
    ("rollout", "undo", NAME, "--dry-run=client"),
    ("rollout", "undo", NAME, "--dry-run=server", "-o", "name"),
    ("rollout", "undo", NAME),
    ("rollout", "undo", NAME, "--to-revision=1", "--with-sources"),
    ("rollout", "status", NAME, "--timeout=5s"),
    ("rollout", "status", NAME, "--watch=false"),
    ("scale", NAME, "--replicas=2"),
    ("scale", NAME, "--replicas=2", "--force"),
    ("hibernate", NAME, "--force"),
    ("autoscale", NAME, "--max=3", "--cpu=70%"),
)


@pytest.mark.parametrize("words", SCREENS, ids=shown)
def test_no_screen_has_anything_that_a_terminal_obeys(hostile: Story, words: tuple[str, ...]) -> None:
    text = run(hostile.cluster, *words)
    assert "red" in text, "there is nothing hostile in it"
    assert not CONTROL & set(text)
    if words[-1] != "jsonpath={.items[*].spec.description}":  # the text itself was asked for
        assert not [line for line in text.splitlines() if line.startswith(("hint: forged", "error: forged"))]


@pytest.mark.parametrize(
    "words",
    [
        ("get", "agents"),
        ("describe", NAME),
        ("rollout", "history", NAME),
        ("rollout", "diff", NAME),
        ("rollout", "history", NAME, "--revision=1"),
    ],
    ids=shown,
)
def test_nor_any_that_would_write_backwards(hostile: Story, words: tuple[str, ...]) -> None:
    assert "\u202e" not in run(hostile.cluster, *words)


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_for_programs_the_texts_are_what_they_are(hostile: Story, output: str) -> None:
    text = run(hostile.cluster, "get", "agents", NAME, "-o", output)
    assert not CONTROL & set(text)
    found = json.loads(text) if output == "json" else yaml.safe_load(text)
    assert found["metadata"]["name"] == NAME
    assert found["spec"] == hostile.cluster.read(AGENT, NAME)["spec"]
    revision = run(hostile.cluster, "rollout", "history", NAME, "--revision=1", "-o", output)
    assert not CONTROL & set(revision)
    found = json.loads(revision) if output == "json" else yaml.safe_load(revision)
    assert found["spec"]["description"] == evil("tells")


@pytest.mark.parametrize(
    "error", [OtherServerError("Odd", evil("refused")), Conflict(evil("changed"), evil("hint"))]
)
def test_nor_do_errors_and_hints_of_the_server(cluster: FakeCluster, error: Exception) -> None:
    def fail() -> None:
        raise error

    cluster.before("list", AGENT, fail)
    text = run(cluster, "get", "agents")
    assert "red" in text
    assert not CONTROL & set(text)


def test_record_tells_hostile_changes_harmlessly(hostile: Story) -> None:
    """Its first look finds an edit, and makes another; recording that is refused, which ends it."""
    cluster = hostile.cluster
    cluster.remove(AGENT, evil("another"))
    cluster.remove(MCP_SERVER, "server")

    def edit(text: str) -> None:
        cluster.edit(AGENT, NAME, {"spec": {"description": evil(text)}}, manager=evil("editor"))

    edit("first")
    cluster.before("create", CONTROLLER_REVISION, lambda: edit("second"))
    cluster.before("create", CONTROLLER_REVISION, lambda: cluster.deny("create", CONTROLLER_REVISION), nth=2)
    text = run(cluster, "record")
    cluster.end_watches()
    assert "agent revision 4 default/clock: description by editor ]0;owned" in " ".join(text.split())
    assert not CONTROL & set(text)


# The means


def test_control_characters_are_shown_as_json_spells_them() -> None:
    assert harmless("a\x1b[31mb\x00\x7f\x9b") == "a\\u001b[31mb\\u0000\\u007f\\u009b"
    assert harmless("line\n\ttab äöü 時計 😀 \u200b") == "line\n\ttab äöü 時計 😀 \u200b"


def test_a_cell_is_one_line_and_a_line_shows_its_codes() -> None:
    assert plain(" a\nb\tc\x1b[31m\u202ed ") == "a b c [31m d"
    assert visible("  a\tb\x1b[31m\u202ec") == "  a\\tb\\u001b[31m\\u202ec"


def refuses(output: str) -> bool:
    try:
        parse(output, OBJECTS)
    except UsageError:
        return True
    return False


@pytest.mark.parametrize(
    ("output", "refused"),
    [
        ("json", False),
        ("yaml", False),
        ("name", False),
        ("jsonpath={.a.b}", False),
        ("custom-columns=A:.a", False),
        ("wide", True),
        ("xml", True),
        ("jsonpath=", True),
        ("jsonpath={.a", True),
        ("jsonpath={.a[}", True),
        ("custom-columns=A", True),
        ("custom-columns=A:.a[", True),
    ],
)
def test_a_format_is_known_before_it_is_used(output: str, *, refused: bool) -> None:
    assert refuses(output) == refused


Change = Callable[[FakeCluster], object]


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "clock", "--replicas=9"),
        ("hibernate", "clock"),
        ("wake", "clock"),
        ("autoscale", "clock", "--max=3", "--cpu=1"),
        ("rollout", "undo", "clock"),
        ("rollback", "clock"),
        ("rollout", "restart", "clock"),
    ],
)
def test_nothing_is_changed_for_a_format_that_there_is_not(story: Story, words: tuple[str, ...]) -> None:
    story.cluster.requests.clear()
    text = run(story.cluster, *words, "-o", "wide")
    assert text.startswith('error: unable to match a printer suitable for the output format "wide"\n')
    assert story.cluster.requests == []
