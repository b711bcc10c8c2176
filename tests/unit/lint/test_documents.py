"""Files as kubectl reads them: values, lines, and one clear problem for what can't be read."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.lint.documents import LARGEST, documents, line_of

BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
LARGE = f"a: &a [{'1, ' * 3000}]\nb: [{'*a, ' * 80}]\n"


def read(text: str | bytes) -> tuple[list[Any], list[tuple[int, str, str]]]:
    """The values, and each problem with its line and rule."""
    found = list(documents(text.encode() if isinstance(text, str) else text))
    problems = [(each.line, each.rule, each.text) for document in found for each in document.problems]
    return [document.value for document in found if document.value is not None], problems


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("---\n# nothing\n---\na: 1\n...\n", [{"a": 1}]),
        ("a: |\n  x\n  --- y\n", [{"a": "x\n--- y\n"}]),
        (
            '{"a": 1}\n{"b":\t[true, null, 1.5e3, "\\ud83d\\ude00\\/"]}',
            [{"a": 1}, {"b": [True, None, 1500.0, "😀/"]}],
        ),
        ('{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n', [{"a": {"b": 1}}]),
        ("a: yes\nb: 'yes'\nc: off\nd: ~\ne:\n", [{"a": True, "b": "yes", "c": False, "d": None, "e": None}]),
        (
            "a: 0x1F\nb: 017\nc: 1_000\nd: 1:30\ne: 2026-01-01\n",
            [{"a": 31, "b": 15, "c": 1000, "d": "1:30", "e": "2026-01-01"}],
        ),
        (
            "a: 1e3\nb: .5\nc: -1\nd: 100m\ne: !!str 1\n",
            [{"a": 1000.0, "b": 0.5, "c": -1, "d": "100m", "e": "1"}],
        ),
        ("a: 089\nb: 1_0.5\nc: 99999999999999999999\n", [{"a": 89.0, "b": 10.5, "c": 1e20}]),
        ("1: a\ntrue: b\n", [{"1": "a", "true": "b"}]),
        ("x: &x {a: 1, b: 2}\nz: {<<: *x, b: 3}\n", [{"x": {"a": 1, "b": 2}, "z": {"a": 1, "b": 3}}]),
        ("z: {b: 3, <<: [{b: 1}, {b: 2, c: 4}]}\n", [{"z": {"b": 1, "c": 4}}]),
        ("!!str <<: {a: 1}\n", [{"<<": {"a": 1}}]),
        ("'<<': {a: 1}\n", [{"<<": {"a": 1}}]),
        ("\ufeffa: 1\n", [{"a": 1}]),
        ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
    ],
)
def test_values(text: str, values: list[Any]) -> None:
    assert read(text) == (values, [])


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a: [1\nb: 2\n", 2, "is not YAML: while parsing a flow sequence did not find expected ',' or ']'"),
        (
            "a: 1\n\tb: 2\n",
            2,
            "is not YAML: while scanning a plain scalar found a tab character that violates",
        ),
        ("a: *gone\n", 1, "is not YAML: found undefined alias"),
        ("a: &a [*a]\n", 1, "is refused by kubectl: an anchor's value contains itself"),
        (BOMB, 1, "is refused by kubectl: document contains excessive aliasing"),
        (LARGE, 1, "has more than 200,000 values, with all that its aliases stand for"),
        ("a: 1\nb: .nan\n", 2, "is refused by kubectl: JSON has no number .nan"),
        ("a: !!int x\n", 1, "is refused by kubectl: what is tagged !!int is none"),
        ("a: " + "[" * 5000, 1, "is not YAML: while increasing flow level exceeded maximum nesting depth"),
        (b"a: \xff\xfe", 1, "is not UTF-8: it was not read"),
        ("a: 1\n".encode("utf-16"), 1, "is not UTF-8: it was not read"),
        (b"a: 1\nb: \x00\x01", 2, "is not text: it has a character that YAML does not allow"),
        (b"#" * (LARGEST + 1), 1, "is larger than 8 MiB: it was not read"),
        ("? [a, b]\n: 1\n", 1, "is refused by kubectl: a key is a list"),
        ("a: 1\n~: 2\n", 2, "is refused by kubectl: a key is null"),
        *[
            (text, 2, "is refused by kubectl: map merge requires map or sequence of maps as the value")
            for text in ("a: &a [1]\n<<: 3\n", "a: &a [1]\nb: {<<: *a}\n", "a: &a {x: 1}\nb: {<<: [[*a]]}\n")
        ],
        ('{"a": 1,}{', 1, "is not YAML: did not find expected <document start>"),
    ],
)
def test_what_can_not_be_read_is_one_problem_and_hides_no_other_document(
    text: str | bytes, line: int, told: str
) -> None:
    values, problems = read(text)
    assert (values, [(each[0], each[1]) for each in problems]) == ([], [(line, "unreadable")])
    assert problems[0][2].startswith(told)
    if isinstance(text, str):
        after = text.count("\n") + 2
        values, problems = read(f"{text}\n---\nb: 2\n---\nc: ]\n")
        assert values == [{"b": 2}]
        assert [each[0] for each in problems] == [line, after + 3]


def test_only_a_comment_may_stand_behind_a_separator() -> None:
    values, problems = read("a: 1\n--- # one\nb: 2\n--- {c: 3}\nd: 4\n----\ne: 5\n---f: 6\n")
    assert values == [{"a": 1}, {"b": 2}, {"d": 4}, {"e": 5}]
    assert problems == [
        (line, "unreadable", "is refused by kubectl: something stands behind ---") for line in (4, 6, 8)
    ]


def test_of_keys_that_are_there_twice_the_last_one_counts_and_has_its_line() -> None:
    [document] = documents(b"a:\n  x: 1\n  y: 2\na:\n  x: 3\n  z: 4\n  x: 5\n")
    assert document.value == {"a": {"x": 5, "z": 4}}
    told = [(each.line, each.rule, each.text) for each in document.problems]
    assert told == [
        (4, "duplicate-key", "a is there twice: only the last one counts"),
        (7, "duplicate-key", "x is there twice: only the last one counts"),
    ]
    assert line_of(document.lines, ("a", "x")) == 7
    assert line_of(document.lines, ("a", "y")) == 4


def test_lines_are_those_of_the_file() -> None:
    text = b'a: 1\n---\n\nspec:\n  tools:\n    - {name: x}\n    - name: y\n---\n{\n "a":\n  [1,\n 2]}\n'
    _, second, third = documents(text)
    assert line_of(second.lines, ("spec", "tools", 1, "name")) == 7
    assert line_of(second.lines, ("spec", "tools", 0)) == 6
    assert line_of(second.lines, ("spec", "tools", 5, "gone")) == 5
    assert line_of(second.lines, ()) == 4
    assert line_of(third.lines, ("a", 1)) == 12


def test_a_comment_is_one_outside_of_texts_only() -> None:
    text = (
        b"# kagent-lint: one\na: |\n  # kagent-lint: two\nb: 'x # kagent-lint: three'  # kagent-lint: four\n"
    )
    [document] = documents(text)
    assert [(each.line, each.text, each.alone) for each in document.comments] == [
        (1, " one", True),
        (4, " four", False),
    ]
