"""Names whose value is a secret: of environment variables, fields, headers, flags, query parameters."""

from __future__ import annotations

import re
from functools import lru_cache

# One of these is in every such name, in lower case: a text without is not looked at further.
HINTS = (
    *("key", "token", "secret", "pass", "pw", "cred", "auth", "cookie", "signature", "dockerconfig", "pat"),
)
# And one of these in what is told by what stands around it.
MARKS = (
    *("bearer", "basic", "://", "sig=", "code=", "pwd=", "credential="),
    *("curl", "mysql", "redis-cli", "docker login"),
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
# Fields of Kubernetes and kagent that name an object or a key in it, and hold no secret themselves.
_REFERENCES = {
    "apiKeySecret",
    "apiKeySecretKey",
    "caCertSecretKey",
    "imagePullSecrets",
    "serviceAccountToken",
}
# The last word of a name that tells it, whatever stands before.
_ALWAYS = {
    *(
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "creds",
    ),
    *("authorization", "cookie", "cookies", "dockerconfigjson", "sshpass"),
}
# The last word that tells it only after one of these.
_AFTER = {
    "key": {
        *(
            "api",
            "access",
            "secret",
            "private",
            "auth",
            "encryption",
            "signing",
            "master",
            "account",
            "shared",
        ),
        *("license", "subscription", "client", "ssh", "deploy", "hmac", "storage", "admin", "root"),
        *("webhook", "app", "application", "jwt", "rsa", "aes", "tls", "ssl", "functions", "goog"),
    },
    "keys": {"api", "access", "secret", "private", "encryption", "signing"},
    "tokens": {"access", "api", "auth", "refresh", "bearer"},
    "auth": {"x", "basic", "http", "proxy", "registry", "npm", "docker", "redis", "rediscli"},
    **dict.fromkeys(
        ("pass", "pw"),
        {*("db", "database", "smtp", "mail", "user", "admin", "root", "redis", "mysql", "pg", "postgres")}
        | {"ftp", "ssh", "ldap", "auth", "http", "proxy", "login", "mongo", "mongodb", "rabbitmq", "sudo"},
    ),
    "pat": {"github", "gitlab", "azure", "ado", "git", "gh", "my"},
    "signature": {"amz", "goog"},
}
# The last word that tells it unless one of these stands before: pages, and the marks of a language model.
_UNLESS = {
    "token": {
        *(
            "page",
            "next",
            "continuation",
            "continue",
            "sync",
            "resume",
            "cursor",
            "start",
            "previous",
            "prev",
        ),
        *(
            "max",
            "min",
            "num",
            "eos",
            "bos",
            "pad",
            "sep",
            "unk",
            "cls",
            "mask",
            "special",
            "stop",
            "per",
            "image",
        ),
        *(
            "text",
            "first",
            "last",
            "idempotency",
            "request",
            "cancel",
            "cancellation",
            "end",
            "input",
            "output",
        ),
    },
    "pwd": {"old"},
}
# Of an environment variable X_KEY these are none.
_NO_KEYS = {
    *(
        "PRIMARY",
        "FOREIGN",
        "PUBLIC",
        "PARTITION",
        "SORT",
        "CACHE",
        "HASH",
        "ROUTING",
        "GROUP",
        "MAP",
        "INDEX",
    ),
    *("UNIQUE", "IDEMPOTENCY", "LOOKUP", "HOT", "SHORTCUT", "REGISTRY", "OBJECT", "ROW", "DEDUP", "DEDUPE"),
}
_COMPOUND = re.compile(
    r"(?:password|passwd|passphrase|apikey|secretkey|accesskey|privatekey|authkey|(?:auth|access|refresh|session|bearer)"
    r"token|clientsecret)s?\Z"
)
# What may stand after the word that tells it: client-key-data, SECRET_KEY_BASE, API_KEY_PROD, password2
_TRAILING = {"base", "data", "b64", "base64", "prod", "production", "staging", "dev", "live", "old", "new"}


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what stands under ``name`` is a secret."""
    lower = name.lower()
    if not any(hint in lower for hint in HINTS) or name.rpartition(".")[2] in _REFERENCES:
        return False
    spelled = _WORD.findall(name)
    while spelled and (spelled[-1].isdigit() or spelled[-1].lower() in _TRAILING):
        spelled.pop()
    if not spelled:
        return False
    words = [word.lower() for word in spelled]
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if words[0] == "no" and len(words) > 1:  # --no-password
        return False
    if last in _ALWAYS or _COMPOUND.search(last):
        return True
    if last in _UNLESS:
        return before not in _UNLESS[last] and (last != "pwd" or bool(before))  # PWD is a directory
    if before in _AFTER.get(last, ()) or words[-3:] == ["access", "key", "id"]:
        return True
    return spelled[-1] in ("KEY", "PAT") and bool(before) and before.upper() not in _NO_KEYS
