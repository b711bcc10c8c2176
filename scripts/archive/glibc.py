"""The oldest glibc that the archive runs with."""

from __future__ import annotations

import re
from pathlib import Path

_ELF = b"\x7fELF"
_NEEDED = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?=\0)")


def needed(tree: Path) -> tuple[int, int]:
    """The newest version that a program or library in ``tree`` names; (0, 0) where none is."""
    contents = (path.read_bytes() for path in tree.rglob("*") if path.is_file())
    versions = [
        (int(major), int(minor))
        for content in contents
        if content.startswith(_ELF)
        for major, minor in _NEEDED.findall(content)
    ]
    return max(versions, default=(0, 0))
