"""observe diff as it is typed."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import CONFIG_MAP, DEPLOYMENT, SERVICE
from tests.conftest import Kagent, Screen
from tests.fake.bundle import NAME
from tests.fake.cluster import FakeCluster

SPACE = "kagent-observability"


def test_nothing_differs(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    assert kagent("observe", "diff") == (0, "", "")


def test_changed_by_hand(cluster: FakeCluster, kagent: Kagent, screen: Screen) -> None:
    kagent("observe", "install")
    cluster.edit(DEPLOYMENT, NAME, {"spec": {"replicas": 3}}, namespace=SPACE, manager="kubectl-scale")
    cluster.edit(CONFIG_MAP, NAME, {"data": {"config.yaml": "a: 1\n\x1b[2J"}}, namespace=SPACE)
    cluster.remove(SERVICE, NAME, namespace=SPACE)
    cluster.requests.clear()
    code, out, err = kagent("observe", "diff")
    others = (
        "configmap/kagent-collector .data.config.yaml is managed by kubectl-edit",
        "deployment.apps/kagent-collector .spec.replicas is managed by kubectl-scale",
    )
    told = "".join(f"Warning: {line}: install changes it only with --force-conflicts\n" for line in others)
    assert (code, err) == (1, told)
    fixed = [line for line in out.splitlines(keepends=True) if "uid: " not in line]
    screen("observe-diff", "".join(fixed))
    assert [request for request in cluster.writes if not request.dry_run] == []


def test_before_the_first_install_all_is_new(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("observe", "diff")
    new = out.count("\n+++ MERGED/")
    removed = re.findall("^-(?!--)", out, re.MULTILINE)
    assert (code, err, new, removed) == (1, "", 12, [])


def test_an_error_is_more_than_a_difference(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")

    def wrong() -> None:
        raise Unreachable("away")

    cluster.before("get", DEPLOYMENT, wrong)
    assert kagent("observe", "diff") == (5, "", "error: away\n")
    cluster.missing(DEPLOYMENT)
    message = 'error: the server doesn\'t have a resource type "deployments" in apps/v1\n'
    assert kagent("observe", "diff") == (2, "", message)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program for differences; tells what it was given, and ends as the file exit-code says."""
    path = tmp_path / "differ"
    path.write_text(f'#!/bin/sh\ncd "$2/.." && ls LIVE MERGED\nexit "$(cat "{tmp_path}/exit-code")"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "exit-code").write_text("1")
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", str(path))
    return path


def test_the_users_program_gets_both_folders(
    cluster: FakeCluster, kagent: Kagent, program: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kagent("observe", "install")
    assert kagent("observe", "diff") == (0, "", "")
    assert capfd.readouterr().out == ""
    cluster.edit(DEPLOYMENT, NAME, {"spec": {"replicas": None}}, namespace=SPACE)
    cluster.remove(SERVICE, NAME, namespace=SPACE)
    assert kagent("observe", "diff")[:2] == (1, "")
    deployment = f"apps.v1.Deployment.{SPACE}.{NAME}\n"
    assert capfd.readouterr().out == f"LIVE:\n{deployment}\nMERGED:\n{deployment}v1.Service.{SPACE}.{NAME}\n"


@pytest.mark.parametrize(("given", "code"), [("0", 0), ("1", 1), ("3", 2)])
def test_its_exit_code_is_ours(
    cluster: FakeCluster, kagent: Kagent, program: Path, given: str, code: int
) -> None:
    (program.parent / "exit-code").write_text(given)
    found, out, err = kagent("observe", "diff")
    failed = f"error: KUBECTL_EXTERNAL_DIFF: {program} failed with exit code 3\n"
    assert (found, out, err) == (code, "", failed if code == 2 else "")
