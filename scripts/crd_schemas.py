"""The schemas that lint checks by: the CRDs that the lab installs, without what is for readers."""

from __future__ import annotations

from pathlib import Path

import yaml

from kubectl_kagent.lint.crds import PACKED, lines, schemas_of

GENERATED = f"kubectl_kagent/lint/{PACKED}"
CRDS = Path(__file__).resolve().parents[1] / "tests" / "lab" / "manifests" / "crds"
OF = "kagent 0.10 and kmcp 0.3"  # whose CRDs these are (Apache-2.0)

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # they are a MB each


def packed_schemas() -> str:
    """The text of the file."""
    crds = [
        yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER) for path in sorted(CRDS.glob("*.yaml"))
    ]
    return "".join(lines(schemas_of(crds, OF)))
