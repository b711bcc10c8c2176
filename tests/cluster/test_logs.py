"""Logs of pods that really write: none lost, none twice, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_kagent.cluster.api import ApiServer
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.following import following
from tests.cluster.log_pods import on_node, running, shown, tell, writer
from tests.cluster.workloads import create
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

PODS, LINES, RATE = 10, 20_000, 1_000


def test_ten_pods_none_lost_none_twice_in_order(
    tools: Tools, api: ApiServer, lab: Lab, tmp_path: Path
) -> None:
    create(api, writer("many", replicas=PODS, lines=LINES, rate=RATE))
    pods = wait_for(lambda: found if len(found := running(api, "many")) == PODS else None, "the pods", 120)
    with following(tools, tmp_path, "many") as follower:
        for pod in pods:
            tell(tools, pod, "begin")
        wait_for(lambda: follower.count() >= PODS * LINES, "the last line", 120)
        assert follower.said() == []
        lines = follower.lines()
        assert lines == on_node(lab, tools.namespace)
        assert {pod: [number for _, number in found] for pod, found in lines.items()} == {
            pod: list(range(LINES)) for pod in pods
        }
        order = follower.order()
        assert order == sorted(order)
    past = tools.kagent("logs", "many", "--prefix", "--timestamps")
    assert (past.code, past.err) == (0, "")
    stamps = [stamp for _, stamp, _ in shown(past.out.encode().splitlines())]
    assert stamps == order
