"""Container images of the lab: imported from tar archives into the lab's own containerd."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.layout import Layout
from tests.lab.progress import Progress

LIMIT_SECONDS = 600


def import_archives(layout: Layout, archives: Sequence[Path], progress: Progress) -> None:
    """Import, in order, what this containerd does not have yet; an archive that changed is imported again."""
    for archive in archives:
        note = layout.containerd / "imported" / archive.name
        found = archive.stat()
        identity = f"{archive} {found.st_size} {found.st_mtime_ns}"
        if note.exists() and note.read_text() == identity:
            continue
        with progress.step(f"import image archive {archive.name} ({found.st_size >> 20} MiB)"):
            _ctr(layout, "images", "import", str(archive))
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(identity)


def digest(layout: Layout, image: str) -> str:
    """The content behind a tag, so that a rebuilt image rolls out although its tag stays."""
    lines = _ctr(layout, "images", "ls", f"name=={image}").splitlines()[1:]
    if not lines:
        raise LabError(f"the image {image} is not in the lab's containerd; no archive carries it")
    return lines[0].split()[2]


def _ctr(layout: Layout, *words: str) -> str:
    command = ["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io", *words]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(command)} did not return in {LIMIT_SECONDS} s") from None
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
