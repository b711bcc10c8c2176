"""rollout status --smoke: what counts as an answer, and what happens without one."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.errors import Expired, Forbidden, KagentError, OtherServerError, Unanswered, Unreachable
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION, DEPLOYMENT, MODEL_CONFIG
from tests import rollout_objects as objects
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.rollout_objects import HASH, Object

SERVICE_URL = ("POST", "default/echo:8080/")
DONE = f'agent "echo" successfully rolled out (config hash {HASH})\n'
ASK = ("rollout", "status", "echo", "--smoke", "what time is it?")


def task(state: str, *, artifact: str = "", message: str = "", **more: Any) -> Object:
    found: Object = {"kind": "task", "id": "t", "status": {"state": state}, "artifacts": [], **more}
    if artifact:
        found["artifacts"] = [{"parts": [{"kind": "data", "data": {}}, {"kind": "text", "text": artifact}]}]
    if message:
        found["status"]["message"] = {"role": "agent", "parts": [{"kind": "text", "text": message}]}
    return found


PART = {"kind": "text", "text": "The user asks for the time."}


def message(*texts: str) -> Object:
    return {"kind": "message", "role": "agent", "parts": [{"kind": "text", "text": text} for text in texts]}


NEW_WIRE = {
    "task": {
        "id": "t",
        "status": {"state": "TASK_STATE_COMPLETED"},
        "artifacts": [{"artifactId": "a", "parts": [{"text": "It is noon."}]}],
    }
}
HISTORY = [
    {"role": "user", "messageId": "1", "parts": [{"kind": "text", "text": "what time is it?"}]},
    {"role": "agent", "messageId": "2", "parts": [{"kind": "text", "text": "It is noon."}]},
]


@pytest.fixture
def echo(cluster: FakeCluster) -> FakeCluster:
    """An agent that is rolled out."""
    created = cluster.add(AGENT, objects.agent(generation=1, seen=1))
    deployment = objects.deployment(generation=1, seen=1, available=1)
    deployment["metadata"]["ownerReferences"][0]["uid"] = created["metadata"]["uid"]
    cluster.add(DEPLOYMENT, deployment)
    return cluster


def answers(cluster: FakeCluster, result: Any) -> None:
    cluster.services[SERVICE_URL] = {"jsonrpc": "2.0", "result": result}


@pytest.mark.parametrize(
    "result",
    [
        task("completed", artifact="It is noon.\nSharp."),
        task("completed", message="It is noon."),
        task("completed", history=HISTORY),
        message("\n", "It is noon."),
        NEW_WIRE,
        {"message": {"role": "ROLE_AGENT", "parts": [{"text": "It is noon."}]}},
    ],
    ids=["artifact", "status", "history", "message", "wire 1.0 task", "wire 1.0 message"],
)
def test_an_answer(echo: FakeCluster, kagent: Kagent, result: Object) -> None:
    answers(echo, result)
    assert kagent(*ASK) == (0, f"{DONE}smoke test answered: It is noon.\n", "")


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (task("failed", message="Error code: 429\nmore"), "the task is failed: Error code: 429"),
        (task("input-required"), "the task is input-required"),
        (task("working"), "the task is working"),
        ({"task": {"id": "t", "status": {"state": "TASK_STATE_FAILED"}}}, "the task is failed"),
        (task("completed"), "the answer is empty"),
        (task("completed", artifact="\n \n"), "the answer is empty"),
        (task("completed", artifacts=None), "the answer is empty"),
        (task("completed", artifacts=[None]), "the answer is empty"),
        (task("completed", artifacts=[{"parts": ["hello"]}]), "the answer is empty"),
        (task("completed", artifacts=[{"parts": [{"kind": "text"}]}]), "the answer is empty"),
        (message(), "the answer is empty"),
        (message(" "), "the answer is empty"),
        (message("\u200b\ufeff \u00ad\ufe0f\u034f\u2800\u3164"), "the answer is empty"),
        (message("It is noon.") | {"role": "user"}, "the reply is a message of the user's"),
        (
            {"message": {"role": "ROLE_USER", "parts": [{"text": "x"}]}},
            "the reply is a message of the user's",
        ),
        (
            task("completed", artifacts=[{"parts": [{**PART, "metadata": {"adk_thought": True}}]}]),
            "the answer is empty",
        ),
        ({"kind": "message"}, "the answer is empty"),
        ({"kind": "message", "parts": ["hello", {"kind": "text"}]}, "the answer is empty"),
        ({"kind": "task", "id": "t"}, "the reply is neither a task nor a message"),
        ({"kind": "task", "status": {"state": 5}}, "the reply is neither a task nor a message"),
        ({"kind": "error"}, "the reply is neither a task nor a message"),
        ({}, "the reply is neither a task nor a message"),
    ],
)
def test_what_is_no_answer(echo: FakeCluster, kagent: Kagent, result: Any, why: str) -> None:
    answers(echo, result)
    assert kagent(*ASK) == (1, DONE, f'error: agent "echo" failed its smoke test: {why}\n')


@pytest.mark.parametrize("result", ["ok", 5, None, ["x"], True])
def test_a_result_of_another_type(echo: FakeCluster, kagent: Kagent, result: Any) -> None:
    answers(echo, result)
    code, out, err = kagent(*ASK)
    words = (
        'error: agent "echo" failed its smoke test: the agent\'s reply has neither a result nor an error: '
    )
    assert (code, out, err.startswith(words)) == (1, DONE, True)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ({"code": -32601, "message": "Method not found"}, "Method not found (JSON-RPC error -32601)"),
        ("no", "no (JSON-RPC error 0)"),
    ],
)
def test_a_refused_question(echo: FakeCluster, kagent: Kagent, error: Any, why: str) -> None:
    echo.services[SERVICE_URL] = {"jsonrpc": "2.0", "error": error}
    assert kagent(*ASK) == (1, DONE, f'error: agent "echo" failed its smoke test: {why}\n')


def test_an_agent_without_a_service(echo: FakeCluster, kagent: Kagent) -> None:
    assert kagent(*ASK) == (1, DONE, 'error: agent "echo" failed its smoke test: services "echo" not found\n')


class Answers:
    """What the service says, one after the other; the last one for ever."""

    def __init__(self, *replies: Object | KagentError) -> None:
        self.replies = list(replies)
        self.questions = 0

    def __call__(self, *_words: Any, **_more: Any) -> Object:
        self.questions += 1
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, KagentError):
            raise reply
        return reply


NO_PODS_YET = Unreachable("the server answered 503: no endpoints available for service")


def test_it_waits_for_the_service_to_know_the_new_pods(
    echo: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = {"result": message("hi")}
    monkeypatch.setattr(echo, "called", Answers(*[NO_PODS_YET] * 3, reply))
    assert kagent(*ASK) == (0, f"{DONE}smoke test answered: hi\n", "")


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (NO_PODS_YET, 21),
        (Unanswered("the server did not answer in time"), 1),
        (OtherServerError("InternalError", "oops"), 1),
    ],
)
def test_nobody_answers(
    echo: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, error: KagentError, times: int
) -> None:
    """Who was perhaps heard is not asked again."""
    service = Answers(error)
    monkeypatch.setattr(echo, "called", service)
    assert kagent(*ASK) == (1, DONE, f'error: agent "echo" failed its smoke test: {error.message}\n')
    assert service.questions == times


def test_who_may_not_ask_has_seen_no_failure(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story.cluster, "called", Answers(Forbidden("services is forbidden")))
    code, _, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert (code, err) == (6, "Error from server (Forbidden): services is forbidden\n")
    assert not [write for write in story.cluster.writes if write.resource is AGENT]


def test_without_an_answer_the_rollout_is_undone(story: Story, kagent: Kagent) -> None:
    story.cluster.services["POST", "default/clock:8080/"] = {"result": message()}
    words = ("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    code, out, err = kagent(*words)
    assert code == 1
    restored = f"(config hash {story.hash()} is back, now revision 3)"
    assert out.splitlines()[1] == f"agent.kagent.dev/clock rolled back to revision 1 {restored}"
    assert err == (
        "Warning: the rollout failed: rolling back\n"
        'error: agent "clock" failed its smoke test: the answer is empty (rolled back)\n'
        "hint: kubectl kagent rollout diff agent/clock -n default shows what was undone: correct it where it "
        "comes from, or the next apply brings it back\n"
    )


def test_the_config_to_return_to_is_kept_from_the_beginning(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has looked yet, and when the test fails the API server has forgotten what was before."""
    for item in story.cluster.list_objects(CONTROLLER_REVISION)["items"]:
        story.cluster.remove(CONTROLLER_REVISION, item["metadata"]["name"])

    def silent(*_words: Any, **_more: Any) -> Object:
        story.cluster.compact()
        return {"result": message()}

    monkeypatch.setattr(story.cluster, "called", silent)
    code, out, _ = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    restored = f"(config hash {story.hash()} is back, now revision 3)"
    assert code == 1
    assert out.splitlines()[1] == f"agent.kagent.dev/clock rolled back to revision 1 {restored}"


