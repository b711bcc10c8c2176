"""Whether the clocks agree: of this machine, the API server, the nodes and Prometheus.

Spans have their nodes' time, and samples Prometheus's: where these differ, turns are before they were asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kubectl_kagent import clock
from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import Facts, Object
from kubectl_kagent.observe.status.signals import ARRIVING, FAILING, UNKNOWN, Remedy, Signal

NAME = "clocks"
SKEW = 30.0  # seconds; rules look a minute back
_RENEWED = 60.0  # seconds; a lease is renewed each ten, and 40 is its end


def clocks(facts: Facts, evidence: Evidence | None, now: datetime) -> Signal:
    """Each lease of a node has two times of one write: the kubelet's, and the API server's."""
    leases = [pair for item in facts.leases or () if (pair := _times(item)) is not None]
    found = [*_nodes(leases), *_servers(leases, now)]
    if evidence is not None and abs(evidence.time - now.timestamp()) > SKEW:
        found.append(_said(f"Prometheus ({evidence.name})", evidence.time - now.timestamp(), "this machine"))
    if found:
        remedy = Remedy("set them by NTP: times of spans and samples can't be compared until then")
        return Signal(NAME, FAILING, "; ".join(found), None, (remedy,))
    looked = [
        *(["the API server", _many(len(leases))] if leases else []),
        *(["Prometheus"] if evidence else []),
    ]
    if len(looked) < 3:
        why = f"only of {' and '.join(looked)}" if looked else "nobody else's is known"
        return Signal(NAME, UNKNOWN, f"agree, but {why}" if looked else why)
    return Signal(NAME, ARRIVING, f"agree within {SKEW:.0f}s: this machine, {', '.join(looked)}")


def _times(lease: Object) -> tuple[str, datetime, datetime] | None:
    """The node, when it renewed its lease by its clock, and when by the API server's."""
    try:
        own = clock.parse_time(str(dig(lease, "spec", "renewTime")))
        written = max(
            clock.parse_time(str(entry.get("time"))) for entry in lease["metadata"].get("managedFields") or ()
        )
    except ValueError:
        return None
    return str(lease["metadata"]["name"]), own, written


def _nodes(leases: list[tuple[str, datetime, datetime]]) -> Iterator[str]:
    for name, own, written in sorted(leases):
        ahead = (own - written).total_seconds()
        if abs(ahead) > SKEW:
            yield _said(f"node {name}", ahead, "the API server")


def _servers(leases: list[tuple[str, datetime, datetime]], now: datetime) -> Iterator[str]:
    """The newest write was in the last seconds, by the API server's clock, as long as a node lives."""
    newest = max((written for _, _, written in leases), default=None)
    if newest is None:
        return
    ahead = (newest - now).total_seconds()
    if ahead > SKEW:
        yield _said("the API server", ahead, "this machine")
    elif -ahead > _RENEWED:
        yield f"{_said('the API server', ahead, 'this machine')}, or no node lives"


def _many(nodes: int) -> str:
    return f"{nodes} node{'' if nodes == 1 else 's'}"


def _said(who: str, ahead: float, of: str) -> str:
    return f"{who} is {abs(ahead):.0f}s {'ahead of' if ahead > 0 else 'behind'} {of}"
