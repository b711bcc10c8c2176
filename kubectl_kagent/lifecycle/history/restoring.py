"""Put a recorded config back into the objects it came from, each only if it is still as it was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Conflict, Done, Incomplete, KagentError
from kubectl_kagent.lifecycle.history import last_applied
from kubectl_kagent.lifecycle.history.config_sources import find_source
from kubectl_kagent.lifecycle.history.snapshots import Gone, look_at
from kubectl_kagent.lifecycle.history.undo_plan import SharedSource, UndoPlan
from kubectl_kagent.model.merge_patch import merged
from kubectl_kagent.model.resources import CONFIG_MAP
from kubectl_kagent.model.snapshot import ConfigSource
from kubectl_kagent.model.workload import LAST_APPLIED

_TRIES = 5  # kubectl's: a controller may write the status a few times meanwhile


def server_dry_run(cluster: Cluster, planned: UndoPlan) -> Mapping[str, Any]:
    """Let the server check the undo without storing it: the object as it would be."""
    obj = replace_spec(cluster, planned, dry_run=True, manager="")
    for shared in planned.restored:
        _restore_source(cluster, shared, dry_run=True, manager="")
    return obj


def client_dry_run(planned: UndoPlan) -> Mapping[str, Any]:
    """The object as the undo would write it. Pure."""
    obj = planned.workload.obj
    if applied := last_applied.noted(obj, planned.gained):
        obj = merged(obj, {"metadata": {"annotations": {LAST_APPLIED: applied}}})
    return {**obj, "spec": dict(planned.spec)}


def say_restored(done: Done, planned: UndoPlan, sources: Sequence[SharedSource] = ()) -> None:
    """Note that the patch is in, and these sources are restored."""
    too = f" (restored too: {_labels(sources)})" if sources else ""
    done.text = f"the spec of revision {planned.target.number} is in {planned.workload.label}{too}"
    done.hint = f"kubectl kagent rollout status {planned.workload.typed} shows how far it is"


def replace_spec(cluster: Cluster, planned: UndoPlan, *, dry_run: bool, manager: str) -> dict[str, Any]:
    """The object with the target's spec. Raises Conflict when it is not any more as the plan saw it."""
    workload = now = planned.workload
    place = (workload.resource, workload.namespace, workload.name)
    for _ in range(_TRIES):
        patch: list[dict[str, Any]] = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": now.resource_version},
            {"op": "replace", "path": "/spec", "value": dict(planned.spec)},
            *last_applied.noting(now.obj, planned.gained),
        ]
        try:
            return cluster.json_patch(*place, patch, dry_run=dry_run, manager=manager)
        except Conflict as error:
            conflict = error
        try:
            now = look_at(cluster, *place)
        except Gone:
            break
        if (now.uid, now.generation) != (workload.uid, workload.generation):
            break
        # only its status or metadata went on
    raise Conflict(
        f"{workload.label} was changed by somebody else just now; nothing was rolled back",
        hint=f"look at it with kubectl kagent rollout history {planned.workload.typed}, then try again",
    ) from conflict


def restore_sources(cluster: Cluster, planned: UndoPlan, done: Done, *, manager: str) -> int:
    """Restore one after the other; the resource version of the last write, 0 without one.

    Raises Incomplete that names those which are left.
    """
    sources, version = planned.restored, 0
    for number, shared in enumerate(sources):
        try:
            version = _restore_source(cluster, shared, dry_run=False, manager=manager) or version
        except KagentError as error:
            again = (
                f"kubectl kagent rollout undo {planned.workload.typed} --to-revision={planned.target.number}"
            )
            raise Incomplete.because(
                f"{done.text}, but not restored: {_labels(sources[number:])}:",
                error,
                f"{again} --with-sources restores the rest",
            ) from error
        say_restored(done, planned, sources[: number + 1])
    return version


def _labels(sources: Sequence[SharedSource]) -> str:
    return ", ".join(source.label for source in sources)


def _restore_source(cluster: Cluster, shared: SharedSource, *, dry_run: bool, manager: str) -> int:
    """The resource version of the write, 0 when none was needed.

    Raises Conflict when the source is not any more as the plan saw it.
    """
    reference, now = shared.target.reference, shared.obj
    place = (reference.resource, reference.namespace, reference.name)
    for _ in range(_TRIES):
        found = None if now is None else _config(ConfigSource.of(reference, now))
        if found == _config(shared.target):
            return 0  # the same ConfigMap was restored as a whole
        if now is None or found != _config(shared.live):
            break
        try:
            patch = _restoring(shared.target, now)
            written = cluster.json_patch(*place, patch, dry_run=dry_run, manager=manager)
        except Conflict:  # perhaps only its status went on
            now = find_source(cluster, reference)
            continue
        return int(written["metadata"]["resourceVersion"])
    raise Conflict(f"{shared.label} was changed by somebody else just now")


def _config(source: ConfigSource) -> dict[str, Any]:
    """The content that a person writes: a Secret may change meanwhile."""
    return {key: value for key, value in (source.content or {}).items() if key != "secret"}


def _restoring(target: ConfigSource, now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The patch that gives the object as it is now the recorded content."""
    content = target.content or {}
    version = now["metadata"]["resourceVersion"]
    if target.reference.resource is CONFIG_MAP:
        others = now.get("data") or {} if target.reference.keys else {}
        data = {key: text for key, text in (others | content["data"]).items() if text is not None}
        root, value, verb = "data", data, "add"
    else:
        root, value, verb = "spec", content["spec"], "replace"
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": verb, "path": f"/{root}", "value": value},
        *last_applied.noting(now, last_applied.only_in({root: value}, {root: now.get(root) or {}})),
    ]
