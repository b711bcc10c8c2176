"""Every verb and every format of ``-o``: printed, or refused before anything is asked or done."""

from __future__ import annotations

import re
from functools import cache

import click
import pytest

from tests.soak.faults import Scene
from tests.soak.forms import FORMS
from tests.soak.lines import commands
from tests.soak.run import Done, run
from tests.soak.world import AGENT_WITH_RECORDS

_TRIED = {
    "json": "json",
    "yaml": "yaml",
    "name": "name",
    "wide": "wide",
    "jsonpath": "jsonpath=text{.metadata.name}",
    "custom-columns": "custom-columns=A:.metadata.name",
    "text": "text",
    "md": "md",
    "default": "default",
    "raw": "raw",
    "junit": "junit",
    "sarif": "sarif",
}
_NEVER = (
    "xml",
    "JSON",
    "jsonpath",
    "jsonpath=",
    "jsonpath={.a",
    "jsonpath={range .a}{.b[}{end}",
    "custom-columns=A",
    "go-template={{.}}",
    "=",
)


def _option(command: click.Command) -> click.Option | None:
    return next(
        (item for item in command.params if isinstance(item, click.Option) and "-o" in item.opts), None
    )


_OPTIONS = {path: option for path, command in commands() if (option := _option(command))}
_WITH = {path: tuple(option.type.names) for path, option in _OPTIONS.items()}


@cache
def _scene(path: tuple[str, ...]) -> Scene:
    """A command line of that verb without ``-o`` that ends by itself."""
    start = f"trace {AGENT_WITH_RECORDS}" if path == ("trace", "list") else " ".join(path)
    lines = [form for form in FORMS if form.line.startswith(start)]
    return Scene(min((form for form in lines if not form.enough), key=lambda form: form.fails))


def _run(path: tuple[str, ...], output: str) -> Done:
    scene = _scene(path)
    scene.world.back_to(scene.moment)
    return run(scene.world, [*scene.form.words(scene.world), f"-o={output}"], stdin=scene.form.stdin)


def test_these_verbs_have_formats() -> None:
    assert {" ".join(path): " ".join(names) for path, names in _WITH.items()} == {
        "approvals approve": "text json",
        "approvals list": "json yaml name wide jsonpath",
        "approvals reject": "text json",
        "autoscale": "json yaml name jsonpath custom-columns",
        "chat": "text json",
        "check": "json yaml jsonpath junit",
        "get": "json yaml name wide jsonpath custom-columns",
        "hibernate": "json yaml name jsonpath custom-columns",
        "lint": "json yaml jsonpath sarif junit",
        "logs": "default raw json",
        "observe install": "json yaml name jsonpath custom-columns",
        "observe status": "json yaml jsonpath",
        "rollback": "json yaml name jsonpath custom-columns",
        "rollout history": "json yaml wide jsonpath",
        "rollout restart": "json yaml name jsonpath custom-columns",
        "rollout undo": "json yaml name jsonpath custom-columns",
        "scale": "json yaml name jsonpath custom-columns",
        "sessions export": "json yaml md",
        "sessions list": "json yaml name wide jsonpath",
        "sessions show": "json yaml jsonpath",
        "tools call": "json yaml jsonpath",
        "tools check": "json yaml jsonpath",
        "tools list": "json yaml wide jsonpath",
        "top": "json yaml wide jsonpath",
        "trace list": "json yaml name wide jsonpath",
        "trace show": "json yaml jsonpath",
        "version": "json yaml jsonpath",
        "wake": "json yaml name jsonpath custom-columns",
    }


@pytest.mark.parametrize("name", _TRIED)
@pytest.mark.parametrize("path", _WITH, ids=" ".join)
def test_a_format_is_printed_or_refused_before_the_first_request(path: tuple[str, ...], name: str) -> None:
    done = _run(path, _TRIED[name])
    if name in _WITH[path]:
        code = _scene(path).calm.code
        assert (done.code, bool(done.out), done.tracebacks, done.hang) == (code, True, (), ""), done.err
    else:
        assert (done.code, done.out, done.requests) == (2, "", 0), done.err
        assert f'the output format "{_TRIED[name]}"\nhint: allowed: ' in done.err


@pytest.mark.parametrize("output", _NEVER)
@pytest.mark.parametrize("path", _WITH, ids=" ".join)
def test_a_format_that_no_verb_has_is_refused_before_the_first_request(
    path: tuple[str, ...], output: str
) -> None:
    done = _run(path, output)
    assert (done.code, done.out, done.requests) == (2, "", 0), done.err


@pytest.mark.parametrize("path", _WITH, ids=" ".join)
def test_an_empty_format_is_the_default_one(path: tuple[str, ...]) -> None:
    scene = _scene(path)
    default = _OPTIONS[path].default
    calm = _run(path, default) if default else scene.calm
    done = _run(path, "")
    assert (done.code, _without_times(done.out)) == (calm.code, _without_times(calm.out)), done.err


def _without_times(text: str) -> str:
    return re.sub(r"\d+", "#", text)
