"""The archive's bill of materials: CycloneDX JSON with every file under its package."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from scripts.archive.owners import NOT_SAID, OURS, Package


def sbom(tree: Path, owners: Mapping[str, Package], made: int) -> str:
    """Of the paths below ``tree`` and their owners; ``made``, in Unix seconds, is the only time in it."""
    digests = {path: hashlib.sha256((tree / path).read_bytes()).hexdigest() for path in owners}
    components = {package: _component(package) for package in sorted({*owners.values()})}
    for path, package in owners.items():
        components[package].components.add(
            Component(
                type=ComponentType.FILE,
                name=path,
                bom_ref=f"file:{path}",
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digests[path])],
            )
        )
    whole = hashlib.sha256("".join(f"{digests[path]} {path}\n" for path in sorted(digests)).encode())
    bom = Bom(
        components=[component for package, component in components.items() if package != OURS],
        serial_number=uuid.UUID(bytes=whole.digest()[:16], version=4),
    )
    bom.metadata.component = components[OURS]
    bom.metadata.timestamp = datetime.fromtimestamp(made, UTC)
    bom.register_dependency(
        components[OURS], [component for package, component in components.items() if package != OURS]
    )
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _component(package: Package) -> Component:
    kind = ComponentType.APPLICATION if package == OURS else ComponentType.LIBRARY
    licences = [] if package.licence == NOT_SAID else [LicenseFactory().make_from_string(package.licence)]
    return Component(
        type=kind,
        name=package.name,
        version=package.version,
        purl=PackageURL.from_string(package.purl),
        bom_ref=package.purl,
        licenses=licences,
    )
