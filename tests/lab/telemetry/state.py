"""kube-state-metrics twice: the bundle's, which knows only kagent's objects, and one as a cluster has it."""

from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.images.shelf import key_of
from tests.lab.layout import NODE_ADDRESS, Layout
from tests.lab.probes import answers
from tests.lab.processes import Part
from tests.lab.telemetry.files import BUNDLE, CLIENT, NAMESPACE

RESOURCES = ("deployments", "pods", "horizontalpodautoscalers", "replicasets", "resourcequotas")


def state_metrics(layout: Layout) -> Part:
    settings = BUNDLE / "state-metrics" / "state-metrics.yaml"
    access = kubeconfig(layout, CLIENT, acts_as=f"system:serviceaccount:{NAMESPACE}:kagent-state-metrics")
    words = ["--custom-resource-state-only", f"--custom-resource-state-config-file={settings}"]
    return _part(layout, "state-metrics", 8085, access, words, key_of(settings))


def kube_state_metrics(layout: Layout) -> Part:
    """As kagent's own labels are wanted of it, which it leaves out unless it is asked for them."""
    words = [
        f"--resources={','.join(RESOURCES)}",
        "--metric-labels-allowlist=deployments=[kagent,app],pods=[kagent,app]",
    ]
    return _part(layout, "kube-state-metrics", 8087, kubeconfig(layout, CLIENT), words)


def _part(layout: Layout, name: str, port: int, access: str, words: list[str], content: str = "") -> Part:
    command = [
        str(program(layout, "kube-state-metrics")),
        f"--kubeconfig={access}",
        f"--host={NODE_ADDRESS}",
        f"--port={port}",
        f"--telemetry-host={NODE_ADDRESS}",
        f"--telemetry-port={port + 1}",
        *words,
    ]
    ready = answers(layout, f"http://{NODE_ADDRESS}:{port + 1}/readyz")
    return Part(name, command, ready, env={"BUNDLE_CONTENT": content})
