"""Usage of agents, tools and models from what the collector makes of spans, in Prometheus.

The runtimes leave the status of a turn unset: what ends a turn is a model that fails, so the failed calls of
the model are an agent's errors.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubectl_kagent.backends.prometheus import Prometheus, Sample
from kubectl_kagent.model.trace import Tokens
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.ids import dashed
from kubectl_kagent.wire.semconv import label

_SERVICE, _NAMESPACE = label(semconv.SERVICE_NAME), label(semconv.SERVICE_NAMESPACE)
_OPERATION, _TOOL, _MODEL = label(semconv.OPERATION), label(semconv.TOOL_NAME), label(semconv.MODEL)
_OPERATIONS = {AGENTS: semconv.INVOKE_AGENT, TOOLS: semconv.EXECUTE_TOOL, MODELS: semconv.GENERATE_CONTENT}
_NAMES = {AGENTS: _SERVICE, TOOLS: _TOOL, MODELS: _MODEL}
_OF_TOKENS = tuple(
    label(name)
    for name in (semconv.KUBERNETES_NAMESPACE, semconv.AGENT_NAME, semconv.MODEL, semconv.TOKEN_TYPE)
)
_BY = (_SERVICE, _NAMESPACE, *semconv.JOBS, _OPERATION, _TOOL, _MODEL)
# A series that had no sample for so long before the window begins in it, at 0.
_BEFORE = "1h"
_UNREADABLE = "samples that are not numbers were left out"
_YOUNG = "it had no span metrics yet when --since begins: it may not know all"


def usage(prometheus: Prometheus, wanted: Wanted) -> UsageTable:
    """What Prometheus knows; no rows where it has no span metrics, or none of these agents."""
    warnings: list[str] = []

    def ask(query: str) -> list[Sample]:
        found, warned = prometheus.query(query, wanted.now)
        readable = [sample for sample in found if _readable(sample)]
        warnings.extend(warned if len(readable) == len(found) else [*warned, _UNREADABLE])
        return readable

    tallies = {
        key: tally for key, tally in _tallies(ask(_calls(wanted)), wanted).items() if round(tally.calls)
    }
    if tallies:
        _measure(tallies, ask(_durations(wanted)), wanted)
        if wanted.kind != TOOLS:
            _add_tokens(tallies, ask(_tokens(wanted)), wanted)
        if not ask(_before(wanted)):
            warnings.append(_YOUNG)
    gaps = tuple(f"Prometheus ({prometheus.name}): {warning}" for warning in dict.fromkeys(warnings))
    return UsageTable(tuple(_row(key, tally, wanted) for key, tally in tallies.items()), gaps)


# Asking


def _calls(wanted: Wanted) -> str:
    """Of every kind: a turn's tool calls and errors are other spans than itself."""
    operations = "|".join(_OPERATIONS.values())
    series = f'{semconv.SPAN_CALLS}{{{_OPERATION}=~"{operations}",{_others()}}}'
    by = ", ".join((*_BY, semconv.STATUS_CODE))
    found = f"sum by ({by}) ({_increase(series, wanted)})"
    # the runtime's own span of a call leaves its status unset when the model failed
    failed = f'{semconv.SPAN_CALLS}{{{_by_clients()},{semconv.STATUS_CODE}="{semconv.ERROR}"}}'
    return f"{found} or sum by ({by}) ({_increase(failed, wanted)})"


def _durations(wanted: Wanted) -> str:
    operation = _OPERATIONS[wanted.kind]
    series = f'{semconv.SPAN_SECONDS}{{{_OPERATION}="{operation}",{_others()}}}'
    by = ", ".join((*_BY, semconv.SPAN_NAME, semconv.LESS_OR_EQUAL))
    found = f"sum by ({by}) ({_increase(series, wanted)})"
    if wanted.kind != MODELS:
        return found
    series = f"{semconv.SPAN_SECONDS}{{{_by_clients()}}}"
    return f"{found} or sum by ({by}) ({_increase(series, wanted)})"


def _tokens(wanted: Wanted) -> str:
    return f"sum by ({', '.join(_OF_TOKENS)}) ({_increase(semconv.MODEL_TOKENS, wanted)})"


def _before(wanted: Wanted) -> str:
    """A sample if there were any span metrics when the window began."""
    return f"group(last_over_time({semconv.SPAN_CALLS}[{_BEFORE}] offset {_window(wanted)}))"


def _by_clients() -> str:
    clients = "|".join(name.replace(".", "[.]") for name in semconv.MODEL_CLIENTS)
    return f'{semconv.SPAN_NAME}=~"{clients}"'


def _others() -> str:
    return f'{_SERVICE}!="{semconv.CONTROLLER}",{_TOOL}!="{semconv.MERGED_TOOLS}"'


def _increase(series: str, wanted: Wanted) -> str:
    """By how much counters grew in the window.

    PromQL's own increase guesses beyond the first and last sample, and misses the first call of a series:
    agents have few calls, and often one. It is used only where a counter began anew inside the window; one
    that did so just as the window began grew by all it has.
    """
    window = _window(wanted)
    before = f"last_over_time({series}[{_BEFORE}] offset {window})"
    last = f"last_over_time({series}[{window}])"
    grown = f"({last} - ({before} or 0 * {last}))"
    anew = f"resets({series}[{window}]) > 0"
    return f"({grown} >= 0 or {last}) unless {anew} or increase({series}[{window}])"


