"""Tokens of agents and models, and what these cost, from the collector's counters in Prometheus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.model.usage import MODELS, UsageRow, Wanted
from kubectl_kagent.telemetry.usage.asking import Asking, increase
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.semconv import label

_NAMESPACE, _AGENT = label(semconv.NAMESPACE), label(semconv.AGENT_NAME)
_MODEL, _TYPE = label(semconv.MODEL), label(semconv.TOKEN_TYPE)

# Of a row, by namespace, agent and name: how many of each model and type.
Spent = Mapping[tuple[str, str, str], Mapping[tuple[str, str], float]]
# Of a token, in US dollars, by model and type.
Prices = Mapping[tuple[str, str], float]


def prices(asking: Asking) -> Prices:
    """The prices that a team wrote down, as they are at that moment; empty where there are none."""
    by = f"{semconv.PRICE_MODEL}, {semconv.PRICE_TYPE}"
    return {
        (sample.labels.get(semconv.PRICE_MODEL, ""), sample.labels.get(semconv.PRICE_TYPE, "")): sample.value
        for sample in asking.ask(f"max by ({by}) ({semconv.PRICE})")
    }


def spent(asking: Asking, wanted: Wanted) -> Spent:
    """Tokens that models read and wrote for what is wanted; empty where nobody counts them."""
    only = f'{{{_AGENT}="{wanted.agent}"}}' if wanted.agent else ""
    by = ", ".join((_NAMESPACE, _AGENT, _MODEL, _TYPE))
    found: dict[tuple[str, str, str], dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
    for sample in asking.ask(f"sum by ({by}) ({increase(f'{semconv.MODEL_TOKENS}{only}', wanted)})"):
        namespace, agent, model, type_ = (
            sample.labels.get(name, "") for name in (_NAMESPACE, _AGENT, _MODEL, _TYPE)
        )
        key = wanted.key(namespace, agent, model if wanted.kind == MODELS else agent)
        if key:
            found[key][model, type_] += sample.value
    return found


def with_tokens(rows: Sequence[UsageRow], spent: Spent, prices: Prices) -> tuple[UsageRow, ...]:
    """Rows with their tokens, and with what these cost where each has a price."""
    return tuple(
        replace(row, tokens=_tokens(found), cost=_cost(found, prices))
        if (found := spent.get((row.namespace, row.agent, row.name)))
        else row
        for row in rows
    )


def unpriced(spent: Spent, prices: Prices) -> set[str]:
    """Models whose tokens have no price."""
    return {
        model
        for found in spent.values()
        for (model, type_), count in found.items()
        if round(count) and (model, type_) not in prices
    }


def no_price(models: Iterable[str]) -> str:
    """What is said of models whose tokens have none."""
    return f"there is no price of {', '.join(sorted(models))}"


def _tokens(found: Mapping[tuple[str, str], float]) -> Tokens:
    prompt, output = (
        sum(count for (_, type_), count in found.items() if type_ == wanted)
        for wanted in (semconv.INPUT, semconv.OUTPUT)
    )
    return Tokens(round(prompt), round(output))


def _cost(found: Mapping[tuple[str, str], float], prices: Prices) -> float | None:
    if any(round(count) and key not in prices for key, count in found.items()):
        return None
    return sum(count * prices[key] for key, count in found.items() if key in prices)
