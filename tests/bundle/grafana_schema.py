"""A dashboard against Grafana's own schema, as grafana-foundation-sdk has it in Python.

The models read any JSON and keep what they know: what is not there again when they write it, Grafana doesn't know.
They don't look at values, so their type hints are checked here.
"""

from __future__ import annotations

import enum
import inspect
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog import encoder, plugins, runtime
from grafana_foundation_sdk.models import common, dashboard, units

plugins.register_default_plugins()
UNITS = {value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_")}


def problems(data: dict[str, Any]) -> list[str]:
    """What Grafana would not know, or not take, in a dashboard."""
    try:
        read = dashboard.Dashboard.from_json(data)
    except (KeyError, TypeError, AttributeError, ValueError) as e:
        return [f"not a dashboard: {e!r}"]
    written = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    return sorted({*_lost(data, written, "dashboard"), *_mistyped(read, "dashboard")})


def _lost(ours: Any, theirs: Any, where: str) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from _lost(value, theirs[key], f"{where}.{key}")
            elif value is not None:
                yield f"{where}.{key} is unknown"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(*pair, f"{where}[{index}]")
    elif ours != theirs:
        yield f"{where} is {ours!r}, which is read as {theirs!r}"


def _mistyped(value: Any, where: str) -> Iterator[str]:
    """The fields of a model, and of the models in them, whose value is not of the type that is declared."""
    modules = (common, dashboard, inspect.getmodule(type(value)))
    names: dict[str, Any] = {}
    for module in modules:
        names |= vars(module) if module else {}
    for cls in reversed(type(value).__mro__):
        for name, hint in typing.get_type_hints(cls, names).items():
            if hasattr(value, name):
                yield from _unlike(getattr(value, name), hint, f"{where}.{name}")


def _unlike(value: Any, hint: Any, where: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [list(_unlike(value, argument, where)) for argument in arguments]
        if all(found):
            yield from found[0]
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where} is {value!r}, not one of {', '.join(map(str, arguments))}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where} is {value!r}, not a list"
            return
        for index, item in enumerate(value):
            yield from _unlike(item, arguments[0], f"{where}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where} is {value!r}, not an object"
            return
        for key, item in value.items():
            yield from _unlike(item, arguments[1], f"{where}.{key}")
    elif inspect.isclass(hint):
        yield from _unlike_class(value, hint, where)


def _unlike_class(value: Any, hint: type, where: str) -> Iterator[str]:
    if issubclass(hint, enum.Enum):
        if value not in [item.value for item in hint]:
            yield f"{where} is {value!r}, not one of {', '.join(str(item.value) for item in hint)}"
    elif hint is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{where} is {value!r}, not a number"
    elif hint is int and isinstance(value, bool):
        yield f"{where} is {value!r}, not a number"
    elif hint is object or runtime.__name__ == hint.__module__:
        return
    elif isinstance(value, dict) and hasattr(hint, "from_json"):  # some lists of models are left as they came
        read = hint.from_json(value)
        yield from _lost(value, json.loads(json.dumps(read, cls=encoder.JSONEncoder)), where)
        yield from _mistyped(read, where)
    elif not isinstance(value, hint):
        yield f"{where} is {value!r}, not {hint.__name__}"
    elif hasattr(value, "to_json"):
        yield from _mistyped(value, where)
