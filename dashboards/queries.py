"""The PromQL that several panels share: how things are counted, what a ratio is divided by, whose series.

Of agents, tools and models there are recorded increases of five minutes and of an hour, and the part since
the last one (``alerts/generated/counters.rules.yaml``): their sum is exact, and read fast over weeks. The
variables ``TILE`` and ``OPEN`` say which of them are read. What others count is left to ``increase``.
Everything is kept per cluster: that label is there when several clusters write to one Prometheus.
"""

from __future__ import annotations

RANGE = "$__range"
INTERVAL = "$__interval"
# Of how long the recorded increases are that a range is summed up from: 5m, or 1h for more than a day.
TILE = "$tile"
# The time since the last hour that was recorded, where the tiles are hours.
OPEN = "${open}s"
# Bars are counts per interval: of whole recorded increases, or estimated from samples 30 s apart, which would
# be a guess for a shorter one.
BAR = TILE

AGENT = ("namespace", "agent")
# Of agents: what runs, per the recording rules; what is declared, per kube-state-metrics.
AGENTS = 'cluster=~"$cluster",namespace=~"$namespace",agent=~"$agent"'
NAMED = 'cluster=~"$cluster",namespace=~"$namespace",name=~"$agent"'
# MCP servers have pods and replicas, too, without the label agent, which ".*" matches.
RUNNING = f'{AGENTS},kind="Agent"'


def by(*labels: str) -> str:
    """The grouping that keeps these labels, and the cluster."""
    return f"by ({', '.join(('cluster', *labels))})"


def total(counter: str, matchers: str, *labels: str, window: str = RANGE) -> str:
    """What a counter grew by in the window, per group; not rounded. Bars leave out what is still open."""
    if not _is_recorded(counter):
        return f"sum {by(*labels)} (increase({counter}{{{matchers}}}[{window}]))"
    # hours, and what is open, have a label of their own, so that ``or`` adds them
    base = counter.removesuffix(":total")
    open_hour = f"sum_over_time({base}:increase5m{{{matchers}}}[{OPEN}])"
    rest = f" or {open_hour} or {base}:since5m{{{matchers}}}" if window == RANGE else ""
    return f"sum {by(*labels)} ({_tiles(counter, matchers, window)}{rest})"


def _tiles(counter: str, matchers: str, window: str) -> str:
    return f"sum_over_time({counter.removesuffix(':total')}:increase{TILE}{{{matchers}}}[{window}])"


def _is_recorded(counter: str) -> bool:
    return counter.endswith(":total")


def count(counter: str, matchers: str, *labels: str, window: str = RANGE) -> str:
    """How often something happened in the window, as a whole number per group."""
    return f"round({total(counter, matchers, *labels, window=window)})"


def part(counter: str, of: str, matchers: str, *labels: str, window: str = RANGE) -> str:
    """As ``count``, but 0 where nothing of ``counter`` is known, and the ``of`` that it is a part of are."""
    whole = total(of, matchers, *labels, window=window)
    return f"round({total(counter, matchers, *labels, window=window)} or {whole} * 0)"


def model_failures(matchers: str) -> str:
    """Failed calls per interval, by model and the client's word for why; 0 for a model without any."""
    failed = count("agent_model:failures:total", matchers, "model", "error_type", window=INTERVAL)
    calls = total("agent_model:calls:total", matchers, "model", window=INTERVAL)
    return f"{failed}\nor on (cluster, model) {calls} * 0"


def ratio(counter: str, of: str, matchers: str, *labels: str, window: str = RANGE) -> str:
    """Which share of ``of`` was ``counter``, 0 to 1; nothing where nothing happened."""
    whole = total(of, matchers, *labels, window=window)
    return f"({total(counter, matchers, *labels, window=window)} or {whole} * 0) / ({whole} > 0)"


def quantile(
    share: float, histogram: str, matchers: str, *labels: str, window: str = RANGE, function: str = "increase"
) -> str:
    """The value below which ``share`` of what a histogram saw lies; nothing where it saw nothing.

    Of recorded ones whole tiles only: what is open would take as long again, and hardly move it.
    """
    grown = f"{function}({histogram}{{{matchers}}}[{window}])"
    if _is_recorded(histogram):
        grown = _tiles(histogram, matchers, window)
    return f"histogram_quantile({share}, sum {by(*labels, 'le')} ({grown})) >= 0"


def renamed(expr: str, source: str, target: str) -> str:
    """``expr`` with the label ``target`` from ``source``, so that it can be joined."""
    return f'label_replace({expr}, "{target}", "$1", "{source}", "(.+)")'


def threshold(name: str) -> str:
    """A value that a team sets in ``alerts/values.yaml``; one, however many clusters write it."""
    return f'max(kagent:threshold{{name="{name}"}})'


def of_pods(expr: str, matchers: str, *labels: str, info: str = "kagent:workload_pod:info{{{}}}") -> str:
    """What pods say, summed per group of the workloads with these matchers that they belong to."""
    owners = info.format(matchers)
    return (
        f"sum {by(*labels)} ({expr} * on (cluster, namespace, pod) group_left (kind, name, agent) {owners})"
    )


def restarts(matchers: str, *labels: str) -> str:
    """How often containers restarted in the time range, also those of pods that are gone."""
    info = f"last_over_time(kagent:workload_pod:info{{{{{{}}}}}}[{RANGE}])"
    counted = f"increase(kube_pod_container_status_restarts_total[{RANGE}])"
    return f"round({of_pods(counted, matchers, *labels, info=info)})"


def or_none(expr: str, known: str, label: str) -> str:
    """``expr``; where it is empty and ``known`` is not, 0 with none as its ``label``."""
    return f'{expr}\nor on () label_replace(count({known}) * 0, "{label}", "none", "", "")'


def exemplars(operation: str) -> str:
    """Finds no value: Prometheus looks for exemplars, links to traces, by the series that a query names.

    They hang on the spans' series as they are scraped. To read these over days would take long, so they are
    asked for as of 1970, when there were none.
    """
    agents = 'cluster=~"$cluster",k8s_namespace_name=~"$namespace",gen_ai_agent_name=~"$agent"'
    matchers = f'{agents},gen_ai_operation_name="{operation}",service_name!="kagent-controller"'
    return f"max {by()} (traces_span_metrics_duration_seconds_bucket{{{matchers}}} @ 0)"


_PRICE = "max by (model, type) (kagent:price_usd_per_token)"


def cost(matchers: str, *labels: str, window: str = RANGE) -> str:
    """USD for the tokens used in the window: none for a model without a price in ``alerts/values.yaml``."""
    tokens = total("agent_model:tokens:total", matchers, "namespace", "agent", "model", "type", window=window)
    return f"sum {by(*labels)} ({tokens} * on (model, type) group_left () {_PRICE})"
