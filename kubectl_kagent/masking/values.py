"""Secrets in values: specs, arguments of tools, answers of servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.masking.innocent import MASKED, is_innocent, is_login
from kubectl_kagent.masking.names import is_secret_name
from kubectl_kagent.masking.text import masked, secrets_in

# What only says where a secret is: Kubernetes' and kagent's references to a Secret or a key in it.
_REFERENCE = {"name", "key", "namespace", "kind", "apiGroup", "type", "optional"}
_NAME_KEYS = ("name", "key", "header", "variable")


def masked_value(value: Any, name: str = "") -> Any:
    """A JSON value with the texts in it masked, and all that stands under the name of a secret."""
    return _masked(value, name, secret=is_secret_name(name))


def _masked(value: Any, name: str, *, secret: bool) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, secret=secret)
    if isinstance(value, list | tuple):
        return _items(value, name, secret=secret)
    if isinstance(value, str):
        if secret and not is_innocent(value):
            return MASKED
        return MASKED if name == "auth" and is_login(value) else masked(value)
    return MASKED if secret and value is not None and not isinstance(value, bool) else value


def _mapping(value: Mapping[Any, Any], *, secret: bool, is_secret: bool = False) -> dict[Any, Any]:
    """``is_secret``: it is a Secret, though it does not say so, as in a SecretList."""
    if "secretName" in value or value.keys() <= _REFERENCE:
        secret = False
    is_secret = is_secret or value.get("kind") == "Secret"
    is_list = value.get("kind") == "SecretList"
    entry = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "")
    found = {}
    for key, item in value.items():
        inner = secret or is_secret_name(str(key))
        inner = inner or (key == "value" and bool(entry) and is_secret_name(entry))
        inner = inner or (is_secret and key in ("data", "stringData"))
        if is_list and key == "items" and isinstance(item, list):
            found[key] = [
                _mapping(one, secret=inner, is_secret=True)
                if isinstance(one, Mapping)
                else _masked(one, str(key), secret=inner)
                for one in item
            ]
        else:
            found[key] = _masked(item, str(key), secret=inner)
    return found


def _items(values: list[Any] | tuple[Any, ...], name: str, *, secret: bool) -> list[Any]:
    """A list; in one of arguments, what follows a flag like ``--token`` is a secret."""
    found, before = [], None
    for value in values:
        flag = isinstance(before, str) and before.startswith("-") and "=" not in before
        after = flag and isinstance(value, str) and not value.startswith("-")
        found.append(_masked(value, name, secret=secret or (after and is_secret_name(str(before)))))
        before = value
    return found


def hidden(value: Any) -> Iterator[tuple[str, str, bool]]:
    """The texts that ``masked_value`` masks, where each stands, and whether it is all that stands there."""
    for path, text, shown in _differing(value, masked_value(value), ""):
        if isinstance(text, str) and shown == MASKED:
            yield path, text, True
        elif isinstance(text, str):
            yield from ((path, one, False) for one in secrets_in(text))


def literals(value: Any, path: str) -> Iterator[str]:
    """The paths of what ``masked_value`` masks: ``spec.env[API_KEY].value``, ``spec.args[2]``."""
    yield from (place for place, *_ in _differing(value, masked_value(value), path))


def _differing(value: Any, shown: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Each path with what stands there and what is shown of it."""
    if isinstance(value, Mapping):
        entry = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "")
        for key, item in value.items():
            here = f"{path}[{entry}]" if key == "value" and entry else path
            yield from _differing(item, shown[key], f"{here}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for place, (item, masked_item) in enumerate(zip(value, shown, strict=True)):
            index = "" if isinstance(item, Mapping) else f"[{place}]"
            yield from _differing(item, masked_item, f"{path}{index}")
    elif value != shown:
        yield path, value, shown


def masked_apart(old: Any, new: Any) -> tuple[Any, Any]:
    """Both masked; what differs only behind the mask says (before) and (after), as in kubectl diff."""
    return _apart(old, new, masked_value(old), masked_value(new))


def _apart(old: Any, new: Any, before: Any, after: Any) -> tuple[Any, Any]:
    if old == new:
        return before, after
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        pairs = {key: _apart(old[key], new[key], before[key], after[key]) for key in old.keys() & new.keys()}
        return (
            {key: pairs[key][0] if key in pairs else before[key] for key in before},
            {key: pairs[key][1] if key in pairs else after[key] for key in after},
        )
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        items = [_apart(*four) for four in zip(old, new, before, after, strict=True)]
        return [item[0] for item in items], [item[1] for item in items]
    if before == after:
        return _marked(before, "before"), _marked(after, "after")
    return before, after


def _marked(shown: Any, when: str) -> Any:
    return shown.replace(MASKED, f"{MASKED} ({when})") if isinstance(shown, str) else shown
