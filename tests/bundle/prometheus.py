"""A Prometheus on loopback that has the made-up fleet's series and scrapes nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bundle.curves import Series
from tests.bundle.series import everything
from tests.lab.build import PROMETHEUS, build_all, program
from tests.lab.layout import Layout
from tests.lab.progress import Progress

_PATIENCE = 60
Fleet = Callable[[int, int], Iterable[Series]]  # of Unix seconds, from and to


def openmetrics(series: Iterable[Series], start: int, end: int) -> Iterator[str]:
    """The text that promtool backfills from, line by line; times in Unix seconds."""
    for one in series:
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
        for second in range(start, end + 1, one.every):
            yield f"{one.name}{{{labels}}} {one.value(second - start):.10g} {second}\n"
    yield "# EOF\n"


@contextmanager
def prometheus(
    folder: Path,
    start: int,
    end: int,
    fleet: Fleet = everything,
    config: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """The address of one that knows ``fleet`` from start to end; its data is below ``folder``."""
    layout = Layout.here()
    build_all(layout, [PROMETHEUS], Progress())
    written = folder / "fleet.om"
    with written.open("w") as file:
        file.writelines(openmetrics(fleet(start, end), start, end))
    backfill = ["tsdb", "create-blocks-from", "openmetrics", "--quiet", str(written), str(folder / "data")]
    subprocess.run([str(program(layout, "promtool")), *backfill], check=True, timeout=_PATIENCE)
    with serving(folder, config) as address:
        yield address


@contextmanager
def serving(folder: Path, config: Mapping[str, Any] | None = None) -> Iterator[str]:
    """The address of one that has the blocks in ``folder/data`` and does what ``config`` says."""
    settings = folder / "prometheus.yaml"
    settings.write_text(json.dumps(config or {}))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program(Layout.here(), "prometheus")),
        f"--config.file={settings}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--storage.tsdb.max-block-duration=18h",  # as without that retention: blocks stay as they are
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    process = subprocess.Popen(command)
    try:
        wait_for(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def free_port() -> int:
    """One of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(url: str) -> None:
    """Until something answers there with success."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
