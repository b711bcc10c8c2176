"""Literal secrets in a config: whoever may view a namespace may read its revisions. Pure."""

from __future__ import annotations

from kubectl_kagent.masking import literals
from kubectl_kagent.model.snapshot import Snapshot


def literal_secrets(snapshot: Snapshot) -> list[str]:
    """Paths of the values that stand in plain text and are secrets, as everywhere: what would be masked."""
    found = list(literals(snapshot.spec, "spec"))
    for source in snapshot.sources:
        reference = source.reference
        label = reference.resource.label(reference.name)
        # "secret" is our own: a hash of kagent's hash
        content = {key: value for key, value in (source.content or {}).items() if key != "secret"}
        found += [f"{label} {path}" for path in literals(content, "")]
    return found


def plaintext_warning(paths: list[str]) -> str:
    """What to tell the user about ``paths``."""
    return (
        f"recorded with secrets in plain text: {', '.join(paths)}; whoever may view the namespace can read "
        "them in the revision. Use valueFrom with a Secret instead"
    )
