"""Copies of what JSON is made of, several times as fast as copy.deepcopy: stores hand out nothing else."""

from __future__ import annotations

import copy
from typing import Any, TypeVar, cast

T = TypeVar("T")


def copied(value: T) -> T:
    return cast("T", _copied(value))


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind is list:
        return [_copied(item) for item in value]
    return value if kind in (str, int, bool, float, type(None)) else copy.deepcopy(value)
