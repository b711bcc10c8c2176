"""Usage of agents, tools and models from the collector's span metrics in Prometheus.

The runtimes leave the status of a turn unset: what ends a turn is a model that fails, so the failed calls of
the model are an agent's errors.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubectl_kagent.backends.prometheus import Prometheus, Sample
from kubectl_kagent.model.usage import AGENTS, MODELS, TOOLS, Quantile, UsageRow, UsageTable, Wanted
from kubectl_kagent.telemetry.usage import tokens
from kubectl_kagent.telemetry.usage.asking import BEFORE, Asking, increase, window
from kubectl_kagent.telemetry.usage.span_names import TODAY, SpanNames, other_names
from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.ids import dashed, underscored
from kubectl_kagent.wire.semconv import label

_SERVICE, _NAMESPACE = label(semconv.SERVICE_NAME), label(semconv.SERVICE_NAMESPACE)
_OPERATION, _TOOL, _MODEL = label(semconv.OPERATION), label(semconv.TOOL_NAME), label(semconv.MODEL)
_OPERATIONS = {AGENTS: semconv.INVOKE_AGENT, TOOLS: semconv.EXECUTE_TOOL, MODELS: semconv.GENERATE_CONTENT}
_NAMES = {TOOLS: _TOOL, MODELS: _MODEL}
_BY = (_NAMESPACE, *semconv.JOBS, _OPERATION, _TOOL, _MODEL)
_YOUNG = "it had no span metrics yet when --since begins: it may not know all"


def usage(prometheus: Prometheus, wanted: Wanted) -> UsageTable:
    """What Prometheus knows; no rows where it has no span metrics, or none of these agents."""
    asking, names = Asking(prometheus, wanted.now), TODAY
    rows = counted(asking, wanted, names)
    if not rows and (others := other_names(asking, wanted)):
        names = others
        rows = counted(asking, wanted, names)
    if rows and wanted.kind != TOOLS:
        spent, prices = tokens.spent(asking, wanted), tokens.prices(asking)
        rows = tokens.with_tokens(rows, spent, prices)
        if prices and (free := tokens.unpriced(spent, prices)):
            asking.warnings.append(tokens.no_price(free))
    if rows and not begun(asking, wanted, names):
        asking.warnings.append(_YOUNG)
    return UsageTable(rows, asking.gaps)


def counted(asking: Asking, wanted: Wanted, names: SpanNames = TODAY) -> tuple[UsageRow, ...]:
    """The rows of what is wanted."""
    samples = asking.ask(_calls(wanted, names))
    tallies = {key: tally for key, tally in _tallies(samples, wanted).items() if round(tally.calls)}
    if tallies:
        _measure(tallies, asking.ask(_durations(wanted, names)), wanted, names)
    return tuple(_row(key, tally, wanted) for key, tally in tallies.items())


def begun(asking: Asking, wanted: Wanted, names: SpanNames) -> bool:
    """Whether there were any span metrics when the window began."""
    return bool(asking.ask(_before(wanted, names)))


# Asking


def _calls(wanted: Wanted, names: SpanNames) -> str:
    """Of every kind: a turn's tool calls and errors are other spans than itself."""
    operations = "|".join(_OPERATIONS.values())
    series = f'{names.calls}{{{_OPERATION}=~"{operations}",{_others(wanted, names)}}}'
    by = ", ".join((names.service, *_BY, semconv.STATUS_CODE))
    found = f"sum by ({by}) ({increase(series, wanted)})"
    # the runtime's own span of a call leaves its status unset when the model failed
    failed = f'{names.calls}{{{_by_clients(wanted, names)},{semconv.STATUS_CODE}="{semconv.ERROR}"}}'
    return f"{found} or sum by ({by}) ({increase(failed, wanted)})"


def _durations(wanted: Wanted, names: SpanNames) -> str:
    operation = _OPERATIONS[wanted.kind]
    series = f'{names.buckets}{{{_OPERATION}="{operation}",{_others(wanted, names)}}}'
    by = ", ".join((names.service, *_BY, semconv.SPAN_NAME, semconv.LESS_OR_EQUAL))
    found = f"sum by ({by}) ({increase(series, wanted)})"
    if wanted.kind != MODELS:
        return found
    series = f"{names.buckets}{{{_by_clients(wanted, names)}}}"
    return f"{found} or sum by ({by}) ({increase(series, wanted)})"


def _before(wanted: Wanted, names: SpanNames) -> str:
    """A sample if there were any span metrics when the window began."""
    return f"group(last_over_time({names.calls}[{BEFORE}] offset {window(wanted)}))"


def _by_clients(wanted: Wanted, names: SpanNames) -> str:
    clients = "|".join(name.replace(".", "[.]") for name in semconv.MODEL_CLIENTS)
    return f'{semconv.SPAN_NAME}=~"{clients}"{_only(wanted, names)}'


def _others(wanted: Wanted, names: SpanNames) -> str:
    return f'{names.service}!="{semconv.CONTROLLER}",{_TOOL}!="{semconv.MERGED_TOOLS}"{_only(wanted, names)}'


def _only(wanted: Wanted, names: SpanNames) -> str:
    """The services that can be the agent; where a dot in its name matches more, ``Wanted.key`` does not."""
    return f',{names.service}=~"{underscored(wanted.agent)}|{wanted.agent}"' if wanted.agent else ""


# Reading


@dataclass(slots=True)
class _Tally:
    """What is summed up for a row; ``buckets`` are cumulative counts by upper bound.

    ``client_errors`` are failed calls of the model by its client's spans: of the same calls as ``errors``.
    """

    calls: float = 0
    errors: float = 0
    client_errors: float = 0
    tool_calls: float = 0
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


def _measure(tallies: _Tallies, samples: Iterable[Sample], wanted: Wanted, names: SpanNames) -> None:
    """Add durations. Where an agent's client library measured the model, that is taken."""
    samples = list(samples)
    clients = {_agent(item.labels) for item in samples if _by_client(item.labels)}
    for sample in samples:
        labels = sample.labels
        key = _key(labels, wanted)
        measured = semconv.LESS_OR_EQUAL in labels and (_agent(labels) not in clients or _by_client(labels))
        if measured and key in tallies:
            tallies[key].buckets[float(labels[semconv.LESS_OR_EQUAL]) * names.unit] += sample.value


def _by_client(labels: Mapping[str, str]) -> bool:
    return labels.get(semconv.SPAN_NAME) in semconv.MODEL_CLIENTS


def _key(labels: Mapping[str, str], wanted: Wanted) -> tuple[str, str, str] | None:
    namespace, agent = _agent(labels)
    name = agent if wanted.kind == AGENTS else labels.get(_NAMES[wanted.kind], "")
    return wanted.key(namespace, agent, name)


def _agent(labels: Mapping[str, str]) -> tuple[str, str]:
    """Namespace and name."""
    service = labels.get(_SERVICE) or labels.get(semconv.TEMPO_SERVICE, "")
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
