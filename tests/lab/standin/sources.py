"""What an Agent's configuration is read from: other objects, by kind and name."""

import base64
import binascii
from typing import Protocol

from tests.lab.standin.kinds import CONFIG_MAP, SECRET, Key, Kind, Object


class NotFound(Exception):
    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(f'{kind.qualified_name} "{name}" not found')


class ReconcileError(Exception):
    """What makes an object not Accepted; its text becomes the condition's message."""


class Sources(Protocol):
    def get(self, kind: Kind, key: Key) -> Object:
        """The object, or NotFound."""
        ...


def resolve_value(source: Object, namespace: str, sources: Sources) -> str:
    """The text behind a reference to one key of a ConfigMap or Secret."""
    key = Key(namespace, source["name"])
    if source["type"] == "ConfigMap":
        data = _data(sources, CONFIG_MAP, key, f"failed to find ConfigMap for {key}")
    else:
        data = _data(sources, SECRET, key, f"failed to find Secret {key}")
    if source["key"] not in data:
        raise ReconcileError(f"key {source['key']} not found in {source['type']} {key}")
    return data[source["key"]]


def resolve_headers(headers: list[Object], namespace: str, sources: Sources) -> dict[str, str]:
    """headersFrom entries as a header map, sorted the way it is serialized."""
    resolved: dict[str, str] = {}
    for header in headers:
        value = header.get("value", "")
        if not value and "valueFrom" in header:
            try:
                value = resolve_value(header["valueFrom"], namespace, sources)
            except ReconcileError as error:
                name = header["name"]
                raise ReconcileError(
                    f"failed to resolve header: failed to resolve value for ref {name}: {error}"
                ) from None
        resolved[header["name"]] = value
    return dict(sorted(resolved.items()))


def config_map_data(sources: Sources, key: Key) -> dict[str, str]:
    return _data(sources, CONFIG_MAP, key, f"failed to find ConfigMap {key}")


def secret_bytes(secret: Object) -> dict[str, bytes]:
    return {name: base64.b64decode(value) for name, value in (secret.get("data") or {}).items()}


def _data(sources: Sources, kind: Kind, key: Key, complaint: str) -> dict[str, str]:
    try:
        found = sources.get(kind, key)
    except NotFound as error:
        raise ReconcileError(f"{complaint}: {error}") from None
    if kind is CONFIG_MAP:
        return dict(found.get("data") or {})
    return {name: value.decode(errors="replace") for name, value in secret_bytes(found).items()}


def hash_bytes(secret_hash: str) -> bytes:
    """A status.secretHash as the bytes that go into an agent's config hash."""
    try:
        return binascii.unhexlify(secret_hash)
    except binascii.Error as error:
        raise ReconcileError(f"failed to decode secret hash: {error}") from None
