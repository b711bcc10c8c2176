"""The shapes of JSON: what type each value must have, compiled to closures that run on every object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

Object = dict[str, Any]
# The JSON type that a value must have, and what is to be seen in it beyond that.
Shape = tuple[type, Callable[[Any], None] | None]

_SAID: dict[type, str] = {
    str: "a text",
    int: "a number",
    float: "a number with a fraction",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "nothing",
}


ABSENT = object()


class Misfit(Exception):
    """A value of the wrong kind; ``path`` grows from its end while the checks are left."""

    def __init__(self, found: Any, wanted: str) -> None:
        super().__init__()
        self.found = _SAID.get(type(found), "something else")
        self.wanted = wanted
        self.path: list[str] = []

    @property
    def where(self) -> str:
        """The path from the root, like ``spec.template.containers[0].name``."""
        return "".join(reversed(self.path)).removeprefix(".")


def fields(needed: str = "", **shapes: Shape) -> Shape:
    """An object: the types of its fields, and which of them (by name, parted by blanks) must be there.

    A null is a field that is not set (Kubernetes' API conventions), and is taken out: so a default in
    ``get(KEY, DEFAULT)`` means what it says.
    """
    must = frozenset(needed.split())
    table = tuple((name, kind, inner, name in must) for name, (kind, inner) in shapes.items())

    def look(value: Object) -> None:
        for name, kind, inner, needed in table:
            found = value.get(name, ABSENT)
            if type(found) is kind:
                if inner is not None:
                    try:
                        inner(found)
                    except Misfit as misfit:
                        raise _at(f".{name}", misfit) from None
            elif found is not ABSENT and found is not None:
                raise _at(f".{name}", Misfit(found, _SAID[kind]))
            elif needed:
                raise _at(f".{name}", Misfit(None, _SAID[kind]))
            elif found is None:
                del value[name]

    return dict, look


def _at(step: str, misfit: Misfit) -> Misfit:
    misfit.path.append(step)
    return misfit


def each(shape: Shape) -> Shape:
    """A list of such values."""
    kind, inner = shape

    def look(values: list[Any]) -> None:
        for place, value in enumerate(values):
            if type(value) is not kind:
                raise _at(f"[{place}]", Misfit(value, _SAID[kind]))
            if inner is not None:
                try:
                    inner(value)
                except Misfit as misfit:
                    raise _at(f"[{place}]", misfit) from None

    return list, look


def _texts_by_name(values: Object) -> None:
    if set(map(type, values.values())) - {str}:
        name, value = next((name, value) for name, value in values.items() if type(value) is not str)
        raise _at(f".{name}", Misfit(value, _SAID[str]))


@lru_cache  # the times of one object are mostly the same few
def _time(text: str) -> None:
    """RFC 3339 with a zone, of a year that Python can reckon with."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Misfit(text, "a time") from None
    if moment.tzinfo is None or not 1 < moment.year < 9999:
        raise Misfit(text, "a time")


def _version(text: str) -> None:
    """A resource version: since Kubernetes 1.35 a number by promise, before it by habit."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise Misfit(text, "a resource version")


def _filled(text: str) -> None:
    if not text:
        raise Misfit(None, _SAID[str])


TEXT: Shape = (str, None)
NAME: Shape = (str, _filled)
TIME: Shape = (str, _time)
VERSION: Shape = (str, _version)
NUMBER: Shape = (int, None)
FLAG: Shape = (bool, None)
ANYTHING: Shape = (dict, None)
TEXTS: Shape = (list, each(TEXT)[1])
MAP: Shape = (dict, _texts_by_name)


def check(shape: Shape, value: Object) -> None:
    """Raises Misfit where a value within has another type. Fields that are null are taken out."""
    _, inner = shape
    if inner is not None:
        inner(value)
