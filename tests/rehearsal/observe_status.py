"""observe status on the lab's telemetry, of which one part after the other is taken away and put back.

Here Prometheus, the collectors and kagent-state-metrics are host processes, so what the bundle has of pods is
not there: the dashboards are missing, and no recorder is installed, from the start.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster.conftest import Tools, wait_for
from tests.lab import images, processes
from tests.lab.lab import Lab
from tests.lab.layout import NODE_ADDRESS
from tests.lab.network import entering
from tests.lab.probes import listens
from tests.lab.telemetry.scraping import prometheus

pytestmark = pytest.mark.telemetry

SPACE = "kagent-observability"
# what they need to come (rules are evaluated each minute), or to be missed (a scrape that fails)
PATIENCE = 240.0
READY = 60.0
# Those that depend on no part that the lab lacks.
ARRIVING = (
    *("prometheus", "collector", "logs", "state", "kube-state-metrics", "cadvisor"),
    *("rules", "alertmanager", "clocks"),
)
CONTROLLER = ("-n", "kagent", "deployment/kagent-controller")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SERVES = f"http://{NODE_ADDRESS}:4317"
# It answers as Tempo does that has tenants and is told none.
TENANTS = f"""
from http.server import BaseHTTPRequestHandler, HTTPServer
class Refusing(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"no org id")
HTTPServer(({NODE_ADDRESS!r}, 3200), Refusing).serve_forever()
"""
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def whole(lab: Lab, tools: Tools) -> Iterator[None]:
    """All parts run, before and after."""
    fine = ("arriving", "quiet")  # quiet is the state of no agents
    wait_for(lambda: all(row["status"] in fine for row in of(tools, *ARRIVING)), "all signals", PATIENCE)
    yield
    for part in ("jaeger", "loki", "collector", "logs", "state-metrics", "prometheus"):
        lab.start(part)


def status(tools: Tools, *words: str) -> tuple[int, dict[str, Row]]:
    """Exit code, and the rows by signal."""
    done = replace(tools, namespace=SPACE).kagent("observe", "status", "-o", "json", *words)
    assert done.code in (0, 1), done
    return done.code, {item["signal"]: item for item in json.loads(done.out)["items"]}


def of(tools: Tools, *signals: str) -> list[Row]:
    _, rows = status(tools)
    return [rows[signal] for signal in signals]


def named(
    tools: Tools, signal: str, detail: str, states: tuple[str, ...] = ("failing", "stopped", "missing")
) -> Row:
    """The row that says so, once it does."""
    seen: list[Row] = []

    def look() -> Row | None:
        code, rows = status(tools)
        seen[:] = [rows[signal]]
        there = detail in rows[signal]["detail"] and rows[signal]["status"] in states and code == 1
        return rows[signal] if there else None

    try:
        return wait_for(look, f"{signal}: {detail}", PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{error}; it says {seen}") from None


@contextmanager
def away(lab: Lab, part: str) -> Iterator[None]:
    lab.stop(part)
    try:
        yield
    finally:
        lab.start(part)


@contextmanager
def told(tools: Tools, before: Mapping[str, str], **env: str) -> Iterator[None]:
    """What the controller's Deployment says; it is paused, so that no pod changes."""
    tools.kubectl("rollout", "pause", *CONTROLLER)
    try:
        tools.kubectl("set", "env", *CONTROLLER, *(f"{name}={value}" for name, value in env.items()))
        yield
    finally:
        tools.kubectl("set", "env", *CONTROLLER, *(f"{name}={value}" for name, value in before.items()))
        tools.kubectl("rollout", "resume", *CONTROLLER)
        tools.kubectl("rollout", "status", *CONTROLLER, "--timeout=100s")


