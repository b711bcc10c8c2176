"""trace: which source is asked and what is said about it, the list, one turn, secrets, files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.cluster.side_by_side import AT_ONCE
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, Unreachable
from kubectl_kagent.model.resources import AGENT, SERVICE
from tests import recordings
from tests.conftest import Kagent, Screen
from tests.fake.agent import talking
from tests.fake.cluster import FakeCluster
from tests.fake.records import (
    ERROR_TRACE,
    GO_SESSION,
    GO_TASK,
    HITL_SESSION,
    HITL_TASK,
    JAEGER_SESSION,
    TEMPO_TASK,
    TEMPO_TRACE,
    TraceCluster,
    ago,
)
from tests.loopback import Received, response, serve
from tests.recordings import DATA

WHOSE = "of user admin@kagent.dev; other users' are found with --user-id"
RECORDS = "from the kagent controller's records of user admin@kagent.dev\n"
TEMPO = "from Tempo (observe/tempo:3200)\n"
WEEK = 7 * 24 * 3600
SPANS = DATA / "telemetry" / "tempo_trace_go_tool.json"


@pytest.fixture
def world(cluster: FakeCluster) -> TraceCluster:
    """In the time of the fake that all tests have."""
    world = TraceCluster()
    world.clock = cluster.clock
    return world


# The list


def test_list_from_the_controllers_records(kagent: Kagent, world: TraceCluster, screen: Screen) -> None:
    code, out, err = kagent("trace", "datetime-agent", cluster=world)
    assert (code, err) == (0, RECORDS)
    screen("trace-records", out)


UNTIMED = pytest.mark.parametrize(("version", "timed"), [("0.9.2", False), ("0.9.3", True), ("dev", False)])


@UNTIMED
def test_before_kagent_0_9_3_a_session_is_not_older_than_its_turns(
    kagent: Kagent, world: TraceCluster, version: str, *, timed: bool
) -> None:
    """Its time is that of its creation: nothing touched it when it was used."""
    world.version = version
    for session, _ in world.sessions.values():
        session["session"]["updated_at"] = "2026-01-01T00:00:00Z"
    code, out, _ = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.splitlines()) == (0, [] if timed else [HITL_TASK, GO_TASK])
    assert [path for path in world.asked if "/version" in path] == ["kagent/kagent-controller:8083/version"]


@UNTIMED
def test_nor_are_the_newest_turns_those_of_the_sessions_that_look_newest(
    kagent: Kagent, world: TraceCluster, version: str, *, timed: bool
) -> None:
    world.version = version
    world.sessions[HITL_SESSION][0]["session"]["updated_at"] = "2026-01-01T00:00:00Z"
    for number in range(AT_ONCE - 1):
        session, tasks = copy.deepcopy(world.sessions[GO_SESSION])
        session["session"]["id"] = f"s{number}"
        world.sessions[f"s{number}"] = session, tasks
    words = ("trace", "datetime-agent", "--since=2025-01-01", "--limit=1", "-o", "name")
    assert kagent(*words, cluster=world)[1] == f"{GO_TASK if timed else HITL_TASK}\n"
    assert len([path for path in world.asked if "/version" in path]) == 1


def test_the_version_is_asked_only_where_it_matters(kagent: Kagent, world: TraceCluster) -> None:
    assert kagent("trace", "datetime-agent", cluster=world)[0] == 0
    assert not any("/version" in path for path in world.asked)


def test_list_from_tempo(kagent: Kagent, world: TraceCluster, screen: Screen) -> None:
    world.install_tempo()
    code, out, err = kagent("trace", "datetime-agent", cluster=world)
    assert (code, err) == (0, TEMPO)
    screen("trace-tempo", out)
    (query,) = world.queries
    assert query == {
        "q": '{ name = "invocation" && resource.service.name = "datetime_agent" '
        '&& resource.service.namespace = "default" }',
        "start": str(int(world.clock.now.timestamp()) + 1 - WEEK),
        "end": str(int(world.clock.now.timestamp()) + 1),
        "limit": "40",
        "spss": "1",
    }
    assert not any("kagent-controller" in path for path in world.asked)


def test_an_agent_named_like_a_verb(kagent: Kagent, world: TraceCluster) -> None:
    code, out, err = kagent("trace", "agent/show", cluster=world)
    assert (code, out) == (1, "")
    assert err == (
        'Error from server (NotFound): agents.kagent.dev "show" not found\n'
        "hint: kubectl kagent get agents -A lists all agents\n"
    )
    assert world.asked == ["kagent/kagent-controller:8083/api/sessions/agent/default/show"]
    assert kagent("trace", "-f", "agent/show", cluster=world) == (
        1,
        "",
        f"from the kagent controller's records of user admin@kagent.dev\n{err}",
    )


def test_an_agent_that_kagent_has_not_taken_up(kagent: Kagent, world: TraceCluster) -> None:
    world.add(AGENT, {"metadata": {"name": "broken"}, "spec": {}})
    code, out, err = kagent("trace", "broken", cluster=world)
    assert (code, out) == (1, "")
    assert err.startswith("Error from server (NotFound): ")
    assert err.splitlines()[1:] == [
        "hint: kagent has not taken it up: kubectl kagent describe agent/broken -n default says why"
    ]


@pytest.mark.parametrize("word", ["agent", "mcpserver/x", "a b", "agent/"])
def test_what_is_no_agent(kagent: Kagent, world: TraceCluster, word: str) -> None:
    code, out, err = kagent("trace", word, cluster=world)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


def test_an_agent_without_turns(kagent: Kagent, world: TraceCluster) -> None:
    world.sessions.clear()
    assert kagent("trace", "datetime-agent", cluster=world) == (
        0,
        "",
        f"No turns found of agent default/datetime-agent ({WHOSE})\n",
    )


def test_an_agent_without_turns_that_may_not_be_looked_at(kagent: Kagent, world: TraceCluster) -> None:
    world.sessions.clear()
    world.deny("get", AGENT)
    code, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert code == 0
    assert err.splitlines()[0].startswith("Warning: ")
    assert err.count('cannot get resource "agents"') == 1
    assert err.splitlines()[-1] == f"No turns found of agent default/datetime-agent ({WHOSE})"


@pytest.mark.parametrize(
    ("words", "tasks"),
    [
        ([], [HITL_TASK, GO_TASK]),
        (["--limit=1"], [HITL_TASK]),
        (["--tool=get_time"], [GO_TASK]),
        (["--tool=other"], []),
        (["--errors"], []),
        (["--min-duration=200ms"], [HITL_TASK]),
        (["--min-duration=1h"], []),
        ([f"--session={GO_SESSION}"], [GO_TASK]),
        (["--session=01a205f3"], [HITL_TASK]),
        (["--since=1h"], []),
        (["--since=8h", "--until=2026-11-23T01:05:00Z"], [GO_TASK]),
        (["--since=2026-11-23T01:05:00", "--until=0"], [HITL_TASK]),
        (["--until=2026-11-22"], []),
    ],
)
def test_filters(kagent: Kagent, world: TraceCluster, words: list[str], tasks: list[str]) -> None:
    code, out, _ = kagent("trace", "datetime-agent", "-o", "name", *words, cluster=world)
    assert (code, out.split()) == (0, tasks)


def test_what_leaves_nothing_is_named(kagent: Kagent, world: TraceCluster) -> None:
    words = ("trace", "datetime-agent", "--errors", "--min-duration=1h")
    _, out, err = kagent(*words, cluster=world)
    assert (out, err) == (
        "",
        f"No turns found of agent default/datetime-agent that match --errors and --min-duration ({WHOSE})\n",
    )


def test_filters_go_to_tempo_as_far_as_it_knows(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    words = ["--tool=boom", "--session=01a20616-7df6", "--errors"]
    code, out, _ = kagent("trace", "datetime-agent", "-o", "name", *words, cluster=world)
    assert (code, out) == (0, "01a20616-7df6-775f-8c84-c4d11f5d33d6\n")
    (query,) = world.queries
    assert query["q"] == (
        '{ name = "invocation" && resource.service.name = "datetime_agent" && '
        'resource.service.namespace = "default" && span.gen_ai.conversation.id =~ "01a20616-7df6.*" } '
        '&& { span.gen_ai.tool.name = "boom" }'
    )
    assert query["limit"] == "200"
    assert not any(TEMPO_TRACE in path for path in world.asked)


def test_a_trace_that_tempo_lists_and_does_not_have_is_told(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()

    def gone(path: str) -> None:
        if path.endswith(ERROR_TRACE):
            world.traces[ERROR_TRACE] = {}

    world.on_ask = gone
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, len(out.split())) == (0, 1)
    assert err == f"Warning: trace {ERROR_TRACE} was listed, but is not there\n{TEMPO}"


@pytest.mark.parametrize("words", [["--since=soon"], ["--limit=0"], ["--limit=many"], ["-o", "xml"]])
def test_bad_usage(kagent: Kagent, world: TraceCluster, words: list[str]) -> None:
    code, out, err = kagent("trace", "datetime-agent", *words, cluster=world)
    assert (code, out) == (2, "")
    assert "error: " in err
    assert "hint: " in err


def test_no_agent(kagent: Kagent, world: TraceCluster) -> None:
    code, _, err = kagent("trace", "-o", "wide", cluster=world)
    assert (code, err) == (
        2,
        "error: name an agent\nhint: kubectl kagent trace AGENT, or --input FILE for a file\n",
    )


def test_only_help_shows_help(kagent: Kagent) -> None:
    code, out, _ = kagent("trace", "-h")
    assert code == 0
    assert out.startswith("Usage: kubectl kagent trace [OPTIONS] AGENT | COMMAND [ARGS]...\n")


# Which source


def test_tempo_that_knows_nothing_of_the_agent(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    world.traces.clear()
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [HITL_TASK, GO_TASK])
    assert err == f"nothing in Tempo (observe/tempo:3200)\n{RECORDS}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            Unreachable("no endpoints available for service", "is it running?"),
            "Tempo (observe/tempo:3200) can't be asked: no endpoints available for service; is it running?",
        ),
        (
            KagentError("invalid TraceQL query"),
            "Tempo (observe/tempo:3200) can't be asked: invalid TraceQL query",
        ),
        (
            Forbidden('services "tempo:3200" is forbidden', "ClusterRole kagent-edit allows it"),
            'Tempo (observe/tempo:3200) can\'t be asked: services "tempo:3200" is forbidden; '
            "ClusterRole kagent-edit allows it",
        ),
    ],
)
def test_tempo_that_does_not_answer(
    kagent: Kagent, world: TraceCluster, error: KagentError, said: str
) -> None:
    def refuse(path: str) -> None:
        if "tempo" in path:
            raise error

    world.install_tempo()
    world.on_ask = refuse
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [HITL_TASK, GO_TASK])
    assert err == f"Warning: {said}\n{RECORDS}"


def test_no_tempo_if_the_user_says_so(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    code, _, err = kagent("trace", "datetime-agent", "--tempo=none", cluster=world)
    assert (code, err) == (0, RECORDS)


def test_who_may_not_list_services_asks_the_controller(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    world.deny("list", SERVICE)
    code, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert (code, err) == (0, RECORDS)


@pytest.mark.parametrize(
    ("port", "asked"),
    [
        ({"name": "tempo-prom-metrics", "port": 3100}, "tempo:3100"),
        ({"name": "web", "port": 3200}, "tempo:3200"),
        ({"name": "otlp-grpc", "port": 4317}, ""),
    ],
)
def test_tempos_port(kagent: Kagent, world: TraceCluster, port: Any, asked: str) -> None:
    world.install_tempo(port=port)
    _, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert err == (f"from Tempo (observe/{asked})\n" if asked else RECORDS)


def test_tempo_of_many_services(kagent: Kagent, world: TraceCluster) -> None:
    for component in ("compactor", "query-frontend"):
        world.install_tempo(name=f"tempo-{component}", component=component)
    _, _, err = kagent("trace", "datetime-agent", cluster=world)
    assert err == "from Tempo (observe/tempo-query-frontend:3200)\n"


def test_a_named_tempo_is_asked_alone(kagent: Kagent, world: TraceCluster) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: response(200, {"traces": []})
        words = ("trace", "datetime-agent", f"--tempo={loopback.url}")
        nothing = "No turns found of agent default/datetime-agent\n"
        assert kagent(*words, cluster=world) == (0, "", nothing)
        code, _, err = kagent("trace", "show", TEMPO_TRACE, f"--tempo={loopback.url}", cluster=world)
    assert code == 1
    assert err.startswith(f'error: no turn "{TEMPO_TRACE}" was found: ')
    assert world.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(200, "<html>", "text/html"), "something that is not JSON"),
        (response(200, '{"traces": [{"tra'), "something that is not JSON"),
        (response(200, []), "answered with list, not an object"),
        (response(200, {"traces": {}}), "answered a search with no list of traces"),
        (response(200, {"traces": [5]}), "answered a search with a trace that has no id"),
        (response(200, {"traces": [{"traceID": "../x"}]}), "answered a search with a trace that has no id"),
        (response(400, "invalid TraceQL query: parse error", "text/plain"), "invalid TraceQL query"),
        (response(500, "oops", "text/plain"), "answered 500: oops"),
        (response(302, ""), "redirects to a login page"),
    ],
)
def test_what_is_no_tempo(kagent: Kagent, world: TraceCluster, answer: bytes, said: str) -> None:
    with serve() as loopback:
        loopback.answer = lambda _: answer
        code, out, err = kagent("trace", "datetime-agent", f"--tempo={loopback.url}", cluster=world)
    assert (code, out) == (6 if "login" in said else 1, "")
    assert err.startswith("error: ")
    assert said in err


def test_an_older_tempo_knows_only_the_first_api(kagent: Kagent, world: TraceCluster) -> None:
    def answer(request: Received) -> bytes:
        if request.path == f"/api/traces/{TEMPO_TRACE}":
            return response(200, recordings.tempo("trace_go_tool"))
        return response(404, "404 page not found", "text/plain")

    with serve() as loopback:
        loopback.answer = answer
        code, out, err = kagent("trace", "show", TEMPO_TRACE, f"--tempo={loopback.url}", cluster=world)
    assert (code, err) == (0, f"from Tempo ({loopback.url})\n")
    assert "get_time" in out


def test_a_part_that_tempo_left_out_is_told(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    world.traces[TEMPO_TRACE] |= {"status": "PARTIAL", "message": "larger than 5 MB"}
    code, _, err = kagent("trace", "show", TEMPO_TRACE, cluster=world)
    assert (code, err) == (0, f"Warning: Tempo left a part of the trace out: larger than 5 MB\n{TEMPO}")


# One turn


@pytest.mark.parametrize(
    "id_", [GO_TASK, GO_SESSION, "01a205ee", "01a205ee-5c2c-7b"], ids=["task", "session", "short", "shorter"]
)
def test_show_by_task_and_session(kagent: Kagent, world: TraceCluster, screen: Screen, id_: str) -> None:
    code, out, err = kagent("trace", "show", id_, cluster=world)
    assert (code, err) == (0, RECORDS)
    screen("trace-show", out)


@pytest.mark.parametrize("id_", [TEMPO_TASK, TEMPO_TRACE, "b9a6b4f2", "01a20616-7bf8"])
def test_show_from_tempo(kagent: Kagent, world: TraceCluster, screen: Screen, id_: str) -> None:
    world.install_tempo()
    code, out, err = kagent("trace", "show", id_, cluster=world)
    assert (code, err) == (0, TEMPO)
    screen("trace-show-tempo", out)


def test_show_what_only_the_controller_knows(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    code, out, err = kagent("trace", "show", HITL_TASK, cluster=world)
    assert (code, err) == (0, f"nothing in Tempo (observe/tempo:3200) in the last 14 days\n{RECORDS}")
    assert "✓ waited for a person  106ms  approved\n" in out


def test_a_turn_that_is_in_two_traces(kagent: Kagent, world: TraceCluster) -> None:
    """Either is enough to find both: the approval was a request of its own."""
    first, second = recordings.pair("approved")["traces"]
    asked, answered = (
        found["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] for found in (first, second)
    )
    world.install_tempo()
    world.traces = {asked: first, answered: second}
    whole = kagent("trace", "show", asked, cluster=world)
    assert whole == kagent("trace", "show", answered, cluster=world)
    assert whole[0] == 0
    assert "✓ delete_thing" in whole[1]
    assert "✓ waited for a person" in whole[1]


def test_an_id_that_begins_several(kagent: Kagent, world: TraceCluster) -> None:
    code, out, err = kagent("trace", "show", "01a205", cluster=world)
    assert (code, out) == (2, "")
    assert err.startswith('error: "01a205" is the beginning of several ids: ')


@pytest.mark.parametrize("id_", ["nope", "../../x", "a b", "ü"])
def test_an_id_that_nobody_knows(kagent: Kagent, world: TraceCluster, id_: str) -> None:
    code, out, err = kagent("trace", "show", id_, cluster=world)
    assert (code, out) == (1, "")
    assert err == (
        f'error: no turn "{id_}" was found: no task, session or trace has an id that begins so\n'
        "hint: kubectl kagent trace AGENT lists them; another user's are found with --user-id\n"
    )
    assert not any(".." in path for path in world.asked)


def test_a_task_that_kagent_0_9_shows_to_other_users(kagent: Kagent, world: TraceCluster) -> None:
    def of_jane(path: str) -> None:
        if path.endswith(f"/api/sessions/{GO_SESSION}"):
            raise NotFound(f"Session not found: failed to get session {GO_SESSION}: no rows in result set")

    world.on_ask = of_jane
    assert kagent("trace", "show", GO_TASK, cluster=world) == (
        1,
        "",
        f'error: no turn "{GO_TASK}" was found: it is of session {GO_SESSION}, which user admin@kagent.dev '
        "does not have\n"
        "hint: kubectl kagent trace AGENT lists them; another user's are found with --user-id\n",
    )


def test_show_a_session_of_several_turns(kagent: Kagent, world: TraceCluster) -> None:
    session, tasks = world.sessions[GO_SESSION]
    text = json.dumps(tasks).replace(GO_TASK, "task-2").replace("e-cb19debe", "e-other")
    events = json.loads(json.dumps(session["events"]).replace("e-cb19debe", "e-other"))
    for event in events:
        event["created_at"] = event["created_at"].replace("01:03", "01:04")
    session["events"] += events
    tasks += json.loads(text)
    code, out, _ = kagent("trace", "show", GO_SESSION, cluster=world)
    assert code == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("task ")] == [GO_TASK, "task-2"]
    one = kagent("trace", "show", "task-2", cluster=world)[1]
    assert out.endswith(f"\n\n{one}")


def test_waterfall(kagent: Kagent, world: TraceCluster, screen: Screen) -> None:
    code, out, _ = kagent("trace", "show", HITL_TASK, "--waterfall", cluster=world)
    assert code == 0
    screen("trace-show-waterfall", out)


def test_as_data(kagent: Kagent, world: TraceCluster) -> None:
    code, out, err = kagent("trace", "show", GO_TASK, "-o", "json", cluster=world)
    assert (code, err) == (0, RECORDS)
    found = json.loads(out)
    assert found["source"] == "the kagent controller's records of user admin@kagent.dev"
    (turn,) = found["turns"]
    assert (turn["task"], turn["state"], turn["tokens"]) == (
        GO_TASK,
        "completed",
        {"prompt": 84, "output": 14},
    )
    assert [step["kind"] for step in turn["steps"]] == ["llm", "tool", "llm"]
    assert turn["steps"][1] == {
        "kind": "tool",
        "name": "get_time",
        "id": "call_1795395837104820584",
        "start": "2026-11-23T01:03:57.110806+00:00",
        "seconds": 0.016908,
        "status": "ok",
        "args": {"timezone": "UTC"},
        "result": "2026-11-23T01:03:57.121077+00:00",
        "steps": [],
    }
    assert yaml.safe_load(kagent("trace", "show", GO_TASK, "-o", "yaml", cluster=world)[1]) == found
    (listed,) = json.loads(kagent("trace", "datetime-agent", "--limit=1", "-o", "json", cluster=world)[1])[
        "turns"
    ]
    assert listed["task"] == HITL_TASK
    path = "jsonpath={.turns[0].tokens.prompt}"
    assert kagent("trace", "show", GO_TASK, "-o", path, cluster=world)[1] == "84"


# Secrets and hostile texts


def with_result(world: TraceCluster, text: str) -> None:
    """The tool of the recorded turn answers with ``text``."""
    session, _ = world.sessions[GO_SESSION]
    (event,) = [event for event in session["events"] if "functionResponse" in event["data"]]
    data = json.loads(event["data"])
    data["Content"]["parts"][0]["functionResponse"]["response"] = {"output": {"result": text}}
    event["data"] = json.dumps(data)


def test_what_looks_like_a_key_is_masked(kagent: Kagent, world: TraceCluster) -> None:
    with_result(world, "the key is sk-abcdefghijklmnopqrst")
    for words in ([], ["-o", "json"], ["-o", "yaml"], ["--waterfall"]):
        _, out, _ = kagent("trace", "show", GO_TASK, *words, cluster=world)
        assert "sk-abc" not in out
    _, out, _ = kagent("trace", "show", GO_TASK, cluster=world)
    assert "→ the key is sk-a…[masked]\n" in out
    _, out, _ = kagent("trace", "show", GO_TASK, "--show-secrets", cluster=world)
    assert "→ the key is sk-abcdefghijklmnopqrst\n" in out


def test_a_question_with_a_key_is_masked_in_the_list(kagent: Kagent, world: TraceCluster) -> None:
    session, _ = world.sessions[GO_SESSION]
    session["events"][0]["data"] = session["events"][0]["data"].replace(
        "what time", "password=hunter2 what time"
    )
    assert "hunter2" not in kagent("trace", "datetime-agent", "-o", "wide", cluster=world)[1]
    assert "hunter2" in kagent("trace", "datetime-agent", "-o", "wide", "--show-secrets", cluster=world)[1]


def test_no_terminal_obeys_a_tool(kagent: Kagent, world: TraceCluster) -> None:
    with_result(world, "\x1b]0;owned\x07\x1b[31mred\r\n\x9b2J\u202eevil")
    for words in ([], ["-o", "json"], ["-o", "yaml"]):
        _, out, _ = kagent("trace", "show", GO_TASK, *words, cluster=world)
        assert not {char for char in out if ord(char) < 32 and char != "\n"} | {
            char for char in "\x7f\x9b" if char in out
        }
    assert "→ ]0;owned  [31mred" in kagent("trace", "show", GO_TASK, cluster=world)[1]


# Files

EMPTY_JAEGER = "a document is Jaeger's own JSON, and has no spans in it"


def test_a_file_needs_no_cluster(kagent: Kagent, world: TraceCluster, screen: Screen) -> None:
    code, out, err = kagent("trace", f"--input={SPANS}", cluster=world)
    assert (code, err) == (0, f"from {SPANS}\n")
    screen("trace-file", out)
    code, out, _ = kagent("trace", "show", "b9a6", f"--input={SPANS}", cluster=world)
    assert code == 0
    screen("trace-show-tempo", out)
    assert kagent("trace", "another", f"--input={SPANS}", cluster=world) == (
        0,
        "",
        "No turns found of agent another\n",
    )
    assert (world.asked, world.requests) == ([], [])


def test_a_file_is_nobodys_whatever_it_is_called(
    kagent: Kagent, world: TraceCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "the kagent controller's records of yesterday"
    Path(name).write_bytes(SPANS.read_bytes())
    assert kagent("trace", "another", "--input", name, cluster=world) == (
        0,
        "",
        "No turns found of agent another\n",
    )


def test_stdin_with_a_document_a_line(kagent: Kagent, world: TraceCluster) -> None:
    names = ("go_tool", "go_tool_error", "go_llm_error")
    lines = "".join(json.dumps(recordings.tempo(f"trace_{name}")) + "\n" for name in names)
    code, out, err = kagent("trace", "datetime-agent", "--input=-", "-o", "name", cluster=world, input=lines)
    assert (code, len(out.split()), err) == (0, 3, "from stdin\n")


@pytest.mark.parametrize("text", ['{"resourceSpans": [{"resou', "not JSON"])
def test_a_file_that_is_no_json(kagent: Kagent, world: TraceCluster, text: str) -> None:
    code, out, err = kagent("trace", "--input=-", cluster=world, input=text)
    assert (code, out) == (1, "")
    assert err == (
        f"error: nothing in stdin could be read: line 1 is not JSON and was left out: {text!r}\n"
        "hint: OTLP as JSON is expected: one document, an array of them, or one a line\n"
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ('{"a": 1}', "a document is not OTLP: it has no resourceSpans"),
        ('{"data": 5}', "a document is not OTLP: it has no resourceSpans"),
        ('{"data": []}', "a document is not OTLP: it has no resourceSpans"),
        (
            '{"data": [{"traceID": "1", "spans": [{}], "processes": {}}]}',
            "a document is Jaeger's own JSON and not OTLP, which Jaeger gives at /api/v3/traces/TRACE",
        ),
        (
            '{"traceID": "1", "spans": [{}], "processes": {}}',
            "a document is Jaeger's own JSON and not OTLP, which Jaeger gives at /api/v3/traces/TRACE",
        ),
        ('{"data": [{"traceID": "1", "spans": [], "processes": {}}]}', EMPTY_JAEGER),
        ('{"data": [{"traceID": "1", "spans": null}]}', EMPTY_JAEGER),
        ('{"data": [], "total": 0, "limit": 0, "offset": 0, "errors": null}', EMPTY_JAEGER),
        ('{"data": null, "total": 0, "limit": 0, "offset": 0, "errors": null}', EMPTY_JAEGER),
    ],
)
def test_json_that_is_no_otlp(kagent: Kagent, world: TraceCluster, document: str, said: str) -> None:
    for words in (("trace",), ("trace", "show", "1")):
        code, out, err = kagent(*words, "--input=-", cluster=world, input=document)
        assert (code, out, err.splitlines()[0]) == (1, "", f"error: nothing in stdin could be read: {said}")


def test_a_file_is_shown_whole_however_old_and_long_it_is(kagent: Kagent, world: TraceCluster) -> None:
    month = 30 * 24 * 3600

    def turn(number: int) -> dict[str, Any]:
        start = 1795398466 - number * month
        times = {"startTimeUnixNano": f"{start}000000000", "endTimeUnixNano": f"{start + 1}000000000"}
        return {"name": "invocation", "spanId": f"{number:04d}", "traceId": f"{number:04d}", **times}

    text = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [turn(n) for n in range(30)]}]}]})
    code, out, err = kagent("trace", "--input=-", "-o", "name", cluster=world, input=text)
    assert (code, len(out.split()), err) == (0, 30, "from stdin\n")
    for word, count in (("--since=168h", 1), ("--limit=3", 3), ("--until=1000h", 28)):
        out = kagent("trace", "--input=-", "-o", "name", word, cluster=world, input=text)[1]
        assert len(out.split()) == count, word


def test_a_file_that_is_not_there(kagent: Kagent, world: TraceCluster) -> None:
    code, _, err = kagent("trace", "--input=/nowhere/x.json", cluster=world)
    assert code == 2
    assert err.startswith(
        "error: invalid value for '--input': '/nowhere/x.json': No such file or directory\n"
    )


# Sub-agents


def test_a_sub_agents_steps_are_read_from_its_session(
    kagent: Kagent, world: TraceCluster, screen: Screen
) -> None:
    inner_session, inner_tasks = copy.deepcopy(world.sessions[HITL_SESSION])
    inner_session["session"] |= {"id": "inner", "agent_id": "default__NS__helper"}
    world.sessions["inner"] = (inner_session, inner_tasks)
    _, tasks = world.sessions[GO_SESSION]
    tasks[0]["history"][2]["parts"][0]["metadata"]["adk_subagent_session_id"] = "inner"
    code, out, err = kagent("trace", "show", GO_TASK, cluster=world)
    assert (code, err) == (0, RECORDS)
    screen("trace-show-subagent", out)


def test_a_sub_agents_session_that_is_gone(kagent: Kagent, world: TraceCluster) -> None:
    _, tasks = world.sessions[GO_SESSION]
    tasks[0]["history"][2]["parts"][0]["metadata"]["adk_subagent_session_id"] = "gone"
    code, out, err = kagent("trace", "show", GO_TASK, cluster=world)
    assert code == 0
    assert "✓ agent/get_time" in out
    assert err == f"Warning: the session gone of a sub-agent is not there (of another user?)\n{RECORDS}"


def test_agents_that_call_each_other_without_end(kagent: Kagent, world: TraceCluster) -> None:
    _, tasks = world.sessions[GO_SESSION]
    tasks[0]["history"][2]["parts"][0]["metadata"]["adk_subagent_session_id"] = GO_SESSION
    code, _, err = kagent("trace", "show", GO_TASK, cluster=world)
    assert (code, err) == (0, f"Warning: sub-agents more than 5 deep were left out\n{RECORDS}")


def test_a_session_that_goes_away_meanwhile(kagent: Kagent, world: TraceCluster) -> None:
    """It is listed, and then it is not there: that is said."""

    def gone(path: str) -> None:
        if path.endswith(f"/api/sessions/{HITL_SESSION}"):
            raise NotFound("Session not found")

    world.on_ask = gone
    code, out, err = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [GO_TASK])
    assert err == f"Warning: the session {HITL_SESSION} was deleted meanwhile\n{RECORDS}"


def test_a_trace_that_goes_away_meanwhile(kagent: Kagent, world: TraceCluster) -> None:
    def gone(path: str) -> None:
        if path.endswith(ERROR_TRACE):
            raise NotFound("")

    world.install_tempo()
    world.on_ask = gone
    code, out, _ = kagent("trace", "datetime-agent", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, [TEMPO_TASK])


def many(world: TraceCluster, count: int) -> list[str]:
    """So many sessions of one turn, a minute apart; their tasks, the newest first."""
    text = json.dumps(world.sessions.pop(GO_SESSION))
    world.sessions.clear()
    for number in range(count):
        at = f"2026-11-23T02:{number:02d}"
        new = text.replace("2026-11-23T01:03", at).replace(GO_SESSION, f"session-{number:02d}")
        new = new.replace(GO_TASK, f"task-{number:02d}")
        world.sessions[f"session-{number:02d}"] = tuple(json.loads(new))
    return [f"task-{number:02d}" for number in reversed(range(count))]


def test_no_more_sessions_are_read_than_it_takes(kagent: Kagent, world: TraceCluster) -> None:
    tasks = many(world, 30)
    code, out, _ = kagent("trace", "datetime-agent", "--limit=3", "-o", "name", cluster=world)
    assert (code, out.split()) == (0, tasks[:3])
    assert sum(path.endswith("/tasks") for path in world.asked) == 8


def test_only_sessions_that_begin_so_are_read(kagent: Kagent, world: TraceCluster) -> None:
    many(world, 30)
    assert kagent("trace", "show", "session-0", cluster=world)[0] == 2
    assert sum(path.endswith("/tasks") for path in world.asked) == 10


def test_a_search_that_tempo_cuts_is_told(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    world.traces = {f"{number:032x}": world.traces[TEMPO_TRACE] for number in range(1, 201)}
    code, out, err = kagent("trace", "datetime-agent", "--tool=get_time", "-o", "name", cluster=world)
    assert (code, out) == (0, f"{TEMPO_TASK}\n")
    assert err == f"Warning: only the newest 200 traces were looked at\n{TEMPO}"


def searches(world: TraceCluster) -> list[tuple[int, int]]:
    """From when until when Tempo was asked, in seconds before now."""
    now = int(world.clock.now.timestamp())
    return [(now - int(query["start"]), now - int(query["end"])) for query in world.queries]


def test_tempo_is_asked_week_by_week(kagent: Kagent, world: TraceCluster) -> None:
    """It refuses to search more at once."""
    world.install_tempo()
    older = [ago(world, days) for days in (5, 10, 20, 29)]
    for days in (31, 300):
        ago(world, days)
    words = ("trace", "datetime-agent", "--tool=get_time", "--since=720h", "-o", "name")
    assert kagent(*words, cluster=world) == (0, "".join(f"{id_}\n" for id_ in (TEMPO_TASK, *older)), TEMPO)
    ends = [WEEK * number - 1 for number in range(5)]
    assert searches(world) == [
        *zip([end + WEEK for end in ends[:4]], ends, strict=False),
        (720 * 3600, ends[4]),
    ]


def test_and_no_further_back_than_it_takes(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    tasks = [ago(world, days) for days in (1, 2, 8, 9, 10, 20)]
    words = ("trace", "datetime-agent", "--limit=3", "--since=9000h", "-o", "name")
    code, out, err = kagent(*words, cluster=world)
    assert (code, out.split()[1:], err) == (0, [TEMPO_TASK, tasks[0]], TEMPO)
    assert len(searches(world)) == 2
    assert sum("/api/v2/traces/" in path for path in world.asked) == 6


def test_a_time_that_takes_more_than_a_year_of_searches_is_told(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    ago(world, 3 * 365)
    words = ("trace", "datetime-agent", "--tool=get_time", "--since=2020-01-01", "-o", "name")
    code, out, err = kagent(*words, cluster=world)
    begin = "2025-11-24T08:00:00Z"
    assert (code, out) == (0, f"{TEMPO_TASK}\n")
    assert err == (f"Warning: nothing before {begin} was looked at; --until={begin} looks there\n{TEMPO}")
    assert len(searches(world)) == 52


def test_a_turn_is_found_as_long_as_tempo_usually_keeps_it(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    task, old = ago(world, 13), ago(world, 15)
    code, out, err = kagent("trace", "show", task, cluster=world)
    assert (code, err, out.splitlines()[1].split()[:2]) == (0, TEMPO, ["task", task])
    nothing = f"nothing in {TEMPO.removeprefix('from ').strip()} in the last 14 days\n"
    assert kagent("trace", "show", old, cluster=world)[2].startswith(nothing)
    whole = f"{15:032x}"
    assert kagent("trace", "show", whole, cluster=world)[2] == TEMPO  # however old
    code, out, _ = kagent("trace", "show", JAEGER_SESSION, cluster=world)
    assert [line.split()[1] for line in out.splitlines() if line.startswith("task ")] == [task, TEMPO_TASK]


def test_the_other_half_of_an_old_turn_is_looked_for_where_it_is(kagent: Kagent, world: TraceCluster) -> None:
    first, second = recordings.pair("approved")["traces"]
    asked, answered = (
        found["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] for found in (first, second)
    )
    world.install_tempo()
    world.traces = {asked: first, answered: second}
    world.clock.sleep(100 * 24 * 3600)
    for id_ in (asked, answered):
        out = kagent("trace", "show", id_, cluster=world)[1]
        assert ("✓ waited for a person" in out, "✓ delete_thing" in out) == (True, True)


def test_a_session_of_more_turns_than_are_read_is_told(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    world.traces = {f"{number:032x}": world.traces[TEMPO_TRACE] for number in range(1, 202)}
    code, _, err = kagent("trace", "show", JAEGER_SESSION, cluster=world)
    told = "Warning: searched only in the newest 200 traces: there may be more\n"
    assert (code, err) == (0, f"{told}{TEMPO}")


def test_sessions_that_an_id_was_not_looked_for_in_are_told(kagent: Kagent, world: TraceCluster) -> None:
    session, tasks = world.sessions.pop(GO_SESSION)
    for number in range(199):
        newer = {**session["session"], "id": f"s{number}", "updated_at": "2026-11-23T07:00:00Z"}
        world.sessions[f"s{number}"] = {**session, "session": newer}, []
    world.sessions[GO_SESSION] = session, tasks
    code, _, err = kagent("trace", "show", GO_TASK[:30], cluster=world)
    assert code == 1
    assert err.startswith(f'error: no turn "{GO_TASK[:30]}" was found in the newest 200 sessions: no task, ')
    code, _, err = kagent("trace", "show", HITL_TASK[:30], cluster=world)
    told = "Warning: searched only in the newest 200 sessions: there may be more\n"
    assert (code, err) == (0, f"{told}{RECORDS}")


def test_tempo_leaves_out_the_noughts_that_an_id_begins_with(kagent: Kagent, world: TraceCluster) -> None:
    asked: list[str] = []

    def answer(request: Received) -> bytes:
        asked.append(request.path)
        nothing = response(404, "", "text/plain")
        return response(200, {"traces": [{"traceID": "1" * 31}]}) if "search" in request.path else nothing

    with serve() as loopback:
        loopback.answer = answer
        kagent("trace", "datetime-agent", f"--tempo={loopback.url}", cluster=world)
    assert f"/api/v2/traces/0{'1' * 31}" in asked


def test_a_doubt_in_tempo_is_no_reason_to_ask_elsewhere(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    code, out, err = kagent("trace", "show", "01a20616", cluster=world)
    assert (code, out) == (2, "")
    assert err.startswith('error: "01a20616" is the beginning of several ids: ')
    assert not any("kagent-controller" in path for path in world.asked)


def test_the_records_of_several_users(kagent: Kagent) -> None:
    """A user's turn is found in no other's records."""
    session, id_ = recordings.rest("session"), GO_SESSION
    kept = {
        "/api/sessions/agent/default/datetime-agent": [session["session"]],
        "/api/sessions": [session["session"]],
        f"/api/sessions/{id_}": session,
        f"/api/sessions/{id_}/tasks": recordings.rest("session_tasks"),
    }
    none = {"/api/sessions/agent/default/datetime-agent": [], "/api/sessions": []}
    with talking(data=none, others={"ann": kept, "ben": none}) as agent:
        url = f"--kagent-url={agent.url}"
        for words in (["datetime-agent", "-n", "default", "-o", "name"], ["show", GO_TASK, "-o", "yaml"]):
            mine = kagent("trace", *words, url)
            users = kagent("trace", *words, url, "--user-id=ann", "--user-id=ben")
            assert GO_TASK not in mine[1]
            assert GO_TASK in users[1]
            assert users[2] == "from the kagent controller's records of users ann, ben\n"


def test_with_an_address_of_the_controller_no_cluster_is_asked(kagent: Kagent, world: TraceCluster) -> None:
    world.install_tempo()
    with serve() as loopback:
        loopback.answer = lambda _: response(200, {"error": False, "message": "ok"})
        words = ("trace", "datetime-agent", "-n", "default", f"--kagent-url={loopback.url}")
        nothing = f"No turns found of agent default/datetime-agent ({WHOSE})\n"
        assert kagent(*words, cluster=world) == (0, "", nothing)
    assert (world.requests, world.asked) == ([], [])
