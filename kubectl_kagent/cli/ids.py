"""Ids of tasks and sessions on a command line, which may be the beginning of one."""

from __future__ import annotations

from kubectl_kagent.errors import UsageError


def id_in(word: str, kind: str, hint: str) -> str:
    """The id in ``ID`` or ``KIND/ID``.

    Raises UsageError, with ``hint``, for none: a variable that a script did not set, and every id begins so.
    """
    id_ = word.removeprefix(f"{kind}/")
    if not id_:
        raise UsageError(f'"{word}" is not a {kind}', hint=hint)
    return id_