def _window(wanted: Wanted) -> str:
    return f"{wanted.seconds * 1000:.0f}ms"


# Reading


def _readable(sample: Sample) -> bool:
    try:
        bound = float(sample.labels.get(semconv.LESS_OR_EQUAL, "0"))
    except ValueError:
        return False
    return math.isfinite(sample.value) and not math.isnan(bound)


@dataclass(slots=True)
class _Tally:
    """What is summed up for a row; ``buckets`` are cumulative counts by upper bound.

    ``client_errors`` are failed calls of the model by its client's spans: of the same calls as ``errors``.
    """

    calls: float = 0
    errors: float = 0
    client_errors: float = 0
    tool_calls: float = 0
    tokens: Tokens | None = None
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))


_Tallies = dict[tuple[str, str, str], _Tally]


def _tallies(samples: Iterable[Sample], wanted: Wanted) -> _Tallies:
    found: _Tallies = defaultdict(_Tally)
    own = _OPERATIONS[wanted.kind]
    for sample in samples:
        operation = sample.labels.get(_OPERATION)
        key = _key(sample.labels, wanted)
        by_client = not operation and wanted.kind != TOOLS
        if key is None or not (operation == own or by_client or (operation and wanted.kind == AGENTS)):
            continue
        failed = sample.value if sample.labels.get(semconv.STATUS_CODE) == semconv.ERROR else 0
        if by_client:
            found[key].client_errors += failed
        if operation == own:
            found[key].calls += sample.value
        if operation == (semconv.GENERATE_CONTENT if wanted.kind == AGENTS else own):
            found[key].errors += failed
        if operation == semconv.EXECUTE_TOOL:
            found[key].tool_calls += sample.value
    return found


def _measure(tallies: _Tallies, samples: Iterable[Sample], wanted: Wanted) -> None:
    """Add durations. Where an agent's client library measured the model, that is taken."""
    samples = list(samples)
    clients = {_agent(item.labels) for item in samples if _by_client(item.labels)}
    for sample in samples:
        labels = sample.labels
        key = _key(labels, wanted)
        measured = semconv.LESS_OR_EQUAL in labels and (_agent(labels) not in clients or _by_client(labels))
        if measured and key in tallies:
            tallies[key].buckets[float(labels[semconv.LESS_OR_EQUAL])] += sample.value


def _add_tokens(tallies: _Tallies, samples: Iterable[Sample], wanted: Wanted) -> None:
    """Where they are counted at all: another collector than the bundle's may have no such series."""
    for sample in samples:
        namespace, agent, model, kind = (sample.labels.get(name, "") for name in _OF_TOKENS)
        key = wanted.key(namespace, agent, agent if wanted.kind == AGENTS else model)
        if key in tallies and kind in (semconv.INPUT, semconv.OUTPUT):
            count = round(sample.value)
            added = Tokens(prompt=count) if kind == semconv.INPUT else Tokens(output=count)
            tallies[key].tokens = (tallies[key].tokens or Tokens()) + added


def _by_client(labels: Mapping[str, str]) -> bool:
    return labels.get(semconv.SPAN_NAME) in semconv.MODEL_CLIENTS


def _key(labels: Mapping[str, str], wanted: Wanted) -> tuple[str, str, str] | None:
    namespace, agent = _agent(labels)
    name = agent if wanted.kind == AGENTS else labels.get(_NAMES[wanted.kind], "")
    return wanted.key(namespace, agent, name)


def _agent(labels: Mapping[str, str]) -> tuple[str, str]:
    """Namespace and name."""
    service = labels.get(_SERVICE, "")
    namespace = labels.get(_NAMESPACE, "")
    for job in (labels.get(name, "") for name in semconv.JOBS):
        before, slash, after = job.partition("/")
        if not namespace and slash and after == service:
            namespace = before
    return dashed(namespace), dashed(service)


def _row(key: tuple[str, str, str], tally: _Tally, wanted: Wanted) -> UsageRow:
    return UsageRow(
        *key,
        calls=round(tally.calls),
        errors=round(max(tally.errors, tally.client_errors)),
        p50=quantile(0.5, tally.buckets),
        p95=quantile(0.95, tally.buckets),
        tool_calls=round(tally.tool_calls) if wanted.kind == AGENTS else None,
        tokens=tally.tokens,
    )


def quantile(share: float, buckets: Mapping[float, float]) -> Quantile | None:
    """An estimate from cumulative counts by upper bound, as Prometheus makes it: even inside a bucket."""
    total = buckets.get(math.inf, 0.0)
    if not total > 0:
        return None
    bound, below = 0.0, 0.0
    for upper, count in sorted(buckets.items()):
        if count >= share * total:
            if upper == math.inf:
                return Quantile(bound, beyond=True)
            return Quantile(bound + (upper - bound) * (share * total - below) / (count - below))
        bound, below = upper, max(below, count)
    return None
