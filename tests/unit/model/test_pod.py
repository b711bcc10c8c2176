"""A pod's line as kubectl prints it; init containers count, since kagent's skills are some."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.model.pod import Pod

Object = dict[str, Any]

RUNNING: Object = {"running": {"startedAt": "2026-11-23T08:00:00Z"}}
LOOPING: Object = {"waiting": {"reason": "CrashLoopBackOff"}}
FAILED: Object = {"terminated": {"exitCode": 1, "reason": "Error"}}
DONE: Object = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def status(name: str, state: Object, **more: Any) -> Object:
    return {"name": name, "state": state, **more}


def pod(*main: Object, init: tuple[Object, ...] = (), **said: Any) -> Pod:
    spec = {
        "containers": [{"name": item["name"]} for item in main],
        "initContainers": [{"name": item["name"]} for item in init],
    }
    told = {"phase": "Pending", "containerStatuses": list(main), "initContainerStatuses": list(init), **said}
    return Pod({"metadata": {"name": "x"}, "spec": spec, "status": told})


STARTING = status("kagent", {"waiting": {"reason": "PodInitializing"}})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(status("kagent", RUNNING), phase="Running"), "Running"),
        (pod(status("kagent", LOOPING)), "CrashLoopBackOff"),
        (pod(status("kagent", {"waiting": {"reason": "ContainerCreating"}})), "ContainerCreating"),
        (pod(status("kagent", {"terminated": {"exitCode": 3}})), "ExitCode:3"),
        (pod(status("kagent", {"terminated": {"exitCode": 137, "signal": 9}})), "Signal:9"),
        (pod(status("kagent", FAILED)), "Error"),
        (pod(phase="Pending"), "Pending"),
        (pod(phase="Failed", reason="Evicted"), "Evicted"),
        (pod(STARTING, init=(status("skills", LOOPING),)), "Init:CrashLoopBackOff"),
        (
            pod(STARTING, init=(status("skills", FAILED),)),
            "Init:Error",
        ),
        (pod(STARTING, init=(status("a", DONE), status("b", RUNNING))), "Init:1/2"),
        (pod(STARTING, init=(status("a", {"waiting": {"reason": "PodInitializing"}}),)), "Init:0/1"),
        (pod(STARTING, init=(status("a", DONE),)), "PodInitializing"),
        (pod(status("kagent", RUNNING), init=(status("a", DONE),), phase="Running"), "Running"),
        (
            pod(status("kagent", RUNNING), init=(status("side", RUNNING, started=True),), phase="Running"),
            "Running",
        ),
        (pod(status("a", DONE), status("b", RUNNING), phase="Running"), "NotReady"),
        (
            pod(
                status("a", DONE),
                status("b", RUNNING),
                phase="Running",
                conditions=[{"type": "Ready", "status": "True"}],
            ),
            "Running",
        ),
    ],
)
def test_status_is_as_in_kubectl(found: Pod, said: str) -> None:
    assert found.status == said


def test_a_pod_that_goes() -> None:
    obj = {**pod(status("kagent", RUNNING)).obj, "metadata": {"name": "x", "deletionTimestamp": "2026"}}
    assert Pod(obj).status == "Terminating"
    assert Pod({**obj, "status": {"reason": "NodeLost"}}).status == "Unknown"


def test_restarts_and_the_last_failure_of_an_init_container() -> None:
    ended = {"terminated": {"exitCode": 2, "reason": "Error"}}
    failing = status("skills", LOOPING, restartCount=4, lastState=ended)
    found = pod(status("kagent", STARTING["state"], restartCount=0), init=(failing,))
    assert (found.ready, found.restarts, found.last_failure) == (0, 4, "skills: Error (exit code 2)")
    later = pod(
        status("kagent", RUNNING, restartCount=1, ready=True), init=(status("skills", DONE, restartCount=4),)
    )
    assert (later.ready, later.restarts, later.last_failure) == (1, 1, "")
