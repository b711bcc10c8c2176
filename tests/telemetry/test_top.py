"""top from the real Prometheus: one turn with one tool is counted as that, and with the records agrees."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent.backends.prometheus import at_address
from kubectl_kagent.model.usage import AGENTS, TOOLS, Wanted
from kubectl_kagent.telemetry.usage.asking import Asking
from kubectl_kagent.telemetry.usage.metrics import counted, usage
from kubectl_kagent.telemetry.usage.tokens import spent
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.conversations import ASKER, GREETINGS, conversations
from tests.lab.build import program
from tests.lab.layout import Layout
from tests.loopback import response, serve
from tests.telemetry.conftest import AGENT, Turn

pytestmark = pytest.mark.telemetry


def top(tools: Tools, *words: str) -> dict[str, Any]:
    done = tools.kagent("top", *words, "-o", "json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def items(turn: Turn, *words: str) -> list[dict[str, Any]]:
    """From Prometheus, once everything of the turn has come there."""

    def whole() -> list[dict[str, Any]] | None:
        found = top(turn.tools, *words)
        agents = top(turn.tools)["items"]
        came = found["source"].startswith("Prometheus (") and agents and agents[0]["toolCalls"]
        return list(found["items"]) if came and found["items"] else None

    return wait_for(whole, "the turn in Prometheus")


def test_the_agent(turn: Turn) -> None:
    (agent,) = items(turn)
    assert (agent["namespace"], agent["agent"]) == (turn.tools.namespace, AGENT)
    assert (agent["calls"], agent["errors"], agent["toolCalls"]) == (1, 0, 1)
    assert 0 < agent["p50Seconds"] <= agent["p95Seconds"]


def test_the_tool_and_the_model(turn: Turn) -> None:
    (tool,) = items(turn, "tools")
    assert (tool["tool"], tool["agent"], tool["calls"], tool["errors"]) == ("get_time", AGENT, 1, 0)
    (model,) = items(turn, "models")
    assert (model["model"], model["calls"], model["errors"]) == ("scripted", 2, 0)
    assert 0 < model["p50Seconds"] <= model["p95Seconds"]


def test_the_records_agree_and_have_the_tokens(turn: Turn) -> None:
    for kind in ("agents", "tools", "models"):
        (counted,) = items(turn, kind)
        (recorded,) = top(turn.tools, kind, "--prometheus=none")["items"]
        measured = {"p50Seconds", "p95Seconds", "costUsd"}
        assert {key: recorded[key] for key in recorded.keys() - measured} == {
            key: counted[key] for key in counted.keys() - measured
        }
        if kind != "tools":
            tokens = counted["tokens"]
            assert tokens["prompt"] > 0
            # at the lab's prices (tests/lab/telemetry/prices.yaml)
            assert counted["costUsd"] == pytest.approx(tokens["prompt"] * 2e-6 + tokens["output"] * 8e-6)
            assert recorded["costUsd"] is None


def test_a_call_that_waits_for_a_person_counts_once(lab_kubeconfig: Path) -> None:
    """The collector leaves out its first span; the turn's two stay, which is said."""
    with conversations(lab_kubeconfig, "python") as agents:
        task = agents.ask('call get_date {"timezone": "UTC"}')
        assert agents.decide(task, "approve")["status"]["state"] == "completed"

        def halves() -> dict[str, Any] | None:
            """The end of the second one comes last, but the tool is a new series, and begins with 0."""
            found = top(agents.tools)
            counts = {item["agent"]: (item["calls"], item["toolCalls"]) for item in found["items"]}
            calls, tool_calls = counts.get(ASKER, (0, 0))
            came = found["source"].startswith("Prometheus (") and calls == GREETINGS + 2 and tool_calls
            return found if came else None

        found = wait_for(halves, "both halves of the turn in Prometheus")
        (agent,) = (item for item in found["items"] if item["agent"] == ASKER)
        assert agent["toolCalls"] == 1
        assert found["gaps"][-1].startswith("turns with calls that wait for a person (get_date) count twice")
        found = top(agents.tools, "tools")
        (tool,) = found["items"]
        assert (tool["tool"], tool["agent"], tool["calls"]) == ("get_date", ASKER, 1)
        assert found["gaps"][-1].startswith("calls that wait for a person (get_date) count twice")


