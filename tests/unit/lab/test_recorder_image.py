"""The lab makes the recorder's image by its Dockerfile's own steps, and the Dockerfile has no others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.images import recorder
from tests.lab.images.archive import Entry, Image, read_layers, write_archive, write_layer
from tests.lab.images.recorder import DOCKERFILE, RECORDER, Stage, stages
from tests.lab.images.shelf import Shelf
from tests.lab.layout import CHECKOUT

PACKAGES, PROGRAM, FINAL = stages(DOCKERFILE.read_text())
COMPILE = ["python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
PIP = ["pip", "install", "--no-compile"]


def test_what_the_image_is_made_of() -> None:
    base = "python:3.13-slim-trixie"
    locked = ["--require-hashes", "--target", "app", "--requirement", "requirements.txt"]
    build = ["--no-deps", "--build-constraint", "requirements-dev.txt", "--target", "app", "."]
    unused = ["-x", "kubernetes/client/(api|models)/"]
    assert (
        Stage(base, "packages", ["requirements.txt"], [[*PIP, *locked], [*COMPILE, *unused, "app"]])
        == PACKAGES
    )
    assert (
        Stage(
            base,
            "program",
            [
                *("pyproject.toml", "README.md", "LICENSE", "requirements-dev.txt", "kubectl_kagent"),
                *("alerts", "dashboards/generated", "manifests"),
            ],
            [[*PIP, *build], [*COMPILE, "app"]],
        )
        == PROGRAM
    )
    assert (
        Stage(
            "gcr.io/distroless/python3-debian13:nonroot",
            from_stages={"packages": ("/build/app", "/app"), "program": ("/build/app", "/app")},
            env={"PYTHONPATH": "/app", "PYTHONUNBUFFERED": "1"},
            user="65532:65532",
            entrypoint=["/usr/bin/python3", "-m", "kubectl_kagent"],
        )
        == FINAL
    )


def test_a_step_that_the_lab_can_not_carry_out_is_an_error() -> None:
    with pytest.raises(ValueError, match="has an instruction ADD"):
        stages("FROM scratch\nADD https://example.com/x /x\n")


def shelf_with_base(tmp_path: Path) -> tuple[Shelf, Path]:
    base = tmp_path / "runtime.tar"
    layers = [write_layer(tmp_path / f"{name}.tar", []) for name in ("interpreter", "packages")]
    write_archive(base, [Image("lab.local/runtime:lab", layers, ["/x"])])
    return Shelf(tmp_path / "shelf", lambda _: None), base


def test_the_program_s_layer_is_what_a_stage_leaves_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[list[str], set[str]]] = []

    def run(command: list[str], _what: str, cwd: Path, **_env: str) -> str:
        ran.append((list(command), {path.name for path in cwd.iterdir()}))
        (cwd / "app").mkdir(exist_ok=True)
        (cwd / "app" / "module.py").write_text("x = 1\n")
        return ""

    monkeypatch.setattr(recorder, "run", run)
    monkeypatch.setattr(recorder, "library_entries", lambda _programs, own: [])
    shelf, base = shelf_with_base(tmp_path)
    archive = recorder.program(shelf, base)
    programs = recorder._PROGRAMS
    assert [command for command, _ in ran] == [[*programs[w[0]], *w[1:]] for w in PROGRAM.commands]
    assert ran[0][1] == {name.partition("/")[0] for name in PROGRAM.copied}
    app = [Entry("app"), Entry("app/module.py", data=b"x = 1\n", mode=0o644)]
    assert read_layers(archive) == [
        *read_layers(base),
        replace(write_layer(tmp_path / "expected.tar", app), path=None),
    ]
    assert recorder.program(shelf, base) == archive
    assert len(ran) == len(PROGRAM.commands)  # built once


def test_the_packages_stand_on_the_interpreter_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "run", lambda _command, _what, cwd, **_: (cwd / "app").mkdir(exist_ok=True))
    shelf, base = shelf_with_base(tmp_path)
    layers = read_layers(recorder.packages(shelf, base))
    assert [layers[0], len(layers)] == [read_layers(base)[0], 2]


def test_the_manifest_s_image_has_the_program_s_version() -> None:
    kustomization = (CHECKOUT / "manifests/recorder/kustomization.yaml").read_text()
    version = re.search(r'__version__ = "(.*)"', (CHECKOUT / "kubectl_kagent/__init__.py").read_text())
    assert version
    assert f"  newTag: {version[1]}\n" in kustomization
    assert RECORDER.endswith(":lab")
