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
from tests.cluster.conftest import Tools, wait_for
from tests.lab import network, processes
from tests.lab.images import RECORDER
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


@contextmanager
def recorder(kagent: Tools, folder: Path) -> Iterator[None]:
    """manifests/recorder in kagent's namespace, with the lab's image."""
    name, _, tag = RECORDER.rpartition(":")
    image = yaml.safe_load((_RECORDER / "kustomization.yaml").read_text())["images"][0]["newName"]
    overlay = {
        "resources": [os.path.relpath(_RECORDER, folder)],
        "namespace": kagent.namespace,
        "images": [{"name": image, "newName": name, "newTag": tag}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    try:
        kagent.kubectl("apply", "-k", str(folder))
        wait_for(lambda: _is_available(kagent), "the recorder")
        yield
    finally:
        kagent.kubectl("delete", "-k", str(folder), "--wait=false")


def _is_available(kagent: Tools) -> bool:
    found = kagent.kubectl("get", "deployment", "kagent-recorder", "-o", "json").out
    return bool(json.loads(found)["status"].get("availableReplicas"))
