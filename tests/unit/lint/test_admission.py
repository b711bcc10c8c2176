"""What the API server refuses, and in which order; tests/cluster/test_lint.py asks a real one."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.lint.admission import admitted
from kubectl_kagent.lint.faults import spelled

Schema = dict[str, Any]


def told(schema: Schema, spec: Any, **metadata: Any) -> list[str]:
    """Each fault of an object whose spec has that schema."""
    obj = {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "a", **metadata}, "spec": spec}
    faults, unjudged = admitted({"type": "object", "properties": {"spec": schema}}, obj)
    notes = [f"{spelled(each.path)}: {each.rule}: {each.why}" for each in unjudged]
    return [f"{spelled(fault.path)} {fault.text}" for fault in faults] + notes


def of(**properties: Any) -> Schema:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "spec", "faults"),
    [
        (of(a={"type": "integer"}), {"a": 1.0}, []),
        (of(a={"type": "integer"}), {"a": True}, ["spec.a must be an integer, not a boolean"]),
        (of(a={"type": "integer"}), {"a": None}, []),  # dropped
        (of(a={"type": "integer", "format": "int32"}), {"a": 2**31}, []),
        (of(a={"type": "integer"}), {"a": 2**63 - 1}, []),
        (
            of(a={"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0"}]}),
            {"a": 2**63},
            ["spec.a must be an integer of 64 bits, not another number"],
        ),
        (of(a={"type": "string", "enum": ["x"]}), {"a": "y"}, ['spec.a "y" is not one of "x"']),
        (of(a={"type": "string", "pattern": "^a$"}), {"a": "a\n"}, [r'spec.a "a\n" does not match ^a$']),
        (of(a={"type": "string", "maxLength": 1}), {"a": "äö"}, ["spec.a may not be longer than 1 letters"]),
        (of(a={"type": "string", "format": "uri"}), {"a": "x"}, ['spec.a "x" is not in the format uri']),
        (of(a={"type": "integer", "minimum": 1}), {"a": 0}, ["spec.a 0 is less than 1"]),
        (
            of(a={"type": "array", "items": {"type": "string"}}),
            {"a": [None]},
            ["spec.a[0] must be a string, not null"],
        ),
        (of(a={"x-kubernetes-int-or-string": True}), {"a": "5%"}, []),
        (
            of(a={"x-kubernetes-int-or-string": True}),
            {"a": 1.5},
            ["spec.a must be an integer or a string, not a number"],
        ),
        (
            of(a={"type": "array", "x-kubernetes-list-type": "set"}),
            {"a": ["x", "x"]},
            ["spec.a[1] x is there twice"],
        ),
        (of(aB={}), {"ab": 1}, ["spec.ab is not a field; did you mean aB?"]),
        ({"type": "object", "required": ["a"]}, {}, ["spec.a is required"]),
        ({"type": "object", "required": ["a"], **of(a={"default": 1})}, {}, []),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"a": 1}, []),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"a": 1},
            ["spec.a must be a string, not a number"],
        ),
    ],
)
def test_structure(schema: Schema, spec: Any, faults: list[str]) -> None:
    assert told(schema, spec) == faults


@pytest.mark.parametrize(
    ("rule", "spec", "faults"),
    [
        ({"rule": "has(self.a)", "message": "a it is"}, {"b": ""}, ["spec a it is"]),
        ({"rule": "has(self.a)", "message": "a it is"}, {"a": 1}, []),
        ({"rule": "self.c > 0.5"}, {"c": 1}, []),
        ({"rule": "self.a == 1"}, {}, ["spec self.a == 1: no such key: 'a'"]),
        ({"rule": "size(self.b) == 2"}, {"b": "äö"}, []),
        (
            {"rule": "self.l.all(x, x in ['a'])", "fieldPath": ".l"},
            {"l": ["b"]},
            ["spec.l the rule self.l.all(x, x in ['a']) does not hold"],
        ),
        ({"rule": "self.l.exists(x, x.matches('^b'))"}, {"l": ["a", "bc"]}, []),
        (
            {"rule": "has(self.a) ? self.a == 1 : true"},
            {"a": 2},
            ["spec the rule has(self.a) ? self.a == 1 : true does not hold"],
        ),
        ({"rule": "self.__namespace__ == 'x'"}, {"namespace": "x"}, []),
        ({"rule": "self == oldSelf"}, {"a": 1}, []),  # of a change
        ({"rule": "self.d == 'from the schema'"}, {}, []),
        (
            {"rule": "self.l.isSorted()"},
            {"l": ["a"]},
            ["spec: self.l.isSorted(): undeclared reference to 'isSorted'"],
        ),
        ({"rule": "1 +"}, {}, ["spec: 1 +: it is not CEL that can be parsed here"]),
        (
            {"rule": "self.c > 1"},
            {"c": 2, "any": 2**64},
            ["spec.any is not a field", "spec: self.c > 1: overflow"],
        ),
        ({"rule": "false"}, {"a": "x"}, ["spec.a must be an integer, not a string"]),  # blocks
        (
            {"rule": "false", "message": "no"},
            {"b": "long"},
            ['spec.b "long" does not match ^.?.?$', "spec no"],
        ),
    ],
)
def test_rules(rule: dict[str, str], spec: Any, faults: list[str]) -> None:
    properties = of(
        a={"type": "integer"},
        b={"type": "string", "pattern": "^.?.?$"},
        c={"type": "number"},
        d={"type": "string", "default": "from the schema"},
        l={"type": "array", "items": {"type": "string"}},
        namespace={"type": "string"},
    )
    assert told({**properties, "x-kubernetes-validations": [rule]}, spec) == faults


@pytest.mark.parametrize(
    ("metadata", "faults"),
    [
        ({"name": None}, ["metadata.name is required"]),
        ({"name": None, "generateName": "a-"}, []),
        ({"labels": {"a/b": "c"}, "annotations": {"A/b": "c d"}}, []),
        (
            {"labels": {"a b": "c"}},
            [
                'metadata.labels "a b" is not a key: '
                "it is PREFIX/NAME or NAME, and a name has up to 63 letters"
            ],
        ),
        ({"labels": {"a": "b c"}}, ['metadata.labels "b c" is not a value of a label']),
        ({"labels": {"a": 1}}, ["metadata.labels.a must be a string, not a number"]),
        ({"comment": "x"}, ["metadata.comment is not a field"]),
    ],
)
def test_metadata(metadata: dict[str, Any], faults: list[str]) -> None:
    assert told(of(), {}, **metadata) == faults
