"""How many requests a verb sends: what one list answers is asked once, however many objects there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from threading import Barrier
from typing import Any

import pytest

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
    SCALED_OBJECT,
    SERVICE,
)
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.objects import agent, mcp_server, model_config

Object = dict[str, Any]


def sent(cluster: FakeCluster) -> Counter[tuple[str, str]]:
    """Which requests were sent, by verb and kind; those that go side by side have no order."""
    return Counter((request.verb, request.resource.plural) for request in cluster.requests)


def asking(cluster: FakeCluster, kagent: Kagent, *words: str) -> Counter[tuple[str, str]]:
    cluster.requests.clear()
    code, _, err = kagent(*words)
    assert (code, "orbidden" in err) == (0, False), err
    return sent(cluster)


def each(*requests: tuple[str, Any]) -> Counter[tuple[str, str]]:
    return Counter((verb, resource.plural) for verb, resource in requests)


def of_each(verb: str, resources: Iterable[Any], times: int = 1) -> Counter[tuple[str, str]]:
    return Counter({(verb, resource.plural): times for resource in resources})


# One object

_MOMENT = (CONTROLLER_REVISION, AGENT, MODEL_CONFIG, DEPLOYMENT)


def test_undo_looks_at_history_twice_and_at_what_the_controller_made_once(
    story: Story, kagent: Kagent
) -> None:
    """Two looks, the patch, the new revision, a look after the controller's turn, a note of the hash."""
    found = asking(story.cluster, kagent, "rollout", "undo", "agent/clock")
    assert found == (
        of_each("list", _MOMENT, 2)
        + each(("patch", AGENT), ("create", CONTROLLER_REVISION))
        + of_each("list", (AGENT, DEPLOYMENT))
        + each(("patch", CONTROLLER_REVISION))
    )
    assert found.total() == 13


def test_undo_needs_no_other_look_when_a_recorder_was_quicker(story: Story, kagent: Kagent) -> None:
    story.cluster.before("list", CONTROLLER_REVISION, story.look, nth=2)
    found = asking(story.cluster, kagent, "rollout", "undo", "agent/clock")
    assert ("create", "controllerrevisions") in found  # the recorder's
    assert found["patch", "agents"] == 1


def test_undo_waits_with_one_request_a_look(story: Story, controllers: Controllers, kagent: Kagent) -> None:
    """The Deployment counts once the controller says that it has seen the spec."""
    controllers.stopped = True
    ask = story.cluster.before

    def wake() -> None:
        controllers.stopped = False

    ask("list", AGENT, wake, nth=7)
    found = asking(story.cluster, kagent, "rollout", "undo", "agent/clock")
    assert found["list", "agents"] - found["list", "deployments"] == 5
    assert found["list", "deployments"] == 3


def test_undo_with_sources_asks_for_nothing_that_it_has_just_seen(story: Story, kagent: Kagent) -> None:
    """The patch itself says whether a source is still as it was shown."""
    story.model("large")
    found = asking(story.cluster, kagent, "rollout", "undo", "clock", "--to-revision=1", "--with-sources")
    assert found["patch", "agents"] == found["patch", "modelconfigs"] == 2  # tried, then done
    assert not [verb for verb, _ in found if verb == "get"]


def test_of_several_sources_that_differ_the_agents_that_use_them_are_listed_once(
    story: Story, kagent: Kagent
) -> None:
    more = {
        "memory": {"modelConfig": "second"},
        "context": {"compaction": {"summarizer": {"modelConfig": "third"}}},
    }
    for name in ("second", "third"):
        story.add(MODEL_CONFIG, model_config(name))
    story.edit(AGENT, "clock", {"declarative": more})
    for name in ("gpt", "second", "third"):
        story.edit(MODEL_CONFIG, name, {"model": "large"})
    one = asking(
        story.cluster,
        kagent,
        "rollout",
        "undo",
        "clock",
        "--to-revision=3",
        "--with-sources",
        "--dry-run=server",
    )
    assert one["list", "agents"] == 2  # itself, and who else uses them
    assert one["list", "modelconfigs"] == 3  # each by its name, which etcd reads as one key


def test_history_is_read_with_one_list_of_each_kind(story: Story, kagent: Kagent) -> None:
    found = asking(story.cluster, kagent, "rollout", "history", "agent/clock")
    assert found == of_each("list", (REPLICA_SET, *_MOMENT))
    assert found.total() == 5
    assert asking(story.cluster, kagent, "rollout", "diff", "agent/clock") == of_each("list", _MOMENT)


def test_history_asks_for_what_it_begins_with_at_the_same_time(story: Story, kagent: Kagent) -> None:
    under_way = Barrier(3)
    for kind in (REPLICA_SET, CONTROLLER_REVISION, AGENT):
        story.cluster.before("list", kind, lambda: under_way.wait(timeout=10))
    assert kagent("rollout", "history", "agent/clock")[0] == 0


_AROUND = (DEPLOYMENT, MODEL_CONFIG, CONTROLLER_REVISION, HPA, SCALED_OBJECT)


def test_describe_asks_for_each_kind_once(story: Story, kagent: Kagent) -> None:
    found = asking(story.cluster, kagent, "describe", "agent/clock")
    assert found == each(("get", AGENT)) + of_each("list", (*_AROUND, POD, EVENT))


# Several


def tool(kind: str, name: str, namespace: str = "") -> Object:
    server = {"kind": kind, "name": name, "toolNames": ["get_time"]}
    return {"type": "McpServer", "mcpServer": server | ({"namespace": namespace} if namespace else {})}


