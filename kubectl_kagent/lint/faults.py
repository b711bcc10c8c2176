"""What is wrong at a place of an object."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]

SCHEMA = "schema"
UNKNOWN = "unknown-field"
RULE = "validation-rule"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the value at ``path``. With one that ``blocks``, no CEL rule is judged."""

    path: Path
    text: str
    kind: str = SCHEMA
    blocks: bool = False


def spelled(path: Path) -> str:
    """As the API server writes it: ``spec.tools[0].type``."""
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return words.removeprefix(".")
