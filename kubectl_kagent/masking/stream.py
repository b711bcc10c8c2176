"""Secrets in what comes in pieces: the words of an agent, the lines of a log."""

from __future__ import annotations

import re

from kubectl_kagent.masking.innocent import MASKED
from kubectl_kagent.masking.marks import LOOK, is_body, is_empty, mark_in, unended
from kubectl_kagent.masking.secret_data import PARAGRAPH, is_of_secret, is_stored, mappings, undecided
from kubectl_kagent.masking.text import masked, masks

_MOST = 4096  # letters that are looked at together
_LITTLE = 500  # letters of a Secret that are worth a look at each piece
_LONGEST_DATA = 2 * _MOST  # letters that are held until it is told whether they are a Secret's
_OF_SECRET = "kind: Secret\n"  # in the place of what was: data after it may be its own
_LONGEST = 1000  # lines of a private key; one of 16,384 bits has some 200
_MARK = re.compile(r"-----(?:BEGIN|END) [A-Z ]*\Z")
_GOES_ON = re.compile(r"(?:[:=|>][+-]?|-----)\s*\Z")


class MaskedStream:
    """Masks a text that comes in pieces; a word is given out once it is whole.

    What comes out is what ``masked`` makes of the whole, but for a secret whose name comes after it or that
    goes on past a blank line, for data that turn out to be a Secret's when some of them were shown, and for
    what stands between two marks of a private key that is none. Nothing else is lost or comes twice.
    """

    def __init__(self) -> None:
        self._held = ""  # the paragraph that is being said
        self._shown = 0  # letters of it that were given out, or the mask for them
        self._in_mask = False  # whether the last of these were masked
        self._again = 0  # letters that have to be held before it is worth another look

    def feed(self, piece: str) -> str:
        """What can be shown after ``piece``."""
        self._held += piece
        if len(self._held) < self._again:
            return ""
        whole = _whole_words(self._held)
        key, told = unended(self._held[:whole])
        whole = min(whole, key) if key >= 0 else whole
        data = undecided(self._held[:whole])
        if data >= 0 and whole - data < _LONGEST_DATA:
            whole = data
        elif data >= 0 and is_stored(self._held[data:whole]):
            self._held = _OF_SECRET + self._held
            self._shown, whole = self._shown + len(_OF_SECRET), whole + len(_OF_SECRET)
        whole = max(whole, self._shown)
        found = masks(self._held[:whole])
        out = self._give(whole, found)
        self._forget(whole, found, told=told)
        is_long = len(self._held) > (_LITTLE if data >= 0 or is_of_secret(self._held) else 2 * _MOST)
        self._again = len(self._held) * 9 // 8 if is_long else 0
        return out

    def rest(self) -> str:
        """What was held back, when no more comes."""
        out = self._give(len(self._held), masks(self._held))
        self._held, self._shown, self._in_mask, self._again = "", 0, False, 0
        return out

    def _give(self, whole: int, found: list[tuple[int, int, str]]) -> str:
        """What was not shown yet, up to there. Of what is masked only now the rest is."""
        pieces, place = list[str](), self._shown
        for start, end, mask in found:
            if start >= place:
                pieces += (self._held[place:start], mask)
            elif end > place and not self._in_mask:
                pieces.append(MASKED)
            place = max(place, end)
        self._in_mask = self._in_mask if whole == self._shown else bool(found) and found[-1][1] == whole
        self._shown = whole
        return "".join((*pieces, self._held[place:whole]))

    def _forget(self, whole: int, found: list[tuple[int, int, str]], *, told: bool) -> None:
        """Hold no longer what comes before the last place at which nothing secret goes on."""
        ends = [match.end() for match in PARAGRAPH.finditer(self._held, 0, whole)]
        ends += [whole] if whole > _MOST or told else []
        data = mappings(self._held[:whole]) if ends else []
        parted = [*((start, end) for start, end, _ in found), *data]
        parted += [(start, whole + 1) for start, end in data if end == whole]  # more of it may come
        over = [end for end in ends if not any(start < end < stop for start, stop in parted)]
        ended = max(over, default=0)
        before = self._held[:ended]
        # a blank line in the midst of a secret parts nothing
        if ended and (told or _is_over(before, masked(before))):
            context = _OF_SECRET if is_of_secret(before) else ""
            self._held = context + self._held[ended:]
            self._shown += len(context) - ended
            self._in_mask = self._in_mask and self._shown > len(context)


# What may come after a value: none of it belongs to one that is over.
_AFTER = (" x", "\n\nx", "\n          x", "\n          - x")


def _is_over(text: str, shown: str) -> bool:
    """Whether nothing that comes after ``text`` can belong to a secret in it; it is ``shown`` so."""
    if _GOES_ON.search(shown):
        return False
    return not shown.rstrip().endswith(MASKED) or all(
        masked(text + after).endswith(after) for after in _AFTER
    )


def _whole_words(text: str) -> int:
    """Where what may go on begins: the last word, or the mark of a private key."""
    end = len(text) - len(re.split(r"\s", text[-_MOST:])[-1])
    mark = _MARK.search(text, max(0, end - 60), end)
    return mark.start() if mark else end


class Lines:
    """Masks lines of one source, each by itself; only a private key (PEM) goes over several."""

    def __init__(self) -> None:
        self.open = 0  # lines that may still be of a private key
        self._look = 0  # lines in which one has to begin

    def masked(self, line: str) -> str:
        """The line as it is shown."""
        mark = mark_in(line)
        if mark and mark["kind"] == "END":
            inside, self.open, self._look = self.open or self._look, 0, 0
            return MASKED if inside else masked(line)
        if self.open:
            self.open -= 1
            return MASKED
        if mark and mark["kind"] == "BEGIN":
            self._begin(line[mark.end() :])
            return masked(line)
        if not self._look:
            return masked(line)
        if is_body(line):
            self.open, self._look = _LONGEST, 0
            return MASKED
        if is_empty(line):
            return MASKED if line.strip() else line
        self._look -= 1
        return masked(line)

    def _begin(self, rest: str) -> None:
        self.open, self._look = (_LONGEST, 0) if is_body(rest) else (0, LOOK)
