"""Whether JSON is what a TypedDict declares: these keys, no others, and values of these types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.shapes import fields, is_shape, item, members, words

_NULL = type(None)


def unlike(value: Any, hint: Any, seen: set[str], path: str = "") -> list[str]:
    """What of ``value`` is not as declared. ``seen`` gets the paths of all that it has a value for."""
    kinds = members(hint)
    if value is None:
        return [] if _NULL in kinds or Any in kinds else [f"{path} is null"]
    seen.add(path)
    tries = [_try(value, kind, _place(path, kind, kinds)) for kind in kinds if kind is not _NULL]
    problems, shown = min(tries, key=lambda one: len(one[0]))
    seen |= shown
    return problems


def _try(value: Any, kind: Any, path: str) -> tuple[list[str], set[str]]:
    """What is wrong with it, taken as one of the types that it may be of; and the paths that it shows."""
    seen: set[str] = set()
    if is_shape(kind) and isinstance(value, Mapping):
        return list(_unlike_shape(value, kind, seen, path)), seen
    of = item(kind)
    if of is not None and isinstance(value, list):
        return [text for one in value for text in unlike(one, of, seen, f"{path}[]")], seen
    return ([] if _is(value, kind) else [f"{path} is {value!r}"]), seen


def _unlike_shape(value: Mapping[str, Any], shape: Any, seen: set[str], path: str) -> Iterator[str]:
    declared = fields(shape)
    for name in value.keys() - declared.keys():
        yield f"{path}.{name} is not declared"
    for name, field in declared.items():
        if name in value:
            yield from unlike(value[name], field.type, seen, f"{path}.{name}")
        elif not field.optional:
            yield f"{path}.{name} is missing"


def _place(path: str, kind: Any, kinds: tuple[Any, ...]) -> str:
    """Of several shapes at one path each has a place of its own."""
    several = sum(map(is_shape, kinds)) > 1
    return f"{path}({kind.__name__})" if several and is_shape(kind) else path


def _is(value: Any, kind: Any) -> bool:
    if kind is Any or words(kind):
        return kind is Any or value in words(kind)
    if kind in (int, float):
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind if kind in (str, bool) else Mapping) and not is_shape(kind)


def paths(hint: Any, path: str = "", within: tuple[Any, ...] = ()) -> Iterator[str]:
    """All that ``unlike`` can see a value at; what is in itself is told once."""
    yield path
    kinds = members(hint)
    for kind in kinds:
        place = _place(path, kind, kinds)
        if (of := item(kind)) is not None:
            yield from paths(of, f"{place}[]", within)
        elif is_shape(kind) and kind not in within:
            for name, field in fields(kind).items():
                yield from paths(field.type, f"{place}.{name}", (*within, kind))
