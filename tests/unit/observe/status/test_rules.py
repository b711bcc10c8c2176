"""One expression in two writings is one; another number, name or text makes another."""

from __future__ import annotations

import pytest

from kubectl_kagent.observe.status.rules import bundled, tokens
from tests.lab.layout import CHECKOUT

OURS = """(
  sum by (cluster) (rate(a_total{job="x y", code=~"5.."}[5m]))  # why
  > 0.5
)"""


def test_as_prometheus_writes_it() -> None:
    assert tokens(OURS) == tokens('sum by (cluster) (rate(a_total{code=~"5..",job="x y"}[5m])) > 0.5')


@pytest.mark.parametrize("change", [("5m", "6m"), ("0.5", "0.6"), ("x y", "x z"), ("a_total", "b_total")])
def test_another_expression(change: tuple[str, str]) -> None:
    assert tokens(OURS) != tokens(OURS.replace(*change))


def test_values_that_teams_change_have_no_expression() -> None:
    without = {name for _, name, expression in bundled(CHECKOUT) if not expression}
    assert without == {"kagent:threshold", "kagent:objective", "kagent:price_usd_per_token"}


def test_a_duration_is_the_same_however_it_is_written() -> None:
    assert tokens("rate(x[62m] offset 90s) > 1") == tokens("rate(x[1h2m] offset 1m30s) > 1")
    assert tokens("x[1w] or y[1500ms]") == tokens("x[7d] or y[1s500ms]")
    assert tokens("x[62m]") != tokens("x[61m]")
    assert tokens("x[1m]") != tokens("x[1ms]")