# A sample a minute for three hours, and by how much it grew in the last of them.
COUNTERS = {
    "one call, and the first": ("_x130 1x49", 1),
    "goes on": ("5x130 5+1x49", 49),
    "nothing new": ("7x180", 0),
    "not scraped when the window begins": ("50x100 _x25 50x55", 0),
    "began anew": ("100+0x140 3x39", 3),
    "began anew just as the window begins": ("100x120 3+1x59", 62),
}


def test_counters_are_read_to_the_call(tmp_path: Path) -> None:
    """As Prometheus's own increase does not: that one misses the first call of an agent."""
    with serve() as server:
        server.answer = lambda asked: response(
            200, {"data": [] if "/label/" in asked.path else {"result": []}}
        )
        usage(at_address(server.url), Wanted(TOOLS, None, 3600, 0))
        (query,) = parse_qs(urlsplit(server.received[0].path).query)["query"]
    labels = 'gen_ai_operation_name="execute_tool"'
    series = "traces_span_metrics_calls_total"
    inputs = [
        {"series": f'{series}{{service_name="{name}",{labels}}}', "values": values}
        for name, (values, _) in COUNTERS.items()
    ]
    for excluded in (
        'service_name="kagent-controller"',
        'service_name="x",gen_ai_tool_name="(merged tools)"',
    ):
        inputs.append({"series": f"{series}{{{excluded},{labels}}}", "values": "0+1x180"})
    rounded = f"round(sum by (service_name) ({query}))"
    expected = [
        {"labels": f'{{service_name="{name}"}}', "value": grown} for name, (_, grown) in COUNTERS.items()
    ]
    test = {"expr": rounded, "eval_time": "180m", "exp_samples": expected}
    promtool(tmp_path, inputs, [test])


def promtool(folder: Path, inputs: list[dict[str, str]], tests: list[dict[str, Any]]) -> None:
    """Prometheus's own answers to expressions, from samples a minute apart."""
    path = folder / "counters.yaml"
    whole = [{"interval": "1m", "input_series": inputs, "promql_expr_test": tests}]
    path.write_text(json.dumps({"evaluation_interval": "1m", "tests": whole}))
    command = program(Layout.here(), "promtool")
    done = subprocess.run([command, "test", "rules", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "  SUCCESS\n\n"), done


def test_windows_that_touch_share_no_call_and_no_token(tmp_path: Path) -> None:
    """There is nothing in the time of the first revision; in the second's it begins, then it goes on."""
    ends, grown = (60, 100, 180), (None, 1, 59)
    with serve() as server:
        server.answer = lambda _: response(200, {"data": {"result": []}})
        for begin, end in pairwise((0, *ends)):
            wanted = Wanted(AGENTS, None, (end - begin) * 60, end * 60, agent="a-b")
            asking = Asking(at_address(server.url), wanted.now)
            counted(asking, wanted)
            spent(asking, wanted)
        queries = [parse_qs(urlsplit(request.path).query)["query"][0] for request in server.received]
    turns = 'service_name="a_b",gen_ai_operation_name="invoke_agent"'
    tokens = 'gen_ai_agent_name="a-b",gen_ai_token_type="input"'
    inputs = [
        {"series": f"traces_span_metrics_calls_total{{{turns}}}", "values": "_x70 1x50 2+1x58"},
        {"series": f"kagent_model_tokens_total{{{tokens}}}", "values": "_x70 1x50 2+1x58"},
        {"series": 'kagent_model_tokens_total{gen_ai_agent_name="other"}', "values": "0+7x180"},
    ]
    tests: list[dict[str, Any]] = [
        {
            "expr": f"round(sum ({query}))",
            "eval_time": f"{end}m",
            "exp_samples": [] if count is None else [{"labels": "{}", "value": count}],
        }
        for query, (end, count) in zip(
            queries, [each for each in zip(ends, grown, strict=True) for _ in range(2)], strict=True
        )
    ]
    promtool(tmp_path, inputs, tests)
