"""Files of YAML or JSON, read as kubectl reads them, with the line of each value. Pure.

A document that can't be read is a problem of its own, and the others are read all the same.
"""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from kubectl_kagent.cluster import go_yaml
from kubectl_kagent.lint.faults import Path

LARGEST = 8 << 20  # bytes of a file; etcd keeps objects of up to 1.5 MiB
_MOST = 200_000  # values of a document; an alias counts as all that it stands for
_SEPARATOR = re.compile(r"^---(?P<rest>.*)\n?", re.MULTILINE)
_JSON_SPACE = re.compile(r"\s*")
# JSON's pair of escapes for one letter; any other escape is passed by, a backslash of its own too.
_PAIR = re.compile(r"\\(?:(u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w)|.)", re.DOTALL)
COMMENT = re.compile(r"#[ \t]*kagent-lint:(?=(?P<text>[^\r\n]*))")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document could not be read, or not be read as it is meant; ``rule`` is the finding's."""

    line: int
    text: str
    rule: str = "unreadable"


@dataclass(frozen=True, slots=True)
class Comment:
    """What stands behind ``# kagent-lint:``, and whether there is nothing else in the line."""

    line: int
    text: str
    alone: bool


@dataclass(slots=True)
class Document:
    """A value with the line of each key and item in it, from 1; problems and comments beside it."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    texts: list[tuple[int, int]] = field(default_factory=list)  # where scalars begin and end


def documents(data: bytes) -> Iterator[Document]:
    """Every document of a file; an empty one is left out."""
    if len(data) > LARGEST:
        yield Document(problems=[Problem(1, f"is larger than {LARGEST >> 20} MiB: it was not read")])
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        yield Document(problems=[Problem(line, "is not UTF-8: it was not read")])
        return
    yield from _separators(text)
    for part, before in _parts(text):
        found = _read(part, before)
        if found.value is not None or found.problems or found.comments:
            yield found


def _separators(text: str) -> Iterator[Document]:
    """Those that kubectl refuses.

    YAMLReader of k8s.io/apimachinery takes each line for one that begins so, and only a comment behind it.
    """
    line, counted = 1, 0
    for match in _SEPARATOR.finditer(text):
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        rest = match["rest"].strip()
        if rest and not rest.startswith("#"):
            yield Document(problems=[Problem(line, "is refused by kubectl: something stands behind ---")])


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """Each document, and how many lines stand before it."""
    start = before = 0
    for match in chain(_SEPARATOR.finditer(text), [None]):
        part = text[start : match.start() if match else len(text)]
        yield from _json_parts(part, before) if part.lstrip().startswith("{") else [(part, before)]
        if match:
            before += text.count("\n", start, match.end())
            start = match.end()


def _json_parts(text: str, before: int) -> Iterator[tuple[str, int]]:
    """JSON objects one after the other. JSON has tabs outside of texts only, where YAML may have none."""
    spaced = _PAIR.sub(
        lambda pair: json.loads(f'"{pair[0]}"') if pair[1] else pair[0], text.replace("\t", " ")
    )
    position = 0
    while position < len(spaced):
        try:
            _, end = json.JSONDecoder(strict=False).raw_decode(spaced, _space(spaced, position))
        except (ValueError, RecursionError):
            end = len(spaced)
        yield spaced[position:end], before
        before += spaced.count("\n", position, end)
        position = end
        if _space(spaced, position) == len(spaced):
            return


def _space(text: str, position: int) -> int:
    match = _JSON_SPACE.match(text, position)
    return match.end() if match else position


def _read(text: str, before: int) -> Document:
    document = Document()
    try:
        node = yaml.compose(text, Loader=go_yaml.Loader)
        if node is not None:
            go_yaml.check(node)
            document.value = _Values(document, before).value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = before + (mark.line if mark else 0) + 1
        told = " ".join(filter(None, (error.context, error.problem)))
        what = "is refused by kubectl" if isinstance(error, ConstructorError) else "is not YAML"
        return Document(problems=[Problem(line, f"{what}: {told}")])
    except yaml.reader.ReaderError as error:
        line = before + text.count("\n", 0, error.position) + 1
        return Document(problems=[Problem(line, "is not text: it has a character that YAML does not allow")])
    except RecursionError:
        return Document(problems=[Problem(before + 1, "is nested too deeply to be read")])
    except _Refused as error:
        return Document(problems=[Problem(error.line, error.text)])
    document.comments = list(_comments(text, before, document.texts))
    return document


def _comments(text: str, before: int, texts: list[tuple[int, int]]) -> Iterator[Comment]:
    texts.sort()
    line, counted = before + 1, 0
    for match in COMMENT.finditer(text):
        at = match.start()
        place = bisect(texts, (at, len(text)))
        if place and at < texts[place - 1][1]:
            continue
        line += text.count("\n", counted, at)
        counted = at
        begin = text.rfind("\n", 0, at) + 1
        yield Comment(line, match["text"], alone=not text[begin:at].strip())


class _Refused(Exception):
    """A document that is not read on."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class _Values:
    """Values of nodes; what is wrong with keys is told to the document."""

    def __init__(self, document: Document, before: int) -> None:
        self.document = document
        self.before = before
        self.count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        line = self.line(node)
        self.document.lines.setdefault(path, line)
        if self.count > _MOST:
            raise _Refused(line, f"has more than {_MOST:,} values, with all that its aliases stand for")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.mapping(node, path)

    def item(self, node: yaml.Node, path: Path) -> Any:
        self.document.lines[path] = self.line(node)
        return self.value(node, path)

    def line(self, node: yaml.Node) -> int:
        return self.before + int(node.start_mark.line) + 1

    def scalar(self, node: yaml.ScalarNode) -> Any:
        self.document.texts.append((node.start_mark.index, node.end_mark.index))
        return go_yaml.scalar(node)

    def mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        written = set[str]()
        for key_node, value_node in node.value:
            key = self.scalar(key_node)
            if key_node.tag == go_yaml.MERGE:
                for one in go_yaml.merged(value_node):
                    found |= self.value(one, path)
                continue
            name = go_yaml.key(key)
            if name in written:
                text = f"{name} is there twice: only the last one counts"
                self.document.problems.append(Problem(self.line(key_node), text, "duplicate-key"))
            written.add(name)
            self.document.lines[(*path, name)] = self.line(key_node)
            found[name] = self.value(value_node, (*path, name))
        return found


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of what is at ``path``, or of what it would stand in."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
