"""Mask what looks like a key in texts and values of other people's tools and prompts. Pure.

A mask shows that something was there: ``sk-a…[masked]``. It can't know every secret: it knows the shapes
below, and the names of fields that hold one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASKED = "[masked]"

# Shapes that are keys and hardly anything else. The prefixes are what their issuers document.
_SHAPES = (
    r"sk-[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic (sk-ant-), OpenRouter
    r"gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",  # GitHub: token formats
    r"glpat-[A-Za-z0-9_-]{16,}",  # GitLab: token prefixes
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS: unique identifiers of IAM
    r"AIza[A-Za-z0-9_-]{30,}",  # Google API keys
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack tokens
    r"hf_[A-Za-z0-9]{20,}",  # Hugging Face
    r"npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}",  # npm, PyPI
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",  # JWT (RFC 7519): both start with {"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",  # PEM (RFC 7468)
)
# Ends of names whose value is one: of HTTP headers (RFC 9110, 6265) and of configuration.
_NAME = (
    r"(?:authorization|cookie|passw(?:or)?d|secret|token|"
    r"private[_-]?key|api[_-]?key|access[_-]?key(?:[_-]?id)?)"
)
_FIELD = re.compile(rf"{_NAME}\Z", re.IGNORECASE)
_SHAPE = re.compile("|".join(f"(?:{shape})" for shape in _SHAPES))
# a name and its value in a text: JSON (in a text of JSON too), YAML, an environment variable, a query
_PAIR = re.compile(
    rf"""(?P<name>{_NAME}\\?["']?\s{{0,8}}[:=]\s{{0,8}})"""
    r"""(?P<value>\\?"(?:[^"\\]|\\.)*?(?:\\?"|\Z)|'[^']*(?:'|\Z)|(?:(?:bearer|basic|token)\s+)?[^\s"',;&}\])]+)""",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"""(?P<name>(?:authorization|cookie)\s{0,8}[:=]\s{0,8})(?P<value>[^\s"'\\][^\r\n"'\\]*)""", re.IGNORECASE
)
_BEARER = re.compile(r"\b(?P<kind>bearer|basic)\s+(?P<value>[A-Za-z0-9._~+/=-]{12,})", re.IGNORECASE)
# all of them have one of these: most texts have none, and are done
_HINT = re.compile(
    r"sk-|gh[oprsu]_|github_pat_|glpat-|A[KS]IA|AIza|xox|hf_|npm_|pypi-|eyJ|-----BEGIN|"
    r"authorization|cookie|passw|secret|key|token|bearer|basic",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """``text`` with what looks like a key masked."""
    if not _HINT.search(text):
        return text
    text = _SHAPE.sub(lambda match: f"{match[0][:4]}…{MASKED}", text)
    text = _HEADER.sub(lambda match: f"{match['name']}{MASKED}", text)
    text = _BEARER.sub(lambda match: f"{match['kind']} {MASKED}", text)
    return _PAIR.sub(_pair, text)


def _pair(match: re.Match[str]) -> str:
    value = match["value"]
    if MASKED[:-1] in value or value.strip("\\\"'") in ("", "null", "true", "false", "None"):
        return match[0]
    quote = re.match(r"\\?[\"']", value)
    around = quote[0] if quote else ""
    return f"{match['name']}{around}{MASKED}{around}"


def masked_value(value: Any, name: str = "") -> Any:
    """A JSON value with the texts in it masked, and all that stands under the name of a secret."""
    secret = bool(name) and _FIELD.search(name) is not None
    if isinstance(value, Mapping):
        return {key: masked_value(item, name if secret else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked_value(item, name) for item in value]
    if secret and value not in (None, "", True, False):
        return MASKED
    return masked(value) if isinstance(value, str) else value
