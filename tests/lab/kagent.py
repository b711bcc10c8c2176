"""The Kubernetes objects of the lab: CRDs, add-on Services, and kagent's controller as a Deployment."""

import json
import subprocess
import time
from collections.abc import Mapping
from string import Template

from tests.lab import database, image_store
from tests.lab.controller import Controller
from tests.lab.errors import LabError
from tests.lab.layout import CHECKOUT, Layout
from tests.lab.progress import Progress

PART = "kagent"
MANIFESTS = CHECKOUT / "tests" / "lab" / "manifests"
NAMESPACE = "kagent"
DEPLOYMENT = "deployment/kagent-controller"
PODS = "app.kubernetes.io/component=controller"
READY_SECONDS = 120
METRICS_PORT = 8080  # the stand-in has no metrics


def apply_base(layout: Layout) -> None:
    # Server-side: the Agent's CRD is too large for the annotation that the other kind of apply keeps.
    kubectl(layout, "apply", "--server-side", "--force-conflicts", "-f", str(MANIFESTS / "crds"))
    kubectl(layout, "apply", "--server-side", "--force-conflicts", "-f", str(MANIFESTS / "addons.yaml"))


def deploy(layout: Layout, chosen: Controller, more: Mapping[str, str], progress: Progress) -> None:
    """Apply kagent; a changed choice, image or environment replaces the pod, else it is left alone."""
    data = layout.state / "standin"
    data.mkdir(exist_ok=True)
    data.chmod(0o777)  # the images' user is no root
    environment = [
        {"name": "KAGENT_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        *({"name": name, "value": value} for name, value in {**_environment(chosen), **more}.items()),
    ]
    text = Template((MANIFESTS / "kagent.yaml").read_text()).substitute(
        description=chosen.description,
        digest=image_store.digest(layout, chosen.image),
        image=chosen.image,
        data=data,
        ports=json.dumps([{"name": name, "containerPort": port} for name, port in _ports(chosen).items()]),
        env=json.dumps(environment),
    )
    kubectl(layout, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    with progress.step(f"wait for {DEPLOYMENT} ({chosen.description})"):
        _wait_available(layout)


def start(layout: Layout) -> None:
    kubectl(layout, "-n", NAMESPACE, "scale", DEPLOYMENT, "--replicas=1")
    _wait_available(layout)


def stop(layout: Layout) -> None:
    """Scale to nothing and wait until the pod is gone."""
    kubectl(layout, "-n", NAMESPACE, "scale", DEPLOYMENT, "--replicas=0")
    deadline = time.monotonic() + READY_SECONDS
    while kubectl(layout, "-n", NAMESPACE, "get", "pods", "-l", PODS, "-o", "name").strip():
        if time.monotonic() > deadline:
            raise LabError(f"the pod of {DEPLOYMENT} did not go away in {READY_SECONDS} s")
        time.sleep(0.2)


def kubectl(layout: Layout, *words: str, stdin: str = "") -> str:
    """Run our kubectl as the lab's administrator."""
    command = [str(layout.kubectl), "--kubeconfig", str(layout.kubeconfig), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise LabError(f"kubectl {' '.join(words)} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def _environment(chosen: Controller) -> dict[str, str]:
    agents = {"IMAGE_REGISTRY": "ghcr.io", "IMAGE_TAG": "lab", "IMAGE_PULL_POLICY": "Never"}
    environment = {
        "KAGENT_CONTROLLER_NAME": "kagent-controller",
        "A2A_BASE_URL": f"http://kagent-controller.{NAMESPACE}:8083",
        "DEFAULT_MODEL_CONFIG_NAME": "default-model-config",
        "DATABASE_VECTOR_ENABLED": "false",
        "LEADER_ELECT": "false",
        "IMAGE_REPOSITORY": "kagent-dev/kagent/app",
        **agents,
    }
    if chosen.kind == "stand-in":  # no PostgreSQL driver in its image, and no Go runtime beside it
        environment |= {"STANDIN_DATABASE": "/data/standin.db"}
    else:
        environment |= {"POSTGRES_DATABASE_URL": database.url()}
        environment |= {"METRICS_BIND_ADDRESS": f":{METRICS_PORT}", "METRICS_SECURE": "false"}
        environment |= {"GO_IMAGE_REPOSITORY": "kagent-dev/kagent/golang-adk"}
        environment |= {f"GO_{name}": value for name, value in agents.items()}
    return environment


def _ports(chosen: Controller) -> dict[str, int]:
    return {"http": 8083} | ({"metrics": METRICS_PORT} if chosen.kind == "real" else {})


def _wait_available(layout: Layout) -> None:
    try:
        kubectl(layout, "-n", NAMESPACE, "rollout", "status", DEPLOYMENT, f"--timeout={READY_SECONDS}s")
    except LabError as error:
        pods = kubectl(layout, "-n", NAMESPACE, "get", "pods", "-l", PODS, "-o", "wide")
        said = _last_words(layout)
        raise LabError(f"{error}\n{pods}\nits log is below {layout.pod_logs}:\n{said}") from None


def _last_words(layout: Layout) -> str:
    try:
        return kubectl(layout, "-n", NAMESPACE, "logs", DEPLOYMENT, "--tail=12")
    except LabError as error:
        return str(error)
