"""YAML as kubectl reads it, by Go's sigs.k8s.io/yaml: YAML 1.1 with numbers of 1.2, made into JSON.

So ``y`` is true, ``0o17`` and ``1e3`` are numbers, and a date, ``1:30`` and ``=`` are texts. What has a tag
that nobody knows is read without it. What JSON does not have is refused, and what is mostly aliases.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.constructor import ConstructorError

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
_TAG = "tag:yaml.org,2002:"
MERGE = f"{_TAG}merge"  # the tag of the key ``<<``
_NULL = f"{_TAG}null"


def _spellings(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_WORDS: dict[str, Any] = {
    **dict.fromkeys(_spellings("y", "yes", "on", "true"), True),
    **dict.fromkeys(_spellings("n", "no", "off", "false"), False),
    **dict.fromkeys(["", "~", *_spellings("null")], None),
    **dict.fromkeys((sign + word for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"(?<![0-9a-zA-Z])0(?=[0-7])")  # as C has it
_KINDS: dict[str, tuple[type, ...]] = {
    f"{_TAG}bool": (bool,),
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
    _NULL: (type(None),),
}
_TAGS = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}
# go-yaml's: of so many values at most such a share may come from aliases; between the two it falls evenly
_SMALL, _LARGE = 400_000, 4_000_000
_OF_SMALL, _OF_LARGE = 0.99, 0.1


class Loader(_Safe):  # type: ignore[misc]  # one of two classes
    """For ``yaml.load`` and its kin. Keys are texts, as in JSON."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> Any:
        """The tag of what has none; of a scalar by what it looks like, unless it is quoted."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        return MERGE if value == "<<" else _TAG + _TAGS[type(_value(value))]

    def construct_document(self, node: Any) -> Any:
        """Raises ConstructorError for what ``check`` refuses."""
        check(node)
        return super().construct_document(node)

    def construct_mapping(self, node: Any, *, deep: bool = False) -> dict[str, Any]:
        """Not by way of a mapping with the keys as they are: for Python ``true`` and ``1`` are the same."""
        return {
            key(self.construct_object(name, deep=deep)): self.construct_object(value, deep=deep)
            for name, value in _with_merged(node)
        }


def _value(text: str) -> bool | int | float | str | None:
    """What a scalar without quotes means."""
    if text in _WORDS:
        found: bool | float | None = _WORDS[text]
        return found
    if text[:1] not in "+-.0123456789" or not text.isascii():
        return text
    digits = text.replace("_", "")
    try:
        number = int(_OCTAL.sub("0o", digits, count=1), 0)
        if -(2**63) <= number < 2**64:
            return number
    except ValueError:
        pass
    if _FLOAT.fullmatch(digits) and math.isfinite(found := float(digits)):
        return found
    return text


def check(document: Any) -> None:
    """Raise ConstructorError for a composed document that go-yaml refuses.

    That is one with a list, a mapping or null as a key, a merge of what is no mapping, an alias that contains
    itself, or more from aliases than is in proportion: a few lines can stand for more than any memory holds.
    """
    _Check(document).node(document, (0, 0), within=False)


_Place = tuple[int, int]  # in which node, and where in it


class _Check:
    """Counts as go-yaml does: each node each time that it is decoded, an alias beside what it stands for."""

    def __init__(self, document: Any) -> None:
        self._begin = document.start_mark
        self._decoded = 1  # the document itself
        self._from_aliases = 0
        self._homes: dict[int, _Place] = {}
        self._open: set[int] = set()

    def node(self, node: Any, place: _Place, *, within: bool) -> None:
        """``within`` an alias. libyaml's nodes are not marked: what was met in another place first is one."""
        self._count(within=within)
        if self._homes.setdefault(id(node), place) != place:
            if id(node) in self._open:
                raise ConstructorError(None, None, "an anchor's value contains itself", node.start_mark)
            within = True
            self._count(within=True)
        if isinstance(node, yaml.ScalarNode):
            return
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._pairs(node, within=within)
        else:
            for index, item in enumerate(node.value):
                self.node(item, (id(node), index), within=within)
        self._open.discard(id(node))

    def _pairs(self, node: Any, *, within: bool) -> None:
        for index, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                kind = "mapping" if isinstance(key, yaml.MappingNode) else "list"
                raise ConstructorError(None, None, f"a key is a {kind}", key.start_mark)
            if key.tag == _NULL:
                raise ConstructorError(None, None, "a key is null", key.start_mark)
            if key.tag == MERGE:
                _check_merged(key, value)
            else:
                self.node(key, (id(node), -1 - index), within=within)
            self.node(value, (id(node), index), within=within)

    def _count(self, *, within: bool) -> None:
        self._decoded += 1
        self._from_aliases += within
        if self._from_aliases <= 100 or self._decoded <= 1000:
            return
        beyond = min(max((self._decoded - _SMALL) / (_LARGE - _SMALL), 0.0), 1.0)
        if self._from_aliases / self._decoded > _OF_SMALL - (_OF_SMALL - _OF_LARGE) * beyond:
            raise ConstructorError(None, None, "document contains excessive aliasing", self._begin)


def _with_merged(node: Any) -> Iterator[tuple[Any, Any]]:
    """The keys and values of a mapping, those that are merged in their places: the last of a name counts."""
    for name, value in node.value:
        if name.tag == MERGE:
            for one in merged(value):
                yield from _with_merged(one)
        else:
            yield name, value


def merged(value: Any) -> list[Any]:
    """The mappings in the value of ``<<``, in the order in which go-yaml lets them count."""
    return value.value[::-1] if isinstance(value, yaml.SequenceNode) else [value]


def _check_merged(key: Any, value: Any) -> None:
    for one in merged(value):
        if not isinstance(one, yaml.MappingNode):
            why = "map merge requires map or sequence of maps as the value"
            raise ConstructorError(None, None, why, key.start_mark)


def _constructed(loader: Any, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_yaml_map(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_yaml_seq(node)
    return scalar(node)


def scalar(node: Any) -> bool | int | float | str | None:
    """The value of a scalar that ``Loader`` composed.

    Raises ConstructorError for one that is not what its tag says, and for a number that JSON has not.
    """
    if node.tag == f"{_TAG}binary":
        return _decoded(node)
    kinds = _KINDS.get(node.tag)
    if not kinds:
        return str(node.value)
    found = _value(node.value)
    if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
        raise ConstructorError(
            None, None, f"what is tagged !!{node.tag.removeprefix(_TAG)} is none", node.start_mark
        )
    if isinstance(found, float) and not math.isfinite(found):
        raise ConstructorError(None, None, f"JSON has no number {node.value}", node.start_mark)
    return found


Loader.yaml_constructors = {None: _constructed}


def _decoded(node: Any) -> str:
    try:
        return base64.b64decode("".join(node.value.split()), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise ConstructorError(None, None, "what is tagged !!binary is not base64", node.start_mark) from None


def key(name: Any) -> str:
    """What is no text as a key, as Go writes it into JSON."""
    if isinstance(name, bool):
        return str(name).lower()
    return f"{name:g}" if isinstance(name, float) else str(name)
