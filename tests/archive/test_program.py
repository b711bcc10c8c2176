"""The archive's program does what the checkout's does."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from scripts.command_tree import commands
from tests.archive.conftest import of_checkout, run

pytestmark = pytest.mark.archive


@pytest.mark.parametrize("words", [(), *(node.words for node in commands())], ids=" ".join)
def test_the_help_of_every_verb_is_the_same(unpacked: Path, words: tuple[str, ...]) -> None:
    said, expected = run(unpacked / "kubectl-kagent", *words, "--help"), of_checkout(*words, "--help")
    assert (said.returncode, said.stdout, said.stderr) == (0, expected.stdout, "")


@pytest.mark.parametrize(
    "words",
    [
        ("version", "--client"),
        ("observe", "export", "--plain"),
        ("observe", "export", "--operator"),
        ("nonsense",),
    ],
    ids=" ".join,
)
def test_what_needs_no_cluster_is_the_same(unpacked: Path, words: tuple[str, ...]) -> None:
    said, expected = run(unpacked / "kubectl-kagent", *words), of_checkout(*words)
    assert (said.returncode, said.stdout, said.stderr) == (
        expected.returncode,
        expected.stdout,
        expected.stderr,
    )


def test_an_error_that_nobody_foresaw_tells_its_place(unpacked: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(unpacked, broken, copy_function=os.link)
    (broken / "lib" / "kubectl_kagent" / "commands" / "version.pyc").unlink()
    said = run(broken / "kubectl-kagent", "version", "--client").stderr.splitlines()[0]
    assert re.fullmatch(r"error: unexpected ModuleNotFoundError in app\.py:\d+", said)


def test_linked_under_its_other_name_it_completes(unpacked: Path, tmp_path: Path) -> None:
    link = tmp_path / "kubectl_complete-kagent"
    link.symlink_to(unpacked / "kubectl-kagent")
    assert run(link, "rollo").stdout.splitlines()[0].startswith("rollout\t")
    assert run(link, "rollout", "und").stdout.endswith("\n:4\n")


@pytest.mark.parametrize("before", [None, "/opt/theirs/lib"])
def test_a_credential_plugin_runs_with_the_library_path_of_the_user(
    unpacked: Path, tmp_path: Path, before: str | None
) -> None:
    seen, plugin = tmp_path / "seen", tmp_path / "plugin"
    plugin.write_text(f'#!/bin/sh\necho "${{LD_LIBRARY_PATH-unset}}" > {seen}\nexit 1\n')
    plugin.chmod(0o755)
    login = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(plugin),
        "interactiveMode": "Never",
    }
    config = {
        "clusters": [{"name": "n", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "n", "user": {"exec": login}}],
        "contexts": [{"name": "n", "context": {"cluster": "n", "user": "n"}}],
        "current-context": "n",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    env = {"LD_LIBRARY_PATH": before} if before else {}
    assert (
        run(unpacked / "kubectl-kagent", "get", "agents", KUBECONFIG=str(kubeconfig), **env).returncode == 6
    )
    assert seen.read_text() == f"{before or 'unset'}\n"
