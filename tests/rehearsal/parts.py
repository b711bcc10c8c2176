"""The lab's Prometheus, its prices, and Alertmanager with the bundle's own configuration, for a rehearsal."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.bundle.alertmanager import Alertmanager, alertmanager
from tests.lab import network, processes
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT, NODE_ADDRESS, Layout
from tests.lab.telemetry.scraping import prices

_RECORDER = CHECKOUT / "manifests" / "recorder"
_SECONDS = 60


def ask(layout: Layout, port: int, path: str, **query: str) -> Any:
    """What a part on the node answers. Raises AssertionError for anything but 200."""
    connection = http.client.HTTPConnection(NODE_ADDRESS, port, timeout=_SECONDS)
    with network.inside(layout):
        connection.connect()
    connection.request("GET", f"{path}?{urlencode(query)}")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == http.client.OK, (path, query, body[:500])
    return json.loads(body)


def prometheus(layout: Layout, path: str, **query: str) -> Any:
    """``data`` of an answer of the lab's Prometheus."""
    return ask(layout, 9090, f"/api/v1/{path}", **query)["data"]


def loki(layout: Layout, **query: str) -> Any:
    """The streams or series that the lab's Loki has for a query of a range of time."""
    return ask(layout, 3100, "/loki/api/v1/query_range", limit="100", **query)["data"]["result"]


@contextmanager
def messages(lab: Lab, folder: Path) -> Iterator[Alertmanager]:
    """Alertmanager in place of the lab's own, waiting before it sends as long as in a real cluster."""
    lab.stop("alertmanager")
    try:
        with ExitStack() as stack:
            with network.inside(lab.layout):  # what is started here stays there
                running = alertmanager(folder, address=f"{NODE_ADDRESS}:9093", hurried=False)
                found = stack.enter_context(running)
            yield found
    finally:
        lab.start("alertmanager")


@contextmanager
def price(lab: Lab, usd_per_million: Mapping[str, float]) -> Iterator[None]:
    """What the scripted model costs until then, by the type of token."""
    path, before = prices(lab.layout)
    rules = yaml.safe_load(before)
    for rule in rules["groups"][0]["rules"]:
        rule["expr"] = f"vector({usd_per_million[rule['labels']['type']] / 1e6})"
    _reload(lab.layout, path, yaml.safe_dump(rules))
    try:
        yield
    finally:
        _reload(lab.layout, path, before)


def _reload(layout: Layout, path: Path, text: str) -> None:
    path.write_text(text)
    number = processes.pid(layout, "prometheus")
    assert number, "Prometheus does not run"
    os.kill(number, signal.SIGHUP)
