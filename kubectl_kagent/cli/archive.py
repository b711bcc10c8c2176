"""Files in one archive that every desktop opens, written for the user's eyes only."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from kubectl_kagent.errors import KagentError

_MODE = 0o600


def packed(folder: str, files: Mapping[str, str], made: datetime) -> bytes:
    """A zip file with the texts in ``folder``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", made.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE << 16
            archive.writestr(entry, text.encode(errors="replace"))
    return buffer.getvalue()


def refuse_existing(path: Path) -> None:
    """Raises KagentError for a file that is there, or has no folder, before anything is asked."""
    if path.exists():
        raise KagentError(f"{path} is there already", hint="name another file, or remove it")
    if not path.parent.is_dir():
        raise KagentError(f"{path.parent} is not a folder", hint=f"mkdir {path.parent}, or name another file")


def save(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, readable by its owner alone; one that is there stays.

    Raises KagentError when it can't be written.
    """
    try:
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
        try:
            with os.fdopen(number, "wb") as file:
                file.write(data)
            refuse_existing(path)
            _name(Path(temporary), path)
        finally:
            with suppress(OSError):
                os.unlink(temporary)
    except OSError as error:
        raise KagentError(f"{path} can't be written: {error.strerror or error}") from error


def _name(temporary: Path, path: Path) -> None:
    """A link never replaces a file; where the file system has none, nobody else writes meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError:
        os.rename(temporary, path)
