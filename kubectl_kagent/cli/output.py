"""``-o``: a verb names the formats that it has, and any other is refused before anything is asked or done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from kubectl_kagent.render.output import TEMPLATES, TEXT, Output, parse, spelled, with_json

F = TypeVar("F", bound=Callable[..., Any])


def formats(*names: str, default: str = "") -> Callable[[F], F]:
    """Add ``-o`` with these formats; the verb gets an Output, of ``default`` when nothing is asked for."""
    return click.option(
        "-o",
        "--output",
        type=FormatType(names, default),
        default=default,
        show_default=bool(default),
        metavar="FORMAT",
        help=f"Output format. One of: ({spelled(names)}).",
    )


class FormatType(click.ParamType[Output]):
    """One of the formats that a verb has: ``names``. Nothing, as a script may give it, is ``default``."""

    name = "format"

    def __init__(self, names: tuple[str, ...], default: str = "") -> None:
        self.names = names
        self.default = default

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        if isinstance(value, Output):
            return value
        text = value or self.default
        return parse(text, self.names) if text else TEXT

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        words = [f"{name}=" if name in TEMPLATES else name for name in with_json(self.names)]
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]
