"""Links between the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.markdown import anchor
from tests.lab.layout import CHECKOUT

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted({*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")})


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text())
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_has_its_file_and_heading(page: Path) -> None:
    lost = []
    for target in _LINK.findall(_FENCE.sub("", page.read_text())):
        name, _, heading = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if "://" in target:
            continue
        if not there.exists() or (heading and heading not in _anchors(there)):
            lost.append(target)
    assert lost == []
