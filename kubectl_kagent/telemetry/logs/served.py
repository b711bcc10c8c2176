"""From when on a node has a container's lines: of a log that is rotated it serves only the newest file."""

from __future__ import annotations

from datetime import datetime, timedelta

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import NotFound, OtherServerError
from kubectl_kagent.telemetry.logs import stamps
from kubectl_kagent.telemetry.logs.notices import ContainerRef

# Programs take a while until their first line.
_UNREMARKABLE = timedelta(minutes=1)


def served_from(cluster: Cluster, source: ContainerRef) -> bytes:
    """The stamp of the first line that the node has of a container; empty when it has none."""
    pieces = cluster.pod_log_stream(source.namespace, source.pod, source.container)
    try:
        first = next(filter(None, pieces), b"")[: stamps.WIDTH]
        return first if stamps.is_stamp(first) else b""
    except (NotFound, OtherServerError):
        return b""


def is_late(stamp: bytes, asked: datetime) -> bool:
    """Whether lines that begin at ``stamp`` begin so long after what was asked for that some may be gone."""
    return stamps.is_stamp(stamp) and stamps.time_of(stamp) > asked + _UNREMARKABLE
