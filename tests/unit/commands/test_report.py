"""report as it is typed: the archive, and from its page alone the cause of each staged failure."""

from __future__ import annotations

import html
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    LISTABLE,
    MCP_SERVER,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    Resource,
)
from tests.conftest import Kagent, Screen
from tests.fake.agent import SESSION, TASK, called, gave, row, task, text
from tests.fake.checked import Checked
from tests.objects import agent, reconcile, run_pods
from tests.unit.commands.test_check import FAULTS
from tests.unit.commands.test_logs import pod
from tests.unit.commands.test_sessions import message

USER = "user_id=admin%40kagent.dev"
API = "kagent/kagent-controller:8083/api"


@pytest.fixture
def world(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    """A cluster in which nothing is wrong, and a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    checked = Checked(cluster.clock)
    for name in ("clock", "poet"):
        remember(checked, name)
    return checked


def remember(world: Checked, name: str, *tasks: dict[str, Any]) -> None:
    """What the controller has kept of an agent: a session with these tasks, or none."""
    kept = row(SESSION, f"default__NS__{name}")
    answers = {
        f"sessions/agent/default/{name}?{USER}": [kept] if tasks else [],
        f"sessions/{SESSION}?order=asc&limit=-1&{USER}": {"session": kept, "events": []},
        f"sessions/{SESSION}/tasks?{USER}": list(tasks),
    }
    for path, data in answers.items():
        if tasks or path.startswith("sessions/agent"):
            world.services["GET", f"{API}/{path}"] = {"error": False, "data": data}


def opened(data: bytes) -> dict[str, str]:
    """The files of an archive by their names in its folder."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def reported(kagent: Kagent, world: Checked, *words: str) -> dict[str, str]:
    """The files of the report with these words; it is ended without error."""
    path = Path("report.zip")
    path.unlink(missing_ok=True)
    code, out, _ = kagent("report", *words, "--file=report.zip", cluster=world)
    assert (code, out) == (0, "report.zip\n")
    return opened(path.read_bytes())


def as_read(page: str) -> str:
    """What a person reads on the page."""
    body = page.partition("<body>")[2]
    lined = re.sub(r"<(?:h\d|li|p|div|tr|dt|pre|summary|details)\b[^>]*>", "\n", body)
    lines = html.unescape(re.sub(r"<[^>]+>", " ", lined)).splitlines()
    return "".join(f"{line.strip()}\n" for line in lines if line.strip())


def wrong(page: str) -> str:
    """What of it stands under "What is wrong"."""
    return as_read(page).partition("What is wrong\n")[2].partition("What could not be had\n")[0]


# The archive


def test_the_page_of_a_cluster_in_which_all_is_well(kagent: Kagent, world: Checked, screen: Screen) -> None:
    found = reported(kagent, world)
    assert list(found) == ["index.html", "check.json", "objects.yaml", "tasks.json"]
    screen("report", as_read(found["index.html"]))


def test_the_file_is_named_and_for_its_owner_alone(kagent: Kagent, world: Checked) -> None:
    code, out, err = kagent("report", "clock", cluster=world)
    assert (code, out) == (0, "kagent-report-clock-20261123T080000Z.zip\n")
    assert err == (
        "checking the cluster\nreading 1 workload, with revisions and events\nreading tasks\nreading logs\n"
    )
    assert stat.S_IMODE(os.stat(out.strip()).st_mode) == 0o600
    assert os.listdir() == [out.strip()]


def test_the_file_of_a_namespace_has_its_name(kagent: Kagent, world: Checked) -> None:
    done = [kagent("report", *words, cluster=world)[:2] for words in ((), ("-A",))]
    assert done == [
        (0, "kagent-report-default-20261123T080000Z.zip\n"),
        (0, "kagent-report-all-20261123T080000Z.zip\n"),
    ]


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x", "zip", ".zip/x"])
def test_a_zip_file_is_called_one(kagent: Kagent, world: Checked, name: str) -> None:
    before = len(world.requests)
    assert kagent("report", f"--file={name}", cluster=world) == (
        2,
        "",
        f"error: {name} does not end in .zip, and the archive is a zip file\n"
        "hint: for example --file=report.zip\n",
    )
    assert (os.listdir(), len(world.requests)) == ([], before)


def test_a_file_that_is_there_stays_and_nothing_is_asked(kagent: Kagent, world: Checked) -> None:
    Path("mine.zip").write_text("mine")
    before = len(world.requests)
    code, out, err = kagent("report", "--file=mine.zip", cluster=world)
    assert (code, out) == (1, "")
    assert err == "error: mine.zip is there already\nhint: name another file, or remove it\n"
    assert (Path("mine.zip").read_text(), len(world.requests)) == ("mine", before)


def test_a_folder_that_is_not_there(kagent: Kagent, world: Checked) -> None:
    code, out, err = kagent("report", "--file=gone/x.zip", cluster=world)
    assert (code, out) == (1, "")
    assert err == "error: gone is not a folder\nhint: mkdir gone, or name another file\n"
    assert world.requests == []


def test_a_namespace_without_anything(kagent: Kagent, world: Checked) -> None:
    for resource, name in ((AGENT, "clock"), (AGENT, "poet"), (MCP_SERVER, "datetime")):
        world.remove(resource, name)
    code, _, err = kagent("report", cluster=world)
    assert code == 0
    assert "Warning: namespace default: there is no agent and no MCP server\n" in err


def test_a_registry_is_no_secret_though_a_setting_has_it(kagent: Kagent, world: Checked) -> None:
    image = "ghcr.example/x/app:0.10.4"
    env = [{"name": "IMAGE_REGISTRY", "value": "ghcr.example"}]
    pods = {"spec": {"template": {"spec": {"containers": [{"name": "kagent", "image": image, "env": env}]}}}}
    world.edit(DEPLOYMENT, "clock", pods)
    assert image in reported(kagent, world)["objects.yaml"]


def test_to_stdout(world: Checked) -> None:
    result = CliRunner().invoke(cli, ["report", "--file=-"], obj=lambda _: world)
    assert result.exit_code == 0
    assert list(opened(result.stdout_bytes)) == ["index.html", "check.json", "objects.yaml", "tasks.json"]
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["agents"], "error: name objects, or none at all\nhint: for example agent/NAME\n"),
        (["clock", "-A"], "error: a resource cannot be retrieved by name across all namespaces\n"),
        (["--since=0"], "error: --since must be at least 1s\n"),
    ],
)
def test_what_makes_no_sense(kagent: Kagent, world: Checked, words: list[str], said: str) -> None:
    before = len(world.requests)
    assert kagent("report", *words, cluster=world) == (2, "", said)
    assert len(world.requests) == before


