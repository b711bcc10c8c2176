"""Secrets in what comes in pieces: the words of an agent, the lines of a log."""

from __future__ import annotations

import re

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.marks import goes_on
from kubectl_kagent.masking.text import masked

_MOST = 4096  # letters that are looked at together
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_MARK = re.compile(r"-----BEGIN [A-Z ]*\Z")
_GOES_ON = re.compile(r"(?:[:=|>][+-]?|-----)\s*\Z")


class MaskedStream:
    """Masks a text that comes in pieces; a word is given out once it is whole.

    What comes out is what ``masked`` makes of the whole, but for a secret whose name comes after it, or that
    goes on past a blank line.
    """

    def __init__(self) -> None:
        self._held = ""  # the paragraph that is being said
        self._shown = 0  # letters of what it is masked to that were given out

    def feed(self, piece: str) -> str:
        """What can be shown after ``piece``."""
        self._held += piece
        whole = _whole_words(self._held)
        text = masked(self._held[:whole])
        out = text[self._shown :]
        self._shown = max(self._shown, len(text))
        breaks = [match.end() for match in _PARAGRAPH.finditer(self._held, 0, whole)]
        ended = whole if whole > _MOST else max(breaks, default=0)
        before = masked(self._held[:ended])
        if ended and not before.rstrip().endswith(MASKED) and not _GOES_ON.search(before):
            self._shown -= len(before)
            self._held = self._held[ended:]
        return out

    def rest(self) -> str:
        """What was held back, when no more comes."""
        text = masked(self._held)[self._shown :]
        self._held, self._shown = "", 0
        return text


def _whole_words(text: str) -> int:
    """Where what may go on begins: the last word, or the mark of a private key."""
    end = len(text) - len(re.split(r"\s", text[-_MOST:])[-1])
    mark = _MARK.search(text, max(0, end - 60), end)
    return mark.start() if mark else end


class Lines:
    """Masks lines of one source, each by itself; only a private key (PEM) goes over several."""

    def __init__(self) -> None:
        self.open = False  # in a private key

    def masked(self, line: str) -> str:
        """The line as it is shown."""
        begins, ends = "PRIVATE KEY-----" in line and "BEGIN" in line, "END" in line and "KEY-----" in line
        if self.open or begins:
            inside = self.open and (begins or ends or goes_on(line))
            self.open = not ends and (inside or begins)
            return MASKED if inside else masked(line)
        return masked(line)
