"""A large fleet: agents that each have every series that an agent can have, and what rules make of them.

The series of one agent are known from the collector's configuration and the spans of kagent's Python
runtime, which has more than the Go one; those that rules record are known from the rules themselves, which a
Prometheus evaluates. All other agents have the same under other names.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import yaml

from kubectl_kagent.wire.semconv import CONTROLLER, ERROR, INPUT, OUTPUT, SPAN_CALLS, SPAN_SECONDS
from tests.bundle.agents import COLLECTOR, of_agent
from tests.bundle.curves import BUCKETS
from tests.bundle.fleet import Agent
from tests.bundle.prometheus import serving
from tests.bundle.services import control_plane, gateway, mcp_servers, telemetry
from tests.lab.build import program
from tests.lab.layout import CHECKOUT, Layout

SCRAPE = 30  # seconds, as the bundle's jobs
_PER_MINUTE = 6.0
_FIRST = ("team-00", "agent-000")
_UNSET, _OK = "STATUS_CODE_UNSET", "STATUS_CODE_OK"
_FAILURES = ("RateLimitError", "APITimeoutError")
_PATIENCE = 90
_PRICED = "gpt-4.1-mini"  # alerts/values.yaml knows what it costs
# Only there when something happened.
_AFTER_A_GAP = {"collector:process:returned"}
_EVENTS = "kagent:event:"
_RULES = (CHECKOUT / "alerts", CHECKOUT / "alerts" / "generated")


@dataclass(frozen=True)
class Line:
    """A series as the lab's ``backfill`` takes it; ``curve`` is (kind, number), ``step`` in seconds."""

    name: str
    labels: Mapping[str, str]
    curve: tuple[str, float]
    step: int = SCRAPE

    def text(self) -> str:
        labels = {"__name__": self.name, **self.labels}
        return json.dumps({"labels": labels, "curve": self.curve, "step": self.step}) + "\n"


def of_one(tools: int, models: int, failing: int) -> list[Line]:
    """What is scraped of one agent; so many of its tools have failed too, and all models in two ways."""
    namespace, name = _FIRST
    tool_names = [f"tool_{number:02}" for number in range(tools)]
    model_names = [_PRICED, *(f"model-{number}" for number in range(1, models))]
    agent = Agent(namespace, name, "python", "gpt-4.1-mini", _PER_MINUTE, 4, 0.01, {})
    rest = [
        Line(one.name, one.labels, _curve(one.name, one.value(0)))
        for one in of_agent(agent, int(time.time()), 3600, (0, 0))
        if ":" not in one.name and not one.name.startswith("traces_")
    ]
    return [*_spans(tool_names, model_names, failing), *_sums(tool_names, model_names), *rest, *_owned(agent)]


def around() -> list[Line]:
    """What is scraped of everything else: once, however many agents there are."""
    made = [*telemetry(), *control_plane((0, 0)), *mcp_servers(), *gateway((0, 0))]
    return [Line(one.name, one.labels, _curve(one.name, one.value(0))) for one in made if ":" not in one.name]


def _curve(name: str, first: float) -> tuple[str, float]:
    grows = name.endswith(("_total", "_bucket", "_sum", "_count"))
    return ("counter", _PER_MINUTE) if grows else ("constant", first)


