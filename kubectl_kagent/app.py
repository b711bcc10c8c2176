"""The command tree, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import importlib
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from kubectl_kagent.cli import terminal
from kubectl_kagent.errors import INTERRUPTED, Interrupted, KagentError

TRACEBACK = "KAGENT_TRACEBACK"

# cobra's directives, by which click calls what it leaves to the shell: files, folders only, and no files
_FILES, _NO_FILES = {"file": 0, "dir": 16}, 4

_HERE = re.compile(r"(?:.*[/\\])?kubectl_kagent[/\\](.+)")  # in an archive the path begins with the package
_CREDENTIALS = re.compile(r"""\b(bearer|basic)\s+[^\s'"]+""", re.IGNORECASE)  # as they are in a header


class Verb(NamedTuple):
    """A verb of the command line; its module is loaded when it is called."""

    name: str
    help: str
    module: str  # in commands/
    attribute: str


VERBS = {
    "Agents and MCP servers": (
        Verb("get", "List agents, MCP servers, model configs and remote MCP servers", "get", "get"),
        Verb("describe", "Show the details of agents and MCP servers", "describe", "describe"),
        Verb("scale", "Set the replica count of agents and MCP servers", "scale", "scale"),
        Verb("hibernate", "Scale to zero and remember the count", "scale", "hibernate"),
        Verb("wake", "Restore the replica count that hibernate remembered", "scale", "wake"),
        Verb("autoscale", "Let an HPA decide an agent's replicas", "autoscale", "autoscale"),
    ),
    "Rollouts": (
        Verb("rollout", "Manage rollouts: history, diff, undo, status, restart", "rollout", "rollout"),
        Verb("rollback", "Roll back to an earlier revision", "rollout.undo", "undo"),
        Verb("record", "Record every change of a config as it happens", "record", "record"),
    ),
    "Conversations": (
        Verb("chat", "Ask an agent, once or in a dialog", "chat", "chat"),
        Verb("approvals", "List, approve or reject what waits for a person", "approvals", "approvals"),
        Verb("sessions", "List, show, delete or export conversations", "sessions", "sessions"),
        Verb("tools", "List, call or check the tools of agents and MCP servers", "tools", "tools"),
    ),
    "Observability": (
        Verb("logs", "Print the logs of all pods of an agent or MCP server", "logs", "logs"),
        Verb("trace", "Show what an agent did, step by step", "trace", "trace"),
        Verb(
            "observe",
            "Install the observability bundle, and see what does not arrive",
            "observe",
            "observe",
        ),
        Verb("top", "Show rates, errors, durations and tokens of agents, tools or models", "top", "top"),
    ),
    "Other": (
        Verb("check", "Find what is wrong with kagent, agents and their servers, and why", "check", "check"),
        Verb("completion", "Install or uninstall completion with <TAB>", "completion", "completion"),
        Verb("lint", "Find what is wrong with manifests, without a cluster", "lint", "lint"),
        Verb("report", "Write what tells why agents fail to an archive, without secrets", "report", "report"),
        Verb("version", "Print the versions of the plugin, the cluster and kagent", "version", "version"),
    ),
}
_BY_NAME = {verb.name: verb for verbs in VERBS.values() for verb in verbs}


class Root(terminal.Helpful, click.Group):
    """The root: help and completion load no verb, and an error becomes ``error: ...`` and ``hint: ...``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_BY_NAME)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = _BY_NAME.get(cmd_name)
        if verb is None:
            return None
        module = importlib.import_module(f"kubectl_kagent.commands.{verb.module}")
        command: click.Command = getattr(module, verb.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.name, verb.help) for verb in verbs])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(verb.name, help=verb.help)
            for name, verb in sorted(_BY_NAME.items())
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

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
            terminal.fail(error)
            ctx.exit(error.exit_code)
        except Interrupted as error:
            terminal.say(f"interrupted: {error.message}")
            terminal.say(f"hint: {error.hint}")
            ctx.exit(INTERRUPTED)
        except KeyboardInterrupt:
            terminal.say("interrupted")
            ctx.exit(INTERRUPTED)
        except RuntimeError as error:
            if isinstance(error, click.exceptions.Exit) or not _was_interrupted(error):
                raise
            terminal.say("interrupted")
            ctx.exit(INTERRUPTED)


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an interrupt is behind it: in the midst of Python's own locks it becomes a RuntimeError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _explained(error: click.UsageError, hint: str) -> click.ClickException | click.exceptions.Exit:
    """click's error told as all others are; a group without a command still shows its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    if isinstance(error, click.NoSuchCommand) and error.ctx and isinstance(error.ctx.command, click.Group):
        names = error.ctx.command.list_commands(error.ctx)  # click itself knows only those that are loaded
        if found := _in_groups(error.ctx, error.command_name):
            names, hint = [], found
        error = click.NoSuchCommand(error.command_name, possibilities=names, ctx=error.ctx)
    message = error.format_message()
    terminal.say(f"error: {message[:1].lower()}{message[1:].removesuffix('.')}")
    terminal.say(f"hint: {hint}")
    return click.exceptions.Exit(error.exit_code)


def _in_groups(ctx: click.Context, name: str) -> str:
    """Which commands of that name groups have; empty without one."""
    assert isinstance(ctx.command, click.Group)  # the caller looked
    verbs = {verb: ctx.command.get_command(ctx, verb) for verb in ctx.command.list_commands(ctx)}
    found = [
        f"{ctx.command_path} {verb} {name}"
        for verb, command in verbs.items()
        if isinstance(command, click.Group) and name in command.list_commands(ctx)
    ]
    return f"there is {' and '.join(found)}" if found else ""


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='"kubectl kagent COMMAND -h" shows the options of a command, with examples. Services at their own '
    "address: ~/.config/kubectl-kagent/services.yaml, docs/services.md.",
)
def cli() -> None:
    """Scale, roll back and observe kagent agents and MCP servers like any workload."""


def main() -> None:
    """Entry point of the console script."""
    _guarded(lambda: cli(prog_name="kubectl kagent"))


def complete() -> None:
    """Entry point of kubectl_complete-kagent, which kubectl runs for ``kubectl kagent <TAB>``.

    Prints a candidate a line and then a directive of cobra's.
    """
    _guarded(_complete)


def _complete() -> None:
    from click.shell_completion import ShellComplete

    words = sys.argv[1:] or [""]
    found = ShellComplete(cli, {}, "kubectl-kagent", "_COMPLETE").get_completions(words[:-1], words[-1])
    kinds = {item.type for item in found}
    named = [item for item in found if item.type == "plain"]
    lines = [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in named]
    directive = next((_FILES[kind] for kind in _FILES if kind in kinds), _NO_FILES)
    terminal.write("".join(f"{line}\n" for line in [*lines, f":{directive}"]))
    names = sys.modules.get("kubectl_kagent.cli.completion")  # not loaded for verbs and flags
    if names and names.is_asking():
        sys.stdout.flush()
        os._exit(0)  # whatever it waits for, the shell does not


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
        from kubectl_kagent.masking import masked

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

    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f" in {found[1]}:{frame.lineno}" for frame in frames if (found := _HERE.fullmatch(frame.filename))
    ]
    return places[-1] if places else ""
