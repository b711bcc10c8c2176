"""Durations as they are typed: Go's."""

from __future__ import annotations

import re
from typing import Any

import click

from kubectl_kagent.errors import UsageError

_LONGEST = 2562047 * 3600.0  # Go's: nanoseconds in 64 bits
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Seconds of a Go duration (``90s``, ``1m30s``, ``0``). Raises UsageError for anything else."""
    spelled = f"{text}s" if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else text
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", spelled)
    if not parts or "".join(number + unit for number, unit in parts) != spelled:
        raise UsageError(f'"{text}" is not a duration', hint="write it like 30s, 5m or 1h30m")
    found = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if found > _LONGEST:
        raise UsageError(f'"{text}" is too long', hint="a duration has 292 years at most: 2562047h")
    return found


class Duration(click.ParamType[float]):
    """A Go duration as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        return value if isinstance(value, float) else seconds(str(value))
