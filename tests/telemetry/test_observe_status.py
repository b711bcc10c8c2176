"""observe status of the lab: what arrives, and what it has not. Its staged breaks are in the rehearsal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.cluster.conftest import wait_for
from tests.telemetry.conftest import Turn

pytestmark = pytest.mark.telemetry

# kagent-tools and agentgateway do not run here, and with the stand-in the controller has no metrics.
ARRIVING = {
    *("prometheus", "collector", "traces", "stored-traces", "span-metrics", "logs", "stored-logs", "state"),
    *("kube-state-metrics", "cadvisor", "rules", "alertmanager", "clocks"),
}
# Nobody has installed the bundle: its collectors are host processes.
AWAY = {
    "recorder": "$ kubectl kagent observe install --recorder-image=IMAGE",
    "dashboards": "$ kubectl kagent observe install",
}


def test_what_arrives_and_what_is_missing(turn: Turn) -> None:
    tools = replace(turn.tools, namespace="kagent-observability")

    def arriving() -> set[str] | None:
        """All of them, once rules were evaluated and the turn's spans have come."""
        done = tools.kagent("observe", "status", "-o", "json")
        assert done.code == 1, done
        found = {item["signal"] for item in json.loads(done.out)["items"] if item["status"] == "arriving"}
        return found if found >= ARRIVING else None

    found = wait_for(arriving, f"{', '.join(sorted(ARRIVING))}", 240)
    assert not found & AWAY.keys()
    done = tools.kagent("observe", "status")
    assert (done.code, done.err) == (1, "")
    for signal, remedy in AWAY.items():
        (block,) = (part for part in done.out.split("\n\n") if part.startswith(f"{signal}:\n"))
        assert remedy in block
