"""The JSON of every view of ours is what its TypedDict declares, and docs/output.md says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_kagent.model.controllers import KAGENT
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, REMOTE_MCP_SERVER
from scripts.command_tree import verbs
from scripts.output import VIEWS, View, prints_objects
from tests import recordings
from tests.fake.agent import asked, request, row, task, waiting
from tests.fake.observed import Numbers
from tests.fake.prometheus import CountedTurn, CountingPrometheus
from tests.permissions import recording, running
from tests.shapes import paths, unlike
from tests.soak.faults import Scene
from tests.soak.forms import FORMS, Form
from tests.soak.run import run
from tests.soak.world import AGENT_WITH_RECORDS, Object, World
from tests.unit.commands.test_top import answer as prometheus

_SESSION = "5e551017-0000-4000-8000-000000000009"


def _asks(world: World) -> None:
    """A session with questions, an answer, something odd, and a task that waits."""
    calls = ({"id": "c1", "name": "drop", "args": {}}, {"id": "c2", "args": "unreadable"})
    inner = [{"originalFunctionCall": call} for call in calls]
    requests = (
        request("q1", "ask_user", questions=[{"question": "Which?", "choices": ["a"], "multiple": True}]),
        request("c0", "default__NS__helper", {"hitl_parts": inner}),
    )
    decided = {"kind": "data", "data": {"decision_type": "approve"}}
    answer = {"kind": "message", "role": "user", "messageId": "u", "parts": [decided, {"kind": "?"}]}
    tasks = [task("completed", asked(*requests), answer, id_="t0"), waiting(*requests, session=_SESSION)]
    world.services.kept.sessions[_SESSION] = {"session": row(_SESSION, "default__NS__echo"), "events": []}
    world.services.kept.tasks[_SESSION] = tasks


def _refused(world: World) -> None:
    """A tool server of an agent's that kagent can't use."""
    condition = {"type": "Accepted", "status": "False", "message": "no such host"}
    world.admin.set_status(REMOTE_MCP_SERVER, "remote", {"conditions": [condition], "discoveredTools": []})


def _undone(world: World) -> None:
    """Revision 4 with every fact: its prompt is a key of a ConfigMap, it puts 2 back, and pods run it."""
    source = {"type": "ConfigMap", "name": "prompts", "key": "a"}
    _change(world, {"declarative": {"systemMessage": None, "systemMessageFrom": source}})
    _change(world, {"description": "another"})
    _kagent(world, "rollout", "undo", f"agent/{AGENT_WITH_RECORDS}")


def _change(world: World, spec: Object) -> None:
    _kagent(world, "rollout", "history", f"agent/{AGENT_WITH_RECORDS}")
    world.admin.merge_patch(AGENT, "default", AGENT_WITH_RECORDS, {"spec": spec}, manager="admin")
    world.settle()


def _kagent(world: World, *words: str) -> None:
    done = running.run(recording.Recording(world.admin, after_write=world.settle), [*words])
    assert done.code == 0, done
    world.settle()


def _slow(world: World) -> None:
    """Everything took longer than the last bucket tells."""

    def slow(path: str) -> Object:
        found = prometheus(path)
        for sample in found["data"]["result"]:
            if sample["metric"].get("le", "+Inf") != "+Inf":
                sample["value"][1] = "0"
        return found

    world.services.prometheus = slow


def _counted(world: World) -> None:
    """Turns of the agent's newest revision that took longer than the last bucket, with tokens and a price."""
    _kagent(world, "rollout", "history", f"agent/{AGENT_WITH_RECORDS}")
    world.admin.clock.sleep(60)
    _undone(world)
    world.admin.clock.sleep(60)
    end = world.admin.clock.now.timestamp()
    turn = CountedTurn(AGENT_WITH_RECORDS, end, seconds=60, prompt=10, output=1)
    prices = {("small", "input"): 0.5, ("small", "output"): 2.0}
    world.services.prometheus = CountingPrometheus([turn], prices=prices).answer


