"""The recorder's memory as families of Prometheus's metrics. Pure.

Labels that others choose are short and plain, and a workload has as many series as there are KINDS and a few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubectl_kagent.lifecycle.history.recorder import Memory
from kubectl_kagent.lifecycle.history.tally import Tally
from kubectl_kagent.masking import masked

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_WORKLOAD = ("namespace", "kind", "name")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._:/@+-]")
_LONGEST_MANAGER = 63  # Kubernetes allows 128 characters for a field manager and any number for a user
_CONFIG_HASH = re.compile(r"[0-9A-Za-z]{1,64}")

Labels = tuple[str, ...]


def families(memory: Memory) -> Iterator[Metric]:
    """All of them, with the workloads in the order of their names."""
    tallies: dict[Labels, Tally] = {
        (namespace, resource.kind, name): tally
        for (resource, namespace, name), tally in sorted(memory.tallies.items(), key=lambda item: item[0][1:])
    }
    yield from _now(tallies)
    yield from _counted(tallies)
    yield from _own(memory)


def _now(tallies: dict[Labels, Tally]) -> Iterator[Metric]:
    number = _gauge("kagent_workload_revision", "Number of the revision that is live.")
    info = _gauge("kagent_workload_revision_info", "The revision that is live.", "revision", "config_hash")
    change = _gauge(
        "kagent_workload_last_change_timestamp_seconds",
        "When the newest revision's change was made, by whom, and what it changed.",
        "changed_by",
        "change",
    )
    for labels, tally in tallies.items():
        if tally.live:
            number.add_metric(labels, tally.live)
            info.add_metric((*labels, str(tally.live), _hash(tally.config_hash)), 1)
        if tally.last:
            change.add_metric((*labels, _plain(tally.last.changed_by), tally.last.kind), tally.last.at)
    yield from (number, info, change)


def _counted(tallies: dict[Labels, Tally]) -> Iterator[Metric]:
    changes = _counter(
        "kagent_workload_changes", "Changes since this recorder began, by what they changed.", "change"
    )
    rollbacks = _counter(
        "kagent_workload_rollbacks", "Changes since this recorder began that brought an earlier config back."
    )
    for labels, tally in tallies.items():
        for kind, count in tally.changes.items():
            changes.add_metric((*labels, kind), count)
        rollbacks.add_metric(labels, tally.rollbacks)
    yield from (changes, rollbacks)


def _own(memory: Memory) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    yield GaugeMetricFamily(
        "kagent_recorder_workloads", "Workloads whose changes are recorded.", len(memory.tallies)
    )
    yield GaugeMetricFamily(
        "kagent_recorder_lag_seconds", "Age of the oldest change that was not looked at yet.", memory.lag
    )
    yield CounterMetricFamily(
        "kagent_recorder_unrecorded_changes",
        "Gaps since this recorder began: before such a revision at least one change was not recorded.",
        memory.gaps,
    )
    trouble = _gauge("kagent_recorder_trouble", "1 while the workload can't be recorded.")
    for resource, namespace, name in sorted(memory.troubled, key=lambda key: key[1:]):
        trouble.add_metric((namespace, resource.kind, name), 1)
    yield trouble


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, about, labels=(*_WORKLOAD, *labels))


def _counter(name: str, about: str, *labels: str) -> CounterMetricFamily:
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(name, about, labels=(*_WORKLOAD, *labels))


def _plain(text: str) -> str:
    """A field manager, as short and harmless as a label should be."""
    return _NOT_PLAIN.sub("_", masked(text))[:_LONGEST_MANAGER]


def _hash(text: str) -> str:
    """kagent's hash; nothing for what somebody else wrote in its place."""
    return text if _CONFIG_HASH.fullmatch(text) else ""
