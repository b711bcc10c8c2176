"""One name, one thing: whoever greps for a class finds one."""

from __future__ import annotations

import ast
import builtins
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import kubectl_kagent

PACKAGE = Path(kubectl_kagent.__file__).parent


def test_no_class_name_is_used_twice() -> None:
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
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


def test_what_docstrings_say_is_raised_is_there() -> None:
    trees = [ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    known = {node.name for node in nodes if isinstance(node, ast.ClassDef)} | {*dir(builtins)}
    known |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    told = {name for node in nodes for name in _raised(node)}
    assert len(told) > 20
    assert told - known == set()


def _raised(node: ast.AST) -> Iterator[str]:
    """The errors that a docstring names: ``Raises A``, ``Raises A, B or C``, ``Raises A, or B when ...``."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        for names in re.findall(
            r"[Rr]aises? ([A-Z]\w+(?:,? (?:or )?[A-Z]\w+)*)", ast.get_docstring(node) or ""
        ):
            yield from re.findall(r"[A-Z]\w+", names)


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
