"""Thanos before several Prometheus on loopback: a sidecar beside each, and one querier that asks them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.bundle.prometheus import free_port, wait_for
from tests.lab.build import THANOS, build_all, program
from tests.lab.layout import Layout
from tests.lab.progress import Progress

_PATIENCE = 60


@contextmanager
def query_front(beside: Mapping[str, Path]) -> Iterator[str]:
    """The address of a querier; ``beside`` has the folder of each Prometheus by its address.

    Each Prometheus needs external labels, by which Thanos tells them apart.
    """
    build_all(Layout.here(), [THANOS], Progress())
    with ExitStack() as stack:
        sidecars = [
            stack.enter_context(
                _running("sidecar", f"--prometheus.url={address}", f"--tsdb.path={folder / 'data'}")
            )
            for address, folder in beside.items()
        ]
        whom = json.dumps({"endpoints": [{"address": grpc} for _, grpc in sidecars]})
        # An answer without one of the clusters would be an answer all the same.
        whole = "--no-query.partial-response"
        front, _ = stack.enter_context(_running("query", f"--endpoint.sd-config={whom}", whole))
        _wait_until_known(front, len(sidecars))
        yield front


@contextmanager
def _running(part: str, *arguments: str) -> Iterator[tuple[str, str]]:
    """A part of Thanos, ready: where it answers HTTP (a URL) and gRPC (HOST:PORT)."""
    http, grpc = (f"127.0.0.1:{free_port()}" for _ in range(2))
    listen = (f"--http-address={http}", f"--grpc-address={grpc}", "--log.level=error")
    process = subprocess.Popen([str(program(Layout.here(), "thanos")), part, *listen, *arguments])
    try:
        wait_for(f"http://{http}/-/ready")
        yield f"http://{http}", grpc
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE)


def _wait_until_known(front: str, sidecars: int) -> None:
    """A querier is ready before it has found whom to ask."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with urlopen(f"{front}/api/v1/stores", timeout=5) as answer:
            known = json.load(answer)["data"].get("sidecar", [])
        if len(known) == sidecars:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"Thanos knows {len(known)} of {sidecars} sidecars after {_PATIENCE} s")
        time.sleep(0.1)
