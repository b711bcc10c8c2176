"""The commands of the command line, as click has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click

from kubectl_kagent.app import VERBS, cli
from kubectl_kagent.cli.output import FormatType

PROGRAM = "kubectl kagent"


class Node(NamedTuple):
    """A command, a group of commands too, and where the root's help has it."""

    words: tuple[str, ...]
    command: click.Command
    title: str

    @property
    def name(self) -> str:
        """What is typed after ``kubectl kagent``."""
        return " ".join(self.words)

    @property
    def usage(self) -> str:
        """Its command line, whole."""
        # click keeps the option for help as it is in the first context that asks
        context = click.Context(self.command, **cli.context_settings)
        pieces = self.command.collect_usage_pieces(context)
        return " ".join((PROGRAM, self.name, *pieces))

    @property
    def options(self) -> list[click.Option]:
        return [item for item in self.command.params if isinstance(item, click.Option)]

    @property
    def short(self) -> str:
        """The line that lists of verbs have."""
        named = {verb.name: verb.help for verbs in VERBS.values() for verb in verbs}
        return named.get(self.name) or self.command.short_help or ""

    @property
    def formats(self) -> tuple[str, ...]:
        """Those of ``-o``."""
        types = (item.type for item in self.options)
        return next((type_.names for type_ in types if isinstance(type_, FormatType)), ())


def commands() -> list[Node]:
    """All of them, in the order of the help pages: a group before those that it holds."""
    root = click.Context(cli)
    return [
        node
        for title, verbs in VERBS.items()
        for verb in verbs
        if (command := cli.get_command(root, verb.name))
        for node in _below(Node((verb.name,), command, title))
    ]


def verbs() -> list[Node]:
    """Those that do something."""
    return [node for node in commands() if not isinstance(node.command, click.Group)]


def _below(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node.command, click.Group):
        context = click.Context(node.command)
        for name in node.command.list_commands(context):
            if command := node.command.get_command(context, name):
                yield from _below(Node((*node.words, name), command, node.title))
