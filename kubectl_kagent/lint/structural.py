"""An object against a structural schema, as the API server's apiextensions does it. Pure."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from kubectl_kagent.errors import KagentError
from kubectl_kagent.lint.crds import Schema
from kubectl_kagent.lint.faults import UNKNOWN, Fault, Path

_INT_OR_STRING = "x-kubernetes-int-or-string"
_OPEN = "x-kubernetes-preserve-unknown-fields"


def unknown_fields(schema: Schema, value: Any, path: Path = ()) -> Iterator[Fault]:
    """Fields that the schema does not have: kubectl's validation refuses them, or they are dropped."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_fields(schema.get("items") or {}, item, (*path, index))
    if not isinstance(value, Mapping) or not schema:
        return
    known = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for key, item in value.items():
        below = known.get(key, more)
        if isinstance(below, Mapping):
            yield from unknown_fields(below, item, (*path, key))
        elif below is None and not schema.get(_OPEN):
            yield Fault((*path, key), _unknown(key, known), UNKNOWN)


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    same = [name for name in known if name.lower() == key.lower()]
    return "is not a field" + (f"; did you mean {same[0]}?" if same else "")


def filled(schema: Schema, value: Any) -> Any:
    """``value`` without nulls and with defaults, changed in place."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            value[index] = filled(schema.get("items") or {}, item)
    elif isinstance(value, dict):
        known = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        for key in list(value):
            below = known.get(key, more if isinstance(more, Mapping) else {})
            if value[key] is None and key in known and not below.get("nullable"):
                del value[key]
        for key, below in known.items():
            if key not in value and "default" in below:
                value[key] = copy.deepcopy(below["default"])
        for key in value:
            value[key] = filled(known.get(key, more if isinstance(more, Mapping) else {}), value[key])
    return value


def faults(schema: Schema, value: Any, path: Path = ()) -> Iterator[Fault]:
    """What the schema forbids. A value of another type is not looked into."""
    if value is None and schema.get("nullable"):
        return
    wrong = _type(schema, value)
    if wrong:
        yield Fault(path, wrong, blocks=True)
        return
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(json.dumps(each) for each in schema["enum"])
        yield Fault(path, f"{json.dumps(value)} is not one of {allowed}", blocks=True)
    yield from _combined(schema, value, path)
    if isinstance(value, str):
        yield from _string(schema, value, path)
    elif isinstance(value, Mapping):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _array(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(schema, value, path)


_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int,),
}
_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
_ARTICLE = {"object": "an object", "array": "a list", "integer": "an integer"}


def _type(schema: Schema, value: Any) -> str:
    """What is wrong with the type; empty where nothing is."""
    wanted = str(schema.get("type") or "")
    if schema.get(_INT_OR_STRING):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return "" if fits else f"must be an integer or a string, not {_named(value)}"
    if not wanted:
        return ""
    if wanted == "integer" and isinstance(value, int | float) and not isinstance(value, bool):
        fits = value == int(value) and -(1 << 63) <= value < 1 << 63
        return "" if fits else "must be an integer of 64 bits, not another number"
    fits = isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
    return "" if fits else f"must be {_ARTICLE.get(wanted, f'a {wanted}')}, not {_named(value)}"


def _named(value: Any) -> str:
    return _NAMES.get(type(value), "a number")


def _string(schema: Schema, value: str, path: Path) -> Iterator[Fault]:
    if len(value) > schema.get("maxLength", len(value)):
        yield Fault(path, f"may not be longer than {schema['maxLength']} letters", blocks=True)
    if len(value) < schema.get("minLength", 0):
        yield Fault(path, f"must have at least {_count(schema['minLength'], 'letter')}")
    if "pattern" in schema and not _pattern(schema["pattern"]).search(value):
        yield Fault(path, f"{json.dumps(value)} does not match {schema['pattern']}")
    fits = _FORMATS.get(schema.get("format", ""))
    if fits and not fits(value):
        yield Fault(path, f"{json.dumps(value)} is not in the format {schema['format']}", blocks=True)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """As Go means it: ``$`` is the end, also before a last line break."""
    if text.endswith("$") and not text.endswith("\\$"):
        text = text[:-1] + r"\Z"
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise KagentError(f"the schema's pattern {text} can't be judged here: {error}") from error


def _is_bytes(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value.upper()


def _is_uri(value: str) -> bool:
    """As Go's url.ParseRequestURI: a whole URL, or a path from the root."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) or value.startswith("/")


