"""What is sent to Tempo and Loki is in their languages, as the grammars of their own editors have them."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboards.datasources import LINES_OF, OF_THE_CONVERSATION
from kubectl_kagent.backends.tempo import Tempo
from kubectl_kagent.errors import KagentError
from kubectl_kagent.telemetry.logs.loki import Pods, pages
from kubectl_kagent.telemetry.traces.query import NoSuchTurn, Query
from kubectl_kagent.telemetry.traces.stores import FromTempo
from tests.bundle import contents
from tests.lab.images.shelf import key_of
from tests.lab.layout import Layout
from tests.unit.telemetry.logs.test_loki import LABELS

pytestmark = [pytest.mark.telemetry, pytest.mark.npm]

GRAMMARS = Path(__file__).parent / "grammars"
# Texts that mean something in one of the languages, or in their regular expressions, or are not ASCII. No
# tabs and line ends: Tempo knows their escapes, its editor's grammar does not.
ODD = ("", "plain-1", 'a"b', "a\\b", "a`b", "a|b.*[", "a{b}", "ü", "\U0001f600", "// a", "a # b", "\\")


class Asked:
    """Answers any request with nothing found, and keeps the queries."""

    def __init__(self, parameter: str, answer: dict[str, Any]) -> None:
        self.parameter = parameter
        self.answer = answer
        self.queries: list[str] = []

    def call(self, method: str, path: str, *_: Any, **__: Any) -> dict[str, Any]:
        self.queries += parse_qs(urlsplit(path).query).get(self.parameter, [])
        return self.answer

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        raise AssertionError


def to_tempo() -> list[str]:
    """Each kind of search, with each odd text where a user's or a tool's own word goes."""
    http = Asked("q", {"traces": []})
    tempo = FromTempo(Tempo(http, "here"))
    for agent, session, tool in product(("default/clock", "clock", *ODD), ODD, ODD):
        tempo.turns(Query(agent, 0, 1, 1, session, tool))
    for id_ in ("01a205ee-5c2c-7b74-bbc1-3b013db9526e", "01a205ee", "a.b:c_d"):
        with contextlib.suppress(NoSuchTurn):
            tempo.find(id_, 1.0)
    assert any("||" in query for query in http.queries)
    return http.queries


def to_loki() -> list[str]:
    promtail = ["namespace", "pod", "container"]
    metadata = ["namespace"]
    queries = []
    for labels, container in product((LABELS, promtail, metadata), ("", "kagent", *ODD[1:])):
        http = Asked("query", {"data": labels})
        owners = (("default", "clock"), ("team-b", "a.b"))
        with contextlib.suppress(KagentError):  # the answer is of another shape
            list(pages(http, Pods(owners, (container,) if container else ()), 0, 1))
        queries += http.queries
    return queries


@pytest.fixture(scope="module")
def parser() -> list[str]:
    """The command that knows the grammars; what it needs is fetched once per content of its folder."""
    folder = Layout.here().cache / f"grammars-{key_of(GRAMMARS)}"
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(GRAMMARS, new)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(npm, cwd=new, check=True, timeout=300)
        new.rename(folder)
    return ["node", str(folder / "parse.js")]


def unknown(parser: list[str], language: str, queries: list[str]) -> list[str]:
    """Those of the queries that are not in the language."""
    given = json.dumps([{"language": language, "query": query} for query in queries])
    done = subprocess.run(parser, input=given, capture_output=True, text=True, check=True, timeout=60)
    return [item["query"] for item in json.loads(done.stdout)]


def test_traceql(parser: list[str]) -> None:
    assert unknown(parser, "traceql", to_tempo()) == []


def test_logql(parser: list[str]) -> None:
    queries = to_loki()
    assert len(queries) == 3 * (len(ODD) + 1)
    assert unknown(parser, "logql", queries) == []


@pytest.mark.parametrize(("language", "kind"), [("traceql", "tempo"), ("logql", "loki")])
def test_dashboards(parser: list[str], language: str, kind: str) -> None:
    every = [query for dashboard in contents.generated().values() for query in contents.queries(dashboard)]
    asked = sorted({contents.filled_in(query.text) for query in every if query.kind == kind})
    assert len(asked) > 3
    assert unknown(parser, language, asked) == []


def test_links_of_data_sources(parser: list[str]) -> None:
    conversation = OF_THE_CONVERSATION.replace("${__value.raw}", "01a205ee-5c2c-7b74-bbc1-3b013db9526e")
    assert unknown(parser, "traceql", [conversation]) == []
    lines = ", ".join(f'{label}="clock"' for label in LINES_OF.values())  # as Grafana joins them
    assert unknown(parser, "logql", [f"{{{lines}}}"]) == []


@pytest.mark.parametrize(
    ("language", "query"),
    [
        ("traceql", "{ a }"),
        ("traceql", '{ name = "a"b" }'),
        ("logql", '{a="b}'),
        ("logql", "{a=}"),
    ],
)
def test_what_is_in_neither(parser: list[str], language: str, query: str) -> None:
    """Or the others would say nothing."""
    assert unknown(parser, language, [query]) == [query]
