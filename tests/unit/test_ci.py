"""What a contributor meets on GitHub: CI that runs what .ci/run runs, forms that ask for what we need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.app import TRACEBACK
from tests.lab.layout import CHECKOUT

_GITHUB = CHECKOUT / ".github"
_WORKFLOW = _GITHUB / "workflows" / "ci.yaml"
_FORMS = [_GITHUB / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "feature.yml")]


def _read(path: Path) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(path.read_text())
    return read


def _steps() -> Iterator[dict[str, Any]]:
    return (step for job in _read(_WORKFLOW)["jobs"].values() for step in job["steps"])


def _targets(text: str) -> list[str]:
    lines = re.findall(r"\bmake ((?:--\S+ )*[a-z-]+(?: [a-z-]+)*)", text)
    return [word for line in lines for word in line.split() if not word.startswith("--")]


def test_the_workflow_runs_the_targets_of_the_ci_script_and_no_others() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text()
    down, *targets = _targets(script)  # what ends it stands first, in a trap
    assert (down, targets) == ("lab-down", ["lint", "check", "test", "test-telemetry"])
    assert _targets("\n".join(step.get("run", "") for step in _steps())) == [*targets, down]
    assert {*targets, down} <= {
        *re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    }


def test_actions_are_named_by_their_commit() -> None:
    used = re.findall(r"uses: (.*)", _WORKFLOW.read_text())
    assert {re.sub(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", "", line) for line in used} == {
        "actions/checkout",
        "actions/setup-python",
    }
    assert len(set(used)) == 2  # one commit each


def test_a_job_may_only_read_and_has_an_end() -> None:
    workflow = _read(_WORKFLOW)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert job["timeout-minutes"] <= 180
    checkouts = [step for step in _steps() if step.get("uses", "").startswith("actions/checkout")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False, False]


@pytest.mark.parametrize("form", _FORMS, ids=lambda path: path.stem)
def test_a_form_sends_vulnerabilities_elsewhere(form: Path) -> None:
    assert "[SECURITY.md](../security/policy)" in _read(form)["body"][0]["attributes"]["value"]
    assert _read(_GITHUB / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": False}
    assert (CHECKOUT / "SECURITY.md").exists()


def test_the_forms_ask_for_what_it_takes() -> None:
    bug, feature = ({field["id"]: field for field in _read(form)["body"] if "id" in field} for form in _FORMS)
    assert list(bug) == ["version", "ran", "happened", "expected", "traceback"]
    assert "`kubectl kagent version`" in bug["version"]["attributes"]["description"]
    assert f"`{TRACEBACK}=1`" in bug["traceback"]["attributes"]["description"]
    assert list(feature) == ["task", "kubectl", "interface", "requests"]
    for form in (bug, feature):
        assert [name for name, field in form.items() if "validations" not in field] == [list(form)[-1]]
