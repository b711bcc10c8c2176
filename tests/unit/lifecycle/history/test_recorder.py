"""The recorder: whom a change concerns, when it tries again, and that two of them come to the same list."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.cluster import side_by_side
from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.errors import Forbidden, NotFound, OtherServerError, Unreachable
from kubectl_kagent.lifecycle.history import recorder
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.recorder import LOOKS_AT_ONCE, WATCHED, Recorded, Recorder
from kubectl_kagent.lifecycle.history.remembered import Remembered
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    REMOTE_MCP_SERVER,
    SERVICE,
    Resource,
)
from kubectl_kagent.model.revision import Revision
from tests.fake.cluster import FakeCluster
from tests.objects import agent, byo, config_map, mcp_server, model_config, reconcile, workload

Object = dict[str, Any]


class Watcher:
    """A recorder that gets every event since its last turn, as the feed would give it."""

    def __init__(self, cluster: FakeCluster, manager: str = "recorder", reads: Any = None) -> None:
        self.cluster = cluster
        self.said: list[str] = []
        self.recorded: list[Recorded] = []
        self.recorder = Recorder(reads or cluster, manager, self.said.append)
        self._since = dict.fromkeys(WATCHED, "0")

    def events(self) -> Iterator[Changed]:
        for resource in WATCHED:
            for event in self.cluster.watch(resource, None, self._since[resource], seconds=0):
                self._since[resource] = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield Changed(resource, event["object"], event["type"] == "DELETED")

    def turn(self, *, after: float = 1) -> list[str]:
        """``after`` seconds note what happened and look at what is due; what was recorded, in words."""
        self.cluster.clock.sleep(after)
        for change in self.events():
            self.recorder.note(change)
        found = list(self.recorder.record_due())
        self.recorded += found
        return [f"{item.workload.name} {item.revision.number}: {item.change}" for item in found]

    def marked(self) -> list[str]:
        """The workloads that what happened since the last turn marks as due."""
        watched = self.recorder._watched
        for key in watched.copy():
            watched._queue.drop(key)
        for change in self.events():
            self.recorder.note(change)
        due = (key for key in watched.copy() if watched._queue.due(key) is not None)
        return sorted(f"{key[0].singular}/{key[2]}" for key in due)


@pytest.fixture
def watcher(cluster: FakeCluster) -> Watcher:
    return Watcher(cluster)


def tool(kind: str, name: str) -> Object:
    return {"type": "McpServer", "mcpServer": {"kind": kind, "name": name, "toolNames": ["a"]}}


def prompt(cluster: FakeCluster, text: str, name: str = "clock") -> None:
    cluster.edit(AGENT, name, {"spec": {"declarative": {"systemMessage": text}}})


# Whom a change concerns


@pytest.fixture
def world(cluster: FakeCluster, watcher: Watcher) -> FakeCluster:
    """Two agents with a source of each kind, one with none, and a server; all seen once."""
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    tools = [tool("RemoteMCPServer", "remote"), tool("MCPServer", "datetime"), tool("Service", "plain")]
    for name in ("one", "two"):
        cluster.add(AGENT, agent(name, tools=tools, systemMessageFrom=source))
    cluster.add(AGENT, byo("bare"))
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(CONFIG_MAP, config_map("prompts", used="a", spare="b"))
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "remote"}, "spec": {"url": "http://a"}})
    cluster.add(SERVICE, {"metadata": {"name": "plain"}, "spec": {"ports": [{"port": 80}]}})
    for name in ("one", "bare"):
        reconcile(cluster, name, config_hash="1")
    reconcile(cluster, "datetime", config_hash="1", resource=MCP_SERVER)
    watcher.marked()
    return cluster


USERS = ["agent/one", "agent/two"]


@pytest.mark.parametrize(
    ("resource", "name", "patch", "due"),
    [
        (AGENT, "one", {"spec": {"description": "x"}}, ["agent/one"]),
        (AGENT, "bare", {"metadata": {"labels": {"a": "b"}}}, ["agent/bare"]),
        (MCP_SERVER, "datetime", {"spec": {"timeout": "9s"}}, [*USERS, "mcpserver/datetime"]),
        (MODEL_CONFIG, "gpt", {"spec": {"model": "large"}}, USERS),
        (CONFIG_MAP, "prompts", {"data": {"used": "c"}}, USERS),
        (REMOTE_MCP_SERVER, "remote", {"spec": {"url": "http://b"}}, USERS),
        (SERVICE, "plain", {"metadata": {"annotations": {"kagent.dev/mcp-service-path": "/x"}}}, USERS),
        (DEPLOYMENT, "one", {"spec": {"replicas": 3}}, ["agent/one"]),
        (DEPLOYMENT, "datetime", {"spec": {"replicas": 3}}, ["mcpserver/datetime"]),
    ],
)
def test_a_change_marks_those_that_it_concerns(
    world: FakeCluster, watcher: Watcher, resource: Resource, name: str, patch: Object, due: list[str]
) -> None:
    world.edit(resource, name, patch)
    assert watcher.marked() == due


@pytest.mark.parametrize(
    ("resource", "name", "due"),
    [
        (MODEL_CONFIG, "gpt", USERS),
        (REMOTE_MCP_SERVER, "remote", USERS),
        (MCP_SERVER, "datetime", USERS),
        (DEPLOYMENT, "one", ["agent/one"]),
        (AGENT, "one", []),
    ],
)
def test_so_does_a_deletion(
    world: FakeCluster, watcher: Watcher, resource: Resource, name: str, due: list[str]
) -> None:
    world.remove(resource, name)
    assert watcher.marked() == due


@pytest.mark.parametrize(
    ("resource", "obj"),
    [
        (MODEL_CONFIG, model_config("unused")),
        (CONFIG_MAP, config_map("unused", a="b")),
        (DEPLOYMENT, {"metadata": {"name": "foreign"}, "spec": {}}),
        (MODEL_CONFIG, {**model_config(), "metadata": {"name": "gpt", "namespace": "far"}}),
    ],
)
def test_what_nobody_uses_marks_nobody(
    world: FakeCluster, watcher: Watcher, resource: Resource, obj: Object
) -> None:
    world.add(resource, obj)
    assert watcher.marked() == []


def test_a_new_reference_counts_from_the_edit_that_made_it(world: FakeCluster, watcher: Watcher) -> None:
    world.add(MODEL_CONFIG, model_config("other"))
    world.edit(AGENT, "one", {"spec": {"declarative": {"modelConfig": "other"}}})
    watcher.marked()
    world.edit(MODEL_CONFIG, "other", {"spec": {"model": "x"}})
    assert watcher.marked() == ["agent/one"]
    world.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "x"}})
    assert watcher.marked() == ["agent/two"]


# What it records


def test_each_change_once_with_what_changed(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    cluster.add(AGENT, agent("second"))
    assert watcher.turn() == ["clock 1: first recorded", "second 1: first recorded"]
    prompt(cluster, "x")
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    assert watcher.turn() == [
        "clock 2: prompt",
        "clock 3: modelconfig/gpt model small → large",
        "second 2: modelconfig/gpt model small → large",
    ]
    assert watcher.turn() == []
    assert watcher.said == []
    assert {item.revision.recorded_by for item in watcher.recorded} == {"recorder"}


def test_what_others_recorded_is_not_told_as_its_own(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    history.update(cluster, workload(cluster), manager="somebody")
    assert watcher.turn() == []
    prompt(cluster, "x")
    assert watcher.turn() == ["clock 2: prompt"]


def test_a_deleted_server_changes_the_agents_that_use_it(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(AGENT, agent(modelConfig="", tools=[tool("MCPServer", "datetime")]))
    watcher.turn()
    cluster.remove(MCP_SERVER, "datetime")
    assert watcher.turn() == ["clock 2: mcpserver/datetime deleted"]


def test_a_config_hash_that_comes_later_is_noted_when_it_is_there(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    watcher.turn()
    assert revisions(cluster)[0].config_hash == ""
    reconcile(cluster, config_hash="11")
    watcher.turn()
    assert revisions(cluster)[0].config_hash == "11"


def test_it_looks_again_later_and_later_until_there_is_a_config_hash(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    """A change of a source alone leaves no event when it turns out to change no hash."""
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="11")
    watcher.turn()
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "x"}})
    cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 2})
    looks = []
    for second in range(20):
        cluster.requests.clear()
        watcher.turn()
        looks += [second] if any(request.verb != "watch" for request in cluster.requests) else []
    assert looks == [0, 1, 3, 7, 15]
    assert revisions(cluster)[-1].config_hash == "11"


# Trouble


def fail(cluster: FakeCluster, error: Exception, times: int) -> None:
    def action() -> None:
        if times > 1:
            fail(cluster, error, times - 1)
        raise error

    cluster.before("list", CONTROLLER_REVISION, action)


def test_it_tries_again_later_and_later_and_says_why_once(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    fail(cluster, Unreachable("the connection was refused"), times=9)
    tries, found = [], []
    for second in range(400):
        cluster.requests.clear()
        found += watcher.turn()
        tries += [second] if [request for request in cluster.requests if request.verb != "watch"] else []
        if found:
            break
    assert tries == [sum((1, 2, 4, 8, 16, 32, 60, 60, 60))]  # what is refused is not among the requests
    assert found == ["clock 1: first recorded"]
    assert watcher.said == ["agent.kagent.dev/clock in default: the connection was refused"]


def test_who_makes_trouble_waits_however_often_it_changes(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    fail(cluster, Unreachable("refused"), times=3)
    tried = 0
    for second in range(8):
        prompt(cluster, str(second))
        tried += bool(watcher.turn())
    assert (tried, len(watcher.said)) == (1, 1)  # after 1, 2 and 4 seconds


def test_another_reason_is_said_and_so_is_the_same_one_after_a_success(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    fail(cluster, Unreachable("refused"), times=1)
    watcher.turn()
    fail(cluster, Unreachable("no answer"), times=1)
    watcher.turn()
    watcher.turn(after=2)
    for text in ("x", "y"):
        prompt(cluster, text)
        fail(cluster, Unreachable("refused"), times=1)
        watcher.turn(after=60)
        watcher.turn()
    reasons = [line.rpartition(": ")[2] for line in watcher.said]
    assert reasons == ["refused", "no answer", "refused", "refused"]


def test_one_that_can_not_be_recorded_does_not_hold_up_the_others(
    cluster: FakeCluster, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "AT_ONCE", 1)  # the first that is created is the big one
    cluster.add(AGENT, agent("big", modelConfig=""))
    cluster.add(AGENT, agent("small", modelConfig=""))

    def refuse() -> None:
        raise OtherServerError("500", "etcdserver: request is too large")

    cluster.before("create", CONTROLLER_REVISION, refuse)
    assert watcher.turn() == ["small 1: first recorded"]
    assert watcher.said == [
        "agent.kagent.dev/big in default: the live config is not recorded: etcdserver: request is too large"
    ]
    assert watcher.turn() == ["big 1: first recorded"]


@pytest.mark.parametrize("verb", ["list", "create"])
def test_a_missing_permission_ends_it(cluster: FakeCluster, watcher: Watcher, verb: str) -> None:
    """A recorder that may not record must not look like one that does."""
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.deny(verb, CONTROLLER_REVISION)
    with pytest.raises(Forbidden, match=f'cannot {verb} resource "controllerrevisions"'):
        watcher.turn()


def test_so_does_one_that_is_missed_only_later(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.deny("patch", CONTROLLER_REVISION)
    watcher.turn()
    reconcile(cluster, config_hash="1")
    with pytest.raises(Forbidden, match='cannot patch resource "controllerrevisions"'):
        watcher.turn()


def test_a_source_that_may_not_be_read_is_said_and_the_others_go_on(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    cluster.add(AGENT, agent("closed", modelConfig="", tools=[tool("RemoteMCPServer", "remote")]))
    cluster.add(AGENT, agent("open", modelConfig=""))
    cluster.deny("list", REMOTE_MCP_SERVER)
    assert watcher.turn() == ["open 1: first recorded"]
    assert watcher.turn() == []
    (line,) = watcher.said
    assert line.startswith("agent.kagent.dev/closed in default: remotemcpservers.kagent.dev is forbidden")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("items"),
        ValueError("Exceeds the limit (4300 digits)"),
        RecursionError("too deep"),
        TypeError("no"),
    ],
)
def test_whatever_one_of_them_breaks_is_said_and_the_others_go_on(
    cluster: FakeCluster, watcher: Watcher, error: Exception
) -> None:
    cluster.add(AGENT, agent("broken", modelConfig=""))
    cluster.add(AGENT, agent("fine", modelConfig=""))
    fail(cluster, error, times=1)
    assert watcher.turn() == ["fine 1: first recorded"]
    words = f"{type(error).__name__}: {error}"
    assert watcher.said == [f"agent.kagent.dev/broken in default: {words}"]
    assert watcher.turn() == ["broken 1: first recorded"]


def test_not_found_is_trouble_too_unless_it_is_the_workload_itself(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    """A name in a spec may lead anywhere, also to where nothing is."""
    cluster.add(AGENT, agent(modelConfig="", tools=[tool("RemoteMCPServer", "odd")]))

    def lost() -> None:
        raise NotFound("the server could not find the requested resource")

    cluster.before("list", REMOTE_MCP_SERVER, lost)
    assert watcher.turn() == []
    (line,) = watcher.said
    assert line == "agent.kagent.dev/clock in default: the server could not find the requested resource"
    assert watcher.turn() == ["clock 1: first recorded"]


@pytest.mark.parametrize(
    "message",
    [
        'controllerrevisions.apps "agent-full-r1" is forbidden: exceeded quota: few, requested: '
        "count/controllerrevisions.apps=1, used: count/controllerrevisions.apps=9, limited: 9",
        'controllerrevisions.apps "agent-full-r1" is forbidden: unable to create new content in namespace '
        "team because it is being terminated",
        'admission webhook "policy" denied the request: no',
    ],
)
def test_what_one_namespace_forbids_is_not_the_end(
    cluster: FakeCluster, watcher: Watcher, message: str
) -> None:
    """A quota, a namespace on its way out, an admission policy: all of them answer Forbidden."""

    def refuse() -> None:
        raise Forbidden(message)

    cluster.add(AGENT, {**agent("full", modelConfig=""), "metadata": {"name": "full", "namespace": "team"}})
    cluster.add(AGENT, agent("fine", modelConfig=""))
    cluster.before("create", CONTROLLER_REVISION, refuse)
    cluster.before("create", CONTROLLER_REVISION, refuse)
    assert watcher.turn() == []
    assert sorted(watcher.turn()) == ["fine 1: first recorded", "full 1: first recorded"]
    assert sorted(watcher.said) == [
        f"agent.kagent.dev/{name}: the live config is not recorded: {message}"
        for name in ("fine in default", "full in team")
    ]


def test_numbers_without_end_in_annotations_are_none(cluster: FakeCluster, watcher: Watcher) -> None:
    huge = agent("huge", modelConfig="")
    huge["metadata"]["annotations"] = {"kubectl-kagent/revision-history-limit": "9" * 5000}
    cluster.add(AGENT, huge)
    assert watcher.turn() == ["huge 1: first recorded"]
    rollback = {"metadata": {"annotations": {"kubectl-kagent/rollback-of": "9" * 5000}}}
    cluster.edit(CONTROLLER_REVISION, "agent-huge-r1", rollback)
    prompt(cluster, "x", "huge")
    assert watcher.turn() == ["huge 2: prompt"]
    assert watcher.said == []


def test_namespaces_take_turns(cluster: FakeCluster, watcher: Watcher) -> None:
    """Who changes a hundred agents all the time does not hold up another with one."""
    for number in range(20):
        obj = agent(f"hot-{number:02}", modelConfig="")
        cluster.add(AGENT, {**obj, "metadata": {**obj["metadata"], "namespace": "a-noisy"}})
    cluster.add(AGENT, {**agent(modelConfig=""), "metadata": {"name": "clock", "namespace": "z-quiet"}})
    assert watcher.turn()[:2] in (
        ["hot-00 1: first recorded", "clock 1: first recorded"],
        ["clock 1: first recorded", "hot-00 1: first recorded"],
    )


def test_however_often_one_changes_it_waits_once(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent("busy", modelConfig=""))
    watcher.turn()
    room = len(watcher.recorder._watched._queue._later)
    for number in range(100):
        prompt(cluster, str(number), "busy")
        for change in watcher.events():
            watcher.recorder.note(replace(change, at=clock.monotonic()))
    assert len(watcher.recorder._watched._queue._later) <= room + 1


def test_news_do_not_wait_for_all_that_was_listed(cluster: FakeCluster, watcher: Watcher) -> None:
    for number in range(100):
        cluster.add(AGENT, agent(f"agent-{number:02}", modelConfig=""))
    now = cluster.clock.monotonic()
    for change in watcher.events():
        watcher.recorder.note(replace(change, at=now, listed=True))
    prompt(cluster, "x", "agent-99")
    for change in watcher.events():
        watcher.recorder.note(replace(change, at=now))
    due = watcher.recorder.record_due()
    assert "agent-99" in [next(due).workload.name for _ in range(2)]


def test_a_turn_ends_after_some_seconds_for_the_changes_that_came_meanwhile(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    for number in range(LOOKS_AT_ONCE + 1):
        cluster.add(AGENT, agent(f"slow-{number}", modelConfig=""))
    cluster.before("create", CONTROLLER_REVISION, lambda: cluster.clock.sleep(6))
    assert len(watcher.turn()) == LOOKS_AT_ONCE
    assert len(watcher.turn()) == 1


@pytest.mark.parametrize("recorded", [True, False])
def test_one_that_is_made_anew_is_not_taken_for_the_old_one(
    cluster: FakeCluster, watcher: Watcher, *, recorded: bool
) -> None:
    """Deleted, collected, made anew and recorded by another before the event comes."""
    cluster.add(AGENT, agent(modelConfig=""))
    if recorded:
        watcher.turn()
    else:
        for change in watcher.events():
            watcher.recorder.note(change)
    for item in cluster.read_all(CONTROLLER_REVISION):
        cluster.remove(CONTROLLER_REVISION, item["metadata"]["name"])
    cluster.remove(AGENT, "clock")
    cluster.add(AGENT, agent(modelConfig="", systemMessage="new"))
    theirs = history.update(cluster, workload(cluster), manager="verb").revisions
    watcher.recorder._watched.wake_all()
    cluster.requests.clear()
    assert list(watcher.recorder.record_due()) == []
    assert len(cluster.requests) < 10
    assert cluster.writes == []
    assert watcher.turn() == []
    prompt(cluster, "newer")
    assert watcher.turn() == ["clock 2: prompt"]
    assert revisions(cluster)[0] == theirs[0]
    assert watcher.said == []


def test_what_was_left_out_is_said_once(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    watcher.turn()
    cluster.edit(
        CONTROLLER_REVISION, "agent-clock-r1", {"metadata": {"labels": {"kubectl-kagent/hash": None}}}
    )
    for text in ("a", "b"):
        prompt(cluster, text)
        watcher.turn()
    left_out = "controllerrevision.apps/agent-clock-r1 holds no revision of ours; it is left out"
    assert watcher.said.count(f"agent.kagent.dev/clock in default: {left_out}") == 1


def test_a_deleted_workload_is_forgotten(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    watcher.turn()
    prompt(cluster, "x")
    cluster.remove(AGENT, "clock")
    assert watcher.turn() == []
    cluster.requests.clear()
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    assert watcher.turn(after=5) == []
    assert {request.verb for request in cluster.requests} == {"watch"}
    assert watcher.said == []


def test_one_that_is_deleted_while_it_is_looked_at_is_no_trouble(
    cluster: FakeCluster, watcher: Watcher
) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.before("list", AGENT, lambda: cluster.remove(AGENT, "clock"))
    assert watcher.turn() == []
    assert watcher.turn() == []
    assert watcher.said == []


def test_a_new_one_of_an_old_name_starts_over(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    prompt(cluster, "x")
    watcher.turn()
    cluster.remove(AGENT, "clock")
    cluster.add(AGENT, agent(modelConfig=""))
    assert watcher.turn() == ["clock 1: first recorded"]


# Its loop


def test_run_waits_for_changes_and_tells_what_it_recorded(cluster: FakeCluster, watcher: Watcher) -> None:
    class Given:
        """A feed that gives what there is, and then ends the test."""

        is_whole = False

        def __init__(self) -> None:
            self.waits: list[float] = []
            self.given = list(watcher.events())

        def next(self, timeout: float) -> Changed | None:
            if self.given:
                return self.given.pop(0)
            if timeout == 0:
                return None
            self.waits.append(timeout)
            if len(self.waits) == 3:
                raise KeyboardInterrupt
            cluster.clock.sleep(min(timeout, 0.75))
            return None

    cluster.add(AGENT, agent(modelConfig=""))
    feed, found = Given(), []
    with pytest.raises(KeyboardInterrupt):
        found += (item.change for item in watcher.recorder.run(feed))  # type: ignore[arg-type]
    assert found == ["first recorded"]
    assert feed.waits == [1.0, 0.25, 1.0]  # an agent without a config hash is looked at each second


class Full:
    """A feed with changes in its queue, that ends the test when it has to wait for more."""

    def __init__(self, changes: Iterable[Changed]) -> None:
        self.is_whole = True
        self.queue = list(changes)

    def next(self, timeout: float) -> Changed | None:
        if self.queue:
            return self.queue.pop(0)
        if timeout:
            raise KeyboardInterrupt
        return None


def test_none_of_thousands_of_changes_is_lost(cluster: FakeCluster, watcher: Watcher) -> None:
    for number in range(1003):
        cluster.add(AGENT, agent(f"agent-{number}", modelConfig=""))
    with pytest.raises(KeyboardInterrupt):
        list(watcher.recorder.run(Full(watcher.events())))  # type: ignore[arg-type]
    assert len(watcher.recorder.memory().tallies) == 1003


def test_a_feed_that_became_whole_after_its_queue_was_empty_is_not_trusted_yet(
    cluster: FakeCluster, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last list may have come in between."""
    trusted: list[bool] = []
    monkeypatch.setattr(Remembered, "trust", lambda _, whole: trusted.append(whole))  # and so not anew

    class Late(Full):
        is_whole = False  # type: ignore[assignment]

        def next(self, timeout: float) -> Changed | None:
            found = super().next(timeout if trusted else 0)
            self.is_whole = True
            return found

    cluster.add(AGENT, agent(modelConfig=""))
    feed = Late(watcher.events())
    feed.is_whole = False
    with pytest.raises(KeyboardInterrupt):
        list(watcher.recorder.run(feed))  # type: ignore[arg-type]
    assert trusted == [False]