def test_an_agent_that_is_not_there(kagent: Kagent, world: Checked) -> None:
    code, out, err = kagent("report", "ghost", cluster=world)
    assert (code, out) == (1, "")
    assert err.startswith('Error from server (NotFound): agents.kagent.dev "ghost" not found\n')
    assert os.listdir() == []


def test_without_an_api_server_there_is_no_report(world: Checked) -> None:
    def connect(_flags: object) -> Any:
        raise Unreachable("the connection to the server was refused", "is the host right?")

    result = CliRunner().invoke(cli, ["report"], obj=connect, prog_name="kubectl kagent")
    assert (result.exit_code, result.stdout) == (5, "")
    assert os.listdir() == []


def test_the_page_runs_and_loads_nothing(kagent: Kagent, world: Checked) -> None:
    world.refuse(AGENT, "clock", "<script>alert(1)</script><img src=http://x.example/y onerror=z>")
    page = reported(kagent, world)["index.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert re.findall(r"<(?:script|img|link|iframe|object|base|form)\b", page) == []
    assert set(re.findall(r'\b(?:href|src)="([^"]*)"', page)) == {
        *("#w0", "#w1", "#w2"),
        *("check.json", "objects.yaml", "tasks.json"),
    }
    policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src'
    assert policy in page


# What is in it


def test_objects_without_values(kagent: Kagent, world: Checked) -> None:
    settings = {"env": [{"name": "DB_PWD", "value": "swordfish"}, {"name": "K", "valueFrom": {"x": "y"}}]}
    spec = {"declarative": {"systemMessage": "Be kind.\nAlways.", "deployment": settings}}
    note = {"team/note": "ask bob", "kubectl.kubernetes.io/restartedAt": "2026-11-23T08:00:00Z"}
    world.edit(AGENT, "clock", {"spec": spec, "metadata": {"annotations": note}})
    world.edit(REMOTE_MCP_SERVER, "web", {"spec": {"url": "http://web.example/mcp?team=swordfish"}})
    objects = list(yaml.safe_load_all(reported(kagent, world, "clock")["objects.yaml"]))
    own, (server,) = objects[0], [item for item in objects if item["kind"] == "RemoteMCPServer"]
    assert server["spec"]["url"] == "http://web.example/mcp?[masked]"
    assert own["metadata"]["annotations"] == {
        "team/note": "[masked]",
        "kubectl.kubernetes.io/restartedAt": "2026-11-23T08:00:00Z",
    }
    assert own["spec"]["declarative"]["systemMessage"] == "[16 characters]"
    assert own["spec"]["declarative"]["deployment"]["env"] == [
        {"name": "DB_PWD", "value": "[masked]"},
        {"name": "K", "valueFrom": {"x": "y"}},
    ]
    kinds = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert kinds[:5] == [
        ("Agent", "clock"),
        ("MCPServer", "datetime"),
        ("ModelConfig", "gpt"),
        ("RemoteMCPServer", "web"),
        ("Deployment", "clock"),
    ]
    assert ("Agent", "poet") not in kinds


def asked(*history: dict[str, Any], state: str = "failed", said: str = "", id_: str = TASK) -> dict[str, Any]:
    """A task with a question, and what came of it."""
    found = task(state, message("user", text("what is my salary?")), *history, id_=id_)
    if said:
        found["status"]["message"] = message("agent", text(said))
    return found


TOOL_FAILED = (
    message("agent", called("c1", "get_time", zone="Mars, please")),
    message("agent", gave("c1", "get_time", {"isError": True, "content": [{"text": "no such zone at all"}]})),
)


def test_tasks_without_what_was_said(kagent: Kagent, world: Checked) -> None:
    remember(world, "clock", asked(*TOOL_FAILED, message("agent", text("I can't tell.")), state="completed"))
    found = reported(kagent, world, "clock")
    (kept,) = json.loads(found["tasks.json"])["turns"]
    assert (kept["question"], kept["answer"], kept["state"]) == ("[message]", "[message]", "completed")
    (tool,) = [step for step in kept["steps"] if step["kind"] == "tool"]
    assert (tool["name"], tool["status"], "args" in tool) == ("get_time", "failed", False)
    everything = "".join(found.values())
    assert not [word for word in ("salary", "Mars", "can't tell") if word in everything]


def test_a_task_can_be_named_as_the_page_names_it(kagent: Kagent, world: Checked) -> None:
    remember(world, "clock", asked(state="completed", id_="0a88b63a-b1b1-4ea5-a3f2-bbff5cd559c1"))
    assert "\n0a88b63a   " in as_read(reported(kagent, world, "clock")["index.html"])


def test_messages_are_in_it_when_they_are_asked_for(kagent: Kagent, world: Checked) -> None:
    world.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "Never lie."}}})
    remember(world, "clock", asked(*TOOL_FAILED, message("agent", text("The key is cAnArY0042x."))))
    found = reported(kagent, world, "clock", "--include-messages")
    (kept,) = json.loads(found["tasks.json"])["turns"]
    assert kept["question"] == "what is my salary?"
    assert kept["answer"] == "The key is [masked]."
    assert "Never lie." in found["objects.yaml"]
    assert "Never lie." in found["index.html"]
    assert "cAnArY0042x" not in "".join(found.values())


