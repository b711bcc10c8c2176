"""docs/output.md: the tables of keys, made from TypedDicts."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from scripts.output import VIEWS, Key, Variant, formats_table, keys, views
from scripts.shapes import fields


class _Leaf(TypedDict):
    name: Annotated[str, "a name"]


class _Dog(TypedDict):
    """A dog."""

    kind: Literal["dog", "puppy"]
    leaf: Annotated[_Leaf | None, "null: none"]


class _Cat(TypedDict):
    """A cat."""

    lives: Annotated[NotRequired[int], "how many"]


class _Tree(TypedDict):
    leaves: Annotated[list[_Leaf], "some"]
    share: Annotated[float, "of all"]
    raw: Annotated[dict[str, Any] | None, "as it came"]
    words: Annotated[NotRequired[list[str] | None], "said"]
    pets: Annotated[list[_Dog | _Cat], "of both kinds"]
    trees: Annotated[list[_Tree], "in it"]


def test_the_keys_of_a_view() -> None:
    variants: list[Variant] = []
    assert list(keys(_Tree, "all[].", variants=variants)) == [
        Key("all[].leaves", "array of objects", "some"),
        Key("all[].leaves[].name", "string", "a name"),
        Key("all[].share", "number", "of all"),
        Key("all[].raw", "object or null", "as it came"),
        Key("all[].words", "array of strings or null, or absent", "said"),
        Key("all[].pets", "array of objects", "of both kinds"),
        Key("all[].trees", "array of objects", "in it; their keys are those of `all[]`"),
    ]
    assert variants == [Variant("all[].pets[]", _Dog), Variant("all[].pets[]", _Cat)]
    assert list(keys(_Dog, variants=[])) == [
        Key("kind", "string", "`dog`, `puppy`"),
        Key("leaf", "object or null", "null: none"),
        Key("leaf.name", "string", "a name"),
    ]
    assert list(keys(_Cat, variants=[])) == [Key("lives", "integer, or absent", "how many")]


def test_what_verbs_print_that_share_a_view_stands_once() -> None:
    text = views()
    assert text.count("\n### trace list, trace show\n\nTurns of agents.\n\n| Key | Type | Meaning |\n") == 1
    assert "| `trace show` | `json`, `yaml`, `jsonpath` | [an object](#trace-list-trace-show) |\n" in (
        formats_table()
    )
    assert "\n`entries[]` with `kind` `said`: words of the user or of the agent.\n\n| Key |" in text
    assert "\nWith `--revision`:\n\nOne revision, whole.\n\n| Key |" in text


@pytest.mark.parametrize("shape", [view.shape for found in VIEWS.values() for view in found if view.shape])
def test_keys_are_in_one_spelling_and_each_says_what_it_means(shape: Any) -> None:
    variants: list[Variant] = []
    found = list(keys(shape, variants=variants))
    for variant in variants:
        found += keys(variant.shape, variants=variants)
    assert [key.path for key in found if not re.fullmatch(r"[a-z][A-Za-z0-9]*", _name(key))] == []
    assert [key.path for key in found if not key.meaning] == []


def _name(key: Key) -> str:
    return key.path.rpartition(".")[2]


def test_a_declaration_taken_apart() -> None:
    leaves, words = fields(_Tree)["leaves"], fields(_Tree)["words"]
    assert (leaves.type, leaves.meaning, leaves.optional) == (list[_Leaf], "some", False)
    assert (words.type, words.meaning, words.optional) == (list[str] | None, "said", True)
