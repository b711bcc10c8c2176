"""Where kubectl_complete-kagent goes, and what is left alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kubectl_kagent.cli import completion_hook
from kubectl_kagent.cli.completion_hook import HOOK, PLUGIN, install, uninstall
from kubectl_kagent.errors import KagentError

# As the archive's program: it knows by its name, or by cobra's word, that it is to complete.
_PROGRAM = f"#!{sys.executable}\nfrom kubectl_kagent.__main__ import main\nmain()\n"


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return folder


@pytest.fixture
def plugin(bin_: Path, tmp_path: Path) -> Path:
    """As krew has it: a link on PATH to what is in its store."""
    store = tmp_path / "store"
    store.mkdir()
    _write(store / PLUGIN, _PROGRAM)
    (bin_ / PLUGIN).symlink_to(store / PLUGIN)
    return bin_ / PLUGIN


@pytest.fixture
def on_windows(bin_: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What differs there, as far as it can be played here: the name, no link, and who runs the script."""
    monkeypatch.setattr(completion_hook, "_is_windows", lambda: True)
    monkeypatch.setattr(completion_hook, "_check", lambda _hook, _hint: None)
    program = bin_ / f"{PLUGIN}.exe"
    _write(program, "MZ")
    found = {PLUGIN: str(program)}
    monkeypatch.setattr("shutil.which", found.get)
    return program


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _refused(run: object) -> tuple[str, str | None]:
    with pytest.raises(KagentError) as error:
        run()  # type: ignore[operator]
    return error.value.message, error.value.hint


def test_it_is_a_link_beside_the_plugin_and_survives_an_upgrade(plugin: Path, tmp_path: Path) -> None:
    hook = plugin.with_name(HOOK)
    assert install() == (hook, True)
    assert os.readlink(hook) == PLUGIN
    assert install() == (hook, False)
    newer = tmp_path / "newer"
    _write(newer, _PROGRAM)
    plugin.unlink()
    plugin.symlink_to(newer)
    assert install() == (hook, False)  # and it has completed
    assert uninstall() == hook
    assert sorted(path.name for path in plugin.parent.iterdir()) == [PLUGIN]
    assert uninstall() is None


def test_what_pip_has_installed_is_enough_and_stays(plugin: Path) -> None:
    hook = plugin.with_name(HOOK)
    _write(hook, f"#!{sys.executable}\nfrom kubectl_kagent.app import complete\ncomplete()\n")
    before = hook.read_bytes()
    assert install() == (hook, False)
    assert _refused(uninstall) == (
        f"{hook} was not made by 'kubectl kagent completion install', and is left as it is",
        "what pip or pipx installed goes with the package",
    )
    assert hook.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("#!/bin/sh\necho hello\n", "does not complete 'kubectl kagent'"),
        ("#!/bin/sh\nexit 1\n", "does not complete 'kubectl kagent'"),
        ("no program", "does not run: Exec format error"),
        ("#!/none\n", "does not run: No such file or directory"),
    ],
)
def test_a_program_of_somebody_else_is_left_alone(plugin: Path, text: str, seen: str) -> None:
    hook = plugin.with_name(HOOK)
    _write(hook, text)
    assert _refused(install) == (
        f"{hook} {seen}",
        "it is not ours and left as it is: remove or rename it, and try again",
    )
    assert _refused(uninstall)[0].startswith(f"{hook} was not made by")
    assert hook.read_text() == text


def test_so_is_what_kubectl_can_not_run(plugin: Path) -> None:
    hook = plugin.with_name(HOOK)
    hook.write_text("notes")
    message, hint = _refused(install)
    assert message == f"{hook} is there, kubectl cannot run it, and it is left as it is"
    assert hint == "remove it if nobody needs it, and try again"
    hook.unlink()
    hook.symlink_to("gone")
    assert _refused(install)[0] == message
    assert _refused(uninstall)[0].startswith(f"{hook} was not made by")
    assert os.readlink(hook) == "gone"


def test_without_a_plugin_on_path_there_is_no_place_for_it(bin_: Path) -> None:
    expected = (f"kubectl finds no {PLUGIN} on PATH", "put the folder of the plugin on PATH, and try again")
    assert _refused(install) == expected
    assert _refused(uninstall) == expected
    assert [*bin_.iterdir()] == []


def test_a_folder_that_may_not_be_written(plugin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    hook = plugin.with_name(HOOK)
    monkeypatch.setattr(Path, "symlink_to", refused)
    assert _refused(install) == (
        f"{hook} could not be made: Permission denied",
        f"whoever may write to {hook.parent} can; a link of that name to {plugin} does it, too, in any folder"
        " on PATH",
    )
    hook.unlink(missing_ok=True)
    os.symlink(PLUGIN, hook)
    monkeypatch.setattr(Path, "unlink", refused)
    assert _refused(uninstall) == (f"{hook} could not be removed: Permission denied", None)


def test_a_plugin_that_does_not_run_is_told_of(bin_: Path) -> None:
    _write(bin_ / PLUGIN, "#!/none\n")
    hook = bin_ / HOOK
    assert _refused(install) == (
        f"{hook} does not run: No such file or directory",
        f"see whether {bin_ / PLUGIN} runs",
    )


def test_on_windows_it_is_a_script(on_windows: Path) -> None:
    hook = on_windows.with_name(f"{HOOK}.cmd")
    assert install() == (hook, True)
    assert hook.read_bytes() == b'@"%~dp0kubectl-kagent.exe" __complete %*\r\n'
    assert _refused(install)[0].startswith(f"{hook} is there")
    assert uninstall() == hook
    hook.write_text("@echo mine\r\n")
    assert _refused(install)[0].startswith(f"{hook} is there")
    assert _refused(uninstall)[0].startswith(f"{hook} was not made by")
    assert hook.read_text() == "@echo mine\n"