def test_logs_of_each_run_of_each_container(kagent: Kagent, world: Checked) -> None:
    state = {"name": "kagent", "restartCount": 1, "state": {"running": {}}}
    world.remove(POD, "clock-x")
    pod(world, "clock-x")
    world.set_status(POD, "clock-x", {"containerStatuses": [state]})
    world.kubelet.write(
        "clock-x", "07:00:00 Traceback (most recent call last):", "07:00:00 ValueError: no zone"
    )
    world.kubelet.restart("clock-x")
    world.kubelet.write("clock-x", "07:30:00 INFO: started, user said: what is my salary?")
    remember(world, "clock", asked(state="completed"))
    found = reported(kagent, world, "clock")
    assert {name: text for name, text in found.items() if name.startswith("logs/")} == {
        "logs/default_clock-x_kagent.previous.txt": (
            "2026-11-23T07:00:00.000000000Z Traceback (most recent call last):\n"
            "2026-11-23T07:00:00.000000000Z ValueError: no zone\n"
        ),
        "logs/default_clock-x_kagent.txt": (
            "2026-11-23T07:30:00.000000000Z INFO: started, user said: [message]\n"
        ),
    }


def test_a_log_that_the_kubelet_has_not_is_said_and_is_no_log(kagent: Kagent, world: Checked) -> None:
    world.remove(POD, "clock-x")
    pod(world, "clock-x")
    running = {"name": "kagent", "restartCount": 0, "state": {"running": {}}}
    world.set_status(POD, "clock-x", {"containerStatuses": [running]})
    world.kubelet.write("clock-x", "07:30:00 INFO: started")
    said = "unable to retrieve container logs for containerd://0123"
    world.kubelet.apologize("clock-x", said)
    found = reported(kagent, world, "clock")
    assert not [name for name in found if name.startswith("logs/")]
    about = f"the log of pod default/clock-x, container kagent: {said}"
    assert about in as_read(found["index.html"])


