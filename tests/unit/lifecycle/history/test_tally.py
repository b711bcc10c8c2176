"""What the looks at a history count: each change once, by what it changed, whoever recorded it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.tally import KINDS, LastChange, Tally, kind_of, updated
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import CONFIG_HASH, ROLLBACK_OF, Revision
from kubectl_kagent.model.snapshot import ConfigSource
from kubectl_kagent.model.workload import Reference, Workload
from tests.objects import agent, mcp_server

Object = dict[str, Any]
BEGAN = datetime(2026, 11, 23, 8, tzinfo=UTC)
CLOCK = Workload(AGENT, {**agent(), "metadata": {"name": "clock", "namespace": "default"}})
SERVER = Workload(MCP_SERVER, {**mcp_server(), "metadata": {"name": "datetime", "namespace": "default"}})


def revision(number: int, spec: Object | None = None, *sources: ConfigSource, **more: Any) -> Revision:
    """One that was made ``number`` minutes after the recorder began."""
    fields: Object = {
        "number": number,
        "name": f"agent-clock-r{number}",
        "hash": str(number),
        "spec": agent()["spec"] if spec is None else spec,
        "sources": sources,
        "resource_version": number,
        "generation": number,
        "changed_by": "kubectl-edit",
        "changed_at": BEGAN + timedelta(minutes=number),
        "gap_before": False,
    }
    return Revision(**(fields | more))


def declarative(**changes: Any) -> Object:
    return dict(agent(**changes)["spec"])


def source(resource: Resource, content: Object | None) -> ConfigSource:
    return ConfigSource(Reference(resource, "default", "one"), "uid", 1, content)


def tool(*names: str, **more: Any) -> Object:
    server = {"kind": "RemoteMCPServer", "name": "tools", "toolNames": list(names), **more}
    return {"type": "McpServer", "mcpServer": server}


# What kind a change is of


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({"systemMessage": "a"}, {"systemMessage": "b"}, "prompt"),
        ({}, {"systemMessageFrom": {"type": "ConfigMap", "name": "a"}}, "prompt"),
        ({}, {"promptTemplate": {"dataSources": [{"name": "a"}]}}, "prompt"),
        ({"modelConfig": "a"}, {"modelConfig": "b"}, "model"),
        ({"memory": {"modelConfig": "a"}}, {"memory": {"modelConfig": "b"}}, "model"),
        ({"tools": [tool("a")]}, {"tools": [tool("a", "b")]}, "tools"),
        ({"tools": [tool("a")]}, {"tools": [tool("a", requireApproval=["a"])]}, "tools"),
        ({"tools": [tool("a"), tool("b")]}, {"tools": [tool("b"), tool("a")]}, "tools"),
        ({"stream": True}, {"stream": False}, "spec"),
        ({"systemMessage": "a"}, {"systemMessage": "b", "modelConfig": "b"}, "several"),
        ({"tools": [tool("a")]}, {"tools": [tool("b")], "stream": False}, "several"),
    ],
)
def test_the_spec_s_part_that_changed(old: Object, new: Object, kind: str) -> None:
    assert kind_of(CLOCK, revision(1, declarative(**old)), revision(2, declarative(**new))) == kind


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        (MODEL_CONFIG, "model"),
        (CONFIG_MAP, "prompt"),
        (REMOTE_MCP_SERVER, "tools"),
        (MCP_SERVER, "tools"),
        (SERVICE, "tools"),
    ],
)
def test_a_source_is_of_what_it_is_for(resource: Resource, kind: str) -> None:
    before, after = (revision(n, None, source(resource, {"spec": {"x": n}})) for n in (1, 2))
    assert kind_of(CLOCK, before, after) == kind
    assert kind_of(CLOCK, before, revision(2, None, source(resource, None))) == kind


def test_an_mcp_server_has_only_a_spec() -> None:
    before = revision(1, mcp_server()["spec"])
    after = revision(2, {**mcp_server()["spec"], "timeout": "9s"})
    assert kind_of(SERVER, before, after) == "spec"


def test_the_first_one_a_rollback_and_one_without_its_predecessor() -> None:
    back = revision(3, declarative(systemMessage="x"), annotations={ROLLBACK_OF: "1"})
    assert kind_of(CLOCK, None, revision(1)) == "first"
    assert kind_of(CLOCK, revision(2), back) == "rollback"
    assert kind_of(CLOCK, None, revision(7)) == "unknown"
    assert kind_of(CLOCK, revision(1), revision(2)) == "unknown"  # what differs can't be seen


# What is counted


def prompts(*numbers: int, **more: Any) -> list[Revision]:
    return [revision(n, declarative(systemMessage=str(n)), **more) for n in numbers]


def look(tally: Tally, revisions: list[Revision], live: Revision | None = None) -> Tally:
    return updated(tally, CLOCK, revisions, live, began=BEGAN.timestamp())


def counts(**some: int) -> dict[str, int]:
    return dict.fromkeys(KINDS, 0) | some


def test_nothing_is_known_before_the_first_look() -> None:
    assert Tally() == Tally(0, "", None, counts(), 0, 0)
    assert look(Tally(), []) == Tally()


def test_what_was_before_the_recorder_began_is_not_counted_but_told() -> None:
    old = prompts(-3, -2, -1)
    for number, each in enumerate(old, 1):
        old[number - 1] = revision(number, each.spec, changed_at=each.changed_at)
    live = revision(3, old[2].spec, changed_at=old[2].changed_at, annotations={CONFIG_HASH: "17"})
    told = look(Tally(), [*old[:2], live], live)
    at = BEGAN.timestamp() - 60
    assert told == Tally(3, "17", LastChange(3, "prompt", "kubectl-edit", at), counts(), 0, 0)
    later = look(told, [*old[:2], live, *prompts(4)])
    assert later == Tally(0, "", LastChange(4, "prompt", "kubectl-edit", at + 300), counts(prompt=1), 0, 0)


def test_a_change_in_the_very_second_that_it_began_counts() -> None:
    """Times of changes are in whole seconds."""
    one = revision(1, changed_at=BEGAN)
    assert updated(Tally(), CLOCK, [one], one, began=BEGAN.timestamp() + 0.9).changes == counts(first=1)
    assert updated(Tally(), CLOCK, [one], one, began=BEGAN.timestamp() + 1).changes == counts()


def test_each_change_counts_once_however_often_and_by_whom_it_is_looked_at() -> None:
    history = prompts(1, 2, 3)
    at_once = look(Tally(), history, history[-1])
    assert at_once.changes == counts(first=1, prompt=2)
    assert look(at_once, history, history[-1]) == at_once
    step_by_step = Tally()
    for end in (1, 1, 2, 3, 3):
        step_by_step = look(step_by_step, history[:end], history[end - 1])
    assert step_by_step == at_once


def test_pruning_takes_nothing_away() -> None:
    tally = look(Tally(), prompts(1, 2, 3))
    assert look(tally, prompts(3)) == tally
    assert look(tally, prompts(3, 4)).changes == counts(first=1, prompt=3)
    assert look(tally, prompts(5)).changes == counts(first=1, prompt=2, unknown=1)


def test_rollbacks_and_gaps() -> None:
    back = revision(3, annotations={ROLLBACK_OF: "1"})
    tally = look(Tally(), [*prompts(1, 2), back], back)
    assert (tally.changes, tally.rollbacks, tally.gaps) == (counts(first=1, prompt=1, rollback=1), 1, 0)
    assert tally.last == LastChange(3, "rollback", "kubectl-edit", BEGAN.timestamp() + 180)
    after = look(tally, [back, *prompts(4, gap_before=True)])
    assert (after.rollbacks, after.gaps) == (1, 1)


def test_revisions_that_somebody_deleted_are_not_counted_again() -> None:
    tally = look(Tally(), prompts(1, 2, 3))
    fewer = look(tally, prompts(1, 2))
    assert (fewer.changes, fewer.last and fewer.last.number) == (tally.changes, 2)


def test_a_source_that_nobody_foresaw_is_of_the_spec() -> None:
    """Whoever writes revisions may name any kind that is recorded."""
    before, after = (revision(n, None, source(AGENT, {"x": n})) for n in (1, 2))
    assert kind_of(CLOCK, before, after) == "spec"
