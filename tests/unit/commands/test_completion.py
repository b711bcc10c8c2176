"""completion as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_kagent.cli import completion_hook
from kubectl_kagent.errors import KagentError
from tests.conftest import Kagent

_NEXT = "hint: each shell needs kubectl's completion, too: kubectl completion -h says how\n"


@pytest.mark.parametrize(
    ("made", "line"),
    [(True, "/bin/hook installed\n"), (False, "/bin/hook is there already, and completes\n")],
)
def test_install(kagent: Kagent, monkeypatch: pytest.MonkeyPatch, *, made: bool, line: str) -> None:
    monkeypatch.setattr(completion_hook, "install", lambda: (Path("/bin/hook"), made))
    assert kagent("completion", "install") == (0, line, _NEXT)


def test_uninstall(kagent: Kagent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion_hook, "uninstall", lambda: Path("/bin/hook"))
    assert kagent("completion", "uninstall") == (0, "/bin/hook removed\n", "")
    monkeypatch.setattr(completion_hook, "uninstall", lambda: None)
    none = "nothing to remove: no kubectl_complete-kagent is beside the plugin\n"
    assert kagent("completion", "uninstall") == (0, "", none)


def test_an_error_names_the_next_step(kagent: Kagent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KagentError("it is theirs", hint="ask them")

    monkeypatch.setattr(completion_hook, "install", fail)
    assert kagent("completion", "install") == (1, "", "error: it is theirs\nhint: ask them\n")


def test_the_program_completes_when_it_is_told_to_or_called_so(tmp_path: Path) -> None:
    lines = "rollback\tRoll back to an earlier revision\n:4\n"
    link = tmp_path / "kubectl_complete-kagent"
    link.write_text(f"#!{sys.executable}\nfrom kubectl_kagent.__main__ import main\nmain()\n")
    link.chmod(0o755)
    for command in ([sys.executable, "-m", "kubectl_kagent", "__complete"], [str(link)]):
        done = subprocess.run([*command, "rollb"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, lines, "")
