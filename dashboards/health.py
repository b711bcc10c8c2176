"""What is wrong with an agent, as one number each: the worst that the series know, from 0 (nothing) up."""

from __future__ import annotations

from dashboards.fields import BLUE, GREEN, GREY, ORANGE, RED, YELLOW, values
from dashboards.queries import AGENT, AGENTS, by

# Worse is larger, so that a table sorted by it has the broken first.
CAUSES = values(
    _0=("No trouble seen", GREEN),
    _1=("Scaled to 0", GREY),
    _2=("Slow", YELLOW),
    _3=("Rolling out", BLUE),
    _4=("Spec not taken up", ORANGE),
    _5=("Tools fail", ORANGE),
    _6=("Model fails", RED),
    _7=("No pod ready", RED),
    _8=("Crash loop", RED),
    _9=("Not accepted", RED),
)

LEGEND = (
    "The worst that is known of each agent now: its spec is not accepted, a container crashes in a loop, no "
    "pod is ready, calls of the model fail, tools fail, the controller has not taken up the newest spec, a "
    "rollout is under way, turns are slow, or it is scaled to 0. Model, tools and slowness are of the last "
    "five minutes, against the values of alerts/values.yaml. It can't know whether the answers are any good."
)


def cause() -> str:
    """The number of ``CAUSES`` for each agent that is declared, recorded in ``alerts/state.rules.yaml``."""
    return f"max {by(*AGENT)} (agent:trouble:worst{{{AGENTS}}})"
