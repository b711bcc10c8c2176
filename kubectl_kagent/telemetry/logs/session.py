"""The pods whose logs are read: the ones that run, and with follow the ones that start later."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial

from kubectl_kagent import clock
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.feed import Feed
from kubectl_kagent.errors import Forbidden, KagentError, Unauthorized
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.resources import POD
from kubectl_kagent.telemetry.logs.lane import Lane
from kubectl_kagent.telemetry.logs.merge import Merge, Texts
from kubectl_kagent.telemetry.logs.notices import (
    Back,
    Broke,
    ContainerRef,
    Failed,
    Interruptions,
    LogEvent,
    Notice,
    Older,
    Stray,
)
from kubectl_kagent.telemetry.logs.older import Elsewhere
from kubectl_kagent.telemetry.logs.places import PodSelector
from kubectl_kagent.telemetry.logs.reader import Reader, Start
from kubectl_kagent.telemetry.logs.served import served_from

# So long after its pod is gone a stream that says nothing may take to end.
_HELD = 30.0


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What of each pod is read, and how.

    ``choose`` names a pod's containers, ``texts`` makes what is printed of one's lines. ``start`` is not for
    pods that join: they are read from their first line. ``limit``: so many containers are followed at most;
    more at the start are an error, later ones wait.
    """

    choose: Callable[[Pod], tuple[str, ...]]
    texts: Callable[[ContainerRef], Texts]
    start: Start
    limit: int
    elsewhere: Elsewhere | None = None


