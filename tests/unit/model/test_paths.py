"""Request paths: what is put into one stays where it was put."""

from __future__ import annotations

import pytest

from kubectl_kagent.model.paths import InvalidName, below, by_name, is_segment, named, segment, stays
from kubectl_kagent.model.resources import AGENT, NAMESPACE

PREFIX = "/api/v1/namespaces/team-a/services/tools:80/proxy"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "may not be ''"),
        (".", "may not be '.'"),
        ("..", "may not be '..'"),
        ("a/b", "may not contain '/'"),
        ("../../nodes", "may not contain '/'"),
        ("%2e%2e", "may not contain '%'"),
        ("..\\..", "may not contain '\\'"),
        ("a\r\nHost: b", "may not contain characters that cannot be printed"),
        ("a\u202eb", "may not contain characters that cannot be printed"),
        ("a\ud800b", "may not contain characters that cannot be printed"),
    ],
)
def test_a_name_that_is_no_segment_of_a_path_is_refused(name: str, why: str) -> None:
    with pytest.raises(InvalidName) as error:
        segment(name, "session")
    assert error.value.line == f'error: invalid session "{name}": {why}'
    assert not is_segment(name)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("clock", "clock"),
        ("...", "..."),
        ("https:web:443", "https:web:443"),
        ("a?b#c;d", "a%3Fb%23c%3Bd"),
        ("ä b", "%C3%A4%20b"),
    ],
)
def test_all_other_names_are_quoted(name: str, quoted: str) -> None:
    assert segment(name) == quoted
    assert is_segment(name)


def test_paths_of_objects() -> None:
    assert AGENT.path() == "/apis/kagent.dev/v1alpha2/agents"
    assert AGENT.path("team-a") == "/apis/kagent.dev/v1alpha2/namespaces/team-a/agents"
    assert AGENT.path("a?", "b#") == "/apis/kagent.dev/v1alpha2/namespaces/a%3F/agents/b%23"
    assert NAMESPACE.path(None, "team-a") == "/api/v1/namespaces/team-a"
    with pytest.raises(InvalidName, match=r'invalid namespace "\.\.": may not be'):
        AGENT.path("..")
    with pytest.raises(InvalidName, match="invalid resource name"):
        AGENT.path("team-a", "")


@pytest.mark.parametrize(
    "path",
    [
        "/mcp",
        "/",
        "//mcp",
        "/a%20b/ä",
        "/mcp?next=../../x&at=%2F%3F",
        "/a/..b/c..",
        "/a;v=1/b",
    ],
)
def test_a_path_of_somebody_else_stays_below_the_prefix(path: str) -> None:
    assert stays(path)
    assert below(PREFIX, path).startswith(f"{PREFIX}/")
    assert below(PREFIX, path).isascii()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "mcp",
        "?x",
        "/..",
        "/a/../../b",
        "/./a",
        "/%2e%2e/a",
        "/%2E./a",
        "/x%3F/../../nodes",
        "/x%3f/%2e%2e/nodes",
        "/..%2f..%2fnodes",
        "/a%2Fb",
        "/%252e%252e/a",
        "/%25252e/a",
        "/..\\..\\a",
        "/a%5c..%5cb",
        "/a#/../b",
        "/a%23b",
        "/a b",
        "/a\r\nHost: b",
        "/a%0d%0aHost",
        "/a%zz",
        "/a%",
    ],
)
def test_a_path_that_would_not_stay_is_refused(path: str) -> None:
    assert not stays(path)
    with pytest.raises(InvalidName, match="it would lead out of /api/v1"):
        below(PREFIX, path)


def test_a_field_selector_names_one_object() -> None:
    assert by_name("clock") == "metadata.name=clock"
    assert by_name("a,b=c") == r"metadata.name=a\,b\=c"
    assert [named(by_name(name)) for name in ("clock", "a,b=c")] == ["clock", "a,b=c"]
    with pytest.raises(InvalidName):
        by_name("../x")
