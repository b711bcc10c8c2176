"""Who would put their own version back after an undo."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.gitops import owner_warning
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Workload
from tests.objects import agent

TRACKING = "datetime-app:kagent.dev/Agent:team/clock"
ARGO = "owns agent.kagent.dev/clock and may sync its own version back; roll back in git too"
FLUX = "owns agent.kagent.dev/clock and will put its own version back; roll back in git too"
APPLIED = (
    "agent.kagent.dev/clock was made with kubectl apply: the next apply of the same file puts its version "
    "back"
)

SERVER_SIDE = (
    "agent.kagent.dev/clock was made with kubectl apply --server-side: the next apply of another version "
    "finds conflicts where this rollback sets fields (--force-conflicts)"
)


def warning(**metadata: Any) -> str | None:
    obj = agent()
    return owner_warning(Workload(AGENT, {**obj, "metadata": {**obj["metadata"], **metadata}}))


def writer(manager: str, operation: str = "Update") -> dict[str, str]:
    return {"manager": manager, "operation": operation}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": TRACKING}},
            f"Argo CD application datetime-app {ARGO}",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "apps"}}, f"Argo CD application apps {ARGO}"),
        ({"managedFields": [writer("argocd-controller", "Apply")]}, f"Argo CD {ARGO}"),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}},
            f"Flux Kustomization apps {FLUX}",
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "clock"}}, f"Flux HelmRelease clock {FLUX}"),
        (
            {"annotations": {"meta.helm.sh/release-name": "clock"}},
            "Helm release clock owns agent.kagent.dev/clock: the next helm upgrade puts its own version back",
        ),
        ({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}, APPLIED),
        ({"managedFields": [writer("kubectl", "Apply")]}, SERVER_SIDE),
    ],
)
def test_each_owner_by_its_marks(metadata: dict[str, Any], expected: str) -> None:
    assert warning(**metadata) == expected


def test_what_server_side_apply_does_not_remove_is_named() -> None:
    """Also where the annotation is kept up for those who go back to client-side apply."""
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    metadata = {"annotations": applied, "managedFields": [writer("kubectl", "Apply")]}
    found = Workload(AGENT, {**agent(), "metadata": {**agent()["metadata"], **metadata}})
    kept = " and does not remove spec.declarative.memory, spec.skills"
    assert owner_warning(found, ("spec.declarative.memory", "spec.skills")) == SERVER_SIDE + kept


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": None, "annotations": None, "managedFields": None},
        {"managedFields": [writer("kubectl-edit"), writer("kubectl-kagent"), writer("kubectl")]},
        {"managedFields": [writer("controller", "Apply")]},
        {"labels": {"app.kubernetes.io/instance": "clock"}},
    ],
)
def test_nobody_known(metadata: dict[str, Any]) -> None:
    assert warning(**metadata) is None


def test_the_tool_above_is_named_and_not_the_one_it_uses() -> None:
    """Flux runs Helm, and Argo CD applies: rolling back there would not last."""
    helm = {"meta.helm.sh/release-name": "clock"}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    flux = {"helm.toolkit.fluxcd.io/name": "clock", "kustomize.toolkit.fluxcd.io/name": "apps"}
    assert warning(annotations=helm, labels=flux) == f"Flux HelmRelease clock {FLUX}"
    assert warning(annotations={**helm, **applied}) == (
        "Helm release clock owns agent.kagent.dev/clock: the next helm upgrade puts its own version back"
    )
    tracked = {**helm, **applied, "argocd.argoproj.io/tracking-id": TRACKING}
    assert warning(annotations=tracked, labels=flux) == f"Argo CD application datetime-app {ARGO}"
