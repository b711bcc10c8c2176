"""What the watches gave is as good a memory as the API server's, and costs no requests."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubectl_kagent.cluster.feed import Changed
from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history import watched
from kubectl_kagent.lifecycle.history.recorder import WATCHED, Recorded, Recorder
from kubectl_kagent.lifecycle.history.remembered import Remembered
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, MODEL_CONFIG, REMOTE_MCP_SERVER
from tests.fake.cluster import FakeCluster
from tests.objects import agent, model_config, reconcile, workload
from tests.unit.lifecycle.history.test_random_edits import EDITS, Story, config_of


@pytest.fixture(autouse=True)
def _hold(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here time goes by."""
    monkeypatch.setattr(watched, "HOLD_SECONDS", 1.0)


@dataclass
class Late:
    """A recorder whose watches give each event some time after it happened, each kind at its own pace."""

    cluster: FakeCluster
    seed: int = 0
    longest: float = 0.5
    said: list[str] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.recorder = Recorder(self.cluster, "recorder", self.said.append)
        self._since = dict.fromkeys(WATCHED, "0")
        self._coming: dict[Any, deque[tuple[float, Changed]]] = {kind: deque() for kind in WATCHED}
        self._listed = False

    def happened(self) -> None:
        """The events since the last call are on their way."""
        for kind in WATCHED:
            waiting = self._coming[kind]
            arrival = self.cluster.clock.monotonic() + self.random.random() * self.longest
            for event in self.cluster.watch(kind, None, self._since[kind], seconds=0):
                self._since[kind] = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    at = max(arrival, waiting[-1][0] if waiting else 0.0)
                    gone = event["type"] == "DELETED"
                    waiting.append((at, Changed(kind, event["object"], gone, at, listed=not self._listed)))
        self._listed = True

    def wait(self, seconds: float) -> None:
        """Let time go by, in which events come and what is due is looked at."""
        end = self.cluster.clock.monotonic() + seconds
        while self.cluster.clock.monotonic() < end:
            self.cluster.clock.sleep(0.05)
            now = self.cluster.clock.monotonic()
            for waiting in self._coming.values():
                while waiting and waiting[0][0] <= now:
                    self.recorder.note(waiting.popleft()[1])
            self.recorder._remembered.trust(whole=True)
            self.recorded += self.recorder.record_due()


@pytest.mark.parametrize("seed", range(30))
def test_edits_at_random_are_recorded_each_once_and_in_order(cluster: FakeCluster, seed: int) -> None:
    story, late = Story(cluster, seed), Late(cluster, seed)
    late.happened()
    late.wait(3)
    for _ in range(EDITS):
        story.edit()
        if story.random.random() < 0.2:
            story.meddle()
        late.happened()
        late.wait(story.random.choice((0, 0.1, 0.5, 2)))
    cluster._hooks.clear()  # what was to meddle with requests that were not needed
    late.happened()
    late.wait(3)
    revisions = history.update(cluster, workload(cluster), manager="looker").revisions
    assert [config_of(revision) for revision in revisions] == story.told
    assert [revision.number for revision in revisions] == list(range(1, len(story.told) + 1))
    assert late.said == []


def asked(cluster: FakeCluster) -> Counter[tuple[str, str]]:
    return Counter((r.verb, r.resource.plural) for r in cluster.requests if r.verb != "watch")


def test_a_change_costs_two_writes(cluster: FakeCluster) -> None:
    """Its revision, and what shows only once it is rendered."""

    def change(name: str, text: str) -> None:
        cluster.edit(AGENT, name, {"spec": {"declarative": {"systemMessage": text}}})
        late.happened()
        late.wait(1.7)
        reconcile(cluster, name, config_hash=text)
        late.happened()
        late.wait(3)

    cluster.add(MODEL_CONFIG, model_config())
    for number in range(3):
        cluster.add(AGENT, agent(f"agent-{number}"))
        reconcile(cluster, f"agent-{number}", config_hash="1")
    late = Late(cluster)
    late.happened()
    late.wait(3)
    assert len(late.recorded) == 3
    late.happened()
    cluster.compact()  # when the model was written nobody remembers, which is asked once
    change("agent-0", "2")
    cluster.requests.clear()
    change("agent-1", "3")
    assert asked(cluster) == {("create", "controllerrevisions"): 1, ("patch", "controllerrevisions"): 1}
    cluster.requests.clear()
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    late.happened()
    late.wait(1.7)
    assert asked(cluster) == {("create", "controllerrevisions"): 3}
    assert late.said == []


