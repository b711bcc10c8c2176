"""Each rule finds its bad example, and nothing else in it; nothing is found in the good one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_kagent.lint.crds import packed
from kubectl_kagent.lint.findings import LintReport
from kubectl_kagent.lint.linter import lint
from kubectl_kagent.lint.rules import BY_ID, RULES
from kubectl_kagent.lint.sources import Source, built, files
from kubectl_kagent.render.lint import lint_screen
from tests.conftest import Screen
from tests.lab.layout import CHECKOUT

EXAMPLES = CHECKOUT / "tests" / "data" / "lint"
IDS = list(BY_ID)
SCHEMAS = packed()


def example(rule: str, name: str) -> LintReport:
    content = (EXAMPLES / rule / f"{name}.yaml").read_bytes()
    return lint([Source(f"{rule}.yaml", content, f"{rule}.yaml")], SCHEMAS)


def test_each_rule_has_examples_and_no_other() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir()) == sorted(IDS)
    assert len(IDS) == len(RULES)


@pytest.mark.parametrize("rule", IDS)
def test_the_bad_example_has_that_finding_and_no_other(rule: str) -> None:
    found = example(rule, "bad")
    assert [(each.rule, each.severity) for each in found.findings] == [(rule, BY_ID[rule].severity)]


@pytest.mark.parametrize("rule", IDS)
def test_nothing_is_found_in_the_good_example(rule: str) -> None:
    assert example(rule, "good").findings == ()


def test_what_is_said_of_the_bad_examples(screen: Screen) -> None:
    screen("lint_rules", "".join(lint_screen(example(rule, "bad")) for rule in IDS))


def test_our_own_example_has_no_finding() -> None:
    base = CHECKOUT / "manifests" / "examples" / "datetime-agent" / "base"
    found = lint(files([str(base)], b"", recursive=True), SCHEMAS)
    assert (found.findings, found.objects) == ((), 3)


@pytest.mark.parametrize("folder", ["base", "overlays/lab"])
def test_what_kustomize_makes_of_it_has_none_either(folder: str) -> None:
    path = CHECKOUT / "manifests" / "examples" / "datetime-agent" / Path(folder)
    assert lint([built(str(path))], SCHEMAS).findings == ()
