"""A value that is known is found in every spelling."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from kubectl_kagent.masking.known import KnownValues

VALUE = 'swordfish <&> "9+/ä'
KNOWN = KnownValues([VALUE])


@pytest.mark.parametrize(
    "spelled",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        r"swordfish \u003c\u0026\u003e \"9+/ä",  # Go's encoding/json
        r"swordfish \u003c\u0026\u003e \"9+/\u00e4",
        "swordfish &lt;&amp;&gt; &quot;9+/ä",
        "swordfish &lt;&amp;&gt; &#34;9+/ä",
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
    ],
)
def test_a_spelling_is_masked(spelled: str) -> None:
    assert KNOWN.masked(f"it is {spelled}; and {spelled}") == "it is [masked]; and [masked]"


def test_quoted_in_yaml() -> None:
    assert KnownValues(["it's sunny"]).masked("password: 'it''s sunny'") == "password: '[masked]'"


@pytest.mark.parametrize("before", ["", "u", "u:", "user:", "a longer user:"])
@pytest.mark.parametrize("after", ["", "@", "@h", "@ho", " and more"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_in_base64_whatever_stands_around_it(before: str, after: str, encode: object) -> None:
    coded = encode((before + VALUE + after).encode()).decode()  # type: ignore[operator]
    shown = KNOWN.masked(f"sent {coded} there")
    kept = shown.removeprefix("sent ").removesuffix(" there").replace("[masked]", "")
    assert "[masked]" in shown
    # what is left holds no whole letter of it
    assert len(kept.rstrip("=")) <= len(base64.b64encode((before + after).encode())) + 4


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n    ", "\\\n  "])
@pytest.mark.parametrize("place", range(1, 9))
def test_over_the_end_of_a_line(end: str, place: int) -> None:
    known = KnownValues(["swordfish"])
    text = f"is {'swordfish'[:place]}{end}{'swordfish'[place:]} here"
    assert known.masked(text) == f"is [masked]{end}[masked] here"


def test_over_three_lines_and_of_several_lines() -> None:
    assert KnownValues(["swordfish"]).masked("swo\nrdf\nish") == "[masked]\n[masked]\n[masked]"
    key = KnownValues(["line one\nline two"])
    assert key.masked("x\nline one\n  line two\ny") == "x\n[masked]\n  [masked]\ny"
    assert key.masked('"line one\\nline two"') == '"[masked]"'


def test_what_is_short_stands_in_any_text() -> None:
    assert KnownValues(["on", "", "abc"]).masked("on abc and on") == "on abc and on"


def test_the_longer_of_two_and_what_overlaps() -> None:
    assert KnownValues(["swordfish", "fishing"]).masked("swordfishing") == "[masked]"
    assert KnownValues(["swordfish", "swordfishes"]).masked("swordfishes swordfish") == "[masked] [masked]"


def test_without_encodings() -> None:
    known = KnownValues(["what is my salary?"], mask="[message]", encoded=False)
    coded = base64.b64encode(b"what is my salary?").decode()
    assert known.masked(f"said: what is my salary? {coded}") == f"said: [message] {coded}"


def test_many_values_in_a_long_log() -> None:
    known = KnownValues(f"a value with number {number}" for number in range(300))
    log = "".join(f"line {number}: a value with numbr {number}\n" for number in range(5000))
    began = time.process_time()
    assert known.masked(log) == log
    assert time.process_time() - began < 10
