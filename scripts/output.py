"""What ``-o`` prints, for docs/output.md: written from the TypedDicts of the views."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kubectl_kagent.render.approvals import ApprovalsView
from kubectl_kagent.render.check import CheckView
from kubectl_kagent.render.history import HistoryView, RevisionView
from kubectl_kagent.render.impact_view import AgentsImpactView, ImpactView
from kubectl_kagent.render.lint import LintView
from kubectl_kagent.render.log import LogLineView
from kubectl_kagent.render.observe_status import ObserveStatusView
from kubectl_kagent.render.sessions import ExportView, SessionsView
from kubectl_kagent.render.tools import FindingsView, ToolsView
from kubectl_kagent.render.top import UsageView
from kubectl_kagent.render.trace_view import TurnsView
from kubectl_kagent.render.transcript import TranscriptView
from kubectl_kagent.render.version import VersionView
from scripts import shapes
from scripts.command_tree import Node, verbs
from scripts.markdown import anchor, code, table


@dataclass(frozen=True, slots=True)
class View:
    """An object with the keys of ``shape``; ``lines``: one a line, as many as there are.

    ``only`` is the option with which it is printed. Without a shape it is not ours, but what ``whose`` says.
    """

    shape: Any = None
    only: str = ""
    lines: bool = False
    whose: str = ""


_EVENTS = View(
    lines=True,
    whose="Each message of the agent's stream as it comes, in a line: a JSON-RPC response whose `result` is "
    "a task, a message, or an event (`status-update`, `artifact-update`) of [A2A](https://a2a-protocol.org).",
)
_MCP_RESULT = View(
    whose="The result as the server sends it: a `CallToolResult` of [MCP](https://modelcontextprotocol.io), "
    "with `content`, and `structuredContent` and `isError` where the server sends them.",
)

# Of every verb that has json, but for those that print API objects.
VIEWS: Mapping[str, tuple[View, ...]] = {
    "chat": (_EVENTS,),
    "approvals list": (View(ApprovalsView),),
    "approvals approve": (_EVENTS,),
    "approvals reject": (_EVENTS,),
    "sessions list": (View(SessionsView),),
    "sessions show": (View(TranscriptView),),
    "sessions export": (View(ExportView),),
    "tools list": (View(ToolsView),),
    "tools call": (_MCP_RESULT,),
    "tools check": (View(FindingsView),),
    "rollout history": (
        View(HistoryView),
        View(RevisionView, only="--revision"),
        View(ImpactView, only="--impact"),
    ),
    "logs": (View(LogLineView, lines=True),),
    "trace list": (View(TurnsView),),
    "trace show": (View(TurnsView),),
    "top": (View(UsageView), View(AgentsImpactView, only="--by=revision")),
    "check": (View(CheckView),),
    "lint": (View(LintView),),
    "observe status": (View(ObserveStatusView),),
    "version": (View(VersionView),),
}


def prints_objects(node: Node) -> bool:
    """Whether ``-o`` prints API objects: of these alone anybody can name columns."""
    return "custom-columns" in node.formats


def formats_table() -> str:
    """The formats of each verb. Raises KeyError for one without a view."""
    lines = [
        (code(node.name), ", ".join(map(code, node.formats)), _what(node)) for node in verbs() if node.formats
    ]
    return table(("Verb", "`-o`", "Prints"), lines)


def _what(node: Node) -> str:
    if prints_objects(node):
        return "[API objects](#api-objects)"
    form = "objects, one a line" if VIEWS[node.name][0].lines else "an object"
    return f"[{form}](#{anchor(heading(node.name))})"


def heading(name: str) -> str:
    """The heading under which the keys of a verb stand; those that print the same share one.

    Raises KeyError for a verb without a view.
    """
    if name not in VIEWS:
        raise KeyError(f"{name}: add what its -o json prints to VIEWS in scripts/output.py")
    return next(", ".join(names) for names in _together() if name in names)


def _together() -> list[list[str]]:
    found: dict[tuple[View, ...], list[str]] = {}
    for name, views in VIEWS.items():
        found.setdefault(views, []).append(name)
    return list(found.values())


def views() -> str:
    """The keys of each view."""
    return "\n".join(_section(names) for names in _together())


def _section(names: list[str]) -> str:
    parts = [f"### {', '.join(names)}\n"]
    for view in VIEWS[names[0]]:
        parts += [f"With {code(view.only)}:\n"] if view.only else []
        parts += [f"{view.whose}\n"] if view.whose else _tables(view)
    return "\n".join(parts)


def _tables(view: View) -> Iterator[str]:
    form = "One object a line. " if view.lines else ""
    yield f"{form}{inspect.getdoc(view.shape)}\n"
    variants: list[Variant] = []
    yield _table(keys(view.shape, variants=variants))
    for variant in variants:
        yield f"{code(variant.path)}{variant.distinguished}: {_small(variant.shape)}\n"
        yield _table(keys(variant.shape, f"{variant.path}.", variants=variants))


def _small(shape: Any) -> str:
    text = inspect.getdoc(shape) or ""
    return text[:1].lower() + text[1:]


def _table(found: Iterator[Key]) -> str:
    return table(("Key", "Type", "Meaning"), ((code(key.path), key.type, key.meaning) for key in found))


class Key(NamedTuple):
    """A key of a view: its path (``items[].name``), its type in words, its meaning."""

    path: str
    type: str
    meaning: str


class Variant(NamedTuple):
    """One of the objects that stand at a path, and the key by which it is told from the others."""

    path: str
    shape: Any

    @property
    def distinguished(self) -> str:
        told = [
            f" with {code(name)} {code(value)}"
            for name, field in shapes.fields(self.shape).items()
            for value in shapes.words(field.type)
        ]
        return "".join(told)


def keys(
    shape: Any, prefix: str = "", *, variants: list[Variant], within: Mapping[Any, str] | None = None
) -> Iterator[Key]:
    """The keys of a TypedDict and of all in it. Where several objects may stand, ``variants`` are told."""
    within = {**(within or {}), shape: prefix}
    for name, field in shapes.fields(shape).items():
        path = prefix + name
        inner, below = _inside(field.type, path)
        several = [hint for hint in inner if shapes.is_shape(hint)]
        meaning = field.meaning or ", ".join(map(code, shapes.words(field.type)))
        if len(several) == 1 and several[0] in within:
            meaning += f"; their keys are those of {code(within[several[0]].removesuffix('.'))}"
        yield Key(path, _type(field), meaning)
        if len(several) > 1:
            variants += [Variant(below, hint) for hint in several]
        elif several and several[0] not in within:
            yield from keys(several[0], f"{below}.", variants=variants, within=within)


def _inside(hint: Any, path: str) -> tuple[tuple[Any, ...], str]:
    """What stands below a key, and at which path."""
    for member in shapes.members(hint):
        if (item := shapes.item(member)) is not None:
            return shapes.members(item), f"{path}[]"
    return shapes.members(hint), path


_WORDS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "any"}


def _type(field: shapes.Field) -> str:
    found = list(dict.fromkeys(map(_word, shapes.members(field.type))))
    return " or ".join(found) + (", or absent" if field.optional else "")


def _word(hint: Any) -> str:
    item = shapes.item(hint)
    if shapes.words(hint):
        return "string"
    if item is not None:
        return "array of " + " or ".join(
            dict.fromkeys(f"{_word(member)}s" for member in shapes.members(item))
        )
    return _WORDS.get(hint, "object")
