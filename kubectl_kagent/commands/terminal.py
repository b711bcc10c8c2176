"""The only place that prints: results to stdout, everything else to stderr, nothing that a terminal obeys.

Names, prompts, messages of conditions and events come from other people and programs: a control character
in them is shown as its code, and what looks like a secret is masked (docs/decisions/masking.md).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from kubectl_kagent.masking import masked
from kubectl_kagent.render import colour
from kubectl_kagent.render.output import check, id_lines

F = TypeVar("F", bound=Callable[..., Any])
_CHOICE = "kubectl_kagent.color"
_SECRETS = "kubectl_kagent.show_secrets"
# Unicode's category Cc but for the two that text is made of; a screen of megabytes takes no time
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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


def _remember_secrets(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[_SECRETS] = value


secrets = click.option(
    "--show-secrets",
    is_flag=True,
    expose_value=False,
    callback=_remember_secrets,
    help="Do not mask what looks like a secret.",
)


def masks() -> bool:
    """Whether secrets are masked: unless ``--show-secrets`` of the running command says no."""
    context = click.get_current_context(silent=True)
    return context is None or not context.meta.get(_SECRETS)


def without_secrets(text: str) -> str:
    """``text``, masked if secrets are."""
    return masked(text) if masks() else text


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
    text = harmless(without_secrets(text))
    if colour_wanted():
        text = colour.coloured(text)
    click.echo(text, nl=False, color=True)


def write(text: str) -> None:
    """Print a result to stdout, for programs too: never in colour, and masked only by who made it."""
    click.echo(harmless(text), nl=False)


def write_ids(kind: str, ids: Sequence[str]) -> None:
    """Print ``KIND/ID`` a line for other programs, and warn of ids that they would misread."""
    text, left_out = id_lines(kind, ids)
    write(text)
    if left_out:
        warn(f"left out {len(left_out)} of {len(ids)} ids that are not one plain word; -o json shows all")


def write_block(block: bytes) -> None:
    """Print lines that are bytes, and harmless already, to stdout at once."""
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()


def is_shown() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def colour_wanted() -> bool:
    """Whether ``--color`` of the running command asks for colour on stdout."""
    return colour.wanted(sys.stdout, click.get_current_context().meta.get(_CHOICE, "never"))


def say(line: str) -> None:
    """Print a line to stderr."""
    say_whole(without_secrets(line))


def say_whole(line: str) -> None:
    """Print a line to stderr with nothing masked: what a person is to decide about."""
    click.echo(harmless(line), err=True)


def warn(text: str) -> None:
    """Print a warning to stderr."""
    say(f"Warning: {text}")


def person() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(prompt: str) -> str:
    """The line that the person types, with line editing where stdout is the terminal too.

    Raises EOFError when there is no more to come.
    """
    if sys.stdout.isatty():
        return input(harmless(prompt))
    click.echo(harmless(prompt), nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def harmless(text: str) -> str:
    """``text`` with control characters as JSON spells them, so that JSON stays what it is."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
