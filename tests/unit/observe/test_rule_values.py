"""The file of values becomes rules of constants; what is wrong in it is named; a team's own go over ours."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from kubectl_kagent.observe import rule_values
from kubectl_kagent.observe.rule_values import GENERATED, SOURCE, merged, rules_file
from tests.lab.layout import CHECKOUT

OURS = (CHECKOUT / SOURCE).read_text()


def values() -> Any:
    return yaml.safe_load(OURS)


def rules(changed: Any) -> list[dict[str, Any]]:
    groups = yaml.safe_load(rules_file(yaml.safe_dump(changed)))["groups"]
    assert max(len(group["rules"]) for group in groups) <= 20
    return [rule for group in groups for rule in group["rules"]]


def test_each_value_is_a_constant_with_its_name() -> None:
    changed = values()
    changed["thresholds"]["turn_p95_seconds"] = 90.5
    changed["prices"]["usd_per_million_tokens"] = {'llama "3"/b': {"input": 0, "output": 1.6}}
    found = rules(changed)
    assert {
        "record": "kagent:threshold",
        "expr": "vector(90.5)",
        "labels": {"name": "turn_p95_seconds"},
    } in found
    assert {"record": "kagent:objective", "expr": "vector(0.95)", "labels": {"sli": "turns"}} in found
    assert [rule for rule in found if rule["record"] == "kagent:price_usd_per_token"] == [
        {
            "record": "kagent:price_usd_per_token",
            "expr": f"vector({price} / 1000000)",
            "labels": {"model": 'llama "3"/b', "type": kind},
        }
        for kind, price in (("input", 0), ("output", 1.6))
    ]
    assert len(found) == len(rule_values.THRESHOLDS) + 2 + 2


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("thresholds", "turn_p95_seconds"), "2m", "thresholds.turn_p95_seconds has to be a number above 0"),
        (("thresholds", "turn_p95_seconds"), True, "thresholds.turn_p95_seconds has to be a number above 0"),
        (("thresholds", "turn_p95_seconds"), 0, "thresholds.turn_p95_seconds has to be a number above 0"),
        (("thresholds", "turn_p95_seconds"), float("nan"), "thresholds.turn_p95_seconds has to be a number"),
        (("thresholds", "tool_failure_ratio"), 20, "thresholds.tool_failure_ratio is a share"),
        (("thresholds", "turn_p99_seconds"), 1, "thresholds may not have turn_p99_seconds"),
        (("thresholds",), None, "thresholds has to be a mapping"),
        (("objectives", "turns"), 0.93, "objectives.turns has to be above 0.9306"),
        (("objectives", "turns"), 1, "objectives.turns has to be above 0.9306"),
        (("objectives",), {"turns": 0.95}, "objectives lacks gateway"),
        (("prices", "seen"), "soon", "prices.seen has to be a date"),
        (
            ("prices", "usd_per_million_tokens", 4),
            {"input": 1, "output": 1},
            "4: the model's name has to be in",
        ),
        (("prices", "usd_per_million_tokens", "m"), {"input": 1}, "usd_per_million_tokens.m lacks output"),
        (("prices", "usd_per_million_tokens", "m"), {"input": -1, "output": 1}, "m.input has to be a number"),
    ],
)
def test_a_bad_value_is_named(path: tuple[Any, ...], value: Any, message: str) -> None:
    changed = values()
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError, match=re.escape(f"{SOURCE}: ") + ".*" + re.escape(message)):
        rules(changed)


def test_what_is_not_yaml_is_said() -> None:
    with pytest.raises(ValueError, match=r"alerts/values.yaml is not YAML"):
        rules_file("thresholds: [")


def test_every_threshold_is_one_that_an_alert_compares_with() -> None:
    text = "".join(path.read_text() for path in (CHECKOUT / "alerts").glob("*.rules.yaml"))
    assert set(re.findall(r'kagent:threshold\{name="(\w+)"\}', text)) == rule_values.THRESHOLDS


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


def test_the_example_of_the_page_is_one() -> None:
    page = (CHECKOUT / "docs" / "alerting.md").read_text().partition("## Numbers of your own")[2]
    given = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
    after = rules_file(merged(OURS, given))
    assert ("vector(300)" in after, "our-own-model" in after) == (True, True)


@pytest.mark.parametrize("given", ["[", "a: b: c"])
def test_what_is_no_yaml(given: str) -> None:
    with pytest.raises(ValueError, match="is not YAML"):
        merged(OURS, given)