def test_a_log_whose_last_line_is_too_long_is_said_to_be_left_out(kagent: Kagent, world: Checked) -> None:
    world.remove(POD, "clock-x")
    pod(world, "clock-x")
    running = {"name": "kagent", "restartCount": 0, "state": {"running": {}}}
    world.set_status(POD, "clock-x", {"containerStatuses": [running]})
    world.kubelet.write("clock-x", "07:30:00 INFO: started", f"07:30:01 {'word ' * 60_000}")
    found = reported(kagent, world, "clock")
    assert not [name for name in found if name.startswith("logs/")]
    about = "the log of pod default/clock-x, container kagent: its last line is longer than 256KiB"
    assert f"{about}, and a part of one is left out\n" in as_read(found["index.html"])


def test_a_name_of_any_length_has_a_report(kagent: Kagent, world: Checked) -> None:
    world.add(AGENT, agent("a" * 253))
    code, out, _ = kagent("report", "a" * 253, cluster=world)
    assert (code, out) == (0, f"kagent-report-{'a' * 100}-20261123T080000Z.zip\n")


def test_what_could_not_be_asked_of_others_is_left_out(kagent: Kagent, world: Checked) -> None:
    world.edit(AGENT, "clock", {"spec": {"declarative": {"tools": []}}})
    reconcile(world, config_hash="1")
    world.set_status(REMOTE_MCP_SERVER, "web", {"conditions": []})
    silent = "remotemcpserver default/web"
    assert silent not in "".join(reported(kagent, world, "clock").values())
    assert silent in as_read(reported(kagent, world, "poet")["index.html"])


