"""JSON of other programs: nothing comes in that could not be printed or sent on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kubectl_kagent.decoding import TooDeep, from_json, json_object


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\udc00\uD800"', "\ufffd\ufffd"),
        (r'"\ud83d\ude00 \uD83D\uDE00"', "😀 😀"),
        (r'"\ud800\ud83d\ude00\ude00"', "\ufffd😀\ufffd"),
        (r'{"\udfff": ["\ud9ab"]}', {"\ufffd": ["\ufffd"]}),
        (r'"\\ud800 \\\ud800"', "\\ud800 \\\ufffd"),
        (r'"\"\n\u00e4"', '"\nä'),
        ("[NaN, Infinity, -Infinity, 1e999, 1.5]", ["NaN", "Infinity", "-Infinity", "1e999", 1.5]),
    ],
)
def test_halves_of_pairs_and_numbers_that_there_are_not(text: str, value: Any) -> None:
    for data in (text, text.encode(), text.encode("utf-16")):
        assert from_json(data) == value
    assert json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


def test_bytes_that_are_no_text() -> None:
    assert from_json(b'"a\xff\xed\xa0\x80b"') == "a\ufffd\ufffd\ufffd\ufffdb"


@pytest.mark.parametrize("text", ["", "{", r'"\ud8', r'"\ud80"', "nul", "9" * 5000, "[" * 100_000])
def test_what_is_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


def test_one_that_is_nested_without_end_does_not_hide_the_others() -> None:
    deep = "[" * 5000 + '"]\\"["' + "]" * 5000
    found = from_json(f'{{"items": [{{"a": {deep}, "b": 1}}, {{"c": [[2]]}}]}}', cut=True)
    first, second = found["items"]
    assert (first["b"], second) == (1, {"c": [[2]]})
    value, depth = first["a"], 3
    while isinstance(value, list):
        (value,), depth = value, depth + 1
    assert (type(value), depth, str(value)) == (TooDeep, 199, "(nested too deeply to be read)")
    assert value.text == "[" * 4804 + '"]\\"["' + "]" * 4804
    with pytest.raises(TypeError):
        json.dumps(found)


# Around a depth, one deep: what brackets in texts, escapes and neighbours could hide.
AROUND = (
    ('["]", "[", "]]", ', "]"),
    (r'{"\\": "\"]", "a]": "\\\"[", "b": ', "}"),
    ('["", [], {}, "[]", "", ', ', "["]'),
    ("[" + "[[]], " * 300, "]"),
    (r'["\ud800\"]", "ä]", ', r', "\\"]'),
)
WAYS = {"[": "]", '{"a]":': "}", '["]", ': "]", '["", "{", ': ', "["]'}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("around", AROUND)
def test_the_same_depth_is_too_deep_for_every_python(around: tuple[str, str], way: str) -> None:
    """The scanner of 3.11 reads some 900, that of 3.13 some 10,000; what reads on reads 200."""
    begin, end = around

    def nested(depth: int) -> str:
        return begin + way * (depth - 1) + "1" + WAYS[way] * (depth - 1) + end

    assert from_json(nested(199)) == json.loads(nested(199).replace(r"\ud800", r"\ufffd"))
    for depth in (200, 700, 3000):
        with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
            from_json(nested(depth))
        assert "TooDeep(" in repr(from_json(nested(depth), cut=True))


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 5000 + "]" * 4999, "{" * 5000 + "]" * 5000])
def test_depths_that_do_not_end_are_no_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(text, cut=True)


@pytest.mark.parametrize("end", ["", "\\"])
def test_a_text_without_end_is_read_once(end: str) -> None:
    """Not once for each quote in it: half a megabyte would take hours."""
    text = "[" * 5000 + '"' + r"\"" * 250_000 + end
    begin = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        from_json(text, cut=True)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("text", "found"), [('{"a": 1}', {"a": 1}), (b'{"a": 1}', {"a": 1}), ("[1]", {}), ("{", {}), (b"", {})]
)
def test_an_object_or_nothing(text: str | bytes, found: dict[str, int]) -> None:
    assert json_object(text) == found
