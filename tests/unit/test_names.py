"""One name, one thing: whoever greps for a class finds one."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import kubectl_kagent

PACKAGE = Path(kubectl_kagent.__file__).parent


def test_no_class_name_is_used_twice() -> None:
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(places) > 150
    assert {name: found for name, found in places.items() if len(found) > 1 and name[0] != "_"} == {}


# Words that say nothing of what they name; and where one is Kubernetes' own: the data of a Secret, of a
# ControllerRevision and of a kubeconfig, the reason NotFound.
VAGUE = frozenset({"data", "found", "moment", "moments", "news", "patience", "said", "told", "words"})
KUBERNETES_OWN = {
    "Entry.data",
    "ConfigSource.to_data",
    "ConfigSource.from_data",
    "secret_data",
    "NotFound",
    "not_found",
}


def test_no_public_name_is_a_word_for_anything() -> None:
    vague = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        names = [*_public(ast.parse(path.read_text()).body), path.stem]
        vague |= {name for name in names if VAGUE & set(_words(name))}
    assert vague == KUBERNETES_OWN


def _public(body: list[ast.stmt], within: str = "") -> Iterator[str]:
    """Modules' functions, classes and constants, and the fields and methods of public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (f"{within}{name}" for name in names if name[0] != "_")
        if isinstance(node, ast.ClassDef) and node.name[0] != "_":
            yield from _public(node.body, f"{node.name}.")


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition(".")[2]).lower().split("_")
