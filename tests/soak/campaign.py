"""A campaign: many runs of one kind, shared out among processes; each failure has what plays it again."""

from __future__ import annotations

import os
import shlex
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field

from tests.soak.faults import Scene, Trouble, disturb, faults_of
from tests.soak.forms import FORMS, find
from tests.soak.lines import commands, generated, try_line
from tests.soak.mutants import mutant
from tests.soak.world import World

_SHOWN = 3  # of each place
_WIDTH = 150


@dataclass(frozen=True, slots=True)
class Failure:
    """``again`` are the words after ``python -m tests.soak`` that play it again."""

    trouble: Trouble
    about: str
    again: tuple[str, ...]

    @property
    def command(self) -> str:
        return f"python -m tests.soak {shlex.join(self.again)}"


@dataclass
class Result:
    """Of one share of a campaign, or of all of them."""

    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def seen(self) -> list[tuple[str, str, str, str]]:
        """What is wrong, where, and what plays it again."""
        return [(item.trouble.kind, item.trouble.where, item.about, item.command) for item in self.failures]

    def add(self, other: Result) -> None:
        self.runs += other.runs
        self.codes += other.codes
        self.failures += other.failures


def isolate() -> None:
    """Neither the user's kubeconfig nor the terminal nor a proxy reaches a run."""
    foreign = ("KUBERNETES_SERVICE_HOST", "KUBECTL_EXTERNAL_DIFF", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    for name in (*foreign, "KAGENT_URL", "KAGENT_TOKEN"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    os.environ |= {"KUBECONFIG": "/nonexistent/kubeconfig", "NO_COLOR": "1", "COLUMNS": "100"}


def faults(line: str, step: int = 1) -> Result:
    """Every ``step``-th fault of the form with that line."""
    form, result = find(line), Result()
    scene = Scene(form)
    for fault in list(faults_of(scene))[::step]:
        done, troubles, hit = disturb(scene, fault)
        _note(result, done.code, troubles, f"{form.line}: {hit}", ("fault", form.line, str(fault)))
    return result


def mutants(line: str, count: int, first: int = 0) -> Result:
    form, result = find(line), Result()
    scene = Scene(form)
    answers = scene.calm.requests  # none of a verb that asks nobody
    for number in range(first, first + count) if answers else ():
        done, troubles, hit = mutant(scene, str(number))
        _note(result, done.code, troubles, f"{form.line}: {hit}", ("mutant", form.line, str(number)))
    return result


def lines(words: tuple[str, ...], count: int, first: int = 0) -> Result:
    """Generated lines of the command that is called by ``words``."""
    import random

    command = dict(commands())[words]
    world, result = World(), Result()
    moment = world.moment()
    for number in range(first, first + count):
        given = generated(random.Random(f"{number} of {words}"), words, command)
        done, troubles = try_line(world, moment, given)
        _note(result, done.code, troubles, repr(given), ("line", " ".join(words), str(number)))
    return result


def _note(result: Result, code: int, troubles: Iterable[Trouble], about: str, again: tuple[str, ...]) -> None:
    result.runs += 1
    result.codes[code] += 1
    result.failures += [Failure(trouble, about[:_WIDTH], again) for trouble in troubles]


def shares(
    name: str, count: int, words: str, step: int
) -> list[tuple[Callable[..., Result], tuple[object, ...]]]:
    """The parts of a campaign whose form or command has ``words`` in it."""
    if name == "lines":
        found = [path for path, _ in commands() if words in " ".join(path)]
        each = -(-count // len(commands()))
        return [(lines, (path, each)) for path in found]
    forms = [form.line for form in FORMS if words in form.line]
    return [(faults, (each, step)) if name == "faults" else (mutants, (each, count)) for each in forms]


def run(name: str, count: int, *, words: str = "", step: int = 1, jobs: int = 2) -> Result:
    """The whole campaign, with its counts on stderr while it goes on."""
    parts, whole, began = shares(name, count, words, step), Result(), time.monotonic()
    with ProcessPoolExecutor(jobs, initializer=isolate) as pool:
        waiting = [pool.submit(part, *about) for part, about in parts]
        for number, done in enumerate(as_completed(waiting), 1):
            whole.add(_result(done))
            told = f"{name}: {number}/{len(parts)}, {whole.runs} runs, {len(whole.failures)} failures"
            sys.stderr.write(f"\r{told}, {time.monotonic() - began:.0f} s ")
            sys.stderr.flush()
    sys.stderr.write("\n")
    return whole


def _result(done: Future[Result]) -> Result:
    """A share that broke off is a failure, and the others are still worth to be known."""
    try:
        return done.result()
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        return Result(failures=[Failure(Trouble("broke off", type(error).__name__, text), text[-1000:], ())])


def table(name: str, result: Result) -> str:
    """The counts, and each place where something failed with what plays it again."""
    kinds = Counter(failure.trouble.kind for failure in result.failures)
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(result.codes.items()))
    found = [f"{name}: {result.runs} runs; exit codes {codes}"]
    found += [f"  {kind}: {count}" for kind, count in kinds.most_common()] or ["  no failures"]
    places: dict[tuple[str, str], list[Failure]] = {}
    for failure in result.failures:
        places.setdefault((failure.trouble.kind, failure.trouble.where), []).append(failure)
    for (kind, where), failures in sorted(places.items(), key=lambda item: (item[0][0], -len(item[1]))):
        found.append(f"{kind} {where}: {len(failures)}")
        found += [f"    {failure.about}\n      {failure.command}" for failure in failures[:_SHOWN]]
    return "\n".join(found) + "\n"
