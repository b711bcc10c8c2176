"""YAML as kubectl reads it, by Go's sigs.k8s.io/yaml: YAML 1.1 with numbers of 1.2, made into JSON.

So ``y`` is true, ``0o17`` and ``1e3`` are numbers, and a date, ``1:30`` and ``=`` are texts. What has a tag
that nobody knows is read without it.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


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
    f"{_TAG}null": (type(None),),
}
_TAGS = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}


class Loader(_Safe):  # type: ignore[misc]  # one of two classes
    """For ``yaml.load`` and its kin. Keys are texts, as in JSON."""

    def resolve(self, kind: type, value: Any, implicit: Any) -> Any:
        """The tag of what has none; of a scalar by what it looks like, unless it is quoted."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        return _MERGE if value == "<<" else _TAG + _TAGS[type(_value(value))]

    def construct_mapping(self, node: Any, **deep: bool) -> dict[str, Any]:
        """Raises ConstructorError for a key that is null, a list or a mapping."""
        found = super().construct_mapping(node, **deep)
        if None in found:
            raise ConstructorError(None, None, "a key is null", node.start_mark)
        return {_key(name): value for name, value in found.items()}


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


def _constructed(loader: Any, node: Any) -> Any:
    """Raises ConstructorError for a scalar that is not what its tag says."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_yaml_map(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_yaml_seq(node)
    if node.tag == f"{_TAG}binary":
        return _decoded(node)
    kinds = _KINDS.get(node.tag)
    if not kinds:
        return node.value
    found = _value(node.value)
    if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
        raise ConstructorError(
            None, None, f"what is tagged !!{node.tag.removeprefix(_TAG)} is none", node.start_mark
        )
    return found


Loader.yaml_constructors = {None: _constructed}


def _decoded(node: Any) -> str:
    try:
        return base64.b64decode("".join(node.value.split()), validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise ConstructorError(None, None, "what is tagged !!binary is not base64", node.start_mark) from None


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return str(name).lower()
    return f"{name:g}" if isinstance(name, float) else str(name)
