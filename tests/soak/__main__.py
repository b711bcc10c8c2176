"""``python -m tests.soak``: the campaigns, or one run of one again.

python -m tests.soak [faults|mutants|lines|all] [--form WORDS] [--count N] [--step N] [--jobs N]
python -m tests.soak fault FORM KIND:REQUEST:WHEN
python -m tests.soak mutant FORM SEED
python -m tests.soak line COMMAND SEED
"""

from __future__ import annotations

import argparse
import random
import sys

from tests.soak import campaign
from tests.soak.faults import Fault, Scene, Trouble, disturb
from tests.soak.forms import find
from tests.soak.lines import commands, generated, try_line
from tests.soak.mutants import mutant
from tests.soak.run import Done
from tests.soak.world import World

COUNTS = {"faults": 0, "mutants": 2000, "lines": 5000}


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.soak", description=__doc__)
    parser.add_argument("what", nargs="?", default="all", choices=["all", *COUNTS, "fault", "mutant", "line"])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--form", default="", help="only forms (or commands) with these words")
    parser.add_argument("--count", type=int, help="mutants of each form, or command lines in all")
    parser.add_argument("--step", type=int, default=1, help="only each so-manieth fault")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    campaign.isolate()
    if given.what in ("fault", "mutant", "line"):
        return _again(given.what, *given.words)
    failed = False
    for name in COUNTS if given.what == "all" else [given.what]:
        result = campaign.run(
            name, given.count or COUNTS[name], words=given.form, step=given.step, jobs=given.jobs
        )
        sys.stdout.write(campaign.table(name, result))
        failed |= bool(result.failures)
    return int(failed)


def _again(what: str, about: str, number: str) -> int:
    if what == "line":
        path = tuple(about.split())
        words = generated(random.Random(f"{number} of {path}"), path, dict(commands())[path])
        sys.stdout.write(f"{words!r}\n")
        world = World()
        return _show(*try_line(world, world.moment(), words))
    scene = Scene(find(about))
    done, troubles, hit = disturb(scene, Fault.read(number)) if what == "fault" else mutant(scene, number)
    sys.stdout.write(f"{hit}\n")
    return _show(done, troubles)


def _show(done: Done, troubles: list[Trouble]) -> int:
    sys.stdout.write(f"exit code {done.code} after {done.requests} requests {done.hang}\n")
    for name, text in (("stdout", done.out), ("stderr", done.err)):
        sys.stdout.write(f"--- {name}\n{ascii_only(text)}\n")
    for trouble in troubles:
        sys.stdout.write(f"--- {trouble.kind}: {trouble.where}\n{ascii_only(trouble.seen)}\n")
    return int(bool(troubles))


def ascii_only(text: str) -> str:
    """Nothing in it is obeyed by the terminal, or can't be written."""
    return "\n".join(ascii(part)[1:-1] for part in text.split("\n"))


if __name__ == "__main__":
    sys.exit(main())
