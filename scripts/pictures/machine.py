"""What drawing needs of the machine: Chromium, the font Inter, the npm packages of page/package-lock.json."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.lab import requirements
from tests.lab.errors import LabError
from tests.lab.images.shelf import key_of, run
from tests.lab.layout import Layout
from tests.lab.progress import Progress

PAGE = Path(__file__).parent / "page"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_INTER = "/usr/share/fonts/opentype/inter"  # Grafana's font: without it texts have other widths
_ESBUILD = (
    *("main.jsx", "--bundle", "--jsx=automatic", "--outfile=bundle.js", "--log-level=error"),
    *("--loader:.svg=dataurl", "--loader:.ttf=dataurl"),
    *('--define:process.env.NODE_ENV="production"', "--define:global=window"),
)
_SECONDS = 180


class Studio:
    """The page, built once, that draws any number of scenes."""

    def __init__(self, progress: Progress) -> None:
        self._browser = _installed(progress)
        packages = _packages(progress)
        self._folder = tempfile.TemporaryDirectory(dir=packages, prefix="page-")
        self._page = Path(self._folder.name)
        shutil.copytree(PAGE, self._page, dirs_exist_ok=True)
        esbuild = packages / "node_modules" / ".bin" / "esbuild"
        run([esbuild, *_ESBUILD], "building the page", self._page)

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def draw(self, scene: dict[str, Any], picture: Path, width: int) -> dict[str, Any]:
        """Write the picture (png, webp; ``width`` px); what the judge found: {problems, blanks, crashes}."""
        type_ = picture.suffix[1:]
        (self._page / "scene.json").write_text(json.dumps(scene))
        command = ["node", str(self._page / "shoot.mjs"), self._browser, _INTER, str(width), type_]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise LabError(f"drawing {scene['title']} failed:\n{done.stderr.strip()[-2000:]}")
        picture.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._page / f"picture.{type_}", picture)
        verdict: dict[str, Any] = json.loads(done.stdout)
        return verdict


def browser() -> str:
    """The program of a Chromium on this machine; empty when there is none."""
    return next((path for name in _BROWSERS if (path := shutil.which(name))), "")


def _installed(progress: Progress) -> str:
    wanted = {_INTER: "fonts-inter"} | ({} if browser() else {"chromium": "chromium"})
    requirements.install_packages(progress, wanted)
    return browser()


def _packages(progress: Progress) -> Path:
    """The cache's folder with node_modules of the lock file, fetched once per content of it."""
    lock = (PAGE / "package.json", PAGE / "package-lock.json")
    folder = Layout.here().cache / f"pictures-{key_of(*lock)}"
    if not folder.exists():
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        for path in lock:
            shutil.copy(path, new)
        with progress.step("npm ci: Grafana's components (520 MB, about a minute the first time)"):
            run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                "npm ci",
                new,
            )
        new.rename(folder)
    return folder
