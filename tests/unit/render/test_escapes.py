"""Codes for what a terminal obeys and for what nobody sees, and nothing else changed."""

from __future__ import annotations

import io
import json
from unicodedata import category

import pytest

from kubectl_kagent.render.escapes import AS_CODES, code, harmless, is_harmless, one_line

JOINERS = "\u200c\u200d"
# The planes that have characters of these kinds: text, symbols and scripts, and the tags.
EVERY_CHARACTER = [*map(chr, range(0x20000)), *map(chr, range(0xE0000, 0xE1000))]


def test_the_characters_are_those_of_unicode() -> None:
    """What this Python's Unicode does not know yet may be a newer one's."""
    obeyed = {char for char in EVERY_CHARACTER if category(char) in ("Cc", "Zl", "Zp", "Cs")} - {"\n", "\t"}
    unseen = {char for char in EVERY_CHARACTER if category(char) == "Cf"} - set(JOINERS)
    assert {char for char in EVERY_CHARACTER if not is_harmless(char)} == obeyed
    shown = {char for char in EVERY_CHARACTER if not is_harmless(char, shown=True)}
    assert shown >= obeyed | unseen
    assert {category(char) for char in shown - obeyed - unseen} <= {"Cn"}
    assert {char for char in EVERY_CHARACTER if one_line(char) != char} == shown | {"\n", "\t"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("no\u200bthing\ufeff", "no\\u200bthing\\ufeff"),
        ("tag\U000e0041", "tag\\udb40\\udc41"),
        ("a\u2028error: b", "a\\u2028error: b"),
        ("half \ud800", "half \\ud800"),
        ("two\n\tlines", "two\n\tlines"),
        ("👩\u200d💻 ❤\ufe0f\u200d🔥 نمی\u200cشود", "👩\u200d💻 ❤\ufe0f\u200d🔥 نمی\u200cشود"),
        ("dele\u200dte \u200cx", "dele\\u200dte \\u200cx"),
    ],
)
def test_what_a_person_would_not_see_is_shown_and_what_joins_stays(text: str, shown: str) -> None:
    assert harmless(text, shown=True) == shown


def test_for_programs_only_what_is_obeyed_is_a_code() -> None:
    assert harmless("a\u202e\u200b\u2028\ud800\x9b") == "a\u202e\u200b\\u2028\\ud800\\u009b"


def test_others_do_not_begin_a_line_of_ours() -> None:
    assert one_line("a\nhint: b\r\n\tx\u2028y\u0085z") == "a\\nhint: b\\u000d\\n\\tx\\u2028y\\u0085z"


def test_a_code_in_json_is_the_character_again() -> None:
    for char in "\x00\x1f\n\t\u202e\U000e0041":
        assert json.loads(f'"{code(char)}"') == char


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_what_an_encoding_lacks_is_shown_as_a_code(encoding: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, errors=AS_CODES)
    stream.write('{"ä": "→ 😀 \ud800"}')
    stream.flush()
    text = buffer.getvalue().decode(encoding)
    assert json.loads(text) == {"ä": "→ 😀 \ud800"}
