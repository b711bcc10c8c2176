"""Traces, logs and metrics beside the cluster, as host processes: Jaeger, Loki, Prometheus, a collector."""

import sys
from collections.abc import Callable
from pathlib import Path
from string import Template

from tests.lab import images, kagent
from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.images.shelf import key_of
from tests.lab.layout import NODE_ADDRESS, Layout
from tests.lab.probes import answers, listens
from tests.lab.processes import PATH, Part

NAMESPACE = "monitoring"
FOLDER = Path(__file__).parent
CLIENT = "telemetry"  # of the API server
OTLP_PORT = 4317
JAEGER_RECEIVER_PORT = 14317
PUSHER_PORT = 3101
# What kagent's chart sets for tracing, and spans sent every second instead of every five; the controller
# hands every OTEL_ variable on to its agents.
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
    settings, text = _settings(layout, "jaeger")
    command = [str(program(layout, "jaeger")), f"--config=file:{settings}"]
    environment = {"PATH": PATH, "OTEL_TRACES_SAMPLER": "always_off"}  # or it sends traces of itself
    return Part("jaeger", command, lambda: receives() and serves(), {settings: text}, environment, patience=5)


def loki(layout: Layout) -> Part:
    settings, text = _settings(layout, "loki")
    command = [str(program(layout, "loki")), f"-config.file={settings}"]
    ready = answers(layout, f"http://{NODE_ADDRESS}:3100/ready")
    return Part("loki", command, ready, {settings: text}, patience=5)


def pusher(layout: Layout) -> Part:
    program = FOLDER / "pusher.py"
    push = f"http://{NODE_ADDRESS}:3100/loki/api/v1/push"
    command = [sys.executable, str(program), NODE_ADDRESS, str(PUSHER_PORT), push]
    ready = listens(layout, NODE_ADDRESS, PUSHER_PORT)
    return Part("pusher", command, ready, env={"PROGRAM_CONTENT": key_of(program)})


def prometheus(layout: Layout) -> Part:
    settings, text = _settings(layout, "prometheus")
    command = [
        str(program(layout, "prometheus")),
        f"--config.file={settings}",
        f"--storage.tsdb.path={_data(layout, 'prometheus')}",
        f"--web.listen-address={NODE_ADDRESS}:9090",
        "--enable-feature=exemplar-storage",
    ]
    ready = answers(layout, f"http://{NODE_ADDRESS}:9090/-/ready")
    return Part("prometheus", command, ready, {settings: text})


def collector(layout: Layout) -> Part:
    settings, text = _settings(layout, "collector")
    command = [str(program(layout, "collector")), f"--config=file:{settings}"]
    environment = {"PATH": PATH, "KUBECONFIG": kubeconfig(layout, CLIENT)}
    ready = listens(layout, NODE_ADDRESS, OTLP_PORT)
    return Part("collector", command, ready, {settings: text}, environment, patience=5)


PARTS: dict[str, Callable[[Layout], Part]] = {
    "jaeger": jaeger,
    "loki": loki,
    "pusher": pusher,
    "prometheus": prometheus,
    "collector": collector,
}


def apply_services(layout: Layout) -> None:
    kagent.kubectl(layout, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_services())
    kagent.kubectl(layout, "-n", NAMESPACE, "wait", "--for=condition=Ready", "pods", "--all", "--timeout=60s")


def delete_services(layout: Layout) -> None:
    """A client that finds a Service by its label must find none without a backend behind it."""
    kagent.kubectl(layout, "delete", "--ignore-not-found", "-f", "-", stdin=_services())


def _services() -> str:
    return Template((FOLDER / "services.yaml").read_text()).substitute(pause=images.PAUSE)


def _settings(layout: Layout, name: str) -> tuple[Path, str]:
    """The part's configuration file and its text."""
    text = Template((FOLDER / f"{name}.yaml").read_text()).substitute(
        address=NODE_ADDRESS,
        data=_data(layout, name),
        pod_logs=layout.pod_logs,
        kubeconfig=kubeconfig(layout, CLIENT),
    )
    return layout.config / f"{name}.yaml", text


def _data(layout: Layout, name: str) -> Path:
    return layout.state / "telemetry" / name
