"""The only place that prints: results to stdout, everything else to stderr, nothing that a terminal obeys.

Names, prompts, messages of conditions and events come from other people and programs: a control character
in them is shown as its code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar
from unicodedata import category

import click

from kubectl_kagent.render import colour
from kubectl_kagent.render.output import check

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


# Of a verb that changes something: a format that does not exist is refused before the change.
changed_output = click.option(
    "-o",
    "--output",
    default="",
    metavar="FORMAT",
    callback=lambda _context, _parameter, value: check(value),
    help="One of json, yaml, name, jsonpath=TEMPLATE, custom-columns=SPEC.",
)


def show(text: str) -> None:
    """Print a screen to stdout, in colour as ``--color`` of the running command asks."""
    choice = click.get_current_context().meta.get(_CHOICE, "never")
    text = harmless(text)
    if colour.wanted(sys.stdout, choice):
        text = colour.coloured(text)
    click.echo(text, nl=False, color=True)


def write(text: str) -> None:
    """Print a result to stdout, for programs too: never in colour."""
    click.echo(harmless(text), nl=False)


def say(line: str) -> None:
    """Print a line to stderr."""
    click.echo(harmless(line), err=True)


def warn(text: str) -> None:
    """Print a warning to stderr."""
    say(f"Warning: {text}")


def harmless(text: str) -> str:
    """``text`` with control characters as JSON spells them, so that JSON stays what it is."""
    return "".join(
        char if char in "\n\t" or category(char) != "Cc" else f"\\u{ord(char):04x}" for char in text
    )
