"""--drain of restart, scale, hibernate and undo: first the tasks, then the change, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, MCP_SERVER, POD
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.agent import SESSION, TASK, USER, Agent, row, talking, task
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Story
from tests.loopback import Received, response, serve

WHOSE = f"looking for tasks of user {USER}; other users' are found with --user-id\n"
WAITING = f'Waiting for task {TASK} of agent "echo" ({USER}) to end...\n'
DONE = 'no task of agent "echo" is at work\n'
TASKS = f"/api/sessions/{SESSION}/tasks"
VERBS = {
    "restart": (("rollout", "restart", "agent/echo"), "agent.kagent.dev/echo restarted\n"),
    "scale": (("scale", "agent/echo", "--replicas=1"), "agent.kagent.dev/echo scaled\n"),
    "hibernate": (("hibernate", "agent/echo"), "agent.kagent.dev/echo hibernated\n"),
}


@pytest.fixture
def talk() -> Iterator[Agent]:
    """A controller whose record of agent "echo" is one task at work."""
    session = row(SESSION, "default__NS__echo")
    with talking(data={"/api/sessions": [session], TASKS: [task("working")]}) as agent:
        yield agent


@pytest.fixture
def echo(cluster: FakeCluster) -> str:
    """The agent with two replicas, whose pods have run for an hour."""
    uid: str = cluster.add(AGENT, objects.agent(generation=1, seen=1, replicas=2))["metadata"]["uid"]
    deployment = objects.deployment(generation=1, seen=1, available=2)
    deployment["metadata"]["ownerReferences"][0]["uid"] = uid
    cluster.add(DEPLOYMENT, deployment)
    cluster.add(POD, pod())
    return uid


def pod(started: str = "2026-11-23T07:00:00Z", name: str = "echo-1") -> dict[str, Any]:
    status = {"name": "kagent", "state": {"running": {"startedAt": started}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "kagent", "kagent": "echo"}},
        "spec": {"containers": [{"name": "kagent"}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def ends(talk: Agent, state: str = "completed") -> Callable[[], None]:
    def end() -> None:
        talk.data["/api/sessions"] = [row(SESSION, "default__NS__echo", updated_at="2026-11-23T08:00:03Z")]
        talk.data[TASKS] = [task(state)]

    return end


@pytest.mark.parametrize("verb", VERBS)
def test_the_change_comes_when_no_task_is_at_work(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, verb: str
) -> None:
    words, said = VERBS[verb]
    written: list[int] = []

    def end() -> None:
        written.append(len(cluster.writes))
        ends(talk)()

    cluster.before("list", POD, end, nth=3)
    assert kagent(*words, "--drain", f"--kagent-url={talk.url}") == (0, said, WHOSE + WAITING + DONE)
    assert (written, len(cluster.writes)) == ([0], 1)
    assert cluster.clock().isoformat() == "2026-11-23T08:00:04+00:00"


@pytest.mark.parametrize("verb", VERBS)
def test_what_does_not_end_in_time_leaves_all_as_it_is(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, verb: str
) -> None:
    words, _ = VERBS[verb]
    assert kagent(*words, "--drain", "--timeout=5s", f"--kagent-url={talk.url}") == (
        4,
        "",
        f'{WHOSE}{WAITING}error: timed out after 5s waiting for task {TASK} of agent "echo" ({USER}) to end: '
        f"nothing was changed\nhint: kubectl kagent trace show {TASK} --user-id={USER} shows what it is at\n",
    )
    assert cluster.writes == []
    assert cluster.clock().isoformat() == "2026-11-23T08:00:05+00:00"


@pytest.mark.parametrize("verb", VERBS)
def test_ctrl_c_leaves_all_as_it_is(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, verb: str
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    cluster.before("list", POD, interrupt, nth=2)
    code, out, _ = kagent(*VERBS[verb][0], "--drain", f"--kagent-url={talk.url}")
    assert (code, out, cluster.writes) == (130, "", [])


def test_undo_waits_before_it_records_or_restores_anything(kagent: Kagent, story: Story) -> None:
    cluster = story.cluster
    cluster.add(POD, _of_clock(pod()))
    before = len(cluster.writes)
    session = row(SESSION, "default__NS__clock")
    with talking(data={"/api/sessions": [session], TASKS: [task("working")]}) as talk:
        words = ("rollout", "undo", "agent/clock", "--drain", f"--kagent-url={talk.url}")
        code, out, err = kagent(*words, "--timeout=5s")
        assert (code, out, len(cluster.writes)) == (4, "", before)
        assert err.startswith(
            f'{WHOSE}Waiting for task {TASK} of agent "clock" ({USER}) to end...\nerror: timed out'
        )
        cluster.before("list", POD, ends(talk), nth=2)
        code, out, err = kagent(*words)
    assert (code, out) == (
        0,
        "agent.kagent.dev/clock rolled back to revision 1 (config hash 5368072958217061443 is back, now "
        "revision 3)\n",
    )
    assert 'no task of agent "clock" is at work\n' in err


def test_undo_to_a_revision_that_is_not_there_waits_for_nothing(kagent: Kagent, story: Story) -> None:
    with talking() as talk:
        words = ("rollout", "undo", "agent/clock", "--to-revision=9", "--drain")
        assert kagent(*words, f"--kagent-url={talk.url}")[0] == 1
        assert talk.requests == []


def _of_clock(pod: dict[str, Any]) -> dict[str, Any]:
    pod["metadata"]["labels"]["kagent"] = "clock"
    return pod


@pytest.mark.parametrize(
    "kept",
    [
        [task("input-required")],
        [task("completed"), task("failed")],
        [task("working", timestamp="2026-11-23T06:59:59Z")],  # of a pod that is gone
        [{**task("completed"), "kind": ""}],
    ],
)
def test_what_is_not_at_work(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, kept: list[Any]
) -> None:
    talk.data[TASKS] = kept
    words, said = VERBS["restart"]
    assert kagent(*words, "--drain", f"--kagent-url={talk.url}") == (0, said, WHOSE + DONE)


@pytest.mark.parametrize(
    "kept", [task("submitted"), task("working", timestamp=None), {"kind": "task", "id": TASK, "status": 5}]
)
def test_what_may_be_at_work_is_waited_for(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, kept: Any
) -> None:
    talk.data[TASKS] = [kept]
    code, _, err = kagent(*VERBS["restart"][0], "--drain", "--timeout=1s", f"--kagent-url={talk.url}")
    assert (code, err.startswith(WHOSE + WAITING), cluster.writes) == (4, True, [])


def test_tasks_of_other_users_and_of_several_agents(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    cluster.add(
        AGENT, objects.agent(generation=1, seen=1) | {"metadata": {"name": "b", "namespace": "default"}}
    )
    cluster.add(POD, pod(name="echo-2"))
    talk.others["ann"] = {"/api/sessions": [row("s2", "default__NS__echo")]} | {
        "/api/sessions/s2/tasks": [task("working", id_="t2")]
    }
    words = ("rollout", "restart", "agents", "--all", "--drain", "--timeout=1s", f"--kagent-url={talk.url}")
    code, _, err = kagent(*words, "--user-id=ann", f"--user-id={USER}")
    assert (code, err.splitlines()[:2]) == (
        4,
        [
            f"looking for tasks of users ann, {USER}; other users' are found with --user-id",
            f'Waiting for 2 tasks: t2 of agent "echo" (ann), {TASK} of agent "echo" ({USER}) to end...',
        ],
    )


def test_only_what_changed_is_asked_for_again(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    talk.data["/api/sessions"] += [
        row("idle", "default__NS__echo"),
        row("old", "default__NS__echo", updated_at="2026-11-23T06:00:00Z"),
        row("other", "default__NS__other"),
    ]
    talk.data["/api/sessions/idle/tasks"] = [task("completed")]
    kagent(*VERBS["restart"][0], "--drain", "--timeout=3s", f"--kagent-url={talk.url}")
    asked = [request.path.partition("?")[0] for request in talk.requests]
    assert sorted(asked) == sorted(["/version", *["/api/sessions", TASKS] * 3, "/api/sessions/idle/tasks"])


@pytest.mark.parametrize("version", ["0.9.2", "", "dev"])
def test_where_a_task_does_not_touch_its_session_all_are_asked_for_again(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent, version: str
) -> None:
    """Before kagent 0.9.3 a session's time is when it was made: here before the pods began."""
    talk.version = version
    talk.data["/api/sessions"] = [row(SESSION, "default__NS__echo", updated_at="2026-11-23T06:00:00Z")]
    talk.data[TASKS] = [task("completed")]
    second = "/api/sessions/second/tasks"
    talk.data["/api/sessions"].append(row("second", "default__NS__echo", updated_at="2026-11-23T06:30:00Z"))
    talk.data[second] = [task("working", id_="t2", timestamp=None)]

    def begins() -> None:
        talk.data[TASKS] = [task("working")]
        talk.data[second] = [task("completed", id_="t2")]

    cluster.before("list", POD, begins, nth=2)
    cluster.before("list", POD, ends(talk), nth=3)
    words, said = VERBS["restart"]
    assert kagent(*words, "--drain", f"--kagent-url={talk.url}") == (
        0,
        said,
        f'{WHOSE}Waiting for task t2 of agent "echo" ({USER}) to end...\n{WAITING}{DONE}',
    )


