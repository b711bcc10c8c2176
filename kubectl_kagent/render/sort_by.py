"""``--sort-by`` as kubectl sorts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.render.jsonpath import find_values

Object = Mapping[str, Any]


def check(field: str) -> None:
    """Raises UsageError for a field that is no expression."""
    find_values(field, {})


def in_order(items: Sequence[Object], field: str) -> list[Object]:
    """The objects by what the JSONPath expression ``field`` finds first in each; those without it come first.

    Numbers are sorted as such, digits in texts too. Raises KagentError when no object has it.
    """
    found = [next(iter(find_values(field, item)), None) for item in items]
    if items and all(value is None for value in found):
        path = f".{field.strip().strip('{}').lstrip('.')}"
        raise KagentError(f'couldn\'t find any field with path "{{{path}}}" in the list of objects')
    ranked = sorted(range(len(items)), key=lambda place: _rank(found[place]))
    return [items[place] for place in ranked]


def _rank(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, ()
    if isinstance(value, int | float):
        return 1, value
    return 2, [
        # digits by their value, of which there may be more than Python makes a number of
        (len(part.lstrip("0")), part.lstrip("0")) if number % 2 else (0, part)
        for number, part in enumerate(re.split("([0-9]+)", str(value)))
    ]
