"""The licences of everything in the archive, as one text."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.archive.owners import OURS, Package

_RULE = "=" * 80
_HEAD = """\
kubectl-kagent is under the Apache License 2.0 (LICENSE). This archive also has files of the packages below:
name, version, licence as the package says it, and its own licence and notice texts.
"""


def notices(packages: Iterable[Package]) -> str:
    """One part for each package but ours; it says so where a package ships no text."""
    parts = [_HEAD]
    for package in sorted({*packages} - {OURS}):
        texts = package.texts or ("(The package ships no licence text.)",)
        bodies = "\n\n".join(text.strip() for text in texts)
        parts.append(f"{_RULE}\n{package.name} {package.version}\nLicence: {package.licence}\n\n{bodies}\n")
    return "\n".join(parts)
