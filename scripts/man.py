"""Man pages, in man(7), from the commands themselves: the archive carries them in share/man."""

from __future__ import annotations

import argparse
import inspect
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from kubectl_kagent import __version__
from kubectl_kagent.app import VERBS, cli
from kubectl_kagent.cli.command import VERBOSITY
from kubectl_kagent.cli.options import CONNECTION_NAMES
from kubectl_kagent.errors import EXIT_CODES
from scripts.command_tree import PROGRAM, Node, commands

_MANUAL = "kubectl kagent manual"
_DAY = "@day@"


def pages(made: int) -> dict[str, str]:
    """Every page by the name of its file; ``made``, in Unix seconds, is the day that it says."""
    day = time.strftime("%Y-%m-%d", time.gmtime(made))
    found = commands()
    written = {f"{name_of(node)}.1": _page(node, found) for node in found}
    return {
        name: text.replace(_DAY, day) for name, text in ({f"{name_of()}.1": _root(found)} | written).items()
    }


def name_of(node: Node | None = None) -> str:
    """What a page is called: as kubectl's own are, with dashes for blanks."""
    return "-".join((*PROGRAM.split(), *(node.words if node else ())))


def write(folder: Path, made: int) -> None:
    """Write them below ``folder``/man1, where man looks for ``man kubectl-kagent-scale``."""
    (folder / "man1").mkdir(parents=True, exist_ok=True)
    for name, text in pages(made).items():
        (folder / "man1" / name).write_text(text, "utf-8", newline="\n")


def _root(found: Sequence[Node]) -> str:
    every = {option.name: option for node in found for option in node.options}
    return _lines(
        _head(None, inspect.cleandoc(cli.help or "")),
        _section("SYNOPSIS", _bold(PROGRAM), " ", _italic("COMMAND"), " [OPTIONS] [ARGS]...\n"),
        _section("DESCRIPTION", _text(inspect.cleandoc(cli.help or "")), "\n"),
        *(
            _section(f"COMMANDS: {title.upper()}", *_list(node for node in found if node.title == title))
            for title in VERBS
        ),
        _section(
            "CONNECTION FLAGS",
            "Every command takes kubectl's:\n",
            *_options(every[n] for n in (*CONNECTION_NAMES, VERBOSITY)),
        ),
        _exit_status(),
        _section("SEE ALSO", _text("kubectl(1)"), "\n"),
    )


def _page(node: Node, found: Sequence[Node]) -> str:
    text, _, examples = inspect.cleandoc(node.command.help or "").partition("\n\b\n")
    paragraphs = "\n.PP\n".join(_text(" ".join(part.split())) for part in text.strip().split("\n\n"))
    below = [one for one in found if one.words[:-1] == node.words]
    own = [one for one in node.options if one.name not in CONNECTION_NAMES and not one.hidden]
    above = [one for one in found if one.words == node.words[:-1]]
    pages = ", ".join(f"{name_of(one)}(1)" for one in (*above, *below)) or f"{name_of()}(1)"
    return _lines(
        _head(node, node.short),
        _section("SYNOPSIS", _text(node.usage), "\n"),
        _section("DESCRIPTION", paragraphs, "\n"),
        _section("COMMANDS", *_list(below)) if below else "",
        _section("OPTIONS", *_options(own), *_also(node)) if not below else "",
        _section("EXAMPLES", ".nf\n", _text(examples.strip()), "\n.fi\n") if examples else "",
        _exit_status() if not below else "",
        _section("SEE ALSO", _text(pages), "\n"),
    )


def _head(node: Node | None, short: str) -> str:
    name = name_of(node)
    title = f'.TH "{_text(name.upper())}" "1" "{_DAY}" "kubectl\\-kagent {__version__}" "{_MANUAL}"\n'
    return title + _section("NAME", f"{_text(name)} \\- {_text(short.splitlines()[0].rstrip('.'))}\n")


def _section(title: str, *parts: str) -> str:
    return f'.SH "{title}"\n{"".join(parts)}'


def _list(nodes: Iterable[Node]) -> Iterator[str]:
    return (f".TP\n{_bold(node.name)}\n{_text(node.short)}\n" for node in nodes)


def _options(options: Iterable[click.Option]) -> Iterator[str]:
    return (f".TP\n{_spelled(option)}\n{_text(option.help or '')}\n" for option in options)


def _spelled(option: click.Option) -> str:
    names = ", ".join(_bold(name) for name in (*option.opts, *option.secondary_opts))
    if isinstance(option.type, click.Choice):
        return f"{names} {_italic('|'.join(option.type.choices))}"
    return (
        names
        if option.is_flag
        else f"{names} {_italic(option.metavar or option.type.name.split()[0].upper())}"
    )


def _also(node: Node) -> Iterator[str]:
    if {one.name for one in node.options} & {*CONNECTION_NAMES}:
        yield f".PP\nIt takes kubectl's connection flags: {_text(name_of())}(1).\n"


def _exit_status() -> str:
    meanings = (
        f".TP\n{_bold(str(code))}\n{_text(text.replace('`', ''))}\n" for code, text in EXIT_CODES.items()
    )
    return _section("EXIT STATUS", *meanings)


def _lines(*parts: str) -> str:
    return "".join(parts)


def _bold(text: str) -> str:
    return f"\\fB{_text(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_text(text)}\\fR"


def _text(text: str) -> str:
    """Nothing in it is markup: backslashes, and signs that begin a request."""
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", plain, flags=re.MULTILINE)


def main() -> None:
    """Write them to the folder that is named."""
    parser = argparse.ArgumentParser(prog="python -m scripts.man", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/man"))
    write(parser.parse_args().folder, int(time.time()))


if __name__ == "__main__":
    main()
