"""Characters that a terminal obeys, or that nobody sees, shown as their codes. Pure.

Names, prompts, answers, logs and messages come from other people and programs. A code is as JSON spells it,
so that JSON stays what it is.
"""

from __future__ import annotations

import codecs
import re

# Control characters (Unicode's category Cc) but for the two that text is made of, the separators that some
# take for a line's end (Zl, Zp), and halves of surrogate pairs, which are no text at all (Cs).
_OBEYED = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# Category Cf as of Unicode 15: what turns text around, hides in it or tags it. Not the two joiners below.
_UNSEEN = (
    r"\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
# Persian and Hindi words and many emoji need ZWNJ and ZWJ; beside ASCII they have nothing to join. (The
# variation selectors of emoji are marks, and no Cf.)
_IDLE_JOINER = r"(?<=[\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?=[\x00-\x7f])"

_FOR_PROGRAMS = re.compile(f"[{_OBEYED}]")
_FOR_PEOPLE = re.compile(f"[{_OBEYED}{_UNSEEN}]|{_IDLE_JOINER}")
_ONE_LINE = re.compile(rf"[\n\t{_OBEYED}{_UNSEEN}]|{_IDLE_JOINER}")
_SHORT = {"\n": "\\n", "\t": "\\t"}

# The name of the handler for a stream whose encoding lacks a character.
AS_CODES = "kubectl-kagent.as-codes"


def code(char: str) -> str:
    """``\\u202e``, or two of them beyond the Basic Multilingual Plane; ``\\n`` and ``\\t``."""
    if char in _SHORT:
        return _SHORT[char]
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def harmless(text: str, *, shown: bool = False) -> str:
    """A text of several lines; ``shown`` to a person, what is not to be seen is shown as its code too."""
    return (_FOR_PEOPLE if shown else _FOR_PROGRAMS).sub(_code, text)


def is_harmless(text: str, *, shown: bool = False) -> bool:
    """Whether ``harmless`` would leave it as it is."""
    return not (_FOR_PEOPLE if shown else _FOR_PROGRAMS).search(text)


def one_line(text: str) -> str:
    """The same as one line, whatever it came with: nothing in it can pass for a line of ours."""
    return _ONE_LINE.sub(_code, text)


def visible(line: str) -> str:
    """One line to be compared: its blanks stay, and all else that is not to be seen is shown as its code."""
    return "".join(char if char.isprintable() else code(char) for char in line)


def _code(match: re.Match[str]) -> str:
    return code(match[0])


def _as_codes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(code, error.object[error.start : error.end])), error.end


codecs.register_error(AS_CODES, _as_codes)
