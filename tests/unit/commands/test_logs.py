"""The logs command on the fake: what it prints, what it refuses, and what it says when it has not all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.cli import terminal
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, POD
from tests.conftest import Kagent
from tests.fake.agent import talking
from tests.fake.cluster import FakeCluster
from tests.objects import agent, mcp_server

Object = dict[str, Any]
TYPE = {"apiVersion": "v1", "kind": "Pod"}
RUNNING = {"running": {"startedAt": "2026-11-23T07:59:58Z"}}


def pod(cluster: FakeCluster, name: str, agent: str = "clock", *containers: str, **state: Any) -> None:
    names = containers or ("kagent",)
    statuses = [{"name": name, "restartCount": 0, "state": state or RUNNING} for name in names]
    metadata = {"name": name, "labels": {"app": "kagent", "kagent": agent}}
    spec = {"containers": [{"name": name} for name in names]}
    cluster.add(POD, TYPE | {"metadata": metadata, "spec": spec, "status": {"containerStatuses": statuses}})


@pytest.fixture
def two(cluster: FakeCluster) -> FakeCluster:
    cluster.add(AGENT, agent("clock"))
    for name in ("clock-a", "clock-b"):
        pod(cluster, name)
    cluster.kubelet.write("clock-a", "08:00:00 INFO:     one", "08:00:02 three")
    cluster.kubelet.write("clock-b", '08:00:01 {"level":"error","msg":"two","taskID":"t1"}', "08:00:03 four")
    return cluster


def test_all_pods_in_the_order_of_time(two: FakeCluster, kagent: Kagent) -> None:
    assert kagent("logs", "clock") == (
        0,
        "[pod/clock-a/kagent] INFO:     one\n"
        '[pod/clock-b/kagent] {"level":"error","msg":"two","taskID":"t1"}\n'
        "[pod/clock-a/kagent] three\n"
        "[pod/clock-b/kagent] four\n",
        "",
    )


@pytest.mark.parametrize("kind", ["task", "session"])
def test_a_task_or_session_of_another_user(two: FakeCluster, kagent: Kagent, kind: str) -> None:
    with talking() as talk:
        code, out, err = kagent("logs", "clock", f"--{kind}=t1", f"--kagent-url={talk.url}")
    assert (code, out) == (0, '[pod/clock-b/kagent] {"level":"error","msg":"two","taskID":"t1"}\n')
    assert err.startswith("Warning: only lines that name it are shown: ")
    assert err.endswith("; an id has to be whole, and another user's is found with --user-id\n")


@pytest.mark.parametrize("flag", ["--kagent-namespace", "--kagent-url", "--kagent-token", "--user-id"])
def test_what_only_tasks_and_sessions_are_looked_up_with(
    cluster: FakeCluster, kagent: Kagent, flag: str
) -> None:
    before = len(cluster.requests)
    for words in ((), ("--trace=t1",), ("--controller",)):
        assert kagent("logs", *words, f"{flag}=x") == (
            2,
            "",
            f"error: {flag} goes with --task or --session\n",
        )
    assert len(cluster.requests) == before


def test_a_single_pod_has_no_prefix_unless_asked(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    cluster.kubelet.write("clock-a", "08:00:00.123456789 one")
    assert kagent("logs", "agent/clock") == (0, "one\n", "")
    assert kagent("logs", "agent/clock", "--timestamps", "--prefix=true") == (
        0,
        "[pod/clock-a/kagent] 2026-11-23T08:00:00.123456789Z one\n",
        "",
    )


def test_of_several_pods_the_prefix_can_be_left_out(two: FakeCluster, kagent: Kagent) -> None:
    assert kagent("logs", "clock", "--prefix=false", "-i", "e$")[1] == "INFO:     one\nthree\n"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2026-11-23T08:00:01Z", "2026-11-23T08:00:01Z"),
        ("2026-11-23t08:00:01z", "2026-11-23T08:00:01Z"),
        ("2026-11-23 09:00:01.25+01:00", "2026-11-23T08:00:01.250000Z"),
        ("2026-11-23T08:00:01,123456789Z", "2026-11-23T08:00:01.123456Z"),
        ("2026-11-23T8:00:01-00:00", "2026-11-23T08:00:01Z"),
    ],
)
def test_a_time_is_sent_in_the_one_form_that_all_read(
    written: str, sent: str, two: FakeCluster, kagent: Kagent
) -> None:
    assert kagent("logs", "clock", f"--since-time={written}", "-o", "raw", "-e", "INFO|four") == (
        0,
        '{"level":"error","msg":"two","taskID":"t1"}\nthree\n',
        "",
    )
    assert {asked["since"] for asked in two.kubelet.asked} == {sent}


def test_a_level_takes_the_lines_that_belong_to_one(two: FakeCluster, kagent: Kagent) -> None:
    assert kagent("logs", "clock", "--level=error", "-o", "raw")[1] == (
        '{"level":"error","msg":"two","taskID":"t1"}\nfour\n'
    )


def test_json_has_a_line_each(two: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("logs", "clock", "-o", "json", "--tail=1")
    where = {"namespace": "default", "container": "kagent"}
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "time": "2026-11-23T08:00:02.000000000Z",
            "pod": "clock-a",
            "level": "info",
            "message": "three",
            **where,
        },
        {
            "time": "2026-11-23T08:00:03.000000000Z",
            "pod": "clock-b",
            "level": "info",
            "message": "four",
            **where,
        },
    ]
    second = kagent("logs", "clock", "-o", "json", "-i", "two")[1]
    assert json.loads(second) == {
        "time": "2026-11-23T08:00:01.000000000Z",
        "pod": "clock-b",
        "level": "error",
        "message": "two",
        "fields": {"taskID": "t1"},
        **where,
    }


def test_what_a_terminal_would_obey_is_shown_as_its_code(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    hostile = "\x1b]0;owned\x07 \x1b[2J\x9b31m\ttab ünï \u202e"
    cluster.kubelet.write("clock-a", f"08:00:00 {hostile}", "08:00:01 Windows\r")
    shown = "\\u001b]0;owned\\u0007 \\u001b[2J\\u009b31m\ttab ünï \u202e\nWindows\n"
    assert kagent("logs", "clock") == (0, shown, "")
    assert kagent("logs", "clock", "-o", "raw")[1] == f"{hostile}\nWindows\n"
    message = json.loads(kagent("logs", "clock", "-o", "json", "--tail=2")[1].splitlines()[0])["message"]
    assert message == hostile


def test_a_programs_own_colours_are_for_terminals(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    lines = (
        "\x1b[32mINFO\x1b[0m:     started \x1b[2J",
        "\x1b[1;31mERROR: not closed",
        "WARN its level's",
        "\x1b[33mtoken=\x1b[1msk-proj-\x1b[4mabcdefghijklmnop1234\x1b[0m end",
    )
    cluster.kubelet.write("clock-a", *(f"08:00:0{second} {line}" for second, line in enumerate(lines)))
    assert kagent("logs", "clock") == (
        0,
        "INFO:     started \\u001b[2J\nERROR: not closed\nWARN its level's\ntoken=sk-p…[masked] end\n",
        "",
    )
    bright = ("logs", "clock", "--color=always")
    assert kagent(*bright)[1] == (
        "\x1b[32mINFO\x1b[0m:     started \\u001b[2J\x1b[0m\n"
        "\x1b[1;31mERROR: not closed\x1b[0m\n"
        "\x1b[33mWARN its level's\x1b[0m\n"
        "\x1b[33mtoken=\x1b[1msk-p…[masked]\x1b[0m end\x1b[0m\n"
    )
    assert kagent(*bright, "-i", "^INFO:", "-H", "FO: *st")[1] == (
        "IN\x1b[1;7mFO:     st\x1b[0marted \\u001b[2J\n"
    )
    assert kagent("logs", "clock", "--level=error", "-o", "raw")[1] == f"{lines[1]}\n"
    told = [json.loads(line)["message"] for line in kagent("logs", "clock", "-o", "json")[1].splitlines()]
    assert told[:2] == ["INFO:     started \x1b[2J", "ERROR: not closed"]


HIDING = ["8", "1;8", "08", "2", "5", "7", "30;40", "38;5;0", "48;2;0;0;0", "4:3", "30", "1;37", "90", "97"]


@pytest.mark.parametrize("code", HIDING)
def test_a_programs_colours_hide_no_word(cluster: FakeCluster, kagent: Kagent, code: str) -> None:
    """Concealed, or in the colour of what is behind it: the word is shown, the code is not."""
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    cluster.kubelet.write("clock-a", f"08:00:00 \x1b[1mrm\x1b[{code}m -rf /\x1b[28m; ls")
    assert kagent("logs", "clock", "--color=always")[1] == "\x1b[1mrm -rf /; ls\x1b[0m\n"
    assert kagent("logs", "clock")[1] == "rm -rf /; ls\n"


def test_what_is_written_over_a_line_is_a_line(two: FakeCluster, kagent: Kagent) -> None:
    two.kubelet.write("clock-a", "08:00:04 10%\r50%\r\r100%", "08:00:05 \r")
    assert kagent("logs", "clock", "-e", "e$|four|two|50") == (
        0,
        "[pod/clock-a/kagent] 10%\n[pod/clock-a/kagent] 100%\n[pod/clock-a/kagent] \n",
        "",
    )
    assert kagent("logs", "clock", "-o", "raw", "-i", "%")[1] == "10%\r50%\r\r100%\n"


def test_at_a_terminal_what_nobody_would_see_is_too(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "is_shown", lambda: True)
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    cluster.kubelet.write("clock-a", "08:00:00 a\u202eb\u200bc 👩\u200d💻")
    shown = "a\\u202eb\\u200bc 👩\u200d💻\n"
    assert kagent("logs", "clock", "--color=never") == (0, shown, "")
    assert kagent("logs", "clock", "-o", "raw")[1] == shown
    message = json.loads(kagent("logs", "clock", "-o", "json")[1])["message"]
    assert message == "a\u202eb\u200bc 👩\u200d💻"


def test_a_line_of_json_that_is_hardly_any(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    cluster.kubelet.write(
        "clock-a", r'08:00:00 {"msg": "a\ud800b", "n": 1e999}', '08:00:01 {"a":' + "[" * 9999
    )
    code, out, err = kagent("logs", "clock", "-o", "json")
    first, second = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    assert (first["message"], first["fields"]) == ("a\ufffdb", {"n": "1e999"})
    assert second["message"] == '{"a":' + "[" * 9999


def test_a_log_that_begins_late_is_told(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a")
    cluster.kubelet.write("clock-a", "08:00:00 one")
    cluster.kubelet.rotate("clock-a")
    cluster.kubelet.write("clock-a", "08:30:00 two")
    told = (
        "Warning: the node has no line of pod clock-a before 2026-11-23T08:30:00.000000000Z: "
        "it wrote none, or they are in rotated files, which no node serves; "
        "--loki=auto reads them from Loki\n"
    )
    cluster.clock.sleep(40 * 60)
    assert kagent("logs", "clock") == (0, "two\n", told)
    assert kagent("logs", "clock", "--tail=5") == (0, "two\n", told)
    assert kagent("logs", "clock", "--tail=1") == (0, "two\n", "")


def test_a_pod_that_can_not_be_read_is_an_error_after_the_others(two: FakeCluster, kagent: Kagent) -> None:
    pod(two, "clock-c", waiting={"reason": "ImagePullBackOff"})
    code, out, err = kagent("logs", "clock")
    assert (code, len(out.splitlines())) == (1, 4)
    said = 'container "kagent" in pod "clock-c" is waiting to start: ContainerCreating\n'
    assert err == f"Error from server (BadRequest): {said}"
    assert kagent("logs", "clock", "--ignore-errors")[::2] == (0, f"Warning: {said}")


GONE = "unable to retrieve container logs for containerd://0123"
NOT_ITS_OWN = "the log of container kagent in pod clock-b came with words that are not its own: "


def test_a_file_of_services_that_can_not_be_used_is_told_before_any_line(
    two: FakeCluster, kagent: Kagent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "services.yaml"
    file.write_text("http://127.0.0.1:9: {token: s}\n")
    file.chmod(0o644)
    monkeypatch.setenv("KAGENT_SERVICES", str(file))
    assert kagent("logs", "clock", "--since=1h", "--loki=http://127.0.0.1:9") == (
        1,
        "",
        f"error: {file} has secrets in it, and others may read it (mode 0644)\n"
        f"hint: chmod 600 {file}, or name a tokenFile in it\n",
    )


APOLOGY = "hint: the kubelet says so when it can't read a log; --loki=auto reads it from Loki\n"


def test_what_the_kubelet_says_of_a_log_is_an_error_and_no_line(two: FakeCluster, kagent: Kagent) -> None:
    two.kubelet.apologize("clock-b", GONE)
    code, out, err = kagent("logs", "clock", "--prefix=false")
    assert (code, out, err) == (1, "INFO:     one\nthree\n", f"error: {NOT_ITS_OWN}{GONE}\n{APOLOGY}")
    ignored = kagent("logs", "clock", "-o", "json", "--ignore-errors")
    assert (ignored[0], len(ignored[1].splitlines())) == (0, 2)
    assert ignored[2] == f"Warning: {NOT_ITS_OWN}{GONE}\n"


def test_a_page_in_the_place_of_a_log_prints_nothing(two: FakeCluster, kagent: Kagent) -> None:
    two.kubelet.apologize("clock-b", "<html>\n<body>Sign in\x1b[2J</body>\n</html>\n")
    code, out, err = kagent("logs", "clock", "--prefix=false")
    assert (code, out) == (1, "INFO:     one\nthree\n")
    assert err == f"error: {NOT_ITS_OWN}<html>\n{APOLOGY}"


def test_a_fault_in_a_reader_is_no_end_of_its_log(
    two: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(two, "pod_log_stream", broken)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        kagent("logs", "clock")


def test_a_line_that_is_nested_without_end(two: FakeCluster, kagent: Kagent) -> None:
    deep = '{"a":' * 3000 + "1" + "}" * 3000
    two.kubelet.write("clock-b", f"08:00:04 {deep}")
    code, out, err = kagent("logs", "clock", "-o", "json", "--tail=1")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["message"] == deep


def test_previous_runs(two: FakeCluster, kagent: Kagent) -> None:
    for name in ("clock-a", "clock-b"):
        two.kubelet.restart(name)
    assert kagent("logs", "clock", "-p", "--tail=1", "--prefix=false") == (0, "three\nfour\n", "")


def test_a_container_by_name_or_all_of_them(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    pod(cluster, "clock-a", "clock", "side", "kagent")
    cluster.kubelet.write("clock-a", "08:00:00 own")
    cluster.kubelet.write("clock-a", "08:00:01 other", container="side")
    assert kagent("logs", "clock") == (0, "own\n", "")
    assert kagent("logs", "clock", "-c", "side") == (0, "other\n", "")
    assert kagent("logs", "clock", "--all-containers")[1] == (
        "[pod/clock-a/kagent] own\n[pod/clock-a/side] other\n"
    )
    assert kagent("logs", "clock", "-c", "nope") == (
        1,
        "",
        "error: container nope is not valid for pod clock-a\nhint: it has: side, kagent\n",
    )


def test_agents_by_label_in_all_namespaces(two: FakeCluster, kagent: Kagent) -> None:
    two.add(
        AGENT, agent("other") | {"metadata": {"name": "other", "labels": {"team": "x"}, "namespace": "far"}}
    )
    labels = {"app": "kagent", "kagent": "other"}
    body = {"metadata": {"name": "other-a", "labels": labels, "namespace": "far"}}
    status = {"containerStatuses": [{"name": "kagent", "state": RUNNING}]}
    two.add(POD, TYPE | body | {"spec": {"containers": [{"name": "kagent"}]}, "status": status})
    two.kubelet.write("other-a", "08:00:00 far away")
    assert kagent("logs", "agents", "-l", "team=x", "-A") == (0, "far away\n", "")
    assert kagent("logs", "-l", "team=y", "-A") == (1, "", "error: no agents match team=y\n")


def test_an_mcp_server(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, mcp_server("tools"))
    labels = {"app.kubernetes.io/name": "tools", "app.kubernetes.io/instance": "tools"}
    spec = {"containers": [{"name": "mcp-server"}]}
    status = {"containerStatuses": [{"name": "mcp-server", "state": RUNNING}]}
    cluster.add(
        POD, TYPE | {"metadata": {"name": "tools-a", "labels": labels}, "spec": spec, "status": status}
    )
    cluster.kubelet.write("tools-a", "08:00:00 info request", container="mcp-server")
    assert kagent("logs", "mcpserver/tools") == (0, "info request\n", "")


def test_an_agent_without_pods(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    assert kagent("logs", "clock") == (
        1,
        "",
        "error: agent.kagent.dev/clock has no pods\n"
        "hint: kubectl kagent describe agent/clock -n default shows why\n",
    )


def test_several_agents_without_pods(cluster: FakeCluster, kagent: Kagent) -> None:
    for name in ("clock", "dial"):
        obj = agent(name)
        cluster.add(AGENT, obj | {"metadata": obj["metadata"] | {"labels": {"team": "time"}}})
    assert kagent("logs", "agents", "-l", "team=time") == (
        1,
        "",
        "error: none of the 2 agents has pods\nhint: kubectl kagent get agents -n default shows why\n",
    )


def test_controllers_without_pods(kagent: Kagent) -> None:
    assert kagent("logs", "--controller") == (
        1,
        "",
        "error: the kagent and kmcp controllers have no pods\nhint: is kagent installed in this cluster?\n",
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clock", "-f", "-p"], "error: -p shows a run that has ended: it can't be followed"),
        (
            ["clock", "--since=1m", "--since-time=2026-11-23T08:00:00Z"],
            "error: only one of --since-time and --since may be used",
        ),
        (["clock", "--controller"], "error: --controller takes neither names nor a selector"),
        (["clock", "-A"], "error: a resource cannot be retrieved by name across all namespaces"),
        (
            ["clock", "-i", "("],
            "error: invalid value for '-i' / '--include': \"(\" is not a regular expression",
        ),
        (["clock", "--since-time=noon"], 'error: "noon" is not a time'),
        (["clock", "-f", "--since-time=2026-11-01T00:00Z"], 'error: "2026-11-01T00:00Z" is not a time'),
        (["clock", "-f", "--since-time=20261101T000000Z"], 'error: "20261101T000000Z" is not a time'),
        (["clock", "--since-time=2026-W44-7T00:00:00Z"], 'error: "2026-W44-7T00:00:00Z" is not a time'),
        (["clock", "--since-time=2026-11-01T00:00:00+0100"], 'error: "2026-11-01T00:00:00+0100" is not a'),
        (["clock", "--since-time=2026-11-01T00:00:00"], 'error: "2026-11-01T00:00:00" is not a time'),
        (["clock", "--since-time=0001-01-01T00:00:00+14:00"], 'error: "0001-01-01T00:00:00+14:00" is not a'),
        (["clock", f"--since={'9' * 400}h"], 'error: "99999'),
        (
            ["clock", "-e", "a{99999999999}"],
            "error: invalid value for '-e' / '--exclude': \"a{99999999999}\"",
        ),
        ([], "error: required resource not specified\nhint: for example agent/NAME, or -l LABELS\n"),
    ],
)
def test_what_makes_no_sense(words: list[str], said: str, two: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("logs", *words)
    assert (code, out, err[: len(said)]) == (2, "", said)
