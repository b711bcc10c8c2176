"""The distributions that the archive is made of: those of requirements.txt, in just these versions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
# What observe installs, as in the wheel: folder of the checkout -> folder of the archive.
BUNDLE: Mapping[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
    "targets"
]["wheel"]["force-include"]

_ABOUT_THE_INSTALLATION = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
_PINNED = re.compile(r"^([a-z0-9].*?) *\\$", re.MULTILINE | re.IGNORECASE)


class NotLocked(Exception):
    """What is installed is not what requirements.txt says."""


@cache
def distributions() -> Mapping[str, Distribution]:
    """By canonical name. Raises NotLocked when one is missing or of another version."""
    pins = [Requirement(line) for line in _PINNED.findall((ROOT / "requirements.txt").read_text())]
    found: dict[str, Distribution] = {}
    for pin in pins:
        if pin.marker and not pin.marker.evaluate():
            continue
        try:
            installed = distribution(pin.name)
        except PackageNotFoundError as error:
            raise NotLocked(f"{pin} is not installed: make venv") from error
        if not pin.specifier.contains(installed.version, prereleases=True):
            raise NotLocked(f"{pin} is wanted, {installed.version} is installed: make venv")
        found[canonicalize_name(pin.name)] = installed
    return found


def others_modules() -> list[str]:
    """The top-level modules of distributions that are installed here for other purposes."""
    ours = {*distributions(), "kubectl-kagent"}
    return sorted(
        module
        for module, names in packages_distributions().items()
        if module.isidentifier() and not ours & {canonicalize_name(name) for name in names}
    )


@cache
def owner_of_file() -> Mapping[str, str]:
    """Each installed file (a path below site-packages) -> the canonical name of its distribution."""
    return {
        file.as_posix(): name for name, installed in distributions().items() for file in installed.files or ()
    }


def collected(paths: Iterable[str]) -> set[str]:
    """The distributions of which at least one file is among the archive's paths."""
    owners = owner_of_file()
    sources = (re.sub(r"\.pyc$", ".py", path.replace("\\", "/")) for path in paths)
    return {owners[source] for source in sources if source in owners}


def metadata_files(paths: Iterable[str]) -> list[tuple[str, str, str]]:
    """PyInstaller's entries for the names, licences and entry points of what is collected.

    OpenTelemetry looks its parts up there, and scanners what an archive holds.
    """
    entries = []
    for name in sorted(collected(paths)):
        for file in distributions()[name].files or ():
            if ".dist-info/" in file.as_posix() and file.name not in _ABOUT_THE_INSTALLATION:
                entries.append((file.as_posix(), str(file.locate()), "DATA"))
    return entries