def test_a_session_that_is_gone_has_no_task(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    """Deleted between the list and the question."""
    listed = [{"error": False, "data": talk.data["/api/sessions"]}]
    answer = talk.answer

    def once(received: Received) -> bytes | Iterator[bytes]:
        if received.path.startswith("/api/sessions?") and listed:
            return response(200, listed.pop())
        return answer(received)

    talk.data = {"/api/sessions": []}
    words, said = VERBS["restart"]
    with serve() as server:
        server.answer = once
        assert kagent(*words, "--drain", f"--kagent-url={server.url}") == (0, said, WHOSE + DONE)


def test_a_session_that_is_listed_and_has_no_tasks_to_be_had_is_not_idle(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    del talk.data[TASKS]
    assert kagent(*VERBS["restart"][0], "--drain", f"--kagent-url={talk.url}") == (
        1,
        "",
        f"{WHOSE}error: whether a task of session {SESSION} is at work is not known: the kagent controller "
        f"lists the session, and has no tasks of it for user {USER}\n"
        f"hint: nothing was changed; {TASKS} not found\n",
    )
    assert cluster.writes == []


def test_a_session_whose_tasks_are_to_be_had_a_moment_later(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    """kagent 0.9.0 knows a new session a moment later."""
    answer, refused = talk.answer, [response(404, {"error": "Session not found"})]

    def soon(received: Received) -> bytes | Iterator[bytes]:
        return refused.pop() if TASKS in received.path and refused else answer(received)

    with serve() as server:
        server.answer = soon
        code, _, err = kagent(*VERBS["restart"][0], "--drain", "--timeout=1s", f"--kagent-url={server.url}")
    assert (code, err.startswith(WHOSE + WAITING)) == (4, True)


def test_without_pods_nothing_is_at_work(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    cluster.remove(POD, "echo-1")
    words, said = VERBS["hibernate"]
    assert kagent(*words, "--drain", f"--kagent-url={talk.url}") == (0, said, WHOSE + DONE)


def test_who_may_not_see_pods_waits_for_all_that_is_recorded(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    cluster.deny("list", POD)
    talk.data[TASKS] = [task("working", timestamp="2026-11-23T06:59:59Z")]
    code, _, err = kagent(*VERBS["restart"][0], "--drain", "--timeout=3s", f"--kagent-url={talk.url}")
    assert (code, err.count("Warning: tasks of pods that are gone may be waited for: ")) == (4, 1)


def test_a_controller_that_goes_away_meanwhile(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    def away() -> None:
        if len(refused) < 2:
            cluster.before("list", POD, away)
        else:
            cluster.before("list", POD, ends(talk))
        refused.append(1)
        raise Unreachable("the connection to the server was refused")

    refused: list[int] = []
    cluster.before("list", POD, away, nth=2)
    words, said = VERBS["restart"]
    assert kagent(*words, "--drain", f"--kagent-url={talk.url}") == (
        0,
        said,
        f"{WHOSE}{WAITING}Warning: the connection to the server was refused; trying again\n{DONE}",
    )


def test_scaling_up_or_a_dry_run_waits_for_nothing(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    url = f"--kagent-url={talk.url}"
    dry = ("rollout", "restart", "agent/echo", "--drain", "--dry-run=server", url)
    assert kagent(*dry)[0::2] == (0, "")
    up = kagent("scale", "agent/echo", "--replicas=3", "--drain", url)
    assert up == (0, "agent.kagent.dev/echo scaled\n", "")
    assert talk.requests == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("rollout", "restart", "mcpserver/echo"),
            "error: --drain is of agents: what an MCP server works on is not recorded\n",
        ),
        (
            ("rollout", "restart", "mcpservers", "--all", "--dry-run=client"),
            "error: --drain is of agents: what an MCP server works on is not recorded\n",
        ),
        (
            ("rollout", "undo", "mcpserver/echo", "--wait"),
            "error: --drain is of agents: what an MCP server works on is not recorded\n",
        ),
        (
            ("scale", "mcpserver/echo", "--replicas=0"),
            "error: --drain is of agents: what an MCP server works on is not recorded\n",
        ),
        (
            ("hibernate", "mcpserver/echo"),
            "error: --drain is of agents: what an MCP server works on is not recorded\n",
        ),
        (
            ("scale", "agent/echo", "--release"),
            "error: --drain goes with --replicas\n",
        ),
    ],
)
def test_where_it_makes_no_sense(
    cluster: FakeCluster, kagent: Kagent, words: tuple[str, ...], error: str
) -> None:
    cluster.add(MCP_SERVER, objects.mcp_server())
    assert kagent(*words, "--drain") == (2, "", error)
    assert cluster.requests == []


def test_drained_pods_are_waited_for_only_with_wait(
    cluster: FakeCluster, kagent: Kagent, echo: str, talk: Agent
) -> None:
    ends(talk)()
    words = ("rollout", "restart", "agent/echo", "--drain", "--timeout=1m", f"--kagent-url={talk.url}")
    assert kagent(*words)[2] == WHOSE + DONE
    assert "spec update to be observed" in kagent(*words, "--wait", "--timeout=2s")[2]


def test_the_controllers_own_answer_comes_first(cluster: FakeCluster, kagent: Kagent, echo: str) -> None:
    code, out, err = kagent(*VERBS["hibernate"][0], "--drain", "--kagent-url=http://127.0.0.1:9")
    assert (code, out, cluster.writes) == (5, "", [])
    assert err.startswith(WHOSE + "error: ")
