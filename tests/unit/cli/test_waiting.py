"""--wait and --timeout: the same rule for every verb that waits for what it changed."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.cli import drain
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.waiting import waits_for


@command()
@waits_for("the pods")
@drain.flag
def change(*, wait: bool, timeout: float, drain_first: bool) -> None:
    """Do it."""
    click.echo(f"{wait} {timeout:g} {drain_first}")


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("", "False 300 False"),
        ("--wait", "True 300 False"),
        ("--wait=true --timeout=1m", "True 60 False"),
        ("--timeout=1m", "True 60 False"),
        ("--wait=false --timeout=1m", "False 60 False"),
        ("--timeout=1m --wait=false", "False 60 False"),
        ("--timeout=0", "False 0 False"),
        ("--wait --timeout=0", "True 0 False"),
        ("--drain", "False 300 True"),
        ("--drain --timeout=1m", "False 60 True"),
        ("--drain --timeout=0", "False 0 True"),
        ("--drain --wait --timeout=1m", "True 60 True"),
    ],
)
def test_whether_it_waits_and_how_long(words: str, seen: str) -> None:
    assert CliRunner().invoke(change, words.split()).output == f"{seen}\n"


@pytest.mark.parametrize("verb", ["scale", "rollout restart", "rollout undo", "rollback", "observe install"])
def test_every_verb_that_waits_has_these_flags(verb: str) -> None:
    text = " ".join(CliRunner().invoke(cli, [*verb.split(), "-h"]).output.split())
    assert "How long to wait; alone it means --wait. Default: 5m; 0: no limit." in text
