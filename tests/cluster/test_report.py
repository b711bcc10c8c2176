"""report on the real API server: staged failures told from its page, and no secret in any of its bytes."""

from __future__ import annotations

import base64
import json
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG
from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.cluster.workloads import (
    byo,
    create,
    declarative,
    key,
    mcp_server,
    model_config,
    remote_server,
    tool,
)
from tests.lab.images.python import AGENT_RUNTIME, PYTHON
from tests.unit.commands.test_report import wrong

pytestmark = pytest.mark.cluster

CANARY = "cAnArY7xQ9wL"  # in every literal
SECRET = "cAnArY8xQ9wL"  # what the Secret holds, and a program prints

# An agent that prints what it has from a Secret in several spellings, and ends. One stream: of two, a log
# has no order, as the runtime copies each on its own.
PROGRAM = """
import base64, json, os, sys
sys.stderr = sys.stdout
secret = os.environ["FROM_SECRET"]
print("INFO: connecting with", secret, "now")
print(json.dumps({"level": "info", "msg": "connecting", "value": secret}))
print("sent", base64.b64encode(b"robin:" + secret.encode()).decode())
print("key", secret[:6] + "\\n  " + secret[6:])
print("mode", os.environ["MODE"], flush=True)
raise ValueError("no such zone: Mars")
"""


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    """Faults of an image, a program, a model and a server, with a secret in each object."""
    with own_namespace(lab_kubeconfig) as found:
        api = connect(Connection(kubeconfig=str(found.kubeconfig), namespace=found.namespace))
        secret = key() | {"stringData": {"KEY": SECRET}}
        model, locked = model_config(), model_config("locked")
        model["spec"]["defaultHeaders"] = {"x-team": CANARY}
        locked["spec"]["apiKeySecret"] = "absent"
        server = remote_server("tools")
        server["spec"]["headersFrom"] = [{"name": "X-Team", "value": CANARY}]
        server["spec"]["url"] = f"http://127.0.0.1:9/{CANARY}/mcp"
        settings = declarative("clock", tools=[tool("tools", "now")], systemMessage=f"Say {CANARY}.")
        settings["metadata"]["annotations"] = {"team/note": CANARY}
        env = [
            {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "key", "key": "KEY"}}},
            {"name": "MODE", "value": CANARY},
        ]
        program = byo("broken", image=AGENT_RUNTIME, cmd=PYTHON, args=["-c", PROGRAM], env=env)
        create(api, secret, model, server, settings, program)
        create(api, byo("unpulled", image="lab.local/absent:1"))
        create(api, mcp_server("server", replicas=0, env={"MODE": CANARY}, args=["--team", CANARY]))
        for resource, body in ((MODEL_CONFIG, locked), (AGENT, declarative("lost", modelConfig="nowhere"))):
            api.create(resource, found.namespace, body, manager="test")
        wait_for(lambda: "CrashLoopBackOff" in found.kagent("check").out, "the program to fail twice")
        wait_for(lambda: "ErrImageNeverPull" in found.kagent("check").out, "the image not to be there")
        wait_for(lambda: "connection refused" in found.kagent("check").out, "kagent to ask the server")
        yield found


def report(tools: Tools, folder: Path, *words: str) -> dict[str, str]:
    """The files of a report by their names."""
    path = folder / "report.zip"
    path.unlink(missing_ok=True)
    done = tools.kagent("report", *words, f"--file={path}")
    assert (done.code, done.out) == (0, f"{path}\n"), done.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    archive = zipfile.ZipFile(path)
    return {name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist()}


def spellings(value: str) -> list[str]:
    coded = [base64.b64encode(b"-" * before + value.encode()).decode()[4:-4] for before in (3, 4, 5)]
    return [value, value.encode().hex(), *coded]


def test_each_cause_can_be_told_from_the_page(tools: Tools, tmp_path: Path) -> None:
    ns = tools.namespace

    def with_the_log() -> str:
        """The kubelet gives no log of a container that it is just replacing; the page says so then."""
        found = wrong(report(tools, tmp_path)["index.html"])
        return found if "> ValueError: no such zone: Mars\n" in found else ""

    told = wait_for(with_the_log, "the log of the crash")
    assert f"failure:  agent {ns}/broken is " in told
    # held back, or just ended again
    assert re.search(r": (CrashLoopBackOff|Error): container kagent exited with 1 \(restarts: \d", told), told
    assert f"failure:  agent {ns}/unpulled is " in told
    assert ': ErrImageNeverPull: Container image "lab.local/absent:1" is not present' in told
    assert f"failure:  modelconfig {ns}/nowhere does not exist\nused by agent {ns}/lost\n" in told
    assert f"warning:  modelconfig {ns}/locked is not accepted, nor used\n" in told
    assert 'Secret "absent" not found' in told
    assert f"failure:  remotemcpserver {ns}/tools is not ready\n" in told
    assert "connect: connection refused" in told


@pytest.mark.parametrize("words", [(), ("--include-messages",), ("agent/broken",)], ids=len)
def test_no_secret_is_in_it(tools: Tools, tmp_path: Path, words: tuple[str, ...]) -> None:
    found = report(tools, tmp_path, *words)
    logs = [name for name in found if name.startswith(f"logs/{tools.namespace}_broken-")]
    assert len(logs) >= 1  # of the run before the kubelet may have none any more
    assert all("INFO: connecting with [masked] now\n" in found[name] for name in logs)
    assert any("ValueError: no such zone: Mars\n" in found[name] for name in logs)
    for name, text in found.items():
        bare = re.sub(r"\s", "", re.sub(r"^\S+Z ", "", text, flags=re.MULTILINE))
        leaked = [one for value in (CANARY, SECRET) for one in spellings(value) if one in text or one in bare]
        assert leaked == [], name


def test_objects_are_there_without_values(tools: Tools, tmp_path: Path) -> None:
    found = list(yaml.safe_load_all(report(tools, tmp_path, "broken")["objects.yaml"]))
    kinds = {(item["apiVersion"], item["kind"]) for item in found}
    assert kinds >= {
        ("kagent.dev/v1alpha2", "Agent"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("v1", "Pod"),
        ("v1", "Event"),
    }
    env = found[0]["spec"]["byo"]["deployment"]["env"]
    assert env == [
        {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "key", "key": "KEY"}}},
        {"name": "MODE", "value": "[masked]"},
    ]


def test_who_may_see_nothing_is_told_so(tools: Tools, tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    done = tools.kagent("report", f"--file={path}", "--as=nobody")
    assert (done.code, done.out) == (0, f"{path}\n")
    assert 'cannot list resource "agents"' in done.err
    checked = json.loads(report(tools, tmp_path, "--as=nobody")["check.json"])
    assert not checked["failed"]


def test_an_agent_that_is_not_there(tools: Tools, tmp_path: Path) -> None:
    done = tools.kagent("report", "ghost", f"--file={tmp_path / 'x.zip'}")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith('Error from server (NotFound): agents.kagent.dev "ghost" not found\n')
    assert list(tmp_path.iterdir()) == []
