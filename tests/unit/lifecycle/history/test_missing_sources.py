"""What a source that is deleted, or comes and goes, leaves in history."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from kubectl_kagent.clock import timestamp
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, MODEL_CONFIG, REMOTE_MCP_SERVER
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent, model_config, reconcile
from tests.unit.lifecycle.history.test_look_back import look, models
from tests.unit.lifecycle.history.test_recorder import Watcher


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the agent ``clock`` and its ModelConfig."""
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    return cluster


def remote(name: str, url: str = "http://a") -> dict[str, Any]:
    kind = {"apiVersion": REMOTE_MCP_SERVER.api_version, "kind": "RemoteMCPServer"}
    return {**kind, "metadata": {"name": name}, "spec": {"url": url, "description": ""}}


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"type": "McpServer", "mcpServer": {"kind": "RemoteMCPServer", "name": name}} for name in names]


def refused(cluster: FakeCluster) -> None:
    """What kagent's controller writes, a second after a source is gone."""
    cluster.clock.sleep(1)
    why = {"type": "Accepted", "status": "False", "reason": "ReconcileFailed", "message": "gpt not found"}
    cluster.set_status(AGENT, "clock", {"observedGeneration": 1, "conditions": [why]})


@pytest.mark.parametrize("recorder", [False, True])
def test_a_deletion_that_the_controller_noted_is_not_told_as_older_than_it_is(
    clock: FakeCluster,
    *,
    recorder: bool,
) -> None:
    look(clock)
    watcher = Watcher(clock)
    watcher.turn()
    clock.clock.sleep(600)
    at = clock.clock.now
    clock.remove(MODEL_CONFIG, "gpt")
    refused(clock)
    if recorder:
        watcher.turn()
    gone = look(clock).revisions[-1]
    assert gone.changed_by == ""
    assert gone.changed_at >= at, f"{timestamp(gone.changed_at)}, but it was deleted at {timestamp(at)}"


def test_of_two_deletions_neither_is_told_as_older_than_it_is(clock: FakeCluster) -> None:
    for name in "ab":
        clock.add(REMOTE_MCP_SERVER, remote(name))
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": tools("a", "b")}}})
    look(clock)
    clock.clock.sleep(600)
    at = clock.clock.now
    for name in "ab":
        clock.remove(REMOTE_MCP_SERVER, name)
        clock.clock.sleep(60)
    *_, first, second = look(clock).revisions
    assert (first.changed_at >= at, second.changed_at >= at) == (True, True)


def test_no_config_was_ready_before_it_came(clock: FakeCluster) -> None:
    reconcile(clock, config_hash="11")
    look(clock)
    clock.clock.sleep(600)
    clock.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}}, manager="ann")
    clock.clock.sleep(5)
    reconcile(clock, config_hash="12")
    clock.clock.sleep(600)
    clock.remove(MODEL_CONFIG, "gpt")
    refused(clock)
    _, edited, gone = look(clock).revisions
    assert edited.config_hash == "12"
    assert edited.ready_at >= timestamp(edited.changed_at)
    assert gone.changed_at > edited.changed_at


def test_a_config_whose_source_came_and_went_is_recorded_or_a_gap(clock: FakeCluster) -> None:
    """It ran for a minute."""
    clock.remove(MODEL_CONFIG, "gpt")
    look(clock)
    clock.clock.sleep(60)
    clock.add(MODEL_CONFIG, model_config(model="large"), manager="ann")
    reconcile(clock, config_hash="7")
    clock.clock.sleep(60)
    clock.remove(MODEL_CONFIG, "gpt")
    refused(clock)
    past = look(clock)
    assert "large" in models(past) or past.gap, (models(past), past.gap)


def test_a_deletion_that_is_forgotten_is_nobody_s_and_after_what_was_known(clock: FakeCluster) -> None:
    clock.edit(MODEL_CONFIG, "gpt", {"metadata": {"labels": {"a": "b"}}}, manager="bob")
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": tools("a")}}}, manager="ann")
    clock.add(REMOTE_MCP_SERVER, remote("a"))
    look(clock)
    clock.clock.sleep(600)
    at = clock.clock.now
    clock.remove(REMOTE_MCP_SERVER, "a")
    clock.compact()
    *_, before, gone = look(clock).revisions
    assert (gone.gap_before, gone.changed_by) == (True, "")
    assert gone.changed_at >= at
    assert gone.resource_version >= before.resource_version


def test_a_deletion_is_after_what_is_known_by_any_clock(
    clock: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No object has its time: who looks has to say it, and does not know it to the second."""
    look(clock)
    clock.clock.sleep(600)
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "one"}}}, manager="ann")
    clock.remove(MODEL_CONFIG, "gpt")
    monkeypatch.setattr(clock, "now", lambda: clock.clock.now - timedelta(seconds=2))
    *_, edited, gone = look(clock).revisions
    assert gone.changed_at >= edited.changed_at == clock.clock.now


@pytest.mark.parametrize("may_record", [True, False])
def test_an_agent_with_sources_that_are_not_there_takes_few_requests(
    clock: FakeCluster,
    kagent: Kagent,
    *,
    may_record: bool,
) -> None:
    """In a cluster with 50 million writes since it was made; who may not record pays at each look."""
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": tools(*"abcd")}}})
    clock.remove(MODEL_CONFIG, "gpt")
    clock._store._version += 50_000_000
    clock.add(MODEL_CONFIG, model_config("another"))
    clock.compact()
    if not may_record:
        clock.deny("create", CONTROLLER_REVISION)
    clock.requests.clear()
    assert kagent("rollout", "history", "clock")[0] == 0
    assert len(clock.requests) < 50


@pytest.mark.parametrize("seed", range(20))
def test_authors_and_times_of_changes_and_deletions_at_random(clock: FakeCluster, seed: int) -> None:
    """A change is its author's at its time; a deletion is nobody's, and not before it was."""
    draw = random.Random(seed)
    for name in "ab":
        clock.add(REMOTE_MCP_SERVER, remote(name))
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": tools("a", "b")}}})
    known = len(look(clock).revisions)
    there, truth = {"gpt", "a", "b"}, []
    for step in range(draw.randint(1, 10)):
        clock.clock.sleep(draw.choice([1, 5, 60]))
        who, what = (
            draw.choice(["ann", "bob", "zoe"]),
            draw.choice(["prompt", "gpt", "a", "b", "del", "status"]),
        )
        if what == "status":
            refused(clock)
            continue
        if what == "prompt":
            clock.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": f"{step}"}}}, manager=who)
        elif what == "del" and there:
            name, who = draw.choice(sorted(there)), ""
            there.discard(name)
            clock.remove(MODEL_CONFIG if name == "gpt" else REMOTE_MCP_SERVER, name)
        elif what in there:
            field = {"model": f"{step}"} if what == "gpt" else {"url": f"http://{step}"}
            resource = MODEL_CONFIG if what == "gpt" else REMOTE_MCP_SERVER
            clock.edit(resource, what, {"spec": field}, manager=who)
        else:
            continue
        truth.append((who, clock.clock.now))
    found = look(clock).revisions[known:]
    assert [revision.changed_by for revision in found] == [who for who, _ in truth]
    for revision, (who, at) in zip(found, truth, strict=True):
        same = revision.changed_at == at if who else revision.changed_at >= at
        assert same, (revision.number, who, timestamp(revision.changed_at), timestamp(at))
