"""For texts that leave the house: only what reads like words, numbers and known names passes. Pure.

``masked`` knows what a secret looks like. Here it is the other way around: a key without a name or a shape is
told by that it is nothing else. What is made of plain words passes all the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address
from itertools import pairwise

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.text import as_seen

_RUN = re.compile(r"""[^\s"'`<>(){}\[\],;|]+""")
_END = ".:!?…*"
_FIELDS = re.compile(r"([=&?#%\\*+~$^!]+)")
_PARTS = re.compile(r"([:/@]+)")
# Who somebody is: no cause of anything
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]++(?:@|%40)[\w-]++(?:\.[\w-]++)+")
_SEGMENT = re.compile(r"\W|_")
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_PLURAL = re.compile(r"[A-Z]{2,5}s")

_NUMBER = 10  # digits: bytes, seconds since the epoch; what has more is an account or a card
# What the API server puts behind a name: k8s.io/apimachinery's util/rand has these letters and digits.
_MADE = re.compile(r"(?:-[bcdf-hj-np-tv-xz2456789]{8,10})?(?:-[bcdf-hj-np-tv-xz2456789]{5})?\Z")
_EPOCH = re.compile(r"1[5-9]\d{8}(?:\d{3}){1,3}")  # in ms, us or ns
_LONGEST_WORD = 24
_LONGEST_NAME = 64
# Reasons and fields of Kubernetes and kagent that are longer, and have a short or an unlikely word
_LONG_WORDS = {
    *("PodReadyToStartContainers", "FailedToRetrieveImagePullSecret", "FailedMountOnFilesystemMismatch"),
    *("ControllerResizeInProgress", "VolumePermissionChangeInProgress", "topologySpreadConstraints"),
    *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
}
# RFC 3339 and its kin, and the times that klog and Go's and Python's loggers write
_TIME = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T_]\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\d\d?:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
)
_QUANTITY = r"(?:\d+(?:ns|us|µs|ms|[smhdwy]))+|\d+(?:[KMGTP]i?B?|[kBmx]|ns|ms|st|nd|rd|th|k[Bb])"
_TECHNICAL = re.compile(
    rf"{_QUANTITY}|v\d{{1,4}}(?:(?:alpha|beta|rc)\d{{1,2}})?|\d{{1,3}}(?:alpha|beta|rc|a|b)\d{{1,2}}"
    r"|[IWEF]\d{4}|[rTp]\d{1,3}|[A-Z][1-9]"
    r"|A2A|a2a|k8s|K8s|k3s|x86|amd64|arm64|i386|utf8|UTF8|ipv[46]|IPv[46]|tcp[46]|udp[46]|http[123]|HTTP[12]|h2c?"
    r"|sha(?:1|256|384|512)|SHA(?:1|256|384|512)|md5|base(?:32|64)|oauth2?|OAuth2|OAUTH2|RS256|ES256|x509|http2"
    r"|python[23]|py[23]|cp3\d\d?|e2e|i18n|s3|S3|ec2|EC2|gpt\d|o[134]|0x0|libc6|grpc2|log4j|el[789]|deb1[0-9]",
    re.ASCII,
)
# Letters that do not follow the letter in words: in fewer than eight of the 9,112 words of four letters and
# more that stand in at least two files of Python 3.13's standard library, kagent's CRDs and our own sources.
_UNLIKELY = {
    "a": "ahjoqz",
    "b": "fghkqvwxz",
    "c": "bfjnqwxz",
    "d": "hjkqxz",
    "e": "j",
    "f": "bghjkmnpqvwxz",
    "g": "bdfjkpqvwxyz",
    "h": "cfghjkpqvwxz",
    "i": "hijquwy",
    "j": "bcdfghijklmnpqrstvwxyz",
    "k": "bfhjkmpqrvxyz",
    "l": "ghjqwxz",
    "m": "fghjqrvwxyz",
    "n": "xz",
    "o": "hqz",
    "p": "gjkmqvxz",
    "q": "abcdefghijklmnopqrstvwxyz",
    "r": "hjqxz",
    "s": "bjxz",
    "t": "jqx",
    "u": "hjkquvwxyz",
    "v": "bdfghjklmnpqrstuvwxyz",
    "w": "bcfgjkmpquvwxyz",
    "x": "bdfgjkmnqruvwz",
    "y": "dfghjkquvxyz",
    "z": "bcdfghjklmnpqrstuvwxyz",
}
_INSIDE = re.compile(r"A2[aA](?=[A-Z]|\Z)|(?<=[a-z])(?:A2[aA]|V1|V2)(?=[A-Z]|\Z)")  # A2aAgent
# Of our own field, and spelled unlike other words.
_OURS = {
    *("kagent", "kmcp", "kubectl", "kubelet", "fastmcp", "uvicorn", "asyncio", "jsonrpc", "httpx"),
    *("http", "https", "json", "yaml"),
}