def test_of_one_agent_nothing_is_said_of_others(kagent: Kagent, world: Checked) -> None:
    world.refuse(AGENT, "poet", "the poet has a fault")
    world.crash({"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "app:1"'}})
    everything = "".join(reported(kagent, world, "clock").values())
    assert "poet" not in everything
    assert 'ImagePullBackOff: Back-off pulling image "app:1"' in html.unescape(everything)


def test_all_namespaces(kagent: Kagent, world: Checked) -> None:
    far = agent("far") | {"metadata": {"name": "far", "namespace": "team"}}
    world.add(AGENT, far)
    assert "agent team/far" in reported(kagent, world, "-A")["index.html"]
    assert "agent team/far" not in reported(kagent, world)["index.html"]


# From the report alone


def _quota(world: Checked) -> None:
    world.crash({"waiting": {"reason": "ContainerCreating"}})
    run_pods(world, existing=0, ready=0)
    world.remove(POD, "clock-x")
    why = 'pods "clock-1-a" is forbidden: exceeded quota: team, requested: pods=1, used: pods=3'
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why}
    world.set_status(REPLICA_SET, "clock-1", {"conditions": [failed]})


def _model(said: str) -> Callable[[Checked], object]:
    return lambda world: remember(world, "clock", asked(said=said), asked(said=said, id_="7a5c0002"))


def _tool_of_server(world: Checked) -> None:
    """The agent runs, and its tool's server does not."""
    down = "MCP tool call failed: connection refused"
    failed = gave("c1", "search", {"error": down})
    remember(world, "clock", asked(message("agent", called("c1", "search")), message("agent", failed)))


CAUSES: dict[str, Callable[[Checked], object]] = {
    **{
        name: FAULTS[name][0]
        for name in (
            *("image", "crash", "out-of-memory", "probe", "model-without-secret", "missing-model"),
            *("remote-server-down", "tool-not-offered", "missing-server", "controller-at-0"),
        )
    },
    "refused-by-a-rule": lambda world: world.refuse(
        AGENT, "clock", "spec.declarative: Invalid value: systemMessage and systemMessageFrom are both set"
    ),
    "quota": _quota,
    "model-401": _model(
        "Error code: 401 - {'error': {'message': 'Incorrect API key provided: sk-abcdefghij0123456789.', "
        "'code': 'invalid_api_key'}}"
    ),
    "model-429": _model("Error code: 429 - Rate limit reached for requests per minute"),
    "tool-failed": _tool_of_server,
}


@pytest.mark.parametrize("name", CAUSES)
def test_a_cause_can_be_told_from_the_page_alone(
    name: str, kagent: Kagent, world: Checked, screen: Screen
) -> None:
    CAUSES[name](world)
    screen(f"report-{name}", wrong(reported(kagent, world)["index.html"]))


@pytest.mark.parametrize(
    "resource", [*LISTABLE, DEPLOYMENT, REPLICA_SET, POD], ids=lambda resource: resource.plural
)
def test_what_may_not_be_listed_is_said_and_the_rest_is_there(
    resource: Resource, kagent: Kagent, world: Checked
) -> None:
    before = as_read(reported(kagent, world)["index.html"])
    world.deny("list", resource)
    page = as_read(reported(kagent, world)["index.html"])
    had = page.partition("What could not be had\n")[2].partition("Agents and MCP servers\n")[0]
    assert f'cannot list resource "{resource.plural}"' in had
    assert f'cannot list resource "{resource.plural}"' not in before
    expected = {AGENT: ("mcpserver",), MCP_SERVER: ("agent",)}.get(resource, ("agent", "mcpserver"))
    assert [kind for kind in expected if f"{kind} default/" not in page] == []


def test_a_controller_that_does_not_answer_takes_only_tasks_away(kagent: Kagent, world: Checked) -> None:
    for key in list(world.services):
        del world.services[key]
    page = as_read(reported(kagent, world)["index.html"])
    assert 'tasks of agent default/clock: services "kagent-controller" not found\n' in page
    assert "Name:         clock\n" in page


def test_no_secret_is_read_and_nothing_is_written(kagent: Kagent, world: Checked) -> None:
    reported(kagent, world, "-A")
    assert world.writes == []
    assert "secrets" not in {request.resource.plural for request in world.requests}
