"""Container images without a container engine: OCI layouts in a tar, which `ctr images import` and kind read.

The same input gives the same bytes: entries are sorted by the caller, and owners and times are fixed.
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class Entry:
    """One path of a layer: a directory unless it has a source, data or a link."""

    name: str
    source: Path | None = None
    data: bytes | None = None
    link: str | None = None
    mode: int = 0o755
    owner: int = 0


@dataclass(frozen=True)
class Layer:
    """An uncompressed layer; without a path it is carried by an archive that is imported earlier."""

    digest: str
    size: int
    path: Path | None = None


@dataclass(frozen=True)
class Image:
    name: str
    layers: Sequence[Layer]
    entrypoint: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = "65532:65532"  # nobody special, as in the images of kagent
    workdir: str = "/"


def write_layer(target: Path, entries: Iterable[Entry]) -> Layer:
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            _add(tar, entry)
    with target.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Layer(f"sha256:{digest}", target.stat().st_size, target)


def tree(source: Path, name: str) -> Iterable[Entry]:
    """Every directory, file and symbolic link under source, as entries below name."""
    for path in sorted(source.rglob("*")):
        inside = str(Path(name) / path.relative_to(source))
        if path.is_symlink():
            yield Entry(inside, link=str(path.readlink()))
        elif path.is_dir():
            yield Entry(inside)
        else:
            yield Entry(inside, source=path, mode=0o755 if path.stat().st_mode & 0o100 else 0o644)


def write_archive(target: Path, images: Sequence[Image]) -> None:
    """Write the images, with each layer and each config once."""
    documents: dict[str, bytes] = {}
    layers = {layer.digest: layer for image in images for layer in image.layers if layer.path}
    manifests = []
    for image in images:
        manifest = _manifest(image, documents)
        manifests.append(
            _descriptor(MANIFEST_TYPE, manifest) | {"annotations": {"io.containerd.image.name": image.name}}
        )
        documents[_digest(manifest)] = manifest
    index = {"schemaVersion": 2, "manifests": manifests}
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, Entry("oci-layout", data=b'{"imageLayoutVersion":"1.0.0"}', mode=0o644))
        _add(tar, Entry("index.json", data=_json(index), mode=0o644))
        for digest, document in documents.items():
            _add(tar, Entry(_blob(digest), data=document, mode=0o644))
        for digest, layer in layers.items():
            _add(tar, Entry(_blob(digest), source=layer.path, mode=0o644))


def read_layers(archive: Path) -> list[Layer]:
    """The layers of an archive's first image, for images that stand on it."""
    with tarfile.open(archive) as tar:
        index = json.load(_open(tar, "index.json"))
        manifest = json.load(_open(tar, _blob(index["manifests"][0]["digest"])))
    return [Layer(layer["digest"], layer["size"]) for layer in manifest["layers"]]


def _manifest(image: Image, documents: dict[str, bytes]) -> bytes:
    config = _json(
        {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Env": [f"{name}={value}" for name, value in image.env.items()],
                "User": image.user,
                "WorkingDir": image.workdir,
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in image.layers]},
        }
    )
    documents[_digest(config)] = config
    layers = [{"mediaType": LAYER_TYPE, "digest": layer.digest, "size": layer.size} for layer in image.layers]
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": layers,
        }
    )


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.name)
    info.mode, info.uid, info.gid = entry.mode, entry.owner, entry.owner
    if entry.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
        tar.addfile(info)
    elif entry.source is not None:
        info.size = entry.source.stat().st_size
        with entry.source.open("rb") as stream:
            tar.addfile(info, stream)
    elif entry.data is not None:
        info.size = len(entry.data)
        tar.addfile(info, io.BytesIO(entry.data))
    else:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)


def _open(tar: tarfile.TarFile, name: str) -> io.BufferedIOBase:
    stream = tar.extractfile(name)
    assert stream is not None  # a regular file that write_archive put there
    return stream  # type: ignore[return-value]


def _descriptor(media_type: str, document: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(document), "size": len(document)}


def _digest(document: bytes) -> str:
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
