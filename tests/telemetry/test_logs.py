"""logs: what the node has no more comes from Loki, once and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import own_namespace, wait_for
from tests.cluster.log_pods import running, shown, tell, writer
from tests.cluster.workloads import create
from tests.telemetry.conftest import ask

pytestmark = pytest.mark.telemetry

LINES = 300


def test_a_pod_that_is_gone(lab_kubeconfig: Path) -> None:
    """Its lines from Loki, then those of its successor, which both know: from the node."""
    with own_namespace(lab_kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
        create(api, writer("clock", replicas=1, lines=LINES, rate=1000))

        def write() -> str:
            pod = wait_for(lambda: running(api, "clock"), "a pod")[0]
            tell(tools, pod, "begin")
            query = f'sum(count_over_time({{k8s_namespace_name="{tools.namespace}"}} |= "" [1h]))'
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
        done = tools.kagent(*words, "--loki=auto")
        assert done.code == 0, done.err
        lines = list(shown(done.out.encode().splitlines()))
        assert [(pod, number) for pod, _, number in lines] == [
            (pod, number) for pod in pods for number in range(LINES)
        ]
        assert [stamp for _, stamp, _ in lines] == sorted(stamp for _, stamp, _ in lines)
        alone = tools.kagent(*words)
        assert alone.out.splitlines() == done.out.splitlines()[LINES:]
