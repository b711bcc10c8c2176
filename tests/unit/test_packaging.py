"""What the package needs is declared, bounded, and locked with hashes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.lab.layout import CHECKOUT
from tests.working_copy import WorkingCopy

ROOT = CHECKOUT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> dict[str, str]:
    """Each dependency's bounds, by name."""
    found = [
        re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?(.*)", text) for text in PROJECT["project"]["dependencies"]
    ]
    return {canonical(match[1]): match[2] for match in found if match}


def imported() -> set[str]:
    """The modules of others that the package imports, anywhere in it."""
    names = set()
    for path in (ROOT / "kubectl_kagent").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    ours = {"kubectl_kagent", "__future__", *sys.stdlib_module_names}
    return {name for name in names if name.partition(".")[0] not in ours}


def test_whatever_is_imported_is_declared() -> None:
    known = declared()
    whose = packages_distributions()
    missing = {
        module
        for module in imported()
        if not {canonical(name) for name in whose.get(module.partition(".")[0], ())} & known.keys()
    }
    assert missing == set()


def test_no_dependency_may_move_to_its_next_major_release_unseen() -> None:
    assert {name for name, bounds in declared().items() if "<" not in bounds} == set()


def test_of_kubernetes_the_one_major_release_that_is_tested_will_do() -> None:
    """Its inner parts, which we use, are others in each."""
    [major] = re.findall(r"^kubernetes==(\d+)\.", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert declared()["kubernetes"] == f">={major},<{int(major) + 1}"


def test_the_lock_has_every_dependency_with_hashes() -> None:
    text = (ROOT / "requirements-dev.txt").read_text()
    locked = {canonical(name) for name in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", text, re.MULTILINE)}
    groups = PROJECT["dependency-groups"]
    wanted = {*declared()} | {
        canonical(re.split(r"[<>=\[]", item)[0])
        for group in groups.values()
        for item in group
        if isinstance(item, str)
    }
    assert wanted - locked == set()
    for entry in re.split(r"\n(?=[\w])", text):
        assert "--hash=sha256:" in entry, entry.partition("\n")[0]


def test_the_image_has_what_the_package_needs_in_the_versions_of_the_lock() -> None:
    def pins(name: str) -> set[str]:
        return {*re.findall(r"^([\w.-]+(?:\[[\w,]+\])?==\S+)", (ROOT / name).read_text(), re.MULTILINE)}

    runtime = pins("requirements.txt")
    assert runtime - pins("requirements-dev.txt") == set()
    assert {*declared()} - {canonical(re.split(r"[\[=]", pin)[0]) for pin in runtime} == set()
    entries = re.split(r"\n(?=\w)", (ROOT / "requirements.txt").read_text())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files."""
    place = tmp_path_factory.mktemp("wheel")
    code, told = WorkingCopy(place / "copy").python(
        "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)
    )
    assert code == 0, told
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "unpacked")
    return place / "unpacked"


def _observe(place: Path, *words: str) -> tuple[str, str]:
    """What is printed by the package that is there."""
    command = [sys.executable, "-m", "kubectl_kagent", "observe", *words]
    environment = {**os.environ, "PYTHONPATH": str(place)}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_the_wheel_has_the_bundle_of_the_checkout(unpacked: Path) -> None:
    included = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for source, target in included.items():
        theirs = {path.relative_to(unpacked / target) for path in (unpacked / target).rglob("*.*")}
        assert theirs == {path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*.*")}


@pytest.mark.parametrize("flavour", ["--plain", "--operator"])
def test_an_installed_package_exports_what_the_checkout_exports(unpacked: Path, flavour: str) -> None:
    exported = _observe(unpacked, "export", flavour)
    assert (exported, "kind: Namespace" in exported[0]) == (_observe(ROOT, "export", flavour), True)
