"""rollout history --impact and top --by=revision: the turns of each revision, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.errors import Forbidden
from kubectl_kagent.model.resources import (
    AGENT,
    CONTROLLER_REVISION,
    MCP_SERVER,
    MODEL_CONFIG,
    REPLICA_SET,
    SERVICE,
)
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster, Object
from tests.fake.controllers import Controllers, Story
from tests.fake.prometheus import CountedTurn, CountingPrometheus
from tests.objects import agent, mcp_server, model_config
from tests.unit.commands.test_top import TopCluster

IMPACT = ("rollout", "history", "agent/clock", "--impact")
PROMETHEUS = "Prometheus (observe/prometheus:9090)"
FROM = f"from {PROMETHEUS}\n"
RECORDS = "from the kagent controller's records of user admin@kagent.dev\n"
HOUR = 3600


class CountingCluster(TopCluster):
    """With a Prometheus that counts turns in whatever window is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.prometheus = CountingPrometheus()

    def called(self, method: str, namespace: str, service: str, path: str, body: Any = None) -> Object:
        if namespace == "observe" and self.says is None:
            return self.prometheus.answer(path)
        return super().called(method, namespace, service, path, body)

    def turn(self, name: str = "clock", **facts: Any) -> None:
        """A turn that ends now."""
        self.prometheus.turns.append(CountedTurn(name, self.clock.now.timestamp(), **facts))

    def replica_set(
        self, name: str, config_hash: str, *, pods: int = 0, ready: int = 0, of: str = "clock"
    ) -> None:
        metadata = {"name": name, "labels": {"app": "kagent", "kagent": of}}
        template = {
            "metadata": {"annotations": {"kagent.dev/config-hash": config_hash}},
            "spec": {"containers": [{"name": "kagent", "image": "app:0"}]},
        }
        body = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": metadata,
            "spec": {"template": template},
        }
        self.add(REPLICA_SET, body | {"status": {"replicas": pods, "readyReplicas": ready}})


