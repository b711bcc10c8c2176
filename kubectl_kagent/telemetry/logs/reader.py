"""Reads one container's log into its lane: once, or on and on through breaks, restarts and rotations."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import (
    Forbidden,
    KagentError,
    NotFound,
    OtherServerError,
    TimedOut,
    Unauthorized,
)
from kubectl_kagent.model.pod import ContainerRun, Pod
from kubectl_kagent.model.resources import POD
from kubectl_kagent.telemetry.logs import served, stamps
from kubectl_kagent.telemetry.logs.lane import DELAY, LONGEST_DELAY, Lane
from kubectl_kagent.telemetry.logs.notices import Back, Broke, ContainerRef, Failed, LogEvent, Notice, Older
from kubectl_kagent.telemetry.logs.seen import Seen

# The pod's status follows its container by a second or so.
_SETTLE = 3.0
_RETRY = 1.0
_LOOK_AGAIN = 30.0
_STARTING = re.compile(r"Unknown|Pending|ContainerCreating|PodInitializing|Init:\d+/\d+")


@dataclass(frozen=True, slots=True)
class Start:
    """Where the first reading begins; all None: at the first line that the node serves.

    ``new``: the pod was just made, so that nothing runs yet is nothing to tell.
    """

    since_time: str | None = None
    since_seconds: int | None = None
    tail: int | None = None
    previous: bool = False
    new: bool = False

    def since(self, now: datetime) -> datetime | None:
        """From when on lines are asked for; None: from the first one on."""
        if self.since_seconds is not None:
            return now - timedelta(seconds=self.since_seconds)
        return datetime.fromisoformat(self.since_time) if self.since_time else None


class Reader:
    """``changed`` is to be set when the pod has changed: who waits for it looks again."""

    def __init__(
        self,
        cluster: Cluster,
        pod: Pod,
        container: str,
        lane: Lane,
        tell: Callable[[LogEvent], None],
        start: Start,
    ) -> None:
        self.source = ContainerRef(pod.namespace, pod.name, container)
        self.changed = threading.Event()
        self._cluster = cluster
        self._pod = pod
        self._lane = lane
        self._told = tell
        self._start = start
        self._seen = Seen()
        self._opened: float | None = None
        self._looked = self._first = b""
        self._run = self._run_seen = 0  # the number of the run that is read, and of that of the last line
        self._count = 0
        self._fresh = self._refused = False
        self._following = False
        self._refusals = 0
        self._named = False
        self._given_up = False

    def read(self) -> None:
        """What there is now."""
        try:
            self._copy(previous=self._start.previous)
        except Exception as error:  # a thread that dies unheard would make a part look like the whole
            self._tell(Failed(self.source, error))
        finally:
            self._lane.end()

    def follow(self) -> None:
        """Until the container will not run again.

        While one run ends and the next one starts, a kubelet may fail to find a log: that is told only of two
        streams in a row, and not of a run that is over, whose stream had come to its end.
        """
        self._following = True
        try:
            run: ContainerRun | None = self._pod.run(self.source.container)
            self._run = run.number if run else 0
            if run is not None and run.started and self._start.tail != 0:
                self._catch_up()
            while run is not None:
                self._run = run.number
                broke = run.started and self._attempt(follow=True)
                run = self._next(run, broke=broke)
        except Exception as error:  # as above
            self._tell(Failed(self.source, error))
        finally:
            self._lane.end()

    def give_up(self, since: float) -> bool:
        """End the lane unless something came since then, or has still to go out. Whether it is over.

        For a pod that is gone: something on the way may hold its stream open for ever, without a word.
        """
        if not self._lane.over and self._lane.silent(since):
            what = "and something on the way holds its log stream open: its last lines may be missing"
            self._tell(Notice(f"pod {self.source.pod} is gone, {what}"))
            self._given_up = True
            self._lane.end()
        return self._lane.over

    def _tell(self, event: LogEvent) -> None:
        if not self._given_up:
            self._told(event)

    def _catch_up(self) -> None:
        """What there is is read to its end: then all that comes is new, and the others need not wait for it.

        A kubelet that follows a file with much in it would also not see that it is rotated meanwhile.
        """
        self._lane.catch_up(on=True)
        try:
            self._attempt(follow=False, growing=True)
        finally:
            self._lane.catch_up(on=False)

    # From one run to the next

    def _next(self, run: ContainerRun, *, broke: bool) -> ContainerRun | None:
        """The run to read on with after a stream has ended; None when the container will not run again."""
        settled = clock.monotonic() + _SETTLE
        told = not run.started
        while True:
            pod = self._look()
            if pod is None:
                self._tell(Notice(f"pod {self.source.pod} is gone"))
                return None
            now = pod.run(self.source.container)
            if now.number > run.number or (now.started and not run.started):
                self._restarted(run, now, told=told)
                return now
            if now.over:
                if now.started:
                    self._attempt(follow=False)
                self._tell(
                    Notice(f"pod {self.source.pod} {'is gone' if pod.leaving else f'ended ({now.reason})'}")
                )
                return None
            if not now.started:
                self._name_once(pod.status)
            if now.running and (broke or clock.monotonic() >= settled):
                if not broke and not self._refused:
                    self._tell(Broke(self.source.pod, "the server ended it"))
                return now
            if not now.running and not told:
                told = True
                self._tell(Notice(self._ended(now)))
                self._attempt(follow=False)
            self._wait(_RETRY / 2 if now.running else _LOOK_AGAIN)

    def _restarted(self, run: ContainerRun, now: ContainerRun, *, told: bool) -> None:
        if not run.started:
            return
        if not told:
            self._tell(Notice(self._ended(now)))
        self._run = now.number - 1
        self._attempt(follow=False, previous=True)
        if (restarts := now.number - run.number) > 1:
            what = f"container {self.source.container} restarted {restarts} times meanwhile"
            why = "a node has the logs of the last two runs only, and lines of earlier ones may be missing"
            self._tell(Notice(f"pod {self.source.pod}: {what}: {why}"))

    def _name_once(self, status: str) -> None:
        """Say that it is waited for: of a new pod only once something else than its start keeps it."""
        if not self._named and not (self._start.new and _STARTING.fullmatch(status)):
            self._named = True
            self._tell(
                Notice(
                    f"pod {self.source.pod}: container {self.source.container} has not started ({status}); "
                    "reading it when it runs"
                )
            )

    def _ended(self, run: ContainerRun) -> str:
        return (
            f"pod {self.source.pod}: container {self.source.container} ended ({run.reason}); "
            "reading on when it runs again"
        )

    def _look(self) -> Pod | None:
        """The pod as it is now; None when it is gone. Asks until the server answers."""
        while True:
            try:
                found = Pod(self._cluster.get(POD, self.source.namespace, self.source.pod))
                return found if found.uid == self._pod.uid else None
            except NotFound:
                return None
            except (Forbidden, Unauthorized):
                raise
            except KagentError as error:
                self._broke(error)

    def _wait(self, seconds: float) -> None:
        self.changed.wait(seconds)
        self.changed.clear()

    # One stream

    def _attempt(self, *, follow: bool, previous: bool = False, growing: bool = False) -> bool:
        """Read a stream to its end; whether it broke before. Raises what no asking again helps against."""
        try:
            self._copy(follow=follow, previous=previous, growing=follow or growing)
        except (Forbidden, Unauthorized):
            raise
        except TimedOut:
            return True
        except NotFound:
            return False
        except OtherServerError as error:
            if error.reason in ("BadRequest", "Invalid"):
                if not self._is_of_run(error):
                    raise
                return False
            self._broke(error)
            return True
        except KagentError as error:
            self._broke(error)
            return True
        return False

    def _is_of_run(self, refusal: OtherServerError) -> bool:
        """Whether the kubelet has no such run, or not yet; else the request is refused for good."""
        return f'container "{self.source.container}" in pod "{self.source.pod}"' in refusal.message

    def _broke(self, error: KagentError) -> None:
        self._lane.wait_for(LONGEST_DELAY)
        self._tell(Broke(self.source.pod, error.message))
        self.changed.wait(_RETRY)

    def _copy(self, *, follow: bool = False, previous: bool = False, growing: bool = False) -> None:
        """Lines that have not come before go to the lane; of a ``growing`` log only whole ones.

        What the kubelet says in the place of a log has no end of a line.
        """
        rest: list[bytes] = []
        self._fresh, self._refused = True, False
        live = growing or not self._following
        for piece in self._open(follow=follow, previous=previous):
            if not piece:
                self._lane.wait_for(DELAY)
                self._tell(Back(self.source.pod))
                continue
            end = piece.rfind(b"\n") + 1
            if not end:
                rest.append(piece)
                continue
            self._pass(b"".join([*rest, piece[:end]]), live=live)
            rest = [piece[end:]] if end < len(piece) else []
        last = b"".join(rest)
        if last and (not growing or (self._fresh and not stamps.begins_with_one(last))):
            self._pass(last + b"\n", live=live)
        if not follow and 0 < self._count < (self._start.tail or 0):
            self._mind_older(self._first)

    def _open(self, *, follow: bool = False, previous: bool = False) -> Iterator[bytes]:
        """From the last line seen on. While none was, what was asked for at first moves into the past."""
        since, start = self._seen.since(), self._start
        seconds = start.since_seconds
        if self._opened is None:
            self._opened, self._looked = clock.monotonic(), stamps.stamp_at(clock.now())
        elif start.tail == 0 or seconds is not None:
            seconds = (seconds or 0) + ceil(clock.monotonic() - self._opened)
            start = Start(since_seconds=seconds)
        return self._cluster.pod_log_stream(
            *(self.source.namespace, self.source.pod, self.source.container),
            follow=follow,
            previous=previous,
            since_time=since or start.since_time,
            since_seconds=None if since else start.since_seconds,
            tail=None if since else start.tail,
        )

    def _pass(self, block: bytes, *, live: bool) -> None:
        if self._fresh:
            self._fresh, self._refused = False, not stamps.begins_with_one(block)
            self._refusals = self._refusals + live if self._refused else 0
        if self._refused:  # words instead of a log: the lane tells them, they are no repetition of anything
            if live and self._refusals > self._following:
                self._lane.put(block)
            return
        block = self._seen.new(block)
        if block:
            self._mind_rotation(block)
            if not self._count:
                self._first = block[: stamps.WIDTH]
                if self._start.tail is None:
                    self._mind_older(self._first)
            self._count += block.count(b"\n")
            self._lane.put(block)

    def _mind_rotation(self, block: bytes) -> None:
        """Say so when the log of a run goes on without the lines that came last of it.

        The pod may tell of a restart a moment later than its log.
        """
        if self._seen.is_apart and self._run == self._run_seen and not self._has_restarted():
            before = stamps.since(block[: stamps.WIDTH])
            why = "they are in rotated files, which no node serves, or those of a run that ended (--previous)"
            self._tell(Notice(f"pod {self.source.pod}: lines before {before} may be missing: {why}"))
        self._seen.is_apart, self._run_seen = False, self._run

    def _has_restarted(self) -> bool:
        pod = self._look()
        return pod is not None and pod.run(self.source.container).number > self._run

    def _mind_older(self, first: bytes) -> None:
        """Say so when the file that the node serves begins long after what was asked for.

        ``first`` is the first line's stamp. A line that came after the log was first looked at hides none.
        """
        began, start = self._pod.run(self.source.container).began, self._start
        if start.previous or not began:
            return
        run_began = datetime.fromisoformat(began)
        asked = max(run_began, start.since(clock.now()) or run_began)
        if served.is_late(min(first, self._looked), asked):
            there = first if asked == run_began else served.served_from(self._cluster, self.source)
            if served.is_late(there, asked):
                self._tell(Older(self.source, there))
