"""Blocks of commands in the pages: which are not run and why, and that each of our command lines is one."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import click
import pytest

from kubectl_kagent.app import cli
from scripts.command_tree import commands
from tests.cluster.test_docs import PAGES
from tests.lab.layout import CHECKOUT
from tests.shell_blocks import blocks, typed

_PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
_REFERENCE = CHECKOUT / "docs" / "reference"
_OURS = re.compile(r"(?:^|[;&|(] *)kubectl (kagent .*)$", re.MULTILINE)
# click keeps the option for help as it is in the first context that asks
_ROOT = click.Context(cli, **cli.context_settings)
_END = re.compile(r"[|>;&)]+|#")


def _written() -> list[Path]:
    return [page for page in _PAGES if _REFERENCE not in page.parents]


def test_what_is_not_run_and_why() -> None:
    found = [block for page in _written() for block in blocks(page)]
    reasons = Counter(block.reason for block in found)
    assert reasons == {
        "": 35,
        "Argo CD": 1,
        "Flux": 1,
        "a receiver of yours": 2,
        "a screen, mostly of make demo, which runs these": 6,
        "docker": 2,
        "files of yours": 2,
        "helm": 2,
        "it brings the lab up": 1,
        "it changes the whole cluster; make test-telemetry does it": 2,
        "it changes the whole cluster; tests/alone/test_observe.py does it": 1,
        "it changes the whole cluster; tests/cluster/test_roles.py does it": 1,
        "it installs something on your machine": 2,
        "its exit code says what is installed; make test-telemetry runs it": 1,
        "its exit code says what is wrong in the whole cluster": 2,
        "jq": 1,
        "kind": 1,
        "the names of a cluster of yours": 5,
    }
    not_run = f"{sum(map(bool, (block.reason for block in found)))} of {len(found)}."
    assert f"says so above it, with the reason: {not_run}" in (CHECKOUT / "docs/compatibility.md").read_text()


def test_a_page_with_something_to_run_is_run() -> None:
    there = {page for page in _written() if any(not block.reason for block in blocks(page))}
    assert {page.relative_to(CHECKOUT / "docs").with_suffix("").as_posix() for page in there} == {*PAGES}


def _lines(page: Path) -> list[list[str]]:
    """Our command lines in a page's blocks, as words; those of shells around them are left out."""
    scripts = [block.script.replace("\\\n", "") for block in blocks(page)]
    found = [words for script in scripts for words in _OURS.findall(script) if "[OPTIONS]" not in words]
    return [_words(words) for words in found]


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found = []
    for word in lexer:
        if _END.fullmatch(word):
            break
        found.append(word)
    return found[1:]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_each_command_line_of_ours_is_one(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "traces.json").write_text("{}")  # a reader's
    for words in _lines(page):
        if words[0] == "trace" and words[1] not in {"list", "show", "export"}:
            words.insert(1, "list")
        nodes = [node for node in commands() if words[: len(node.words)] == list(node.words)]
        assert nodes, words
        node = max(nodes, key=lambda node: len(node.words))
        with node.command.make_context(node.name, words[len(node.words) :], parent=_ROOT):
            pass  # it closes the files that it has opened


def test_prompts_are_not_typed() -> None:
    assert typed("console", "$ kubectl get pods\nNAME\n$ true\n") == "kubectl get pods\ntrue\n"
    assert typed("sh", "kubectl get pods\n") == "kubectl get pods\n"
