"""The lab's promises: `up` repairs, `down` leaves nothing, and one lab does not touch another."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import cleanup, processes, telemetry
from tests.lab.__main__ import main
from tests.lab.lab import PROCESSES, Lab
from tests.lab.layout import CHECKOUT, Layout

NAME = "lab-test"
COMMAND = [sys.executable, "-m", "tests.lab"]


@pytest.fixture
def first() -> Lab:
    """The one that is up."""
    return Lab.attach()


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """The name of another lab beside the one that is up; taken away whatever the test did to it."""
    # The second lab needs no real controller: without one nothing has to be built.
    for name, value in {"KAGENT_LAB_NAME": NAME, "KAGENT_SOURCE": "", "KAGENT_REPO": "none"}.items():
        monkeypatch.setenv(name, value)
    yield Layout.here()
    subprocess.run([*COMMAND, "down"], cwd=CHECKOUT, check=True, timeout=120)


def run(*words: str) -> None:
    subprocess.run([*COMMAND, *words], cwd=CHECKOUT, check=True, timeout=600)


def kubectl(layout: Layout, *words: str) -> str:
    command = [str(layout.kubectl), "--kubeconfig", str(layout.kubeconfig), *words]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=60).stdout


def kill(layout: Layout, name: str) -> None:
    number = processes.pid(layout, name)
    assert number is not None
    os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("last_words", ["start etcd", "start kubelet", "import image archive agent-runtime"])
@pytest.mark.cluster
def test_down_leaves_nothing_of_an_up_that_was_killed(second: Layout, last_words: str) -> None:
    up = subprocess.Popen(
        [*COMMAND, "up"], cwd=CHECKOUT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    with up:
        assert up.stderr
        seen = next((line for line in up.stderr if last_words in line), None)
        up.kill()
    assert seen, f"up never came to {last_words!r}"
    assert cleanup.leftovers(second)
    run("down")
    assert cleanup.leftovers(second) == []


@pytest.mark.cluster
def test_up_repairs_a_lab_in_pieces_and_down_leaves_nothing_of_it(first: Lab, second: Layout) -> None:
    before = first.pids()
    run("up")
    address = second.kubeconfig.read_bytes()
    pods = kubectl(second, "get", "pods", "-A", "-o", "name")
    for name in PROCESSES:
        kill(second, name)

    run("up")
    assert second.kubeconfig.read_bytes() == address
    assert kubectl(second, "get", "--raw", "/readyz") == "ok"
    assert kubectl(second, "get", "pods", "-A", "-o", "name") == pods

    for name in ("containerd", "kubelet", "kube-apiserver"):
        kill(second, name)
    # Even without the network that they are found by, processes do not escape.
    subprocess.run(["ip", "netns", "delete", second.label], check=True)
    run("down")
    assert cleanup.leftovers(second) == []
    assert first.pids() == before


@pytest.mark.telemetry
def test_telemetry_lasts_until_an_up_without_it(second: Layout) -> None:
    def there() -> tuple[set[str], set[str], bool]:
        """Its processes, its Services, and whether kagent's controller knows of it."""
        running = {name for name in telemetry.PARTS if processes.pid(second, name)}
        services = kubectl(second, "get", "services", "-n", "monitoring", "-o", "name")
        controller = kubectl(second, "get", "deployment", "-n", "kagent", "-o", "yaml")
        return running, set(services.split()), "OTEL_TRACING_ENABLED" in controller

    run("up", "--telemetry")
    services = {f"service/{name}" for name in ("alertmanager", "jaeger", "loki", "prometheus", "collector")}
    assert there() == (set(telemetry.PARTS), services, True)
    run("up")
    assert there() == (set(), set(), False)


def test_without_root_it_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["lab", "up"])
    assert main() == 1
    said = capsys.readouterr().err
    assert "needs root" in said or "needs Linux" in said
    assert "KAGENT_TEST_CONTEXT" in said
    assert said.count("\n") == 1
