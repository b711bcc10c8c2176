"""Print a screen: in colour for a person at a terminal, plain for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubectl_kagent.render import colour

F = TypeVar("F", bound=Callable[..., Any])
_CHOICE = "kubectl_kagent.color"


def _remember(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.meta[_CHOICE] = value


color = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    expose_value=False,
    callback=_remember,
    help="Colour: auto is on at a terminal, unless NO_COLOR is set or TERM is dumb.",
)


def show(text: str) -> None:
    """Print ``text`` to stdout as ``--color`` of the running command asks."""
    choice = click.get_current_context().meta.get(_CHOICE, "never")
    if colour.wanted(sys.stdout, choice):
        text = colour.coloured(text)
    click.echo(text, nl=False, color=True)
