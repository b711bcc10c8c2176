"""A known workload of real agents is counted to the call and the token, with the labels that rules read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import RUNTIMES, wait_for
from tests.cluster.conversations import ASKER, GREETINGS, HELPER, Conversations, conversations
from tests.telemetry.conftest import ask
from tests.telemetry.series import all_labels, query, totals

pytestmark = pytest.mark.telemetry

TIME = 'call get_time {"timezone": "UTC"}'
DATE = 'call get_date {"timezone": "UTC"}'
MODEL = "scripted"
UNSET, ERROR = "STATUS_CODE_UNSET", "STATUS_CODE_ERROR"
# What the agent is asked: turns, calls of the model, calls of tools.
QUESTIONS = (
    TIME,  # 1, 2, 1
    f'{TIME} and call get_time {{"timezone": "Asia/Tokyo"}}',  # 1, 2, 2
    'call get_time {"timezone": "Nowhere/At_all"}',  # 1, 2, 1 that fails
    "fail 429",  # 1, 1 that fails, 0
)
# A person is asked first: both halves are a turn with a call of the model, and the tool is one call.
DECISIONS = ("approve", "reject")
TURNS = ("invoke_agent", "", "", "")  # of any status
SPANS = {
    TURNS: GREETINGS + len(QUESTIONS) + 2 * len(DECISIONS),
    ("generate_content", "", MODEL, UNSET): GREETINGS + 3 * 2 + 2 * len(DECISIONS),
    ("generate_content", "", MODEL, ERROR): 1,
    ("execute_tool", "get_time", "", UNSET): 3,
    ("execute_tool", "get_time", "", ERROR): 1,
    ("execute_tool", "get_date", "", UNSET): len(DECISIONS),
}
OPERATION = ("gen_ai_operation_name", "gen_ai_tool_name", "gen_ai_request_model", "status_code")
LABELS = {
    "service_name",
    "service_namespace",
    "k8s_namespace_name",
    "gen_ai_agent_name",
    "gen_ai_operation_name",
    "gen_ai_tool_name",
    "gen_ai_request_model",
    "error_type",
    "span_name",
    "span_kind",
    "status_code",
    "collector_instance_id",
}
BUCKETS = {
    "0.05",
    "0.1",
    "0.25",
    "0.5",
    "1.0",
    "2.5",
    "5.0",
    "10.0",
    "30.0",
    "60.0",
    "120.0",
    "300.0",
    "+Inf",
}


@pytest.fixture(scope="module", params=RUNTIMES)
def agents(lab_kubeconfig: Path, request: pytest.FixtureRequest) -> Iterator[Conversations]:
    """Asked all of it, and all of it in Prometheus."""
    with conversations(lab_kubeconfig, request.param) as found:
        for question in QUESTIONS:
            found.ask(question)
        for decision in DECISIONS:
            found.decide(found.ask(DATE), decision)
        wanted = Counter(SPANS)  # no less; whether it is more, the tests see
        wait_for(lambda: spans(found) >= wanted and spans(found, HELPER)[TURNS], "all of it in Prometheus")
        yield found


def of(agents: Conversations, agent: str = ASKER) -> str:
    return f'k8s_namespace_name="{agents.tools.namespace}", gen_ai_agent_name="{agent}"'


def spans(agents: Conversations, agent: str = ASKER, series: str = "calls_total") -> Counter[tuple[str, ...]]:
    """The agent's own. A turn has one key: the Go runtime says which failed, the Python runtime does not."""
    selector = f'{{{of(agents, agent)}, gen_ai_operation_name!="", service_name!="kagent-controller"}}'
    found: Counter[tuple[str, ...]] = Counter()
    for key, count in totals(agents.tools, f"traces_span_metrics_{series}{selector}", *OPERATION).items():
        found[TURNS if key[0] == TURNS[0] else key] += count
    return found


def test_every_call_and_failure_once(agents: Conversations) -> None:
    assert spans(agents) == SPANS
    assert spans(agents, HELPER) == {
        TURNS: GREETINGS,
        ("generate_content", "", MODEL, UNSET): GREETINGS,
    }


def test_every_duration_is_in_a_bucket(agents: Conversations) -> None:
    selector = f'{{{of(agents)}, gen_ai_operation_name!="", service_name!="kagent-controller"}}'
    found = query(agents.tools, f"traces_span_metrics_duration_seconds_bucket{selector}")
    assert {item["metric"]["le"] for item in found} == BUCKETS
    assert spans(agents, series="duration_seconds_count") == SPANS


def test_the_controller_counts_the_same_turns(agents: Conversations) -> None:
    """Under the agent's name and in its namespace. It also saw the greetings that no agent answered."""
    selector = f'{{{of(agents)}, service_name="kagent-controller"}}'
    ((_, span_name), count), *others = totals(
        agents.tools, f"traces_span_metrics_calls_total{selector}", "gen_ai_operation_name", "span_name"
    ).items()
    assert (span_name, others) == ("invoke_agent", [])
    assert count >= SPANS[TURNS]


def test_tokens_are_those_of_the_records(agents: Conversations) -> None:
    done = agents.tools.kagent("top", "--prometheus=none", "-o", "json")
    recorded = {item["agent"]: item["tokens"] for item in json.loads(done.out)["items"]}
    for agent in (ASKER, HELPER):
        counted = totals(
            agents.tools,
            f"kagent_model_tokens_total{{{of(agents, agent)}}}",
            "gen_ai_request_model",
            "gen_ai_token_type",
        )
        assert counted == {
            (MODEL, "input"): recorded[agent]["prompt"],
            (MODEL, "output"): recorded[agent]["output"],
        }


def test_approvals_that_were_asked_for(agents: Conversations) -> None:
    found = query(
        agents.tools, f'kagent_approvals_requested_total{{k8s_namespace_name="{agents.tools.namespace}"}}'
    )
    assert [(item["metric"]["gen_ai_tool_name"], item["value"][1]) for item in found] == [
        ("get_date", str(len(DECISIONS)))
    ]
    assert all_labels(found) == {"k8s_namespace_name", "gen_ai_agent_name", "gen_ai_tool_name"}


def test_labels_are_the_ones_that_rules_read(agents: Conversations) -> None:
    namespace = f'{{k8s_namespace_name="{agents.tools.namespace}"}}'
    found = query(agents.tools, f"traces_span_metrics_calls_total{namespace}")
    assert all_labels(found) <= LABELS
    assert LABELS - all_labels(found) <= {"error_type"}  # the Go runtime says none
    (instance,) = {item["metric"]["instance"] for item in found}
    assert instance.endswith(":8889")  # the collector's: one process counts
    found = query(agents.tools, f"kagent_model_tokens_total{namespace}")
    assert all_labels(found) == {
        "k8s_namespace_name",
        "gen_ai_agent_name",
        "gen_ai_request_model",
        "gen_ai_token_type",
    }


def test_a_duration_leads_to_its_trace(agents: Conversations) -> None:
    selector = (
        f'traces_span_metrics_duration_seconds_bucket{{{of(agents)}, gen_ai_operation_name="invoke_agent"}}'
    )
    found = ask(
        agents.tools, "prometheus", "/api/v1/query_exemplars", query=selector, start="0", end="9999999999"
    )["data"]
    ids = {exemplar["labels"]["trace_id"] for item in found for exemplar in item["exemplars"]}
    assert ids
    assert all(len(id_) == 32 for id_ in ids)
