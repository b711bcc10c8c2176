"""Prometheus, Loki and Tempo, asked as Grafana asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

_SECONDS = 30


class QueryFailed(Exception):
    """A source refuses a query, or does not answer; the text says why."""


@dataclass(frozen=True)
class Range:
    """From when to when (Unix seconds), and which queries are asked for it."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Sources:
    """Base addresses; an empty one is a source that is not there."""

    prometheus: str
    loki: str = ""
    tempo: str = ""

    def metrics(self, expr: str, range_: Range, step: int) -> list[Any]:
        """Prometheus's matrix."""
        times = {"start": range_.start - range_.start % step, "end": range_.end, "step": step}
        return _result(f"{self.prometheus}/api/v1/query_range", {"query": expr, **times})

    def now(self, expr: str, at: int) -> list[Any]:
        """Prometheus's vector; a scalar is one sample without labels."""
        data = _data(f"{self.prometheus}/api/v1/query", {"query": expr, "time": at})
        result: list[Any] = data["result"]
        return [{"metric": {}, "value": result}] if data["resultType"] == "scalar" else result

    def label_values(self, series: str, label: str, range_: Range) -> list[str]:
        """Values of a label, sorted."""
        match: dict[str, Any] = {"match[]": series} if series else {}
        times = {"start": range_.start, "end": range_.end}
        return sorted(_answer(f"{self.prometheus}/api/v1/label/{label}/values", {**match, **times})["data"])

    def logs(self, expr: str, range_: Range, step: int, limit: int) -> dict[str, Any]:
        """Loki's ``data``: streams of lines, or a matrix."""
        times = {"start": range_.start, "end": range_.end, "step": step}
        asked = {"query": expr, "limit": limit, "direction": "backward", **times}
        return _data(f"{self.loki}/loki/api/v1/query_range", asked)

    def traces(self, query: str, range_: Range, limit: int) -> list[Any]:
        """Tempo's summaries of the traces it finds."""
        asked = {"q": query, "limit": limit, "start": range_.start, "end": range_.end}
        found: list[Any] = _answer(f"{self.tempo}/api/search", asked).get("traces") or []
        return found


def _result(url: str, asked: Mapping[str, Any]) -> list[Any]:
    result: list[Any] = _data(url, asked)["result"]
    return result


def _data(url: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = _answer(url, asked)["data"]
    return data


def _answer(url: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        answer = requests.get(url, params=dict(asked), timeout=_SECONDS)
    except requests.RequestException as error:
        raise QueryFailed(f"no answer: {error}") from error
    if not answer.ok:
        raise QueryFailed(_reason(answer))
    document: dict[str, Any] = answer.json()
    return document


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip()[:300] or f"HTTP {answer.status_code}"