class Breaking(Full):
    """A feed whose watches break a few times, when what is read aside has come."""

    def __init__(self, cluster: FakeCluster, watcher: Watcher) -> None:
        super().__init__(watcher.events())
        self.cluster, self.recorder = cluster, watcher.recorder
        self.to_come = [True, False, True, False, True]

    def next(self, timeout: float) -> Changed | None:
        if self.queue or not timeout or not self.to_come:
            return super().next(timeout)
        assert self.recorder._loading is not None
        self.recorder._loading.join()
        self.cluster.clock.sleep(timeout)
        self.is_whole = self.to_come.pop(0)
        return None


@pytest.mark.parametrize("failures", [0, 1])
def test_all_revisions_are_read_once_however_often_a_watch_breaks(
    cluster: FakeCluster, watcher: Watcher, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    read, pages = list[Resource](), cluster.pages

    def counted(resource: Resource, *where: Any, **how: Any) -> Iterator[Object]:
        read.append(resource)
        if len(read) <= failures:
            raise Unreachable("the API server", "for a moment")
        yield from pages(resource, *where, **how)

    monkeypatch.setattr(cluster, "pages", counted)
    cluster.add(AGENT, agent(modelConfig=""))
    with pytest.raises(KeyboardInterrupt):
        list(watcher.recorder.run(Breaking(cluster, watcher)))  # type: ignore[arg-type]
    assert read == [CONTROLLER_REVISION] * (1 + failures)


class Starting:
    """A feed of which each kind is listed a while after the start, and that ends the test after some time."""

    def __init__(self, cluster: FakeCluster, changes: Iterable[Changed], *, whole_after: float) -> None:
        self.clock = cluster.clock
        self.began = cluster.clock.monotonic()
        self.whole_after = whole_after
        self.queue = [replace(change, at=self.began, listed=True) for change in changes]

    @property
    def is_whole(self) -> bool:
        return self.clock.monotonic() - self.began >= self.whole_after

    def next(self, timeout: float) -> Changed | None:
        if self.queue:
            return self.queue.pop(0)
        if timeout and self.clock.monotonic() - self.began > 60:
            raise KeyboardInterrupt
        self.clock.sleep(timeout)
        return None


@pytest.fixture
def _patient(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here time goes by."""
    monkeypatch.setattr(recorder, "START_SECONDS", 30.0)


def started(cluster: FakeCluster, watcher: Watcher, whole_after: float) -> tuple[float, list[str]]:
    """After how many seconds the first revision was there, and whose came in which order."""
    feed = Starting(cluster, watcher.events(), whole_after=whole_after)
    began, found = cluster.clock.monotonic(), list[tuple[float, str]]()
    with pytest.raises(KeyboardInterrupt):
        found += (
            (cluster.clock.monotonic() - began, item.workload.name)
            for item in watcher.recorder.run(feed)  # type: ignore[arg-type]
        )
    return found[0][0], [name for _, name in found]


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize(
    ("whole_after", "first"),
    [(4.0, (4.8, 5.2)), (1000.0, (30.0, 30.2))],
    ids=["the lists come", "a kind can not be listed"],
)
def test_at_its_start_it_looks_at_nothing_before_all_is_there(
    cluster: FakeCluster, watcher: Watcher, whole_after: float, first: tuple[float, float]
) -> None:
    """What is on its way costs requests, of which there would be several for each workload."""
    cluster.add(AGENT, agent(modelConfig=""))
    seconds, found = started(cluster, watcher, whole_after)
    assert found == ["clock"]
    assert first[0] <= seconds <= first[1]


@pytest.mark.usefixtures("_patient")
def test_what_changed_last_is_the_first_to_be_looked_at_after_a_start(
    cluster: FakeCluster, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what happened while no recorder was there."""
    monkeypatch.setattr(recorder, "LOOKS_AT_ONCE", 1)
    for number in range(5):
        cluster.add(AGENT, agent(f"agent-{number}", modelConfig=""))
    for number in (3, 1):
        prompt(cluster, "x", f"agent-{number}")
    _, found = started(cluster, watcher, 2.0)
    assert list(dict.fromkeys(found)) == ["agent-1", "agent-3", "agent-4", "agent-2", "agent-0"]


def test_it_is_alive_while_it_looks_at_many(
    cluster: FakeCluster, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look may take as long as some requests that nobody answers."""
    alive: list[bool] = []

    def slow() -> None:
        cluster.clock.sleep(200)
        alive.append(watcher.recorder.is_alive)

    monkeypatch.setattr(side_by_side, "AT_ONCE", 1)
    for number in range(4):
        cluster.add(AGENT, agent(f"agent-{number}", modelConfig=""))
        cluster.before("create", CONTROLLER_REVISION, slow, nth=number + 1)
    assert len(watcher.turn()) == 4
    assert alive == [True] * 4


# Two at once


class Turnstile:
    """Lets several threads take single steps, in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._go: dict[int, threading.Semaphore] = {}
        self._waiting = threading.Semaphore(0)
        self._errors: list[BaseException] = []

    def is_worker(self, thread: int) -> bool:
        return thread in self._go

    def step(self, thread: int = 0) -> None:
        """Wait for the next turn of this thread, or of the worker that started it."""
        go = self._go[thread or threading.get_ident()]
        self._waiting.release()
        go.acquire()

    def run(self, *workers: Callable[[], None]) -> None:
        threads = [threading.Thread(target=self._work, args=(worker,)) for worker in workers]
        alive = list(threads)
        for thread in threads:
            thread.start()
            self._waiting.acquire()
        while alive:
            chosen = self._random.choice(alive)
            self._go[chosen.ident or 0].release()
            self._waiting.acquire()
            alive = [thread for thread in alive if self._go.get(thread.ident or 0)]
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _work(self, worker: Callable[[], None]) -> None:
        self._go[threading.get_ident()] = threading.Semaphore(0)
        self.step()
        try:
            worker()
        except BaseException as error:
            self._errors.append(error)
        del self._go[threading.get_ident()]
        self._waiting.release()


class Stepping:
    """The cluster of one worker, with a turn before each request: those side by side come one by one."""

    def __init__(self, cluster: FakeCluster, turnstile: Turnstile) -> None:
        self._cluster = cluster
        self._turnstile = turnstile
        self._worker = 0
        self._one_by_one = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._cluster, name)

        def request(*args: Any, **kwargs: Any) -> Any:
            with self._one_by_one:
                if self._turnstile.is_worker(threading.get_ident()):
                    self._worker = threading.get_ident()
                self._turnstile.step(self._worker)
                return method(*args, **kwargs)

        return request


def revisions(cluster: FakeCluster, name: str = "clock") -> list[Revision]:
    return history.revisions_of(cluster, workload(cluster, name))


def config(revision: Revision) -> tuple[str, str]:
    content: Any = revision.sources[0].content
    return revision.spec["declarative"]["systemMessage"], content["spec"]["model"]


EDITS = (("prompt", "b"), ("model", "large"), ("prompt", "a"), ("model", "small"), ("prompt", "c"))


def edit(cluster: FakeCluster, what: str, value: str) -> None:
    if what == "prompt":
        prompt(cluster, value)
    else:
        cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": value}})


@pytest.mark.parametrize("first_seed", range(0, 200, 50))
def test_two_recorders_in_any_order_come_to_one_list_without_holes(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 50):
        interleaved(seed)


def interleaved(seed: int) -> None:
    cluster = FakeCluster()
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent(systemMessage="a"))
    turnstile = Turnstile(seed)
    watchers = [Watcher(cluster, manager, Stepping(cluster, turnstile)) for manager in ("left", "right")]

    def edits() -> None:
        for what, value in EDITS:
            turnstile.step()
            edit(cluster, what, value)

    def records(watcher: Watcher) -> Callable[[], None]:
        return lambda: [watcher.turn() for _ in range(4)] and None

    turnstile.run(edits, *map(records, watchers))
    turnstile.run(*map(records, watchers))
    found = revisions(cluster)
    expected = [
        ("a", "small"),
        ("b", "small"),
        ("b", "large"),
        ("a", "large"),
        ("a", "small"),
        ("c", "small"),
    ]
    assert [config(revision) for revision in found] == expected, seed
    assert [revision.number for revision in found] == [1, 2, 3, 4, 5, 6], seed
    assert [revision.rollback_of for revision in found] == [None, None, None, None, 1, None], seed
    assert not any(revision.gap_before for revision in found), seed
    told = sorted(item.revision.number for watcher in watchers for item in watcher.recorded)
    assert told == [1, 2, 3, 4, 5, 6], seed
    assert [watcher.said for watcher in watchers] == [[], []], seed


def test_the_log_tells_that_a_key_changed_and_not_what_it_is() -> None:
    cluster = FakeCluster()
    cluster.add(MODEL_CONFIG, model_config())
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"defaultHeaders": {"x-api-key": "hunter2-OLD"}}})
    cluster.add(AGENT, agent())
    reconcile(cluster, "clock", config_hash="1")
    watcher = Watcher(cluster)
    watcher.turn()
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"defaultHeaders": {"x-api-key": "hunter2-NEW"}}})
    assert watcher.turn() == [
        "clock 2: modelconfig/gpt defaultHeaders.x-api-key [masked] (before) → [masked] (after)"
    ]


