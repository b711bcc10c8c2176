"""The feed of changed objects: it mends itself, and does not look whole when it is blind to a kind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_kagent.cluster.feed import REFUSED_SECONDS, Changed, Feed
from kubectl_kagent.errors import Expired, Forbidden, OtherServerError, Unauthorized, Unreachable
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, MODEL_CONFIG, Resource
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server, model_config

PATIENCE = 10.0  # only a test that fails waits as long


class Follower:
    """A feed with everything that it said and gave."""

    def __init__(
        self,
        cluster: FakeCluster,
        *resources: Resource,
        namespace: str | None = "default",
        retry: float = 0.001,
    ) -> None:
        self.said: list[str] = []
        self._cluster = cluster
        others = set(threading.enumerate())
        self.feed = Feed(
            cluster, namespace, resources, say=self.said.append, lost=self.said.append, retry=retry
        )
        self._threads = set(threading.enumerate()) - others

    def ended(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def take(self, count: int) -> list[tuple[str, str]]:
        """The next changes, each with its kind of event."""
        return [self._shown(self.change()) for _ in range(count)]

    def change(self) -> Changed:
        found = self.feed.next(timeout=PATIENCE)
        assert found is not None, f"nothing came; it said {self.said}"
        return found

    @staticmethod
    def _shown(change: Changed) -> tuple[str, str]:
        return change.obj["metadata"]["name"], "gone" if change.gone else "here"

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"it said {self.said}"
            time.sleep(0.001)

    def close(self) -> None:
        self.feed.close()
        self._cluster.end_watches()


Follow = Callable[..., Follower]


@pytest.fixture
def follow(cluster: FakeCluster) -> Iterator[Follow]:
    """Start a follower on the cluster; at the end its threads are gone."""
    before = set(threading.enumerate())
    followers: list[Follower] = []

    def start(*resources: Resource, namespace: str | None = "default") -> Follower:
        followers.append(Follower(cluster, *(resources or (AGENT,)), namespace=namespace))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive(), thread


def watched(cluster: FakeCluster, times: int = 1, resource: Resource = AGENT) -> Callable[[], bool]:
    """Whether so many watches on it were opened."""
    return lambda: [(r.verb, r.resource) for r in cluster.requests].count(("watch", resource)) >= times


def fail(cluster: FakeCluster, verb: str, resource: Resource, error: Exception, times: int = 1) -> None:
    """Let the next ``times`` such requests fail."""

    def action() -> None:
        if times > 1:
            fail(cluster, verb, resource, error, times - 1)
        raise error

    cluster.before(verb, resource, action)


AWAY = Unreachable("the connection was refused")
SAID = "the connection was refused"


# What it gives


def test_what_is_there_and_then_what_happens(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent("old"))
    follower = follow()
    assert follower.take(1) == [("old", "here")]
    cluster.add(AGENT, agent("new"))
    cluster.edit(AGENT, "old", {"spec": {"description": "x"}})
    cluster.remove(AGENT, "new")
    assert follower.take(3) == [("new", "here"), ("old", "here"), ("new", "gone")]
    assert follower.feed.next(timeout=0) is None


def test_each_kind_with_its_resource_and_the_whole_object(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent())
    cluster.add(MODEL_CONFIG, model_config())
    follower = follow(AGENT, MODEL_CONFIG)
    found = {change.resource: change.obj["spec"] for change in (follower.change(), follower.change())}
    assert found == {AGENT: agent()["spec"], MODEL_CONFIG: model_config()["spec"]}


def test_one_namespace_or_all(cluster: FakeCluster, follow: Follow) -> None:
    far = {**agent("far"), "metadata": {"name": "far", "namespace": "elsewhere"}}
    cluster.add(AGENT, far)
    cluster.add(AGENT, agent("near"))
    assert follow().take(1) == [("near", "here")]
    assert sorted(follow(namespace=None).take(2)) == [("far", "here"), ("near", "here")]


# Breaks


def test_where_a_watch_ends_the_next_one_goes_on(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent())
    follower = follow()
    follower.take(1)
    follower.until(watched(cluster))
    cluster.before("watch", AGENT, lambda: cluster.add(AGENT, agent("between")))
    cluster.end_watches()
    assert follower.take(1) == [("between", "here")]
    cluster.add(AGENT, agent("new"))
    assert follower.take(1) == [("new", "here")]
    assert [request.verb for request in cluster.requests] == ["list", "watch", "watch"]
    assert follower.said == []


def test_a_watch_that_gave_nothing_goes_on_from_its_bookmark(cluster: FakeCluster, follow: Follow) -> None:
    """The API server does not remember for ever what a kind without changes was listed at."""
    follower = follow()
    follower.until(watched(cluster))
    cluster.add(MODEL_CONFIG, model_config())
    cluster.end_watches()
    follower.until(watched(cluster, 2))
    cluster.compact()
    cluster.end_watches()
    follower.until(watched(cluster, 3))
    assert [request.verb for request in cluster.requests] == ["list", "watch", "watch", "watch"]


def test_watches_that_end_at_once_are_not_opened_without_a_pause(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    follower = Follower(cluster, AGENT, retry=600)
    follower.take(1)
    follower.until(watched(cluster))
    cluster.end_watches()
    assert follower.feed.next(timeout=0.2) is None
    follower.close()
    follower.until(follower.ended)


def test_a_version_that_is_forgotten_is_looked_up_anew(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent())
    fail(cluster, "watch", AGENT, Expired("too old resource version: 2 (7)"))
    follower = follow()
    assert follower.take(2) == [("clock", "here")] * 2
    follower.until(watched(cluster))
    cluster.edit(AGENT, "clock", {"spec": {"description": "x"}})
    assert follower.take(1) == [("clock", "here")]
    assert follower.said == []


def test_what_happened_between_list_and_watch_is_not_lost(cluster: FakeCluster, follow: Follow) -> None:
    cluster.before("watch", AGENT, lambda: cluster.add(AGENT, agent("quick")))
    assert follow().take(1) == [("quick", "here")]


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_an_api_server_that_is_away_is_asked_again_and_said_once(
    cluster: FakeCluster, follow: Follow, verb: str
) -> None:
    cluster.add(AGENT, agent())
    fail(cluster, verb, AGENT, AWAY, times=5)
    follower = follow()
    follower.until(watched(cluster))
    assert follower.take(1) == [("clock", "here")]
    asked = [request.verb for request in cluster.requests]
    assert asked == (["list", "watch"] if verb == "list" else ["list"] * 6 + ["watch"])
    assert follower.said == [SAID]


def test_and_said_once_for_all_kinds(cluster: FakeCluster, follow: Follow) -> None:
    for resource in (AGENT, MODEL_CONFIG):
        fail(cluster, "list", resource, AWAY, times=3)
    follower = follow(AGENT, MODEL_CONFIG)
    follower.until(watched(cluster))
    follower.until(watched(cluster, resource=MODEL_CONFIG))
    assert follower.said == [SAID]


def test_a_second_outage_is_said_again(cluster: FakeCluster, follow: Follow) -> None:
    fail(cluster, "list", AGENT, AWAY)
    follower = follow()
    follower.until(watched(cluster))
    fail(cluster, "watch", AGENT, AWAY)
    cluster.end_watches()
    follower.until(watched(cluster, 2))
    assert follower.said == [SAID] * 2


def test_any_other_trouble_is_named_with_its_kind(cluster: FakeCluster, follow: Follow) -> None:
    fail(cluster, "list", AGENT, OtherServerError("InternalError", "etcd is unwell"))
    follower = follow()
    follower.until(watched(cluster))
    assert follower.said == ["watching agents.kagent.dev: etcd is unwell"]


class Odd:
    """A cluster whose first watch gives these events, before what there is to give."""

    def __init__(self, cluster: FakeCluster, *events: Any) -> None:
        self._cluster = cluster
        self._events = list(events)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def watch(self, *where: Any, **how: Any) -> Iterator[Any]:
        while self._events:
            event = self._events.pop(0)
            if isinstance(event, Exception):
                raise event
            yield event
        yield from self._cluster.watch(*where, **how)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, "KeyError: 'type'"),
        ({"type": "ADDED"}, "KeyError: 'object'"),
        ({"type": "ADDED", "object": {}}, "KeyError: 'metadata'"),
        ({"type": "ADDED", "object": {"metadata": {"namespace": "x"}}}, "KeyError: 'name'"),
        ({"type": "MODIFIED", "object": {"metadata": {"name": 7}}}, "TypeError: an object without a name"),
        ({"type": "ADDED", "object": None}, "TypeError: 'NoneType' object is not subscriptable"),
        (["ADDED"], "TypeError: list indices must be integers or slices, not str"),
        (ValueError("code"), "ValueError: code"),
        (
            RecursionError("maximum recursion depth exceeded"),
            "RecursionError: maximum recursion depth exceeded",
        ),
    ],
)
def test_an_event_that_makes_no_sense_is_said_and_the_kind_is_watched_again(
    cluster: FakeCluster, event: Any, words: str
) -> None:
    cluster.add(AGENT, agent())
    follower = Follower(Odd(cluster, event), AGENT)  # type: ignore[arg-type]
    assert follower.take(2) == [("clock", "here")] * 2
    follower.until(watched(cluster))
    cluster.edit(AGENT, "clock", {"spec": {"description": "x"}})
    assert follower.take(1) == [("clock", "here")]
    assert follower.said == [f"watching agents.kagent.dev: an answer that makes no sense ({words})"]
    follower.close()
    follower.until(follower.ended)


# Kinds that can't be watched


def test_a_kind_that_is_not_installed_is_said_once_and_left_out(cluster: FakeCluster, follow: Follow) -> None:
    cluster.missing(MCP_SERVER)
    cluster.add(AGENT, agent())
    follower = follow(AGENT, MCP_SERVER)
    assert follower.take(1) == [("clock", "here")]
    follower.until(lambda: bool(follower.said))
    cluster.add(AGENT, agent("new"))
    assert follower.take(1) == [("new", "here")]
    assert follower.said == [
        "not watching mcpservers.kagent.dev: the server doesn't have a resource type "
        '"mcpservers" in kagent.dev/v1alpha1'
    ]
    asked = [request for request in cluster.requests if request.resource == MCP_SERVER]
    assert len(asked) == 1


def test_credentials_that_stay_refused_are_too(cluster: FakeCluster, follow: Follow) -> None:
    def refuse() -> None:
        cluster.clock.sleep(REFUSED_SECONDS / 2)
        cluster.before("list", AGENT, refuse)
        raise Unauthorized("you must be logged in to the server")

    cluster.before("list", AGENT, refuse)
    follower = follow()
    with pytest.raises(Unauthorized):
        follower.change()
    follower.until(follower.ended)
    assert follower.said == ["you must be logged in to the server"]


def test_credentials_that_count_again_are_no_error(cluster: FakeCluster, follow: Follow) -> None:
    def refuse() -> None:
        cluster.clock.sleep(REFUSED_SECONDS)
        raise Unauthorized("you must be logged in to the server")

    cluster.add(AGENT, agent())
    cluster.before("list", AGENT, refuse)
    follower = follow()
    assert follower.take(1) == [("clock", "here")]
    follower.until(watched(cluster))
    cluster.before("watch", AGENT, refuse)
    cluster.end_watches()
    assert follower.take(1) == [("clock", "here")]


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_forbidden_kind_is_an_error_of_the_reader(cluster: FakeCluster, follow: Follow, verb: str) -> None:
    cluster.deny(verb, MODEL_CONFIG)
    cluster.add(AGENT, agent())
    cluster.add(MCP_SERVER, mcp_server())
    follower = follow(MODEL_CONFIG)
    with pytest.raises(Forbidden, match=f'cannot {verb} resource "modelconfigs"'):
        follower.change()
    asked = [request for request in cluster.requests if request.resource == MODEL_CONFIG]
    assert len(asked) == (1 if verb == "list" else 2)
    assert follower.said == []


def test_after_trouble_it_waits_and_can_be_closed_meanwhile(cluster: FakeCluster) -> None:
    fail(cluster, "list", AGENT, AWAY)
    follower = Follower(cluster, AGENT, retry=600)
    follower.until(lambda: bool(follower.said))
    follower.close()
    follower.until(follower.ended)
    assert cluster.requests == []


def test_a_closed_feed_opens_no_more_watches(cluster: FakeCluster, follow: Follow) -> None:
    follower = follow()
    follower.until(watched(cluster))
    follower.close()
    follower.until(follower.ended)
    assert [request.verb for request in cluster.requests] == ["list", "watch"]


# Since when, and whether it is whole


def test_news_have_their_time_and_what_is_given_again_has_none(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent("old"))
    follower = follow()
    assert follower.change().at == cluster.clock.monotonic()
    cluster.clock.sleep(5)
    cluster.add(AGENT, agent("new"))
    assert follower.change().at == cluster.clock.monotonic()
    follower.until(watched(cluster))
    broken(cluster)
    assert [follower.change().at for _ in range(2)] == [None, None]


def broken(cluster: FakeCluster) -> None:
    """The watch on agents breaks off."""
    fail(cluster, "watch", AGENT, AWAY)
    cluster.end_watches()


def test_what_happened_in_a_break_is_news(cluster: FakeCluster, follow: Follow) -> None:
    cluster.add(AGENT, agent("old"))
    cluster.add(AGENT, agent("edited"))
    follower = follow()
    follower.take(2)
    follower.until(watched(cluster))
    cluster.before("list", AGENT, lambda: cluster.edit(AGENT, "edited", {"spec": {"description": "x"}}))
    broken(cluster)
    again = [follower.change() for _ in range(2)]
    assert {change.obj["metadata"]["name"]: change.at for change in again} == {
        "old": None,
        "edited": cluster.clock.monotonic(),
    }


def test_what_went_away_in_a_break_is_gone(cluster: FakeCluster, follow: Follow) -> None:
    for name in ("old", "removed", "first"):
        cluster.add(AGENT, agent(name))
    follower = follow()
    follower.take(3)
    follower.until(watched(cluster))
    cluster.remove(AGENT, "first")
    follower.take(1)
    cluster.before("list", AGENT, lambda: cluster.remove(AGENT, "removed"))
    broken(cluster)
    assert follower.take(2) == [("old", "here"), ("removed", "gone")]
    follower.until(watched(cluster, 2))
    assert follower.feed.next(timeout=0) is None


def test_of_what_went_away_in_a_break_its_uid_and_last_labels_are_known(
    cluster: FakeCluster, follow: Follow
) -> None:
    cluster.add(AGENT, agent())
    follower = follow()
    uid = follower.change().obj["metadata"]["uid"]
    follower.until(watched(cluster))
    cluster.edit(AGENT, "clock", {"metadata": {"labels": {"team": "red"}}})
    follower.take(1)
    cluster.before("list", AGENT, lambda: cluster.remove(AGENT, "clock"))
    broken(cluster)
    gone = follower.change()
    assert gone.gone
    assert gone.obj["metadata"] == {
        **{"namespace": "default", "name": "clock", "uid": uid, "labels": {"team": "red"}},
        "resourceVersion": gone.obj["metadata"]["resourceVersion"],
    }


def test_what_is_listed_may_have_had_versions_that_were_not_given(
    cluster: FakeCluster, follow: Follow
) -> None:
    cluster.add(AGENT, agent())
    follower = follow()
    assert follower.change().listed
    follower.until(watched(cluster))
    cluster.edit(AGENT, "clock", {"spec": {"description": "x"}})
    assert not follower.change().listed
    broken(cluster)
    assert follower.change().listed


def test_it_is_whole_once_every_kind_is_listed(cluster: FakeCluster, follow: Follow) -> None:
    go = threading.Event()
    cluster.before("list", MODEL_CONFIG, lambda: go.wait(PATIENCE))
    follower = follow(AGENT, MODEL_CONFIG)
    follower.until(watched(cluster))
    assert not follower.feed.is_whole
    go.set()
    follower.until(lambda: follower.feed.is_whole)


def test_a_break_makes_it_less_than_whole_until_it_is_mended(cluster: FakeCluster, follow: Follow) -> None:
    follower = follow(AGENT)
    follower.until(lambda: follower.feed.is_whole)
    follower.until(watched(cluster))
    go = threading.Event()

    cluster.before("list", AGENT, lambda: go.wait(PATIENCE))
    broken(cluster)
    follower.until(lambda: not follower.feed.is_whole)
    go.set()
    follower.until(lambda: follower.feed.is_whole)


def test_it_is_less_than_whole_while_it_lists_what_was_forgotten(
    cluster: FakeCluster, follow: Follow
) -> None:
    go = threading.Event()
    follower = follow(AGENT)
    follower.until(watched(cluster))
    fail(cluster, "watch", AGENT, Expired("too old resource version"))
    cluster.before("list", AGENT, lambda: go.wait(PATIENCE))
    cluster.end_watches()
    follower.until(lambda: not follower.feed.is_whole)
    go.set()
    follower.until(lambda: follower.feed.is_whole)
    assert follower.said == []


def test_lists_that_are_forgotten_at_once_are_not_asked_for_without_a_pause(cluster: FakeCluster) -> None:
    fail(cluster, "watch", AGENT, Expired("too old resource version"))
    follower = Follower(cluster, AGENT, retry=600)
    follower.until(lambda: not follower.feed.is_whole)
    assert follower.feed.next(timeout=0.2) is None
    assert [request.verb for request in cluster.requests] == ["list"]
    follower.close()
    follower.until(follower.ended)


def test_a_kind_that_is_not_installed_is_not_missed(cluster: FakeCluster, follow: Follow) -> None:
    cluster.missing(MCP_SERVER)
    follower = follow(AGENT, MCP_SERVER)
    follower.until(lambda: follower.feed.is_whole)
