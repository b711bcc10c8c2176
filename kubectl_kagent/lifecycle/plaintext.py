"""Literal keys in a config: whoever may view a namespace may read its revisions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.model.revision import Snapshot

_SECRET_NAME = re.compile(r"(key|token|secret|passw|credential|authorization|cookie)", re.IGNORECASE)


def literal_secrets(snapshot: Snapshot) -> list[str]:
    """Paths of values that look like secrets by their name and stand in plain text."""
    found = list(_walk(snapshot.spec, "spec"))
    for source in snapshot.sources:
        reference = source.reference
        if reference.resource.kind != "ConfigMap" and source.content:
            label = reference.resource.label(reference.name)
            found += [f"{label} {path}" for path in _walk(source.content.get("spec"), "spec")]
    return found


def _walk(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        name, literal = value.get("name"), value.get("value")
        if isinstance(name, str) and isinstance(literal, str) and literal and _SECRET_NAME.search(name):
            yield f"{path}[{name}].value"  # an entry of env or headersFrom
            return
        for key, inner in value.items():
            if key in ("env", "defaultHeaders") and isinstance(inner, Mapping):
                yield from (f"{path}.{key}.{entry}" for entry in inner if _SECRET_NAME.search(str(entry)))
            else:
                yield from _walk(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path)


def plaintext_warning(paths: list[str]) -> str:
    """What to tell the user about ``paths``."""
    return (
        f"recorded with secrets in plain text: {', '.join(paths)}; whoever may view the namespace can read "
        "them in the revision. Use valueFrom with a Secret instead"
    )