@contextmanager
def applied(tools: Tools, manifest: Row) -> Iterator[None]:
    tools.kubectl("apply", "-n", manifest["metadata"]["namespace"], "-f", "-", stdin=json.dumps(manifest))
    try:
        yield
    finally:
        kind, metadata = manifest["kind"].lower(), manifest["metadata"]
        tools.kubectl("delete", kind, metadata["name"], "-n", metadata["namespace"], "--ignore-not-found")


@contextmanager
def other_prometheus(lab: Lab, change: Callable[[Row], None]) -> Iterator[None]:
    """With another configuration, and nothing that it scraped before still counts after some seconds."""
    part = prometheus(lab.layout)
    path = next(iter(part.files))  # then the prices
    configuration = json.loads(part.files[path])
    change(configuration)
    command = [*part.command, "--query.lookback-delta=15s"]
    other = replace(part, command=command, files={**part.files, path: json.dumps(configuration)})
    try:
        processes.ensure(lab.layout, other)
        processes.wait_ready(lab.layout, other, READY)
        yield
    finally:
        lab.start("prometheus")


def test_tracing_is_off(tools: Tools) -> None:
    with told(tools, {"OTEL_TRACING_ENABLED": "true"}, OTEL_TRACING_ENABLED="false"):
        row = named(tools, "traces", "tracing is off in deployment kagent/kagent-controller")
    assert row["remedies"][0]["helmValues"] == {
        "otel.tracing.enabled": "true",
        "otel.tracing.exporter.otlp.endpoint": f"http://kagent-collector.{SPACE}:4317",
    }


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://otel.nowhere:4317", "http://otel.nowhere:4317: there is no service nowhere/otel"),
        (
            f"http://{NODE_ADDRESS}:4318",
            f"http://{NODE_ADDRESS}:4318 is port otlp-http, and the protocol is grpc",
        ),
    ],
)
def test_the_endpoint_is_wrong(tools: Tools, endpoint: str, why: str) -> None:
    with told(tools, {ENDPOINT: SERVES}, **{ENDPOINT: endpoint}):
        named(tools, "traces", why)


def test_the_collector_does_not_answer(lab: Lab, tools: Tools) -> None:
    with away(lab, "collector"):
        row = named(tools, "collector", "it does not answer Prometheus", ("stopped",))
        assert row["sinceSeconds"] < PATIENCE


def test_the_collector_has_no_ready_pod(tools: Tools) -> None:
    patch = ("patch", "endpointslice", "kagent-collector-node", "-n", SPACE, "--type=json", "-p")
    slices = '[{"op": "%s", "path": "/endpoints/0/conditions", "value": {"ready": %s}}]'
    tools.kubectl(*patch, slices % ("add", "false"))
    try:
        named(tools, "traces", f"no ready pod is behind service {SPACE}/kagent-collector")
    finally:
        tools.kubectl(*patch, slices % ("replace", "true"))


@pytest.mark.parametrize(
    ("part", "signal", "detail"),
    [
        ("jaeger", "stored-traces", "Jaeger (monitoring/jaeger:16686)"),
        ("loki", "stored-logs", "Loki: the server answered 503"),
        ("logs", "logs", "no pod of it runs"),  # it is a host process here
        ("state-metrics", "state", "it does not answer Prometheus"),
    ],
)
def test_a_part_is_away(lab: Lab, tools: Tools, part: str, signal: str, detail: str) -> None:
    with away(lab, part):
        named(tools, signal, detail)
    wait_for(lambda: of(tools, signal)[0]["status"] in ("arriving", "quiet", "waiting"), signal, PATIENCE)


def test_prometheus_is_told_of_nothing(lab: Lab, tools: Tools) -> None:
    def change(configuration: Row) -> None:
        del configuration["rule_files"], configuration["alerting"]
        jobs = configuration["scrape_configs"]
        configuration["scrape_configs"] = [job for job in jobs if job["job_name"] != "kagent-collector"]

    with other_prometheus(lab, change):
        named(tools, "rules", "Prometheus has none of the bundle's rules")
        named(tools, "alertmanager", "has none to send alerts to")
        named(tools, "collector", "Prometheus does not scrape it")
        named(tools, "traces", "Prometheus does not scrape the collector", ("unknown",))


