"""logs: what the node has no more comes from Loki, once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import own_namespace, wait_for
from tests.cluster.log_pods import running, shown, tell, writer
from tests.cluster.workloads import create
from tests.telemetry import own
from tests.telemetry.conftest import ask

pytestmark = pytest.mark.telemetry

LINES = 300


def test_a_pod_that_is_gone(lab_kubeconfig: Path) -> None:
    """Its lines from Loki, then those of its successor, which both know: from the node."""
    with own_namespace(lab_kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
        create(api, writer("clock", replicas=1, lines=LINES, rate=1000))
        selector = f'{{k8s_namespace_name="{tools.namespace}"}} |= ""'
        query = f"sum(count_over_time({selector} [1h]))"

        def write() -> str:
            pod = wait_for(lambda: running(api, "clock"), "a pod")[0]
            tell(tools, pod, "begin")
            wanted = LINES * (len(pods) + 1)

            def counted() -> bool:
                found = ask(tools, "loki", "/loki/api/v1/query", query=query)["data"]["result"]
                return bool(found) and int(found[0]["value"][1]) == wanted

            wait_for(counted, f"{wanted} lines in Loki")
            return pod

        pods: list[str] = []
        pods.append(write())
        tools.kubectl("delete", "pod", pods[0])
        pods.append(write())
        words = ("logs", "clock", "--prefix", "--timestamps", "--since=1h")
        alone = tools.kagent(*words)
        sources = ["auto"]
        if own.LOKI:
            found = ask(tools, "loki", "/loki/api/v1/query_range", query=selector, limit="5000")
            own.push(found["data"]["result"])
            wait_for(lambda: own.count(query) == 2 * LINES, "the lines in the user's own Loki")
            sources.append(own.LOKI)
        for source in sources:
            done = tools.kagent(*words, f"--loki={source}")
            assert done.code == 0, done.err
            lines = list(shown(done.out.encode().splitlines()))
            assert [(pod, number) for pod, _, number in lines] == [
                (pod, number) for pod in pods for number in range(LINES)
            ]
            assert [stamp for _, stamp, _ in lines] == sorted(stamp for _, stamp, _ in lines)
            assert alone.out.splitlines() == done.out.splitlines()[LINES:]
