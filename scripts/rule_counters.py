"""Counters of agents, tools and models that begin with 0, from the collector's series, as recording rules.

They differ in little but which spans they count, so they are a table here and text in the generated file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import indent

from kubectl_kagent.wire import semconv
from kubectl_kagent.wire.semconv import label

GENERATED = "alerts/generated/counters.rules.yaml"

_HEAD = """\
# Generated from scripts/rule_counters.py by `make generate`.
#
# A series of the collector begins with its first call, so increase() and rate() would miss that call, and
# agents have few. So each counter here is its sum of a minute ago, and 0 in the minute in which it is new:
# - All is a minute late.
# - Sums are kept apart by process of the collector: one that restarts is a reset of its own.
# - All buckets of a histogram begin together, so a quantile of the first call is right.
# - Counters that come back after a gap (a failed scrape, a restart of Prometheus) are not new: they are left
#   out for a minute and go on where they are. From 0 they would be counted twice. A series whose first call
#   falls into the gap begins with what it has.
# - The collector has to keep its counters until it ends (`metrics_expiration` 0 of spanmetrics), and what
#   makes sums of deltas may not remember longer than the exporter shows: what leaves and comes back higher is
#   counted twice.
# Names of namespaces and agents that no object in Kubernetes can have are of somebody's own spans. They stay
# out: alerts print these names in commands to copy.
groups:
"""
_PROCESSES = """\
  # These rules are evaluated.
  - record: kagent:counters:watched
    expr: vector(1)
  # Processes of the collector that count spans.
  - record: collector:process:seen
    expr: group by (cluster, instance, collector_instance_id) (traces_span_metrics_calls_total)
  # Those that were not there a minute ago and yet are not new: they were seen within a day, or nobody looked.
  - record: collector:process:returned
    expr: |-
      (collector:process:seen unless collector:process:seen offset 1m)
        and on (cluster, instance, collector_instance_id) last_over_time(collector:process:seen[1d] offset 1m)
      or
      (collector:process:seen unless collector:process:seen offset 1m)
        unless on () kagent:counters:watched offset 2m
"""
_TILE = "5m"
_INCREASES = """\
# How often something happened in each five minutes, one after the other: what happened in a day is their
# sum, and the part that is open since the last one (`since5m`). Nothing is estimated, and a dashboard reads a
# tenth of the samples that increase() would. `counted` is how far each counter was: what came in a gap of up
# to an hour, or before a process ended, comes into the next five minutes. A counter that is new begins with
# its first value, which is 0. One that fell, since its process began anew under the same name, counts what it
# had been (its most) and what it has. Of the ten evaluations in five minutes the last one closes them.
# The same once more by the hour, for ranges of more than a day. An hour whose end nobody saw comes into the
# next one.
"""
_AT_THE_END = "and on () (vector(time() % 300) >= 270)"
_HOUR_ENDS = "and on () (vector(time() % 3600) >= {})"
_HOURS = f"""\
  # The end of the last hour that was closed, in Unix seconds: what came later is in the five minutes since.
  - record: kagent:hours:closed
    expr: vector(time() - time() % 3600 + 3600) {_HOUR_ENDS.format(3570)}