@dataclass
class LogSession:
    """Reads as ``plan`` says; ``say`` is told, a line each, of interruptions, joins and ends."""

    cluster: Cluster
    plan: LogPlan
    say: Callable[[str], None]
    failed: list[KagentError] = field(default_factory=list)
    _strays: set[ContainerRef] = field(default_factory=set)
    _following: bool = False
    _readers: dict[str, list[Reader]] = field(default_factory=dict)
    _left: list[tuple[float, Reader]] = field(default_factory=list)  # since when their pods are gone
    _lanes: list[Lane] = field(default_factory=list)
    _waiting: list[tuple[Pod, str]] = field(default_factory=list)
    _news: queue.SimpleQueue[LogEvent] = field(default_factory=queue.SimpleQueue)
    _interruptions: Interruptions = field(default_factory=Interruptions)

    def past(self, pods: Iterable[Pod]) -> Iterator[bytes]:
        """What there is, in order. What could not be read is in ``failed`` at the end."""
        self._merge = Merge(patient=True)
        self._read_elsewhere()
        for pod in pods:
            for container in self.plan.choose(pod):
                self._start(pod, container, self.plan.start, Reader.read)
        for block in self._merge.blocks():
            over = not self._merge.lanes
            self._hear()  # before the block: what is refused prints nothing
            yield block
            if over:
                break

    def follow(self, pods: Iterable[Pod], places: Iterable[PodSelector]) -> Iterator[bytes]:
        """The lines that there are, and then new ones as they come. Does not end by itself."""
        self._merge, self._following = Merge(patient=False), True
        self._read_elsewhere()
        for pod in pods:
            self._begin(pod)
        with ExitStack() as stack:
            feeds = [(at, stack.enter_context(closing(self._feed(at)))) for at in places]
            for block in self._merge.blocks():
                for at, feed in feeds:
                    self._attend(at, feed)
                self._give_up(clock.monotonic() - _HELD)
                self._admit()
                self._hear()
                yield block
                if line := self._interruptions.due(clock.monotonic()):
                    self.say(line)

    def rest(self) -> bytes:
        """What has come and not gone out yet: for somebody who waits no longer."""
        return self._merge.take(clock.monotonic(), everything=True)

    def _begin(self, pod: Pod) -> None:
        readers = self._readers[pod.uid] = []
        for container in self.plan.choose(pod):
            if not self._has_room():
                raise KagentError(
                    f"more than {self.plan.limit} containers to follow",
                    hint="use --max-log-requests to increase the limit",
                )
            readers.append(self._start(pod, container, self.plan.start, Reader.follow))

    def _attend(self, at: PodSelector, feed: Feed) -> None:
        while (change := feed.next(timeout=0)) is not None:
            self._interruptions.back("")
            pod = Pod(change.obj)
            if not at.chooses(pod):
                continue
            for reader in self._readers.get(pod.uid, ()):
                reader.changed.set()
            if change.gone:
                self._leave(pod)
            else:
                self._join(pod)

    def _join(self, pod: Pod) -> None:
        """A pod that is not known yet is read from its first line, at once or when another one is over."""
        if pod.uid in self._readers:
            return
        self._readers[pod.uid] = []
        self._waiting += [(pod, container) for container in self.plan.choose(pod)]
        self._admit()
        if any(waiting is pod for waiting, _ in self._waiting):
            self.say(
                f"Warning: pod {pod.name} is read when another one is over: more than {self.plan.limit} "
                "containers to follow; use --max-log-requests to increase the limit"
            )

    def _leave(self, pod: Pod) -> None:
        self._left += [(clock.monotonic(), reader) for reader in self._readers.pop(pod.uid, ())]
        unread = [container for waiting, container in self._waiting if waiting.uid == pod.uid]
        if unread:
            self.say(f"Warning: pod {pod.name} is gone, and {', '.join(unread)} in it was never read")
            self._waiting = [each for each in self._waiting if each[0].uid != pod.uid]

    def _give_up(self, since: float) -> None:
        """Wait no longer for streams of pods that are gone since then, so that others are read."""
        self._left = [(left, each) for left, each in self._left if left > since or not each.give_up(since)]

    def _admit(self) -> None:
        while self._waiting and self._has_room():
            self._hear()  # that the other one is over comes first
            pod, container = self._waiting.pop(0)
            readers = self._readers[pod.uid]
            if not readers:
                self.say(f"pod {pod.name} joined")
            readers.append(self._start(pod, container, Start(new=True), Reader.follow))

    def _has_room(self) -> bool:
        self._lanes = [lane for lane in self._lanes if not lane.over]
        return len(self._lanes) < self.plan.limit

    def _read_elsewhere(self) -> None:
        if self.plan.elsewhere:
            gate = self._merge.lane(lambda lines: (lines, b""), patient=True)
            threading.Thread(target=self._fetch, args=(self.plan.elsewhere, gate), daemon=True).start()

    def _fetch(self, elsewhere: Elsewhere, gate: Lane) -> None:
        try:
            elsewhere.read(self._merge, gate, self.plan.texts, partial(served_from, self.cluster))
        except Exception as error:  # a thread that dies unheard would make a part look like the whole
            self._news.put(Failed(ContainerRef("", "", ""), error))
        finally:
            gate.end()

    def _start(self, pod: Pod, container: str, start: Start, work: Callable[[Reader], None]) -> Reader:
        source = ContainerRef(pod.namespace, pod.name, container)
        stray = partial(self._news_of_stray, source)
        lane = self._merge.lane(self.plan.texts(source), stray=stray)
        self._lanes.append(lane)
        reader = Reader(self.cluster, pod, container, lane, self._news.put, start)
        threading.Thread(target=work, args=(reader,), daemon=True, name=f"{pod.name}/{container}").start()
        return reader

    def _news_of_stray(self, source: ContainerRef, line: bytes) -> None:
        self._news.put(Stray(source, line))

    def _feed(self, at: PodSelector) -> Feed:
        return Feed(self.cluster, at.namespace, (POD,), labels=at.labels, say=self.say, lost=self._feed_broke)

    def _feed_broke(self, why: str) -> None:
        self._news.put(Broke("", why))

    def _hear(self) -> None:
        """Take up the readers' news. Raises what no waiting helps against."""
        while not self._news.empty():
            news = self._news.get()
            if isinstance(news, Notice):
                self.say(news.line)
            elif isinstance(news, Older):
                if self.plan.elsewhere is None:
                    self.say(f"Warning: {_older(news)}")
            elif isinstance(news, Back):
                self._interruptions.back(news.pod)
            elif isinstance(news, Broke):
                self._interruptions.broke(news, clock.monotonic())
            elif isinstance(news, Stray):
                self._stray(news)
            elif not isinstance(news.error, KagentError) or self._ends_all(news.source, news.error):
                raise news.error
            else:
                self.failed.append(news.error)
                if self._following:
                    self.say(f"{news.error.line}; not reading on")

    def _ends_all(self, source: ContainerRef, error: KagentError) -> bool:
        """While following a reader gives up only what is refused for good, as it then is for every pod."""
        return isinstance(error, (Forbidden, Unauthorized)) or (self._following and bool(source.pod))

    def _stray(self, news: Stray) -> None:
        """Once for each container: a kubelet that is asked again says it again."""
        if news.source in self._strays:
            return
        self._strays.add(news.source)
        self.failed.append(news.error)
        if self._following:
            self.say(f"Warning: {news.error.explained}")


def _older(news: Older) -> str:
    return (
        f"the node has no line of pod {news.source.pod} before {news.stamp.decode()}: it wrote none, or they "
        "are in rotated files, which no node serves; --loki=auto reads them from Loki"
    )
