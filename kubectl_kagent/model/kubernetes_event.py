"""What a Kubernetes Event says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.model.workload import dig


def last_seen(event: Mapping[str, Any]) -> datetime:
    """When it last happened, as kubectl reads it: of a series, of an old event, or of a new one."""
    latest = dig(event, "series", "lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return clock.parse_time(str(latest or event["metadata"]["creationTimestamp"]))
