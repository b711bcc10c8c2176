"""A write whose answer is lost: whether it was carried out is not known, and that is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubectl_kagent.errors import Interrupted, KagentError
from kubectl_kagent.model.resources import Resource


@contextmanager
def writing(
    resource: Resource, namespace: str, name: str, *, done: str, dry_run: bool = False
) -> Iterator[None]:
    """Around the request that writes an object, which is then ``done`` (created, changed, deleted).

    An answer that can't be read is as good as none; a refusal is one.
    """
    label = resource.label(name)
    what, shown = f"whether {label} was {done}", f"kubectl get {label} -n {namespace} -o yaml shows it"
    try:
        yield
    except KagentError as error:
        unread = type(error) is KagentError
        if not dry_run and (unread or error.open):
            error.left_open(what, shown)
        raise
    except KeyboardInterrupt as error:
        if dry_run:
            raise
        raise Interrupted(f"{what} is not known", shown) from error
