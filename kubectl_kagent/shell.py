"""A command as a hint gives it: who copies it into a shell runs that command and nothing else. Pure.

Ids of tasks and sessions are an agent's own words, and users' are anybody's: they go through here. Names that
an API server has let pass have nothing in them that a shell takes for more than a word.
"""

from __future__ import annotations

import shlex


def command_line(begin: str, *words: str, of: str = "", kind: str = "") -> str:
    """``begin`` as it stands, then the words, each quoted where a shell would take it for more than one.

    ``of`` is the id that the command is about: before the words, or where the command can't take it for an
    option. ``kind`` is what may stand before it, as in ``task/ID``; an id that begins so gets it twice.
    """
    if kind and of.startswith(f"{kind}/"):
        of = f"{kind}/{of}"
    if of:
        words = (*words, "--", of) if of.startswith("-") else (of, *words)
    return " ".join((begin, *map(shlex.quote, words)))
