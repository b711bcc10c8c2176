"""The recorder's metrics, to the letter, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from kubectl_kagent.lifecycle.history.recorder import Memory
from kubectl_kagent.lifecycle.history.recorder_metrics import families
from kubectl_kagent.lifecycle.history.tally import KINDS, LastChange, Tally
from kubectl_kagent.model.resources import AGENT, MCP_SERVER

CLOCK = (AGENT, "team-a", "clock")
DATETIME = (MCP_SERVER, "team-a", "datetime")
MODEL_CHANGE = LastChange(3, "model", "kubectl-edit", 1795680000.0)


def exposed(memory: Memory) -> str:
    class Families(Collector):
        def collect(self):  # type: ignore[no-untyped-def]
            return families(memory)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families())
    return generate_latest(registry).decode()


def memory(*tallies: Tally, lag: float = 0.0, gaps: int = 0, **more: object) -> Memory:
    known = dict(zip((CLOCK, DATETIME), tallies, strict=False))
    return Memory(tallies=known, troubled=frozenset(), lag=lag, gaps=gaps, **more)  # type: ignore[arg-type]


def labels_of(text: str, name: str) -> list[dict[str, str]]:
    found = text_string_to_metric_families(text)
    return [sample.labels for family in found for sample in family.samples if sample.name == name]


EVERYTHING = """\
# HELP kagent_workload_revision Number of the revision that is live.
# TYPE kagent_workload_revision gauge
kagent_workload_revision{kind="Agent",name="clock",namespace="team-a"} 3.0
# HELP kagent_workload_revision_info The revision that is live.
# TYPE kagent_workload_revision_info gauge
kagent_workload_revision_info{config_hash="1234567890",kind="Agent",name="clock",namespace="team-a",revision="3"} 1.0
# HELP kagent_workload_last_change_timestamp_seconds When the newest revision's change was made, by whom, and what it changed.
# TYPE kagent_workload_last_change_timestamp_seconds gauge
kagent_workload_last_change_timestamp_seconds{change="model",changed_by="kubectl-edit",kind="Agent",name="clock",namespace="team-a"} 1.79568e+09
# HELP kagent_workload_changes_total Changes since this recorder began, by what they changed.
# TYPE kagent_workload_changes_total counter
kagent_workload_changes_total{change="first",kind="Agent",name="clock",namespace="team-a"} 1.0
kagent_workload_changes_total{change="model",kind="Agent",name="clock",namespace="team-a"} 2.0
kagent_workload_changes_total{change="prompt",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="tools",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="spec",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="several",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="rollback",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="unknown",kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_changes_total{change="first",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="model",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="prompt",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="tools",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="spec",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="several",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="rollback",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
kagent_workload_changes_total{change="unknown",kind="MCPServer",name="datetime",namespace="team-a"} 0.0
# HELP kagent_workload_rollbacks_total Changes since this recorder began that brought an earlier config back.
# TYPE kagent_workload_rollbacks_total counter
kagent_workload_rollbacks_total{kind="Agent",name="clock",namespace="team-a"} 0.0
kagent_workload_rollbacks_total{kind="MCPServer",name="datetime",namespace="team-a"} 0.0
# HELP kagent_recorder_workloads Workloads whose changes are recorded.
# TYPE kagent_recorder_workloads gauge
kagent_recorder_workloads 2.0
# HELP kagent_recorder_lag_seconds Age of the oldest change that was not looked at yet.
# TYPE kagent_recorder_lag_seconds gauge
kagent_recorder_lag_seconds 1.5
# HELP kagent_recorder_unrecorded_changes_total Gaps since this recorder began: before such a revision at least one change was not recorded.
# TYPE kagent_recorder_unrecorded_changes_total counter
kagent_recorder_unrecorded_changes_total 4.0
# HELP kagent_recorder_trouble 1 while the workload can't be recorded.
# TYPE kagent_recorder_trouble gauge
kagent_recorder_trouble{kind="MCPServer",name="datetime",namespace="team-a"} 1.0
"""  # noqa: E501  the lines are as long as Prometheus reads them


def test_all_of_them() -> None:
    """A workload that was not looked at has its counters already: what comes is seen as an increase."""
    changes = dict.fromkeys(KINDS, 0) | {"first": 1, "model": 2}
    clock = Tally(3, "1234567890", MODEL_CHANGE, changes)
    known = Memory({DATETIME: Tally(), CLOCK: clock}, frozenset({DATETIME}), lag=1.5, gaps=4)
    assert exposed(known) == EVERYTHING


def test_without_workloads_there_are_still_its_own() -> None:
    samples = [line for line in exposed(memory()).splitlines() if not line.startswith("#")]
    assert samples == [
        "kagent_recorder_workloads 0.0",
        "kagent_recorder_lag_seconds 0.0",
        "kagent_recorder_unrecorded_changes_total 0.0",
    ]


def test_a_live_config_that_is_not_recorded_has_no_revision() -> None:
    text = exposed(memory(Tally(last=MODEL_CHANGE)))
    assert labels_of(text, "kagent_workload_revision") == []
    assert labels_of(text, "kagent_workload_revision_info") == []
    assert len(labels_of(text, "kagent_workload_last_change_timestamp_seconds")) == 1


def changed_by(manager: str) -> str:
    text = exposed(memory(Tally(1, "", LastChange(1, "spec", manager, 0))))
    [labels] = labels_of(text, "kagent_workload_last_change_timestamp_seconds")
    return labels["changed_by"]


def test_who_changed_it_is_short_and_plain() -> None:
    assert changed_by("") == ""
    assert changed_by("system:serviceaccount:argocd:argocd-application-controller") == (
        "system:serviceaccount:argocd:argocd-application-controller"
    )
    assert changed_by('evil"} 1\nup{job="x"} 0\x1b[2J') == "evil___1_up_job__x___0__2J"
    assert changed_by("ünïcode\u202e") == "_n_code_"
    assert changed_by("a" * 5000) == "a" * 63
    assert changed_by(f"ghp_{'a1B2' * 9}") == "ghp___masked_"


def test_a_config_hash_is_one() -> None:
    for text, shown in (
        ("17", "17"),
        ("a" * 64, "a" * 64),
        ("a" * 65, ""),
        ('1"}', ""),
        ("1\n", ""),
        ("", ""),
    ):
        [labels] = labels_of(exposed(memory(Tally(1, text))), "kagent_workload_revision_info")
        assert labels["config_hash"] == shown


def test_a_workload_has_so_many_series_and_no_more() -> None:
    """Whatever was changed, however often and by whom."""
    one, two = (exposed(memory(*[Tally(9, "1", MODEL_CHANGE)] * count)).splitlines() for count in (1, 2))
    assert len(two) - len(one) == len(KINDS) + 4
