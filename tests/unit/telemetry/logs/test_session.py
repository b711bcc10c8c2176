"""Following: through breaks, restarts, rotations, with pods that come and go. Nothing lost, nothing twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from kubectl_kagent import clock
from kubectl_kagent.errors import Expired, Forbidden, OtherServerError
from kubectl_kagent.model.resources import AGENT, POD
from kubectl_kagent.model.workload import Workload, named
from kubectl_kagent.telemetry.logs import notices as news
from kubectl_kagent.telemetry.logs import reader, session
from kubectl_kagent.telemetry.logs.merge import Texts
from kubectl_kagent.telemetry.logs.notices import ContainerRef
from kubectl_kagent.telemetry.logs.places import Containers, PodSelector, find_pods
from kubectl_kagent.telemetry.logs.reader import Start
from kubectl_kagent.telemetry.logs.session import LogPlan, LogSession
from kubectl_kagent.telemetry.logs.stamps import text_of
from tests.fake.cluster import FakeCluster
from tests.fake.kubelet import broken

PATIENCE = 4.0  # only a test that fails waits as long
LABELS = {"app": "kagent", "kagent": "clock"}
PLACES = (PodSelector("default", "app=kagent,kagent=clock"),)
Object = dict[str, Any]


def status(number: int = 0, **state: Object) -> Object:
    state = state or {"running": {"startedAt": "2026-11-23T07:59:59Z"}}
    return {"containerStatuses": [{"name": "kagent", "restartCount": number, "state": state}]}


def restarted(number: int = 1, code: int = 137, **more: str) -> Object:
    found = status(number)
    found["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": code, **more}}
    return found


def pod(cluster: FakeCluster, name: str = "p", **changes: Any) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": LABELS},
        "spec": {"containers": [{"name": "kagent"}]},
        "status": status(),
    }
    cluster.add(POD, body | changes)


class Following:
    """A session on the fake that is followed in a thread, with all that it printed and said."""

    def __init__(
        self,
        cluster: FakeCluster,
        start: Start,
        places: tuple[PodSelector, ...] = PLACES,
        limit: int = 50,
    ) -> None:
        self.cluster = cluster
        self.places = places
        self.said: list[str] = []
        self.error: Exception | None = None
        self._out = b""
        self._over = threading.Event()
        plan = LogPlan(Containers().of, self._texts, start, limit)
        self.session = LogSession(cluster, plan, self.said.append)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _texts(self, source: ContainerRef) -> Texts:
        return lambda lines: (lines, b"\n".join(source.pod.encode() + b":" + text_of(line) for line in lines))

    def _run(self) -> None:
        try:
            for block in self.session.follow(find_pods(self.cluster, self.places), self.places):
                self._out += block
                if self._over.is_set():
                    return
        except Exception as error:
            self.error = error

    @property
    def lines(self) -> list[str]:
        return self._out.decode().splitlines()

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, (self.lines, self.said, self.error)
            time.sleep(0.002)

    def has(self, *lines: str) -> None:
        """Wait for that many lines, which must be these."""
        self.until(lambda: len(self.lines) >= len(lines))
        assert self.lines == list(lines), self.said

    def says(self, *lines: str) -> None:
        self.until(lambda: len(self.said) >= len(lines))
        assert self.said == list(lines)

    def close(self) -> None:
        self._over.set()
        self.thread.join(PATIENCE)


Follow = Callable[..., Following]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """Threads live in real time, and quickly."""
    monkeypatch.setattr(reader, "_RETRY", 0.02)
    monkeypatch.setattr(reader, "_SETTLE", 0.2)
    monkeypatch.setattr(news, "_GATHER", 0.05)
    return FakeCluster()


@pytest.fixture
def follow(fake: FakeCluster) -> Iterator[Follow]:
    started: list[Following] = []

    def start(places: tuple[PodSelector, ...] = PLACES, limit: int = 50, **how: Any) -> Following:
        started.append(Following(fake, Start(**how), places, limit))
        return started[-1]

    yield start
    for following in started:
        following.close()
    fake.end_watches()
    for found in fake.read_all(POD):
        fake.remove(POD, found["metadata"]["name"], namespace=found["metadata"]["namespace"])
    fake.kubelet.drop()


def test_what_is_there_and_what_comes(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.piece = 7
    fake.kubelet.write("p", "08:00:00 a", "08:00:01 b")
    following = follow()
    following.has("p:a", "p:b")
    fake.kubelet.write("p", "08:00:02 c")
    following.has("p:a", "p:b", "p:c")
    assert following.said == []


def test_of_all_namespaces_only_pods_of_the_chosen_join(fake: FakeCluster, follow: Follow) -> None:
    """Their labels are those of a namesake in another namespace too."""
    chosen = PodSelector(None, "app=kagent,kagent=clock", (named(AGENT, "default", "clock"),))
    pod(fake)
    pod(fake, "there", metadata={"name": "there", "namespace": "far", "labels": LABELS})
    fake.kubelet.write("p", "08:00:00 a")
    following = follow((chosen,))
    following.has("p:a")
    pod(fake, "too", metadata={"name": "too", "namespace": "far", "labels": LABELS})
    fake.kubelet.write("q", "08:00:01 b")
    pod(fake, "q")
    following.has("p:a", "q:b")
    assert following.said == ["pod q joined"]


def test_a_line_that_is_not_whole_yet_when_following_begins(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a", "08:00:01 long …")
    following = follow()
    following.until(lambda: len(fake.kubelet.asked) == 2)
    fake.kubelet.drop(broken())
    fake.kubelet.complete("p", "line")
    following.has("p:a", "p:long line")


def test_a_break_is_named_once_and_costs_no_line(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a", "08:00:01.5 b", "08:00:01.5 c")
    following = follow()
    following.has("p:a", "p:b", "p:c")
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:01.5 d", "08:00:01.7 e")
    following.has("p:a", "p:b", "p:c", "p:d", "p:e")
    following.says(
        "the log stream of pod p broke (the connection to the server was lost); reading on from the last line"
    )
    assert fake.kubelet.asked[-1]["since"] == "2026-11-23T08:00:00Z"


def test_what_breaks_for_several_pods_is_one_interruption(fake: FakeCluster, follow: Follow) -> None:
    for name in "pqr":
        pod(fake, name)
        fake.kubelet.write(name, "08:00:00 a")
    following = follow()
    following.has("p:a", "q:a", "r:a")
    fake.kubelet.drop(broken())
    following.says(
        "the log streams of 3 pods broke (the connection to the server was lost); "
        "reading on from the last line"
    )


def test_a_stream_that_just_ends_while_the_container_runs_is_a_break_too(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.drop()
    fake.kubelet.write("p", "08:00:01 b")
    following.has("p:a", "p:b")
    following.says("the log stream of pod p broke (the server ended it); reading on from the last line")


@pytest.mark.parametrize(
    ("looked", "told"),
    [
        ("08:00:30", []),
        (
            "08:30:00",
            [
                "Warning: the node has no line of pod p before 2026-11-23T08:30:01.000000000Z: "
                "it wrote none, or they are in rotated files, which no node serves; "
                "--loki=auto reads them from Loki"
            ],
        ),
    ],
)
def test_a_first_line_that_comes_late_hides_none_if_the_log_was_looked_at_before(
    fake: FakeCluster, follow: Follow, monkeypatch: pytest.MonkeyPatch, looked: str, told: list[str]
) -> None:
    """As of a program that takes minutes to start under load."""
    pod(fake)
    fake.kubelet.write("p")
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(f"2026-11-23T{looked}Z"))
    following = follow()
    following.until(lambda: fake.kubelet.asked and fake.kubelet.asked[-1]["follow"])
    for line, so_far in (("one", ["p:one"]), ("two", ["p:one", "p:two"])):
        fake.kubelet.write("p", f"08:30:01 {line}")
        following.has(*so_far)
    following.says(*told)


def test_a_rotation_during_a_break_hides_nothing_of_the_new_file(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.rotate("p")
    fake.kubelet.write("p", "08:00:00.1 b")
    following.has("p:a", "p:b")
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:00.2 c")
    following.has("p:a", "p:b", "p:c")


def test_what_a_rotation_during_a_break_takes_is_told(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:01 lost")
    fake.kubelet.rotate("p")
    fake.kubelet.write("p", "08:00:02 b")
    following.has("p:a", "p:b")
    following.says(
        "pod p: lines before 2026-11-23T08:00:02Z may be missing: they are in rotated files, "
        "which no node serves, or those of a run that ended (--previous)",
        "the log stream of pod p broke (the connection to the server was lost); "
        "reading on from the last line",
    )


def test_a_restart_that_the_log_shows_before_the_pod_does_is_no_rotation(
    fake: FakeCluster, follow: Follow
) -> None:
    """What is missing then comes from the run before."""
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    opened = fake.kubelet.stream

    def late(*words: Any, **options: Any) -> Iterator[bytes]:
        for piece in opened(*words, **options):
            if b"hello again" in piece and not options["previous"]:
                fake.set_status(POD, "p", restarted())
            yield piece

    fake.kubelet.stream = late  # type: ignore[method-assign]
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:01 last words")
    fake.kubelet.restart("p")
    fake.kubelet.write("p", "08:00:02 hello again")
    following.has("p:a", "p:hello again")
    fake.kubelet.drop()
    following.has("p:a", "p:hello again", "p:last words")
    assert not any("may be missing" in line for line in following.said)


def test_a_restart_gives_the_last_words_and_goes_on(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.write("p", "08:00:01 last words")
    fake.kubelet.restart("p")
    fake.kubelet.write("p", "08:00:02 hello again")
    fake.set_status(POD, "p", restarted(reason="OOMKilled"))
    following.has("p:a", "p:last words", "p:hello again")
    following.says("pod p: container kagent ended (exit code 137, OOMKilled); reading on when it runs again")


def test_last_words_that_a_break_kept_back_are_read_from_the_run_before(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:01 last words")
    fake.kubelet.restart("p")
    fake.set_status(POD, "p", restarted())
    fake.kubelet.write("p", "08:00:02 hello again")
    following.has("p:a", "p:last words", "p:hello again")


def test_a_container_that_waits_for_its_next_start_is_read_when_it_runs(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    waiting = restarted(0, 1)
    waiting["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    fake.set_status(POD, "p", waiting)
    fake.kubelet.end("p")
    following.says("pod p: container kagent ended (exit code 1); reading on when it runs again")
    fake.kubelet.restart("p")
    fake.kubelet.write("p", "08:00:30 b")
    fake.set_status(POD, "p", restarted(1, 1))
    following.has("p:a", "p:b")
    assert len(following.said) == 1


def test_runs_that_came_and_went_unread_are_told(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.restart("p")
    fake.kubelet.restart("p")
    fake.kubelet.restart("p")
    fake.kubelet.write("p", "08:00:09 b")
    fake.set_status(POD, "p", restarted(3))
    following.has("p:a", "p:b")
    following.says(
        "pod p: container kagent ended (exit code 137); reading on when it runs again",
        "pod p: container kagent restarted 3 times meanwhile: a node has the logs of the last two runs only, "
        "and lines of earlier ones may be missing",
    )


def test_a_new_pod_joins_and_is_read_from_its_first_line(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow(tail=1)
    following.has("p:a")
    pod(fake, "q", status={"containerStatuses": []})
    following.says("pod q joined")
    fake.kubelet.write("q", "08:00:01 one", "08:00:02 two")
    fake.set_status(POD, "q", status())
    following.has("p:a", "q:one", "q:two")


def test_more_pods_than_the_limit_wait_until_another_one_is_over(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow(limit=1)
    following.has("p:a")
    for name in ("q", "r"):
        pod(fake, name)
        fake.kubelet.write(name, "08:00:01 b")
    fake.remove(POD, "r")
    late = "is read when another one is over: more than 1 containers to follow; "
    said = [f"Warning: pod {name} {late}use --max-log-requests to increase the limit" for name in ("q", "r")]
    said.append("Warning: pod r is gone, and kagent in it was never read")
    following.says(*said)
    assert following.lines == ["p:a"]
    fake.kubelet.end("p")
    fake.remove(POD, "p")
    following.has("p:a", "q:b")
    following.says(*said, "pod p is gone", "pod q joined")
    assert following.error is None


def test_a_stream_of_a_pod_that_is_gone_may_be_held_open_by_something_on_the_way(
    fake: FakeCluster, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_HELD", 0.3)
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow(limit=1)
    following.has("p:a")
    pod(fake, "q")
    fake.kubelet.write("q", "08:00:01 b")
    fake.remove(POD, "p")
    following.has("p:a", "q:b")
    fake.kubelet.end("p")
    fake.kubelet.write("q", "08:00:02 c")
    following.has("p:a", "q:b", "q:c")
    following.says(
        "Warning: pod q is read when another one is over: more than 1 containers to follow; "
        "use --max-log-requests to increase the limit",
        "pod p is gone, and something on the way holds its log stream open: its last lines may be missing",
        "pod q joined",
    )
    assert following.error is None


def test_a_pod_that_waits_and_goes_away_while_the_watch_is_broken_waits_no_more(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    clock = Workload(AGENT, {"metadata": {"namespace": "default", "name": "clock"}})
    following = follow(limit=1, places=(PodSelector("default", PLACES[0].labels, (clock,)),))
    following.has("p:a")
    pod(fake, "q")
    said = [
        "Warning: pod q is read when another one is over: more than 1 containers to follow; "
        "use --max-log-requests to increase the limit"
    ]
    following.says(*said)

    def forget() -> None:
        raise Expired("too old resource version")

    fake.before("list", POD, lambda: fake.remove(POD, "q"))
    fake.before("watch", POD, forget)
    fake.end_watches()
    following.says(*said, "Warning: pod q is gone, and kagent in it was never read")


def test_more_containers_than_the_limit_at_the_start_are_an_error(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    pod(fake, "q")
    following = follow(limit=1)
    following.until(lambda: following.error)
    assert str(following.error) == "more than 1 containers to follow"


def test_what_the_kubelet_says_of_a_log_is_said_once_and_is_no_line(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.apologize("p", "unable to retrieve container logs")
    fake.kubelet.drop()
    following.until(lambda: len(fake.kubelet.asked) > 5)
    said = [line for line in following.said if "unable to retrieve" in line]
    assert said == [
        "Warning: the log of container kagent in pod p came with words that are not its own: "
        "unable to retrieve container logs; "
        "the kubelet says so when it can't read a log; --loki=auto reads it from Loki"
    ]
    assert sum("broke" in line for line in following.said) <= 1
    assert following.lines == ["p:a"]


def test_a_log_that_the_kubelet_finds_at_the_second_try_is_whole(fake: FakeCluster, follow: Follow) -> None:
    """Between two runs it may not know where the ended one's log is."""
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.write("p", "08:00:01 last words")
    fake.kubelet.apologize("p", "unable to retrieve container logs", times=1)
    fake.set_status(POD, "p", restarted())
    fake.kubelet.restart("p")
    fake.kubelet.write("p", "08:00:02 b")
    following.has("p:a", "p:last words", "p:b")
    assert not [line for line in following.said if "unable to retrieve" in line]


