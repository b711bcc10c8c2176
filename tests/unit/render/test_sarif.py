"""SARIF 2.1.0: what its schema requires of a log, a run, a rule and a result."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from kubectl_kagent.lint.crds import packed
from kubectl_kagent.lint.linter import lint
from kubectl_kagent.lint.rules import RULES
from kubectl_kagent.lint.sources import Source
from kubectl_kagent.render.sarif import lint_sarif
from tests.lab.layout import CHECKOUT

_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
# The parts of OASIS' sarif-schema-2.1.0.json that are about what we write.
ESSENTIALS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "informationUri": {"type": "string", "pattern": "^https://"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "additionalProperties": False,
                                            "required": ["id"],
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": _TEXT,
                                                "fullDescription": _TEXT,
                                                "helpUri": {"type": "string", "pattern": "^https://"},
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "additionalProperties": False,
                                                    "properties": {"level": _LEVEL},
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["message"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": _LEVEL,
                                "message": _TEXT,
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "required": ["uri"],
                                                        "properties": {
                                                            "uri": {"type": "string", "pattern": r"^[^ \\]+$"}
                                                        },
                                                    },
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {
                                                            "startLine": {"type": "integer", "minimum": 1}
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


def test_every_rule_and_finding_is_as_the_schema_wants_it() -> None:
    paths = sorted((CHECKOUT / "tests" / "data" / "lint").rglob("*.yaml"))
    sources = [Source(str(path), path.read_bytes(), path.as_posix()) for path in paths]
    sources.append(Source("odd name.yaml", b"a: [\n", "odd name.yaml"))
    sources.append(Source("base (built)", b"a: 1\n", "base", built=True))
    log = json.loads(lint_sarif(lint(sources, packed()), {source.name: source for source in sources}))
    assert list(Draft202012Validator(ESSENTIALS).iter_errors(log)) == []
    [run] = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.id for rule in RULES]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {"artifactLocation": {"uri": "odd%20name.yaml"}, "region": {"startLine": 2}} in places
    assert {"artifactLocation": {"uri": "base"}} in places
    assert all(RULES[result["ruleIndex"]].id == result["ruleId"] for result in run["results"])