def populated(cluster: FakeCluster, count: int, *, namespaces: int = 1) -> FakeCluster:
    """So many agents without a count of their own, each with tool servers and a helper of its own."""
    cluster.add(MODEL_CONFIG, model_config())
    controllers = Controllers(cluster)
    for number in range(count):
        namespace = f"team-{number % namespaces}" if namespaces > 1 else "default"
        names = {"remote": f"remote-{number}", "server": f"server-{number}", "web": f"web-{number}"}
        where = {"namespace": namespace}
        tools = [
            tool("RemoteMCPServer", names["remote"]),
            tool("MCPServer", names["server"]),
            tool("Service", names["web"]),
            {"type": "Agent", "agent": {"name": f"helper-{number}"}},
        ]
        cluster.add(
            REMOTE_MCP_SERVER,
            {
                "apiVersion": REMOTE_MCP_SERVER.api_version,
                "kind": "RemoteMCPServer",
                "metadata": {"name": names["remote"], **where},
                "spec": {"url": "http://a"},
                "status": {"discoveredTools": [{"name": "get_time"}]},
            },
        )
        server = mcp_server(names["server"])
        cluster.add(MCP_SERVER, {**server, "metadata": {"name": names["server"], **where}})
        cluster.add(
            SERVICE,
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": names["web"], **where}, "spec": {}},
        )
        for name, more in ((f"clock-{number}", {"tools": tools}), (f"helper-{number}", {})):
            made = agent(name, **more)
            cluster.add(AGENT, {**made, "metadata": {"name": name, **where, "labels": {"all": "of"}}})
    if namespaces == 1:
        controllers.act()
    return cluster


SEVERAL = [
    ("get", "agents"),
    ("get", "agents", "-o", "json"),
    ("describe", "agents", "--all"),
    ("tools", "list"),
    ("tools", "check", "--all"),
    ("logs", "agents", "-l", "all=of"),
    ("scale", "agents", "--all", "--replicas=2", "--dry-run=client"),
    ("hibernate", "agents", "--all", "--dry-run=client"),
    ("wake", "agents", "--all", "--dry-run=client"),
    ("rollout", "restart", "agents", "--all", "--dry-run=client"),
    ("top",),
    ("top", "--by=revision"),
]


@pytest.mark.parametrize("words", SEVERAL, ids=" ".join)
def test_as_many_requests_for_forty_objects_as_for_four(words: tuple[str, ...], kagent: Kagent) -> None:
    few, many = (populated(FakeCluster(), count) for count in (2, 20))
    first, second = (_sent(cluster, kagent, words) for cluster in (few, many))
    assert first == second


@pytest.mark.parametrize(
    "words",
    [
        ("get", "agents", "-A"),
        ("tools", "list", "-A"),
        ("tools", "check", "-A"),
        ("logs", "agents", "-l", "all=of", "-A"),
    ],
    ids=" ".join,
)
def test_as_many_requests_for_two_hundred_namespaces_as_for_two(
    words: tuple[str, ...], kagent: Kagent
) -> None:
    few, many = (populated(FakeCluster(), count, namespaces=count) for count in (2, 200))
    first, second = (_sent(cluster, kagent, words) for cluster in (few, many))
    assert first == second


def test_get_of_all_namespaces_asks_for_each_kind_once(kagent: Kagent) -> None:
    for namespaces in (1, 200):
        cluster = populated(FakeCluster(), namespaces, namespaces=namespaces)
        assert _sent(cluster, kagent, ("get", "agents", "-A")) == of_each("list", (AGENT, *_AROUND))


@pytest.mark.parametrize(
    "words", [("scale", "clock-0", "--replicas=2"), ("hibernate", "clock-0")], ids=" ".join
)
def test_what_is_scaled_and_who_decides_its_count_are_asked_for_at_the_same_time(
    words: tuple[str, ...], kagent: Kagent
) -> None:
    cluster, under_way = populated(FakeCluster(), 1), Barrier(3)
    for verb, kind in (("get", AGENT), ("list", HPA), ("list", SCALED_OBJECT)):
        cluster.before(verb, kind, lambda: under_way.wait(timeout=10))
    assert kagent(*words, cluster=cluster)[0] == 0


def _sent(cluster: FakeCluster, kagent: Kagent, words: tuple[str, ...]) -> Counter[tuple[str, str]]:
    cluster.requests.clear()
    kagent(*words, cluster=cluster)
    assert cluster.requests
    return sent(cluster)


@pytest.mark.parametrize(
    ("words", "writes"),
    [
        (("scale", "agents", "--all", "--replicas=2"), ("patch", "agents")),
        (("hibernate", "agents", "--all"), ("patch", "agents")),
        (("rollout", "restart", "agents", "--all"), ("patch", "deployments")),
    ],
    ids=lambda words: " ".join(words),
)
def test_of_several_only_the_writes_are_one_each(
    words: tuple[str, ...], writes: tuple[str, str], kagent: Kagent
) -> None:
    few, many = (populated(FakeCluster(), count) for count in (2, 20))
    first, second = (_sent(cluster, kagent, words) for cluster in (few, many))
    assert second - first == Counter({writes: 36})


def test_who_may_only_get_is_asked_about_one_by_one(cluster: FakeCluster, kagent: Kagent) -> None:
    """A list of several is a courtesy: roles may name the objects that somebody may read."""
    populated(cluster, 3)
    before = kagent("tools", "check", "--all")
    for resource in (REMOTE_MCP_SERVER, MCP_SERVER):
        cluster.deny("list", resource)
    cluster.requests.clear()
    assert kagent("tools", "check", "--all") == before
    found = sent(cluster)
    assert [found["get", kind.plural] for kind in (REMOTE_MCP_SERVER, MCP_SERVER)] == [3, 3]
