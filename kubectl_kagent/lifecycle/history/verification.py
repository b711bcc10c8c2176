"""Check that an undo took effect by what the controller rendered, not by the patch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.kinds import not_there
from kubectl_kagent.errors import Forbidden, KagentError, TimedOut, Unauthorized
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Gone, Observation, deployment_of, sight
from kubectl_kagent.model.deployment import config_hash
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.stage import refusal
from kubectl_kagent.model.workload import Workload

# kagent renders an edit in well under a second; a cluster under load may take some.
RENDER_TIMEOUT = 30.0


def expected_hash(past: History, target: Revision) -> str:
    """The config hash that the target's content had when it last ran; empty when it never ran while seen."""
    same = (*(each for each in reversed(past.revisions) if each.hash == target.hash), target)
    return next((revision.config_hash for revision in same if revision.config_hash), "")


@dataclass(frozen=True, slots=True)
class Verified:
    """The config hash that the Deployment has after an undo, and the one the target had (empty: unknown).

    ``deployment`` is None when it may be made from a later spec.
    """

    config_hash: str
    expected: str
    deployment: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def is_back(self) -> bool:
        return bool(self.expected) and self.config_hash == self.expected


@dataclass(frozen=True, slots=True)
class _Look:
    """``config_hash`` is empty without a Deployment, ``refused`` unless the controller said no.

    ``edited``: the spec is not any more the one that the undo put there.
    """

    observed: bool
    edited: bool
    config_hash: str = ""
    refused: str = ""
    deployment: Mapping[str, Any] | None = None


def verify(
    cluster: Cluster,
    workload: Workload,
    target: Revision,
    *,
    expected: str,
    now: Observation | None = None,
    with_sources_since: str | None = None,
) -> Verified:
    """Wait until the controller has rendered ``workload``, as restored, and compare the config hash.

    ``expected`` is the hash the target had; empty when that is not known or can't come back. ``now`` is what
    was just seen of the workload. A spec that the controller has observed is rendered, whatever the hash.
    Whether restored sources are, the hash alone shows: ``with_sources_since`` is the one before them (None:
    there are none). Raises TimedOut when the controller does not take it up. What fails meanwhile may pass:
    only the last look's failure is raised, and what only a person can mend.
    """
    deadline = clock.monotonic() + RENDER_TIMEOUT
    while True:
        late = clock.monotonic() >= deadline
        try:
            look = _judged(workload, now.workload, now.deployment) if now else _look(cluster, workload)
        except (Forbidden, Unauthorized):
            raise
        except KagentError:
            if late:
                raise
        else:
            rendered = look.observed and look.config_hash and not look.refused
            as_expected = not expected or look.config_hash == expected
            sources_in = with_sources_since is None or (late and look.config_hash != with_sources_since)
            if rendered and (as_expected or (sources_in and not look.edited)):
                return Verified(look.config_hash, expected, None if look.edited else look.deployment)
            if late:
                raise _not_verified(workload, target, look, expected)
        now = None
        clock.sleep(0.2)


def _look(cluster: Cluster, workload: Workload) -> _Look:
    """Both are of one moment, and come from lists, which history has proven to be allowed.

    The Deployment is asked for once it counts: the controller writes it before it says what it has observed.
    """
    seen = sight(cluster, workload.resource, workload.namespace, workload.name)
    now = seen.workload
    if now is None:
        raise not_there(cluster, workload.resource, workload.namespace, workload.name)
    if now.uid != workload.uid:
        raise Gone(f"{workload.label} has been deleted and created again")
    observed = now.observed_generation >= workload.generation
    return _judged(workload, now, deployment_of(cluster, now, seen.at) if observed else None)


def _judged(workload: Workload, now: Workload, deployment: Mapping[str, Any] | None) -> _Look:
    refused = refusal(now)
    return _Look(
        observed=now.observed_generation >= workload.generation,
        edited=now.generation > workload.generation,
        config_hash=config_hash(deployment, workload),
        refused=refused.message if refused else "",
        deployment=deployment,
    )


def _not_verified(workload: Workload, target: Revision, look: _Look, expected: str) -> KagentError:
    if not look.observed:
        return TimedOut(
            f"its controller has not taken it up within {RENDER_TIMEOUT:g}s",
            hint=f"does the controller act? kubectl kagent rollout status {workload.typed} says",
        )
    if look.refused or not look.config_hash:
        return TimedOut(
            f"its controller refuses it: {look.refused}" if look.refused else "there is no Deployment",
            hint=f"what it names may be gone: kubectl kagent describe {workload.typed}",
        )
    if look.edited:
        return KagentError(
            f"somebody has changed it again since, and the config hash is {look.config_hash}",
            hint=f"kubectl kagent rollout history {workload.typed} shows who",
        )
    return TimedOut(
        f"its config hash is still {look.config_hash}, not the {expected} of revision {target.number}",
        hint=f"does the controller act? kubectl kagent rollout status {workload.typed} says",
    )
