"""rollout undo as a process: what it prints and restores, and Ctrl-C at any moment of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from typing import Any

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import REVISION_HISTORY_LIMIT, Workload
from tests.cluster.conftest import Done, Tools, wait_for
from tests.cluster.workloads import (
    MANAGER,
    byo,
    config_hash,
    create,
    declarative,
    edit,
    key,
    model_config,
    parked,
    read,
    set_prompt,
)

pytestmark = pytest.mark.cluster

STEPS = 12
INTERRUPTED = (130, -signal.SIGINT)  # the second is one of a process that had not begun yet: 130 in a shell


@pytest.fixture
def two(tools: Tools, api: ApiServer) -> tuple[str, str]:
    """An agent with two recorded revisions; their config hashes."""
    create(api, key(), model_config(), declarative("clock"))
    first = config_hash(api, "clock")
    assert tools.kagent("rollout", "history", "clock").code == 0
    set_prompt(api, "clock", "Second prompt.")
    assert tools.kagent("rollout", "history", "clock").code == 0
    return first, config_hash(api, "clock")


def prompt(api: ApiServer) -> str:
    return str(read(api, "clock")["spec"]["declarative"]["systemMessage"])


def decided(api: ApiServer) -> dict[str, Any]:
    """The agent without its status, which its controller may write at any time."""
    found = read(api, "clock")
    metadata = {key: value for key, value in found["metadata"].items() if key != "resourceVersion"}
    own = [entry for entry in metadata.pop("managedFields") if not entry.get("subresource")]
    return {"metadata": metadata, "managedFields": own, "spec": found["spec"]}


def revisions(api: ApiServer) -> list[Revision]:
    return history.revisions_of(api, Workload(AGENT, read(api, "clock")))


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("mode", "suffix"), [("client", "(dry run)"), ("server", "(server dry run)")])
def test_a_dry_run_shows_the_difference_and_changes_nothing(
    tools: Tools, api: ApiServer, mode: str, suffix: str
) -> None:
    before = [decided(api), api.list_objects(CONTROLLER_REVISION, api.namespace)["items"]]
    done = tools.kagent("rollout", "undo", "clock", f"--dry-run={mode}")
    expected = "prompt:\n  --- live\n  +++ revision 1\n  @@ -1 +1 @@\n  -Second prompt.\n  +First prompt.\n"
    assert done == Done(0, f"agent.kagent.dev/clock rolled back to revision 1 {suffix}\n", expected)
    assert before == [decided(api), api.list_objects(CONTROLLER_REVISION, api.namespace)["items"]]


def test_a_second_undo_returns_to_what_the_first_one_left(
    tools: Tools, api: ApiServer, two: tuple[str, str]
) -> None:
    first, second = two
    done = tools.kagent("rollback", "clock")
    line = f"agent.kagent.dev/clock rolled back to revision 1 (config hash {first} is back, now revision 3)\n"
    assert done == Done(0, line, "")

    done = tools.kagent("rollback", "clock")
    line = (
        f"agent.kagent.dev/clock rolled back to revision 2 (config hash {second} is back, now revision 4)\n"
    )
    warning = "Warning: revision 2 was itself rolled back from (in revision 3)\n"
    assert done == Done(0, line, warning)
    assert prompt(api) == "Second prompt."
    newest = revisions(api)[-1]
    assert (newest.number, newest.rollback_of) == (4, 2)
    assert newest.change_cause == "kubectl kagent rollout undo agent/clock --to-revision=2"
    assert newest.changed_by == newest.recorded_by == "kubectl-kagent"


@pytest.mark.usefixtures("two")
def test_the_live_revision_is_nothing_to_return_to(tools: Tools, api: ApiServer) -> None:
    before = decided(api)
    words = ("rollout", "undo", "agent/clock", "--to-revision=2")
    line = "agent.kagent.dev/clock skipped rollback (current spec already matches revision 2)\n"
    assert tools.kagent(*words) == Done(0, line, "")
    assert tools.kagent(*words, "--error-unchanged") == Done(3, "", f"error: {line}")
    assert decided(api) == before
    assert len(revisions(api)) == 2


@pytest.mark.usefixtures("two")
def test_the_restored_object_can_be_printed_and_is_stored_under_the_given_manager(
    tools: Tools, api: ApiServer
) -> None:
    done = tools.kagent("rollout", "undo", "agent/clock", "-o", "json", "--field-manager=robot")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["spec"] == read(api, "clock")["spec"]
    assert revisions(api)[-1].changed_by == "robot"


def test_an_object_of_kubectl_apply_is_warned_about(tools: Tools, api: ApiServer) -> None:
    for text in ("first", "second"):
        agent = parked("clock")
        agent["spec"]["description"] = text
        tools.kubectl("apply", "-f", "-", stdin=json.dumps(agent))
    wait_for(lambda: config_hash(api, "clock"), "the Deployment")
    done = tools.kagent("rollout", "undo", "agent/clock")
    assert done.code == 0
    assert done.err == (
        "Warning: agent.kagent.dev/clock was made with kubectl apply: the next apply of the same file puts "
        "its version back\n"
    )
    assert read(api, "clock")["spec"]["description"] == "first"


def test_the_next_apply_removes_what_only_the_undone_to_version_had(tools: Tools, api: ApiServer) -> None:
    env = [{"name": "ONLY", "value": "first"}]
    for text, more in (("first", {"env": env}), ("second", {})):
        agent = parked("clock", **more)
        agent["spec"]["description"] = text
        tools.kubectl("apply", "-f", "-", stdin=json.dumps(agent))
        wait_for(lambda: config_hash(api, "clock"), "the Deployment")
        assert tools.kagent("rollout", "history", "clock").code == 0
    assert tools.kagent("rollout", "undo", "agent/clock").code == 0
    assert read(api, "clock")["spec"]["byo"]["deployment"]["env"] == env
    agent["spec"]["description"] = "third"
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(agent))
    spec = read(api, "clock")["spec"]
    assert (spec["description"], "env" in spec["byo"]["deployment"]) == ("third", False)


def test_another_type_of_agent_is_rolled_back_but_for_its_count(tools: Tools, api: ApiServer) -> None:
    create(api, key(), model_config(), declarative("clock"))
    before = read(api, "clock")["spec"]
    assert tools.kagent("rollout", "history", "clock").code == 0
    patch = [{"op": "replace", "path": "/spec", "value": parked("clock", replicas=2)["spec"]}]
    api.json_patch(AGENT, api.namespace, "clock", patch, manager=MANAGER)
    done = tools.kagent("rollout", "undo", "agent/clock")
    assert (done.code, done.err) == (0, "")
    before["declarative"]["deployment"]["replicas"] = 2
    assert read(api, "clock")["spec"] == before


def test_wait_ends_when_the_pods_of_the_old_config_are_there(tools: Tools, api: ApiServer) -> None:
    create(api, byo("clock"))
    assert tools.kagent("rollout", "history", "clock").code == 0
    unready = [{"name": "UNREADY", "value": "1"}]
    edit(api, "clock", {"byo": {"deployment": {"env": unready}}})
    done = tools.kagent("rollout", "undo", "agent/clock", "--wait", "--timeout=60s")
    assert done.code == 0
    assert "is back" in done.out
    ready = tools.kagent("get", "agent", "clock").out.split()[-1]
    assert ready == "Ready"


# Ctrl-C


def undoing(tools: Tools) -> subprocess.Popen[str]:
    return tools.start("rollout", "undo", "agent/clock", "--to-revision=1")


def begun(output: str) -> bool:
    """Whether a traceback goes deeper into ours than the first files, before Ctrl-C is taken in hand.

    Python prints one when it is interrupted while it starts, and nobody can keep it from that.
    """
    first = {"kubectl_kagent/__init__.py", "kubectl_kagent/__main__.py"}
    ours = set(re.findall(r'File "[^"]*/(kubectl_kagent/[^"]+)"', output))
    return bool(ours - first) or not output.endswith("KeyboardInterrupt\n")


def is_done(api: ApiServer, bad: Revision, process: subprocess.Popen[str]) -> bool:
    """Whether the spec was restored; fails unless that was recorded too, and the exit code fits."""
    output = "".join(process.communicate(timeout=60))
    assert "Traceback" not in output or not begun(output)
    new = [revision for revision in revisions(api) if revision.number > bad.number]
    if prompt(api) == bad.spec["declarative"]["systemMessage"]:
        # an interrupt in the start of Python itself ends as Python sees fit
        assert process.returncode in INTERRUPTED or not begun(output), output
        assert new == [], output
        return False
    assert prompt(api) == "First prompt.", output
    assert process.returncode in (0, *INTERRUPTED), output
    cause = "kubectl kagent rollout undo agent/clock --to-revision=1"
    assert [(revision.rollback_of, revision.change_cause) for revision in new] == [(1, cause)], output
    return True


def go_bad(api: ApiServer, text: str) -> Revision:
    """Put a bad prompt in, recorded."""
    obj = edit(api, "clock", {"declarative": {"systemMessage": text}})
    live = history.update(api, Workload(AGENT, obj), manager=MANAGER).live
    assert live
    return live


def test_ctrl_c_at_any_moment_leaves_it_undone_or_done_and_recorded(
    tools: Tools, api: ApiServer, two: tuple[str, str]
) -> None:
    limit = {"metadata": {"annotations": {REVISION_HISTORY_LIMIT: "100"}}}
    api.merge_patch(AGENT, api.namespace, "clock", limit, manager=MANAGER)
    started = time.monotonic()
    out, _ = undoing(tools).communicate(timeout=60)
    assert two[0] in out
    span = time.monotonic() - started
    for step in range(STEPS):
        bad = go_bad(api, f"Bad prompt {step}.")
        process = undoing(tools)
        time.sleep(1.2 * span * step / STEPS)
        process.send_signal(signal.SIGINT)
        is_done(api, bad, process)


@pytest.mark.usefixtures("two")
def test_ctrl_c_between_the_change_and_its_record_waits_for_the_record(tools: Tools, api: ApiServer) -> None:
    for text in ("Third prompt.", "Fourth prompt.", "Fifth prompt."):
        bad = go_bad(api, text)
        process = undoing(tools)
        events = api.watch(AGENT, api.namespace, str(bad.resource_version), seconds=60)
        restored = {"systemMessage": "First prompt."}.items()
        next(event for event in events if restored <= event["object"]["spec"]["declarative"].items())
        process.send_signal(signal.SIGINT)
        assert is_done(api, bad, process)
        assert process.returncode == 130