def _spans(tools: Iterable[str], models: Iterable[str], failing: int) -> Iterator[Line]:
    """Those of the Python runtime that the collector measures, and the controller's span of a turn."""
    _, name = _FIRST
    for span in ("POST /", "POST / http receive", "POST / http send", "invocation"):
        yield from _measured(span)
    yield from _measured(f"invoke_agent {name}", gen_ai_operation_name="invoke_agent")
    yield from _measured("invoke_agent", gen_ai_operation_name="invoke_agent", service_name=CONTROLLER)
    for model in models:
        asked = {"gen_ai_request_model": model}
        yield from _measured("call_llm", **asked)
        for status in (_UNSET, ERROR):
            about = {**asked, "gen_ai_operation_name": "generate_content", "status_code": status}
            yield from _measured(f"generate_content {model}", **about)
        yield from _measured("openai.chat", **asked, status_code=_OK)
        for failure in _FAILURES:
            yield from _measured("openai.chat", **asked, status_code=ERROR, error_type=failure)
    for number, tool in enumerate(tools):
        for status in (_UNSET, ERROR) if number < failing else (_UNSET,):
            about = {"gen_ai_tool_name": tool, "gen_ai_operation_name": "execute_tool", "status_code": status}
            yield from _measured(f"execute_tool {tool}", **about)


def _measured(span: str, **more: str) -> Iterator[Line]:
    """The collector's series of spans with these labels."""
    namespace, name = _FIRST
    labels = {
        **COLLECTOR,
        "job": "kagent-collector",
        "service_name": name.replace("-", "_"),
        "service_namespace": namespace.replace("-", "_"),
        "k8s_namespace_name": namespace,
        "gen_ai_agent_name": name,
        "span_name": span,
        "span_kind": "SPAN_KIND_INTERNAL",
        "status_code": _UNSET,
        **more,
    }
    per_minute = _PER_MINUTE / (50 if labels["status_code"] == ERROR else 1)
    yield Line(SPAN_CALLS, labels, ("counter", per_minute))
    seconds = SPAN_SECONDS.removesuffix("_bucket")
    yield Line(f"{seconds}_count", labels, ("counter", per_minute))
    yield Line(f"{seconds}_sum", labels, ("counter", per_minute * 4))
    for number, bound in enumerate([*map(str, BUCKETS), "+Inf"], 1):
        share = number / (len(BUCKETS) + 1)
        yield Line(SPAN_SECONDS, {**labels, "le": bound}, ("counter", round(per_minute * share, 6)))


def _sums(tools: Iterable[str], models: Iterable[str]) -> Iterator[Line]:
    """Tokens and approvals, which the collector adds up without naming its process."""
    namespace, name = _FIRST
    labels = {
        "instance": COLLECTOR["instance"],
        "job": "kagent-collector",
        "k8s_namespace_name": namespace,
        "gen_ai_agent_name": name,
    }
    for model in models:
        for kind in (INPUT, OUTPUT):
            about = {**labels, "gen_ai_request_model": model, "gen_ai_token_type": kind}
            yield Line("kagent_model_tokens_total", about, ("counter", _PER_MINUTE * 200))
    for tool in tools:
        yield Line(
            "kagent_approvals_requested_total",
            {**labels, "gen_ai_tool_name": tool},
            ("counter", _PER_MINUTE / 50),
        )


def _owned(agent: Agent) -> Iterator[Line]:
    """What rules read of the cluster's own kube-state-metrics, beside what dashboards read."""
    replicaset = agent.pod.rsplit("-", 1)[0]
    namespace = {"namespace": agent.namespace}
    deployment = {**namespace, "deployment": agent.name}
    for name, labels in (
        ("kube_deployment_status_replicas", deployment),
        (
            "kube_deployment_status_condition",
            {**deployment, "condition": "Available", "status": "true", "reason": "MinimumReplicasAvailable"},
        ),
        (
            "kube_replicaset_owner",
            {**namespace, "replicaset": replicaset, "owner_kind": "Deployment", "owner_name": agent.name},
        ),
        ("kube_replicaset_spec_replicas", {**namespace, "replicaset": replicaset}),
        ("kube_replicaset_status_replicas", {**namespace, "replicaset": replicaset}),
        (
            "kube_pod_owner",
            {**namespace, "pod": agent.pod, "owner_kind": "ReplicaSet", "owner_name": replicaset},
        ),
    ):
        yield Line(name, labels, ("constant", 1))


