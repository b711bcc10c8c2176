"""Every interruption of logs -f is named once and costs no line, that of the kubelet too."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from kubectl_kagent.cluster.api import ApiServer
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.following import following
from tests.cluster.log_pods import on_node, running, tell, writer
from tests.cluster.workloads import create, edit
from tests.lab.lab import Lab

pytestmark = pytest.mark.cluster


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
