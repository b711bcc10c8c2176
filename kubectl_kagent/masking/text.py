"""Secrets in a text of any kind: JSON, YAML, logs, command lines, prose, cut anywhere.

Every finder tells spans of the text and takes time in proportion to its length: what one has looked at, it
does not look at again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.marks import (
    COMMAND,
    LOGIN,
    QUERY,
    TOLD,
    USER,
    USERINFO,
    Finder,
    is_value,
    matches,
    private_keys,
    secret_data,
)
from kubectl_kagent.masking.named import named
from kubectl_kagent.masking.names import HINTS
from kubectl_kagent.masking.shapes import random, tokens

_KEPT = 4  # letters of a token that say whose it is
# Letters that are not seen, and would part a name or a token (Unicode's Cf, as far as text has them)
_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")

# Each with what a text has, in lower case, when it is worth the search: most texts have none of it.
FINDERS: tuple[tuple[tuple[str, ...], Finder], ...] = (
    (HINTS, named),
    (("bearer", "basic"), matches(LOGIN, random)),
    (("://",), matches(USERINFO, lambda _: True)),
    (("http",), matches(USER, random)),
    (("sig=", "key=", "code=", "signature=", "credential="), matches(QUERY, is_value)),
    (("curl", "sshpass", "mysql", "redis-cli", "docker login"), matches(COMMAND, is_value)),
    (("passw", "passphrase", "api key", "token", "secret"), matches(TOLD, random)),
    (("private key",), private_keys),
    (("secret",), secret_data),
)


def masked(text: str) -> str:
    """``text`` with what is a secret by its shape or its name masked: ``[masked]``, ``sk-p…[masked]``."""
    if not text.isascii() and _UNSEEN.search(text):
        seen = [place for place, char in enumerate(text) if not _UNSEEN.match(char)]
        bare = "".join(text[place] for place in seen)
        found = [(seen[start], seen[end - 1] + 1, mask) for start, end, mask in _spans(bare)]
    else:
        found = list(_spans(text))
    if not found:
        return text
    pieces, done = list[str](), 0
    for start, end, mask in found:
        pieces += (text[done:start], mask)
        done = end
    return "".join((*pieces, text[done:]))


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """What to mask, in order and apart, and what to show instead."""
    found = [(start, -end, text[start : start + _KEPT] + "…" + MASKED) for start, end in tokens(text)]
    lower = text.lower()
    for hints, finder in FINDERS:
        if any(hint in lower for hint in hints):
            found += [(start, -end, MASKED) for start, end in finder(text) if start < end]
    last: tuple[int, int, str] | None = None
    for start, negative, mask in sorted(found):
        end = -negative
        if last and start < last[1]:
            # a token that is the whole of a value says more than the mask of the value
            last = (last[0], max(end, last[1]), mask if (start, end) == last[:2] and "…" in mask else last[2])
            continue
        if last:
            yield last
        last = (start, end, mask)
    if last:
        yield last