def rule_groups() -> list[dict[str, Any]]:
    """All groups of the bundle; ``interval`` in seconds, as written or Prometheus' default of a minute."""
    paths = [path for folder in _RULES for path in sorted(folder.glob("*.rules.yaml"))]
    groups = [group for path in paths for group in yaml.safe_load(path.read_text())["groups"]]
    return [{**group, "interval": _seconds(group.get("interval", "1m"))} for group in groups]


def _seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def recorded(scraped: Iterable[Line], folder: Path) -> list[Line]:
    """What the rules make of these series, found by evaluating them; each with its group's interval."""
    now = int(time.time())
    backfill(scraped, folder / "data", now - 900, now)
    intervals = {
        rule["record"]: group["interval"]
        for group in rule_groups()
        for rule in group["rules"]
        if "record" in rule
    }
    with serving(folder, {"rule_files": [str(_each_second(folder))]}) as address:
        deadline = time.monotonic() + _PATIENCE
        wanted = {name for name in intervals if not name.startswith(_EVENTS)} - _AFTER_A_GAP
        while missing := wanted - {one["metric"]["__name__"] for one in _recorded(address)}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not recorded after {_PATIENCE} s: {', '.join(sorted(missing))}")
            time.sleep(0.5)
        found = _recorded(address)
    return [_line(one, intervals) for one in found]


def _line(one: Mapping[str, Any], intervals: Mapping[str, int]) -> Line:
    labels = dict(one["metric"])
    name = labels.pop("__name__")
    value = float(one["value"][1])
    curve = ("counter", _PER_MINUTE) if name.endswith((":total", ":counted")) else ("gauge", value)
    is_info = name.startswith("kagent:") or name.startswith("collector:")
    return Line(name, labels, ("constant", value) if is_info else curve, _every(name, intervals[name]))


def _every(name: str, interval: int) -> int:
    """Of the evaluations in five minutes, or an hour, one leaves a sample, the next a mark that it ended."""
    if name.endswith((":increase1h", ":p95_1h")):
        return 1800
    return 150 if interval == 30 and name.endswith((":increase5m", ":counted")) else interval


def _recorded(address: str) -> list[dict[str, Any]]:
    query = quote('{__name__=~".+:.+"}')
    with urlopen(f"{address}/api/v1/query?query={query}", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def own(lines: Iterable[Line]) -> list[Line]:
    """Those of the first agent, of what rules record."""
    return [line for line in lines if line.labels.get("agent") == _FIRST[1]]


def _each_second(folder: Path) -> Path:
    """A copy of all rules that are evaluated, and close what is open, each second."""
    groups = [{**group, "interval": "1s"} for group in rule_groups()]
    path = folder / "all.rules.yaml"
    text = re.sub(r"\(time\(\) % (300|3600)\) >= \d+", "(time()) > 0", json.dumps({"groups": groups}))
    path.write_text(text)
    return path


def fleet(lines: Iterable[Line], agents: int) -> Iterator[Line]:
    """The first agent's series for each agent, and once those that are of none; 20 agents a namespace."""
    namespace, name = _FIRST
    for line in lines:
        values = set(line.labels.values())
        if not any(name in value or name.replace("-", "_") in value for value in values):
            yield line
            continue
        for number in range(agents):
            own = {
                key: value.replace(name, f"agent-{number:03}")
                .replace(name.replace("-", "_"), f"agent_{number:03}")
                .replace(namespace, f"team-{number // 20:02}")
                .replace(namespace.replace("-", "_"), f"team_{number // 20:02}")
                for key, value in line.labels.items()
            }
            yield replace(line, labels=own)


def backfill(lines: Iterable[Line], data: Path, start: int, end: int) -> None:
    """Write their blocks below ``data``; start and end in Unix seconds."""
    data.mkdir(parents=True, exist_ok=True)
    command = [str(program(Layout.here(), "backfill")), str(data), str(start), str(end)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.writelines(line.text() for line in lines)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
