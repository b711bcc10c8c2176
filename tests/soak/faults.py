"""Every form x every request x every fault, before or after the request took effect; what is true is judged.

The judge looks at the world, not at the words: 0 is a lie where the change is not there, and an error is half
of the truth where it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kubectl_kagent.errors import EXIT_CODES
from tests.soak import apiserver
from tests.soak.forms import Form
from tests.soak.run import Done, place, run
from tests.soak.wire import Answer, Asked, reset, silence
from tests.soak.world import Moment, Object, World

BEFORE, AFTER, LASTING = "before", "after", "lasting"
WHEN = (BEFORE, AFTER, LASTING)  # the last: this request and every one that follows, as long as it lasts
DOCUMENTED = frozenset(EXIT_CODES)

_REASONS = {
    "401": ("Unauthorized", "Unauthorized"),
    "403": ("Forbidden", 'pods is forbidden: User "tester" cannot get resource "pods" in API group ""'),
    "404": ("NotFound", "the server could not find the requested resource"),
    "409": ("Conflict", "Operation cannot be fulfilled: the object has been modified"),
    "410": ("Expired", "The provided continue parameter is too old"),
    "429": ("TooManyRequests", "the server has received too many requests, please try again later"),
    "500": ("InternalError", "an error on the server has prevented the request from succeeding"),
    "503": ("ServiceUnavailable", "the server is currently unable to handle the request"),
    "504": ("Timeout", "request did not complete within requested timeout"),
}
FAULTS = ("reset", "timeout", *_REASONS, "cut", "302")
# Who is told one of these may believe that nothing was done: that it was is a lie of the server's.
_REFUSALS = frozenset({"401", "403", "404", "409", "410", "429", "503", "302"})
_WRITES = ("POST", "PATCH", "DELETE")
_LATER = {"429": {"Retry-After": "1"}, "503": {"Retry-After": "1"}}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHANGED = re.compile(
    r"\b(is|are|was|were|has been|have been|had been) (already |now )?"
    r"(in|there|back|done|over|changed|scaled|set|released|restored|restarted|rolled back|hibernated|woken"
    r"|deleted|created|sent|autoscaled|approved|rejected|patched|stored|gone|told|heard|asked)\b"
    r"|\b(may|might) (already |well )?(be|have)\b|whether|not known|unknown|\(rolled back\)"
)
_SHOWS = re.compile(r"kubectl (kagent )?(get|describe|rollout|scale|sessions|approvals|chat|trace) ")
_WHY = re.compile(
    "<unknown>|not known|answered|did not answer|unable to|forbidden|logged in|refused|broke|redirects"
    "|error on the server|belongs|may not|IncompleteRead|too old|has been modified|too many requests"
)
_TIMES = re.compile(r"([\d.]+[a-z]{0,2})+")
_RESULT = re.compile(r"^[\w.]+/\S+ [a-z]+.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the request of that number (from 1 on)."""

    kind: str
    request: int
    when: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.request}:{self.when}"

    @classmethod
    def read(cls, text: str) -> Fault:
        kind, request, when = text.split(":")
        return cls(kind, int(request), when)


@dataclass
class Disturbed:
    """A world with one fault; ``hit`` is the request that met it."""

    world: World
    fault: Fault
    hit: str = ""
    _asked: int = 0

    def answer(self, asked: Asked) -> Answer | Exception:
        self._asked += 1
        number, when = self.fault.request, self.fault.when
        if self._asked != number and not (when == LASTING and self._asked > number):
            return self.world.answer(asked)
        self.hit = self.hit or f"{asked.method} {asked.path}"
        true = self.world.answer(asked) if when == AFTER else None
        return instead(
            self.fault.kind, asked, true if isinstance(true, Answer) else None, own=number % 2 == 1
        )


def instead(kind: str, asked: Asked, true: Answer | None, *, own: bool) -> Answer | Exception:
    """What comes instead of the ``true`` answer; ``own``: behind the proxy the service itself refuses."""
    if kind == "reset":
        return reset()
    if kind == "timeout":
        return silence()
    if kind == "302":
        page = b"<html><body>Found</body></html>"
        return Answer(302, page, "text/html", {"Location": "https://login.test/?next=%2F"})
    if kind == "cut":
        whole = true or _refused("500", asked, own=False)
        size = len(whole.body) // 2 if isinstance(whole.body, bytes) else 200
        return replace(whole, cut=size)
    return _refused(kind, asked, own=own)


def _refused(kind: str, asked: Asked, *, own: bool) -> Answer:
    reason, message = _REASONS[kind]
    is_service = asked.host != apiserver.HOST or "/proxy/" in asked.path
    if is_service and (own or asked.host != apiserver.HOST):
        return Answer(int(kind), json.dumps({"error": message}).encode(), headers=_LATER.get(kind, {}))
    name = asked.path.rpartition("/")[2]
    details = {"name": name, "kind": "x"} if kind in ("404", "409") and not is_service else {}
    if kind == "404" and details:
        message = f'"{name}" not found'
    if kind == "409" and asked.method == "POST":
        reason, message = "AlreadyExists", "it already exists"
    found = apiserver.status(int(kind), reason, message, **details)
    return replace(found, headers=_LATER.get(kind, {}))


