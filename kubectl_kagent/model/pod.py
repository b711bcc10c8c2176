"""A pod as its logs see it: the containers, and which run of each is the present one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.model.workload import dig

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_USUAL = "kagent"
_KINDS = ("initContainer", "container", "ephemeralContainer")


@dataclass(frozen=True, slots=True)
class Run:
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

    def run(self, container: str) -> Run:
        """Where that container stands."""
        for kind, status in self._statuses():
            if status.get("name") == container:
                return self._run(kind, status)
        return Run(0, False, False, self.ended, "", "")

    def _run(self, kind: str, status: Mapping[str, Any]) -> Run:
        state = status.get("state") or {}
        running, ended = state.get("running"), state.get("terminated")
        before = ended or dig(status, "lastState", "terminated")
        once = kind == "ephemeralContainer" or (kind == "initContainer" and dig(ended, "exitCode") == 0)
        return Run(
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


def _reason(ended: Mapping[str, Any]) -> str:
    """``exit code 137, OOMKilled``."""
    reason = str(ended.get("reason") or "")
    told = f", {reason}" if reason not in ("", "Error", "Completed") else ""
    return f"exit code {ended.get('exitCode', '?')}{told}"
