"""The judge of the campaigns sees what must not be: a program that is broken on purpose does each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.commands import scale as verb
from kubectl_kagent.errors import KagentError
from kubectl_kagent.lifecycle.workloads import scaling
from tests.soak.faults import (
    CONTROL,
    FALSE_SUCCESS,
    HANG,
    SILENT,
    TRACEBACK,
    UNASKED,
    UNDOCUMENTED,
    Scene,
    judge,
)
from tests.soak.forms import FORMS
from tests.soak.mutants import is_broken
from tests.soak.wire import Answer

_REAL = scaling.scale


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(next(form for form in FORMS if form.line == "scale agent/agent --replicas=3"))


def _claims(*_: Any, **__: Any) -> scaling.Scaled:
    return scaling.Scaled(
        {"kind": "Agent", "apiVersion": "kagent.dev/v1alpha2", "metadata": {"name": "agent"}}, 1, 3
    )


def _loses(*args: Any, **more: Any) -> scaling.Scaled:
    _REAL(*args, **more)
    raise KagentError("the server did not answer in time")


def _explains(*args: Any, **more: Any) -> scaling.Scaled:
    _REAL(*args, **more)
    raise KagentError("whether it is scaled is not known", hint="kubectl kagent get agent agent shows it")


def _fails(*_: Any, **__: Any) -> scaling.Scaled:
    raise ValueError("x")


def _waits(*_: Any, **__: Any) -> scaling.Scaled:
    while True:
        clock.sleep(60)


def _leaves(*_: Any, **__: Any) -> scaling.Scaled:
    raise SystemExit(99)


def _rings(*_: Any, **__: Any) -> scaling.Scaled:
    verb.terminal.sys.stdout.write("\a")
    raise KagentError("x")


@pytest.mark.parametrize(
    ("broken", "kinds"),
    [
        (_claims, [FALSE_SUCCESS]),
        (_loses, [SILENT]),
        (_explains, []),
        (_fails, [TRACEBACK]),
        (_waits, [HANG]),
        (_leaves, [UNDOCUMENTED]),
        (_rings, [CONTROL]),
        (_REAL, []),
    ],
)
def test_what_a_broken_verb_does_is_seen(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, broken: Callable[..., Any], kinds: list[str]
) -> None:
    monkeypatch.setattr(scaling, "scale", broken)
    assert [trouble.kind for trouble in judge(scene, scene.play())] == kinds


def test_a_change_that_nobody_asked_for_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(next(form for form in FORMS if form.line.endswith("--replicas=3 --dry-run=server")))

    def changes(*args: Any, **more: Any) -> scaling.Scaled:
        return _REAL(*args, **more | {"dry_run": "none"})

    monkeypatch.setattr(scaling, "scale", changes)
    assert [trouble.kind for trouble in judge(scene, scene.play())] == [UNASKED]


@pytest.mark.parametrize(
    ("body", "broken"),
    [
        (b'{"items": [{"metadata": {"name": "x"}}]}', False),
        (b'{"items": null}', False),
        (b'{"items": [{"metadata": {"name": "\xff"}}]}', False),
        (b'{"items": [{"metadata": {"name": 1}}]}', True),
        (b'{"items": [null]}', True),
        (b'{"items": {}}', True),
        (b"{}", True),
        (b"[]", True),
        (b'{"items": [', True),
    ],
)
def test_a_list_that_no_client_could_read_is_known(body: bytes, *, broken: bool) -> None:
    assert is_broken(Answer(200, body), listed=True) == broken
