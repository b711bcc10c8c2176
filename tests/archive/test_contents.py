"""What is in the archive, and whose it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.command_tree import commands
from scripts.man import name_of
from tests.lab.layout import CHECKOUT
from tests.unit.test_packaging import imported

pytestmark = pytest.mark.archive

_LARGEST = 40_000_000
_LOAD = """
import importlib, sys
lib, *names = sys.argv[1:]
# the interpreter is that of the archive's libpython; of this machine's packages it sees none
sys.path[:] = [lib, f"{lib}/python3.11/lib-dynload"]
from kubectl_kagent.cluster import lazy_imports
lazy_imports.load()
for name in names:
    importlib.import_module(name)
files = {getattr(module, "__file__", None) or lib for module in list(sys.modules.values())}
print(*sorted(file for file in files if not file.startswith(lib)), sep="\\n")
"""


def _components(unpacked: Path) -> list[dict[str, Any]]:
    bom = json.loads((unpacked / "sbom.cdx.json").read_text())
    return [bom["metadata"]["component"], *bom["components"]]


def test_it_is_small(archive: Path) -> None:
    assert archive.stat().st_size < _LARGEST


def test_its_entries_tell_nothing_of_the_machine_that_built_it(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    assert {(entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, "", "")}
    assert len({entry.mtime for entry in entries}) == 1
    assert {oct(entry.mode) for entry in entries} <= {"0o644", "0o755"}


def test_no_file_names_the_folder_it_was_built_in(unpacked: Path) -> None:
    here = str(CHECKOUT).encode()
    assert [path for path in unpacked.rglob("*") if path.is_file() and here in path.read_bytes()] == []


def test_whatever_a_verb_imports_is_in_it(unpacked: Path) -> None:
    """Those that a verb imports when it is called, too."""
    names = sorted(imported())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOAD, str(unpacked / "lib"), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    # what this interpreter had loaded of its own before it was told where to look
    own = [Path(line).relative_to(sysconfig.get_path("stdlib")) for line in done.stdout.split()]
    there = {str(path.relative_to(unpacked / "lib")) for path in unpacked.rglob("*.pyc")}
    assert [path for path in own if str(path.with_suffix(".pyc")) not in there] == []


def test_the_bill_of_materials_names_every_file_and_its_digest(unpacked: Path) -> None:
    named = {
        file["name"]: file["hashes"][0]["content"]
        for component in _components(unpacked)
        for file in component["components"]
    }
    there = {
        path.relative_to(unpacked).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in unpacked.rglob("*")
        if path.is_file() and path.name != "sbom.cdx.json"
    }
    assert named == there


def test_the_bill_of_materials_keeps_to_its_schema(archive: Path, unpacked: Path) -> None:
    text = (unpacked / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert Path(f"{archive}.cdx.json").read_text() == text


def test_every_package_has_its_licence_in_the_notices(unpacked: Path) -> None:
    notices = (unpacked / "THIRD_PARTY_NOTICES.txt").read_text()
    others = _components(unpacked)[1:]
    assert [
        f"{package['name']} {package['version']}"
        for package in others
        if f"\n{package['name']} {package['version']}\nLicence: " not in notices
    ] == []
    assert "(The package ships no licence text.)" not in notices
    assert (unpacked / "LICENSE").read_text() == (CHECKOUT / "LICENSE").read_text()


def test_it_has_a_man_page_for_every_verb(unpacked: Path) -> None:
    there = {path.name for path in (unpacked / "share" / "man" / "man1").iterdir()}
    assert there == {"kubectl-kagent.1", *(f"{name_of(node)}.1" for node in commands())}


def test_no_library_under_the_gpl_is_in_it(unpacked: Path) -> None:
    """Python's readline module would bring one. PyInstaller's loader has an exception for what it loads."""
    assert [path.name for path in unpacked.rglob("*readline*")] == []


def test_the_checksum_is_that_of_the_archive(archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert Path(f"{archive}.sha256").read_text() == f"{digest}  {archive.name}\n"
