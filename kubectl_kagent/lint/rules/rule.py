"""What a rule is, and what it raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kubectl_kagent.lint.faults import Path
from kubectl_kagent.lint.findings import NotJudged
from kubectl_kagent.lint.manifests import Manifest, Manifests


@dataclass(frozen=True, slots=True)
class Raised:
    """Something wrong at ``path`` of an object."""

    manifest: Manifest
    path: Path
    text: str


Judged = Iterator[Raised | NotJudged]


@dataclass(frozen=True, slots=True)
class LintRule:
    """``what`` it finds and ``why`` that is wrong, for its page. Reading and the schema have no ``judge``."""

    id: str
    severity: str
    what: str
    why: str
    judge: Callable[[Manifests], Judged] | None = None
