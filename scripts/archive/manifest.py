"""krew's manifest for the archives that there are, from krew-manifest.yaml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import yaml

from kubectl_kagent import __version__
from scripts.archive.locked import ROOT

TEMPLATE = ROOT / "krew-manifest.yaml"


def manifest(archives: Iterable[Path]) -> str:
    """``archives`` are named as the template's addresses end. A platform without one is left out."""
    found = {path.name: path for path in archives}
    text = yaml.safe_load(TEMPLATE.read_text())
    text["spec"]["version"] = f"v{__version__}"
    platforms = []
    for platform in text["spec"]["platforms"]:
        path = found.get(platform["uri"].rpartition("/")[2])
        if path:
            platforms.append({**platform, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    text["spec"]["platforms"] = platforms
    return yaml.safe_dump(text, sort_keys=False, width=110)
