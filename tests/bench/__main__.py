"""``python -m tests.bench``: whole programs of ours against kubectl doing the same work, with their goals.

Ours is what users have: the wheel in an environment of its own (compiled, as pip leaves it), and the archive
if ``make archive`` made one.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT
from scripts.archive.__main__ import file_name
from tests.bench.pairs import PAIRS, compare
from tests.cluster.conftest import Tools, own_namespace
from tests.cluster.workloads import await_rendered, create, parked
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT

PERFORMANCE = CHECKOUT / "docs" / "performance.md"
_REVISIONS = 5
_TABLE = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)
# Of design/product.md: what needs no cluster, from the wheel and from the archive; and what does.
_START, _VERB = {"wheel": 1.2, "archive": 1.5}, {"wheel": 2.0, "archive": 2.0}


@dataclass(frozen=True)
class Row:
    """The words of both programs; ``{count}`` is 1 and 2 in turn, ``{namespace}`` where all that is."""

    ours: str
    peer: str
    goals: dict[str, float]


ROWS = (
    Row("--help", "version --client", _START),
    Row("version --client", "version --client", _START),
    Row("__complete rollo", "__complete rollo", _START),
    Row("get agents -n {namespace}", "get agents.kagent.dev -n {namespace}", _VERB),
    Row(
        "scale agent/clock --replicas={count} -n {namespace}",
        "scale deployment/clock-peer --replicas={count} -n {namespace}",
        _VERB,
    ),
    Row(
        "rollout history agent/clock -n {namespace}",
        "rollout history deployment/clock-peer -n {namespace}",
        _VERB,
    ),
)


def main() -> int:
    """Print the table, and keep a whole one in docs/performance.md; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    lab = Lab.attach()
    with TemporaryDirectory() as folder, own_namespace(lab.kubeconfig) as tools:
        programs = dict(_programs(Path(folder)))
        _prepare(tools)
        lines = [
            f"Medians of {options.pairs} pairs: milliseconds, the pairs' ratio and its goal, that of CPU.",
            "",
            "| ours | from | ms | kubectl | ms | ratio | goal | CPU |",
            "|---|---|---:|---|---:|---:|---:|---:|",
        ]
        missed = 0
        for row, (name, program) in itertools.product(ROWS, programs.items()):
            line, ratio = _compare(row, name, program, tools, options.pairs)
            missed += ratio > row.goals[name]
            sys.stderr.write(f"{line}\n")
            lines.append(line)
    table = "\n".join(lines)
    sys.stdout.write(f"{table}\n")
    if len(programs) == len(_START) and options.pairs >= PAIRS:
        PERFORMANCE.write_text(_TABLE.sub(lambda _: f"{table}\n", PERFORMANCE.read_text()))
    return int(missed > 0)


def _programs(folder: Path) -> Iterator[tuple[str, Path]]:
    """The wheel, in an environment of its own, and the archive if it is there."""
    python = folder / "wheel" / "bin" / "python"
    locked = ("--requirement", str(CHECKOUT / "requirements.txt"))
    for words in (
        [sys.executable, "-m", "venv", str(folder / "wheel")],
        [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", *locked],
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(CHECKOUT)],
    ):
        subprocess.run(words, check=True, stdout=sys.stderr)
    yield "wheel", python.with_name("kubectl-kagent")
    if (archive := CHECKOUT / "dist" / file_name()).exists():
        with tarfile.open(archive) as tar:
            tar.extractall(folder / "archive", filter="data")
        yield "archive", folder / "archive" / "kubectl-kagent"
    else:
        sys.stderr.write(f"without the archive: there is no {archive} (make archive)\n")


def _prepare(tools: Tools) -> None:
    """An agent and a Deployment beside it, which run nothing, with as many revisions each."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    create(api, parked("clock", replicas=0))
    words = ("create", "deployment", "clock-peer", "--image=none", "--replicas=0")
    peer = yaml.safe_load(tools.kubectl(*words, "--dry-run=client", "-o", "yaml").out)
    peer["spec"]["template"]["spec"]["nodeSelector"] = {"lab.local/nowhere": "true"}
    api.create(DEPLOYMENT, tools.namespace, peer, manager="bench")
    for number in range(_REVISIONS):
        env = [{"name": "NUMBER", "value": str(number)}]
        patch = {"spec": {"byo": {"deployment": {"env": env}}}}
        api.merge_patch(AGENT, tools.namespace, "clock", patch, manager="bench")
        await_rendered(api, "clock")
        assert tools.kagent("rollout", "history", "agent/clock").code == 0
        tools.kubectl("set", "env", "deployment/clock-peer", f"NUMBER={number}")


def _compare(row: Row, name: str, program: Path, tools: Tools, pairs: int) -> tuple[str, float]:
    """A line of the table, and the ratio in it."""
    found = compare(lambda number: _words(row, program, tools, str(number % 2 + 1)), tools, pairs)
    of_us, of_them = (text.partition(" -n ")[0].replace("{count}", "N") for text in (row.ours, row.peer))
    line = (
        f"| `{of_us}` | {name} | {found.ours * 1000:.0f} | `{of_them}` | {found.peer * 1000:.0f} "
        f"| {found.wall:.1f} | {row.goals[name]} | {found.cpu:.1f} |"
    )
    return line, found.wall


def _words(row: Row, program: Path, tools: Tools, count: str) -> tuple[list[str], list[str]]:
    values = {"count": count, "namespace": tools.namespace}
    ours, peer = (text.format_map(values).split() for text in (row.ours, row.peer))
    return [str(program), *ours], [tools.kubectl_program, *peer]


if __name__ == "__main__":
    sys.exit(main())
