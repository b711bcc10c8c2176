"""Scaling in the CR: preconditions, the autoscaler guard, hibernate's memory, release."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.errors import Conflict, Forbidden, KagentError
from kubectl_kagent.lifecycle.workloads import scaling
from kubectl_kagent.lifecycle.workloads.autoscaler import release
from kubectl_kagent.lifecycle.workloads.scaling import Expect, Scaled
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT, HPA, MCP_SERVER, SCALED_OBJECT
from kubectl_kagent.model.workload import Workload
from tests.fake.cluster import FakeCluster
from tests.objects import agent, byo, hpa, mcp_server, reconcile, scaled_object, taken_name, workload

MEMORY = "kubectl-kagent/hibernated-replicas"


def scale(cluster: FakeCluster, live: Workload, replicas: int, **how: Any) -> Scaled:
    settings: dict[str, Any] = {"expect": Expect(), "dry_run": "none", "manager": "scaler"} | how
    return scaling.scale(cluster, live, replicas, before=count(cluster, live), **settings)


def count(cluster: FakeCluster, live: Workload) -> int:
    return scaling.current_counts(cluster, [live])[live.key]


def refuse(cluster: FakeCluster, warnings: list[str], *, force: bool = False) -> None:
    scalers = scaling.known_autoscalers(cluster, "default", warn=warnings.append)
    live = workload(cluster)
    if scaler := scaling.scaler_of(live, scalers):
        scaling.check_not_autoscaled(live, scaler, force=force, warn=warnings.append)


@pytest.fixture
def warnings() -> list[str]:
    return []


# Where the count goes


def test_a_declarative_agent_without_deployment_settings_gets_them(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    done = scale(cluster, workload(cluster), 3)
    assert (done.before, done.after) == (None, 3)
    spec = cluster.read(AGENT, "clock")["spec"]
    assert spec == agent(deployment={"replicas": 3})["spec"]


def test_a_byo_agent_keeps_its_image(cluster: FakeCluster) -> None:
    cluster.add(AGENT, byo(replicas=1))
    scale(cluster, workload(cluster, "own"), 0)
    deployment = cluster.read(AGENT, "own")["spec"]["byo"]["deployment"]
    assert deployment == {"image": "registry.example/own:1", "replicas": 0}


def test_an_mcp_server_is_scaled_in_its_own_place(cluster: FakeCluster) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    scale(cluster, workload(cluster, "datetime", MCP_SERVER), 4)
    assert cluster.read(MCP_SERVER, "datetime")["spec"] == mcp_server(replicas=4)["spec"]


def test_the_patch_carries_the_count_and_nothing_else(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    scale(cluster, workload(cluster), 3)
    (write,) = cluster.writes
    assert write.body == {"spec": {"declarative": {"deployment": {"replicas": 3}}}, "metadata": {}}
    assert cluster.read(AGENT, "clock")["metadata"]["managedFields"][-1]["manager"] == "scaler"


def test_scaling_to_what_is_there_already_writes_nothing_new(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    before = cluster.read(AGENT, "clock")
    assert scale(cluster, workload(cluster), 3).changed is False
    assert cluster.read(AGENT, "clock") == before


# What came of it


@pytest.mark.parametrize(("asked", "dry_run"), [(4, "none"), (4, "server"), (None, "none")])
def test_a_count_that_the_server_does_not_keep_is_an_error(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, asked: int | None, dry_run: str
) -> None:
    """As with an admission webhook that holds it at 2."""
    cluster.add(AGENT, agent(deployment={"replicas": 2}))
    patch = cluster.merge_patch
    monkeypatch.setattr(cluster, "merge_patch", lambda *where, **how: patch(*where[:3], {}, **how))

    def write() -> object:
        if asked is None:
            return release(cluster, workload(cluster), dry_run=False, manager="m")
        return scale(cluster, workload(cluster), asked, dry_run=dry_run)

    with pytest.raises(KagentError) as caught:
        write()
    assert caught.value.line == (
        f"error: the replica count of agent.kagent.dev/clock is 2 after the write, not {asked or 'none'}"
    )


def test_a_count_that_an_agent_of_another_type_does_not_read_is_an_error(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 1}))
    spec = {"type": "BYO", "declarative": None, "byo": {"deployment": {"image": "own", "replicas": 1}}}
    cluster.before("patch", AGENT, lambda: cluster.edit(AGENT, "clock", {"spec": spec}))
    with pytest.raises(KagentError, match="is 1 after the write, not 3"):
        scale(cluster, workload(cluster), 3)


# What runs now


def test_the_current_count_is_the_crs_own(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    assert count(cluster, workload(cluster)) == 3


def test_the_current_count_is_the_deployments_when_the_cr_has_none(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    assert count(cluster, workload(cluster)) == 1
    reconcile(cluster, config_hash="1")
    for replicas in (5, 0):
        cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": replicas}})
        assert count(cluster, workload(cluster)) == replicas


# Preconditions


def test_another_count_than_expected_is_a_conflict_and_changes_nothing(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    with pytest.raises(Conflict, match="expected replicas to be 1, was 3"):
        scale(cluster, workload(cluster), 5, expect=Expect(replicas=1))
    assert cluster.writes == []


def test_another_version_than_expected_is_a_conflict_and_changes_nothing(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    with pytest.raises(Conflict, match="expected resource version to be 1, was 2"):
        scale(cluster, workload(cluster), 5, expect=Expect(resource_version="1"))
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        (Expect(replicas=1), "expected replicas to be 1, was 9"),
        (Expect(resource_version="2"), "the object has been modified"),
    ],
)
def test_a_change_after_the_check_is_a_conflict_too(
    cluster: FakeCluster, expect: Expect, message: str
) -> None:
    cluster.add(AGENT, agent())
    rival = {"spec": {"declarative": {"deployment": {"replicas": 9}}}}
    cluster.before("patch", AGENT, lambda: cluster.edit(AGENT, "clock", rival))
    with pytest.raises(Conflict, match=message):
        scale(cluster, workload(cluster), 5, expect=expect)
    assert workload(cluster).replicas == 9


def test_a_change_of_something_else_is_looked_at_and_does_no_harm(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    for nth in (1, 2, 3, 4):
        label = {"metadata": {"labels": {"look": str(nth)}}}
        cluster.before("patch", AGENT, lambda label=label: cluster.edit(AGENT, "clock", label), nth=nth)
    scale(cluster, workload(cluster), 5, expect=Expect(replicas=1))
    assert workload(cluster).replicas == 5


def test_a_change_at_every_look_is_a_conflict_in_the_end(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    for nth in (1, 2, 3, 4, 5):
        label = {"metadata": {"labels": {"look": str(nth)}}}
        cluster.before("patch", AGENT, lambda label=label: cluster.edit(AGENT, "clock", label), nth=nth)
    with pytest.raises(Conflict, match="the object has been modified"):
        scale(cluster, workload(cluster), 5, expect=Expect(replicas=1))
    assert workload(cluster).replicas is None


def test_without_preconditions_the_last_one_wins(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    stale = workload(cluster)
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "changed"}}})
    scale(cluster, stale, 5)
    assert (workload(cluster).replicas, workload(cluster).prompt) == (5, "changed")


def test_the_right_expectations_let_it_through(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 1}))
    live = workload(cluster)
    scale(cluster, live, 2, expect=Expect(1, live.resource_version))
    assert workload(cluster).replicas == 2


# Dry run


def test_a_client_dry_run_sends_nothing_and_shows_the_result(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    done = scale(cluster, workload(cluster), 3, dry_run="client")
    assert cluster.writes == []
    assert done.obj["spec"] == agent(deployment={"replicas": 3})["spec"]
    assert workload(cluster).replicas is None


def test_a_client_dry_run_still_checks_what_it_can(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    with pytest.raises(Conflict):
        scale(cluster, workload(cluster), 3, dry_run="client", expect=Expect(replicas=7))


def test_a_server_dry_run_is_the_servers_answer(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    done = scale(cluster, workload(cluster), 3, dry_run="server")
    assert [write.dry_run for write in cluster.writes] == [True]
    assert done.obj["metadata"]["generation"] == 2
    assert workload(cluster).replicas is None


# The guard


@pytest.mark.parametrize("scaler", ["hpa", "keda"])
def test_what_an_autoscaler_owns_is_not_scaled(
    cluster: FakeCluster, warnings: list[str], scaler: str
) -> None:
    cluster.add(AGENT, agent())
    if scaler == "hpa":
        cluster.add(HPA, hpa("clock", minimum=2, maximum=6))
        limits = "horizontalpodautoscaler.autoscaling/clock-hpa keeps it between 2 and 6"
    else:
        cluster.add(SCALED_OBJECT, scaled_object("clock", minReplicaCount=0, maxReplicaCount=9))
        limits = "scaledobject.keda.sh/clock-scaler keeps it between 0 and 9"
    with pytest.raises(KagentError) as caught:
        refuse(cluster, warnings)
    assert caught.value.line == f"error: agent.kagent.dev/clock is scaled by an autoscaler: {limits}"
    assert caught.value.hint is not None
    assert "--force" in caught.value.hint
    assert "scale agent/clock -n default --release" in caught.value.hint
    assert warnings == []

    refuse(cluster, warnings, force=True)
    assert warnings == [f"{limits}; the two will fight until --release gives the count back"]


def test_an_autoscaler_of_something_else_is_none_of_ours(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent())
    cluster.add(HPA, hpa("other"))
    cluster.add(HPA, {**hpa("clock", kind="StatefulSet"), "metadata": {"name": "of-a-set"}})
    cluster.add(HPA, {**hpa("clock"), "metadata": {"name": "far", "namespace": "elsewhere"}})
    refuse(cluster, warnings)
    assert warnings == []


def test_who_may_not_look_for_autoscalers_is_told_so(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent())
    cluster.add(HPA, hpa("clock"))
    cluster.deny("list", HPA)
    refuse(cluster, warnings)
    assert len(warnings) == 1
    assert warnings[0].startswith(
        "could not check for an autoscaler: horizontalpodautoscalers.autoscaling is"
    )


# Hibernate and wake


def test_hibernate_notes_the_count_and_wake_reads_it(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    scale(cluster, workload(cluster), 0, remember=True)
    asleep = workload(cluster)
    assert (asleep.replicas, asleep.annotations[MEMORY]) == (0, "3")
    assert scaling.wake_replicas(asleep) == 3
    scale(cluster, asleep, 3, expect=Expect(replicas=0))
    awake = workload(cluster)
    assert (awake.replicas, MEMORY in awake.annotations) == (3, False)


def test_hibernating_twice_forgets_nothing(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    scale(cluster, workload(cluster), 0, remember=True)
    scale(cluster, workload(cluster), 0, remember=True)
    assert workload(cluster).annotations[MEMORY] == "3"


def test_hibernate_notes_what_runs_when_the_cr_has_no_count(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 4}})
    scale(cluster, workload(cluster), 0, remember=True)
    assert workload(cluster).annotations[MEMORY] == "4"


def test_the_note_that_it_is_released_is_of_what_hibernate_took(cluster: FakeCluster) -> None:
    """Not of a count that somebody set in between."""
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    rival = {"spec": {"declarative": {"deployment": {"replicas": 5}}}}
    cluster.before("patch", AGENT, lambda: cluster.edit(AGENT, "clock", rival))
    scale(cluster, workload(cluster), 0, remember=True)
    assert workload(cluster).annotations == {MEMORY: "5"}


def test_somebody_elses_deployment_tells_no_count(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    taken_name(cluster, replicas=7)
    assert count(cluster, workload(cluster)) == 1


def test_the_note_is_the_count_that_hibernate_took(cluster: FakeCluster) -> None:
    """Not one that somebody changed in between."""
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    rival = {"spec": {"declarative": {"deployment": {"replicas": 5}}}}
    cluster.before("patch", AGENT, lambda: cluster.edit(AGENT, "clock", rival))
    scale(cluster, workload(cluster), 0, remember=True)
    asleep = workload(cluster)
    assert (asleep.replicas, asleep.annotations[MEMORY]) == (0, "5")


def test_scaling_by_hand_makes_the_note_void(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    scale(cluster, workload(cluster), 0, remember=True)
    scale(cluster, workload(cluster), 2)
    assert MEMORY not in workload(cluster).annotations


@pytest.mark.parametrize(
    ("note", "count"),
    [("7", 7), ("0", 1), ("", 1), ("-3", 1), ("many", 1), ("²", 1), ("9" * 5000, 1), (None, 1)],
)
def test_a_note_that_is_no_count_wakes_to_one(cluster: FakeCluster, note: str | None, count: int) -> None:
    obj = agent(deployment={"replicas": 0})
    obj["metadata"]["annotations"] = {} if note is None else {MEMORY: note}
    cluster.add(AGENT, obj)
    assert scaling.wake_replicas(workload(cluster)) == count


# Release


def release_replicas(cluster: FakeCluster, warnings: list[str], **how: Any) -> Scaled:
    live = workload(cluster)
    settings: dict[str, Any] = {
        "before": count(cluster, live),
        "scalers": scaling.known_autoscalers(cluster, "default", warn=warnings.append),
        "dry_run": "none",
        "manager": "scaler",
        "warn": warnings.append,
    }
    return scaling.release_replicas(cluster, live, **settings | how)


def test_release_takes_the_count_out_and_leaves_the_pods(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3, "labels": {"a": "b"}}))
    cluster.add(HPA, hpa("clock"))
    done = release_replicas(cluster, warnings)
    assert cluster.read(AGENT, "clock")["spec"] == agent(deployment={"labels": {"a": "b"}})["spec"]
    assert (done.before, done.after, warnings) == (3, None, [])


def test_release_to_nobody_is_said(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    release_replicas(cluster, warnings)
    assert warnings == ["no autoscaler targets deployment/clock: it stays at 3 until it is scaled"]


def test_releasing_what_is_released_sends_nothing(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent())
    release_replicas(cluster, warnings)
    assert cluster.writes == []


def test_release_as_a_client_dry_run_sends_nothing(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    done = release_replicas(cluster, warnings, dry_run="client")
    assert done.obj["spec"] == agent(deployment={})["spec"]  # as the server leaves it
    assert cluster.writes == []


def test_release_by_who_may_not_look_for_autoscalers(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(AGENT, agent(deployment={"replicas": 3}))
    cluster.deny("list", HPA)
    release_replicas(cluster, warnings)
    assert workload(cluster).replicas is None
    assert warnings[0].startswith("could not check for an autoscaler")


def test_an_mcp_server_cant_be_released(cluster: FakeCluster, warnings: list[str]) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    server = workload(cluster, "datetime", MCP_SERVER)
    with pytest.raises(KagentError, match="can't be released: kmcp rewrites its replicas"):
        scaling.release_replicas(
            cluster, server, before=1, scalers={}, dry_run="none", manager="scaler", warn=warnings.append
        )
    assert cluster.writes == []


def test_what_is_forbidden_is_not_hidden(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    cluster.deny("patch", AGENT)
    with pytest.raises(Forbidden):
        scale(cluster, workload(cluster), 3)
