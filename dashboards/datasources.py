"""The data sources that the bundle fills, as Grafana knows them, and the links from one to the other.

Every label in a link is one that the bundle's collectors or rules write; ``tests/bundle/test_datasources.py``
holds them to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboards.fields import Json
from dashboards.targets import RULES_INTERVAL

Traces = Literal["tempo", "jaeger"]

# As nobody else calls theirs: Grafana does not start when two files give a uid to two names.
PROMETHEUS, LOKI, TRACES, ALERTMANAGER = (
    f"kagent-{part}" for part in ("prometheus", "loki", "traces", "alertmanager")
)
# How the collector's exporter calls the trace of an exemplar, and Loki that of a line.
TRACE_ID = "trace_id"
# Attributes of stored spans -> labels of lines: the pod that made the span, whatever a span says of itself.
LINES_OF = {"k8s.namespace.name": "k8s_namespace_name", "k8s.pod.name": "k8s_pod_name"}
# Attributes of stored spans -> labels of recorded series: the pod's label `kagent` is the Agent's name.
NUMBERS_OF = {"k8s.namespace.name": "namespace", "agent": "agent"}
NUMBERS = {
    "Turns a second": "agent:turns:rate5m{$__tags}",
    "Turn duration, p95 in seconds": "agent:turn_duration_seconds:p95_5m{$__tags}",
    "Share of failed turns": "agent:turn_failures:ratio_rate5m{$__tags}",
    "Calls of tools a second": "agent_tool:calls:rate5m{$__tags}",
    "Calls of models a second": "agent_model:calls:rate5m{$__tags}",
}
# Lines of the Go runtime name their conversation, but no trace. TraceQL, which Jaeger does not know.
CONVERSATION = "gen_ai_conversation_id"
OF_THE_CONVERSATION = '{ span.gen_ai.conversation.id = "${__value.raw}" }'


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that stands in no file: what is before it, and its key in the Secret."""

    before: str
    key: str


@dataclass(frozen=True, slots=True)
class Part:
    """Where one of the data sources is; ``kind`` is the implementation behind its API, where several are."""

    url: str
    kind: str = ""
    user: str = ""
    token: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """What differs from one Grafana to another; ``tenant`` is the X-Scope-OrgID, '' none."""

    prometheus: Part
    loki: Part
    tempo: Part
    jaeger: Part
    alertmanager: Part
    tenant: str = ""


def datasources(site: Site, traces: Traces) -> list[Json]:
    """Each data source with the fields of Grafana's own API; what is secret is a ``Secret``."""
    where = {"tempo": site.tempo, "jaeger": site.jaeger}[traces]
    return [
        _datasource(PROMETHEUS, "Prometheus", "prometheus", site.prometheus, site.tenant, _prometheus(site)),
        _datasource(LOKI, "Loki", "loki", site.loki, site.tenant, _loki(traces)),
        _datasource(TRACES, "traces", traces, where, site.tenant, _traces()),
        _datasource(
            ALERTMANAGER,
            "Alertmanager",
            "alertmanager",
            site.alertmanager,
            site.tenant,
            {"implementation": site.alertmanager.kind},
        ),
    ]


def _datasource(uid: str, name: str, kind: str, part: Part, tenant: str, own: Json) -> Json:
    headers = [*_headers(uid, part, tenant)]
    names = {f"httpHeaderName{number}": header for number, (header, _) in enumerate(headers, 1)}
    secrets = {f"httpHeaderValue{number}": value for number, (_, value) in enumerate(headers, 1)}
    found: Json = {
        "name": f"kagent {name}",
        "type": kind,
        "uid": uid,
        "access": "proxy",
        "url": part.url,
        "isDefault": False,  # Grafana does not start with two defaults
        "jsonData": {**own, **names},
    }
    if part.user:
        found |= {"basicAuth": True, "basicAuthUser": part.user}
        secrets["basicAuthPassword"] = Secret("", f"{_part_of(uid)}-password")
    return found | ({"secureJsonData": secrets} if secrets else {})


def _headers(uid: str, part: Part, tenant: str) -> Iterator[tuple[str, str | Secret]]:
    if tenant:
        yield "X-Scope-OrgID", tenant
    if part.token:
        yield "Authorization", Secret("Bearer ", f"{_part_of(uid)}-token")


def _part_of(uid: str) -> str:
    return uid.removeprefix("kagent-")


def _prometheus(site: Site) -> Json:
    return {
        "httpMethod": "POST",
        "prometheusType": site.prometheus.kind,
        "timeInterval": RULES_INTERVAL,
        "alertmanagerUid": ALERTMANAGER,
        "exemplarTraceIdDestinations": [
            {"name": TRACE_ID, "datasourceUid": TRACES, "urlDisplayLabel": "Open the trace"}
        ],
    }


def _loki(traces: Traces) -> Json:
    links = [_line_link("Trace", TRACE_ID, "${__value.raw}", "Open the trace")]
    if traces == "tempo":
        links.append(
            _line_link("Conversation", CONVERSATION, OF_THE_CONVERSATION, "Find the conversation's traces")
        )
    return {"manageAlerts": False, "derivedFields": links}  # the bundle has no rules in LogQL


def _line_link(name: str, label: str, query: str, title: str) -> Json:
    """From a line with this label, also of its structured metadata, to a query of traces."""
    return {
        "name": name,
        "matcherType": "label",
        "matcherRegex": f"^{label}$",  # Grafana looks for it anywhere in a label's name
        "url": query,
        "datasourceUid": TRACES,
        "urlDisplayLabel": title,
    }


def _traces() -> Json:
    """What a span's links lead to. No service map: the bundle makes no traces_service_graph_* series."""
    return {
        "nodeGraph": {"enabled": False},
        "tracesToLogsV2": {
            "datasourceUid": LOKI,
            "spanStartTimeShift": "-10s",
            "spanEndTimeShift": "10s",
            "tags": _mapped(LINES_OF),
            # The runtimes' lines have no ids of traces or spans.
            "filterByTraceID": False,
            "filterBySpanID": False,
        },
        "tracesToMetrics": {
            "datasourceUid": PROMETHEUS,
            "spanStartTimeShift": "-30m",
            "spanEndTimeShift": "30m",
            "tags": _mapped(NUMBERS_OF),
            "queries": [{"name": name, "query": query} for name, query in NUMBERS.items()],
        },
    }


def _mapped(tags: dict[str, str]) -> Sequence[Json]:
    return [{"key": attribute, "value": label} for attribute, label in tags.items()]
