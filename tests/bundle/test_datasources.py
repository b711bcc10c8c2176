"""Data sources: each link between them hangs on labels that are there, and each form says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import promql_parser
import pytest
import yaml

from dashboards import datasources as ours
from dashboards.datasources import Part, Site, Traces, datasources
from scripts.datasources import SOURCE, files, grafana_datasource, provisioning, site
from scripts.pictures.sources import Sources
from scripts.rule_checks import catalogue
from scripts.rule_checks.promql import nodes
from tests.bundle import collected
from tests.bundle.prometheus import prometheus
from tests.lab.layout import CHECKOUT

Json = dict[str, Any]
SITE = site((CHECKOUT / SOURCE).read_text())
STORES: list[Traces] = ["tempo", "jaeger"]
SERIES = catalogue.load()
START, END = 1_795_838_400, 1_795_860_000


def by_uid(traces: Traces, where: Site = SITE) -> dict[str, Json]:
    return {one["uid"]: one for one in datasources(where, traces)}


def own(uid: str, traces: Traces = "tempo") -> Json:
    found: Json = by_uid(traces)[uid]["jsonData"]
    return found


def values(item: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep it is."""
    if isinstance(item, dict):
        yield from (value for name, value in item.items() if name == key)
    for inner in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
        yield from values(inner, key)


@pytest.mark.parametrize("traces", STORES)
def test_each_link_leads_to_a_data_source_of_ours(traces: Traces) -> None:
    found = by_uid(traces)
    assert [(one["name"], one["type"]) for one in found.values()] == [
        ("kagent Prometheus", "prometheus"),
        ("kagent Loki", "loki"),
        ("kagent traces", traces),
        ("kagent Alertmanager", "alertmanager"),
    ]
    leads = {*values([*found.values()], "datasourceUid"), *values([*found.values()], "alertmanagerUid")}
    assert leads == {*found}


def test_from_a_duration_to_its_trace() -> None:
    (link,) = own(ours.PROMETHEUS)["exemplarTraceIdDestinations"]
    assert (link["name"], link["datasourceUid"]) == ("trace_id", ours.TRACES)
    assert collected.has_exemplars()


def test_from_a_line_to_traces() -> None:
    links = own(ours.LOKI)["derivedFields"]
    assert {link["matcherType"] for link in links} == {"label"}
    every = collected.of_lines() | collected.of_streams() | {"parent_trace_id"}
    found = {
        link["name"]: [name for name in every if re.search(link["matcherRegex"], name)] for link in links
    }
    assert found == {"Trace": ["trace_id"], "Conversation": ["gen_ai_conversation_id"]}


def test_from_a_span_to_its_lines() -> None:
    link = own(ours.TRACES)["tracesToLogsV2"]
    tags = {tag["key"]: tag["value"] for tag in link["tags"]}
    assert tags == {"k8s.namespace.name": "k8s_namespace_name", "k8s.pod.name": "k8s_pod_name"}
    assert tags.keys() <= collected.of_stored_spans()
    assert {*tags.values()} <= collected.of_streams()


