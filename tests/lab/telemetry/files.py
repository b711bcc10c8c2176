"""Where the telemetry parts find their files: the bundle's own, and the lab's over them."""

from pathlib import Path
from string import Template

from tests.lab import pki
from tests.lab.layout import CHECKOUT, NODE_ADDRESS, Layout

FOLDER = Path(__file__).parent
BUNDLE = CHECKOUT / "manifests" / "observability"
NAMESPACE = "kagent-observability"
CLIENT = "telemetry"  # of the API server


def settings(layout: Layout, name: str) -> tuple[Path, str]:
    """The part's configuration file and its text: the lab's own, or what it changes of the bundle's."""
    identity = pki.pair(layout, CLIENT)
    text = Template((FOLDER / f"{name}.yaml").read_text()).substitute(
        address=NODE_ADDRESS,
        data=data(layout, name),
        pod_logs=layout.pod_logs,
        checkout=CHECKOUT,
        certificate=identity.certificate,
        key=identity.key,
    )
    return layout.config / f"{name}.yaml", text


def data(layout: Layout, name: str) -> Path:
    return layout.state / "telemetry" / name
