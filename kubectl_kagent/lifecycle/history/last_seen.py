"""Up to which writes a revision is known to be the config. Pure.

A write that changes nothing of the config (replicas, a server's labels) moves a generation and makes no
revision. Who has looked at all of them notes on the live revision how far that was: else each look would go
back through them again, and would call a gap what is forgotten of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubectl_kagent.model.resources import CONFIG_MAP, SERVICE
from kubectl_kagent.model.revision import LAST_SEEN, Revision
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest write, the generation of the workload, and uid and generation of each source, in order."""

    resource_version: int
    generation: int
    sources: tuple[tuple[str, int], ...]


def as_last_seen(revision: Revision) -> Revision:
    """The revision with the version and the generations at which it was last seen to be the config."""
    seen = _noted(revision)
    if seen is None:
        return revision
    pairs = zip(revision.sources, seen.sources, strict=True)
    sources = tuple(replace(source, uid=uid, generation=generation) for source, (uid, generation) in pairs)
    version = max(revision.resource_version, seen.resource_version)
    return replace(revision, resource_version=version, generation=seen.generation, sources=sources)


def of_live(snapshot: Snapshot, live: Revision) -> dict[str, str]:
    """The annotation that the live revision lacks, when everything between it and the snapshot is known.

    Not for a write of what counts no generations: of a ConfigMap that many agents share, each would have one.
    """
    before = as_last_seen(live)
    if before.generation == snapshot.generation and _counted(before.sources) == _counted(snapshot.sources):
        return {}
    if before.resource_version > snapshot.resource_version:
        return {}  # somebody has looked further
    seen = [snapshot.resource_version, snapshot.generation, _generations(snapshot.sources)]
    return {LAST_SEEN: json.dumps(seen, separators=(",", ":"))}


def is_last_seen(snapshot: Snapshot, known: Revision) -> bool:
    """Whether ``snapshot`` is the revision ``as_last_seen``: same content, and no write to any spec since."""
    return (
        snapshot.generation == known.generation
        and snapshot.hash == known.hash
        and _generations(snapshot.sources) == _generations(known.sources)
    )


def counts_generations(source: ConfigSource) -> bool:
    """Else its ``generation`` is its resource version, which any write moves."""
    return source.reference.resource not in (CONFIG_MAP, SERVICE)


def _counted(sources: Sequence[ConfigSource]) -> list[tuple[str, int]]:
    return [(each.uid, each.generation if counts_generations(each) else 0) for each in sources]


def _generations(sources: Sequence[ConfigSource]) -> list[tuple[str, int]]:
    return [(source.uid, source.generation) for source in sources]


def _noted(revision: Revision) -> _Seen | None:
    """Anybody may have written it: what fits the revision, else None."""
    try:
        version, generation, pairs = json.loads(revision.annotations.get(LAST_SEEN, "null"))
        sources = tuple((str(uid), int(each)) for uid, each in pairs)
        seen = _Seen(int(version), int(generation), sources)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return seen if len(sources) == len(revision.sources) else None