def test_rules_are_of_another_version(lab: Lab, tools: Tools) -> None:
    def change(configuration: Row) -> None:
        configuration["rule_files"] = [
            file.replace("*.rules.yaml", "[!t]*.rules.yaml") for file in configuration["rule_files"]
        ]

    with other_prometheus(lab, change):
        named(tools, "rules", "rules are missing or of another version: ", ("failing",))


def test_no_alertmanager_is_reached(lab: Lab, tools: Tools) -> None:
    """Prometheus has an address at which nobody is; the real one forgets the alert when it starts anew."""

    def change(configuration: Row) -> None:
        targets = [{"targets": [f"{NODE_ADDRESS}:9"]}]
        configuration["alerting"] = {"alertmanagers": [{"static_configs": targets}]}

    with other_prometheus(lab, change):
        lab.restart("alertmanager")
        named(tools, "alertmanager", "KagentWatchdog fires, and has not come to Alertmanager")


def test_a_clock_is_wrong(tools: Tools) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    metadata = {"name": "node-of-a-test", "namespace": "kube-node-lease"}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
    with applied(tools, {**lease, "spec": {"holderIdentity": "node-of-a-test", "renewTime": ahead}}):
        row = named(tools, "clocks", "node node-of-a-test is ")
        assert row["detail"].endswith("s ahead of the API server")


def test_a_tenant_is_missing(lab: Lab, tools: Tools) -> None:
    metadata = {
        "name": "tempo-of-a-test",
        "namespace": "monitoring",
        "labels": {"app.kubernetes.io/name": "tempo"},
    }
    spec = {"selector": {"lab/processes": "host"}, "ports": [{"name": "http", "port": 3200}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    refusing = subprocess.Popen([*entering(lab.layout), sys.executable, "-c", TENANTS])
    try:
        wait_for(listens(lab.layout, NODE_ADDRESS, 3200), "the server that refuses")
        with applied(tools, service):
            row = named(tools, "stored-traces", "tempo-of-a-test:3200 refused with 401: no org id")
            assert row["remedies"][0]["commands"] == ["kubectl kagent observe install --tenant=ID"]
    finally:
        refusing.terminate()
        with suppress(subprocess.TimeoutExpired):
            refusing.wait(timeout=30)


def test_an_agent_is_older_than_the_switch(tools: Tools) -> None:
    metadata = {
        "name": "old-of-a-test",
        "namespace": tools.namespace,
        "labels": {"app": "kagent", "kagent": "old-of-a-test"},
    }
    container = {"name": "kagent", "image": images.PAUSE, "imagePullPolicy": "Never"}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    with applied(tools, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}):
        row = named(tools, "traces", f"{tools.namespace}/old-of-a-test")
        restart = f"kubectl kagent rollout restart agent/old-of-a-test -n {tools.namespace}"
        assert restart in row["remedies"][0]["commands"]


def test_no_recorder_runs(tools: Tools) -> None:
    row = named(tools, "recorder", "not installed", ("unused",))
    assert row["remedies"][0]["commands"] == ["kubectl kagent observe install --recorder-image=IMAGE"]


def test_prometheus_is_not_found(tools: Tools) -> None:
    label = ("label", "service", "prometheus", "-n", "monitoring")
    tools.kubectl(*label, "app.kubernetes.io/name-")
    try:
        row = named(tools, "prometheus", "no Service with app.kubernetes.io/name=prometheus is to be seen")
        assert row["remedies"][0]["commands"] == ["kubectl kagent observe status --prometheus=URL"]
        assert of(tools, "rules")[0]["status"] == "unknown"
    finally:
        tools.kubectl(*label, "app.kubernetes.io/name=prometheus")