_FORMATS: Mapping[str, Callable[[str], bool]] = {"byte": _is_bytes, "date-time": _is_time, "uri": _is_uri}


def _number(schema: Schema, value: float, path: Path) -> Iterator[Fault]:
    """The range; that of a format (int32) the API server does not look at."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        yield Fault(path, f"{value} is less than {least}")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        yield Fault(path, f"{value} is more than {most}")
    if "multipleOf" in schema and value % schema["multipleOf"]:
        yield Fault(path, f"{value} is not a multiple of {schema['multipleOf']}")


def _object(schema: Schema, value: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    for key in schema.get("required") or ():
        if key not in value:
            yield Fault((*path, key), "is required", blocks=True)
    if len(value) > schema.get("maxProperties", len(value)):
        yield Fault(path, f"may not have more than {_count(schema['maxProperties'], 'field')}", blocks=True)
    if len(value) < schema.get("minProperties", 0):
        yield Fault(path, f"must have at least {_count(schema['minProperties'], 'field')}")
    known = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    for key, item in value.items():
        below = known.get(key, more)
        if isinstance(below, Mapping):
            yield from faults(below, item, (*path, key))


def _array(schema: Schema, value: Sequence[Any], path: Path) -> Iterator[Fault]:
    if len(value) > schema.get("maxItems", len(value)):
        yield Fault(path, f"may not have more than {_count(schema['maxItems'], 'item')}", blocks=True)
    if len(value) < schema.get("minItems", 0):
        yield Fault(path, f"must have at least {_count(schema['minItems'], 'item')}")
    for index, item in enumerate(value):
        yield from faults(schema.get("items") or {}, item, (*path, index))
    yield from _twice(schema, value, path)


def _twice(schema: Schema, value: Sequence[Any], path: Path) -> Iterator[Fault]:
    """Items of a set, or of a map with the same keys."""
    kind = schema.get("x-kubernetes-list-type")
    if kind not in ("set", "map") and not schema.get("uniqueItems"):
        return
    keys = schema.get("x-kubernetes-list-map-keys") if kind == "map" else None
    seen: list[Any] = []
    for index, item in enumerate(value):
        mark = item
        if keys:
            mark = [item.get(key) for key in keys] if isinstance(item, Mapping) else item
        if mark in seen:
            told = ", ".join(map(str, mark)) if keys else str(item)
            yield Fault((*path, index), f"{told} is there twice")
        seen.append(mark)


def _combined(schema: Schema, value: Any, path: Path) -> Iterator[Fault]:
    """allOf, anyOf, oneOf, not. What an integer-or-string says so once more with anyOf."""
    for part in schema.get("allOf") or ():
        if not schema.get(_INT_OR_STRING):
            yield from faults(part, value, path)
    choices = schema.get("anyOf")
    if choices and not schema.get(_INT_OR_STRING) and not any(_fits(part, value) for part in choices):
        yield Fault(path, "fits none of the forms that are allowed")
    choices = schema.get("oneOf")
    if choices and sum(_fits(part, value) for part in choices) != 1:
        yield Fault(path, "must fit exactly one of the forms that are allowed")
    if "not" in schema and _fits(schema["not"], value):
        yield Fault(path, "has a form that is not allowed")


def _fits(schema: Schema, value: Any) -> bool:
    return next(faults(schema, value), None) is None


def _count(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"
