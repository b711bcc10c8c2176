"""The bundle's two collectors, with its own configuration and the lab's over it."""

from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.images.shelf import key_of
from tests.lab.layout import NODE_ADDRESS, NODE_NAME, Layout
from tests.lab.probes import answers
from tests.lab.processes import PATH, Part
from tests.lab.telemetry.files import BUNDLE, CLIENT, NAMESPACE, settings


def collector(layout: Layout) -> Part:
    return _part(layout, "collector", 13133, "collector/collector.yaml", "jaeger/jaeger.yaml")


def logs(layout: Layout) -> Part:
    return _part(layout, "logs", 13134, "logs/logs.yaml")


def _part(layout: Layout, name: str, health_port: int, *of_bundle: str) -> Part:
    path, text = settings(layout, name)
    ours = [BUNDLE / file for file in of_bundle]
    command = [str(program(layout, "collector")), *(f"--config=file:{file}" for file in (*ours, path))]
    account = f"system:serviceaccount:{NAMESPACE}:kagent-{name}"
    environment = {
        "PATH": PATH,
        "KUBECONFIG": kubeconfig(layout, CLIENT, acts_as=account),
        "NODE_NAME": NODE_NAME,
        "BUNDLE_CONTENT": key_of(*ours),
    }
    ready = answers(layout, f"http://{NODE_ADDRESS}:{health_port}/")
    return Part(name, command, ready, {path: text}, environment, patience=5)
