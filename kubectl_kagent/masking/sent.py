"""What this program itself logs in with: no message repeats it, though a server may send it back."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from contextlib import suppress

from kubectl_kagent.masking.innocent import MASKED

_SHORTEST = 8  # letters: what is shorter stands in any text
_sent: set[str] = set()


def remember(texts: Iterable[str]) -> None:
    """Values of headers: of one with a scheme also what follows it, and of Basic the password."""
    for text in texts:
        scheme, _, credentials = text.partition(" ")
        found = [text, credentials]
        if scheme.lower() == "basic":
            with suppress(ValueError):
                found.append(base64.b64decode(credentials).decode().partition(":")[2])
        _sent.update(one for one in found if len(one) >= _SHORTEST)


def without_sent(text: str) -> str:
    """``text`` with what was sent masked."""
    for one in sorted(_sent, key=len, reverse=True):
        text = text.replace(one, MASKED)
    return text
