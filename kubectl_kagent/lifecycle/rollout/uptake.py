"""Whether the controller has taken up the newest content of a workload's source. Pure.

A write to a source leaves no mark on the workload: its generation stays. What tells is the Deployment, which
the controller writes whenever it renders something else, and the source's own status. Where neither tells,
a controller that has been available for a while since the write has rendered it, and to the same as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kubectl_kagent.lifecycle.history.authors import author, written_by_owner
from kubectl_kagent.model.resources import MODEL_CONFIG, REMOTE_MCP_SERVER
from kubectl_kagent.model.workload import Workload, dig

RENDER_TIME = timedelta(seconds=10)  # kagent renders a change within a second or two

# The kinds whose status kagent itself writes; an MCPServer's is kmcp's.
_WITH_STATUS = (MODEL_CONFIG.kind, REMOTE_MCP_SERVER.kind)

Manifest = Mapping[str, Any]


def observed(source: Manifest) -> bool:
    """False when the source's own status is about an older generation."""
    if source.get("kind") not in _WITH_STATUS:
        return True
    seen = int(dig(source, "status", "observedGeneration") or 0)
    return not seen or seen >= int(source["metadata"].get("generation") or 0)


def shown(source: Manifest, deployment: Manifest, workload: Workload) -> bool:
    """Whether the Deployment itself shows that it is made from the newest content of ``source``.

    Times are whole seconds; kagent renders within the second, so one and the same counts as later. A write
    that only removes something leaves no time, but a newer resource version than anything the Deployment has.
    """
    if not observed(source) or last_written(source) > _rendered_at(deployment, workload):
        return False
    return bool(dig(source, "metadata", "generation")) or _version(source) < _version(deployment)


def had_time(source: Manifest | None, available_since: datetime | None, now: datetime) -> bool:
    """Whether a controller available since then must have rendered the newest content by ``now``.

    When a source was deleted (None) is not known: then what counts is how long the controller has been there.
    """
    if available_since is None or (source is not None and not observed(source)):
        return False
    begun = available_since if source is None else max(available_since, last_written(source))
    return now - begun >= RENDER_TIME


def noted_at(source: Manifest) -> datetime | None:
    """When kagent noted in the source's status which generation it saw; None when that is not the newest."""
    if source.get("kind") not in _WITH_STATUS or not dig(source, "status", "observedGeneration"):
        return None
    if not observed(source):
        return None
    return written_by_owner(source, ("status", "observedGeneration"), subresource="status")


def last_written(source: Manifest) -> datetime:
    """When the content was; what kagent makes of its Secret is a part of it, and stands in the status."""
    written = author(None, source)[1]
    noted = written_by_owner(source, ("status", "secretHash"), subresource="status")
    return max(written, noted) if noted else written


def _rendered_at(deployment: Manifest, workload: Workload) -> datetime:
    """When the controller last wrote the Deployment: it owns the config hash."""
    path = ("spec", "template", "metadata", "annotations", workload.config_hash_annotation)
    return written_by_owner(deployment, path) or datetime.fromtimestamp(0, UTC)


def _version(obj: Manifest) -> int:
    return int(dig(obj, "metadata", "resourceVersion") or 0)