def _traceless(world: World) -> None:
    """kagent with its tracing off, beside a Prometheus in which all signals are, and that warns."""
    container = {"name": "controller", "image": "controller"}
    spec = {"template": {"spec": {"containers": [container]}}}
    (controller,) = world.admin.list_objects(DEPLOYMENT, labels=KAGENT.labels)["items"]
    metadata = controller["metadata"]
    world.admin.merge_patch(
        DEPLOYMENT, metadata["namespace"], metadata["name"], {"spec": spec}, manager="admin"
    )
    now, numbers = world.admin.clock.now.timestamp(), Numbers()
    world.services.prometheus = lambda path: {**numbers.answer(path, now), "warnings": ["a store is away"]}


def _spans() -> str:
    """A turn that failed, one without times, and something else, in lines."""
    failed, timeless = recordings.tempo("trace_go_llm_error"), recordings.tempo("trace_py_tool_error")
    return "\n".join(map(json.dumps, (failed, _without_times(timeless), {"a": 1})))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if not key.endswith("TimeUnixNano")}
    return [_without_times(item) for item in value] if isinstance(value, list) else value


# What the forms of the soak leave out: a list that is empty there, a key that is absent or null.
_MORE = (
    Form("approvals list -A", before=_asks),
    Form(f"sessions show {_SESSION}", before=_asks),
    Form("tools list", before=_refused),
    Form("tools check agent", before=_refused, fails=True),
    Form(f"rollout history agent/{AGENT_WITH_RECORDS}", before=_undone),
    Form(f"rollout history agent/{AGENT_WITH_RECORDS} --revision=4", before=_undone),
    Form("observe status", before=_traceless, fails=True),
    Form(f"lint -f {recordings.DATA}/lint/unapproved-tool/bad.yaml"),
    Form("trace list --input=-", stdin=_spans()),
    Form("top models --prometheus=none --since=24h"),
    *(Form(f"top {kind} -A", before=_slow) for kind in ("agents", "tools", "models")),
    Form(f"rollout history agent/{AGENT_WITH_RECORDS} --impact", before=_counted),
    Form("top --by=revision", before=_counted),
)


def _forms(verb: str, view: View) -> list[Form]:
    """Command lines of a verb that print the view, and end by themselves."""
    start = f"trace {AGENT_WITH_RECORDS}" if verb == "trace list" else verb
    others = {other.only for other in VIEWS[verb] if other != view} - {""}
    return [
        form
        for form in (*FORMS, *_MORE)
        if form.line.startswith((start, verb)) and not form.enough
        if view.only in form.line and not any(option in form.line for option in others)
    ]


def _documents(verb: str, view: View) -> Iterator[tuple[str, Any]]:
    """What these print, each with its line."""
    for form in _forms(verb, view):
        scene = Scene(form)
        scene.world.back_to(scene.moment)
        line = form.words(scene.world)
        if "-o" in line:
            del line[line.index("-o") : line.index("-o") + 2]
        done = run(scene.world, [*line, "-o=json"], stdin=form.stdin)
        assert (done.tracebacks, done.hang) == ((), ""), form.line
        for document in done.out.splitlines() if view.lines else [done.out]:
            yield form.line, json.loads(document)


_OURS = {
    view: [verb for verb, views in VIEWS.items() if view in views]
    for views in VIEWS.values()
    for view in views
    if view.shape
}


def test_every_verb_with_json_has_a_view_or_prints_api_objects() -> None:
    with_json = {node.name for node in verbs() if "json" in node.formats and not prints_objects(node)}
    assert with_json == VIEWS.keys()


@pytest.mark.parametrize("view", _OURS, ids=lambda view: view.shape.__name__)
def test_a_view_has_the_declared_keys_and_no_others(view: View) -> None:
    seen: set[str] = set()
    problems = [
        f"{line}: {problem}"
        for verb in _OURS[view]
        for line, document in _documents(verb, view)
        for problem in unlike(document, view.shape, seen)
    ]
    assert problems == []
    assert [path for path in paths(view.shape) if path not in seen] == []
