"""The way of spans: from kagent to the collector, into metrics, and to where traces are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe.status import senders
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import AGENT, CONFIG_UNKNOWN, Facts
from kubectl_kagent.observe.status.signals import (
    ARRIVING,
    FAILING,
    MISSING,
    QUIET,
    UNKNOWN,
    WAITING,
    Remedy,
    Signal,
)
from kubectl_kagent.observe.status.stores import Store
from kubectl_kagent.wire import semconv

Object = Mapping[str, Any]

_NAMED = 3  # agents in one line
_SPAN_NAMES = Remedy(
    "in the connector's settings: `namespace: traces.span.metrics`, `histogram: {unit: s}`; "
    "or let agents send to the bundle's collector",
)
ASK_ONE = Remedy("ask an agent something: its turn is the first", ("kubectl kagent chat NAME hello",))


def traces(facts: Facts, evidence: Evidence | None) -> Signal:
    """Whether spans come to the collector."""
    arrives = evidence is not None and "traces" in evidence.now
    for why, remedy in _in_the_way(facts, arrives=arrives):
        if evidence is None:
            return Signal("traces", MISSING, why, None, (remedy,))
        return evidence.broken("traces", why, remedy)
    if evidence is None or "kagent-collector" not in evidence.now:
        why = "Prometheus cannot be asked" if evidence is None else "Prometheus does not scrape the collector"
        return Signal("traces", UNKNOWN, why)
    since = evidence.since("traces")
    if refused := evidence.number("refused"):
        detail = f"the collector refused {refused:.0f} spans in 10 minutes"
        remedy = Remedy(
            "it has too little memory, or its exporters are too slow",
            (f"kubectl logs -n {facts.namespace} deployment/kagent-collector --tail=50",),
        )
        return Signal("traces", FAILING, detail, since, (remedy,))
    sent = _sent(facts)
    if arrives:
        return Signal("traces", ARRIVING, sent, since)
    if evidence.ever("traces-ever"):
        return Signal("traces", QUIET, f"{sent}; no span came for 10 minutes", since)
    return Signal("traces", WAITING, f"{sent}; no span has come yet", None, (ASK_ONE,))


def _sent(facts: Facts) -> str:
    count = len({_agent(pod) for pod in _agent_pods(facts)})
    settings = _settings(facts)
    where = f" to {settings.shown}" if settings and settings.endpoint else ""
    return f"{count} agent{' traces' if count == 1 else 's trace'}{where}"


def _in_the_way(facts: Facts, *, arrives: bool) -> Iterator[tuple[str, Remedy]]:
    """What keeps spans from the collector, in the order of their way.

    What may be a detour, as through another collector, is only in the way if nothing ``arrives``.
    """
    settings, on = _settings(facts), Remedy(helm_values=senders.helm_values(facts.namespace))
    controller, there = facts.controller, facts.collector
    if facts.controllers is not None and controller is None and not arrives:
        yield "no Deployment of kagent's controller is to be seen", Remedy("is kagent installed?")
    if settings is not None and not settings.enabled:
        yield f"tracing is off in {_label(controller)}", on
    if settings is not None and there is not None:
        yield from _on_the_way(facts, settings, arrives=arrives)
    if there is not None and not there.exists:
        yield (
            f"there is no service {facts.namespace}/{senders.NAME}",
            facts.install,
        )
    elif there is not None and not there.ready:
        yield (
            f"no ready pod is behind service {facts.namespace}/{senders.NAME}",
            Remedy(commands=(f"kubectl describe pods -n {facts.namespace} -l {_COLLECTORS}",)),
        )
    yield from _old_agents(facts)


_COLLECTORS = f"app.kubernetes.io/name={senders.NAME}"


def _on_the_way(facts: Facts, settings: senders.Tracing, *, arrives: bool) -> Iterator[tuple[str, Remedy]]:
    there, controller = facts.collector, facts.controller
    if there is None or controller is None:
        return
    values = senders.helm_values(facts.namespace)
    detour = senders.detour(settings, str(controller["metadata"]["namespace"]), there, facts.is_service)
    if detour and (detour.nowhere or not arrives):
        yield f"kagent's endpoint {detour.text}", Remedy(helm_values=values)
    elif not detour and (why := senders.wrong(settings, there)):
        protocol = {} if settings.protocol == senders.GRPC else {_PROTOCOL: senders.GRPC}
        yield f"kagent's endpoint: {why}", Remedy(helm_values=values | protocol)


_PROTOCOL = "otel.tracing.exporter.otlp.protocol"


def _settings(facts: Facts) -> senders.Tracing | None:
    """The controller's; None where they are not known."""
    controller = facts.controller
    if controller is None or any(note.about == CONFIG_UNKNOWN for note in facts.notes):
        return None
    return facts.tracing_of(dig(controller, "spec", "template", "spec") or {})