@pytest.fixture
def world(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> CountingCluster:
    world = CountingCluster()
    monkeypatch.setattr(clock, "now", world.clock)
    monkeypatch.setattr(clock, "sleep", world.clock.sleep)
    world.install_prometheus()
    world.remove(AGENT, "datetime-agent")
    return world


@pytest.fixture
def story(world: CountingCluster) -> Story:
    """Revision 1 for two hours, 2 (a prompt) for one, 3 (a model) now; 1 had 3 turns, 2 had 30, 3 has 2."""
    found = Story(world, Controllers(world))
    found.add(MODEL_CONFIG, model_config())
    found.add(AGENT, agent(deployment={"replicas": 1}))
    world.replica_set("clock-1", found.hash())
    found.look()
    for seconds in (0.4, 0.8, 4):
        world.clock.sleep(40 * 60)
        world.turn(seconds=seconds, prompt=100, output=10)
    found.prompt("Guess.")
    world.replica_set("clock-2", found.hash())
    for number in range(30):
        world.clock.sleep(120)
        world.turn(seconds=9, failed=number % 10 == 0, prompt=2000, output=500)
    found.model("large")
    world.replica_set("clock-3", found.hash(), pods=1, ready=1)
    for _ in range(2):
        world.clock.sleep(60)
        world.turn(seconds=40, model="large", prompt=50, output=5)
    world.prometheus.prices = {("small", "input"): 0.00001, ("small", "output"): 0.00004}
    return found


# From Prometheus


def test_the_turns_of_each_revision(
    story: Story, world: CountingCluster, kagent: Kagent, screen: Screen
) -> None:
    code, out, err = kagent(*IMPACT, cluster=world)
    assert (code, err) == (0, f"Warning: {PROMETHEUS}: there is no price of large\n{FROM}")
    screen("impact", out)
    code, out, _ = kagent(*IMPACT, "-o", "wide", cluster=world)
    assert code == 0
    screen("impact-wide", out)


def test_for_programs(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    code, out, _ = kagent(*IMPACT, "-o", "json", cluster=world)
    found = json.loads(out)
    second, third = found["revisions"][1:]
    assert (code, found | {"revisions": len(found["revisions"])}) == (
        0,
        {
            "object": "agent.kagent.dev/clock",
            "source": PROMETHEUS,
            "gaps": [f"{PROMETHEUS}: there is no price of large"],
            "revisions": 3,
        },
    )
    assert second == {
        "revision": 2,
        "configHash": world.read_all(REPLICA_SET)[1]["spec"]["template"]["metadata"]["annotations"][
            "kagent.dev/config-hash"
        ],
        "changedAt": "2026-11-23T10:01:00Z",
        "readyAt": "2026-11-23T10:01:00Z",
        "change": "prompt",
        "changeCause": None,
        "rollbackOf": None,
        "gapBefore": False,
        "start": "2026-11-23T10:01:00Z",
        "end": "2026-11-23T11:02:00Z",
        "seconds": 3660.0,
        "whole": True,
        "turns": 30,
        "errors": 3,
        "p50Seconds": pytest.approx(7.5),
        "p95Seconds": pytest.approx(9.75),
        "toolCalls": 30,
        "tokens": {"prompt": 60000, "output": 15000},
        "costUsd": pytest.approx(1.2),
    }
    facts = ("start", "end", "seconds", "turns", "tokens", "costUsd", "p95Seconds", "p95IsMore")
    assert {fact: third[fact] for fact in facts} == {
        "start": "2026-11-23T11:02:00Z",
        "end": None,
        "seconds": 120.0,
        "turns": 2,
        "tokens": {"prompt": 100, "output": 10},
        "costUsd": None,
        "p95Seconds": 30.0,
        "p95IsMore": True,
    }
    path = "jsonpath={.revisions[*].turns}"
    assert kagent(*IMPACT, "-o", path, cluster=world)[1] == "3 30 2"


def test_each_turn_counts_for_one_revision(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    """Windows that touch: what ended in the second of a change is not counted twice, or never."""
    story.prompt("And now?")
    world.turn()
    for second in range(3):
        world.clock.sleep(0.5)
        world.turn(failed=bool(second))
    out = kagent(*IMPACT, "-o", "json", cluster=world)[1]
    assert sum(row["turns"] for row in json.loads(out)["revisions"]) == len(world.prometheus.turns) == 39


def test_other_agents_are_not_asked_for(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    world.turn("clock-two", prompt=1)
    world.turn(namespace="other", prompt=1)
    assert kagent(*IMPACT, "-o", "jsonpath={.revisions[*].turns}", cluster=world)[1] == "3 30 2"
    queries = [query for query, _ in world.prometheus.queries if "[" in query and "group" not in query]
    assert queries
    assert all('="clock"}' in query or '=~"clock|clock"}' in query for query in queries)


def test_the_queries_of_tokens_and_prices(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    kagent(*IMPACT, "--since=1m", cluster=world)
    tokens = 'kagent_model_tokens_total{gen_ai_agent_name="clock"}'
    last = f"last_over_time({tokens}[60000ms])"
    grown = (
        f"((({last} - (last_over_time({tokens}[1h] offset 60000ms) or 0 * {last})) >= 0 or {last}) "
        f"unless resets({tokens}[60000ms]) > 0 or increase({tokens}[60000ms]))"
    )
    by = "k8s_namespace_name, gen_ai_agent_name, gen_ai_request_model, gen_ai_token_type"
    now = world.clock.now.timestamp()
    asked = world.prometheus.queries
    assert asked[0] == ("max by (model, type) (kagent:price_usd_per_token)", now)
    assert (f"sum by ({by}) {grown}", now) in asked
    assert len(asked) == 5  # and calls, durations, whether there was anything before: one window, one price


def test_since_begins_in_the_midst_of_a_revision(
    story: Story, world: CountingCluster, kagent: Kagent
) -> None:
    code, out, _ = kagent(*IMPACT, "--since=12m", cluster=world)
    assert (code, out) == (
        0,
        "agent.kagent.dev/clock\n"
        "REVISION   FROM                   FOR   TURNS   ERRORS   P95     TOKENS/TURN   COST      CHANGE\n"
        "2          2026-11-23T10:52:00Z   10m   5       0        ~9.8s   2500          $0.2000   prompt\n"
        "3*         2026-11-23T11:02:00Z   2m    2       0        >30s    55            -         "
        "modelconfig/gpt model small → large\n",
    )


def test_a_time_before_the_first_sample_is_not_zero(
    story: Story, world: CountingCluster, kagent: Kagent
) -> None:
    world.prometheus.begins = world.clock.now.timestamp() - 1800
    code, out, err = kagent(*IMPACT, cluster=world)
    cells = [line.split()[:6] for line in out.splitlines()[2:]]
    assert (code, [row[3:5] for row in cells]) == (0, [["-", "-"], ["14", "1"], ["2", "0"]])
    assert err == (
        f"Warning: {PROMETHEUS}: there is no price of large\n"
        f"Warning: {PROMETHEUS}: nothing from the time of revision 1 of default/clock\n"
        f"Warning: {PROMETHEUS}: nothing yet at the start of revision 2 of default/clock; turns may be "
        f"missing\n{FROM}"
    )
    rows = json.loads(kagent(*IMPACT, "-o", "json", cluster=world)[1])["revisions"]
    assert [(row["turns"], row["errors"], row["whole"]) for row in rows] == [
        (None, None, False),
        (14, 1, False),
        (2, 0, True),
    ]


def test_no_turns_at_all_in_a_time_that_was_seen(
    story: Story, world: CountingCluster, kagent: Kagent
) -> None:
    world.prometheus.turns = world.prometheus.turns[:3]
    out = kagent(*IMPACT, cluster=world)[1]
    assert [line.split()[3:8] for line in out.splitlines()[3:]] == [["0", "0", "-", "-", "-"]] * 2


def test_turns_that_count_twice_are_told(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    server = {"name": "time", "toolNames": ["get_date"], "requireApproval": ["get_date"]}
    spec = {"declarative": {"tools": [{"type": "McpServer", "mcpServer": server}]}}
    world.edit(AGENT, "clock", {"spec": spec})
    err = kagent(*IMPACT, cluster=world)[2]
    assert "Warning: turns with calls that wait for a person (get_date) count twice, before and after" in err


# What history does not tell


def test_a_rollout_that_is_stuck(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    """What answers is the revision before, and nobody learns how the new one would do."""
    story.controllers.stopped = True
    story.edit(AGENT, "clock", {"declarative": {"systemMessage": "Never ready."}})
    world.clock.sleep(HOUR)
    world.turn()
    code, out, err = kagent(*IMPACT, cluster=world)
    assert (code, [line.split()[:4] for line in out.splitlines()[4:]]) == (
        0,
        [["3", "2026-11-23T11:02:00Z", "63m", "3"], ["4*", "-", "-", "-"]],
    )
    assert err.splitlines()[0] == (
        "Warning: revision 4 of default/clock: none of its pods was seen ready; turns since "
        "2026-11-23T11:05:00Z count for revision 3"
    )


def test_a_rollback_has_a_row_of_its_own(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    """Though the old ReplicaSet runs again."""
    story.edit(MODEL_CONFIG, "gpt", {"model": "small"})
    world.clock.sleep(60)
    world.turn()
    out = kagent(*IMPACT, cluster=world)[1]
    assert [line.split()[:4] for line in out.splitlines()[3:]] == [
        ["2", "2026-11-23T10:01:00Z", "61m", "30"],
        ["3", "2026-11-23T11:02:00Z", "3m", "2"],
        ["4*", "2026-11-23T11:05:00Z", "60s", "1"],
    ]
    assert "same as 2: model" in out.splitlines()[-1]


def test_changes_that_nobody_saw(story: Story, world: CountingCluster, kagent: Kagent) -> None:
    for text in ("unseen", "unseen either"):
        world.clock.sleep(60)
        world.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}})
    world.compact()
    story.prompt("seen")
    _, out, err = kagent(*IMPACT, cluster=world)
    assert out.splitlines()[5].split() == [*["..."] * 8, "changes", "in", "between", "were", "not", "seen"]
    assert (
        "Warning: revision 3 of default/clock: changes after it were not seen; its turns may be other" in err
    )


# From the records


@pytest.fixture
def recorded(world: CountingCluster) -> Story:
    """Agent datetime-agent, whose recorded turns began at 01:03:57 and 01:09:33; changed at 01:06."""
    world.clock.now = clock.now().replace(hour=0)
    world.remove(SERVICE, "prometheus", namespace="observe")
    found = Story(world, Controllers(world))
    found.add(MODEL_CONFIG, model_config())
    found.add(AGENT, agent("datetime-agent", deployment={"replicas": 1}))
    found.look("datetime-agent")
    world.clock.sleep(1800)
    found.prompt("Before anybody asked.", "datetime-agent")
    world.clock.sleep(34 * 60)
    found.prompt("Guess.", "datetime-agent")
    world.clock.sleep(HOUR)
    return found


OF_RECORDS = ("rollout", "history", "datetime-agent", "--impact")


def test_from_the_records(recorded: Story, world: CountingCluster, kagent: Kagent) -> None:
    assert kagent(*OF_RECORDS, cluster=world) == (
        0,
        "agent.kagent.dev/datetime-agent\n"
        "REVISION   FROM                   FOR   TURNS   ERRORS   P95      TOKENS/TURN   COST   CHANGE\n"
        "1          2026-11-23T00:00:00Z   31m   -       -        -        -             -      "
        "first recorded\n"
        "2          2026-11-23T00:31:00Z   35m   1       0        ~162ms   98            -      prompt\n"
        "3*         2026-11-23T01:06:00Z   60m   1       0        ~110ms   98            -      prompt\n",
        "Warning: the records: nothing from the time of revision 1 of default/datetime-agent\n" + RECORDS,
    )


def test_none_asks_only_the_records(recorded: Story, world: CountingCluster, kagent: Kagent) -> None:
    world.install_prometheus()
    code, _, err = kagent(*OF_RECORDS, "--prometheus=none", cluster=world)
    assert (code, err.endswith(RECORDS), world.prometheus.queries) == (0, True, [])


def test_a_prometheus_without_turns_is_followed_by_the_records(
    recorded: Story, world: CountingCluster, kagent: Kagent
) -> None:
    world.install_prometheus()
    code, _, err = kagent(*OF_RECORDS, cluster=world)
    assert code == 0
    assert err == (
        f"nothing in {PROMETHEUS}\n"
        "Warning: the records: nothing from the time of revision 1 of default/datetime-agent\n" + RECORDS
    )
    world.says = Forbidden("services is forbidden")
    code, _, err = kagent(*OF_RECORDS, cluster=world)
    assert (code, err.splitlines()[0]) == (
        0,
        f"Warning: {PROMETHEUS} can't be asked: services is forbidden",
    )


def test_no_turns_anywhere(recorded: Story, world: CountingCluster, kagent: Kagent) -> None:
    world.sessions.clear()
    code, out, err = kagent(*OF_RECORDS, cluster=world)
    assert (code, [line.split()[3] for line in out.splitlines()[2:]], err) == (
        0,
        ["-", "-", "-"],
        "no turns in the kagent controller's records of user admin@kagent.dev\n",
    )


# What makes no sense


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["agent/clock", "--since=1h"], "error: --since goes with --impact\n"),
        (["agent/clock", "--prometheus=none"], "error: --prometheus goes with --impact\n"),
        (["agent/clock", "--tenant=blue"], "error: --tenant goes with --impact\n"),
        (["agent/clock", "--impact", "--since=0"], "error: --since must be at least 1s\n"),
        (
            ["agent/clock", "--impact", "--revision=2"],
            "error: only one of --impact and --revision may be used\n",
        ),
        (
            ["mcpserver/datetime", "--impact"],
            "error: --impact is of agents: an MCP server has no turns\n",
        ),
    ],
)
def test_what_makes_no_sense(world: CountingCluster, kagent: Kagent, words: list[str], said: str) -> None:
    world.add(MCP_SERVER, mcp_server())
    world.requests.clear()
    code, out, err = kagent("rollout", "history", *words, cluster=world)
    assert (code, out, err, world.requests) == (2, "", said, [])


# All agents


@pytest.fixture
def several(story: Story, world: CountingCluster) -> Story:
    """Beside clock an agent that nobody recorded, and one of another namespace; an hour later."""
    for name, namespace in (("new", "default"), ("far", "team-a")):
        made = agent(name)
        world.add(AGENT, made | {"metadata": made["metadata"] | {"namespace": namespace}})
    world.replica_set("new-1", "77", of="new")
    world.clock.sleep(600)
    world.turn("new", seconds=0.2)
    return story


def test_top_by_revision(several: Story, world: CountingCluster, kagent: Kagent, screen: Screen) -> None:
    world.requests.clear()
    code, out, err = kagent("top", "--by=revision", "--since=30m", cluster=world)
    assert (code, err) == (0, f"Warning: {PROMETHEUS}: there is no price of large\n{FROM}")
    screen("top-by-revision", out)
    assert world.writes == []
    words = ("top", "--by=revision", "-A", "--sort-by=turns", "-o", "wide")
    code, out, err = kagent(*words, cluster=world)
    assert (code, err.splitlines()[0]) == (
        0,
        "Warning: no revision and no ReplicaSet is known of team-a/far",
    )
    screen("top-by-revision-wide", out)


def test_top_by_revision_for_programs(several: Story, world: CountingCluster, kagent: Kagent) -> None:
    code, out, _ = kagent("top", "--by=revision", "--since=30m", "-o", "json", cluster=world)
    found = json.loads(out)
    head = {"kind": "agents", "source": PROMETHEUS, "seconds": 1800.0}
    assert (code, {key: found[key] for key in head}) == (0, head)
    keys = ("namespace", "agent", "revision", "start", "end", "turns")
    assert [tuple(row[key] for key in keys) for row in found["items"]] == [
        ("default", "clock", 2, "2026-11-23T10:44:00Z", "2026-11-23T11:02:00Z", 9),
        ("default", "clock", 3, "2026-11-23T11:02:00Z", None, 2),
        ("default", "new", None, "2026-11-23T11:04:00Z", None, 1),
    ]


def test_agents_that_did_not_change_share_their_window(world: CountingCluster, kagent: Kagent) -> None:
    """As many queries for many agents as for one."""
    asked: list[int] = []
    for number in range(20):
        world.add(AGENT, agent(f"agent-{number}"))
        world.replica_set(f"agent-{number}-1", "1", of=f"agent-{number}")
        if number in (1, 19):
            world.clock.sleep(2 * HOUR)
            world.prometheus.queries.clear()
            world.requests.clear()
            kagent("top", "--by=revision", cluster=world)
            asked.append(len(world.prometheus.queries) + len(world.requests))
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["tools", "--by=revision"],
            "error: --by=revision is of agents: tools have no revisions of their own\n",
        ),
        (
            ["--by=revision", "--sort-by=rate"],
            'error: there is no column "rate"\nhint: one of NAME, REVISION,',
        ),
        (["--by=model"], "error: invalid value for '--by'"),
    ],
)
def test_top_by_what_makes_no_sense(
    world: CountingCluster, kagent: Kagent, words: list[str], said: str
) -> None:
    code, out, err = kagent("top", *words, cluster=world)
    assert (code, out, world.requests) == (2, "", [])
    assert err.startswith(said)


def test_top_by_revision_of_nothing(world: CountingCluster, kagent: Kagent) -> None:
    assert kagent("top", "--by=revision", cluster=world)[:2] == (0, "")
    assert kagent("top", "--by=revision", cluster=world)[2].endswith("No agents found in namespace default\n")


def test_revisions_may_be_hidden(several: Story, world: CountingCluster, kagent: Kagent) -> None:
    world.deny("list", CONTROLLER_REVISION)
    code, out, err = kagent("top", "--by=revision", cluster=world)
    assert (code, out) == (6, "")
    assert "controllerrevisions.apps is forbidden" in err
