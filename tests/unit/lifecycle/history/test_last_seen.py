"""How far a revision is known to be the config, whoever wrote that down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history import last_seen
from kubectl_kagent.model.resources import MODEL_CONFIG
from kubectl_kagent.model.revision import LAST_SEEN, Revision
from kubectl_kagent.model.snapshot import ConfigSource, Snapshot
from kubectl_kagent.model.workload import Reference

SOURCE = ConfigSource(Reference(MODEL_CONFIG, "default", "gpt"), "uid", 1, {"spec": {}})
NOW = Snapshot({}, (SOURCE,), 100, 1, "", clock.now(), ("declarative", "deployment"))


def revision(noted: str | None = None) -> Revision:
    annotations = {} if noted is None else {LAST_SEEN: noted}
    return Revision(
        1, "r1", NOW.hash, {}, (SOURCE,), 90, 1, "", NOW.changed_at, gap_before=False, annotations=annotations
    )


def snapshot(generation: int, uid: str = "uid", of_source: int = 1, version: int = 100) -> Snapshot:
    source = replace(SOURCE, uid=uid, generation=of_source)
    return replace(NOW, generation=generation, sources=(source,), resource_version=version)


@pytest.mark.parametrize("now", [snapshot(2), snapshot(1, of_source=2), snapshot(1, uid="another")])
def test_what_is_noted_is_seen_from_then_on(now: Snapshot) -> None:
    before = revision()
    assert not last_seen.is_last_seen(now, last_seen.as_last_seen(before))
    after = replace(before, annotations=last_seen.of_live(now, before))
    assert last_seen.is_last_seen(now, last_seen.as_last_seen(after))
    assert last_seen.of_live(now, after) == {}
    assert not last_seen.is_last_seen(NOW, last_seen.as_last_seen(after))


def test_nothing_is_noted_of_what_the_revision_itself_says() -> None:
    assert last_seen.of_live(NOW, revision()) == {}


def test_another_content_is_never_the_revision() -> None:
    other = replace(NOW, spec={"description": "another"})
    assert not last_seen.is_last_seen(other, last_seen.as_last_seen(revision()))


def test_who_has_looked_less_far_leaves_it() -> None:
    further = revision('[120,5,[["uid",1]]]')
    assert last_seen.of_live(snapshot(3, version=110), further) == {}
    assert last_seen.of_live(snapshot(6, version=130), further) == {LAST_SEEN: '[130,6,[["uid",1]]]'}


@pytest.mark.parametrize(
    "noted",
    [
        "",
        "{",
        "null",
        "7",
        "[1,2]",
        '[1,2,"x"]',
        "[1,2,[]]",
        "[1,2,[[1,2],[3,4]]]",
        '[1,1e999,[["uid",1]]]',
        '[1,null,[["uid",1]]]',
        '[1,2,{"a":1}]',
        "[1," + "9" * 5000 + ',[["uid",1]]]',
        "[" * 100_000,
    ],
)
def test_what_does_not_fit_counts_for_nothing(noted: str) -> None:
    hostile = revision(noted)
    assert last_seen.as_last_seen(hostile) is hostile
