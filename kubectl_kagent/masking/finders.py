"""All that is looked for in a text besides tokens.

Every finder tells spans of the text and takes time in proportion to its length: what one has looked at, it
does not look at again.
"""

from __future__ import annotations

from kubectl_kagent.masking.marks import (
    COMMAND,
    IN_PROSE,
    LOGIN,
    QUERY,
    USER,
    USERINFO,
    Finder,
    created,
    is_value,
    matches,
    private_keys,
)
from kubectl_kagent.masking.named import named
from kubectl_kagent.masking.names import HINTS
from kubectl_kagent.masking.secret_data import secret_data
from kubectl_kagent.masking.shapes import random

# Each with what a text has, in lower case, when it is worth the search: most texts have none of it.
FINDERS: tuple[tuple[tuple[str, ...], Finder], ...] = (
    (HINTS, named),
    (("bearer", "basic"), matches(LOGIN, random)),
    (("://",), matches(USERINFO, lambda _: True)),
    (("://",), matches(USER, random)),
    (("sig=", "pwd=", "key=", "code=", "signature=", "credential="), matches(QUERY, is_value)),
    (("curl", "sshpass", "mysql", "redis-cli", "docker login"), matches(COMMAND, is_value)),
    (("passw", "passphrase", "api key", "token", "secret"), matches(IN_PROSE, random)),
    (("private key",), private_keys),
    (("create secret",), created),
    (("secret",), secret_data),
)
