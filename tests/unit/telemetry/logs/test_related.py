"""The lines of a task or session: by its ids, and by its time in a container that names it then."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.model.resources import AGENT, POD
from kubectl_kagent.telemetry.logs.related import RelatedLines, Subject, of_session, of_task
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent

Object = dict[str, Any]


@dataclass
class Answers:
    """A controller that knows these paths."""

    found: dict[str, Object] = field(default_factory=dict)

    def call(self, method: str, path: str, *_: Any, **__: Any) -> Object:
        return {"data": self.found[path.partition("?")[0]]}


def event(at: str, author: str, **more: Any) -> Object:
    return {"created_at": f"2026-11-23T08:{at}Z", "data": json.dumps({"author": author, **more})}


EVENTS = [
    event("00:01.0", "system"),
    event("00:01.1", "user"),
    event("00:09", "clock"),
    event("05:00", "user"),
    {"created_at": "2026-11-23T08:05:02.25Z", "data": '{"Author":"clock"}'},
]
TASK = {"id": "t2", "contextId": "5e55", "status": {"timestamp": "2026-11-23T08:05:02Z"}}


def controller() -> Controller:
    return Controller(Answers({"/api/sessions/5e55": {"events": EVENTS}, "/api/tasks/t2": TASK}))


def line(at: str, text: str) -> bytes:
    second, _, fraction = at.partition(".")
    return f"2026-11-23T08:{second}.{fraction:0<9}Z {text}".encode()


def test_the_turns_of_a_session() -> None:
    assert of_session(controller(), "5e55", goes_on=False).spans == (
        (b"2026-11-23T08:00:00.000000000Z", b"2026-11-23T08:00:02.000000000Z"),
        (b"2026-11-23T08:00:00.100000000Z", b"2026-11-23T08:00:10.000000000Z"),
        (b"2026-11-23T08:04:59.000000000Z", b"2026-11-23T08:05:03.250000000Z"),
    )
    assert of_session(controller(), "5e55", goes_on=True).spans[-1][1] == b"\xff"


def test_the_turn_of_a_task() -> None:
    about = of_task(controller(), "t2", goes_on=False)
    assert (about.id, about.session) == ("t2", "5e55")
    assert about.spans == ((b"2026-11-23T08:04:59.000000000Z", b"2026-11-23T08:05:03.250000000Z"),)


def chosen(about: Subject, *lines: bytes) -> list[str]:
    related = RelatedLines(about)
    return [text[31:].decode() for item in lines for text in related.choose([item])]


def test_a_runtime_without_ids_in_its_lines_gives_those_of_the_turns_time() -> None:
    about = of_task(controller(), "t2", goes_on=False)
    assert chosen(
        about,
        line("04:58", "before"),
        line("05:00.1", "Warning: no id yet"),
        line("05:00.2", "GET /api/sessions/5e55?user_id=a"),
        line("05:01", "calling a tool"),
        line("05:09", "after, GET /api/sessions/5e55"),
        line("06:00", "late, and names t2"),
    ) == ["Warning: no id yet", "GET /api/sessions/5e55?user_id=a", "calling a tool", "late, and names t2"]


def test_a_container_that_does_not_name_it_has_none_of_its_lines() -> None:
    about = of_task(controller(), "t2", goes_on=False)
    assert chosen(about, line("05:00.1", "something else"), line("05:01", "GET /api/sessions/other")) == []


def test_lines_that_name_another_task_are_left_out() -> None:
    about = of_task(controller(), "t2", goes_on=False)
    assert chosen(
        about,
        line("05:00", '{"msg":"Execute","taskID":"t2","contextID":"5e55"}'),
        line("05:01", '{"msg":"Execute","taskID":"t3","contextID":"5e55"}'),
        line("05:01", "HTTP Request: POST http://kagent-controller.kagent:8083/api/sessions/other/events"),
        line("05:01", '{"msg":"Tool execution started","sessionID":"other"}'),
        line("05:01", "Creating new task for event (task_id: t3, context_id: 5e55)."),
        line("05:02", '{"msg":"no id"}'),
    ) == ['{"msg":"Execute","taskID":"t2","contextID":"5e55"}', '{"msg":"no id"}']


def test_all_tasks_of_a_session_belong_to_it() -> None:
    about = of_session(controller(), "5e55", goes_on=False)
    one, two = '{"taskID":"t2","contextID":"5e55"}', '{"taskID":"t3","contextID":"x"}'
    words, others = (f"new task for event (task_id: t3, context_id: {id_})." for id_ in ("5e55", "x"))
    lines = [line(f"05:0{place}", text) for place, text in enumerate((one, two, words, others))]
    assert chosen(about, *lines) == [one, words]


def test_without_the_controller_only_lines_that_name_it(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    labels = {"app": "kagent", "kagent": "clock"}
    status = {"containerStatuses": [{"name": "kagent", "state": {"running": {}}}]}
    body = {"metadata": {"name": "p", "labels": labels}, "spec": {"containers": [{"name": "kagent"}]}}
    cluster.add(POD, {"apiVersion": "v1", "kind": "Pod", "status": status, **body})
    cluster.kubelet.write("p", "08:00:00 one", "08:00:01 two t2", "08:00:02 three")
    assert kagent("logs", "clock", "--task=t2") == (
        0,
        "two t2\n",
        "Warning: only lines that name it are shown: no kagent controller service was found in any "
        "namespace; is kagent installed? --kagent-namespace says where, --kagent-url at which address\n",
    )
    assert kagent("logs", "clock", "--trace=one") == (0, "one\n", "")
