"""Commands as kubectl users type and read them: flags that take a value, and examples under a heading."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.errors import Forbidden, UsageError

# Go's strconv.ParseBool, which pflag reads flags with.
_VALUES = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True)
_VALUES |= dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False)

VERBOSITY = "verbosity"
_REQUESTS = 6  # kubectl's level for them; what it adds from 7 on, headers and bodies, stays unsaid

_LIKELY = 0.75  # click takes what is like it by 0.6 for meant: --as for --wait, --token for --to-revison


class _Documented(terminal.Helpful):
    """A docstring ends with its examples, which click's mark for text as it is (``\\b``) begins."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        text, _, examples = inspect.cleandoc(self.help or "").partition("\n\b\n")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(text)
        if examples:
            with formatter.section("Examples"):
                for line in examples.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class KubectlCommand(_Documented):
    """A verb."""

    def __init__(
        self,
        *args: Any,
        exclusive: Sequence[tuple[str, ...]] = (),
        needs: Mapping[str, tuple[str, ...]] | None = None,
        **attrs: Any,
    ) -> None:
        super().__init__(*args, **attrs)
        self.exclusive = exclusive
        self.needs = needs or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing and args and args[-1] in _names(self.get_params(ctx))[1]:
            args = args[:-1]  # <TAB> completes its value; for want of it click would lose all other words
        try:
            words, off = _without_values(self.get_params(ctx), args)
            rest = super().parse_args(ctx, words)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click's parser leaves out whose help page it is about
            if isinstance(error, click.NoSuchOption) and error.possibilities:
                from difflib import get_close_matches  # the start of every command has no time for it

                likely = get_close_matches(error.option_name, error.possibilities, cutoff=_LIKELY)
                error.possibilities[:] = likely
            raise
        ctx.params |= {flag.name: False for flag in off if flag.name in ctx.params}
        if not ctx.resilient_parsing:  # what is being typed may still get what it lacks
            self._check_together(ctx, {flag.opts[-1] for flag in off})
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.meta.get(VERBOSITY, 0) < _REQUESTS:
            return self._run(ctx)
        from kubectl_kagent.cli.verbosity import requests_printed  # few ask for it

        with requests_printed():
            return self._run(ctx)

    def _run(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Forbidden as error:
            from kubectl_kagent.rbac import roles  # a table that takes a while to build

            # with the role of the one request, the next one would be refused
            if error.hint == roles.hint(error.message):
                error.hint = roles.hint(error.message, _verb(ctx))
            raise

    def _check_together(self, ctx: click.Context, off: set[str]) -> None:
        """``off``: flags that are said to be false, which a template may do beside what they go with."""
        given = {
            option.opts[-1]
            for option in self.params
            if option.name and ctx.get_parameter_source(option.name) == click.core.ParameterSource.COMMANDLINE
        }
        for group in self.exclusive:
            if len(given.intersection(group)) > 1:
                raise UsageError(f"only one of {', '.join(group[:-1])} and {group[-1]} may be used")
        for name, others in self.needs.items():
            if name in given and not (given | off).intersection(others):
                raise UsageError(f"{name} goes with {' or '.join(others)}")


def _verb(ctx: click.Context) -> tuple[str, ...]:
    """The words of the command line that name the verb."""
    return (*_verb(ctx.parent), ctx.info_name or "") if ctx.parent else ()


class KubectlGroup(_Documented, click.Group):
    """A verb with verbs of its own. Those in ``modules`` (name: module) are loaded when they are called."""

    command_class = KubectlCommand

    def __init__(self, *args: Any, modules: Mapping[str, str] | None = None, **attrs: Any) -> None:
        super().__init__(*args, **attrs)
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self.modules:
            self.add_command(getattr(import_module(self.modules[cmd_name]), cmd_name))
        return super().get_command(ctx, cmd_name)


def command(**attrs: Any) -> Callable[[Callable[..., Any]], KubectlCommand]:
    """click.command for a verb.

    ``exclusive`` has groups of options of which one can be given; ``needs`` has options that mean nothing
    without one of some others.
    """
    return click.command(cls=KubectlCommand, **attrs)


def group(**attrs: Any) -> Callable[[Callable[..., Any]], KubectlGroup]:
    """click.group for a verb that has verbs."""
    return click.group(cls=attrs.pop("cls", KubectlGroup), **attrs)


def _without_values(
    parameters: Sequence[click.Parameter], args: Sequence[str]
) -> tuple[list[str], list[click.Option]]:
    """``--watch=false`` as click has it: its opposite, or nothing; and the flags of which it has nothing.

    The last one counts, as in pflag.
    """
    flags, valued = _names(parameters)
    last: dict[str, bool] = {}
    words: list[tuple[str, str]] = []  # and of which flag it is
    rest = iter(args)
    for word in rest:
        if word == "--":
            words.append((word, ""))
            words += ((left, "") for left in rest)
            break
        name, equals, value = word.partition("=")
        flag = flags.get(name)
        if flag and equals and value not in _VALUES:
            raise click.UsageError(f'"{value}" is not a value of {name}: true or false')
        if flag is None:
            if equals and name in valued and not name.startswith("--"):
                words += ((name, ""), (value, ""))  # -o=json, of which click would keep the sign
                continue
            words.append((word, ""))
            if word in valued:
                words += ((following, "") for following in islice(rest, 1))
            continue
        last[flag.opts[-1]] = _VALUES[value] if equals else True
        words.append((word, flag.opts[-1]))
    off = [flags[of] for of, on in last.items() if not (on or flags[of].secondary_opts)]
    kept: list[str] = []
    for word, of in words:
        if not of:
            kept.append(word)
        elif of in last:
            kept += [of] if last.pop(of) else flags[of].secondary_opts[-1:]
    return kept, off


def _names(parameters: Sequence[click.Parameter]) -> tuple[dict[str, click.Option], set[str]]:
    """Flags by what turns them on, and the names of options that take the next word."""
    options = [parameter for parameter in parameters if isinstance(parameter, click.Option)]
    flags = {name: option for option in options if option.is_bool_flag for name in option.opts}
    valued = {name for option in options if not option.is_flag and not option.count for name in option.opts}
    return flags, valued
