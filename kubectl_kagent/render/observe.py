"""What observe prints: the bundle as YAML, and its differences. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_kagent.masking import masked_apart
from kubectl_kagent.model.resources import Resource
from kubectl_kagent.observe.changes import Change
from kubectl_kagent.observe.removal import Installed
from kubectl_kagent.render.escapes import visible
from kubectl_kagent.render.output import strip_managed_fields, to_yaml

Object = Mapping[str, Any]

KUSTOMIZATION = "kustomization.yaml"
MARK = "# Written by kubectl kagent observe export."


def documents(objects: Sequence[Object]) -> str:
    """All objects in one stream of YAML."""
    return "".join(f"---\n{to_yaml(item)}" for item in objects)


def folder(objects: Sequence[Object]) -> dict[str, str]:
    """A file for each object, and the kustomization.yaml that names them; texts by name."""
    written = {_file_of(item): to_yaml(item) for item in objects}
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [*written]}
    return {**written, KUSTOMIZATION: f"{MARK}\n{to_yaml(head)}"}


def _file_of(item: Object) -> str:
    return f"{item['kind'].lower()}-{item['metadata']['name']}.yaml"


def diff_text(changes: Sequence[Change], pruned: Sequence[Installed] = ()) -> str:
    """The unified diffs of the objects that differ, as kubectl diff prints them."""
    lines: list[str] = []
    live, merged = diff_folders(changes, pruned)
    for name in merged | live:
        before, after = (folder.get(name, "").splitlines() for folder in (live, merged))
        lines += difflib.unified_diff(before, after, f"LIVE/{name}", f"MERGED/{name}", lineterm="")
    return "".join(f"{visible(line)}\n" for line in lines)


def diff_folders(
    changes: Sequence[Change], pruned: Sequence[Installed] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of the live objects, and of what would become of them, by kubectl's names of their files.

    Of those that would be ``pruned`` nothing becomes.
    """
    live: dict[str, str] = {}
    merged: dict[str, str] = {}
    for change in changes:
        before, after = masked_apart(
            *(strip_managed_fields(item) if item else {} for item in (change.live, change.after))
        )
        name = _diff_name(change.resource, change.wanted)
        if before:
            live[name] = to_yaml(before)
        merged[name] = to_yaml(after)
    for item in pruned:
        live[_diff_name(item.resource, item.obj)] = to_yaml(
            masked_apart(strip_managed_fields(item.obj), {})[0]
        )
    return live, merged


def _diff_name(resource: Resource, item: Object) -> str:
    """``apps.v1.Deployment.NAMESPACE.NAME``."""
    metadata = item["metadata"]
    parts = (resource.group, resource.version, resource.kind, metadata.get("namespace"))
    return ".".join((*filter(None, parts), metadata["name"]))
