"""Manifests of kagent's kinds, good ones changed here and there by their schemas; by a seed."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from kubectl_kagent.lint.crds import Schema, packed
from tests.lab.layout import CHECKOUT

Json = dict[str, Any]

_EXAMPLES = CHECKOUT / "tests" / "data" / "lint"
_TEXTS = (
    *(
        "a",
        "",
        "x-y",
        "0",
        "100m",
        "1Gi",
        "50%",
        "https://example.com/a",
        "http://example.com",
        "s3://bucket/key",
    ),
    *("2026-01-01T00:00:00Z", "yes", "OpenAI", "a b", "ä", "gs://bucket", "aGk=", "A_B", "key", "x" * 300),
)
_NUMBERS = (0, 1, -1, 2, 17, 65535, 65536, 2**31, 2**63 - 1, 0.5, 1.0, 1.5)
_ANYTHING: tuple[Any, ...] = (
    "text",
    "",
    1,
    0,
    -1,
    1.5,
    True,
    False,
    None,
    [],
    {},
    ["a"],
    {"a": "b"},
    [None],
    [{}],
    2**40,
)


def good() -> list[Json]:
    """An object of each kind that nothing is wrong with."""
    agent, byo = (_example("inline-prompt", "bad") for _ in range(2))
    byo["spec"] = {"type": "BYO", "byo": {"deployment": {"image": "registry.example/agent:1", "env": []}}}
    tool = {
        "type": "McpServer",
        "mcpServer": {"name": "tools", "toolNames": ["a", "b"], "requireApproval": ["a"]},
    }
    agent["spec"]["declarative"]["tools"] = [tool]
    remote, server, model = (
        _example(*place)
        for place in (("unknown-tool", "bad"), ("schema", "good"), ("validation-rule", "good"))
    )
    remote.pop("status")
    return [agent, byo, remote, server, model]


def _example(rule: str, name: str) -> Json:
    text = (_EXAMPLES / rule / f"{name}.yaml").read_text()
    found: Json = next(iter(yaml.safe_load_all(text)))
    return found


def manifests(seed: int, count: int) -> Iterator[Json]:
    """``count`` objects: about a third is left good."""
    choice = random.Random(seed)
    schemas = packed()
    for number in range(count):
        found = copy.deepcopy(choice.choice(good()))
        found["metadata"] = {"name": f"made-{number}"}
        schema = schemas.schema(found["apiVersion"], found["kind"]) or {}
        for _ in range(choice.choice((0, 1, 1, 2, 3))):
            _changed(choice, schema["properties"]["spec"], found["spec"])
        if choice.random() < 0.1:
            choice.choice(_OUTSIDE)(choice, found)
        yield found


_Change = Callable[[random.Random, Json], object]
_OUTSIDE: tuple[_Change, ...] = (
    lambda choice, found: found.update(more=1),
    lambda choice, found: found["metadata"].update(labels={"a/b": choice.choice(("x", "", "a b", "-a"))}),
    lambda choice, found: found["metadata"].update(labels={choice.choice(("a", "a/", "/a", "a b")): "x"}),
    lambda choice, found: found["metadata"].update(annotations={choice.choice(("a", "A/b", "a b")): "x"}),
    lambda choice, found: found["metadata"].update(name=choice.choice(("A", "a_b", "a.b", "-a", "a" * 254))),
    lambda choice, found: found["metadata"].update(generation="x" if choice.random() < 0.5 else 3),
    lambda choice, found: found["metadata"].update(comment="x"),
    lambda choice, found: found.pop("spec"),
    lambda choice, found: found.update(status={"observedGeneration": choice.choice((1, "1"))}),
    lambda choice, found: found.update(status={"nothing": 1}),
)


def _changed(choice: random.Random, schema: Schema, value: Json) -> None:
    """Change one field of ``value``, or of what is in it."""
    known = schema.get("properties") or {}
    inside = [name for name, item in value.items() if isinstance(item, dict | list) and name in known]
    if inside and choice.random() < 0.7:
        name = choice.choice(inside)
        below, item = known[name], value[name]
        while isinstance(item, list) and item:
            index = choice.randrange(len(item))
            if not isinstance(item[index], dict | list):
                item[index] = _made(choice, below.get("items") or {}, 2)
                return
            below, item = below.get("items") or {}, item[index]
        if isinstance(item, dict):
            return _changed(choice, below, item)
    if value and choice.random() < 0.25:
        del value[choice.choice(list(value))]
    elif choice.random() < 0.1 or not known:
        value[choice.choice(("unknown", "modelconfig", "x-y"))] = choice.choice(_ANYTHING)
    else:
        name = choice.choice(list(known))
        wrong = choice.random() < 0.2
        value[name] = choice.choice(_ANYTHING) if wrong else _made(choice, known[name], 3)
    return None


def _made(choice: random.Random, schema: Schema, depth: int) -> Any:
    """A value that mostly fits."""
    if schema.get("x-kubernetes-int-or-string"):
        return choice.choice((1, "100m", "1Gi", "x y", 0))
    if "enum" in schema and choice.random() < 0.9:
        return choice.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return _object(choice, schema, depth)
    if kind == "array":
        size = choice.choice((0, 1, 1, 2))
        return [_made(choice, schema.get("items") or {}, depth - 1) for _ in range(size)]
    if kind == "boolean":
        return choice.random() < 0.5
    if kind in ("integer", "number"):
        return choice.choice([number for number in _NUMBERS if kind == "number" or number == int(number)])
    if kind == "string":
        fitting = [text for text in _TEXTS if re.search(schema.get("pattern", ""), text)]
        return choice.choice(fitting if fitting and choice.random() < 0.8 else _TEXTS)
    return choice.choice(_ANYTHING)


def _object(choice: random.Random, schema: Schema, depth: int) -> Json:
    known, needed = schema.get("properties") or {}, schema.get("required") or ()
    names = [
        name for name in known if choice.random() < (0.95 if name in needed else 0.2 if depth > 0 else 0)
    ]
    found = {name: _made(choice, known[name], depth - 1) for name in names}
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and choice.random() < 0.7:
        found["some"] = _made(choice, more, depth - 1)
    return found
