"""The counters that begin with 0 read the spans whose names the plugin knows."""

from __future__ import annotations

from kubectl_kagent.wire import semconv
from scripts.rule_counters import COUNTERS, DURATIONS, counters_rules, expression


def test_each_counter_is_its_sum_of_a_minute_ago_or_0() -> None:
    text = expression(COUNTERS[0])
    ago, found, now = text.partition("\n  or\n")
    assert found
    assert ago.count(" offset 1m") == 1
    assert ") * 0 unless on (cluster, instance, collector_instance_id) collector:process:returned" in now
    assert text.startswith("sum by (cluster, instance, collector_instance_id, namespace, agent) (")


def test_clients_of_models_are_those_of_the_plugin() -> None:
    (failures,) = (counter for counter in COUNTERS if counter.record == "agent_model:failures:total")
    (durations,) = (counter for counter in DURATIONS if counter.client)
    for name in semconv.MODEL_CLIENTS:
        for counter in (failures, durations):
            assert name.replace(".", "[.]") in counter.client


def test_the_process_comes_first_since_the_others_read_it() -> None:
    text = counters_rules()
    assert text.index("collector:process:returned\n    expr") < text.index("agent:turns:total")
