"""The rows of rollout history: revisions, and what only ReplicaSets know."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history.rows import HistoryRow, rows
from kubectl_kagent.model.resources import AGENT, MCP_SERVER
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from tests.objects import agent

Object = dict[str, Any]
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def revision(number: int, prompt: str, at: int, config_hash: str = "", **more: Any) -> Revision:
    marks = {"kubectl-kagent/config-hash": config_hash} if config_hash else {}
    marks |= {"kubectl-kagent/image": f"app:{number}"} | more.pop("marks", {})
    return Revision(
        number,
        f"agent-clock-r{number}",
        prompt,
        agent(systemMessage=prompt)["spec"],
        (),
        number,
        number,
        "kubectl-edit",
        minute(at),
        more.pop("gap_before", False),
        marks,
    )


def replica_set(config_hash: str, at: int, *, pods: int = 0, ready: int = 0, image: str = "app:0") -> Object:
    annotations = {"kagent.dev/config-hash": config_hash} if config_hash else {}
    return {
        "metadata": {"creationTimestamp": minute(at).isoformat()},
        "spec": {
            "template": {
                "metadata": {"annotations": annotations},
                "spec": {"containers": [{"name": "kagent", "image": image}, {"image": "sidecar"}]},
            }
        },
        "status": {"replicas": pods, "readyReplicas": ready},
    }


def ledger(revisions: list[Revision], *replica_sets: Object, live: int | None = -1) -> list[HistoryRow]:
    workload = Workload(AGENT, {**agent(), "metadata": {"name": "clock", "namespace": "default"}})
    newest = revisions[live] if revisions and live is not None else None
    return rows(workload, revisions, replica_sets, live=newest)


def test_nothing_known_is_no_row() -> None:
    assert ledger([]) == []


def test_a_revision_with_what_its_replica_set_proves() -> None:
    found = ledger(
        [revision(1, "a", 0, "11"), revision(2, "b", 5, "12", marks={"kubernetes.io/change-cause": "why"})],
        replica_set("11", 0),
        replica_set("12", 5, pods=3, ready=2),
    )
    assert found == [
        HistoryRow(
            1,
            live=False,
            changed_at=minute(0),
            changed_by="kubectl-edit",
            config_hash="11",
            image="app:1",
            pods=0,
            ready=0,
            change="first recorded",
            cause="",
            rollback_of=None,
            gap_before=False,
            rendered_at=minute(0),
        ),
        HistoryRow(
            2,
            live=True,
            changed_at=minute(5),
            changed_by="kubectl-edit",
            config_hash="12",
            image="app:2",
            pods=3,
            ready=2,
            change="prompt",
            cause="why",
            rollback_of=None,
            gap_before=False,
            rendered_at=minute(5),
        ),
    ]


def test_replica_sets_of_unrecorded_configs_stand_between_by_their_age() -> None:
    found = ledger(
        [revision(1, "a", 10, "11"), revision(2, "b", 20, "12")],
        replica_set("99", 25, pods=1, ready=1, image="late:1"),
        replica_set("12", 20),
        replica_set("77", 15),
        replica_set("55", 1),
        replica_set("11", 10),
    )
    assert [(row.number, row.config_hash) for row in found] == [
        (None, "55"),
        (1, "11"),
        (None, "77"),
        (2, "12"),
        (None, "99"),
    ]
    assert found[-1] == HistoryRow(
        number=None,
        live=False,
        changed_at=minute(25),
        changed_by="",
        config_hash="99",
        image="late:1",
        pods=1,
        ready=1,
        change=ANEW,
        cause="",
        rollback_of=None,
        gap_before=False,
        rendered_at=minute(25),
    )
    assert [row.change for row in found if row.number is None] == [BARE, ANEW, ANEW]


BARE = "not recorded: only its ReplicaSet is known"
ANEW = "rendered anew without a recorded change: a Secret that a server's headers use, or the controller"


@pytest.mark.parametrize(
    ("revisions", "live", "others"),
    [
        ([revision(1, "a", 0, "11"), revision(2, "b", 9, "12", gap_before=True)], -1, 5),  # not all was seen
        ([revision(1, "a", 0, "11")], None, 5),  # the live config is not recorded: it may be that one's
        ([revision(1, "a", 0)], -1, 5),  # it may be that revision's
        ([revision(1, "a", 0, "11")], -1, 0),  # made before what was noted for the revision
        ([revision(1, "a", 0), revision(2, "b", 3, "11")], -1, 3),  # in one second, of one or the other
        # the third has the first one's ReplicaSet: it may be the second one's, made late
        ([revision(1, "a", 3, "11"), revision(2, "b", 8), revision(3, "a", 9, "11")], -1, 10),
    ],
)
def test_a_rollout_that_a_change_may_explain_is_not_called_unexplained(
    revisions: list[Revision], live: int | None, others: int
) -> None:
    found = ledger(revisions, replica_set("77", others), replica_set("11", 3), live=live)
    assert [row.change for row in found if row.config_hash == "77"] == [BARE]


@pytest.mark.parametrize(
    ("revisions", "live", "other", "own", "order", "change"),
    [
        # a prompt and a Secret change together, and the controller comes to one of them first
        ([revision(1, "a", 0, "10"), revision(2, "b", 5, "11")], -1, 6, 8, [1, None, 2], BARE),
        ([revision(1, "a", 0, "10"), revision(2, "b", 5, "11")], -1, 5, 8, [1, None, 2], BARE),
        ([revision(1, "a", 0, "10"), revision(2, "b", 5, "11")], -1, 8, 8, [1, None, 2], BARE),
        ([revision(1, "a", 0, "10"), revision(2, "b", 5, "11")], -1, 9, 8, [1, 2, None], ANEW),
        # of one that is not live nothing tells which of two was first in a second
        ([revision(1, "a", 0, "11")], None, 3, 3, [1, None], BARE),
        ([revision(1, "a", 0, "11")], None, 2, 3, [None, 1], BARE),
        # its ReplicaSet was made after another change, or before its own
        ([revision(1, "a", 0, "11"), revision(2, "b", 2)], -1, 3, 4, [1, 2, None], BARE),
        ([revision(1, "a", 4, "11")], None, 5, 3, [1, None], BARE),
    ],
)
def test_what_was_rolled_out_before_a_revision_stands_before_it(
    revisions: list[Revision], live: int | None, other: int, own: int, order: list[int | None], change: str
) -> None:
    found = ledger(revisions, replica_set("77", other), replica_set("11", own), live=live)
    assert [row.number for row in found] == order
    assert [row.change for row in found if row.number is None] == [change]


def test_of_a_server_only_the_controller_can_be_it() -> None:
    server = Workload(MCP_SERVER, {"metadata": {"name": "clock", "namespace": "default"}, "spec": {}})
    known = revision(1, "a", 0, "11")
    other = replica_set("", 5)
    other["spec"]["template"]["metadata"]["annotations"] = {"kmcp.kagent.dev/mcpserver-config-hash": "77"}
    (_, row) = rows(server, [known], [other], live=known)
    assert row.change == "rendered anew without a recorded change: the controller"


def test_without_any_revision_the_replica_sets_alone() -> None:
    found = ledger([], replica_set("12", 2), replica_set("11", 1))
    assert [(row.number, row.config_hash, row.live) for row in found] == [
        (None, "11", False),
        (None, "12", False),
    ]


def test_of_two_replica_sets_in_one_second_the_deployment_tells_which_was_first() -> None:
    first, second = replica_set("11", 1), replica_set("12", 1)
    for number, item in enumerate((first, second), 1):
        item["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(number)}
    assert [row.config_hash for row in ledger([], second, first)] == ["11", "12"]
    assert [row.config_hash for row in ledger([], first, second)] == ["11", "12"]


def test_a_restart_makes_two_replica_sets_of_one_revision() -> None:
    (row,) = ledger(
        [revision(1, "a", 0, "11")],
        replica_set("11", 0, pods=2, ready=1),
        replica_set("11", 9, pods=1, ready=0),
    )
    assert (row.pods, row.ready) == (3, 1)


def test_a_restart_of_an_unrecorded_config_is_one_row() -> None:
    (row,) = ledger(
        [], replica_set("11", 9, pods=1, image="new:1"), replica_set("11", 0, pods=2, ready=2, image="old:1")
    )
    assert (row.changed_at, row.image, row.pods, row.ready) == (minute(0), "old:1", 3, 2)


def test_only_an_undo_is_called_a_rollback() -> None:
    marks = {"kubectl-kagent/rollback-of": "1", "kubectl-kagent/undo-to": "1"}
    found = ledger(
        [revision(1, "a", 0, "11"), revision(2, "b", 1, "12"), revision(3, "a", 2, "11", marks=marks)]
    )
    assert [row.change for row in found] == ["first recorded", "prompt", "rollback of 1: prompt"]


def test_after_a_rollback_the_pods_are_the_newest_revision_s() -> None:
    """The same config runs, so the same ReplicaSet; it would count twice."""
    back = {"kubectl-kagent/rollback-of": "1"}
    found = ledger(
        [revision(1, "a", 0, "11"), revision(2, "b", 1, "12"), revision(3, "a", 2, "11", marks=back)],
        replica_set("11", 0, pods=2, ready=2),
        replica_set("12", 1),
    )
    assert [(row.pods, row.ready) for row in found] == [(0, 0), (0, 0), (2, 2)]
    assert [row.change for row in found] == ["first recorded", "prompt", "same as 1: prompt"]
    assert [row.rollback_of for row in found] == [None, None, 1]


def test_a_revision_never_seen_running_has_no_pods() -> None:
    """Not even those of a ReplicaSet without a hash, which is none of kagent's."""
    found = ledger([revision(1, "a", 0), revision(2, "b", 1)], replica_set("", 0, pods=5, ready=5))
    assert [(row.number, row.config_hash, row.pods) for row in found] == [(1, "", 0), (2, "", 0)]


