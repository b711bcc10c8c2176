"""Traces, logs and metrics beside the cluster, as host processes: the bundle, and what it sends to."""

import sys
from collections.abc import Callable
from string import Template

from tests.lab import images, kagent
from tests.lab.build import program
from tests.lab.images.shelf import key_of
from tests.lab.layout import NODE_ADDRESS, Layout
from tests.lab.probes import answers, listens
from tests.lab.processes import PATH, Part
from tests.lab.telemetry.collectors import collector, logs
from tests.lab.telemetry.files import FOLDER, settings
from tests.lab.telemetry.scraping import alertmanager, prometheus
from tests.lab.telemetry.state import kube_state_metrics, state_metrics

NAMESPACE = "monitoring"
OTLP_PORT = 4317
JAEGER_RECEIVER_PORT = 14317
PUSHER_PORT = 3101
_BUNDLE = str(FOLDER / "bundle")
# What kagent's chart sets for tracing, and spans sent every second instead of every five; the controller
# hands every OTEL_ variable on to its agents. Not by the collector's Service: where the lab's kube-proxy has
# to put the node's address in place of a pod's, the collector would not know whose pod sends.
CONTROLLER_ENVIRONMENT = {
    "OTEL_TRACING_ENABLED": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{NODE_ADDRESS}:{OTLP_PORT}",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "true",
    "OTEL_BSP_SCHEDULE_DELAY": "1000",
}


def jaeger(layout: Layout) -> Part:
    serves = answers(layout, f"http://{NODE_ADDRESS}:16686/api/v3/services")
    receives = listens(layout, NODE_ADDRESS, JAEGER_RECEIVER_PORT)
    path, text = settings(layout, "jaeger")
    command = [str(program(layout, "jaeger")), f"--config=file:{path}"]
    environment = {"PATH": PATH, "OTEL_TRACES_SAMPLER": "always_off"}  # or it sends traces of itself
    return Part("jaeger", command, lambda: receives() and serves(), {path: text}, environment, patience=5)


def loki(layout: Layout) -> Part:
    path, text = settings(layout, "loki")
    command = [str(program(layout, "loki")), f"-config.file={path}"]
    ready = answers(layout, f"http://{NODE_ADDRESS}:3100/ready")
    return Part("loki", command, ready, {path: text}, patience=5)


def pusher(layout: Layout) -> Part:
    program = FOLDER / "pusher.py"
    push = f"http://{NODE_ADDRESS}:3100/loki/api/v1/push"
    command = [sys.executable, str(program), NODE_ADDRESS, str(PUSHER_PORT), push]
    ready = listens(layout, NODE_ADDRESS, PUSHER_PORT)
    return Part("pusher", command, ready, env={"PROGRAM_CONTENT": key_of(program)})


PARTS: dict[str, Callable[[Layout], Part]] = {
    "jaeger": jaeger,
    "loki": loki,
    "pusher": pusher,
    "collector": collector,
    "logs": logs,
    "state-metrics": state_metrics,
    "kube-state-metrics": kube_state_metrics,
    "alertmanager": alertmanager,
    "prometheus": prometheus,
}


def apply_objects(layout: Layout) -> None:
    """The Services by which clients find the parts, and the bundle's objects, whose roles the parts need."""
    kagent.kubectl(layout, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_services())
    kagent.kubectl(layout, "apply", "--server-side", "--force-conflicts", "-k", _BUNDLE)
    kagent.kubectl(layout, "-n", NAMESPACE, "wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")


def delete_objects(layout: Layout) -> None:
    """A client that finds a Service by its label must find none without a backend behind it."""
    kagent.kubectl(layout, "delete", "--ignore-not-found", "-f", "-", stdin=_services())
    kagent.kubectl(layout, "delete", "--ignore-not-found", "-k", _BUNDLE)


def _services() -> str:
    return Template((FOLDER / "services.yaml").read_text()).substitute(pause=images.PAUSE)
