"""How far a workload is with what its spec says: the only place that decides it, for every verb."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kubectl_kagent.model.conditions import Condition
from kubectl_kagent.model.deletion import deletion, finalizers
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.workload import Workload

# kagent says Accepted, kmcp all three; kmcp's Ready is left stale, so nothing may hang on it
REFUSALS = ("Accepted", "ResolvedRefs", "Programmed")


class Stage(StrEnum):
    """The word that ``get`` shows, in the order in which a change passes through them, and a deletion."""

    PENDING = "Pending"
    NOT_ACCEPTED = "NotAccepted"
    NO_DEPLOYMENT = "NoDeployment"
    PAUSED = "Paused"
    STUCK = "Stuck"
    PROGRESSING = "Progressing"
    NOT_READY = "NotReady"
    SCALED_TO_ZERO = "ScaledToZero"
    READY = "Ready"
    TERMINATING = "Terminating"


# Where nothing is to be done any more.
SETTLED = (Stage.READY, Stage.SCALED_TO_ZERO)


@dataclass(frozen=True, slots=True)
class Status:
    """A stage and, where somebody has said it, why it is not the next one."""

    stage: Stage
    why: str = ""

    @property
    def text(self) -> str:
        """As ``get`` shows it: ``Stage: why``."""
        return f"{self.stage}: {self.why}" if self.why else str(self.stage)


def status_of(workload: Workload, deployment: Deployment | None) -> Status:
    """Where the workload stands by its own conditions and its own Deployment (None: there is none)."""
    if deletion(workload.obj):
        return Status(Stage.TERMINATING, finalizers(workload.obj))
    if not workload.observed:
        return Status(Stage.PENDING, "the controller has not seen the newest change")
    if refused := refusal(workload):
        return Status(Stage.NOT_ACCEPTED, refused.message)
    if deployment is None:
        return Status(Stage.NO_DEPLOYMENT)
    if deletion(deployment.obj):
        return Status(Stage.PROGRESSING, "its Deployment is being deleted")
    if not deployment.observed:
        return Status(Stage.PROGRESSING)
    if deployment.rolled_out:
        return Status(Stage.READY if deployment.counts.wanted else Stage.SCALED_TO_ZERO)
    if deployment.paused:
        return Status(Stage.PAUSED)
    if stuck := deployment.condition("ReplicaFailure", "True") or deployment.condition(
        "Progressing", "False"
    ):
        return Status(Stage.STUCK, stuck.text)
    return Status(Stage.NOT_READY if deployment.up_to_date else Stage.PROGRESSING)


def refusal(workload: Workload) -> Condition | None:
    """The controller's own no: a spec that it can't make a Deployment from."""
    return next(filter(None, (workload.condition(name, "False") for name in REFUSALS)), None)
