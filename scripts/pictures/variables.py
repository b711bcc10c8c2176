"""A dashboard's variables: their values, and texts with the values in their places, as Grafana puts them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

ALL = "$__all"
_NAMED = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]")
_QUERY_RESULT = re.compile(r"query_result\((.+)\)")
_LABEL_VALUES = re.compile(r"label_values\((?:(?P<series>.+),)?\s*(?P<label>\w+)\s*\)", re.DOTALL)


@dataclass(frozen=True)
class Value:
    """What a variable stands for: ``values``, or ``written`` instead of them (a custom value for All)."""

    values: tuple[str, ...]
    text: str
    is_many: bool = False
    written: str = ""


Values = Mapping[str, Value]


def label_values(query: str | Mapping[str, Any]) -> tuple[str, str]:
    """Series selector ('' for all) and label of a variable's query. Raises ValueError on another function."""
    text = query if isinstance(query, str) else str(query.get("query", ""))
    match = _LABEL_VALUES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"only label_values() is known, not {text!r}")
    return (match["series"] or "").strip(), match["label"]


def query_result(query: str | Mapping[str, Any]) -> str:
    """The PromQL that a variable's value comes from; '' when its query is another function."""
    text = query if isinstance(query, str) else str(query.get("query", ""))
    match = _QUERY_RESULT.fullmatch(text.strip())
    return match[1] if match else ""


def taken(samples: Iterable[Mapping[str, Any]], regex: str) -> list[str]:
    """What ``regex`` takes from each sample of a vector, as Grafana writes samples: ``{ a="b"} value ms``."""
    texts = [
        "{"
        + ",".join(f' {name}="{value}"' for name, value in sample["metric"].items())
        + f"}} {sample['value'][1]} {sample['value'][0] * 1000}"
        for sample in samples
    ]
    found = (re.search(regex.strip("/"), text) for text in texts)
    return [match[1] for match in found if match]


def chosen(variable: Mapping[str, Any], options: list[str], wanted: str = "") -> Value:
    """The variable's value: the one wanted, else All where it may be, else the first of ``options``."""
    is_many = bool(variable.get("multi") or variable.get("includeAll"))
    if wanted:
        return Value((wanted,), wanted, is_many)
    if variable.get("includeAll"):
        return Value(tuple(options), "All", is_many, variable.get("allValue") or "")
    current = _current(variable)
    value = current if current in options or not options else options[0]
    return Value((value,), value, is_many)


def _current(variable: Mapping[str, Any]) -> str:
    value = (variable.get("current") or {}).get("value", "")
    return str(value[0] if isinstance(value, list) and value else value or "")


def for_query(value: Value) -> str:
    """As Grafana's Prometheus and Loki data sources write it between the quotes of a matcher."""
    if value.written:
        return value.written
    if not value.is_many:
        return value.values[0].replace("\\", "\\\\").replace('"', '\\"')
    escaped = [
        re.sub(r"[.*+?^${}()|[\]]", r"\\\\\g<0>", one.replace("\\", "\\\\\\\\")) for one in value.values
    ]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def for_reading(value: Value) -> str:
    """As a title has it."""
    return value.text


_FORMATS: dict[str, Callable[[Value], str]] = {
    "raw": lambda value: value.written or ",".join(value.values),
    "csv": lambda value: ",".join(value.values),
    "pipe": lambda value: value.written or "|".join(value.values),
    "regex": lambda value: value.written or "|".join(re.escape(one) for one in value.values),
    "text": for_reading,
    "queryparam": lambda value: "&".join(quote(one) for one in value.values),
    "percentencode": lambda value: quote(",".join(value.values)),
}


def replaced(text: str, values: Values, otherwise: Callable[[Value], str]) -> str:
    """``text`` with each known variable's value; the others stay. Raises KeyError on an unknown format."""

    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        if name not in values:
            return match[0]
        kind = match[3] or match[5]
        return (_FORMATS[kind] if kind else otherwise)(values[name])

    return _NAMED.sub(put, text)


def replaced_in(item: Any, values: Values) -> Any:
    """Every text of a JSON value with the values as one reads them, but for the queries in ``targets``."""
    match item:
        case str():
            return replaced(item, values, for_reading)
        case list():
            return [replaced_in(one, values) for one in item]
        case dict():
            return {key: one if key == "targets" else replaced_in(one, values) for key, one in item.items()}
        case _:
            return item
