"""Logs of pods that really write: none lost, none twice, in order; and every interruption named once."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from kubectl_kagent.cluster.api import ApiServer
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.log_pods import Lines, on_node, running, shown, tell, writer
from tests.cluster.workloads import create, edit
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster

PODS, LINES, RATE = 10, 20_000, 1_000


class Relay:
    """Passes connections on to an address of this machine, until it drops them all."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.drop()

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                self._open += [near, far]
                threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        def half(source: socket.socket, target: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)

        with near, far:
            back = threading.Thread(target=half, args=(far, near), daemon=True)
            back.start()
            half(near, far)
            back.join()


class Follower:
    """``logs -f`` as a process, with what it has printed and said so far."""

    def __init__(self, tools: Tools, folder: Path, *words: str) -> None:
        self._out, self._err = folder / "out", folder / "err"
        command = ["logs", "-f", "--prefix", "--timestamps", *words, "-n", tools.namespace]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            program = [sys.executable, "-m", "kubectl_kagent", *command]
            self.process = subprocess.Popen(program, env=tools.env(), stdout=out, stderr=err)

    def said(self) -> list[str]:
        return self._err.read_text().splitlines()

    def lines(self) -> Lines:
        found: Lines = {}
        whole = [line for line in self._out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        for pod, stamp, number in shown(whole):
            found.setdefault(pod, []).append((stamp, number))
        return found

    def order(self) -> list[bytes]:
        return [stamp for _, stamp, _ in shown(self._out.read_bytes().splitlines())]

    def count(self) -> int:
        return self._out.read_bytes().count(b"\n")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


@contextmanager
def following(tools: Tools, folder: Path, *words: str) -> Iterator[Follower]:
    follower = Follower(tools, folder, *words)
    try:
        yield follower
    finally:
        follower.stop()


def test_ten_pods_none_lost_none_twice_in_order(
    tools: Tools, api: ApiServer, lab: Lab, tmp_path: Path
) -> None:
    create(api, writer("many", replicas=PODS, lines=LINES, rate=RATE))
    pods = wait_for(lambda: found if len(found := running(api, "many")) == PODS else None, "the pods", 120)
    with following(tools, tmp_path, "many") as follower:
        for pod in pods:
            tell(tools, pod, "begin")
        wait_for(lambda: follower.count() >= PODS * LINES, "the last line", 120)
        assert follower.said() == []
        lines = follower.lines()
        assert lines == on_node(lab, tools.namespace)
        assert {pod: [number for _, number in found] for pod, found in lines.items()} == {
            pod: list(range(LINES)) for pod in pods
        }
        order = follower.order()
        assert order == sorted(order)
    past = tools.kagent("logs", "many", "--prefix", "--timestamps")
    assert (past.code, past.err) == (0, "")
    stamps = [stamp for _, stamp, _ in shown(past.out.encode().splitlines())]
    assert stamps == order


def test_each_interruption_is_named_once_and_costs_no_line(
    tools: Tools, api: ApiServer, lab: Lab, tmp_path: Path
) -> None:
    relay = Relay(int(api.host.rpartition(":")[2]))
    create(api, writer("few", replicas=2, lines=10**6, rate=100, at_once=True))
    first, second = sorted(
        wait_for(lambda: found if len(found := running(api, "few")) == 2 else None, "the pods", 60)
    )
    with (
        closing(relay),
        following(tools, tmp_path, "few", "--server", f"https://127.0.0.1:{relay.port}") as follower,
    ):
        said: list[str] = []

        def expect(*news: str) -> None:
            """Wait until it has said that much more, in any order, and not a line beyond."""
            said.extend(news)
            wait_for(lambda: len(follower.said()) >= len(said), f"news {news}, not {follower.said()}", 60)
            assert sorted(follower.said()) == sorted(said)

        def more(pod: str) -> None:
            """Wait for new lines of that pod."""
            before = len(follower.lines().get(pod, ()))
            wait_for(lambda: len(follower.lines().get(pod, ())) > before + 50, f"lines of {pod}", 60)

        more(first)
        tell(tools, first, "exit")
        expect(f"pod {first}: container kagent ended (exit code 3); reading on when it runs again")
        more(first)

        relay.drop()
        expect(
            f"the log streams of 2 pods broke (the connection to the server 127.0.0.1:{relay.port} broke); "
            "reading on from the last line"
        )
        more(second)

        lab.restart("kubelet")
        expect("the log streams of 2 pods broke (the server ended it); reading on from the last line")
        more(first)
        more(second)

        edit(api, "few", {"byo": {"deployment": {"replicas": 3}}})
        third = wait_for(lambda: set(running(api, "few")) - {first, second}, "the third pod").pop()
        expect(f"pod {third} joined")
        more(third)

        tools.kubectl("delete", "pod", second, "--wait=false", "--grace-period=1")
        heir = wait_for(lambda: set(running(api, "few")) - {first, second, third}, "the heir").pop()
        expect(f"pod {second} is gone", f"pod {heir} joined")
        more(heir)

        tools.kagent("rollout", "restart", "few")
        old = {first, third, heir}
        new = wait_for(
            lambda: found if len(found := set(running(api, "few")) - old) == 3 else None, "it", 180
        )
        expect(*(f"pod {pod} is gone" for pod in old), *(f"pod {pod} joined" for pod in new))
        for pod in new:
            more(pod)
        node = on_node(lab, tools.namespace)
        lines = follower.lines()
    for pod in new:
        assert node[pod][: len(lines[pod])] == lines[pod][: len(node[pod])], pod
    for pod, found in lines.items():
        numbers = [number for _, number in found]
        runs = numbers.count(0)
        assert runs == (2 if pod == first else 1), pod
        start = len(numbers) - 1 - numbers[::-1].index(0)
        assert numbers == [*range(start), *range(len(numbers) - start)], pod
