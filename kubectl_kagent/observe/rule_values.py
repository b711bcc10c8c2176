"""The values that teams change, ``alerts/values.yaml``, as recording rules of constants.

So alerts and panels are plain PromQL that asks for a value by its name.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SOURCE, GENERATED = "alerts/values.yaml", "alerts/generated/values.rules.yaml"

THRESHOLDS = frozenset(
    {
        "turn_p95_seconds",
        "tool_p95_seconds",
        "model_p95_seconds",
        "gateway_p95_seconds",
        "tool_failure_ratio",
        "model_failure_ratio",
        "model_rate_limited_calls",
        "gateway_rate_limited_ratio",
        "gateway_upstream_failure_ratio",
        "calls_minimum",
        "turn_failures_minimum",
        "gateway_failures_minimum",
        "token_spike_factor",
        "token_spike_minimum",
        "agent_cost_usd_per_hour",
        "fleet_cost_usd_per_day",
        "memory_limit_ratio",
        "quota_ratio",
        "reconcile_error_ratio",
        "reconcile_seconds",
        "workqueue_depth",
        "api_errors_per_second",
        "collector_queue_ratio",
        "recorder_lag_seconds",
    }
)
OBJECTIVES = frozenset({"turns", "gateway"})
TOKEN_TYPES = frozenset({"input", "output"})
# The fastest burn alert fires at this multiple of what an objective leaves; above 1 it never would.
FASTEST_BURN = 14.4
_LARGEST_GROUP = 20  # rules, as mixtool wants it
_HEAD = f"# Generated from {SOURCE} by `make generate`.\n"

Rule = dict[str, Any]


def merged(text: str, over: str) -> str:
    """A values file with those of ``over``, which names only what is to be another, in their places.

    Raises ValueError for text that is no YAML.
    """
    import yaml  # not for a help

    return yaml.safe_dump(_over(_loaded(text), _loaded(over)), sort_keys=False, allow_unicode=True)


def _over(value: Any, other: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(other, dict):
        return other
    return {**value, **{key: _over(value.get(key), item) for key, item in other.items()}}


def _loaded(text: str) -> Any:
    import yaml  # not for a help

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{SOURCE} is not YAML: {error}") from None


def rules_file(text: str) -> str:
    """The rules file of a values file. Raises ValueError that names the key which is wrong."""
    import yaml  # not for a help

    top = _mapping(_loaded(text), "the file", {"thresholds", "objectives", "prices"})
    groups = [
        *_groups("kagent-thresholds", _thresholds(top["thresholds"])),
        *_groups("kagent-objectives", _objectives(top["objectives"])),
        *_groups("kagent-prices", _prices(top["prices"])),
    ]
    return _HEAD + yaml.safe_dump({"groups": groups}, sort_keys=False, width=110, allow_unicode=True)


def _thresholds(values: Any) -> Iterator[Rule]:
    for name, value in _mapping(values, "thresholds", THRESHOLDS).items():
        number = _number(value, f"thresholds.{name}")
        if name.endswith("_ratio") and number >= 1:
            raise ValueError(f"{SOURCE}: thresholds.{name} is a share and has to be below 1, not {value}")
        yield _constant("kagent:threshold", value, name=name)


def _objectives(values: Any) -> Iterator[Rule]:
    for sli, value in _mapping(values, "objectives", OBJECTIVES).items():
        if not 1 - 1 / FASTEST_BURN < _number(value, f"objectives.{sli}") < 1:
            raise ValueError(
                f"{SOURCE}: objectives.{sli} has to be above {1 - 1 / FASTEST_BURN:.4f}, so that the fastest "
                f"burn alert can fire, and below 1, not {value}"
            )
        yield _constant("kagent:objective", value, sli=sli)


def _prices(values: Any) -> Iterator[Rule]:
    prices = _mapping(values, "prices", {"seen", "usd_per_million_tokens"})
    if not isinstance(prices["seen"], datetime.date):
        raise ValueError(f"{SOURCE}: prices.seen has to be a date like 2026-04-02, not {prices['seen']!r}")
    models = prices["usd_per_million_tokens"]
    if not isinstance(models, dict):
        raise ValueError(f"{SOURCE}: prices.usd_per_million_tokens has to be a mapping")
    for model, of_types in models.items():
        key = f"prices.usd_per_million_tokens.{model}"
        if not isinstance(model, str):
            raise ValueError(f"{SOURCE}: {key}: the model's name has to be in quotes")
        for kind, price in _mapping(of_types, key, TOKEN_TYPES).items():
            _number(price, f"{key}.{kind}", zero=True)
            yield _constant("kagent:price_usd_per_token", f"{price} / 1000000", model=model, type=kind)


def _constant(record: str, value: object, **labels: str) -> Rule:
    return {"record": record, "expr": f"vector({value})", "labels": labels}


def _groups(name: str, rules: Iterable[Rule]) -> Iterator[dict[str, Any]]:
    rules = list(rules)
    for number, start in enumerate(range(0, len(rules), _LARGEST_GROUP), start=1):
        part = rules[start : start + _LARGEST_GROUP]
        yield {"name": name if number == 1 else f"{name}-{number}", "rules": part}


def _mapping(value: Any, key: str, keys: Iterable[str]) -> Mapping[str, Any]:
    """The value, a mapping with exactly these keys."""
    wanted = set(keys)
    if not isinstance(value, dict):
        raise ValueError(f"{SOURCE}: {key} has to be a mapping with {', '.join(sorted(wanted))}")
    for problem, names in (("lacks", wanted - set(value)), ("may not have", set(value) - wanted)):
        if names:
            raise ValueError(f"{SOURCE}: {key} {problem} {', '.join(sorted(map(str, names)))}")
    return value


def _number(value: Any, key: str, *, zero: bool = False) -> float:
    """The value, a positive finite number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (0 < value < float("inf") or (zero and value == 0)):
        raise ValueError(f"{SOURCE}: {key} has to be a number above 0, not {value!r}")
    return float(value)
