"""A turn without what looks like a key. Pure."""

from __future__ import annotations

from dataclasses import replace

from kubectl_kagent.masking import masked, masked_value
from kubectl_kagent.model.trace import Step, Turn


def without_secrets(turn: Turn) -> Turn:
    """The same turn, masked wherever agents, tools and people put texts."""
    return replace(turn, question=masked(turn.question), answer=masked(turn.answer), root=_masked(turn.root))


def _masked(step: Step) -> Step:
    args = masked_value(step.args) if step.args else step.args
    result, error, steps = masked(step.result), masked(step.error), tuple(map(_masked, step.steps))
    if (args, result, error) == (step.args, step.result, step.error) and not steps:
        return step  # nothing to mask, as in most of the many
    return replace(step, args=args, result=result, error=error, steps=steps)
