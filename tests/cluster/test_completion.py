"""<TAB> in real shells: kubectl's own completion, the hook that install makes, and the lab."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from tests.cluster.conftest import PROGRAM, Tools, own_namespace
from tests.cluster.terminal import Terminal
from tests.cluster.workloads import create, parked

pytestmark = pytest.mark.cluster

# How each shell starts without the settings of whoever runs the test, and how it learns of kubectl.
_SHELLS = {
    "bash": (
        ["bash", "--noprofile", "--norc", "-i"],
        "bind 'set enable-bracketed-paste off'; . /usr/share/bash-completion/bash_completion; "
        ". <(kubectl completion bash)",
    ),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; . <(kubectl completion zsh)"),
    "fish": (["fish", "-i"], "kubectl completion fish | source"),
}


@pytest.fixture(scope="module")
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    with own_namespace(lab_kubeconfig) as found:
        api = connect(Connection(kubeconfig=str(found.kubeconfig), namespace=found.namespace))
        create(api, parked("clock", replicas=0), parked("cook", replicas=0))
        yield found


@pytest.fixture
def env(tools: Tools, tmp_path: Path) -> dict[str, str]:
    """A PATH on which kubectl finds the plugin, as an archive's is linked there, and no other hook."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").symlink_to(shutil.which(tools.kubectl_program) or "")
    plugin = folder / "kubectl-kagent"
    # by the name that the shell is called by the program knows what it is to do
    words = " ".join(f"'{word}'" for word in PROGRAM)
    plugin.write_text(
        f'#!/bin/sh\ncase $0 in *kubectl_complete-*) set -- __complete "$@";; esac\nexec {words} "$@"\n'
    )
    plugin.chmod(0o755)
    namespaced = tmp_path / "kubeconfig"
    namespaced.write_bytes(tools.kubeconfig.read_bytes())
    found = {
        **replace(tools, kubeconfig=namespaced).env(),
        "PATH": f"{folder}:/usr/bin:/bin",
        "TERM": "xterm",
        "HOME": str(tmp_path),
        "SHELL": "/bin/sh",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]),
    }
    _kubectl(found, "config", "set-context", "--current", f"--namespace={tools.namespace}")
    return found


def _kubectl(env: dict[str, str], *words: str) -> tuple[str, str]:
    done = subprocess.run(
        ["kubectl", *words], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, done.stderr


def test_it_is_installed_and_removed_where_kubectl_finds_it(env: dict[str, str]) -> None:
    hook = Path(env["PATH"].partition(":")[0]) / "kubectl_complete-kagent"
    hint = "hint: each shell needs kubectl's completion, too: kubectl completion -h says how\n"
    asked = ("__complete", "kagent", "rollb")
    before = _kubectl(env, *asked)[0]
    assert "rollback" not in before
    assert _kubectl(env, "kagent", "completion", "install") == (f"{hook} installed\n", hint)
    assert _kubectl(env, *asked)[0] == "rollback\tRoll back to an earlier revision\n:4\n"
    assert _kubectl(env, "kagent", "completion", "uninstall") == (f"{hook} removed\n", "")
    assert _kubectl(env, *asked)[0] == before


@pytest.mark.parametrize("shell", _SHELLS)
def test_tab_in_a_real_shell(tools: Tools, env: dict[str, str], shell: str) -> None:
    _kubectl(env, "kagent", "completion", "install")
    command, learn = _SHELLS[shell]
    with Terminal(command, env) as terminal:
        terminal.type(f"{learn}; echo is-'ready'\n")
        terminal.shows("is-ready")
        for typed, completed in (
            ("kubectl kagent rollb", "kubectl kagent rollback "),
            ("kubectl kagent rollout undo --to-re", "kubectl kagent rollout undo --to-revision"),
            ("kubectl kagent describe agents cl", "kubectl kagent describe agents clock "),
            (f"kubectl kagent get agents -n {tools.namespace[:-1]}", f"-n {tools.namespace} "),
        ):
            terminal.type(f"{typed}\t")
            terminal.shows(completed)
            terminal.type("\x15echo next-'line'\n")
            terminal.shows("next-line")
