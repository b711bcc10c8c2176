"""What this program itself logs in with: no message repeats it, though a server may send it back."""

from __future__ import annotations

from kubectl_kagent.masking.innocent import MASKED, password_in
from kubectl_kagent.masking.names import is_secret_name
from kubectl_kagent.masking.shapes import random

_SHORTEST = 8  # letters: what is shorter stands in any text
_TOKEN = 16  # letters of one under any name
_OF_SECRETS = {"key", "session", "signature", "jwt", "assertion", "ticket", "sid"}
_sent: set[str] = set()


def remember(name: str, value: str) -> None:
    """The value of a header, if its name may be that of a secret, or it reads like a token.

    Of one with a scheme what follows it counts too, and of Basic the password, unless it reads like a word.
    """
    last = name.lower().rpartition("-")[2]
    if not (is_secret_name(name) or last in _OF_SECRETS):
        if len(value) >= _TOKEN and random(value) and " " not in value:
            _sent.add(value)
        return
    scheme, _, credentials = value.partition(" ")
    found = [value, credentials]
    if scheme.lower() == "basic":
        password = password_in(credentials)
        found += [password] if random(password) or not password.isalpha() else []
    _sent.update(one for one in found if len(one) >= _SHORTEST)


def without_sent(text: str) -> str:
    """``text`` with what was sent masked."""
    for one in sorted(_sent, key=len, reverse=True):
        text = text.replace(one, MASKED)
    return text