def test_a_deleted_pod_is_told_and_its_last_lines_are_there(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.write("p", "08:00:01 bye")
    fake.remove(POD, "p")
    fake.kubelet.end("p")
    following.has("p:a", "p:bye")
    following.says("pod p is gone")


def test_only_what_comes_from_now_on_survives_a_break_before_the_first_line(
    fake: FakeCluster, follow: Follow
) -> None:
    pod(fake)
    fake.kubelet.write("p", "07:00:00 old")
    following = follow(tail=0)
    following.until(lambda: fake.kubelet.asked)
    fake.kubelet.drop(broken())
    fake.kubelet.write("p", "08:00:01 new")
    following.has("p:new")


def test_a_log_that_may_not_be_read_ends_it(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    fake.kubelet.drop(Forbidden("no"))
    following.until(lambda: following.error)
    assert isinstance(following.error, Forbidden)


def test_a_pod_that_is_not_ready_is_named_once_and_waited_for(fake: FakeCluster, follow: Follow) -> None:
    waiting = status(waiting={"reason": "ContainerCreating"})
    pod(fake)
    pod(fake, "q", status=waiting)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    said = ["pod q: container kagent has not started (ContainerCreating); reading it when it runs"]
    following.says(*said)
    fake.set_status(POD, "q", status(waiting={"reason": "ImagePullBackOff"}))
    fake.kubelet.write("p", "08:00:01 b")
    following.has("p:a", "p:b")
    fake.kubelet.write("q", "08:00:02 c")
    fake.set_status(POD, "q", status())
    following.has("p:a", "p:b", "q:c")
    assert following.said == said


def test_a_new_pod_is_named_when_something_keeps_it_from_starting(fake: FakeCluster, follow: Follow) -> None:
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow()
    following.has("p:a")
    pod(fake, "q", status=status(waiting={"reason": "ContainerCreating"}))
    following.says("pod q joined")
    for _ in range(2):
        fake.set_status(POD, "q", status(waiting={"reason": "ImagePullBackOff"}))
        following.says(
            "pod q joined",
            "pod q: container kagent has not started (ImagePullBackOff); reading it when it runs",
        )


def test_a_request_that_is_refused_itself_ends_it(fake: FakeCluster, follow: Follow) -> None:
    """That a container has no log yet is refused with the same code, and waited out."""
    pod(fake)
    fake.kubelet.write("p", "08:00:00 a")
    following = follow(since_time="2026-11-01T00:00Z")
    following.until(lambda: following.error)
    assert isinstance(following.error, OtherServerError)
    assert following.error.line.startswith('Error from server (BadRequest): parsing time "2026-11-01T00:00Z"')
