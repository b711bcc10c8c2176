"""`python -m scripts.site`: the site of docs/, with README.md as its first page, and search.

The pages are those that GitHub shows; only links that lead out of docs/ become addresses on GitHub.
"""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://github.com/kubectl-kagent/kubectl-kagent"
_PICTURE = ".webp"
_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)


def pages() -> dict[str, str]:
    """Every page by its path in the site's source."""
    found = {
        path.relative_to(ROOT / "docs").as_posix(): path for path in sorted((ROOT / "docs").rglob("*.md"))
    }
    found["index.md"] = ROOT / "README.md"
    return {
        name: relinked(path.read_text(), path.relative_to(ROOT).as_posix(), name)
        for name, path in found.items()
    }


def relinked(text: str, source: str, page: str) -> str:
    """The text of the file ``source`` as the page ``page``, with its links; code stays as it is."""
    parts = _FENCED.split(text)
    parts[::2] = [
        _LINK.sub(lambda found: f"{found[1]}{_target(found[2], source, page)}{found[3]}", p)
        for p in parts[::2]
    ]
    return "".join(parts)


def _target(link: str, source: str, page: str) -> str:
    if "://" in link or link.startswith("mailto:"):
        return link
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    inside = "index.md" if path == "README.md" else path.removeprefix("docs/")
    if path == "README.md" or (path.startswith("docs/") and path.endswith((".md", _PICTURE))):
        return posixpath.relpath(inside, posixpath.dirname(page) or ".")
    return f"{SOURCE}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"


def build(out: Path) -> None:
    """Write the site. Raises CalledProcessError for a link that leads nowhere."""
    with tempfile.TemporaryDirectory() as place:
        for name, text in pages().items():
            path = Path(place, "docs", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for picture in (ROOT / "docs").rglob(f"*{_PICTURE}"):
            target = Path(place, "docs", picture.relative_to(ROOT / "docs"))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, target)
        shutil.copy(ROOT / "mkdocs.yml", place)
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out.resolve())]
        subprocess.run(command, cwd=place, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    try:
        build(parser.parse_args().out)
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