@pytest.mark.parametrize("error", [Unreachable("the server is gone"), Expired("forgotten")])
def test_a_look_at_the_beginning_that_fails_ends_nothing(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, error: KagentError
) -> None:
    def fail() -> None:
        raise error

    story.cluster.before("list", CONTROLLER_REVISION, fail)
    monkeypatch.setattr(story.cluster, "called", lambda *_words, **_more: {"result": message("yes")})
    code, _, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert (code, err) == (0, f"Warning: what was before is not recorded: {error.message}\n")


def test_a_config_that_may_not_be_kept_is_told_of_before_it_is_missed(
    story: Story, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for item in story.cluster.list_objects(CONTROLLER_REVISION)["items"]:
        story.cluster.remove(CONTROLLER_REVISION, item["metadata"]["name"])
    story.cluster.deny("create", CONTROLLER_REVISION)
    monkeypatch.setattr(story.cluster, "called", lambda *_words, **_more: {"result": message("yes")})
    code, _, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert code == 0
    assert err.startswith("Warning: the live config is not recorded: controllerrevisions.apps is forbidden")


def test_an_undo_that_a_paused_deployment_keeps_from_the_pods(story: Story, kagent: Kagent) -> None:
    paused = story.cluster.edit(DEPLOYMENT, "clock", {"spec": {"paused": True}})
    status = {**paused["status"], "observedGeneration": paused["metadata"]["generation"]}
    story.cluster.set_status(DEPLOYMENT, "clock", status)
    story.cluster.services["POST", "default/clock:8080/"] = {"result": message()}
    code, _, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert (code, err.splitlines()[-2]) == (
        1,
        'error: agent "clock" failed its smoke test: the answer is empty '
        "(its spec is restored, but its Deployment is paused)",
    )


@pytest.mark.parametrize("was_seen", [True, False])
def test_a_config_hash_that_is_not_back_is_not_called_rolled_back(
    story: Story, controllers: Controllers, kagent: Kagent, *, was_seen: bool
) -> None:
    """An upgraded controller renders the old config in another way, or there is none to compare with."""
    controllers.salt = "v2"
    if not was_seen:
        controllers.stopped = True
        story.prompt("Seen by nobody.")
        story.prompt("Sing.")
        for item in story.cluster.list_objects(CONTROLLER_REVISION)["items"]:
            if item["revision"] in (1, 2):
                story.cluster.remove(CONTROLLER_REVISION, item["metadata"]["name"])
        controllers.stopped = False
        controllers.act()
    story.cluster.services["POST", "default/clock:8080/"] = {"result": message()}
    _, out, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert "spec restored from revision" in out
    done = {
        True: "its spec is restored, but its config hash is not back",
        False: "its spec is restored; there is no config hash to compare with",
    }[was_seen]
    assert err.splitlines()[-2] == f'error: agent "clock" failed its smoke test: the answer is empty ({done})'


def test_what_an_undo_leaves_as_it_is_is_not_called_rolled_back(story: Story, kagent: Kagent) -> None:
    """Both the prompt and the model were changed, and the model is others' too."""
    story.cluster.services["POST", "default/clock:8080/"] = {"result": message()}
    story.cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "gpt-next"}})
    story.prompt("Sing.")
    code, out, err = kagent("rollout", "status", "clock", "--smoke=hi", "--on-failure=undo")
    assert code == 1
    assert "spec restored from revision 2, but shared sources still differ" in out
    assert err.splitlines()[-2] == (
        'error: agent "clock" failed its smoke test: the answer is empty '
        "(not all of its config is rolled back)"
    )
