"""The only place that prints: results to stdout, everything else to stderr, nothing that a terminal obeys.

Names, prompts, messages of conditions and events come from other people and programs: a control character in
them is shown as its code, and at a terminal what nobody would see is too. What looks like a secret is masked
(docs/decisions/masking.md).
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from kubectl_kagent.errors import Incomplete, KagentError, done_so_far
from kubectl_kagent.render.escapes import AS_CODES, harmless, one_line

if TYPE_CHECKING:
    from kubectl_kagent.render.output import Output

_CHOICE = "kubectl_kagent.color"
_SECRETS = "kubectl_kagent.show_secrets"
_WIDEST = 4096  # of a screen that COLUMNS asks for


def _remember(context: click.Context, _parameter: click.Parameter, value: str) -> None:
    context.meta[_CHOICE] = value


color = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    expose_value=False,
    callback=_remember,
    help="When to use colour; auto: at a terminal, unless NO_COLOR is set or TERM is dumb.",
)


def _remember_secrets(context: click.Context, _parameter: click.Parameter, value: object) -> None:
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
    from kubectl_kagent.masking import masked  # the help of all verbs is printed without it

    return masked(text) if masks() else text


def show(text: str) -> None:
    """Print a screen to stdout, in colour as ``--color`` of the running command asks."""
    text = harmless(without_secrets(text), shown=is_shown())
    if colour_wanted():
        from kubectl_kagent.render import colour

        text = colour.coloured(text)
    with _printing():
        click.echo(text, nl=False, color=True)


def write(text: str) -> None:
    """Print a result to stdout, for programs too: never in colour, and masked only by who made it."""
    with _printing():
        click.echo(harmless(text, shown=is_shown()), nl=False)


class Helpful(click.Command):
    """Its help is a result like any other: a stdout that takes none is an error of one line."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _show_help
        return option


def _show_help(ctx: click.Context, _: click.Parameter, asked: object) -> None:
    if asked and not ctx.resilient_parsing:
        write(f"{ctx.get_help()}\n")
        ctx.exit()


def write_line(line: str) -> None:
    """Print one line of a result to stdout, whatever is in it."""
    with _printing():
        click.echo(one_line(without_secrets(line)))


def write_ids(kind: str, ids: Sequence[str]) -> None:
    """Print ``KIND/ID`` a line for other programs, and warn of ids that they would misread."""
    from kubectl_kagent.render.output import id_lines

    text, left_out = id_lines(kind, ids)
    write(text)
    if left_out:
        warn(f"left out {len(left_out)} of {len(ids)} ids that are not one plain word; -o json shows all")


def write_block(block: bytes) -> None:
    """Print lines that are bytes, and harmless already, to stdout at once."""
    with _printing():
        sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()


def done(line: str) -> None:
    """Print a line about a change that is made."""
    line = without_secrets(line)
    with _printing(line):
        click.echo(one_line(line))


def changed(item: Mapping[str, Any], verb: str, output: Output, dry_run: str = "none") -> None:
    """Print the line about a change that is made (or the object, as ``output`` asks)."""
    from kubectl_kagent.render.output import changed as line_of

    line = line_of(item, verb, dry_run)
    if output.is_text:
        done(line)
        return
    with done_so_far(line):
        text = output.objects([item], single=True)
    with _printing(line):
        click.echo(harmless(text, shown=is_shown()), nl=False)


@contextmanager
def _printing(made: str = "") -> Iterator[None]:
    """Raises KagentError when stdout can't be written; Incomplete with the change that is ``made``.

    Who has read enough (``| head``) is no error, unless there is a change to tell of.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError) and not made:
            raise
        why = f"could not be printed: {error.strerror or error}"
        if made:
            raise Incomplete(f"{made}, but that {why}", None, KagentError.exit_code) from error
        raise KagentError(f"the result {why}") from error


def open_streams() -> None:
    """What a stream's encoding lacks is shown as a code; the person who types is not to know encodings."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=AS_CODES)
    if isinstance(sys.stdin, io.TextIOWrapper) and sys.stdin.isatty():
        sys.stdin.reconfigure(errors="replace")


def close_streams() -> None:
    """What could not be written is given up: Python would try again, and tell that it can't."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_shown() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def columns() -> int:
    """How wide the terminal is, or as wide as COLUMNS says; 160 without one."""
    import shutil  # it loads the formats of archives, too

    return min(shutil.get_terminal_size((160, 24)).columns, _WIDEST)


def colour_wanted() -> bool:
    """Whether ``--color`` of the running command asks for colour on stdout."""
    from kubectl_kagent.render import colour

    return colour.wanted(sys.stdout, click.get_current_context().meta.get(_CHOICE, "never"))


def say(line: str) -> None:
    """Print one line to stderr: nothing in it can pass for another line of ours.

    Without a stderr there is nobody to tell, and no reason to stop.
    """
    from kubectl_kagent.masking.sent import without_sent  # as above

    say_whole(without_sent(without_secrets(line)))


def say_whole(line: str) -> None:
    """The same with nothing masked: what a person is to decide about."""
    with suppress(OSError):
        click.echo(one_line(line), err=True)


def warn(text: str, *more: str) -> None:
    """Print a warning to stderr, and the lines that go with it."""
    say(f"Warning: {text}")
    for line in more:
        say(line)


def trying_again(text: str) -> None:
    """Print what broke and is tried again."""
    say(f"{text}; trying again")


def fail(error: KagentError) -> None:
    """Print an error and its hint to stderr."""
    say(error.line)
    if error.hint:
        say(f"hint: {error.hint}")


def person() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(prompt: str) -> str:
    """The line that the person types, with line editing where stdout is the terminal too.

    Raises EOFError when there is no more to come.
    """
    if sys.stdout.isatty():
        try:
            return input(one_line(prompt))
        except (EOFError, KeyboardInterrupt):
            say("")  # what follows begins a line of its own
            raise
    click.echo(one_line(prompt), nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
