"""A variable's value, and what Grafana writes for it."""

from __future__ import annotations

import pytest

from scripts.pictures.variables import (
    Value,
    chosen,
    for_query,
    for_reading,
    label_values,
    replaced,
    replaced_in,
)

MANY = Value(("a.b", "c"), "All", is_many=True)
VALUES = {
    "agent": MANY,
    "cluster": Value((), "All", is_many=True, written=".*"),
    "sli": Value(('x"y\\',), "x"),
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("label_values(cluster)", ("", "cluster")),
        ('label_values(kagent_agent_info{a=~"$b,c"}, name)', ('kagent_agent_info{a=~"$b,c"}', "name")),
        ({"qryType": 1, "query": "label_values(up, job)", "refId": "A"}, ("up", "job")),
    ],
)
def test_label_values(query: str | dict[str, object], expected: tuple[str, str]) -> None:
    assert label_values(query) == expected


def test_another_function_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"^only label_values\(\) is known, not 'query_result\(up\)'$"):
        label_values("query_result(up)")


def test_the_value_that_a_variable_has() -> None:
    options = ["a", "b"]
    every = {"multi": True, "includeAll": True, "allValue": ".*"}
    assert chosen(every, options) == Value(("a", "b"), "All", is_many=True, written=".*")
    assert chosen(every, options, "b") == Value(("b",), "b", is_many=True)
    assert chosen({}, options) == Value(("a",), "a")
    assert chosen({"current": {"value": "b"}}, options) == Value(("b",), "b")
    assert chosen({"current": {"value": ["b"]}}, options) == Value(("b",), "b")
    assert chosen({"current": {"value": "gone"}}, options) == Value(("a",), "a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('up{agent=~"$agent"}', 'up{agent=~"(a\\\\.b|c)"}'),
        ('up{agent=~"${agent}"}', 'up{agent=~"(a\\\\.b|c)"}'),
        ('up{agent=~"[[agent]]"}', 'up{agent=~"(a\\\\.b|c)"}'),
        ('up{cluster=~"$cluster"}', 'up{cluster=~".*"}'),
        ('up{sli="$sli"}', 'up{sli="x\\"y\\\\"}'),
        ("${agent:pipe} ${agent:csv} ${agent:regex}", "a.b|c a.b,c a\\.b|c"),
        (
            'label_replace(up, "a", "$1", "b", "(.+)") $agents',
            'label_replace(up, "a", "$1", "b", "(.+)") $agents',
        ),
    ],
)
def test_a_query(text: str, expected: str) -> None:
    assert replaced(text, VALUES, for_query) == expected


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(KeyError):
        replaced("${agent:lucene}", VALUES, for_query)


def test_texts_to_read_but_not_the_queries() -> None:
    panel = {"title": "Turns of $agent", "targets": [{"expr": "$agent"}], "links": ["$cluster"], "id": 1}
    assert replaced("$agent", VALUES, for_reading) == "All"
    assert replaced_in(panel, VALUES) == {**panel, "title": "Turns of All", "links": ["All"]}
