"""Calls of tools as their agents saw them: the same panels for one agent, and for all of a server's tools."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import panels, queries, tables
from dashboards.fields import Link, override
from dashboards.queries import AGENT, by, count, quantile, total
from dashboards.surroundings import to_agent
from dashboards.targets import column, over_time

CALLS, FAILURES = "agent_tool:calls:total", "agent_tool:failures:total"
_SECONDS = "agent_tool:call_duration_seconds"


def by_agent(title: str, matchers: str, *, missing: str) -> panels.House:
    """A row for each tool of each agent, what failed most first."""
    groups = (*AGENT, "tool")
    failed, calls = (total(counter, matchers, *groups) for counter in (FAILURES, CALLS))
    return tables.table(
        title,
        "Calls, failures and durations of each tool that an agent called in the time range. A tool fails "
        "when its server says so or can't be reached. Two servers may have a tool of one name: the spans "
        "don't say which of them answered. An approval counts when it is asked for; whether somebody "
        "still has to answer it can't be seen here: see kubectl kagent approvals list. 95 of 100 calls were "
        "faster than p95: of the whole range, or in its slowest hour if it is longer than a day.",
        column(count(CALLS, matchers, *groups)),
        column(count(FAILURES, matchers, *groups)),
        column(f"{failed} / ({calls} > 0)"),
        column(_p95(matchers, *groups)),
        column(count("agent_tool:approvals_requested:total", matchers, *groups)),
        columns=[
            ("namespace", "Namespace"),
            ("agent", "Agent"),
            ("tool", "Tool"),
            ("Value #A", "Calls"),
            ("Value #B", "Failed"),
            ("Value #C", "Share failed"),
            ("Value #D", "p95"),
            ("Value #E", "Approvals asked"),
        ],
        overrides=[
            # Thousands of tools: to ask for the zeros, too, would take three times as long.
            override("Failed", noValue="0"),
            override("Share failed", unit="percentunit", decimals=0, noValue="0%"),
            override("Approvals asked", noValue="0"),
            override("p95", unit="s", decimals=1),
            override("Agent", links=[to_agent("Open this agent", source="__data.fields")]),
        ],
        sort=("Failed", True),
        missing=missing,
        size=(24, 8),
    )


def _p95(matchers: str, *groups: str) -> str:
    """Of tools no buckets are recorded by the hour, so that the first part is empty for more than a day."""
    whole = quantile(0.95, f"{_SECONDS}_bucket:total", matchers, *groups)
    slowest = f"max_over_time({_SECONDS}:p95_{queries.TILE}{{{matchers}}}[{queries.RANGE}])"
    return f"{whole}\nor max {by(*groups)} ({slowest})"


def durations(
    title: str, matchers: str, *, missing: str, size: tuple[int, int], links: Sequence[Link] = ()
) -> panels.House:
    """A line for each tool."""
    p95 = f"{_SECONDS}:p95_{queries.TILE}{{{matchers}}}"
    slowest = f"max {by('tool')} (max_over_time({p95}[{queries.INTERVAL}]))"
    return panels.timeseries(
        title,
        "95 of 100 calls were faster, over five minutes (an hour, in a range of more than a day), for the "
        "slowest agent of each tool, and in the slowest such stretch of each interval. The "
        "dashed line is tool_p95_seconds of alerts/values.yaml; the dots are traces.",
        over_time(slowest, "p95 {{tool}}", step=queries.BAR),
        over_time(queries.exemplars("execute_tool"), "traces", exemplar=True),
        over_time(queries.threshold("tool_p95_seconds"), panels.THRESHOLD),
        unit="s",
        missing=missing,
        size=size,
        links=links,
    )
