"""A write whose answer is lost: whether it was carried out is not known, and that is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_kagent.errors import Unanswered
from kubectl_kagent.model.resources import Resource


@contextmanager
def writing(
    resource: Resource, namespace: str, name: str, *, done: str, dry_run: bool = False
) -> Iterator[None]:
    """Around the request that writes an object, which is then ``done`` (created, changed, deleted)."""
    try:
        yield
    except Unanswered as error:
        if dry_run:
            raise
        label = resource.label(name)
        raise Unanswered(
            f"{error.message}: whether {label} was {done} is not known",
            hint=f"kubectl get {label} -n {namespace} -o yaml shows it",
        ) from error