# What it tells of itself


CLOCK = (AGENT, "default", "clock")


def test_a_change_waits_until_it_is_looked_at(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    for change in watcher.events():
        watcher.recorder.note(replace(change, at=cluster.clock.monotonic()))
    cluster.clock.sleep(7)
    prompt(cluster, "x")
    for change in watcher.events():
        watcher.recorder.note(replace(change, at=cluster.clock.monotonic()))
    cluster.clock.sleep(2)
    assert watcher.recorder.memory().lag == 9
    assert len(list(watcher.recorder.record_due())) == 2
    assert watcher.recorder.memory().lag == 0


def test_what_is_only_given_again_does_not_wait(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    for change in watcher.events():
        assert change.at is None
        watcher.recorder.note(change)
    cluster.clock.sleep(7)
    assert watcher.recorder.memory().lag == 0


def test_who_makes_trouble_is_told_and_lets_no_change_wait(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.add(AGENT, agent("fine", modelConfig=""))
    fail(cluster, Unreachable("refused"), times=1)
    watcher.turn()
    prompt(cluster, "x")
    for change in watcher.events():
        watcher.recorder.note(replace(change, at=cluster.clock.monotonic()))
    cluster.clock.sleep(0.5)
    told = watcher.recorder.memory()
    assert (told.troubled, told.lag) == ({CLOCK}, 0)
    watcher.turn(after=60)
    assert watcher.recorder.memory().troubled == frozenset()


def test_it_is_alive_as_long_as_it_gets_on(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.clock.sleep(299)
    assert watcher.recorder.is_alive
    cluster.clock.sleep(1)
    assert not watcher.recorder.is_alive
    watcher.turn()
    assert watcher.recorder.is_alive


def gap(cluster: FakeCluster, watcher: Watcher, name: str) -> None:
    """Two changes, of which the API server remembers the second only."""
    for text in ("x", "y"):
        prompt(cluster, text, name)
    events = list(watcher.events())
    cluster.compact()
    for change in events:
        watcher.recorder.note(change)
    assert [item.revision.gap_before for item in watcher.recorder.record_due()] == [True]


def test_a_gap_is_counted_also_when_its_workload_is_gone(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    cluster.add(AGENT, agent("second", modelConfig=""))
    watcher.turn()
    gap(cluster, watcher, "clock")
    told = watcher.recorder.memory()
    assert (told.gaps, told.tallies[CLOCK].gaps, told.tallies[CLOCK].changes["prompt"]) == (1, 1, 1)
    cluster.remove(AGENT, "clock")
    watcher.turn()
    gap(cluster, watcher, "second")
    told = watcher.recorder.memory()
    assert ([key[2] for key in told.tallies], told.gaps) == (["second"], 2)


def test_another_one_of_that_name_begins_anew(cluster: FakeCluster, watcher: Watcher) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    watcher.turn()
    prompt(cluster, "x")
    watcher.turn()
    assert watcher.recorder.memory().tallies[CLOCK].changes["prompt"] == 1
    cluster.remove(AGENT, "clock")
    cluster.add(AGENT, agent(modelConfig=""))
    watcher.turn()
    tally = watcher.recorder.memory().tallies[CLOCK]
    assert (tally.live, tally.changes["first"], tally.changes["prompt"]) == (1, 1, 0)


def test_two_recorders_count_the_same_whoever_recorded(cluster: FakeCluster) -> None:
    left, right = Watcher(cluster, "left"), Watcher(cluster, "right")
    cluster.clock.sleep(1)
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent(systemMessage="a"))
    for first, second in ((left, right), (right, left), (left, right)):
        first.turn()
        second.turn()
        for what, value in EDITS:
            edit(cluster, what, value)
            cluster.clock.sleep(1)
    left.turn()
    right.turn()
    assert left.recorded
    assert right.recorded
    assert left.recorder.memory().tallies == right.recorder.memory().tallies
    tally = left.recorder.memory().tallies[CLOCK]
    assert (tally.live, sum(tally.changes.values())) == (16, 16)


def test_its_memory_may_be_read_while_it_works(cluster: FakeCluster, watcher: Watcher) -> None:
    over = threading.Event()
    errors: list[Exception] = []

    def reads() -> None:
        while not over.is_set():
            try:
                watcher.recorder.memory()
            except Exception as error:
                errors.append(error)

    reader = threading.Thread(target=reads)
    reader.start()
    for number in range(300):
        cluster.add(AGENT, agent(f"agent-{number}", modelConfig=""))
        for change in watcher.events():
            watcher.recorder.note(change)
    over.set()
    reader.join()
    assert errors == []
