"""The archive in a root that has no Python: nothing but kubectl, the C library and the archive."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kubectl_kagent import __version__
from scripts.archive.glibc import needed
from tests.archive.conftest import of_checkout
from tests.cluster.conversations import ASKER, HELPER, conversations
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT
from tests.loopback import response, serve

# Verbs that the README names, in an order in which each has something to do; then an agent's prompt changes.
_BEFORE = (
    *("get agents", f"describe agent/{HELPER}", "version", "lint -f /tmp/agent.yaml"),
    *(f"scale agent/{HELPER} --replicas=2 --wait", f"hibernate agent/{HELPER}", f"wake agent/{HELPER}"),
    *(f"rollout status agent/{HELPER} --timeout=3m", f"rollout history agent/{HELPER}"),
)
_AFTER = (
    *(f"rollout status agent/{HELPER} --timeout=3m", f"rollout diff agent/{HELPER} 1 2"),
    *(f"rollout undo agent/{HELPER} --wait", f"rollback agent/{HELPER} --wait --timeout=3m"),
    *(f"rollout restart agent/{HELPER}", f"rollout status agent/{HELPER} --timeout=3m"),
    *(f"chat {HELPER} hello", f"logs agent/{HELPER} --tail=5", f"approvals list {ASKER}"),
    *("tools list", "tools check --all", "tools call datetime-mcp get_time --arg timezone=UTC"),
    *("top agents", "top tools", "top models", f"report agent/{HELPER} --file=/tmp/report.zip"),
    *("observe export /tmp/bundle", "completion install", "completion uninstall"),
    f"autoscale agent/{HELPER} --min=1 --max=3 --cpu=70%",
)
_OF_A_SESSION = (
    *("sessions show {session}", "sessions export {session}"),
    *("trace show {task}", "trace export {session} --otlp={receiver}"),
)
# They change the whole cluster, say what all of it has, or run until they are ended.
_ELSEWHERE = {"observe install", "observe uninstall", "observe diff", "observe status", "check", "record"}
_CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
# Of the C library: what programs link, and what they load to find hosts and users.
_C_LIBRARY = (
    "ld-linux",
    "libc.",
    "libdl.",
    "libm.",
    "libnss_",
    "libpthread.",
    "libresolv.",
    "librt.",
    "libutil.",
)
pytestmark = [
    pytest.mark.archive,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may change its root folder"),
]


@pytest.fixture(scope="module")
def root(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("root")
    cached = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for path in map(Path, re.findall(r"x86-64.*=> (\S+)", cached)):
        if path.name.startswith(_C_LIBRARY):
            target = place / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path.resolve(), target)
    loader = place / "lib64" / "ld-linux-x86-64.so.2"
    loader.parent.mkdir(exist_ok=True)
    shutil.copy(Path("/lib64/ld-linux-x86-64.so.2").resolve(), loader)
    for folder in ("bin", "dev", "etc", "proc", "tmp"):
        (place / folder).mkdir()
    os.mknod(place / "dev" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    shutil.copy(Lab.here().kubectl, place / "bin" / "kubectl")
    shutil.copytree(unpacked, place / "kagent")
    (place / "bin" / "kubectl-kagent").symlink_to("/kagent/kubectl-kagent")
    # the C library asks it where a program is, and so finds what lies beside it
    subprocess.run(["mount", "-t", "proc", "proc", str(place / "proc")], check=True)
    yield place
    subprocess.run(["umount", str(place / "proc")], check=True)


def _in(root: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_CHROOT, str(root), *command],
        env={"PATH": "/bin", "HOME": "/tmp", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_root_has_neither_python_nor_a_shell(root: Path) -> None:
    names = {path.name for path in (root / "bin").iterdir()}
    assert names - {"kubectl_complete-kagent"} == {
        "kubectl",
        "kubectl-kagent",
    }  # another test installs that one


def test_kubectl_runs_the_plugin(root: Path) -> None:
    done = _in(root, "kubectl", "kagent", "version", "--client")
    assert (done.stdout, done.stderr) == (f"Client Version: {__version__}\n", "")


def test_kubectl_completes_the_plugin(root: Path) -> None:
    _in(root, "kubectl", "kagent", "completion", "install")
    done = _in(root, "kubectl", "__complete", "kagent", "rollb")
    assert done.stdout == "rollback\tRoll back to an earlier revision\n:4\n"


@pytest.mark.cluster
@pytest.mark.parametrize(
    "words",
    [
        ("get", "agents", "-A", "-o", "name"),
        ("version",),
        ("tools", "list", "-A"),
        ("top", "agents", "-A"),
        ("approvals", "list", "-A"),
        ("sessions", "list", "-A"),
        ("observe", "status"),
        ("observe", "diff"),
    ],
    ids=" ".join,
)
def test_verbs_reach_the_cluster(root: Path, lab_kubeconfig: Path, words: tuple[str, ...]) -> None:
    shutil.copy(lab_kubeconfig, root / "tmp" / "kubeconfig")
    done = _in(root, "kubectl", "kagent", *words, KUBECONFIG="/tmp/kubeconfig")
    expected = of_checkout(*words, KUBECONFIG=str(lab_kubeconfig))
    assert (done.returncode, done.stderr) == (expected.returncode, expected.stderr)


def test_every_verb_of_the_readme_works(root: Path, lab_kubeconfig: Path) -> None:
    used: set[str] = set()
    with conversations(lab_kubeconfig, "python") as agents, serve() as receiver:
        receiver.answer = lambda _: response(200, {})
        config = yaml.safe_load(agents.tools.kubeconfig.read_text())
        for context in config["contexts"]:
            context["context"]["namespace"] = agents.tools.namespace
        (root / "tmp" / "kubeconfig").write_text(yaml.safe_dump(config))
        (root / "tmp" / "agent.yaml").write_text(
            agents.tools.kubectl("get", f"agent/{HELPER}", "-o", "yaml").out
        )

        def run(line: str, code: int = 0) -> subprocess.CompletedProcess[str]:
            words = line.split()
            used.add(words[0])
            used.add(" ".join(words[:2]))
            done = _in(root, "kubectl", "kagent", *words, KUBECONFIG="/tmp/kubeconfig", TERM="dumb")
            assert (done.returncode, "Traceback" in done.stderr) == (code, False), (line, done)
            return done

        waiting = agents.ask("What is the date?")
        for line in _BEFORE:
            run(line)
        prompt = {"spec": {"declarative": {"systemMessage": "Guess."}}}
        agents.tools.kubectl("patch", "agent", HELPER, "--type=merge", "-p", json.dumps(prompt))
        for line in _AFTER:
            run(line)
        session = json.loads(run(f"sessions list {HELPER} -o json").stdout)["items"][0]["id"]
        task = json.loads(run(f"trace {HELPER} -o json").stdout)["turns"][0]["task"]
        for line in _OF_A_SESSION:
            run(line.format(session=session, task=task, receiver=receiver.url))
        run(f"approvals approve {waiting['id']} --yes")
        run(f"approvals reject {agents.ask('What is the date?')['id']} --reason=no --yes")
        run(f"sessions delete {session}")
    assert _readme_verbs() - used == _ELSEWHERE


def _readme_verbs() -> set[str]:
    """The verbs in the table of README.md: ``rollout history|diff`` are two."""
    rows = re.findall(r"^\| (`[a-z].*?) \| .* \|$", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    found = set()
    for words in (words for row in rows for words in re.findall("`([^`]+)`", row)):
        verb, *rest = words.split()
        found |= {f"{verb} {one}" for word in rest if word.islower() for one in word.split("\\|")} or {verb}
    return found


@pytest.mark.skipif(not Path("/lib64/ld-linux-x86-64.so.2").exists(), reason="another C library")
def test_it_needs_no_newer_c_library_than_this_machine_has(unpacked: Path) -> None:
    here = os.confstr("CS_GNU_LIBC_VERSION") or ""
    major, minor = here.removeprefix("glibc ").split(".")
    assert (2, 17) <= needed(unpacked) <= (int(major), int(minor))
