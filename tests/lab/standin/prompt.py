"""The part of Go's text/template that system messages use: fields, include, range, if, comments, trimming."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

from tests.lab.standin.sources import ReconcileError

_ACTION = re.compile(r"\{\{(- )?\s*(.*?)\s*( -)?\}\}", re.DOTALL)
_INCLUDE = re.compile(r'include\s+(?:"([^"]*)"|`([^`]*)`)')
_BLOCKS = ("range", "if")

Scope: TypeAlias = Mapping[str, Any]
Node: TypeAlias = Callable[[Scope, Any], str]


def execute(template: str, context: Scope, included: Mapping[str, str]) -> str:
    """The message with the agent's own names and the prompt sources filled in."""
    tokens = _tokens(template)
    nodes, stopped_at = _parse(tokens, included)
    if stopped_at:
        _refuse(f"unexpected {{{{{stopped_at}}}}}")
    return _join(nodes)(context, context)


def _refuse(why: str) -> NoReturn:
    raise ReconcileError(f"failed to parse system message template: {why}")


def _tokens(template: str) -> list[tuple[bool, str]]:
    """(is an action, text) from the last to the first, so that the parser can pop them."""
    tokens: list[tuple[bool, str]] = []
    position, trim_next = 0, False
    for match in _ACTION.finditer(template):
        text = template[position : match.start()]
        text = text.lstrip() if trim_next else text
        tokens.append((False, text.rstrip() if match.group(1) else text))
        tokens.append((True, match.group(2)))
        position, trim_next = match.end(), bool(match.group(3))
    rest = template[position:]
    if "{{" in rest:
        _refuse("unclosed action")
    tokens.append((False, rest.lstrip() if trim_next else rest))
    return tokens[::-1]


def _parse(tokens: list[tuple[bool, str]], included: Mapping[str, str]) -> tuple[list[Node], str]:
    """The nodes up to the end of this block, and the word (`end`, `else`) that ended it."""
    nodes: list[Node] = []
    while tokens:
        is_action, text = tokens.pop()
        word, _, argument = text.partition(" ")
        if not is_action:
            nodes.append(_literal(text))
        elif text in ("end", "else"):
            return nodes, text
        elif word in _BLOCKS:
            nodes.append(_block(word, argument.strip(), tokens, included))
        elif not (text.startswith("/*") and text.endswith("*/")):
            nodes.append(_action(text, included))
    return nodes, ""


def _literal(text: str) -> Node:
    return lambda context, dot: text


def _join(nodes: list[Node]) -> Node:
    return lambda context, dot: "".join(node(context, dot) for node in nodes)


def _block(word: str, argument: str, tokens: list[tuple[bool, str]], included: Mapping[str, str]) -> Node:
    body, stopped_at = _parse(tokens, included)
    otherwise: list[Node] = []
    if stopped_at == "else":
        otherwise, stopped_at = _parse(tokens, included)
    if stopped_at != "end":
        _refuse("unexpected EOF")
    inside, outside = _join(body), _join(otherwise)

    def run(context: Scope, dot: Any) -> str:
        value = _value(argument, context, dot)
        if not value:
            return outside(context, dot)
        if word == "if":
            return inside(context, dot)
        return "".join(inside(context, item) for item in value)

    return run


def _action(text: str, included: Mapping[str, str]) -> Node:
    include = _INCLUDE.fullmatch(text)
    if include:
        path = include.group(1) or include.group(2) or ""
        return _literal(_included(path, included))
    if not (text.startswith(".") or text.startswith("$.")):
        _refuse(f"the stand-in controller does not know the action {{{{{text}}}}}")
    return lambda context, dot: _text(_value(text, context, dot))


def _included(path: str, included: Mapping[str, str]) -> str:
    if path not in included:
        available = " ".join(sorted(included))
        raise ReconcileError(
            "failed to execute system message template: "
            f'prompt template "{path}" not found in promptSources, available: [{available}]'
        )
    return included[path]


def _value(expression: str, context: Scope, dot: Any) -> Any:
    if expression == ".":
        return dot
    scope = context if expression.startswith("$") else dot
    name = expression.lstrip("$").removeprefix(".")
    if not isinstance(scope, Mapping) or name not in scope:
        raise ReconcileError(f"failed to execute system message template: can't evaluate field {name}")
    return scope[name]


def _text(value: Any) -> str:
    return "[" + " ".join(value) + "]" if isinstance(value, list) else str(value)
