"""CEL rules of a CRD (``x-kubernetes-validations``), judged as the API server does for a new object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kubectl_kagent.lint.crds import Schema
from kubectl_kagent.lint.faults import RULE, Fault, Path

_RULES = "x-kubernetes-validations"
_OF_A_CHANGE = re.compile(r"\boldSelf\b")  # judged on an update only
# CEL has these words, so a rule reaches such a field as __WORD__ (Kubernetes' page on validation rules).
_WORDS = frozenset(
    [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A rule that the CEL of this program does not know all of, as it has Kubernetes' own functions."""

    path: Path
    rule: str
    why: str


def broken_rules(schema: Schema, value: Any) -> tuple[list[Fault], list[Unjudged]]:
    """The rules that do not hold for ``value``, which has its defaults and fits the schema."""
    faults: list[Fault] = []
    unjudged: list[Unjudged] = []
    for path, rules, part, self in _rules(schema, value, ()):
        try:
            typed = _typed(part, self)
        except ValueError as error:  # a number that CEL's types have no room for
            unjudged += [Unjudged(path, rule["rule"], str(error)) for rule in rules]
            continue
        for rule in rules:
            try:
                holds = _evaluate(rule["rule"], typed)
            except _Failed as failed:
                faults.append(Fault(path, f"{rule['rule']}: {failed}", RULE))
            except _NotKnown as unknown:
                unjudged.append(Unjudged(path, rule["rule"], str(unknown)))
            else:
                if not holds:
                    faults.append(Fault((*path, *_field(rule)), _message(rule), RULE))
    return faults, unjudged


def _rules(schema: Schema, value: Any, path: Path) -> Iterator[tuple[Path, list[Schema], Schema, Any]]:
    """The rules of each place, its schema, and the value that is ``self`` in them."""
    rules = [rule for rule in schema.get(_RULES) or () if not _OF_A_CHANGE.search(rule["rule"])]
    if rules:
        yield path, rules, schema, value
    if isinstance(value, Mapping):
        known, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, item in value.items():
            below = known.get(key, more)
            if isinstance(below, Mapping):
                yield from _rules(below, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _rules(schema.get("items") or {}, item, (*path, index))


def _message(rule: Schema) -> str:
    return str(rule.get("message") or f"the rule {rule['rule']} does not hold").strip()


def _field(rule: Schema) -> Path:
    """``fieldPath`` of a rule: ``.spec.name``."""
    return tuple(filter(None, str(rule.get("fieldPath") or "").split(".")))


class _Failed(Exception):
    """The rule can't be evaluated for this value, which the API server refuses then."""


class _NotKnown(Exception):
    """The rule says something that our CEL does not know."""


def _evaluate(rule: str, typed: Any) -> bool:
    from celpy.evaluation import CELEvalError  # half a second: only where there is a rule

    run = _program(rule)
    try:
        return bool(run({"self": typed}))
    except CELEvalError as error:
        text = str(error.args[0])
        if text.startswith("no such member"):
            raise _Failed(text.replace("no such member in mapping", "no such key")) from error
        raise _NotKnown(text.partition(" (in activation")[0]) from error


@cache
def _program(rule: str) -> Callable[[Any], Any]:
    import celpy
    from celpy.celparser import CELParseError

    environment = celpy.Environment()
    try:
        run: Callable[[Any], Any] = environment.program(environment.compile(rule)).evaluate
    except CELParseError as error:
        raise _NotKnown("it is not CEL that can be parsed here") from error
    return run


def _typed(schema: Schema, value: Any) -> Any:
    """``value`` as CEL's types by the schema: 1 is a double where the schema says number."""
    from celpy import celtypes
    from celpy.adapter import json_to_cel

    if isinstance(value, Mapping):
        known, more = schema.get("properties") or {}, schema.get("additionalProperties")
        named = known or not isinstance(more, Mapping)
        below = {key: known.get(key, more if isinstance(more, Mapping) else {}) for key in value}
        return celtypes.MapType(
            {
                celtypes.StringType(_escaped(key) if named else key): _typed(below[key], item)
                for key, item in value.items()
            }
        )
    if isinstance(value, list):
        return celtypes.ListType([_typed(schema.get("items") or {}, item) for item in value])
    if schema.get("type") == "number":
        return celtypes.DoubleType(value)
    if schema.get("type") == "integer":
        return celtypes.IntType(value)
    if schema.get("format") == "date-time" and isinstance(value, str):
        return celtypes.TimestampType(value)
    return json_to_cel(value)


def _escaped(name: str) -> str:
    if name in _WORDS:
        return f"__{name}__"
    return re.sub(r"__|[./-]", lambda found: _ESCAPED[found[0]], name)