def test_from_a_span_to_numbers() -> None:
    link = own(ours.TRACES)["tracesToMetrics"]
    tags = {tag["key"]: tag["value"] for tag in link["tags"]}
    assert tags.keys() <= collected.of_stored_spans()
    recorded = {
        rule.get("record")
        for path in (CHECKOUT / "alerts").rglob("*.rules.yaml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    }
    for query in link["queries"]:
        assert "$__tags" in query["query"]
        tree = promql_parser.parse(filled(query["query"], namespace="support", agent="triage"))
        (selector,) = (node for node, _ in nodes(tree) if isinstance(node, promql_parser.VectorSelector))
        assert selector.name in recorded
        assert selector.name in SERIES
        assert {matcher.name for matcher in selector.matchers.matchers} == {*tags.values()}
        assert {*tags.values()} <= SERIES.labels(selector.name)


def filled(query: str, **tags: str) -> str:
    """As Grafana fills in the tags that a span has."""
    return query.replace("$__tags", ", ".join(f'{name}="{value}"' for name, value in tags.items()))


@pytest.mark.telemetry
def test_the_numbers_of_an_agent_are_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    with prometheus(tmp_path_factory.mktemp("prometheus"), START, END) as address:
        for name, query in ours.NUMBERS.items():
            found = Sources(address).now(filled(query, namespace="support", agent="triage"), END)
            assert found, name


def test_with_jaeger_only_its_own_differ() -> None:
    tempo, jaeger = by_uid("tempo"), by_uid("jaeger")
    assert (jaeger[ours.TRACES]["type"], jaeger[ours.TRACES]["url"]) == ("jaeger", SITE.jaeger.url)
    jaeger[ours.TRACES] |= {"type": "tempo", "url": SITE.tempo.url}
    conversation = tempo[ours.LOKI]["jsonData"]["derivedFields"].pop()  # a TraceQL search
    assert conversation["name"] == "Conversation"
    assert jaeger == tempo


GUARDED = replace(SITE, tenant="paris", loki=Part("http://l", user="me"), tempo=Part("http://t", token=True))


def test_tenant_and_passwords_in_files() -> None:
    """A secret is the file that has it, and a dollar that is Grafana's own is doubled."""
    found = {one["uid"]: one for one in provisioning(datasources(GUARDED, "tempo"))["datasources"]}
    assert {uid: one["jsonData"].get("httpHeaderName1") for uid, one in found.items()} == dict.fromkeys(
        found, "X-Scope-OrgID"
    )
    assert found[ours.PROMETHEUS]["secureJsonData"] == {"httpHeaderValue1": "paris"}
    loki, tempo = found[ours.LOKI], found[ours.TRACES]
    assert (loki["basicAuth"], loki["basicAuthUser"]) == (True, "me")
    assert loki["secureJsonData"] == {
        "httpHeaderValue1": "paris",
        "basicAuthPassword": "$__file{/etc/grafana/kagent/loki-password}",
    }
    assert tempo["jsonData"]["httpHeaderName2"] == "Authorization"
    assert tempo["secureJsonData"] == {
        "httpHeaderValue1": "paris",
        "httpHeaderValue2": "Bearer $__file{/etc/grafana/kagent/traces-token}",
    }
    assert loki["jsonData"]["derivedFields"][0]["url"] == "$${__value.raw}"


def test_the_same_for_the_operator() -> None:
    """Which replaces only where it is told to, so that nothing is doubled."""
    found = {one["uid"]: grafana_datasource(one)["spec"] for one in datasources(GUARDED, "tempo")}
    assert {uid: spec["uid"] for uid, spec in found.items()} == {uid: uid for uid in found}
    assert "valuesFrom" not in found[ours.PROMETHEUS]
    loki, tempo = found[ours.LOKI], found[ours.TRACES]
    assert loki["datasource"]["jsonData"]["derivedFields"][0]["url"] == "${__value.raw}"
    assert loki["datasource"]["secureJsonData"] == {
        "httpHeaderValue1": "paris",
        "basicAuthPassword": "${loki-password}",
    }
    secret = {"secretKeyRef": {"name": "kagent-datasources", "key": "loki-password"}}
    assert loki["valuesFrom"] == [{"targetPath": "secureJsonData.basicAuthPassword", "valueFrom": secret}]
    assert tempo["datasource"]["secureJsonData"]["httpHeaderValue2"] == "Bearer ${traces-token}"
    (told,) = tempo["valuesFrom"]
    assert told["targetPath"] == "secureJsonData.httpHeaderValue2"


def test_nothing_secret_and_no_default_in_what_is_checked_in() -> None:
    """Grafana does not start with two defaults, of which one is the team's own."""
    for text in files().values():
        assert "secureJsonData" not in text
        assert "isDefault: true" not in text


PLACES = "".join(f"{name}: {{url: 'http://x'}}\n" for name in ("prometheus", "loki", "tempo", "jaeger"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (PLACES, "missing 1 required positional argument: 'alertmanager'"),
        (f"{PLACES}alertmanager: {{url: 'http://x', pasword: y}}\n", "keyword argument 'pasword'"),
        (f"{PLACES}alertmanager: {{kind: mimir}}\n", "argument: 'url'"),
        (f"{PLACES}alertmanager: {{url: 'http://x'}}\ntenants: x\n", "keyword argument 'tenants'"),
        (f"{PLACES}alertmanager: {{url: 'http://x'}}\ntenant: 12\n", "tenant is not a text: 12"),
        (f"{PLACES}alertmanager: {{url: 'http://x', user: 3}}\n", "alertmanager: user is not a text: 3"),
        (f"{PLACES}alertmanager: {{url: 'http://x', user: a, token: true}}\n", "both a user and a token"),
        (f"{PLACES}alertmanager: http://x\n", "alertmanager is not a table: 'http://x'"),
        ("- x\n", "is not a table"),
    ],
)
def test_a_site_that_is_not_understood(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as raised:
        site(text)
    assert str(raised.value).startswith(SOURCE)