def only_legible(text: str, names: Collection[str] = ()) -> str:
    """``text`` with all masked that is neither words nor numbers nor one of ``names``.

    A run of letters is looked at between blanks, quotes and brackets, and then between what parts addresses,
    paths and assignments: ``[masked]`` stands for as little as that.
    """
    return _RUN.sub(lambda match: _shown(match[0], names), as_seen(text))


def _shown(run: str, names: Collection[str]) -> str:
    if run.rstrip(_END) in names:
        return run
    fields = _FIELDS.split(_MAIL.sub(MASKED, run))
    return "".join(field if place % 2 else _field(field, names) for place, field in enumerate(fields))


def _field(field: str, names: Collection[str]) -> str:
    bare = field.rstrip(_END)
    if bare in names or _TIME.fullmatch(bare) or _is_address(bare):
        return field
    shown = [
        part if place % 2 or _is_named(part, names) or _is_plain(part) else MASKED
        for place, part in enumerate(_PARTS.split(bare))
    ]
    return "".join((*shown, field[len(bare) :]))


def _is_named(part: str, names: Collection[str]) -> bool:
    """Whether it is a name, or made of one: a ReplicaSet's or a pod's, which may be gone."""
    return part in names or _MADE.sub("", part) in names


@lru_cache(maxsize=65536)
def _is_plain(part: str) -> bool:
    """Whether all of it may be seen; words with hyphens, dots or underscores are one."""
    if _TIME.fullmatch(part) or _EPOCH.fullmatch(part):
        return True
    if sum(map(str.isdigit, part)) > _NUMBER and not _is_address(part):
        return False
    return all(map(_is_segment, _SEGMENT.split(part)))


def _is_segment(text: str) -> bool:
    text = _INSIDE.sub("", text)
    if not text or (text.isdigit() and len(text) <= _NUMBER):
        return True
    if not text.isalpha():
        return _TECHNICAL.fullmatch(text) is not None
    return text in _LONG_WORDS or (len(text) <= _LONGEST_WORD and _are_words(text)) or _is_joined(text)


def _is_joined(text: str) -> bool:
    """A longer name of a type, reason or field: of several words, none of which is short or unlikely."""
    words = _WORDS.findall(text)
    if len(words) < 2 or len(text) > _LONGEST_NAME or "".join(words) != text:
        return False
    if sum(map(str.isupper, words)) > 1:
        return False
    return all(
        len(word) > 2 and not (_unlikely(word) or (word[-1].islower() and _unlikely_pairs(word.lower())))
        for word in words
    )


def _are_words(text: str) -> bool:
    """One word, or several as in CrashLoopBackOff; a key changes its case more often than these."""
    if not text.isascii():
        return text[1:].islower() or text.isupper()
    if _PLURAL.fullmatch(text):
        return True
    words = _WORDS.findall(text)
    short = sum(len(word) < 3 for word in words)
    if len(words) > 1 and (short > 1 or len(text) < (2.5 if len(words) == 2 else 3.5) * len(words)):
        return False
    unlikely = sum(map(_unlikely, words))
    return unlikely <= (len(text) >= 6)


def _unlikely(word: str) -> int:
    """How many of its letters follow one that they follow in no word."""
    lower = word.lower()
    if len(word) < 4 or lower in _OURS or (word.isupper() and len(word) < 6):
        return 0
    return _unlikely_pairs(lower)


def _unlikely_pairs(lower: str) -> int:
    return sum(after in _UNLIKELY[letter] for letter, after in pairwise(lower))


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    for address in (text, host if port.isdigit() else ""):
        try:
            ip_address(address.strip("[]").partition("/")[0])
        except ValueError:
            continue
        return True
    return False