def _old_agents(facts: Facts) -> Iterator[tuple[str, Remedy]]:
    """Agents whose pods do not trace: older than the switch, or not rendered since."""
    pods = _agent_pods(facts)
    old = sorted({_agent(pod) for pod in pods if not facts.tracing_of(pod.obj.get("spec") or {}).enabled})
    if not old:
        return
    every = {_agent(pod) for pod in pods}
    detail = (
        f"{len(old)} of {len(every)} agents do not trace: pods of {_some(old)} have no {senders.ENABLED}=true"
    )
    restart = [f"kubectl kagent rollout restart agent/{name} -n {space}" for space, name in old[:_NAMED]]
    templates = {_key(item): dig(item, "spec", "template", "spec") or {} for item in facts.agents or ()}
    rendered = [key for key in old if key not in templates or facts.tracing_of(templates[key]).enabled]
    if rendered or facts.controller is None:
        yield detail, Remedy("they started before tracing was turned on", tuple(restart))
        return
    metadata = facts.controller["metadata"]
    again = f"kubectl rollout restart deployment/{metadata['name']} -n {metadata['namespace']}"
    yield detail, Remedy("the controller has not told them yet, or their own env turns it off", (again,))


def _some(agents: list[tuple[str, str]]) -> str:
    more = f" and {len(agents) - _NAMED} more" if len(agents) > _NAMED else ""
    return ", ".join("/".join(key) for key in agents[:_NAMED]) + more


def _agent_pods(facts: Facts) -> list[Pod]:
    pods = [Pod(item) for item in facts.agent_pods or ()]
    return [pod for pod in pods if not pod.leaving and not pod.ended]


def _agent(pod: Pod) -> tuple[str, str]:
    return _key(pod.obj)


def _key(item: Object) -> tuple[str, str]:
    """Namespace and name of the agent that a Deployment or a pod is of."""
    metadata = item["metadata"]
    return str(metadata["namespace"]), str((metadata.get("labels") or {}).get(AGENT) or metadata["name"])


def _label(controller: Object | None) -> str:
    metadata = (controller or {})["metadata"]
    return f"deployment {metadata['namespace']}/{metadata['name']}"


def span_metrics(facts: Facts, evidence: Evidence | None) -> Signal:
    """Whether Prometheus has the numbers that are made of spans."""
    name = "span-metrics"
    if evidence is None:
        return Signal(name, UNKNOWN, "Prometheus cannot be asked")
    since = evidence.since(name)
    if name in evidence.now:
        return Signal(name, ARRIVING, "turns, tools and models are counted", since)
    if "span-metrics-otherwise" in evidence.now:
        detail = f"top reads them under another name; rules and dashboards want {semconv.SPAN_CALLS}"
        return evidence.broken(name, detail, _SPAN_NAMES)
    if "kagent-collector" not in evidence.now:
        return evidence.broken(name, "Prometheus does not scrape the collector: see collector")
    if not evidence.ever("traces-ever"):
        return evidence.broken(name, "no span has come to the collector: see traces")
    if name in evidence.last:
        return Signal(name, QUIET, "no agent was asked since the collector started", since)
    detail = "no turn of an agent is among the spans that came"
    return Signal(name, WAITING, detail, since, (ASK_ONE,))


def stored_traces(facts: Facts, evidence: Evidence | None, store: Store | None) -> Signal:
    """Whether spans come to Tempo or Jaeger."""
    name = "stored-traces"
    if store is not None and store.trouble is not None:
        return store.trouble.signal(name, evidence)
    if evidence is None:
        if store is not None and store.newest is not None:
            return Signal(name, ARRIVING, f"{store.label} has traces")
        return Signal(name, UNKNOWN, "Prometheus cannot be asked")
    since = evidence.since(name)
    lost = [*evidence.numbers.get("failed", ()), *evidence.numbers.get("dropped", ())]
    if lost:
        count, to = sum(sample.value for sample in lost), sorted({s.labels.get("exporter", "") for s in lost})
        detail = f"{count:.0f} spans were lost in 10 minutes on the way to {', '.join(filter(None, to))}"
        remedy = Remedy(
            "does the collector send to the right address, and as the right tenant?",
            (
                f"kubectl logs -n {facts.namespace} deployment/kagent-collector --tail=50",
                facts.command("install", "--traces-endpoint=HOST:PORT", "--tenant=ID"),
            ),
        )
        return Signal(name, FAILING, detail, since, (remedy,))
    if name not in evidence.now:
        if "traces-ever" in evidence.now:
            return evidence.broken(name, "the collector has sent none of the spans that it has")
        status = QUIET if name in evidence.last else WAITING
        return Signal(name, status, "the collector has had no span to send", since)
    if store is None:
        return Signal(
            name, ARRIVING, "the collector sends them; no Tempo or Jaeger is to be seen here", since
        )
    if store.newest is None and "traces" in evidence.now:
        detail = f"{store.label} has no traces, and the collector sends some: is it another one?"
        return Signal(name, FAILING, detail, since)
    return Signal(name, ARRIVING if store.newest is not None else QUIET, store.label, since)
