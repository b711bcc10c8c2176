"""Which kagent controller the lab runs: the real one where its source can be had, else the stand-in."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.lab import images
from tests.lab.build import go_build, run_build
from tests.lab.errors import LabError
from tests.lab.layout import Layout
from tests.lab.progress import Progress

PUBLIC_REPOSITORY = "https://github.com/kagent-dev/kagent"
PINNED = "03e950f6e90764dfc24e12af71df5b3685c31b5c"  # on release/v0.10.x
ASK_SECONDS = 5
PROGRAMS = {"controller": "./core/cmd/controller", "golang-adk": "./adk/cmd"}

Kind = Literal["real", "stand-in"]


@dataclass(frozen=True)
class Controller:
    """The choice: the kind, what to say about it, and for the real one its two programs."""

    kind: Kind
    description: str
    program: Path | None = None
    go_runtime: Path | None = None

    @property
    def image(self) -> str:
        return images.CONTROLLER if self.kind == "real" else images.STANDIN


def choose(layout: Layout, progress: Progress) -> Controller:
    """Decide and build. KAGENT_SOURCE wins; then kagent's public repository, unless this is CI."""
    source = os.environ.get("KAGENT_SOURCE")
    if source:
        return _from_source(layout, Path(source), progress)
    repository = os.environ.get("KAGENT_REPO") or PUBLIC_REPOSITORY
    if repository == "none" or os.environ.get("CI"):
        return _stand_in("KAGENT_SOURCE is not set")
    built = _directory(layout, PINNED)
    if not built.exists():
        if not _answers(repository):
            return _stand_in(f"{repository} does not answer")
        _build(_clone(layout, repository, progress), built, progress)
    return _real(built, PINNED)


def _from_source(layout: Layout, source: Path, progress: Progress) -> Controller:
    if not (source / "go" / "core" / "cmd" / "controller").is_dir():
        raise LabError(
            f"KAGENT_SOURCE={source} is no checkout of kagent's release/v0.10.x (no go/core/cmd/controller)"
        )
    commit = _git(source, "rev-parse", "HEAD")
    edited = _git(source, "status", "--porcelain", "--", "go")
    built = _directory(layout, f"{commit}-edited" if edited else commit)
    if edited or not built.exists():
        _build(source, built, progress)
    return _real(built, f"{commit}-edited" if edited else commit)


def _real(built: Path, commit: str) -> Controller:
    short = commit[:9] + ("-edited" if commit.endswith("-edited") else "")
    return Controller("real", f"real kagent {short}", built / "controller", built / "golang-adk")


def _stand_in(reason: str) -> Controller:
    return Controller("stand-in", f"stand-in for kagent, a test double ({reason})")


def _directory(layout: Layout, version: str) -> Path:
    return layout.cache / "bin" / f"kagent-{version}"


def _build(source: Path, target: Path, progress: Progress) -> None:
    with progress.step(
        f"go build kagent's controller and Go runtime in {source} (about 4 min the first time)"
    ):
        go_build(source / "go", PROGRAMS, "", target)


def _answers(repository: str) -> bool:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "ls-remote", "--exit-code", repository, "HEAD"]
    try:
        asked = subprocess.run(
            command, env=environment, capture_output=True, timeout=ASK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _clone(layout: Layout, repository: str, progress: Progress) -> Path:
    """Only the pinned commit, without history."""
    source = layout.cache / "kagent-source"
    with progress.step(f"git fetch {repository} at {PINNED[:9]}"):
        run_build(["git", "init", "--quiet", str(source)], layout.cache)
        run_build(["git", "fetch", "--quiet", "--depth=1", repository, PINNED], source)
        run_build(["git", "checkout", "--quiet", "--force", PINNED], source)
    return source


def _git(source: Path, *words: str) -> str:
    # A checkout of another user's is still only read here.
    command = ["git", "-c", f"safe.directory={source.resolve()}", "-C", str(source), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise LabError(f"KAGENT_SOURCE={source}: git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()
