"""An archive is written whole or not at all, for its owner, and over nothing."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubectl_kagent.cli import archive
from kubectl_kagent.errors import KagentError

MADE = datetime(2026, 11, 23, 8, 0, 2, tzinfo=UTC)


def test_the_files_are_in_a_folder_in_their_order_and_with_the_time() -> None:
    data = archive.packed("report", {"b.txt": "ä\n", "logs/a.txt": "x" * 10_000}, MADE)
    found = zipfile.ZipFile(io.BytesIO(data))
    assert [(item.filename, item.date_time) for item in found.infolist()] == [
        ("report/b.txt", (2026, 11, 23, 8, 0, 2)),
        ("report/logs/a.txt", (2026, 11, 23, 8, 0, 2)),
    ]
    assert {stat.S_IMODE(item.external_attr >> 16) for item in found.infolist()} == {0o600}
    assert found.read("report/b.txt").decode() == "ä\n"
    assert len(data) < 1000
    assert archive.packed("report", {"b.txt": "ä\n", "logs/a.txt": "x" * 10_000}, MADE) == data


def test_it_is_for_its_owner_alone_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    before = os.umask(0)
    try:
        archive.save(path, b"data")
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"data", 0o600)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("late", [False, True])
def test_a_file_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool) -> None:
    """Also one that comes while ours is written."""
    path = tmp_path / "x.zip"
    path.write_bytes(b"theirs")
    if late:
        monkeypatch.setattr(archive, "refuse_existing", lambda _path: None)
    with pytest.raises(KagentError, match=r"is there already|File exists"):
        archive.save(path, b"ours")
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_where_files_have_no_second_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the file systems of USB sticks."""

    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    archive.save(tmp_path / "x.zip", b"data")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x.zip", b"data")]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "rename", link)
    with pytest.raises(KagentError, match=r"x\.zip can't be written: No space left on device"):
        archive.save(tmp_path / "x.zip", b"data")
    assert list(tmp_path.iterdir()) == []