@dataclass
class Scene:
    """A form in its prepared world, and how it goes when nothing disturbs it."""

    form: Form
    world: World = field(init=False)
    moment: Moment = field(init=False)
    state: Object = field(init=False)
    calm: Done = field(init=False)

    def __post_init__(self) -> None:
        self.world = World()
        self.form.before(self.world)
        self.moment = self.world.moment()
        self.state = self.world.state()
        self.calm = self.play()
        troubles = judge(self, self.calm)
        right = bool(self.calm.code) == (self.form.fails or bool(self.form.enough))
        if (
            troubles
            or not right
            or (self.form.done and not self.form.fails and not self.form.done(self.world))
        ):
            raise AssertionError(f"undisturbed: {self.form.line}: {troubles} {self.calm}")

    def play(self, handler: Disturbed | None = None) -> Done:
        self.world.back_to(self.moment)
        words = self.form.words(self.world)
        given = handler.answer if handler else None
        return run(self.world, words, given, enough=self.form.enough, stdin=self.form.stdin)

    @property
    def changed(self) -> bool:
        return self.world.touched(self.moment) and self.world.state() != self.state

    def differs(self) -> set[str]:
        """Names of what changed; a workload and its Deployment have one."""
        now, found = self.world.state(), set[str]()
        for key in {*now, *self.state}:
            before, after = self.state.get(key), now.get(key)
            if before != after:
                several = isinstance(before, list) and isinstance(after, list)
                found |= {*before} ^ {*after} if several else {key.rpartition("/")[2]}
        return found


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that must not be; ``kind`` and ``where`` sort it, ``seen`` is what was seen."""

    kind: str
    where: str
    seen: str


TRACEBACK, HANG, CONTROL, UNDOCUMENTED = "traceback", "hang", "control", "undocumented code"
FALSE_SUCCESS, UNASKED, SILENT, LESS = (
    "false success",
    "changed unasked",
    "changed but silent",
    "less, unmarked",
)


def judge_any(done: Done) -> Iterator[Trouble]:
    """What is wrong of any run, whatever was asked."""
    for trouble in done.tracebacks:
        yield Trouble(TRACEBACK, place(trouble), trouble)
    # what an interrupt meets while an object goes is Python's to tell
    if "Traceback (most recent" in done.err and "Exception ignored in" not in done.err:
        yield Trouble(TRACEBACK, "on stderr", done.err)
    if done.hang:
        yield Trouble(HANG, done.hang, done.err)
        return
    if found := _CONTROL.search(_COLOUR.sub("", done.out) + done.err):
        yield Trouble(CONTROL, repr(found[0]), done.out + done.err)
    if done.code not in DOCUMENTED and not done.tracebacks:
        yield Trouble(UNDOCUMENTED, str(done.code), done.err)


def judge(scene: Scene, done: Done) -> list[Trouble]:
    found = list(judge_any(done))
    form = scene.form
    if found:
        return found
    changed = scene.changed
    if not form.done:
        if changed:
            found.append(Trouble(UNASKED, form.line, done.err))
    elif done.code == 0 and not form.done(scene.world):
        found.append(Trouble(FALSE_SUCCESS, form.line, done.out + done.err))
    elif done.code and changed and form.shown and not form.fails and not tells(scene, done):
        found.append(Trouble(SILENT, form.line, done.out + done.err))
    return found


def tells(scene: Scene, done: Done) -> bool:
    """Whether it is said that something changed, or that this is not known, and which command shows it.

    A result on stdout for each thing that changed says it too.
    """
    if _CHANGED.search(done.err) and _SHOWS.search(done.err):
        return True
    results = len(_RESULT.findall(done.out)) or bool(done.out.strip())
    return results >= len(scene.differs())


def marked(scene: Scene, done: Done) -> bool:
    """Whether a result that is another than the calm one has a mark of it, or the reason in it."""
    return done.err != scene.calm.err or len(_WHY.findall(done.out)) > len(_WHY.findall(scene.calm.out))


def _alike(one: str, other: str) -> bool:
    """Apart from times: a retry takes some."""
    return _TIMES.sub("#", one).split() == _TIMES.sub("#", other).split()


def judge_fault(scene: Scene, kind: str, done: Done) -> list[Trouble]:
    """With 404 the server says that there is none, and so does the screen."""
    found = judge(scene, done)
    reads = not scene.form.done and not scene.form.enough
    less = done.code == 0 and reads and not _alike(done.out, scene.calm.out)
    if not found and less and kind != "404" and not marked(scene, done):
        found.append(Trouble(LESS, scene.form.line, done.out))
    return found


def faults_of(scene: Scene, kinds: tuple[str, ...] = FAULTS, when: tuple[str, ...] = WHEN) -> Iterator[Fault]:
    for request in range(1, scene.calm.requests + 1):
        for kind in kinds:
            for moment in when:
                yield Fault(kind, request, moment)


def disturb(scene: Scene, fault: Fault) -> tuple[Done, list[Trouble], str]:
    """One run: how it ended, what is wrong with it, and the request that was hit."""
    disturbed = Disturbed(scene.world, fault)
    done = scene.play(disturbed)
    found = judge_fault(scene, fault.kind, done)
    if fault.when == AFTER and fault.kind in _REFUSALS and disturbed.hit.startswith(_WRITES):
        found = [trouble for trouble in found if trouble.kind != SILENT]
    return done, found, disturbed.hit
