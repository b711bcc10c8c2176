"""Who else writes an object: tools that would put their own version back after an undo. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_kagent.model.workload import LAST_APPLIED, Workload, dig

_ARGO_TRACKING = "argocd.argoproj.io/tracking-id"
_ARGO_INSTANCE = "argocd.argoproj.io/instance"
_FLUX_KUSTOMIZE = "kustomize.toolkit.fluxcd.io/name"
_FLUX_HELM = "helm.toolkit.fluxcd.io/name"
_HELM_RELEASE = "meta.helm.sh/release-name"


def owner_warning(workload: Workload, gained: Sequence[str] = ()) -> str | None:
    """What will undo an undo, and what to do about it; None when nobody is known to.

    ``gained`` are the paths of the fields that the undo brings back.
    """
    labels, annotations = workload.labels, workload.annotations
    if _ARGO_TRACKING in annotations or _ARGO_INSTANCE in labels or _managed_by(workload, "argocd"):
        app = annotations.get(_ARGO_TRACKING, "").partition(":")[0] or labels.get(_ARGO_INSTANCE, "")
        owner = f"Argo CD{_named('application', app)}"
        return f"{owner} owns {workload.label} and may sync its own version back; roll back in git too"
    for key, kind in ((_FLUX_HELM, "HelmRelease"), (_FLUX_KUSTOMIZE, "Kustomization")):
        if key in labels:
            owner = f"Flux{_named(kind, labels[key])}"
            return f"{owner} owns {workload.label} and will put its own version back; roll back in git too"
    if _HELM_RELEASE in annotations:
        release = annotations[_HELM_RELEASE]
        return (
            f"Helm release {release} owns {workload.label}: the next helm upgrade puts its own version back"
        )
    if _managed_by(workload, "kubectl", operation="Apply"):
        kept = f" and does not remove {', '.join(gained)}" if gained else ""
        return (
            f"{workload.label} was made with kubectl apply --server-side: the next apply of another version "
            f"finds conflicts where this rollback sets fields (--force-conflicts){kept}"
        )
    if LAST_APPLIED in annotations:
        return (
            f"{workload.label} was made with kubectl apply: the next apply of the same file puts its version "
            "back"
        )
    return None


def _named(kind: str, name: str) -> str:
    return f" {kind} {name}" if name else ""


def _managed_by(workload: Workload, prefix: str, operation: str | None = None) -> bool:
    return any(
        str(entry.get("manager", "")).startswith(prefix)
        and (operation is None or entry.get("operation") == operation)
        for entry in dig(workload.obj, "metadata", "managedFields") or ()
    )
