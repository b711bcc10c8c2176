"""Where the bundle's files are: in the wheel, or in the checkout that an editable install runs from."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def root() -> Path:
    """The folder with ``alerts``, ``dashboards`` and ``manifests``.

    The wheel has a copy of them in the package (``force-include`` in pyproject.toml); a checkout has not, and
    an editable install may not see another version of them than its own.
    """
    packed = _PACKAGE / "bundle"
    return packed if packed.is_dir() else _PACKAGE.parent
