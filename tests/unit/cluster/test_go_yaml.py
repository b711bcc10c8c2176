"""What sigs.k8s.io/yaml makes of scalars: each line is what ``kubectl config view`` (1.35) has read it as."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kubectl_kagent.cluster.go_yaml import Loader


def load(text: str) -> Any:
    return yaml.load(text, Loader)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *[(word, True) for word in ("y", "Y", "yes", "YES", "on", "On", "true", "TRUE", "!!bool y")],
        *[(word, False) for word in ("n", "N", "no", "No", "off", "OFF", "false", "False")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL", "!!null ''")],
        *[("0o17", 15), ("0O17", 15), ("-0o17", -15), ("017", 15), ("+017", 15), ("0_7", 7), ("00", 0)],
        *[("0x1f", 31), ("-0x1f", -31), ("0x_1", 1), ("0b11", 3), ("-0b11", -3), ("1_000", 1000)],
        *[("089", 89.0), ("08", 8.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1E3", 1000.0)],
        *[("18446744073709551615", 18446744073709551615), ("99999999999999999999", 1e20)],
        *[("685_230.15", 685230.15), ("!!float 1", 1)],
        *[(word, word) for word in ("TRue", "nULL", "1:30", "1:2.5", "2001-01-01", "2001-01-01T00:00:00Z")],
        *[(word, word) for word in ("0b2", "0xG", "0x", "1e", "_1", "=", "<<", "0xFFFFFFFFFFFFFFFFFF")],
        *[(word, word) for word in ("12e4567", "1\uff12", "+", ".", "0o777777777777777777777777")],
        *[('"y"', "y"), ("!!str y", "y"), ("!mine 7", "7"), ("!!binary aGk=", "hi")],
    ],
)
def test_a_scalar(written: str, read: Any) -> None:
    found = load(f"a: {written}")["a"]
    assert (type(found), found) == (type(read), read)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("!!bool x", "what is tagged !!bool is none"),
        ("!!bool 1", "what is tagged !!bool is none"),
        ("!!int 1:30", "what is tagged !!int is none"),
        ("!!int y", "what is tagged !!int is none"),
        ("!!float y", "what is tagged !!float is none"),
        ("!!null x", "what is tagged !!null is none"),
        ("!!binary '?'", "what is tagged !!binary is not base64"),
        ("{~: x}", "a key is null"),
        ("{[a]: x}", "a key is a list"),
        ("{? {b: c} : x}", "a key is a mapping"),
        *[(word, f"JSON has no number {word}") for word in (".inf", "-.Inf", ".nan")],
        ("&x [*x]", "an anchor's value contains itself"),
        ("&x {b: {c: *x}}", "an anchor's value contains itself"),
        ("{<<: &x {<<: *x}}", "an anchor's value contains itself"),
        *[
            (f"{{<<: {it}}}", "map merge requires map or sequence of maps as the value")
            for it in ("x", "[x]", "[[{}]]")
        ],
    ],
)
def test_what_is_none(written: str, why: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        load(f"a: {written}")
    assert why in str(caught.value)


def test_keys_that_python_takes_for_the_same_are_two() -> None:
    found = load("{true: a, 1: b, false: c, 0: d, x: &x {y: e, 1: f}, z: {<<: *x, 1: g}}")
    assert found == {
        **{"true": "a", "1": "b", "false": "c", "0": "d"},
        **{"x": {"true": "e", "1": "f"}, "z": {"true": "e", "1": "g"}},
    }


def test_keys_are_texts() -> None:
    assert load("{y: 1, 7: 2, 0o17: 3, 1.50: 4, 1e30: 5, 2001-01-01: 6}") == {
        **{"true": 1, "7": 2, "15": 3},
        **{"1.5": 4, "1e+30": 5, "2001-01-01": 6},
    }


def test_mappings_are_merged_and_tags_of_collections_are_passed_by() -> None:
    assert load("{<<: [{b: 1}], d: !mine [2], e: !!set {f}}") == {"b": 1, "d": [2], "e": {"f": None}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{k: own, <<: {k: base}}", {"k": "base"}),  # as kubectl has it: what comes last counts
        ("{<<: {k: base}, k: own}", {"k": "own"}),
        ("{k: own, <<: [{k: first}, {k: second, m: 1}]}", {"k": "first", "m": 1}),
        ("{<<: {k: 1}, <<: {k: 2}}", {"k": 2}),
        ("{1: own, <<: {1: base, <<: {1: below, m: 2}}}", {"1": "below", "m": 2}),
    ],
)
def test_a_merge_counts_where_it_stands(text: str, expected: object) -> None:
    assert load(text) == expected


def doubling(levels: int) -> str:
    """Each list has the one before it twice: 2 ** levels texts at the end."""
    return "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels + 1))


def repeated(values: int, times: int) -> str:
    return f"a: &a [{'1, ' * values}]\nb: [{'*a, ' * times}]\n"


def merged(times: int) -> str:
    keys = ", ".join(f"k{n}: 1" for n in range(400))
    return f"a: &a {{{keys}}}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(times))


@pytest.mark.parametrize(
    ("most", "more"),
    [
        (doubling(8), doubling(9)),
        (repeated(3000, 102), repeated(3000, 103)),
        (repeated(10_000, 43), repeated(10_000, 44)),
        (merged(157), merged(158)),
    ],
)
def test_a_document_that_is_mostly_aliases(most: str, more: str) -> None:
    """The last one that kubectl (1.35) reads, and the first one that it refuses."""
    load(most)
    with pytest.raises(yaml.YAMLError, match="document contains excessive aliasing"):
        load(more)
