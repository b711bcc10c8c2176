"""One name, one thing: whoever greps for a class finds one."""

from __future__ import annotations

import ast
from collections import defaultdict
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
