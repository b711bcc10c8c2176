"""A pod as its logs see it: the containers, and which run of each is the present one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.conditions import condition
from kubectl_kagent.model.workload import dig

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_USUAL = "kagent"
_KINDS = ("initContainer", "container", "ephemeralContainer")


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """Where a container stands. ``number`` counts its restarts; ``over``: it will not run again.

    ``began`` is when the present run started (RFC 3339), ``reason`` why the one before it, or it, ended.
    """

    number: int
    running: bool
    started: bool
    over: bool
    began: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod around the object as the API served it."""

    obj: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        return str(self.obj["metadata"].get("uid", ""))

    @property
    def created(self) -> str:
        return str(self.obj["metadata"]["creationTimestamp"])

    @property
    def status(self) -> str:
        """kubectl's STATUS column (kubernetes/pkg/printers/internalversion/printers.go, printPod)."""
        if self.leaving:
            return "Unknown" if dig(self.obj, "status", "reason") == "NodeLost" else "Terminating"
        if waiting := self._initializing:
            return waiting
        statuses = dig(self.obj, "status", "containerStatuses") or ()
        told = next(filter(None, map(_state, statuses)), "")
        if told == "Completed" and any(dig(status, "state", "running") for status in statuses):
            return "Running" if condition(self.obj, "Ready", "True") else "NotReady"
        return told or str(dig(self.obj, "status", "reason") or dig(self.obj, "status", "phase") or "Unknown")

    @property
    def _initializing(self) -> str:
        """Which init container it waits for; empty when all are done, or run on beside the others."""
        statuses = dig(self.obj, "status", "initContainerStatuses") or ()
        for number, status in enumerate(statuses):
            if dig(status, "state", "terminated", "exitCode") == 0 or _is_sidecar(status):
                continue
            told = _state(status)
            return f"Init:{told}" if told not in ("", "PodInitializing") else f"Init:{number}/{self._inits}"
        return ""

    @property
    def _inits(self) -> int:
        return len(dig(self.obj, "spec", "initContainers") or ())

    @property
    def ready(self) -> int:
        """How many of the main containers are ready."""
        return sum(bool(status.get("ready")) for status in dig(self.obj, "status", "containerStatuses") or ())

    @property
    def restarts(self) -> int:
        """Of the main containers, or of the init containers as long as it waits for one of them."""
        kind = "initContainerStatuses" if self._initializing else "containerStatuses"
        return sum(int(status.get("restartCount") or 0) for status in dig(self.obj, "status", kind) or ())

    @property
    def last_failure(self) -> str:
        """How the first container, in the order in which they start, ended that has ended before."""
        for status in self.container_statuses:
            ended = dig(status, "lastState", "terminated")
            if ended:
                return f"{status['name']}: {ended.get('reason', '')} (exit code {ended.get('exitCode')})"
        return ""

    @property
    def container_statuses(self) -> tuple[Mapping[str, Any], ...]:
        """Init containers first, as they run."""
        return tuple(
            status
            for kind in ("initContainerStatuses", "containerStatuses")
            for status in dig(self.obj, "status", kind) or ()
        )

    @property
    def leaving(self) -> bool:
        return bool(self.obj["metadata"].get("deletionTimestamp"))

    @property
    def ended(self) -> bool:
        return dig(self.obj, "status", "phase") in ("Succeeded", "Failed")

    @property
    def containers(self) -> tuple[str, ...]:
        """All of them, init and ephemeral ones too, in the order in which they start."""
        return tuple(str(item["name"]) for kind in _KINDS for item in dig(self.obj, "spec", f"{kind}s") or ())

    @property
    def main_containers(self) -> tuple[str, ...]:
        return tuple(str(item["name"]) for item in dig(self.obj, "spec", "containers") or ())

    @property
    def default_container(self) -> str:
        """The one that kubectl would take by annotation, else kagent's, else the first."""
        names = self.main_containers
        annotated = str(dig(self.obj, "metadata", "annotations", DEFAULT_CONTAINER) or "")
        for name in (annotated, _USUAL):
            if name in names:
                return name
        return names[0] if names else ""

    def run(self, container: str) -> ContainerRun:
        """Where that container stands."""
        for kind, status in self._statuses():
            if status.get("name") == container:
                return self._run(kind, status)
        return ContainerRun(0, running=False, started=False, over=self.ended, began="", reason="")

    def _run(self, kind: str, status: Mapping[str, Any]) -> ContainerRun:
        state = status.get("state") or {}
        running, ended = state.get("running"), state.get("terminated")
        before = ended or dig(status, "lastState", "terminated")
        once = kind == "ephemeralContainer" or (kind == "initContainer" and dig(ended, "exitCode") == 0)
        return ContainerRun(
            number=int(status.get("restartCount") or 0),
            running=running is not None,
            started=running is not None or before is not None,
            over=running is None and (self.ended or self.leaving or (once and ended is not None)),
            began=str((running or before or {}).get("startedAt") or ""),
            reason=_reason(before) if before else str(dig(state, "waiting", "reason") or ""),
        )

    def _statuses(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for kind in _KINDS:
            for status in dig(self.obj, "status", f"{kind}Statuses") or ():
                yield kind, status


def _state(status: Mapping[str, Any]) -> str:
    """Why a container waits or has ended; empty while it runs."""
    state = status.get("state") or {}
    waiting, ended = state.get("waiting"), state.get("terminated")
    if waiting:
        return str(waiting.get("reason") or "")
    if not ended:
        return ""
    signal = ended.get("signal")
    return str(ended.get("reason") or (f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode')}"))


def _is_sidecar(status: Mapping[str, Any]) -> bool:
    """An init container that runs on beside the main ones is started when its startup probe says so."""
    return bool(status.get("started")) and dig(status, "state", "running") is not None


def _reason(ended: Mapping[str, Any]) -> str:
    """``exit code 137, OOMKilled``."""
    reason = str(ended.get("reason") or "")
    told = f", {reason}" if reason not in ("", "Error", "Completed") else ""
    return f"exit code {ended.get('exitCode', '?')}{told}"
