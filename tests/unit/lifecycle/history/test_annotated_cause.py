"""Of which revision an annotated change cause is, by when it was written and what was seen of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.lifecycle.history import annotated_cause
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.revision import CAUSE_SEEN, Revision
from kubectl_kagent.model.snapshot import digest
from kubectl_kagent.model.workload import CHANGE_CAUSE, Workload

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
VERSION = 5
SEEN = {CAUSE_SEEN: f"{digest('why')}@{VERSION}"}
NOTED = {**SEEN, CHANGE_CAUSE: "why"}


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def agent(written: float | None, cause: str = "why") -> Workload:
    """``written``: the minute in which somebody annotated it; None: nobody owns the annotation."""
    owned = {"f:metadata": {"f:annotations": {f"f:{CHANGE_CAUSE}": {}}}}
    entry = {"manager": "kubectl-annotate", "operation": "Update", "fieldsV1": owned}
    metadata: dict[str, Any] = {"name": "clock", "annotations": {CHANGE_CAUSE: cause}}
    metadata["resourceVersion"] = str(VERSION)
    if written is not None:
        metadata["managedFields"] = [{**entry, "time": clock.timestamp(minute(written))}]
    return Workload(AGENT, {"metadata": metadata})


def revision(at: float, marks: dict[str, str] | None = None) -> Revision:
    return Revision(1, "r1", "", {}, (), 1, 1, "", minute(at), gap_before=False, annotations=marks or {})


@pytest.mark.parametrize(
    ("written", "seen", "noted"),
    [
        (20, {}, NOTED),  # with the change
        (21, {}, NOTED),  # after it
        (16, {}, NOTED),  # nearer to it than to the change before
        (14, {}, SEEN),  # nearer to the one before
        (16, SEEN, NOTED),  # seen already when the one before was in force
        (20, SEEN, SEEN),  # the same file applied again
        (None, {}, NOTED),
        (None, SEEN, SEEN),
    ],
)
def test_the_cause_of_a_new_revision(
    written: float | None, seen: dict[str, str], noted: dict[str, str]
) -> None:
    """It came at 8:20, and the one before at 8:10."""
    assert annotated_cause.of_new(agent(written), minute(20), revision(10, seen)) == noted


@pytest.mark.parametrize(("written", "noted"), [(10, NOTED), (19, NOTED), (9, {}), (20, {}), (None, {})])
def test_the_cause_of_the_revision_before(written: float | None, noted: dict[str, str]) -> None:
    assert annotated_cause.of_before(agent(written), minute(20), revision(10)) == noted
    assert annotated_cause.of_before(agent(written), minute(20), revision(10, SEEN)) == {}


def test_the_cause_of_the_revision_in_force() -> None:
    assert annotated_cause.of_live(agent(1), revision(0)) == NOTED
    assert annotated_cause.of_live(agent(1), revision(0, SEEN)) == {}
    assert annotated_cause.of_live(agent(1, ""), revision(0, SEEN)) == {CAUSE_SEEN: f"@{VERSION}"}
    assert annotated_cause.of_new(agent(1, ""), minute(0), None) == {}


@pytest.mark.parametrize(
    ("version", "noted"),
    [("4", NOTED), ("6", {}), ("", NOTED), ("many", NOTED), ("9" * 5000, NOTED), ("\u0663", NOTED)],
)
def test_what_was_seen_of_a_newer_version_stays(version: str, noted: dict[str, str]) -> None:
    assert annotated_cause.of_live(agent(1), revision(0, {CAUSE_SEEN: f"other@{version}"})) == noted