@pytest.mark.parametrize(
    ("written", "read"),
    [("2026-11-23T08:07:00Z", minute(7)), ("soon", None), ("2026-11-23T08:07:00", None), ("", None)],
)
def test_the_time_ready_is_one_with_a_zone_or_none(written: str, read: datetime | None) -> None:
    (found,) = ledger([revision(1, "a", 0, marks={"kubectl-kagent/ready-at": written})])
    assert found.ready_at == read


def test_without_its_replica_set_a_revision_has_no_pods() -> None:
    """The Deployment keeps only the newest ReplicaSets; a fresh one tells no counts yet."""
    fresh = {**replica_set("12", 1), "status": None}
    found = ledger([revision(1, "a", 0, "11"), revision(2, "b", 1, "12")], fresh)
    assert [(row.pods, row.ready) for row in found] == [(0, 0), (0, 0)]
    assert [(row.pods, row.ready) for row in ledger([], {**fresh, "status": {}})] == [(0, 0)]


def test_a_gap_is_marked_at_the_revision_after_it() -> None:
    found = ledger([revision(1, "a", 0), revision(4, "b", 9, gap_before=True)])
    assert [row.gap_before for row in found] == [False, True]


def test_nothing_is_live_when_the_live_config_is_not_recorded() -> None:
    found = ledger([revision(1, "a", 0), revision(2, "b", 1)], live=None)
    assert [row.live for row in found] == [False, False]


def test_only_the_live_revision_is_marked() -> None:
    found = ledger([revision(number, str(number), number) for number in (1, 2, 3)])
    assert [row.live for row in found] == [False, False, True]