def test_a_change_that_is_told_too_late_is_said_and_recorded(cluster: FakeCluster) -> None:
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    late = Late(cluster, longest=0.0)
    late.happened()
    late.wait(3)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    late.happened()
    models = late._coming[MODEL_CONFIG]
    when, change = models.popleft()
    models.append((when + 2, change))
    late.wait(6)
    assert [item.change for item in late.recorded][1:] == [
        "prompt",
        "modelconfig/gpt model small \u2192 large",
    ]
    assert late.said == [
        "agent.kagent.dev/clock in default: a change of modelconfig.kagent.dev/gpt was told too late: "
        "the revision after it may lack it"
    ]


def test_who_else_records_is_noticed(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    late = Late(cluster)
    late.happened()
    late.wait(3)
    for number in range(3):
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": str(number)}}})
        late.happened()
        history.update(cluster, workload(cluster), manager="rival")
        late.wait(3)
    found = history.revisions_of(cluster, workload(cluster))
    assert [(one.number, one.recorded_by) for one in found][1:] == [(2, "rival"), (3, "rival"), (4, "rival")]
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "mine"}}})
    late.happened()
    late.wait(3)
    assert late.recorded[-1].revision.number == 5
    assert late.said == []


def test_a_revision_that_somebody_deletes_is_noticed(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(modelConfig=""))
    late = Late(cluster)
    late.happened()
    late.wait(3)
    cluster.remove(CONTROLLER_REVISION, "agent-clock-r1")
    reconcile(cluster, config_hash="1")
    late.happened()
    late.wait(3)
    found = history.revisions_of(cluster, workload(cluster))
    assert [(one.number, one.config_hash) for one in found] == [(1, "1")]


@pytest.mark.parametrize(("asked_for", "numbers"), [(False, [1, 3]), (True, [1, 2, 3])])
def test_the_newest_that_somebody_deletes_comes_back_only_when_history_is_asked_for(
    cluster: FakeCluster, *, asked_for: bool, numbers: list[int]
) -> None:
    def change(text: str) -> None:
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}})
        late.happened()
        late.wait(3)

    cluster.add(AGENT, agent(modelConfig=""))
    late = Late(cluster)
    change("second")
    cluster.remove(CONTROLLER_REVISION, "agent-clock-r2")
    late.wait(100)
    if asked_for:
        history.update(cluster, workload(cluster), manager="looker")
    change("third")
    assert [one.number for one in history.revisions_of(cluster, workload(cluster))] == numbers


def test_what_is_not_there_is_known_but_not_of_another_namespace(cluster: FakeCluster) -> None:
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent(modelConfig="missing"))
    cluster.add(REMOTE_MCP_SERVER, {"metadata": {"name": "near"}, "spec": {"url": "http://a"}})
    server = {"kind": "RemoteMCPServer", "name": "tools", "namespace": "elsewhere", "toolNames": ["a"]}
    cluster.add(AGENT, agent("far", tools=[{"type": "McpServer", "mcpServer": server}]))
    late = Late(cluster)
    late.recorder = Recorder(cluster, "recorder", late.said.append, "default")
    late.happened()
    late.wait(3)
    cluster.requests.clear()
    for name in ("clock", "far"):
        cluster.edit(AGENT, name, {"spec": {"declarative": {"systemMessage": "x"}}})
    late.happened()
    late.wait(1.7)
    lists = [(r.resource, r.namespace) for r in cluster.requests if r.verb == "list"]
    assert (MODEL_CONFIG, "default") not in lists
    assert (REMOTE_MCP_SERVER, "elsewhere") in lists


def test_what_was_made_and_deleted_while_it_was_watched_was_not_there_before(cluster: FakeCluster) -> None:
    cluster.add(MODEL_CONFIG, model_config("other"))
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    late = Late(cluster)
    late.happened()
    late.wait(3)
    cluster.requests.clear()
    cluster.add(MODEL_CONFIG, model_config())
    late.happened()
    late.wait(1.7)
    cluster.remove(MODEL_CONFIG, "gpt")
    late.happened()
    late.wait(1.7)
    assert [item.change for item in late.recorded][1:] == [
        "modelconfig/gpt created",
        "modelconfig/gpt deleted",
    ]
    assert asked(cluster) == {("create", "controllerrevisions"): 2}


def test_what_was_given_and_not_noted_yet_is_not_taken_for_unchanged(cluster: FakeCluster) -> None:
    """Thousands of changes come at once, and the older one of another kind is behind them in the queue."""
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    late = Late(cluster, longest=0.0)
    late.happened()
    late.wait(3)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    late.happened()
    (_, model), (_, edited) = late._coming[MODEL_CONFIG].popleft(), late._coming[AGENT].popleft()
    late.recorder.note(edited)
    cluster.clock.sleep(2)
    late.recorded += late.recorder.record_due()
    late.recorder.note(model)
    late.wait(3)
    assert [item.change for item in late.recorded][1:] == [
        "modelconfig/gpt model small \u2192 large",
        "prompt",
    ]
    assert late.said == []


