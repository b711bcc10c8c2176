"""Every block of commands in the pages is run, in the order of the pages, in one namespace of the lab.

What stands in for what a laptop has and the lab cannot: see _INSTEAD. A block that cannot be run says so
above it; tests/unit/test_shell_blocks.py counts these.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import PROGRAM, Tools, own_namespace, wait_for
from tests.lab.layout import CHECKOUT
from tests.shell_blocks import Block, blocks

pytestmark = pytest.mark.cluster

# A reader begins with the first; the others go on from there.
PAGES = (
    "getting-started",
    "tasks/deploy-safely",
    "tasks/follow-a-tool-call",
    "tasks/on-call",
    "tasks/roll-back",
    "tasks/debug-a-stuck-agent",
    "tasks/wire-telemetry",
    "integrations/github-actions",
)
_EXAMPLE = "manifests/examples/datetime-agent"
_SECONDS = 300


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    with own_namespace(lab_kubeconfig) as found:
        yield found


@pytest.fixture(scope="module")
def env(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """kubectl and the plugin on PATH, and a kubeconfig that the pages may change."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "kubectl").symlink_to(shutil.which(tools.kubectl_program) or "")
    plugin = folder / "kubectl-kagent"
    plugin.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    plugin.chmod(0o755)
    config = folder / "config"
    config.write_bytes(tools.kubeconfig.read_bytes())
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    python = os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
    return tools.env(PATH=path, KUBECONFIG=str(config), PYTHONPATH=python, OPENAI_API_KEY="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout's manifests: a page may write where it is read."""
    place = tmp_path_factory.mktemp("checkout")
    shutil.copytree(CHECKOUT / "manifests", place / "manifests")
    return place


def _adapted(script: str, namespace: str) -> str:
    """The lab has the namespace already, and the example's images and model in an overlay."""
    for theirs, ours in {
        "kubectl create namespace datetime-demo\n": "",
        "datetime-demo": namespace,
        f"{_EXAMPLE}/base": f"{_EXAMPLE}/overlays/lab",
    }.items():
        script = script.replace(theirs, ours)
    return script


def test_each_block_ends_as_its_page_says(tools: Tools, env: dict[str, str], folder: Path) -> None:
    """One after the other: a page goes on where the one before has ended."""
    failed = []
    for block in [block for page in PAGES for block in blocks(CHECKOUT / "docs" / f"{page}.md")]:
        if not block.reason:
            wait_for(lambda: not leaving(tools), "the pods of the block before")
            done = _run(block, tools.namespace, env, folder)
            if done.returncode != block.code:
                told = f"{done.stdout}{done.stderr}"[-2000:]
                failed.append(f"{block.name} ended with {done.returncode}, not {block.code}:\n{told}")
    assert failed == []


def leaving(tools: Tools) -> list[str]:
    """Pods on their way out, whose last requests a reader does not meet: typing takes longer."""
    pods = json.loads(tools.kubectl("get", "pods", "-o", "json").out)["items"]
    return [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" in pod["metadata"]]


def _run(block: Block, namespace: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", _adapted(block.script, namespace)],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
