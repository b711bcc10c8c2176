"""The image archives: well-formed, the same bytes for the same input, and built once."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.lab.errors import LabError
from tests.lab.images.archive import Entry, Image, read_layers, tree, write_archive, write_layer
from tests.lab.images.shelf import UNUSED_SECONDS, Shelf, key_of, run


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    root = tmp_path / "sources"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "program").write_text("#!/bin/sh\n")
    (root / "bin" / "program").chmod(0o700)
    (root / "bin" / "alias").symlink_to("program")
    (root / "notes").write_text("notes")
    return root


def documents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        members = {member.name: tar.extractfile(member) for member in tar}
        return {name: stream.read() for name, stream in members.items() if stream}


def manifest(files: dict[str, bytes], image: str) -> Any:
    entries = json.loads(files["index.json"])["manifests"]
    [found] = [e for e in entries if e["annotations"]["io.containerd.image.name"] == image]
    return json.loads(blob(files, found["digest"]))


def blob(files: dict[str, bytes], digest: str) -> bytes:
    content = files["blobs/sha256/" + digest.removeprefix("sha256:")]
    assert "sha256:" + hashlib.sha256(content).hexdigest() == digest
    return content


def test_a_layer_keeps_the_tree_but_no_times_and_owners(tmp_path: Path, sources: Path) -> None:
    layer = write_layer(tmp_path / "layer.tar", tree(sources, "opt"))
    with tarfile.open(tmp_path / "layer.tar") as tar:
        seen = {m.name: (m.mode, m.linkname, m.mtime, m.uid) for m in tar}
    assert seen == {
        "opt/bin": (0o755, "", 0, 0),
        "opt/bin/alias": (0o755, "program", 0, 0),
        "opt/bin/program": (0o755, "", 0, 0),
        "opt/notes": (0o644, "", 0, 0),
    }
    assert layer.size == (tmp_path / "layer.tar").stat().st_size


def test_the_same_input_gives_the_same_archive(tmp_path: Path, sources: Path) -> None:
    written = []
    for attempt in ("first", "second"):
        scratch = tmp_path / attempt
        scratch.mkdir()
        layer = write_layer(scratch / "layer.tar", tree(sources, "opt"))
        write_archive(scratch / "archive.tar", [Image("lab.local/x:lab", [layer], ["/x"], {"A": "1"})])
        written.append((scratch / "archive.tar").read_bytes())
    assert written[0] == written[1]


def test_an_archive_is_an_image_layout_that_names_its_images(tmp_path: Path) -> None:
    layer = write_layer(tmp_path / "layer.tar", [Entry("hello", data=b"hi", mode=0o644)])
    images = [Image(f"lab.local/{n}:lab", [layer], ["/x", "-v"], {"WHO": n}) for n in ("one", "two")]
    write_archive(tmp_path / "archive.tar", images)
    files = documents(tmp_path / "archive.tar")
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for name in ("one", "two"):
        described = manifest(files, f"lab.local/{name}:lab")
        config = json.loads(blob(files, described["config"]["digest"]))
        assert config["config"]["Env"] == [f"WHO={name}"]
        assert config["config"]["Entrypoint"] == ["/x", "-v"]
        assert config["rootfs"]["diff_ids"] == [layer.digest]
        [carried] = described["layers"]
        with tarfile.open(fileobj=io.BytesIO(blob(files, carried["digest"]))) as tar:
            assert tar.getnames() == ["hello"]
    assert len([name for name in files if name.startswith("blobs/")]) == 5  # two images share one layer


def test_an_image_may_stand_on_the_layers_of_another_archive(tmp_path: Path) -> None:
    base = write_layer(tmp_path / "base.tar", [Entry("base", data=b"b" * 5000)])
    own = write_layer(tmp_path / "own.tar", [Entry("own", data=b"o")])
    write_archive(tmp_path / "base-image.tar", [Image("lab.local/base:lab", [base], ["/x"])])
    below = read_layers(tmp_path / "base-image.tar")
    assert [(layer.digest, layer.size, layer.path) for layer in below] == [(base.digest, base.size, None)]
    write_archive(tmp_path / "thin.tar", [Image("lab.local/thin:lab", [*below, own], ["/x"])])
    files = documents(tmp_path / "thin.tar")
    described = manifest(files, "lab.local/thin:lab")
    assert [layer["digest"] for layer in described["layers"]] == [base.digest, own.digest]
    assert f"blobs/sha256/{base.digest[7:]}" not in files
    assert f"blobs/sha256/{own.digest[7:]}" in files


def test_an_archive_is_built_once_per_key_and_replaces_those_that_nobody_uses(tmp_path: Path) -> None:
    said: list[str] = []
    shelf = Shelf(tmp_path / "images", said.append)
    built: list[str] = []

    def build(scratch: Path, target: Path) -> None:
        built.append(scratch.name)
        target.write_bytes(b"archive")

    old, new = key_of("old"), key_of("new")
    other = shelf.archive("pause-other", old, build)
    first = shelf.archive("pause", old, build)
    assert shelf.archive("pause", old, build) == first
    assert len(built) == 2
    second = shelf.archive("pause", new, build)  # the first may be another checkout's
    assert sorted(shelf.directory.glob("*.tar")) == sorted([other, first, second])
    written = first.stat().st_mtime_ns
    for archive in (other, first, second):
        os.utime(archive, ns=(written - UNUSED_SECONDS * 10**9 - 1, written))
    assert shelf.archive("pause", new, build) == second
    third = shelf.archive("pause", key_of("newest"), build)
    assert sorted(shelf.directory.glob("*.tar")) == sorted([other, second, third])
    assert second.stat().st_mtime_ns == written
    assert not list(shelf.directory.glob("building-*"))
    assert [line for line in said if "building" in line] == [
        "building the image archive pause-other",
        *["building the image archive pause"] * 3,
    ]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "images", lambda _: None)

    def build(scratch: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise LabError("no compiler")

    with pytest.raises(LabError, match="no compiler"):
        shelf.archive("pause", key_of("x"), build)
    assert [path.name for path in shelf.directory.iterdir()] == ["lock"]


def test_a_key_follows_names_and_contents_but_not_bytecode(sources: Path) -> None:
    before = key_of("recipe", sources)
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert key_of("recipe", sources) == before
    (sources / "notes").write_text("changed")
    changed = key_of("recipe", sources)
    (sources / "notes").rename(sources / "renamed")
    assert len({before, changed, key_of("recipe", sources), key_of("other", sources)}) == 4


def test_a_failed_step_shows_what_the_program_said() -> None:
    with pytest.raises(LabError, match=r"(?s)building it failed .*broken on purpose"):
        run(["sh", "-c", "echo broken on purpose >&2; exit 3"], "building it")
    with pytest.raises(LabError, match="building it needs the program no-such-program"):
        run(["no-such-program"], "building it")
