"""Whose each file of the archive is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from kubectl_kagent import __version__
from scripts.archive.locked import BUNDLE, ROOT, distributions, owner_of_file


@dataclass(frozen=True, order=True)
class Package:
    """Something that others publish, and files of which are in the archive."""

    name: str
    version: str
    purl: str
    licence: str  # as the package says it: an SPDX expression or its own words
    texts: tuple[str, ...]  # of its licences and notices; none when it ships none


class Unowned(Exception):
    """Files in the archive of which nobody knows whose they are."""


OURS = Package(
    "kubectl-kagent",
    __version__,
    f"pkg:pypi/kubectl-kagent@{__version__}",
    "Apache-2.0",
    ((ROOT / "LICENSE").read_text(),),
)
NOT_SAID = "see its notice"
_CLASSIFIER = "License :: OSI Approved :: "
_TEXT = re.compile(r"(^|/)(licen[cs]es?|copying|notice|authors?)([-._][^/]*)?$", re.IGNORECASE)


def owners(tree: Path, binaries: Path) -> dict[str, Package]:
    """Each path below ``tree`` and its package, sorted; ``binaries`` is what archive.spec wrote down.

    Raises Unowned.
    """
    sources = {target.replace("\\", "/"): Path(source) for target, source in json.loads(binaries.read_text())}
    copied = {sources.get(path.removeprefix("lib/")) for path in _files(tree)}
    packaged = _debian(source for source in copied if source)
    found, unknown = {}, []
    for path in _files(tree):
        inner = path.removeprefix("lib/")
        package = _owner(inner) or _of_binary(sources.get(inner), packaged)
        if package:
            found[path] = package
        else:
            unknown.append(path)
    if unknown:
        raise Unowned(f"nobody knows whose these files are: {', '.join(unknown)}")
    return found


def _files(tree: Path) -> list[str]:
    return sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir())


def _owner(path: str) -> Package | None:
    """Of a path in lib/, by its name alone."""
    if path in {"kubectl-kagent", "kubectl-kagent.exe"}:
        return of_distribution(distribution("pyinstaller"))  # its bootloader, and program.py
    if path.startswith(("kubectl_kagent/", *(f"{target}/" for target in BUNDLE.values()))):
        return OURS
    source = re.sub(r"\.pyc$", ".py", path)
    name = owner_of_file().get(source)
    if name:
        return of_distribution(distributions()[name])
    if path.startswith(f"python3.{sys.version_info.minor}/lib-dynload/"):
        return python()
    if re.split(r"[/.]", path)[0] in sys.stdlib_module_names or path.startswith("_sysconfigdata_"):
        return python()
    return None


def _of_binary(source: Path | None, packaged: Mapping[Path, Package]) -> Package | None:
    """Of a shared library, by where it was copied from."""
    if source is None:
        return None
    if source in packaged:
        return packaged[source]
    prefixes = (sys.base_prefix, sysconfig.get_path("stdlib"))
    return python() if any(source.is_relative_to(prefix) for prefix in prefixes) else None


def python() -> Package:
    """The interpreter and its standard library."""
    version = sys.version.split()[0]
    licence = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    texts = (licence.read_text(),) if licence.exists() else ()
    return Package("Python", version, f"pkg:generic/python@{version}", "PSF-2.0", texts)


def of_distribution(installed: Distribution) -> Package:
    """What its metadata say."""
    metadata = installed.metadata
    classified = [
        value.removeprefix(_CLASSIFIER)
        for value in metadata.get_all("Classifier", ())
        if value.startswith(_CLASSIFIER)
    ]
    said = [
        *metadata.get_all("License-Expression", ()),
        "; ".join(classified),
        *metadata.get_all("License", ()),
    ]
    licence = next((text for text in said if text), NOT_SAID)
    name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
    texts = [
        Path(str(file.locate())).read_text(errors="replace")
        for file in installed.files or ()
        if ".dist-info/" in file.as_posix() and _TEXT.search(file.as_posix())
    ]
    version = installed.version
    return Package(name, version, f"pkg:pypi/{name}@{version}", licence.splitlines()[0], tuple(texts))


def _debian(files: Iterable[Path]) -> dict[Path, Package]:
    """Of files that Debian or Ubuntu installed; the library in /lib is known to dpkg as /usr/lib or so."""
    found: dict[Path, Package] = {}
    if not Path("/var/lib/dpkg/status").exists():
        return found
    for file in files:
        for name in (file, file.resolve(), Path(f"/usr{file}")):
            said = subprocess.run(["dpkg", "-S", str(name)], capture_output=True, text=True, check=False)
            if said.returncode == 0:
                found[file] = _debian_package(said.stdout.partition(": ")[0].split(",")[0])
                break
    return found


def _debian_package(name: str) -> Package:
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}", name]
    bare, version, architecture = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    notice = Path("/usr/share/doc") / bare / "copyright"
    texts = (notice.read_text(errors="replace"),) if notice.exists() else ()
    purl = f"pkg:deb/debian/{bare}@{version}?arch={architecture}"
    return Package(bare, version, purl, NOT_SAID, texts)
