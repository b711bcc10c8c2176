"""The shared libraries that programs need, as ldd names them, put where this system's loader looks."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.lab.images.archive import Entry

FOUND = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)


def library_entries(programs: Iterable[Path], own: Path) -> list[Entry]:
    """The libraries of the system; those below `own` come with the programs. Nothing for static programs."""
    words = ["ldd", *(str(program) for program in programs)]
    listing = subprocess.run(words, capture_output=True, text=True, check=False).stdout  # 1: some are static
    paths = {Path(path) for path in FOUND.findall(listing)}
    libraries = {_real_place(path): path.resolve() for path in paths if own not in path.parents}
    links = [path for path in (Path("/lib"), Path("/lib64")) if path.is_symlink()] if libraries else []
    return [
        *(Entry(path.name, link=os.readlink(path)) for path in links),
        *(Entry(str(place)[1:], source=file) for place, file in sorted(libraries.items())),
    ]


def _real_place(path: Path) -> Path:
    """Where the file is once /lib is seen as the link to /usr/lib that it is on most systems."""
    return path.parent.resolve() / path.name
