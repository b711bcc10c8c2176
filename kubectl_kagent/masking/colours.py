"""What terminals take for no letters (ECMA-48): colours, moves, links, titles, alphabets."""

from __future__ import annotations

import re

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# The same where a text has it as JSON writes it, as kagent's runtimes do
WRITTEN = r"(?:\x1b|\\u001[bB])\[[0-9;:]*m"
# What hides nothing: bold, italic, underlined, a foreground, and none of them any more. Black, grey and white
# hide what stands on a ground of the same.
PLAIN = re.compile(r"\x1b\[(?:(?:0?[0134]|2[2-4]|3[1-69]|9[1-6])(?:;|(?=m)))*m")

# Each as it is, or as JSON, Python, C, Rust or a shell writes it
_ESC = r"(?:\x1b|\\(?:u001[bB]|u\{1[bB]\}|x1[bB]|033))"
_SHELLS = r"\\[eE]"  # for those sequences only that no path on Windows can begin
_CSI = rf"(?:(?:{_ESC}|{_SHELLS})\[|\x9b|\\(?:u009[bB]|x9[bB]|233))"
_OPENS = (
    rf"(?:(?:{_ESC}|{_SHELLS})[\]PX^_]"
    r"|[\x90\x98\x9d-\x9f]|\\(?:u009[08d-fD-F]|x9[08d-fD-F]|2(?:20|30|3[5-7])))"
)
_BEL = r"\x07|\\(?:u0007|x07|007|a)"
_ST = rf"(?:{_ESC}|{_SHELLS})\\{{1,2}}|\x9c|\\(?:u009[cC]|x9[cC]|234)"
# A link, a title or another string for the terminal. Nothing that may open or end one is in it: a text in
# which many begin and none ends is read in one go.
STRING = rf"{_OPENS}(?P<said>[^\\\x00-\x1f\x7f-\x9f]*)(?:{_BEL}|{_ST})"
# None of these is seen between letters. One of two characters counts within a word only: behind an ESC that
# stands alone a word may begin. (U+0085 ends a line.)
UNSEEN = (
    rf"{_CSI}[0-?]*[ -/]*[@-~]"
    rf"|{STRING}"
    rf"|(?:{_ESC}|{_SHELLS}(?=\())[#%()*+\-./$ ]{{1,2}}[0-~]"
    rf"|(?<=[0-9A-Za-z]){_ESC}[0-9@-OQ-WYZ`-~]"
    r"|[\x0e\x0f\x80-\x84\x86-\x9f]"
)
# One of these is in every text that has any of it
SIGNS = ("\x1b", "\x0e", "\x0f", "\\u", "\\x", "\\0", "\\2", "\\e", "\\E")


def without_colours(text: str) -> str:
    """``text`` as one reads it."""
    return _SGR.sub("", text) if "\x1b[" in text else text
