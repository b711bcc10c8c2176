"""What every test has: an environment of its own, a fake cluster, the command line, the lab if it is up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kubectl_kagent import clock
from kubectl_kagent.cli import cli
from kubectl_kagent.cluster import Cluster
from tests.fakes import FakeCluster
from tests.lab.errors import LabError

CONTEXT = "KAGENT_TEST_CONTEXT"
_LEFT_OUT = pytest.StashKey[str]()
# Before any test puts its own in place.
_ENVIRONMENT = dict(os.environ)

_SCREENS = Path(__file__).parent / "data" / "screens"

Kagent = Callable[..., tuple[int, str, str]]
Screen = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the user's kubeconfig nor the terminal nor a proxy reaches a test."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    foreign = ("KUBERNETES_SERVICE_HOST", "KUBECTL_EXTERNAL_DIFF", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    for name in foreign:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A fake cluster, and the program lives in its time: it stands still until something waits."""
    fake = FakeCluster()
    monkeypatch.setattr(clock, "now", fake.clock)
    monkeypatch.setattr(clock, "monotonic", fake.clock.monotonic)
    monkeypatch.setattr(clock, "sleep", fake.clock.sleep)
    return fake


@pytest.fixture
def kagent(cluster: FakeCluster) -> Kagent:
    """Run ``kubectl kagent ARGS`` against the fake; gives exit code, stdout and stderr."""

    def run(*args: str, cluster: Cluster = cluster, input: str | None = None) -> tuple[int, str, str]:  # noqa: A002
        result = CliRunner().invoke(
            cli,
            args,
            input=input,
            obj=lambda _connection: cluster,
            prog_name="kubectl kagent",
            catch_exceptions=False,
        )
        return result.exit_code, result.stdout, result.stderr

    return run


@pytest.fixture(scope="session")
def lab_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of the cluster that the tests marked ``cluster`` run on."""
    context = _ENVIRONMENT.get(CONTEXT)
    if not context:
        return _lab_kubeconfig()
    path = tmp_path_factory.mktemp("context") / "kubeconfig"
    view = ["kubectl", "config", "view", "--raw", "--minify", "--flatten", f"--context={context}"]
    path.write_bytes(subprocess.run(view, env=_ENVIRONMENT, check=True, stdout=subprocess.PIPE).stdout)
    return path


def _lab_kubeconfig() -> Path:
    from tests.lab.lab import Lab

    return Lab.attach().kubeconfig


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-screens", action="store_true", help="write tests/data/screens anew")


@pytest.fixture
def screen(request: pytest.FixtureRequest) -> Screen:
    """Compare a text with the screen of that name in tests/data/screens, letter for letter."""

    def compare(name: str, text: str) -> None:
        path = _SCREENS / f"{name}.txt"
        if request.config.getoption("--update-screens"):
            path.write_text(text)
        assert text == path.read_text()

    return compare


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a cluster its tests are left out, and the summary says so."""
    on_cluster = [item for item in items if item.get_closest_marker("cluster")]
    if not on_cluster or CONTEXT in _ENVIRONMENT:
        return
    try:
        _lab_kubeconfig()
    except LabError as error:
        config.stash[_LEFT_OUT] = f"{len(on_cluster)} tests that need a cluster: {error}"
        items[:] = [item for item in items if not item.get_closest_marker("cluster")]
        config.hook.pytest_deselected(items=on_cluster)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if left_out := config.stash.get(_LEFT_OUT, ""):
        terminalreporter.write_line(f"LEFT OUT: {left_out}", yellow=True, bold=True)
