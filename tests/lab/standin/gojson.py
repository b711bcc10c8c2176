"""JSON as Go's encoding/json writes it, because the config hash is taken over these bytes."""

import json
import re
from typing import Any

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def compact(value: Any) -> str:
    return _escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def indented(value: Any) -> str:
    return _escape(json.dumps(value, ensure_ascii=False, indent=2))


def number(value: float) -> int | float:
    """A float64 field: whole numbers are written without a fraction."""
    return int(value) if value.is_integer() else value


def optional_number(text: str) -> int | float | None:
    """A number that the CRD keeps as text; what does not parse is left out."""
    try:
        return number(float(text)) if text else None
    except ValueError:
        return None


def seconds(duration: str) -> int | float:
    """A Go duration like `1m30s` in seconds."""
    return number(
        sum(float(amount) * _UNIT_SECONDS[unit] for amount, unit in _DURATION_PART.findall(duration))
    )


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    """Drops the fields that Go's omitempty drops."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {})}


def _escape(text: str) -> str:
    # These characters can only stand inside strings, so replacing them in the text is safe.
    return re.sub("[<>&\u2028\u2029]", lambda match: _ESCAPES[match.group()], text)
