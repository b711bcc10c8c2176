"""The lab's way from the collector into Loki 2: labels, order, and what the collector sends again."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from tests.lab.telemetry.pusher import Handler, pushed
from tests.loopback import Loopback, response, serve


def attributes(**values: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in values.items()]


def record(time: int, text: str) -> dict[str, Any]:
    return {"timeUnixNano": str(time), "body": {"stringValue": text}, "attributes": []}


def export(*records: dict[str, Any], **resource: str) -> dict[str, Any]:
    logs = {"resource": {"attributes": attributes(**resource)}, "scopeLogs": [{"logRecords": list(records)}]}
    return {"resourceLogs": [logs]}


ONE = export(record(1, "a"), record(3, "c"), record(2, "b"), k8s_pod_name="p", k8s_pod_uid="u", agent="x")
LABELS = {"k8s_pod_name": "p", "agent": "x"}
SORTED = {"streams": [{"stream": LABELS, "values": [["1", "a"], ["2", "b"], ["3", "c"]]}]}


def test_a_stream_is_a_container_in_the_order_of_time() -> None:
    assert pushed(ONE, {}) == SORTED


def test_what_comes_late_is_a_stream_of_its_own() -> None:
    last: dict[Any, int] = {}

    def push(*times: int) -> Any:
        found = pushed(export(*(record(time, "") for time in times), agent="x"), last)["streams"]
        return [(one["stream"].get("late"), [int(time) for time, _ in one["values"]]) for one in found]

    assert push(10, 20) == [(None, [10, 20])]
    assert push(20, 15, 30) == [("1", [15]), (None, [20, 30])]
    assert push(12, 16, 40) == [("2", [12]), ("1", [16]), (None, [40])]


@pytest.fixture
def loki() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def pusher(loki: Loopback, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Handler, "last", {})
    monkeypatch.setattr(Handler, "loki", f"{loki.url}/loki/api/v1/push", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/logs"
        server.shutdown()


@pytest.mark.parametrize(("answered", "told"), [(204, 200), (400, 400), (429, 429), (500, 503), (503, 503)])
def test_the_collector_sends_again_what_loki_can_not_take_now(
    loki: Loopback, pusher: str, answered: int, told: int
) -> None:
    """It does so after 429 and 503."""
    loki.answer = lambda _: response(answered, "no", "text/plain")
    request = urllib.request.Request(pusher, json.dumps(ONE).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        with error:
            status = error.code
    assert status == told
    assert json.loads(loki.received[0].body) == SORTED
