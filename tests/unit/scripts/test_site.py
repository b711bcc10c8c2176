"""The site: every page, no link that leads nowhere, nothing loaded from elsewhere, search."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts import site
from scripts.site import SOURCE, build, pages, relinked
from tests.lab.layout import CHECKOUT

_LOADS = re.compile(
    r"<(?:script|link|img|iframe|source)\b[^>]+(?:src|href)=[\"']?(https?:)?//", re.IGNORECASE
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    build(place)
    return place


def test_links_out_of_docs_lead_to_github_and_code_is_left_alone() -> None:
    text = "[a](docs/output.md#api) [b](manifests/rbac) [c](LICENSE) [d](https://x)\n```\n[a](docs/output.md)\n```\n"
    assert relinked(text, "README.md", "index.md") == (
        f"[a](output.md#api) [b]({SOURCE}/tree/main/manifests/rbac) [c]({SOURCE}/blob/main/LICENSE) "
        "[d](https://x)\n```\n[a](docs/output.md)\n```\n"
    )
    up = "[a](../../README.md) [b](roll-back.md) [c](../output.md#x)"
    assert (
        relinked(up, "docs/tasks/on-call.md", "tasks/on-call.md")
        == "[a](../index.md) [b](roll-back.md) [c](../output.md#x)"
    )


def test_every_page_is_there(built: Path) -> None:
    there = {path.relative_to(built).as_posix() for path in built.rglob("*.html")} - {"404.html"}
    assert there == {
        re.sub(r"(README)?\.md$", lambda found: "index.html" if found[1] else ".html", name)
        for name in pages()
    }


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    lost = [
        (path.name, found[0][:200])
        for path in built.rglob("*.html")
        for found in _LOADS.finditer(path.read_text())
        if 'rel="canonical"' not in found[0]
    ]
    assert lost == []


def test_search_knows_the_pages(built: Path) -> None:
    index = json.loads((built / "search" / "search_index.json").read_text())
    places = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {"tasks/roll-back.html", "reference/rollout-undo.html", "dashboards.html"} <= places


def test_a_link_that_leads_nowhere_ends_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(site, "pages", lambda: {"index.md": "# A\n\n[b](gone.md)\n"})
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path / "out")


def test_the_menu_names_the_pages_that_people_begin_with() -> None:
    menu = (CHECKOUT / "mkdocs.yml").read_text()
    for folder in ("tasks", "integrations"):
        for path in (CHECKOUT / "docs" / folder).glob("*.md"):
            assert f": {folder}/{path.name}\n" in menu
