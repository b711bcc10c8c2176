"""What looks like a key is masked, and nothing else."""

import time

import pytest

from kubectl_kagent.telemetry.masking import masked, masked_value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key sk-proj-abcdefghijklmnop1234 end", "key sk-p…[masked] end"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123", "ghp_…[masked]"),
        ("github_pat_11ABCDEFG0123456789_abc", "gith…[masked]"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIA…[masked]"),
        ("xoxb-123456789012-abc", "xoxb…[masked]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJh…[masked]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "----…[masked]\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE, cut off", "----…[masked]"),
        ('{"password": "hunter2", "user": "bob"}', '{"password": "[masked]", "user": "bob"}'),
        (r"{\"api_key\": \"abc\"} tail", r"{\"api_key\": \"[masked]\"} tail"),
        ('{"secret": "cut of', '{"secret": "[masked]"'),
        ("db_password = 'x y' z", "db_password = '[masked]' z"),
        ("OPENAI_API_KEY=foo bar", "OPENAI_API_KEY=[masked] bar"),
        ("token: abc", "token: [masked]"),
        ("http://x/?access_token=abc&page=2", "http://x/?access_token=[masked]&page=2"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: [masked]"),
        ("Authorization: Basic dXNlcjpwYXNz\nHost: x", "Authorization: [masked]\nHost: x"),
        ("Cookie: a=b; c=d", "Cookie: [masked]"),
        ("curl with bearer abcdefghijklmnop", "curl with bearer [masked]"),
    ],
)
def test_masked(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the token count is 7",
        "prompt_tokens: 42",
        "monkey: banana",
        "PWD=/root",
        "scikit: sk-learn",
        "password: null",
        '{"token": ""}',
        "keyboard; secretary: Ann",
        "01a20616-7bf8-7aef-afdb-18091d1b13a3",
    ],
)
def test_not_masked(text: str) -> None:
    assert masked(text) == text


def test_values() -> None:
    value = {
        "Authorization": "Negotiate abc",
        "headers": {"x-api-key": ["one", "two"], "accept": "*/*"},
        "password": {"value": "x", "length": 8},
        "pin_token": 1234,
        "max_tokens": 5,
        "token": None,
        "note": "use token=abc",
        "flags": [True, 1.5],
    }
    assert masked_value(value) == {
        "Authorization": "[masked]",
        "headers": {"x-api-key": ["[masked]", "[masked]"], "accept": "*/*"},
        "password": {"value": "[masked]", "length": "[masked]"},
        "pin_token": "[masked]",
        "max_tokens": 5,
        "token": None,
        "note": "use token=[masked]",
        "flags": [True, 1.5],
    }


@pytest.mark.parametrize("part", ["a", "a-", "token", 'token="', "Bearer ", "secret=", "eyJa.", "sk-"])
def test_a_megabyte_of_anything_takes_no_time(part: str) -> None:
    text = part * (1_000_000 // len(part))
    started = time.process_time()
    masked(text)
    assert time.process_time() - started < 5
