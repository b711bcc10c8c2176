"""The arguments of a tool, from what somebody typed, by the tool's own schema. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.model.tool_server import Tool

Schema = Mapping[str, Any]


def typed(tool: Tool, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Each text as JSON when it is some, else (and where the schema wants a text) as it stands."""
    properties = _mapping((tool.schema or {}).get("properties"))
    return {name: _value(text, _mapping(properties.get(name)), tool.schema or {}) for name, text in pairs}


def _value(text: str, wanted: Schema, whole: Schema) -> Any:
    try:
        value = from_json(text)
    except ValueError:
        return text
    fits = _errors({**wanted, **_definitions(whole)}, value) == []
    return value if fits or _errors({**wanted, **_definitions(whole)}, text) != [] else text


def _definitions(schema: Schema) -> Schema:
    return {key: schema[key] for key in ("$defs", "definitions") if key in schema}


def check(tool: Tool, arguments: Mapping[str, Any], server: str) -> Mapping[str, Any]:
    """The arguments themselves. Raises UsageError that names what is wrong with them."""
    schema = tool.schema or {}
    properties = _mapping(schema.get("properties"))
    strange = [name for name in arguments if name not in properties]
    if strange and not schema.get("additionalProperties") and not schema.get("patternProperties"):
        # most servers would not say a word about them
        raise UsageError(
            f'tool "{tool.name}" of {server} has no argument "{strange[0]}"',
            hint=_described(properties, schema),
        )
    wrong = _errors(schema, dict(arguments))
    if wrong:
        raise UsageError(
            f'tool "{tool.name}" of {server}: {"; ".join(wrong)}', hint=_described(properties, schema)
        )
    return arguments


def find(tools: Sequence[Tool], name: str, server: str) -> Tool:
    """The tool of that name. Raises KagentError that names the tools that exist."""
    for tool in tools:
        if tool.name == name:
            return tool
    there = ", ".join(tool.name for tool in tools)
    raise KagentError(
        f'{server} has no tool "{name}"', hint=f"it has: {there}" if there else "it has no tools at all"
    )


def _errors(schema: Schema, value: Any) -> list[str]:
    """What a schema says against a value; a schema that can't be applied says nothing."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # an empty registry: no schema makes us fetch another from somewhere
    validator = Draft202012Validator(dict(schema), registry=Registry())
    try:
        return [_said(error) for error in validator.iter_errors(value)]
    except Exception:  # the schema is the server's: references to nowhere, wrong types, endless nesting
        return []


def _said(error: Any) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    message = " ".join(str(error.message).split())[:200]
    if error.validator == "required":
        return message.replace("'", '"').replace(" is a required property", " is required")
    return f"{where.lstrip('.')}: {message}" if where else message


def _described(properties: Schema, schema: Schema) -> str:
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    words = []
    for name, about in properties.items():
        facts = [str(_mapping(about).get("type") or "any"), *(["required"] if name in needed else [])]
        words.append(f"{name} ({', '.join(facts)})")
    return f"its arguments: {'; '.join(words)}" if words else "it takes no arguments"


def _mapping(value: Any) -> Schema:
    return value if isinstance(value, Mapping) else {}