def test_what_comes_while_a_look_takes_long_is_not_settled_meanwhile(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look a second long, and a change in the queue: of what came just before it nothing is certain yet."""
    monkeypatch.setattr("kubectl_kagent.lifecycle.history.recorder.LOOKS_AT_ONCE", 1)
    cluster.add(MODEL_CONFIG, model_config())
    for name in ("first", "clock"):
        cluster.add(AGENT, agent(name))
    late = Late(cluster, longest=0.0)
    late.happened()
    late.wait(10)
    for name in ("first", "clock"):
        cluster.edit(AGENT, name, {"spec": {"description": "due"}})
    late.happened()
    late.wait(0.99)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
    late.happened()
    late.recorder.note(late._coming[AGENT].popleft()[1])
    late.recorder._remembered.trust(whole=True)
    cluster.before("create", CONTROLLER_REVISION, lambda: cluster.clock.sleep(0.9))
    late.wait(6)
    changes = [item.change for item in late.recorded if item.workload.name == "clock"]
    assert changes[-2:] == ["modelconfig/gpt model small \u2192 large", "prompt"]
    assert late.said == []


def test_what_is_gone_or_followed_by_another_version_is_forgotten(cluster: FakeCluster) -> None:
    cluster.add(MODEL_CONFIG, model_config())
    late = Late(cluster)
    late.happened()
    late.wait(1)
    for number in range(3):
        cluster.add(AGENT, agent(f"agent-{number}"))
        late.happened()
        late.wait(2)
        cluster.remove(AGENT, f"agent-{number}")
    for text in map(str, range(50)):
        cluster.edit(MODEL_CONFIG, "gpt", {"metadata": {"annotations": {"a": text}}})
    late.happened()
    late.wait(90)
    remembered = late.recorder._remembered
    assert {key[2]: len(versions) for key, versions in remembered._versions.items()} == {"gpt": 1}
    assert (remembered._revisions, remembered._families) == ({}, {})


def test_revisions_that_are_written_while_all_are_read_are_kept(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is of the moment at which it began; what it lacks would be taken for the next number."""
    for name in ("clock", "other"):
        cluster.add(AGENT, agent(name, modelConfig=""))
        history.update(cluster, workload(cluster, name), manager="before")
    pages, remembered = cluster.pages, Remembered(cluster, None)

    def slow(*where: Any, **how: Any) -> Iterator[dict[str, Any]]:
        yield from pages(*where, **how)
        cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}})
        history.update(remembered, workload(cluster), manager="meanwhile")

    monkeypatch.setattr(cluster, "pages", slow)
    remembered.load_revisions()
    cluster.requests.clear()
    found = {name: history.revisions_of(remembered, workload(cluster, name)) for name in ("clock", "other")}
    assert {name: [one.recorded_by for one in past] for name, past in found.items()} == {
        "clock": ["before", "meanwhile"],
        "other": ["before"],
    }
    assert cluster.requests == []


def test_a_source_that_nobody_can_read_is_noted_like_any_other(cluster: FakeCluster) -> None:
    """Some fields of a ModelConfig may have anything in them."""
    metadata = {"namespace": "default", "name": "gpt", "resourceVersion": "5"}
    deep = {"metadata": metadata, "spec": TooDeep("[]")}
    Remembered(cluster, None).note(Changed(MODEL_CONFIG, deep, gone=False, at=1.0), keep=True)


def test_a_revision_that_nobody_can_read_is_left_out_and_hides_no_other(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write revisions can put anything into one that looks like the newest of an agent."""
    for name in ("clock", "other"):
        cluster.add(AGENT, agent(name, modelConfig=""))
        history.update(cluster, workload(cluster, name), manager="before")
    pages, remembered = cluster.pages, Remembered(cluster, None)

    def deep(*where: Any, **how: Any) -> Iterator[dict[str, Any]]:
        for page in pages(*where, **how):
            for item in page["items"]:
                if item["metadata"]["name"] == "agent-clock-r1":
                    item["data"]["spec"]["more"] = TooDeep("[]")
            yield page

    monkeypatch.setattr(cluster, "pages", deep)
    remembered.load_revisions()
    cluster.requests.clear()
    assert [one.number for one in history.revisions_of(remembered, workload(cluster, "other"))] == [1]
    assert cluster.requests == []
    history.revisions_of(remembered, workload(cluster, "clock"))
    assert [request.verb for request in cluster.requests] == ["list"]  # what is not kept is asked for