"""

_PROCESS = ("cluster", "instance", "collector_instance_id")
# Sums of deltas don't name the process of the collector: it is the one that counts spans at their address.
# There are no two at one address; they would end the rule with an error, so one of them is taken.
_OF_ITS_PROCESS = """
  * on (cluster, instance) group_left (collector_instance_id)
  topk by (cluster, instance) (1, collector:process:seen{})"""
_NAMESPACE, _AGENT = "k8s_namespace_name", label(semconv.AGENT_NAME)
_TOOL, _MODEL, _TYPE = label(semconv.TOOL_NAME), label(semconv.MODEL), "gen_ai_token_type"
# Ours, in place of the collector's.
_NAMES = {_NAMESPACE: "namespace", _AGENT: "agent", _TOOL: "tool", _MODEL: "model", _TYPE: "type"}
_OF_AN_AGENT = f'{_NAMESPACE}=~"[a-z0-9-]+", {_AGENT}=~"[a-z0-9.-]+"'
_ERROR = f'{semconv.STATUS_CODE}="{semconv.ERROR}"'


def _operation(name: str) -> str:
    return f'{label(semconv.SERVICE_NAME)}!="{semconv.CONTROLLER}", {label(semconv.OPERATION)}="{name}"'


def _series(metric: str, *matchers: str) -> str:
    return f"{metric}{{{', '.join([*matchers, _OF_AN_AGENT])}}}"


_CLIENTS = "|".join(name.replace(".", "[.]") for name in semconv.MODEL_CLIENTS)
_BY_CLIENT = f'{semconv.SPAN_NAME}=~"{_CLIENTS}"'
_TURN, _CALL = _operation(semconv.INVOKE_AGENT), _operation(semconv.EXECUTE_TOOL)
_ANSWER = _operation(semconv.GENERATE_CONTENT)


@dataclass(frozen=True)
class Counter:
    """A counter, the collector's series it sums up, and the labels it keeps.

    ``client`` are the spans of a model's client library: they count instead for an agent that has any.
    """

    record: str
    series: str
    labels: tuple[str, ...] = ()
    client: str = ""
    comment: str = ""
    names_process: bool = True  # whether the series have the label collector_instance_id

    @property
    def base(self) -> str:
        """The record without its last part."""
        return self.record.removesuffix(":total")


COUNTERS = (
    Counter("agent:turns:total", _series(semconv.SPAN_CALLS, _TURN)),
    Counter(
        "agent:turn_failures:total",
        _series(semconv.SPAN_CALLS, _ANSWER, _ERROR),
        comment="The runtimes leave a turn's status unset; what ends one is a call of the model that fails.",
    ),
    Counter("agent_tool:calls:total", _series(semconv.SPAN_CALLS, _CALL), (_TOOL,)),
    Counter("agent_tool:failures:total", _series(semconv.SPAN_CALLS, _CALL, _ERROR), (_TOOL,)),
    Counter(
        "agent_tool:approvals_requested:total",
        _series("kagent_approvals_requested_total"),
        (_TOOL,),
        names_process=False,
    ),
    Counter("agent_model:calls:total", _series(semconv.SPAN_CALLS, _ANSWER), (_MODEL,)),
    Counter(
        "agent_model:failures:total",
        _series(semconv.SPAN_CALLS, _ANSWER, _ERROR),
        (_MODEL, "error_type"),
        client=_series(semconv.SPAN_CALLS, _BY_CLIENT, _ERROR),
        comment="Only the model's client library says what failed.",
    ),
    Counter(
        "agent_model:tokens:total", _series("kagent_model_tokens_total"), (_MODEL, _TYPE), names_process=False
    ),
)
DURATIONS = (
    Counter("agent:turn_duration_seconds_bucket:total", _series(semconv.SPAN_SECONDS, _TURN), ("le",)),
    Counter(
        "agent_tool:call_duration_seconds_bucket:total", _series(semconv.SPAN_SECONDS, _CALL), (_TOOL, "le")
    ),
    Counter(
        "agent_model:call_duration_seconds_bucket:total",
        _series(semconv.SPAN_SECONDS, _ANSWER),
        (_MODEL, "le"),
        client=_series(semconv.SPAN_SECONDS, _BY_CLIENT),
        comment="A runtime's own span of a streamed call also holds the tools that were called meanwhile.",
    ),
)


def counters_rules() -> str:
    """The generated file."""
    return "".join(
        (
            _HEAD,
            _group("kagent-counters", [_PROCESSES, *map(_counter, COUNTERS)]),
            _group("kagent-duration-counters", map(_counter, DURATIONS), every="1m"),
            _INCREASES,
            _increases("kagent-increases", "agent", _HOURS),
            _increases("kagent-tool-increases", "agent_tool"),
            _increases("kagent-model-increases", "agent_model"),
            _group("kagent-duration-increases", _durations(), every=_TILE),
        )
    )


def _group(name: str, rules: Iterable[str], *, every: str = "30s") -> str:
    return f"- name: {name}\n  interval: {every}\n  rules:\n{''.join(rules)}"


def _rule(record: str, expr: str, comment: str = "") -> str:
    about = f"  # {comment}\n" if comment else ""
    return f"{about}  - record: {record}\n    expr: |-\n{indent(expr, '      ')}\n"


def _counter(counter: Counter) -> str:
    return _rule(counter.record, expression(counter), counter.comment)


def _increases(name: str, level: str, *more: str) -> str:
    """In one group, so that all are of one moment: what is counted is neither open nor in the next hour."""
    counters = [one for one in COUNTERS if one.record.startswith(f"{level}:")]
    kinds = (_increase, _counted, _since, _hour)
    return _group(name, (*(kind(one) for kind in kinds for one in counters), *more))


def _increase(counter: Counter) -> str:
    return _rule(f"{counter.base}:increase5m", f"{_grown(counter)}\n{_AT_THE_END}")


def _counted(counter: Counter) -> str:
    return _rule(f"{counter.base}:counted", f"last_over_time({counter.record}[{_TILE}])\n{_AT_THE_END}")


def _since(counter: Counter) -> str:
    """With a label of its own, so that ``or`` puts it beside the increases."""
    return _rule(f"{counter.base}:since5m", _grown(counter)) + "    labels:\n      part: open\n"


def _hour(counter: Counter) -> str:
    """The tiles of an hour, in its last evaluation; those of two if the end of the one before was missed."""
    tiles = f"sum_over_time({counter.base}:increase5m[{{}}])"
    seen = "on () last_over_time(kagent:hours:closed[1h2m] offset 1m)"
    grown = f"(\n  {tiles.format('58m')} and {seen}\n  or\n  {tiles.format('1h58m')} unless {seen}\n)"
    return _hour_of(counter, grown, 3570)


def _hour_of(counter: Counter, grown: str, end: int) -> str:
    """``end`` is the second of the hour from which on an evaluation is the last one."""
    labels = "    labels:\n      tile: 1h\n"
    return _rule(f"{counter.base}:increase1h", f"{grown}\n{_HOUR_ENDS.format(end)}") + labels


def _durations() -> Iterator[str]:
    """A quantile can do without an hour whose end was missed.

    Of tools only the quantile is kept by the hour: thousands of them, with all their buckets, would take a
    dashboard seconds to read.
    """
    yield from map(_of_buckets, DURATIONS)
    for one in DURATIONS:
        hour = f"sum_over_time({one.base}:increase5m[58m])"
        yield _p95_of_an_hour(hour) if _TOOL in one.labels else _hour_of(one, hour, 3300)


def _p95_of_an_hour(hour: str) -> str:
    at_its_end = _HOUR_ENDS.format(3300)
    return _rule(
        "agent_tool:call_duration_seconds:p95_1h", f"histogram_quantile(0.95, {hour}) >= 0\n{at_its_end}"
    )


def _of_buckets(counter: Counter) -> str:
    grown = f"sum without (instance, collector_instance_id) (increase({counter.record}[{_TILE}]))"
    return _rule(f"{counter.base}:increase5m", grown)


def _grown(counter: Counter) -> str:
    """What came since the last value that was counted, whatever happened to the process meanwhile."""
    last, most, least = (f"{name}_over_time({counter.record}[{_TILE}])" for name in ("last", "max", "min"))
    before = f"(last_over_time({counter.base}:counted[1h]) or {least})"
    return (
        "sum without (instance, collector_instance_id) (\n"
        f"  {last} - {before} >= 0\n"
        "  or\n"
        f"  {last} + {most} - {before}\n"
        ")"
    )


def expression(counter: Counter) -> str:
    """The PromQL of a counter, with our names of labels."""
    kept = (_NAMESPACE, _AGENT, *counter.labels)
    ago, now = (_sums(counter, kept, offset) for offset in (" offset 1m", ""))
    is_new = f"unless on ({', '.join(_PROCESS)}) collector:process:returned"
    text = f"{ago}\nor\n(\n{indent(now, '  ')}\n) * 0 {is_new}"
    renamed = [name for name in kept if name in _NAMES]
    for name in renamed:
        text = f'{text},\n"{_NAMES[name]}", "$1", "{name}", "(.*)")'
    by = ", ".join((*_PROCESS, *(_NAMES.get(name, name) for name in kept)))
    return f"sum by ({by}) (\n{indent('label_replace(' * len(renamed) + chr(10) + text, '  ')}\n)"


def _sums(counter: Counter, kept: Sequence[str], offset: str) -> str:
    by = f"sum by ({', '.join((*_PROCESS, *kept))})"
    process = "" if counter.names_process else _OF_ITS_PROCESS.format(offset)
    own = f"{by} (\n  {counter.series}{offset}{process}\n)"
    if not counter.client:
        return own
    agent = ", ".join((*_PROCESS, _NAMESPACE, _AGENT))
    any_client = f"{_series(semconv.SPAN_CALLS, _BY_CLIENT)}{offset}"
    return f"{by} (\n  {counter.client}{offset}\n)\nor\n{own} unless on ({agent})\n  {any_client}"
