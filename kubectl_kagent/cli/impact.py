"""The turns of revisions, from the source that has any; what is not known of them is told on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from kubectl_kagent.backends.prometheus import Prometheus
from kubectl_kagent.cli import terminal, usage_source
from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.cli.notes import Notes
from kubectl_kagent.cli.usage_source import PrometheusOptions
from kubectl_kagent.impact import measured as impacts
from kubectl_kagent.impact.measured import Impact
from kubectl_kagent.impact.periods import Period
from kubectl_kagent.model.note import Note


def measured(
    reach: ControllerAccess,
    store: PrometheusOptions,
    periods: Sequence[Period],
    notes: Sequence[Note],
    *,
    now: datetime,
) -> tuple[Impact, str, list[str]]:
    """The impact, the name of its source, and all that was told: ``notes`` and the source's gaps."""
    Notes().tell(*notes)

    def told(impact: Impact) -> Impact:
        for gap in impact.gaps:
            terminal.warn(gap)
        return impact

    def from_prometheus(prometheus: Prometheus) -> Impact:
        return told(impacts.from_prometheus(prometheus, reach.connect(), periods, now))

    impact, source = usage_source.ask(
        reach,
        store,
        prometheus=from_prometheus,
        records=lambda kept: told(impacts.from_records(kept, periods, now)),
        has_any=lambda impact: bool(impact.turns),
    )
    if periods and not impact.turns:
        terminal.say(f"no turns in {source}")
    return impact, source, [*(note.line for note in notes), *impact.gaps]
