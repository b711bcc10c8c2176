"""A Prometheus that has counted turns: its answers to the queries of top, whatever window they ask for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.semconv import label

Object = dict[str, Any]
_BUCKETS = ("0.5", "1", "2.5", "5", "10", "30", "+Inf")


@dataclass(frozen=True, slots=True)
class CountedTurn:
    """A turn that ended at ``end`` (since the epoch), with one call of a tool and one of the model."""

    agent: str
    end: float
    seconds: float = 1.0
    failed: bool = False
    prompt: int = 0
    output: int = 0
    namespace: str = "default"
    model: str = "small"


@dataclass
class CountingPrometheus:
    """``begins`` is when its first sample was taken; ``prices`` are USD a token by model and type.

    Series have the label ``service``, and without ``dimensions`` neither namespace nor operation.
    """

    turns: list[CountedTurn] = field(default_factory=list)
    begins: float = 0.0
    prices: Mapping[tuple[str, str], float] = field(default_factory=dict)
    queries: list[tuple[str, float]] = field(default_factory=list)
    calls_name: str = semconv.SPAN_CALLS
    buckets_name: str = semconv.SPAN_SECONDS
    service: str = label(semconv.SERVICE_NAME)
    dimensions: bool = True

    def answer(self, path: str) -> Object:
        """The answer to a path with an instant query."""
        asked = parse_qs(urlsplit(path).query)
        if urlsplit(path).path == "/api/v1/label/__name__/values":
            known = self.turns and f'{self.service}!=""' in asked["match[]"][0]
            return {"data": [self.buckets_name, self.calls_name, "up"] if known else []}
        query, at = asked["query"][0], float(asked["time"][0])
        self.queries.append((query, at))
        return {"data": {"resultType": "vector", "result": list(self._samples(query, at))}}

    def _samples(self, query: str, at: float) -> list[Object]:
        if semconv.PRICE in query:
            return [_sample(price, model=model, type=type_) for (model, type_), price in self.prices.items()]
        window = re.search(r"(?:\[|offset )(\d+)ms", query)
        assert window, query
        begin = at - int(window[1]) / 1000
        if not self.dimensions and label(semconv.OPERATION) in query:
            return []
        if query.startswith("group"):
            return [_sample(1)] if self.begins <= begin and self._asks_for(self.calls_name, query) else []
        only = re.search(r'(?:service(?:_name)?=~|gen_ai_agent_name=)"(?:[^"|]*\|)?([^"]+)"', query)
        meant = [
            turn
            for turn in self.turns
            if begin < turn.end <= at and turn.end >= self.begins and (not only or only[1] == turn.agent)
        ]
        if semconv.MODEL_TOKENS in query:
            return _tokens(meant)
        if self._asks_for(self.buckets_name, query):
            return _durations(meant, self.service, 1000 if "milliseconds" in self.buckets_name else 1)
        return _calls(meant, self.service) if self._asks_for(self.calls_name, query) else []

    def _asks_for(self, name: str, query: str) -> bool:
        return re.search(rf"(?<!\w){name}[{{[]", query) is not None


def _sample(value: float, **labels: str) -> Object:
    return {"metric": labels, "value": [0, str(value)]}


def _calls(turns: list[CountedTurn], service: str) -> list[Object]:
    found: Counter[tuple[str, str, str, str]] = Counter()
    for turn in turns:
        status = semconv.ERROR if turn.failed else "STATUS_CODE_UNSET"
        found[turn.namespace, turn.agent, semconv.INVOKE_AGENT, "STATUS_CODE_UNSET"] += 1
        found[turn.namespace, turn.agent, semconv.EXECUTE_TOOL, "STATUS_CODE_UNSET"] += 1
        found[turn.namespace, turn.agent, semconv.GENERATE_CONTENT, status] += 1
    return [
        _sample(
            count, **_service(service, namespace, agent), gen_ai_operation_name=operation, status_code=status
        )
        for (namespace, agent, operation, status), count in found.items()
    ]


def _durations(turns: list[CountedTurn], service: str, scale: int) -> list[Object]:
    """``scale``: how many of their unit a second has."""
    agents = dict.fromkeys((turn.namespace, turn.agent) for turn in turns)
    return [
        _sample(
            sum(turn.seconds <= float(bound) for turn in turns if (turn.namespace, turn.agent) == agent),
            **_service(service, *agent),
            gen_ai_operation_name=semconv.INVOKE_AGENT,
            span_name="invoke_agent",
            le=bound if bound == "+Inf" else str(float(bound) * scale),
        )
        for agent in agents
        for bound in _BUCKETS
    ]


def _service(name: str, namespace: str, agent: str) -> dict[str, str]:
    return {
        label(semconv.SERVICE_NAMESPACE): namespace.replace("-", "_"),
        name: agent.replace("-", "_"),
    }


def _tokens(turns: list[CountedTurn]) -> list[Object]:
    found: Counter[tuple[str, str, str, str]] = Counter()
    for turn in turns:
        found[turn.namespace, turn.agent, turn.model, semconv.INPUT] += turn.prompt
        found[turn.namespace, turn.agent, turn.model, semconv.OUTPUT] += turn.output
    names = map(label, (semconv.NAMESPACE, semconv.AGENT_NAME, semconv.MODEL, semconv.TOKEN_TYPE))
    keys = tuple(names)
    return [_sample(count, **dict(zip(keys, key, strict=True))) for key, count in found.items() if count]
