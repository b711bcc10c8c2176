"""manifests/recorder as it is: two pods under the restricted profile that record, and tell Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kubectl_kagent import clock
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.lifecycle.history.revisions import revisions_of
from kubectl_kagent.lifecycle.history.tally import KINDS
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.revision import Revision
from kubectl_kagent.model.workload import Workload
from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.cluster.recorders import ready, recorders
from tests.cluster.workloads import create, declarative, key, model_config, read
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

Labels = frozenset[tuple[str, str]]
Series = dict[tuple[str, Labels], float]


@pytest.fixture(scope="module")
def recorder(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tools]:
    """The namespace of two recorders that are ready; at the end nothing of them is left."""
    with own_namespace(lab.kubeconfig) as tools:
        tools.kubectl("label", "namespace", tools.namespace, "pod-security.kubernetes.io/enforce=restricted")
        folder = tmp_path_factory.mktemp("overlay")
        with recorders(tools, folder, suffix=f"-{tools.namespace}"):
            yield tools


@pytest.fixture
def team(lab: Lab, recorder: Tools) -> Iterator[ApiServer]:
    """A namespace with an agent of somebody else, whose first revision is there."""
    with own_namespace(lab.kubeconfig) as tools:
        api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
        create(api, key(), model_config(), declarative("clock"))
        await_revision(api, 1)
        yield api


def scraped(tools: Tools, pod: str) -> Series:
    """What the pod tells, as the API server's proxy brings it."""
    path = f"/api/v1/namespaces/{tools.namespace}/pods/{pod}:9464/proxy/metrics"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(tools.kubectl("get", "--raw", path).out)
        for sample in family.samples
    }


def labels(api: ApiServer, **more: str) -> Labels:
    return frozenset({"namespace": api.namespace, "kind": "Agent", "name": "clock", **more}.items())


def revisions(api: ApiServer) -> list[Revision]:
    return revisions_of(api, Workload(AGENT, read(api, "clock")))


def await_revision(api: ApiServer, number: int) -> None:
    """Until that revision is there with its config hash."""
    wait_for(
        lambda: any(each.number == number and each.config_hash for each in revisions(api)),
        f"revision {number}",
    )


def edit(api: ApiServer, prompt: str) -> None:
    body = {"spec": {"declarative": {"systemMessage": prompt}}}
    api.merge_patch(AGENT, api.namespace, "clock", body, manager="kubectl-edit")


def edited_at(api: ApiServer) -> float:
    """When the agent's spec was written last, as its managed fields tell."""
    entries = read(api, "clock")["metadata"]["managedFields"]
    return max(clock.parse_time(entry["time"]).timestamp() for entry in entries if "subresource" not in entry)


def all_of_clock(api: ApiServer, change: str, **counts: int) -> Series:
    """Every series that there is to be of the agent: kubectl edit made the last change, of that kind."""
    live = revisions(api)[-1]
    info = labels(api, revision=str(live.number), config_hash=live.config_hash)
    by = labels(api, changed_by="kubectl-edit", change=change)
    return {
        ("kagent_workload_revision", labels(api)): live.number,
        ("kagent_workload_revision_info", info): 1,
        ("kagent_workload_last_change_timestamp_seconds", by): edited_at(api),
        ("kagent_workload_rollbacks_total", labels(api)): counts.get("rollback", 0),
        **{("kagent_workload_changes_total", labels(api, change=k)): counts.get(k, 0) for k in KINDS},
    }


def await_series(recorder: Tools, pods: Iterable[str], api: ApiServer, wanted: Series) -> None:
    """Until each of the pods tells exactly that of the agent."""
    for pod in pods:
        told: Series = {}
        deadline = time.monotonic() + 60
        while told != wanted and time.monotonic() < deadline:
            told = {each: value for each, value in scraped(recorder, pod).items() if labels(api) <= each[1]}
            time.sleep(0.1)
        assert told == wanted, pod


def test_both_tell_the_same_of_each_change(recorder: Tools, team: ApiServer) -> None:
    """It does not depend on which of the two was quicker."""
    pods = ready(recorder)
    edit(team, "Second prompt.")
    await_revision(team, 2)
    await_series(recorder, pods, team, all_of_clock(team, "prompt", first=1, prompt=1))
    edit(team, "First prompt.")
    await_revision(team, 3)
    await_series(recorder, pods, team, all_of_clock(team, "rollback", first=1, prompt=1, rollback=1))
    for pod in pods:
        assert scraped(recorder, pod)["kagent_recorder_unrecorded_changes_total", frozenset()] == 0


def test_a_pod_that_is_killed_loses_nothing(recorder: Tools, team: ApiServer) -> None:
    killed, other = ready(recorder)
    recorder.kubectl("delete", "pod", killed, "--grace-period=0", "--force")
    for number in range(2, 7):
        edit(team, f"Prompt {number}.")
    await_revision(team, 6)
    found = revisions(team)
    prompts = [each.spec["declarative"]["systemMessage"] for each in found]
    assert prompts == ["First prompt.", *(f"Prompt {number}." for number in range(2, 7))]
    assert not any(each.gap_before for each in found)
    await_series(recorder, [other], team, all_of_clock(team, "prompt", first=1, prompt=5))
    wait_for(lambda: len(ready(recorder)) == 2, "another recorder in its place")
