"""A Deployment as the plugin sees it: the only place that says what is observed, rolled out, ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.conditions import Condition, condition
from kubectl_kagent.model.workload import Workload, dig

REVISION = "deployment.kubernetes.io/revision"
PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


@dataclass(frozen=True, slots=True)
class Counts:
    """Pods of a Deployment: wanted, all there are, ready, available, and of the newest template."""

    wanted: int
    existing: int
    ready: int
    available: int
    updated: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment around the object as the API served it."""

    obj: Mapping[str, Any]

    @property
    def template(self) -> Mapping[str, Any]:
        return dig(self.obj, "spec", "template") or {}

    @property
    def image(self) -> str:
        return image(self.obj)

    @property
    def counts(self) -> Counts:
        status = self.obj.get("status") or {}
        return Counts(
            int(dig(self.obj, "spec", "replicas") or 0),
            *(
                int(status.get(name) or 0)
                for name in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
            ),
        )

    @property
    def observed(self) -> bool:
        """Whether the Deployment controller has acted on the newest spec."""
        seen = int(dig(self.obj, "status", "observedGeneration") or 0)
        return seen >= int(self.obj["metadata"].get("generation") or 0)

    @property
    def rolled_out(self) -> bool:
        """Whether every wanted pod runs the newest template, is available, and no other pod is left.

        kubectl's rule (kubectl/pkg/polymorphichelpers/rollout_status.go).
        """
        counts = self.counts
        return self.observed and self.up_to_date and counts.available >= counts.updated

    @property
    def up_to_date(self) -> bool:
        """Whether every wanted pod has the newest template, and no other pod is left."""
        counts = self.counts
        return counts.updated >= counts.wanted and counts.existing <= counts.updated

    @property
    def paused(self) -> bool:
        """Whether its controller was told to leave changes of the template alone."""
        return bool(dig(self.obj, "spec", "paused"))

    @property
    def resuming(self) -> str:
        """The command that ends the pause."""
        metadata = self.obj["metadata"]
        return f"kubectl rollout resume deployment/{metadata['name']} -n {metadata['namespace']}"

    @property
    def progress_deadline(self) -> int:
        """Seconds after which a rollout without progress counts as failed."""
        return int(dig(self.obj, "spec", "progressDeadlineSeconds") or 0)

    def condition(self, type_: str, status: str | None = None) -> Condition | None:
        return condition(self.obj, type_, status)

    def config_hash(self, workload: Workload) -> str:
        """The hash of the effective config that kagent or kmcp rendered it from."""
        return config_hash(self.obj, workload)


def image(obj: Mapping[str, Any]) -> str:
    """The image of the first container of a Deployment's or ReplicaSet's template."""
    containers = dig(obj, "spec", "template", "spec", "containers") or [{}]
    return str(containers[0].get("image") or "")


def config_hash(obj: Mapping[str, Any] | None, workload: Workload) -> str:
    """The workload's config hash in the template of a Deployment or ReplicaSet; empty without one."""
    path = ("spec", "template", "metadata", "annotations", workload.config_hash_annotation)
    return str(dig(obj, *path) or "")
