"""The command tree, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import importlib
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, cast

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.errors import INTERRUPTED, Interrupted, KagentError
from kubectl_kagent.masking import masked

TRACEBACK = "KAGENT_TRACEBACK"

_HERE = f"{os.sep}kubectl_kagent{os.sep}"
_CREDENTIALS = re.compile(r"""\b(bearer|basic)\s+[^\s'"]+""", re.IGNORECASE)  # as they are in a header

# The module in commands/ that has each: only the one that is called is loaded.
_MODULES = {
    **{name: name for name in ("get", "describe", "logs", "trace", "top", "tools")},
    **{name: name for name in ("chat", "approvals", "sessions")},
    **{name: name for name in ("scale", "autoscale", "rollout", "record", "version")},
    **dict.fromkeys(("hibernate", "wake"), "scale"),
    "rollback": "rollout_undo",
}
_CALLED = {"rollback": "undo"}  # what differs from the name
_WORDS = "kubectl_kagent.words"


class ExplainedGroup(click.Group):
    """The root group: turns KagentError into ``error: ...`` and ``hint: ...`` on stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"kubectl_kagent.commands.{_MODULES[cmd_name]}")
        command: click.Command = getattr(module, _CALLED.get(cmd_name, cmd_name))
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def _path(self, ctx: click.Context) -> str:
        """The command that the line names: of an option without its value click does not say whose it is."""
        path, command = ctx.command_path, cast(click.Command, self)
        for word in ctx.meta[_WORDS]:
            found = command.get_command(ctx, word) if isinstance(command, click.Group) else None
            if found is None:
                break
            path, command = f"{path} {word}", found
        return path

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """click's, but an interrupt before or after ``invoke`` is no other than one in it."""
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        try:
            try:
                code = run(*args, standalone_mode=False, **extra)
            except click.ClickException as error:
                error.show()
                code = error.exit_code
            sys.exit(code)
        except (click.Abort, KeyboardInterrupt):
            terminal.say("interrupted")
            sys.exit(INTERRUPTED)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            raise _explained(error, "flags come after the command: kubectl kagent get -n NAME") from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else self._path(ctx)
            raise _explained(error, f"{path} -h shows how it is used") from error
        except KagentError as error:
            terminal.fail(error)
            ctx.exit(error.exit_code)
        except Interrupted as error:
            terminal.say(f"interrupted: {error.message}")
            terminal.say(f"hint: {error.hint}")
            ctx.exit(INTERRUPTED)
        except KeyboardInterrupt:
            terminal.say("interrupted")
            ctx.exit(INTERRUPTED)


def _explained(error: click.UsageError, hint: str) -> click.ClickException | click.exceptions.Exit:
    """click's error told as all others are; a group without a command still shows its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    message = error.format_message()
    terminal.say(f"error: {message[:1].lower()}{message[1:].removesuffix('.')}")
    terminal.say(f"hint: {hint}")
    return click.exceptions.Exit(error.exit_code)


@click.group(cls=ExplainedGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Scale, roll back, heal and observe kagent agents and MCP servers like any workload."""


def main() -> None:
    """Entry point of the console script."""
    _guarded(lambda: cli(prog_name="kubectl kagent"))


def complete() -> None:
    """Entry point of kubectl_complete-kagent, which kubectl runs for ``kubectl kagent <TAB>``.

    Prints a candidate a line and then the directive 4 (cobra's: offer no file names).
    """
    _guarded(_complete)


def _complete() -> None:
    from click.shell_completion import ShellComplete

    words = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, "kubectl-kagent", "_COMPLETE").get_completions(words[:-1], words[-1])
    lines = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in found]
    terminal.write("".join(f"{line}\n" for line in [*lines, ":4"]))


def _guarded(run: Callable[[], object]) -> None:
    """The last boundary: what nobody foresaw is an error like any other, in a thread too."""
    terminal.open_streams()
    lost: list[BaseException] = []

    def in_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
            lost.append(failed.exc_value)
            _tell(failed.exc_value)

    before, threading.excepthook = threading.excepthook, in_thread
    code: Any = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        code = error.exit_code if isinstance(error, KagentError) else 1
        _tell(error)
    finally:
        terminal.close_streams()
        threading.excepthook = before
    if code or lost:
        sys.exit(code or 1)


def _tell(error: BaseException) -> None:
    """The words of what was not foreseen are in its traceback only: they may hold anything."""
    if isinstance(error, KagentError):
        terminal.fail(error)
        return
    import traceback  # the start of every command has no time for it

    if os.environ.get(TRACEBACK):
        text = _CREDENTIALS.sub(r"\1 [masked]", "".join(traceback.format_exception(error)))
        for line in masked(text).splitlines():
            terminal.say(line)
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    terminal.say(f"error: unexpected {type(error).__name__}{_place(error)}{reason}")
    terminal.say(
        f"hint: {TRACEBACK}=1 shows where it comes from; please report that, with the version, "
        "to the maintainers of kubectl-kagent"
    )


def _place(error: BaseException) -> str:
    """Where in this package it happened."""
    import traceback

    files = [frame for frame in traceback.extract_tb(error.__traceback__) if _HERE in frame.filename]
    return f" in {files[-1].filename.rpartition(_HERE)[2]}:{files[-1].lineno}" if files else ""
