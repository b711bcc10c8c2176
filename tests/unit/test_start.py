"""What is loaded before a verb does anything: seconds depend on the machine, this does not.

docs/performance.md has the times.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.soak.lines import commands

# Each of them takes as long to load as the whole rest of a help.
HEAVY = {
    *("anyio", "asyncio", "celpy", "grpc", "http", "httpx2", "jsonschema", "kubernetes", "lark", "mcp"),
    *("opentelemetry", "pydantic", "requests", "rich", "socket", "ssl", "urllib3", "yaml"),
}
MOST = 290  # modules: those of the help of check are 279, of most verbs less than 200
_LOADED = """
import sys
from kubectl_kagent.__main__ import main
sys.argv = ["kubectl-kagent", *sys.argv[1:]]
try:
    main()
finally:
    sys.stderr.write(" ".join(sys.modules))
"""


def loaded(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_the_help_of_a_verb_loads_little(path: tuple[str, ...]) -> None:
    found = loaded(*path, "-h")
    assert HEAVY & {name.partition(".")[0] for name in found} == set()
    assert len(found) < MOST


@pytest.mark.parametrize("verb", ["autoscale", "describe", "get", "hibernate", "record", "scale", "wake"])
def test_what_asks_the_api_server_first_loads_nobody_else(verb: str) -> None:
    assert [name for name in loaded(verb, "-h") if name.startswith("kubectl_kagent.backends")] == []


def test_a_verb_of_rollout_loads_no_other_one() -> None:
    verbs = {f"kubectl_kagent.commands.rollout.{verb}" for verb in ("diff", "undo", "status", "restart")}
    assert loaded("rollout", "history", "-h") & verbs == set()
    assert loaded("rollout", "restart", "-h") & verbs == {"kubectl_kagent.commands.rollout.restart"}


@pytest.mark.parametrize("verb", ["scale", "hibernate", "wake"])
def test_what_does_not_wait_loads_no_rollout(verb: str) -> None:
    parts = {"kubectl_kagent.lifecycle.rollout", "kubectl_kagent.lifecycle.history"}
    assert loaded(verb, "-h") & parts == set()


@pytest.mark.parametrize(("words", "most"), [("--help", 130), ("version --client", 165)])
def test_what_needs_no_cluster_loads_less(words: str, most: int) -> None:
    found = loaded(*words.split())
    assert HEAVY & {name.partition(".")[0] for name in found} == set()
    assert len(found) < most


_ASKED = """
import sys
opened = []
sys.addaudithook(lambda event, of: opened.append(str(of[0])) if event == "open" else None)
from kubectl_kagent.__main__ import main
sys.argv = ["kubectl-kagent", *sys.argv[1:]]
try:
    main()
finally:
    files = [path for path in opened if not path.endswith((".py", ".pyc"))]
    with open("/proc/self/io") as io:
        reads = next(line.split()[1] for line in io if line.startswith("syscr"))
    sys.stderr.write(f"{reads} {files}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's calls to read")
@pytest.mark.parametrize(
    ("words", "most"), [("--help", 240), ("version --client", 300), ("__complete rollo", 220)]
)
def test_what_needs_no_cluster_reads_nothing_but_its_modules(words: str, most: int) -> None:
    """Seen: 185, 236 and 165 calls of the system to read, most of them Python's own."""
    done = subprocess.run(
        [sys.executable, "-c", _ASKED, *words.split()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    reads, files = done.stderr.split(" ", 1)
    assert (done.returncode, files) == (0, "[]")
    assert int(reads) < most
