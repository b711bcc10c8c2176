"""kubectl's JSONPath templates: text with {expressions}, {range}...{end} and quoted strings.

The expressions themselves are jsonpath-ng's; kubectl writes some of them in another way (a leading
``$`` may be missing, a dot inside a key is ``\\.``), and those are rewritten first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kubectl_kagent.errors import KagentError, UsageError

_PIECE = re.compile(r"\{((?:[^{}\"']|\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*')*)\}|([^{]+)")


def check(template: str) -> None:
    """Raises UsageError for a template that does not parse, also inside a {range} that goes over nothing."""
    evaluate(template, {})
    for piece in _pieces(template):
        action = (piece.group(1) or "").strip()
        if action != "end" and action[:1] not in ("'", '"'):
            find_values(action.removeprefix("range "), {})


def evaluate(template: str, root: Any) -> str:
    """The text of ``template`` over ``root``.

    Raises UsageError when it does not parse, KagentError when it can't be applied to what is there.
    """
    text, rest = _run(iter(_pieces(template)), root, inside=False)
    if rest:
        raise UsageError("the jsonpath template has an {end} without a {range}")
    return text


def _pieces(template: str) -> list[re.Match[str]]:
    """The actions and the texts between them."""
    pieces = []
    position = 0
    while position < len(template):
        match = _PIECE.match(template, position)
        if match is None:
            raise UsageError(f"unclosed action in the jsonpath template: {template[position:][:40]}")
        pieces.append(match)
        position = match.end()
    return pieces


def _run(pieces: Iterator[re.Match[str]], node: Any, *, inside: bool) -> tuple[str, bool]:
    """Text up to the end of the template or of the range, and whether an {end} stopped it."""
    out = []
    for piece in pieces:
        action, literal = piece.group(1), piece.group(2)
        if literal is not None:
            out.append(literal)
            continue
        action = action.strip()
        if action == "end":
            return "".join(out), True
        if action.startswith("range "):
            body = _body(pieces)
            for item in find_values(action.removeprefix("range "), node):
                out.append(_run(iter(body), item, inside=True)[0])
        elif action[:1] in "\"'" and action:
            out.append(_unescaped(action[1:-1]))
        else:
            out.append(" ".join(map(_text, find_values(action, node))))
    return "".join(out), False


def _body(pieces: Iterator[re.Match[str]]) -> list[re.Match[str]]:
    """The pieces up to the {end} that belongs to the range just opened."""
    body: list[re.Match[str]] = []
    depth = 1
    for piece in pieces:
        action = (piece.group(1) or "").strip()
        depth += action.startswith("range ") - (action == "end")
        if not depth:
            return body
        body.append(piece)
    raise UsageError("the jsonpath template has a {range} without an {end}")


def find_values(expression: str, node: Any) -> list[Any]:
    """The values that a kubectl JSONPath expression finds in ``node``. Raises as ``evaluate`` does."""
    from jsonpath_ng.ext.parser import parse

    try:
        path = parse(_translated(expression))
    except Exception as error:  # lexer and parser errors share no base class
        raise UsageError(f'"{expression}" is not a JSONPath expression: {error}') from error
    try:
        return [match.value for match in path.find(node)]
    except Exception as error:  # whatever Python says of values that can't be sorted or matched
        raise KagentError(f'the JSONPath expression "{expression}" can\'t be applied: {error}') from error


# A quoted string, which stays as it is, or a key after a dot.
_KEY = re.compile(r"""('[^']*'|"[^"]*")|\.((?:[\w/-]|\\.)+)""")


def _translated(expression: str) -> str:
    text = expression.strip().removeprefix("{").removesuffix("}")
    text = _KEY.sub(_bracketed, re.sub(r"^[$@]", "", text))
    if not text or text == ".":
        return "$"
    return "$" + (text if text[0] in ".[" else "." + text)


def _bracketed(match: re.Match[str]) -> str:
    quoted, key = match.groups()
    if quoted:
        return str(quoted).replace("\\.", ".")
    return f"['{key.replace(chr(92), '')}']" if re.search(r"[\\/-]", key) else match.group(0)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group(1)), text)


def _text(value: Any) -> str:
    """As kubectl prints it: a string bare, the rest as Go's JSON (sorted keys, ``<>&`` escaped)."""
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match.group()):04x}", text)
