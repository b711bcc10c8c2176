"""What every test has: an environment of its own, a fake cluster, the command line, the lab if it is up."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner

from kubectl_kagent import clock
from kubectl_kagent.app import cli
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.lifecycle.history import recorder, watched
from scripts.pictures.machine import browser
from tests.fake.cluster import FakeCluster
from tests.lab import build
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.layout import Layout

CONTEXT = "KAGENT_TEST_CONTEXT"
_LEFT_OUT = pytest.StashKey[list[str]]()
_LOCK = pytest.StashKey[IO[str]]()
_ALONE = "tests/alone/"
# Of the modules that use the lab those that take minutes, the longest first (make test, make test-telemetry).
_LONG = (
    "tests/cluster/test_permissions.py",
    "tests/cluster/test_lab.py",
    "tests/cluster/test_rollout_status.py",
    "tests/cluster/test_roles.py",
    "tests/cluster/test_docs.py",
    "tests/bundle/test_drawn.py",
    "tests/telemetry/test_trace.py",
)
# Before any test puts its own in place.
_ENVIRONMENT = dict(os.environ)

_SCREENS = Path(__file__).parent / "data" / "screens"

Kagent = Callable[..., tuple[int, str, str]]
Screen = Callable[[str, str], None]


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the user's kubeconfig and configuration nor the terminal nor a proxy reaches a test."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/no-config")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    foreign = (
        *("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE", "KUBECTL_EXTERNAL_DIFF"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "KAGENT_SERVICES", "KAGENT_TENANT"),
    )
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
    monkeypatch.setattr(watched, "HOLD_SECONDS", 0.0)  # this time stands still while a recorder waits
    monkeypatch.setattr(recorder, "START_SECONDS", 0.0)
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


@pytest.fixture(scope="session")
def lab() -> Lab:
    """For tests that take parts of the lab away; the others run on any cluster with kagent."""
    return Lab.attach()


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """The program, for tests that need no cluster: as the lab builds it, or another that is to be tried."""
    return _kubectl()


def _kubectl() -> Path:
    given = _ENVIRONMENT.get("KAGENT_TEST_KUBECTL")
    return Path(given) if given else build.program(Layout.here(), "kubectl")


def _lab_kubeconfig() -> Path:
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


def pytest_configure() -> None:
    """A run in the background may start with signals ignored, and so would the programs that tests end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests whose cluster or telemetry is not there are left out, and the summary says so.

    Those that want the lab for themselves come first, while other workers run those that need no cluster.
    Then the long modules: begun last, one would keep a worker busy when the others have nothing left.
    """
    config.stash[_LEFT_OUT] = []
    missing = {
        "telemetry": _no_telemetry,
        "cluster": _no_cluster,
        "go_runtime": _no_go_runtime,
        "kubectl": _no_kubectl,
        "npm": _no_npm,
        "chromium": _no_chromium,
    }
    for marker, look in missing.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        if marked and (reason := look()):
            config.stash[_LEFT_OUT].append(f"{len(marked)} tests that need {reason}")
            items[:] = [item for item in items if not item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=marked)
    users = {item.path for item in items if _uses_cluster(item)}

    def turn(item: pytest.Item) -> int:
        if _is_alone(item):
            return 0
        if item.path not in users:
            return 1
        module = item.nodeid.partition("::")[0]
        return 2 + (_LONG.index(module) if module in _LONG else len(_LONG))

    items.sort(key=turn)


def _uses_cluster(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(marker) for marker in ("cluster", "telemetry"))


def _is_alone(item: pytest.Item) -> bool:
    return item.nodeid.startswith(_ALONE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A worker of pytest-xdist gets a module, or all of those that want the lab for themselves."""
    from xdist.scheduler import LoadFileScheduling

    class Modules(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _ALONE if nodeid.startswith(_ALONE) else super()._split_scope(nodeid)

    return Modules(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Modules share the lab with those of other workers; one in tests/alone waits until it has it."""
    if _uses_cluster(item) and _LOCK not in item.config.stash:
        path = Layout.here().state / "tests.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        item.config.stash[_LOCK] = path.open("w")
        fcntl.flock(item.config.stash[_LOCK], fcntl.LOCK_EX if _is_alone(item) else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        if _LOCK in item.config.stash and not _goes_on(item, nextitem):
            item.config.stash[_LOCK].close()
            del item.config.stash[_LOCK]


def _goes_on(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Whether the lock that an item has is the one that the next item of its worker wants."""
    if nextitem is None:
        return False
    return nextitem.path == item.path or (_is_alone(item) and _is_alone(nextitem))


def _no_cluster() -> str:
    if CONTEXT in _ENVIRONMENT:
        return ""
    try:
        _lab_kubeconfig()
    except LabError as error:
        return f"a cluster: {error}"
    return ""


def _no_telemetry() -> str:
    if CONTEXT in _ENVIRONMENT:
        return f"the lab's telemetry parts, not {CONTEXT}"
    try:
        there = Lab.attach().has_telemetry
    except LabError as error:
        return f"the lab's telemetry parts: {error}"
    return "" if there else "the lab's telemetry parts: run `make test-telemetry`"


def _no_go_runtime() -> str:
    if CONTEXT in _ENVIRONMENT or Lab.attach().controller == "real":
        return ""
    return "kagent's Go runtime: set KAGENT_SOURCE"


def _no_kubectl() -> str:
    return "" if _kubectl().is_file() else "the lab's kubectl: run `make lab`"


def _no_npm() -> str:
    return "" if shutil.which("npm") else "npm: install Node.js"


def _no_chromium() -> str:
    if browser() or (os.geteuid() == 0 and shutil.which("apt-get")):  # then it is installed
        return ""
    return "chromium: install it"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the one that prints the summary."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(_LEFT_OUT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT_OUT] = node.workeroutput["left_out"]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for left_out in config.stash.get(_LEFT_OUT, []):
        terminalreporter.write_line(f"LEFT OUT: {left_out}", yellow=True, bold=True)
