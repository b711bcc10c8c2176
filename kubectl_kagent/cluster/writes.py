"""A write whose answer is lost: whether it was carried out is not known, and that is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import Resource


@contextmanager
def writing(
    resource: Resource, namespace: str, name: str, *, done: str, dry_run: bool = False
) -> Iterator[None]:
    """Around the request that writes an object, which is then ``done`` (created, changed, deleted).

    An answer that can't be read is as good as none; a refusal is one.
    """
    try:
        yield
    except KagentError as error:
        unread = type(error) is KagentError
        if not dry_run and (unread or error.open):
            label = resource.label(name)
            shown = f"kubectl get {label} -n {namespace} -o yaml shows it"
            error.left_open(f"whether {label} was {done}", shown)
        raise
