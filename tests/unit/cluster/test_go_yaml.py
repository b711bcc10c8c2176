"""What sigs.k8s.io/yaml makes of scalars: each line is what ``kubectl config view`` (1.35) has read it as."""

from __future__ import annotations

import math
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
        *[("685_230.15", 685230.15), (".inf", math.inf), ("-.Inf", -math.inf), ("!!float 1", 1)],
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
        ("{[a]: x}", "found unhashable key"),
        ("{<<: x}", "expected a mapping or list of mappings for merging, but found scalar"),
    ],
)
def test_what_is_none(written: str, why: str) -> None:
    with pytest.raises(yaml.YAMLError) as caught:
        load(f"a: {written}")
    assert why in str(caught.value)


def test_keys_are_texts() -> None:
    assert load("{y: 1, 7: 2, 0o17: 3, 1.50: 4, 1e30: 5, 2001-01-01: 6}") == {
        **{"true": 1, "7": 2, "15": 3},
        **{"1.5": 4, "1e+30": 5, "2001-01-01": 6},
    }


def test_mappings_are_merged_and_tags_of_collections_are_passed_by() -> None:
    assert load("{<<: [{b: 1}], d: !mine [2], e: !!set {f}}") == {"b": 1, "d": [2], "e": {"f": None}}
