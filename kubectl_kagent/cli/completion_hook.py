"""The program that kubectl runs for ``kubectl kagent <TAB>``: kubectl_complete-kagent, somewhere on PATH.

pip installs it with the package. For an archive it is put beside the plugin, where kubectl finds that: a
link, which the program knows by its name, or on Windows, where making links is a privilege, a script.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from kubectl_kagent.errors import KagentError

PLUGIN, HOOK = "kubectl-kagent", "kubectl_complete-kagent"
# What kubectl gives back of a verb and of the directive after it.
_QUESTION, _ANSWER = "versio", ("version\t", ":4")
_LONGEST = 20  # seconds; the first start of a program may be slow
_SCRIPT = '@"%~dp0{program}" __complete %*\r\n'


def install() -> tuple[Path, bool]:
    """The hook that kubectl finds, and whether it was made now; overwrites nothing. Raises KagentError."""
    there = shutil.which(HOOK)
    if there:
        _check(Path(there), "it is not ours and left as it is: remove or rename it, and try again")
        return Path(there), False
    plugin = _plugin()
    hook = _beside(plugin)
    try:
        if _is_windows():
            with hook.open("x", newline="") as script:
                script.write(_SCRIPT.format(program=plugin.name))
        else:
            hook.symlink_to(plugin.name)
    except FileExistsError:
        raise KagentError(
            f"{hook} is there, kubectl cannot run it, and it is left as it is",
            hint="remove it if nobody needs it, and try again",
        ) from None
    except OSError as error:
        raise KagentError(
            f"{hook} could not be made: {error.strerror}",
            hint=f"whoever may write to {hook.parent} can; a link of that name to {plugin} does it, too, "
            "in any folder on PATH",
        ) from error
    _check(hook, f"see whether {plugin} runs")
    return hook, True


def uninstall() -> Path | None:
    """Remove what ``install`` made: its path, or None when nothing is there. Raises KagentError."""
    hook = _beside(_plugin())
    if not (hook.exists() or hook.is_symlink()):
        return None
    if not _is_made_by_install(hook):
        raise KagentError(
            f"{hook} was not made by 'kubectl kagent completion install', and is left as it is",
            hint="what pip or pipx installed goes with the package",
        )
    try:
        hook.unlink()
    except OSError as error:
        raise KagentError(f"{hook} could not be removed: {error.strerror}") from error
    return hook


def _plugin() -> Path:
    """The plugin as kubectl finds it: a link stays one, so that an upgrade behind it changes nothing."""
    found = shutil.which(PLUGIN)
    if not found:
        raise KagentError(
            f"kubectl finds no {PLUGIN} on PATH", hint="put the folder of the plugin on PATH, and try again"
        )
    return Path(found).absolute()


def _beside(plugin: Path) -> Path:
    return plugin.with_name(f"{HOOK}.cmd" if _is_windows() else HOOK)


def _is_made_by_install(hook: Path) -> bool:
    if _is_windows():
        return hook.is_file() and hook.read_bytes() in {
            _SCRIPT.format(program=f"{PLUGIN}{end}").encode() for end in (".exe", ".cmd", ".bat")
        }
    return hook.is_symlink() and os.readlink(hook) == PLUGIN


def _check(hook: Path, hint: str) -> None:
    """Raises KagentError unless the program completes as kubectl wants it."""
    try:
        done = subprocess.run(
            [hook, _QUESTION], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_LONGEST
        )
        lines = done.stdout.splitlines()
    except OSError as error:
        raise KagentError(f"{hook} does not run: {error.strerror}", hint=hint) from error
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        lines = []
    if len(lines) != len(_ANSWER) or not all(map(str.startswith, lines, _ANSWER)):
        raise KagentError(f"{hook} does not complete 'kubectl kagent'", hint=hint)


def _is_windows() -> bool:
    return os.name == "nt"
