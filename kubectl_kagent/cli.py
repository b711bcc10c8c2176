"""The command tree, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import click

from kubectl_kagent.commands import terminal
from kubectl_kagent.errors import INTERRUPTED, KagentError

# The module in commands/ that has each: only the one that is called is loaded.
_MODULES = {
    **{name: name for name in ("get", "describe", "logs", "trace", "top", "tools")},
    **{name: name for name in ("chat", "approvals", "sessions")},
    **{name: name for name in ("scale", "autoscale", "rollout", "record", "version")},
    **dict.fromkeys(("hibernate", "wake"), "scale"),
    "rollback": "rollout_undo",
}
_CALLED = {"rollback": "undo"}  # what differs from the name


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
            path = error.ctx.command_path if error.ctx else ctx.command_path
            raise _explained(error, f"{path} -h shows how it is used") from error
        except KagentError as error:
            terminal.say(error.line)
            if error.hint:
                terminal.say(f"hint: {error.hint}")
            ctx.exit(error.exit_code)
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
    cli(prog_name="kubectl kagent")


def complete() -> None:
    """Entry point of kubectl_complete-kagent, which kubectl runs for ``kubectl kagent <TAB>``.

    Prints a candidate a line and then the directive 4 (cobra's: offer no file names).
    """
    from click.shell_completion import ShellComplete

    words = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, "kubectl-kagent", "_COMPLETE").get_completions(words[:-1], words[-1])
    lines = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in found]
    terminal.write("".join(f"{line}\n" for line in [*lines, ":4"]))
