"""The release workflow: what it may do, what it runs, and that it builds what the manifest promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from scripts.archive.__main__ import _PROCESSORS, _SYSTEMS
from scripts.archive.manifest import TEMPLATE
from tests.lab.layout import CHECKOUT

_PATH = CHECKOUT / ".github" / "workflows" / "release.yaml"
_TEXT = _PATH.read_text()
_WORKFLOW: dict[Any, Any] = yaml.safe_load(_TEXT)
_JOBS: dict[str, dict[str, Any]] = _WORKFLOW["jobs"]
_READ = {"contents": "read"}
# Each more than reading, and why: release.yaml says it beside the permission.
_MAY = {
    "release": {"contents": "write", "id-token": "write", "attestations": "write"},
    "pypi": {**_READ, "id-token": "write"},
    "krew": {},
}


def _steps() -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, step) for name, job in _JOBS.items() for step in job.get("steps", ()))


def test_actions_are_named_by_their_commit_and_version() -> None:
    used = re.findall(r"uses: (\S+)(.*)", _TEXT)
    ours = "./.github/workflows/ci.yaml"
    assert [name for name, _ in used].count(ours) == 1
    for name, comment in used:
        if name != ours:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", name), name
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), name
    versions = {
        name.partition("@")[0]: {n for n, _ in used if n.startswith(f"{name.partition('@')[0]}@")}
        for name, _ in used
    }
    assert {name: len(found) for name, found in versions.items() if len(found) > 1} == {}
    ci = (_PATH.parent / "ci.yaml").read_text()
    assert set(re.findall(r"uses: .*", ci)) <= {f"uses: {name}{comment}" for name, comment in used}


def test_nothing_is_allowed_but_what_a_job_needs() -> None:
    assert _WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in _JOBS.items()} == {
        name: _MAY.get(name, _READ) for name in _JOBS
    }


def test_whoever_may_write_runs_no_code_of_packages() -> None:
    """The jobs that build have no rights; those with rights run what they download from them as data only."""
    for name, job in _JOBS.items():
        if "write" in job["permissions"].values():
            runs = "\n".join(step.get("run", "") for step in job["steps"])
            installs = re.findall(r"pip install.*", runs)
            assert "make " not in runs, name
            assert installs in ([], ["pip install --require-hashes --requirement .github/publishing.txt"])


def test_no_expression_is_pasted_into_a_script() -> None:
    assert [step["run"] for _, step in _steps() if "${{" in step.get("run", "")] == []


def test_checkouts_keep_no_credentials() -> None:
    checkouts = [step for _, step in _steps() if "actions/checkout@" in step.get("uses", "")]
    assert len(checkouts) > 2
    assert {step["with"]["persist-credentials"] for step in checkouts} == {False}


def test_every_job_has_an_end() -> None:
    assert [name for name, job in _JOBS.items() if "uses" not in job and not job.get("timeout-minutes")] == []


def test_the_platforms_are_those_of_the_manifest_and_of_the_archive() -> None:
    built = [entry["platform"] for entry in _JOBS["archive"]["strategy"]["matrix"]["include"]]
    named = yaml.safe_load(TEMPLATE.read_text())["spec"]["platforms"]
    assert built == ["/".join(platform["selector"]["matchLabels"].values()) for platform in named]
    assert {platform.partition("/")[0] for platform in built} == {*_SYSTEMS.values()}
    assert {platform.partition("/")[2] for platform in built} == {*_PROCESSORS.values()}
    assert f'dist/kagent.yaml)" = {len(built)}' in _TEXT


def test_nothing_is_published_before_everything_is_tested_and_built() -> None:
    assert {*_JOBS["release"]["needs"]} == {"test", "archive", "package", "manifest"}
    assert [name for name, job in _JOBS.items() if job.get("needs") == "release"] == ["pypi", "krew"]
    runs = [step["run"] for name, step in _steps() if name == "archive" and "run" in step]
    assert [run.rpartition(" ")[2] for run in runs if "scripts.archive" in run] == ["build", "check", "smoke"]


@pytest.mark.parametrize("word", ["secrets.", "password", "token:"])
def test_no_secret_is_kept_for_it(word: str) -> None:
    text = re.sub(r"id-token:|#.*", "", _TEXT)
    assert word not in text


def test_what_publishes_is_named_with_its_hashes() -> None:
    text = (CHECKOUT / ".github" / "publishing.txt").read_text()
    assert re.findall(r"^([\w-]+)==", text, re.MULTILINE) == ["uv"]
    assert "--hash=sha256:" in text
