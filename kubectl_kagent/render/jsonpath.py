"""kubectl's JSONPath templates: text with {expressions}, {range}...{end} and quoted strings.

The expressions are parsed by jsonpath-ng; kubectl writes some of them in another way (a leading ``$`` may be
missing, a dot inside a key is ``\\.``), and those are rewritten first. What they find is kubectl's: each step
is taken of all values before the next one, and an index that a list does not have is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kubectl_kagent.errors import KagentError, UsageError

if TYPE_CHECKING:
    from jsonpath_ng.jsonpath import JSONPath

_PIECE = re.compile(r"\{((?:[^{}\"']|\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*')*)\}|([^{]+)")


def check(template: str) -> None:
    """Raises UsageError for a template that does not parse, also inside a {range} that goes over nothing."""
    evaluate(template, {})
    for piece in _pieces(template):
        action = (piece.group(1) or "").strip()
        if action != "end" and action[:1] not in ("'", '"'):
            find_values(action.removeprefix("range "), {})


def evaluate(template: str, root: Any, *, as_json: bool = False) -> str:
    """The text of ``template`` over ``root``; ``as_json`` gives an array of JSON for each piece of it.

    Raises UsageError when it does not parse, KagentError when it can't be applied to what is there.
    """
    text, rest = _run(iter(_pieces(template)), root, _array if as_json else _texts)
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


def _run(pieces: Iterator[re.Match[str]], node: Any, shown: Callable[[list[Any]], str]) -> tuple[str, bool]:
    """Text up to the end of the template or of the range, and whether an {end} stopped it."""
    out = []
    for piece in pieces:
        action, literal = piece.group(1), piece.group(2)
        if literal is not None:
            out.append(shown([literal]))
            continue
        action = action.strip()
        if action == "end":
            return "".join(out), True
        if action.startswith("range "):
            body = _body(pieces)
            for item in find_values(action.removeprefix("range "), node):
                out.append(_run(iter(body), item, shown)[0])
        elif action[:1] in "\"'" and action:
            out.append(shown([_unescaped(action[1:-1])]))
        else:
            out.append(shown(find_values(action, node)))
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
        return _found(path, [node])
    except Exception as error:  # whatever Python says of values that can't be sorted or matched
        raise KagentError(f'the JSONPath expression "{expression}" can\'t be applied: {error}') from error


def _found(path: JSONPath, values: list[Any]) -> list[Any]:
    from jsonpath_ng import jsonpath as steps

    match path:
        case steps.Child():
            return _found(path.right, _found(path.left, values))
        case steps.Fields(fields=fields) if "*" not in fields:
            owners = [value for value in values if isinstance(value, Mapping)]
            return [owner[field] for field in fields for owner in owners if field in owner]
        case steps.Index(indices=indices):
            return [_item(value, index) for index in indices for value in values if isinstance(value, list)]
        case steps.Slice():
            return [
                item
                for value in values
                if isinstance(value, list)
                for item in _slice(value, path.start, path.end, path.step)
            ]
        case _:
            return [match.value for value in values for match in path.find(value)]


def _item(items: list[Any], index: int) -> Any:
    place = index + len(items) if index < 0 else index
    if not 0 <= place < len(items):
        raise IndexError(f"array index out of bounds: index {place}, length {len(items)}")
    return items[place]


def _slice(items: list[Any], start: int | None, end: int | None, step: int | None) -> list[Any]:
    """As kubectl bounds them: an empty one may be anywhere."""
    length = len(items)
    first, last = start or 0, length if end is None else end
    first, last = first + length * (first < 0), last + length * (last < 0)
    if first != last:
        for place, fits in ((first, 0 <= first < length), (last - 1, 0 <= last <= length)):
            if not fits:
                raise IndexError(f"array index out of bounds: index {place}, length {length}")
        if first > last:
            raise IndexError(f"starting index {first} is greater than ending index {last}")
    return items[first:last:step]


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


def _texts(values: list[Any]) -> str:
    """As kubectl prints them: a string bare, the rest as JSON."""
    return " ".join(value if isinstance(value, str) else _json(value) for value in values)


def _array(values: list[Any]) -> str:
    return _json(values, indent=4) + "\n"


def _json(value: Any, indent: int | None = None) -> str:
    """Go's JSON: sorted keys, ``<>&`` escaped."""
    apart = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, indent=indent, ensure_ascii=False, separators=apart, sort_keys=True, default=str)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match.group()):04x}", text)
