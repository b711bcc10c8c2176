"""What is known of a series: from series.yaml, or from the rules that record it."""

from __future__ import annotations

import pytest

from scripts.rule_checks import catalogue
from tests.unit.scripts.rule_checks.small import CATALOGUE


def kind_of(known: catalogue.Catalogue, name: str) -> str:
    return "counter" if known.is_counter(name) else "gauge"


@pytest.mark.parametrize(
    ("name", "labels", "seconds", "kind"),
    [
        ("calls_total", {"namespace", "agent", "job", "instance", "cluster"}, 60, "counter"),
        ("depth", {"namespace", "job", "instance", "cluster"}, 60, "gauge"),
        ("agent:calls:total", {"cluster", "instance", "agent"}, 30, "counter"),
        ("agent:calls:rate5m", {"cluster", "agent"}, 30, "gauge"),
        ("limit", {"name"}, 60, "gauge"),
    ],
)
def test_a_series(name: str, labels: set[str], seconds: int, kind: str) -> None:
    found = (CATALOGUE.labels(name), CATALOGUE.seconds(name), kind_of(CATALOGUE, name))
    assert found == (labels, seconds, kind)
    assert name in CATALOGUE


def test_a_series_of_nobody() -> None:
    assert "dept" not in CATALOGUE
    assert CATALOGUE.labels("dept") == set()


def test_values_are_known_of_labels_that_rules_give() -> None:
    assert CATALOGUE.values("limit", "name") == {"calls", "depth"}
    assert CATALOGUE.values("agent:calls:total", "agent") is None
    assert CATALOGUE.values("depth", "namespace") is None


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ("agent:turns:total", "counter"),
        ("agent:turns:counted", "counter"),
        ("agent:turns:increase5m", "gauge"),
        ("agent_model:tokens:rate5m", "gauge"),
        ("kagent:workload_replicas:total", "gauge"),
        ("collector:process:seen", "gauge"),
    ],
)
def test_our_own(record: str, kind: str) -> None:
    assert kind_of(catalogue.load(), record) == kind


def test_our_prices_have_no_other_labels_than_these() -> None:
    assert catalogue.load().labels("kagent:price_usd_per_token") == {"model", "type"}
