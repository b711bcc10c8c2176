"""A team's own values over ours."""

from __future__ import annotations

import pytest
import yaml

from kubectl_kagent.observe.rule_values import GENERATED, SOURCE, merged, rules_file
from tests.lab.layout import CHECKOUT

OURS = (CHECKOUT / SOURCE).read_text()


def test_nothing_given_is_nothing_changed() -> None:
    for given in ("{}", "thresholds: {}", "prices: {usd_per_million_tokens: {}}"):
        assert rules_file(merged(OURS, given)) == (CHECKOUT / GENERATED).read_text()


def test_what_is_given_takes_its_place_and_the_rest_stays() -> None:
    given = "objectives: {turns: 0.99}\nprices: {usd_per_million_tokens: {mine: {input: 1, output: 2}}}\n"
    before, after = yaml.safe_load(OURS), yaml.safe_load(merged(OURS, given))
    assert after["objectives"] == {**before["objectives"], "turns": 0.99}
    models = before["prices"]["usd_per_million_tokens"]
    assert after["prices"]["usd_per_million_tokens"] == {**models, "mine": {"input": 1, "output": 2}}
    assert after["thresholds"] == before["thresholds"]


@pytest.mark.parametrize("given", ["[", "a: b: c"])
def test_what_is_no_yaml(given: str) -> None:
    with pytest.raises(ValueError, match="is not YAML"):
        merged(OURS, given)
