"""What ignores a finding: a comment at its line, an annotation of its object; and what can't."""

from __future__ import annotations

import pytest

from kubectl_kagent.lint.crds import packed
from kubectl_kagent.lint.linter import lint
from kubectl_kagent.lint.sources import Source
from tests.lab.layout import CHECKOUT

GOOD = (CHECKOUT / "tests/data/lint/schema/good.yaml").read_text()
IMAGE = "    image: registry.example/tools:1.4.2\n"
NAME = "  name: tools\n"


def linted(text: str) -> tuple[list[tuple[int, str, str]], int]:
    found = lint([Source("a.yaml", text.encode(), "a.yaml")], packed())
    return [(each.line, each.rule, each.text) for each in found.findings], found.ignored


def with_image(before: str = "", behind: str = "") -> str:
    return GOOD.replace(IMAGE, f"{before}    image: tools{behind}\n")


@pytest.mark.parametrize(
    "text",
    [
        with_image(behind=" # kagent-lint: ignore unpinned-image one tag only"),
        with_image("    # kagent-lint: ignore unpinned-image one tag only\n"),
        with_image(
            "    # kagent-lint: ignore unpinned-image: one tag only\n    # kagent-lint: ignore schema x\n"
        ),
        with_image("#kagent-lint: ignore pod-security,unpinned-image -- one tag only\n"),
        with_image().replace(
            NAME, f"{NAME}  annotations: {{lint-ignore.kubectl-kagent/unpinned-image: one tag}}\n"
        ),
    ],
)
def test_ignored(text: str) -> None:
    found, ignored = linted(text)
    assert ([each for each in found if each[1] != "unused-ignore"], ignored) == ([], 1)


def test_a_reason_is_a_text() -> None:
    """An annotation of another type the API server refuses, whatever it ignores."""
    annotation = "  annotations: {lint-ignore.kubectl-kagent/schema: [why]}\n"
    found, ignored = linted(GOOD.replace(NAME, f"{NAME}{annotation}"))
    assert ([(rule, text) for _, rule, text in found], ignored) == (
        [
            ("schema", "must be a string, not a list"),
            ("unused-ignore", "schema is ignored without a reason"),
        ],
        0,
    )


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("ignore pod-security we are root", "pod-security is ignored for nothing"),
        ("ignore unpinned-image", "unpinned-image is ignored without a reason"),
        ("ignore unpinned-image --", "unpinned-image is ignored without a reason"),
        ("ignore pinned one tag only", "pinned is not a rule"),
        ("ignore unreadable never mind", "unreadable can't be ignored"),
        ("disable unpinned-image", "is not: # kagent-lint: ignore RULE[,RULE] REASON"),
    ],
)
def test_a_comment_that_ignores_nothing_is_a_finding_and_hides_nothing(comment: str, told: str) -> None:
    found, ignored = linted(with_image(behind=f" # kagent-lint: {comment}"))
    text = '"tools" has no tag: it is latest'
    assert (sorted(found), ignored) == ([(9, "unpinned-image", text), (9, "unused-ignore", told)], 0)


def test_an_annotation_is_for_its_own_object() -> None:
    noted = GOOD.replace(
        NAME, f"{NAME}  annotations:\n    lint-ignore.kubectl-kagent/unpinned-image: one tag only\n"
    )
    other = with_image().replace(NAME, "  name: other\n")
    found, ignored = linted(f"{noted}---\n{other}")
    assert ignored == 0
    assert found == [
        (6, "unused-ignore", "unpinned-image is ignored for nothing"),
        (30, "unpinned-image", '"tools" has no tag: it is latest'),
    ]


def test_another_line_is_not_ignored() -> None:
    found, ignored = linted(with_image("    # kagent-lint: ignore unpinned-image one tag only\n\n"))
    assert ([each[:2] for each in found], ignored) == ([(9, "unused-ignore"), (11, "unpinned-image")], 0)
