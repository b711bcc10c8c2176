"""observe status as it is typed: the healthy screen whole, and what each break changes in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from kubectl_kagent.errors import Forbidden, NotFound, Unauthorized, Unreachable
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    LEASE,
    POD,
    PROMETHEUS_RULE,
    SERVICE,
    Resource,
)
from kubectl_kagent.observe.status.rules import bundled
from tests.conftest import Kagent, Screen
from tests.fake.cluster import FakeCluster
from tests.fake.observed import DASHBOARDS, ENDPOINT, SPACE, Observed
from tests.lab.layout import CHECKOUT

TURN_ON = (
    "  set in kagent's Helm values:\n"
    "    otel.tracing.enabled=true\n"
    f"    otel.tracing.exporter.otlp.endpoint={ENDPOINT}\n"
)
TENANT = "  it wants a tenant, or somebody who is logged in\n  $ kubectl kagent observe install --tenant=ID\n"
INSTALL = "  install the bundle\n  $ kubectl kagent observe install\n"
INSTALL_RECORDER = (
    "  optional; without it history has what the API server remembers: see docs/recorder.md\n"
    "  $ kubectl kagent observe install --recorder-image=IMAGE\n"
)
LET_READ = (
    "  $ kubectl create clusterrolebinding kagent-metrics-reader --clusterrole=kagent-metrics-reader "
    "--serviceaccount=NAMESPACE:NAME\n"
)
ASK_ALERTMANAGER = (
    "alertmanager:\n"
    "  Prometheus sends alerts to http://10.244.0.9:9093/api/v2/alerts: is KagentWatchdog there?\n"
    "  $ amtool alert query --alertmanager.url=URL alertname=KagentWatchdog\n"
)
ALL_RULES = len(bundled(CHECKOUT))


@pytest.fixture(autouse=True)
def small() -> None:
    """Here it is the bundle as it is."""


@pytest.fixture(autouse=True)
def stores() -> None:
    """They are in the world."""


@pytest.fixture
def world(cluster: FakeCluster) -> Observed:
    return Observed(cluster.clock)


class Look:
    """Run status, and tell what it says: the rows that are other than in a healthy cluster, by signal."""

    def __init__(self, kagent: Kagent, world: Observed) -> None:
        self._kagent, self._world = kagent, world
        self.healthy = self._rows(self.run()[1])
        self.err = ""

    def run(self, *words: str) -> tuple[int, str, str]:
        return self._kagent("observe", "status", *words, cluster=self._world)

    def __call__(self, *words: str) -> tuple[int, dict[str, str], str]:
        """Exit code, rows (status, since and detail), and all that stands below the table."""
        code, out, self.err = self.run(*words)
        table, _, to_do = out.partition("\n\n")
        rows = self._rows(table)
        return code, {name: row for name, row in rows.items() if self.healthy.get(name) != row}, to_do

    @staticmethod
    def _rows(table: str) -> dict[str, str]:
        cells = [line.split(maxsplit=1) for line in table.splitlines()[1:]]
        return {name: " ".join(rest.split()) for name, rest in cells}


@pytest.fixture
def look(kagent: Kagent, world: Observed) -> Look:
    return Look(kagent, world)


def test_all_arrives(kagent: Kagent, world: Observed, screen: Screen) -> None:
    code, out, err = kagent("observe", "status", cluster=world)
    assert (code, err) == (0, "")
    # how many there are is told, and is no matter of this test
    screen("observe-status", re.sub(r"\b\d+ (rules|groups|ConfigMaps)", r"N \1", out))


def test_for_programs(kagent: Kagent, world: Observed) -> None:
    world.edit(
        CONFIG_MAP, "kagent-controller", {"data": {"OTEL_TRACING_ENABLED": "false"}}, namespace="kagent"
    )
    code, out, err = kagent("observe", "status", "-o", "json", cluster=world)
    found = json.loads(out)
    assert (code, err, found["namespace"], found["fine"], found["unseen"]) == (1, "", SPACE, False, [])
    items = {item["signal"]: item for item in found["items"]}
    assert items["traces"] == {
        "signal": "traces",
        "status": "failing",
        "fine": False,
        "sinceSeconds": 90.0,
        "sinceIsMore": False,
        "detail": "tracing is off in deployment kagent/kagent-controller",
        "remedies": [
            {
                "text": "",
                "commands": [],
                "helmValues": {
                    "otel.tracing.enabled": "true",
                    "otel.tracing.exporter.otlp.endpoint": ENDPOINT,
                },
            }
        ],
    }
    assert items["collector"] == {
        "signal": "collector",
        "status": "arriving",
        "fine": True,
        "sinceSeconds": 86400.0,
        "sinceIsMore": True,
        "detail": "Prometheus scrapes it",
        "remedies": [],
    }


# What it says to type has the options of the last install


def test_commands_have_the_options_of_the_last_install(world: Observed, look: Look) -> None:
    words = '["--plain", "--tenant=team-a", "--values=my prices.yaml"]'
    annotations = {"kubectl-kagent/observe-options": words}
    world.edit(CONFIG_MAP, "kagent-collector", {"metadata": {"annotations": annotations}}, namespace=SPACE)
    for item in DASHBOARDS:
        world.remove(CONFIG_MAP, item["metadata"]["name"], namespace=SPACE)
    world.broken["loki"] = Unauthorized("no org id")
    world.remove(POD, "kagent-recorder-x", namespace="kagent")
    world.numbers.take("kagent-recorder")
    kept = "--plain --tenant=team-a '--values=my prices.yaml'"
    code, rows, to_do = look()
    assert (code, sorted(rows)) == (1, ["dashboards", "recorder", "stored-logs"])
    typed = [line.removeprefix("  $ ") for line in to_do.splitlines() if "observe" in line]
    assert typed == [
        "kubectl kagent observe install --plain '--values=my prices.yaml' --tenant=ID",
        f"kubectl kagent observe install {kept} --recorder-image=IMAGE",
        f"kubectl kagent observe diff {kept}",
        f"kubectl kagent observe install {kept}",
    ]


# 1: tracing is off


def told(world: Observed, **env: str | None) -> None:
    """The controller's settings."""
    world.edit(CONFIG_MAP, "kagent-controller", {"data": env}, namespace="kagent")


def test_tracing_is_off(world: Observed, look: Look) -> None:
    """As the chart has it: the agents have no variables either, and nothing ever came."""
    told(world, OTEL_TRACING_ENABLED="false", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=None)
    world.numbers.take("traces", "traces-ever", "stored-traces", "span-metrics")
    assert look() == (
        1,
        {
            "traces": "missing - tracing is off in deployment kagent/kagent-controller",
            "stored-traces": "waiting - the collector has had no span to send",
            "span-metrics": "missing - no span has come to the collector: see traces",
        },
        f"traces:\n{TURN_ON}",
    )


def test_tracing_was_turned_off(world: Observed, look: Look) -> None:
    told(world, OTEL_TRACING_ENABLED="false")
    world.numbers.take("traces", ago=2.5 * 3600)
    _, rows, _ = look()
    assert rows == {"traces": "stopped 2h tracing is off in deployment kagent/kagent-controller"}


# 2: the endpoint is wrong


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://otel.monitoring:4317", "http://otel.monitoring:4317: there is no service monitoring/otel"),
        (
            "http://tempo.monitoring:4317",
            "http://tempo.monitoring:4317 is service monitoring/tempo, not the collector",
        ),
        ("http://10.1.2.3:4317", "http://10.1.2.3:4317 is not the collector"),
        (
            "http://kagent-collector:4317",
            "http://kagent-collector:4317: there is no service kagent/kagent-collector",
        ),
        ("http://[", "http://[ is not the collector"),
    ],
)
def test_the_endpoint_is_another(world: Observed, look: Look, endpoint: str, why: str) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint)
    world.numbers.take("traces", ago=600)
    code, rows, to_do = look()
    assert (code, rows, to_do) == (
        1,
        {"traces": f"stopped 10m kagent's endpoint {why}"},
        f"traces:\n{TURN_ON}",
    )


def test_the_endpoint_is_gone_while_older_spans_count(world: Observed, look: Look) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://otel.monitoring:4317")
    code, rows, _ = look()
    why = "kagent's endpoint http://otel.monitoring:4317: there is no service monitoring/otel"
    assert (code, rows) == (1, {"traces": f"failing 2m {why}"})


def test_no_password_of_the_endpoint_is_shown(world: Observed, look: Look) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://jane:s3cret@otel.monitoring:4317/x?token=abc")
    _, out, err = look.run()
    assert "s3cret" not in out + err
    assert "http://otel.monitoring:4317/x: there is no service monitoring/otel" in out


def test_a_way_through_another_collector_is_one(world: Observed, look: Look) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://tempo.monitoring:4317")
    code, rows, _ = look()
    assert (code, rows) == (0, {"traces": "arriving 2m 2 agents trace to http://tempo.monitoring:4317"})


@pytest.mark.parametrize(
    "endpoint",
    [
        f"http://kagent-collector.{SPACE}.svc:4317",
        f"http://kagent-collector.{SPACE}.svc.cluster.local:4317",
        f"kagent-collector.{SPACE}:4317",
        "http://10.96.0.9:4317",
        "http://10.244.0.5:4317",
    ],
)
def test_other_writings_of_the_endpoint(world: Observed, look: Look, endpoint: str) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint)
    world.numbers.take("traces", ago=1200)
    code, rows, _ = look()
    detail = f"quiet 20m 2 agents trace to {endpoint}; no span came for 10 minutes"
    assert (code, rows) == (0, {"traces": detail})


GRPC = "    otel.tracing.exporter.otlp.protocol=grpc\n"


@pytest.mark.parametrize(
    ("env", "why", "more"),
    [
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": None},
            "no endpoint is set, so spans go to localhost:4317 of each pod",
            "",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT.replace("4317", "4318")},
            f"http://kagent-collector.{SPACE}:4318 is port otlp-http, and the protocol is grpc",
            "",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT.replace("4317", "9999")},
            f"http://kagent-collector.{SPACE}:9999 has no port of service {SPACE}/kagent-collector",
            "",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            f"{ENDPOINT} is port otlp-grpc, and the protocol is http/protobuf",
            GRPC,
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ENDPOINT.replace("4317", "4318"),
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            f"http://kagent-collector.{SPACE}:4318 has no path, so the Python runtime sends to / instead of "
            "/v1/traces",
            GRPC,
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
            "protocol http/json is none of grpc, http/protobuf",
            GRPC,
        ),
    ],
)
def test_port_or_protocol_are_wrong(
    world: Observed, look: Look, env: dict[str, str | None], why: str, more: str
) -> None:
    told(world, **env)
    code, rows, to_do = look()
    assert (code, rows) == (1, {"traces": f"failing 2m kagent's endpoint: {why}"})
    assert to_do == f"traces:\n{TURN_ON}{more}"


def test_the_one_endpoint_for_traces_and_logs(world: Observed, look: Look) -> None:
    """As the chart writes it where both are the same."""
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=None, OTEL_EXPORTER_OTLP_ENDPOINT="http://gone.x:1")
    world.numbers.take("traces")
    _, rows, _ = look()
    assert rows == {"traces": "missing - kagent's endpoint http://gone.x:1: there is no service x/gone"}


# 3: the collector is away


def test_no_ready_pod_of_the_collector(world: Observed, look: Look) -> None:
    endpoints = [{"addresses": ["10.244.0.5"], "conditions": {"ready": False}}]
    world.edit(ENDPOINT_SLICE, "kagent-collector-1", {"endpoints": endpoints}, namespace=SPACE)
    world.numbers.take("kagent-collector", "traces", "span-metrics", ago=300)
    why = f"stopped 5m no ready pod is behind service {SPACE}/kagent-collector"
    assert look() == (
        1,
        {
            "collector": why,
            "traces": why,
            "span-metrics": "stopped 5m Prometheus does not scrape the collector: see collector",
        },
        "collector, traces:\n"
        f"  $ kubectl describe pods -n {SPACE} -l app.kubernetes.io/name=kagent-collector\n",
    )


def test_the_collector_is_not_installed(world: Observed, look: Look) -> None:
    world.remove(SERVICE, "kagent-collector", namespace=SPACE)
    world.remove(ENDPOINT_SLICE, "kagent-collector-1", namespace=SPACE)
    world.numbers.take("kagent-collector", "traces", "traces-ever", "stored-traces", "span-metrics")
    code, rows, to_do = look()
    why = f"missing - there is no service {SPACE}/kagent-collector"
    assert (code, rows["collector"], rows["traces"]) == (1, why, why)
    assert to_do == f"collector, traces:\n{INSTALL}"


# 4: spans are lost


def test_spans_are_refused(world: Observed, look: Look) -> None:
    world.numbers.lost["refused"] = ("", 12.4)
    assert look() == (
        1,
        {"traces": "failing 2m the collector refused 12 spans in 10 minutes"},
        "traces:\n  it has too little memory, or its exporters are too slow\n"
        f"  $ kubectl logs -n {SPACE} deployment/kagent-collector --tail=50\n",
    )


@pytest.mark.parametrize("loss", ["failed", "dropped"])
def test_spans_are_not_delivered(world: Observed, look: Look, loss: str) -> None:
    world.numbers.lost[loss] = ("otlp_grpc/tempo", 12.4)
    assert look() == (
        1,
        {"stored-traces": "failing >24h 12 spans were lost in 10 minutes on the way to otlp_grpc/tempo"},
        "stored-traces:\n  does the collector send to the right address, and as the right tenant?\n"
        f"  $ kubectl logs -n {SPACE} deployment/kagent-collector --tail=50\n"
        "  $ kubectl kagent observe install --traces-endpoint=HOST:PORT --tenant=ID\n",
    )


def test_another_store(world: Observed, look: Look) -> None:
    world.traces = []
    code, rows, _ = look()
    detail = "Tempo (monitoring/tempo:3200) has no traces, and the collector sends some: is it another one?"
    assert (code, rows) == (1, {"stored-traces": f"failing >24h {detail}"})


# 5: rules


LOAD = (
    "rules:\n  install this version, name the files of ConfigMap kagent-rules in rule_files, and reload "
    "Prometheus\n  $ kubectl kagent observe install\n"
)


def test_no_rules(world: Observed, look: Look) -> None:
    world.numbers.groups = [{"name": "others", "rules": [{"name": "A", "query": "1"}]}]
    world.numbers.take("rules", "alertmanager")
    assert look() == (
        1,
        {
            "rules": "missing - Prometheus has none of the bundle's rules",
            "alertmanager": "missing - KagentWatchdog does not fire in Prometheus: see rules",
        },
        LOAD,
    )


def test_rules_of_an_older_version(world: Observed, look: Look) -> None:
    """One has another number in its expression, and one is not there."""
    found = {group["name"]: group for group in world.numbers.groups}
    found["kagent-telemetry"]["rules"][1]["query"] += " > 5"
    del found["kagent-recorder"]["rules"][0]
    code, rows, to_do = look()
    detail = (
        f"2 of {ALL_RULES} rules are missing or of another version: KagentCollectorDown, KagentRecorderDown"
    )
    assert (code, rows, to_do) == (1, {"rules": f"failing >24h {detail}"}, LOAD)


def test_rules_as_prometheus_writes_them(world: Observed, look: Look) -> None:
    """Without line ends, with other parentheses, and matchers in another order."""
    (group,) = (one for one in world.numbers.groups if one["name"] == "kagent-telemetry")
    rule = group["rules"][2]
    assert "rate(otelcol_receiver_refused_spans_total{" in rule["query"]
    rule["query"] = "(" + " ".join(rule["query"].split()) + ")"
    assert look() == (0, {}, "")


def test_values_of_ones_own_are_no_other_version(world: Observed, look: Look) -> None:
    for group in world.numbers.groups:
        for rule in group["rules"]:
            if rule["name"] == "kagent:threshold":
                rule["query"] = "vector(12345)"
    assert look() == (0, {}, "")


def test_a_rule_fails(world: Observed, look: Look) -> None:
    world.numbers.groups[0]["rules"][0] |= {"health": "err", "lastError": "many-to-many\nmatching"}
    name = world.numbers.groups[0]["rules"][0]["name"]
    _, rows, _ = look()
    assert rows == {"rules": f"failing >24h 1 of {ALL_RULES} rules fail: {name}: many-to-many matching"}


def test_rules_are_not_evaluated(world: Observed, look: Look) -> None:
    world.numbers.groups[0]["lastEvaluation"] = "2026-11-23T07:50:00Z"
    _, rows, _ = look()
    assert rows == {"rules": f"failing >24h not evaluated in time: {world.numbers.groups[0]['name']}"}


def test_rules_of_the_operator(world: Observed, look: Look) -> None:
    world.put(PROMETHEUS_RULE, "kagent-agents", SPACE)
    world.numbers.groups = []
    world.numbers.take("rules")
    _, _, to_do = look()
    assert to_do == (
        "rules:\n  install this version; the Prometheus object has to select PrometheusRules of this "
        "namespace\n"
        "  $ kubectl kagent observe install\n  $ kubectl get prometheuses -A -o yaml\n"
    )


# 6: no kube-state-metrics


def test_no_kagent_state_metrics(world: Observed, look: Look) -> None:
    world.remove(SERVICE, "kagent-state-metrics", namespace=SPACE)
    world.numbers.take("kagent-state-metrics", "state")
    why = f"missing - there is no service {SPACE}/kagent-state-metrics"
    assert look() == (1, {"state": why}, f"state:\n{INSTALL}")


def test_kagent_state_metrics_says_nothing(world: Observed, look: Look) -> None:
    world.numbers.take("state")
    _, rows, _ = look()
    assert rows == {"state": "failing >24h it is scraped, and has neither an Agent nor a ModelConfig"}


def test_kagent_state_metrics_has_nothing_to_say(world: Observed, look: Look) -> None:
    """Before the first agent."""
    world.numbers.take("state")
    for deployment in world.list_objects(DEPLOYMENT, labels="app=kagent")["items"]:
        metadata = deployment["metadata"]
        world.remove(DEPLOYMENT, metadata["name"], namespace=metadata["namespace"])
    _, rows, _ = look()
    assert rows["state"] == "quiet >24h it is scraped, and there is no agent to tell of"


def test_no_kube_state_metrics_of_the_cluster(world: Observed, look: Look) -> None:
    world.numbers.take("kube-state-metrics")
    assert look() == (
        1,
        {"kube-state-metrics": "missing - alerts on pods and panels of them have no data"},
        "kube-state-metrics:\n  it is the cluster's own, and not of the bundle: kube-prometheus-stack, for "
        "one, brings it\n",
    )


# 7: clocks


NTP = "clocks:\n  set them by NTP: times of spans and samples can't be compared until then\n"


def test_prometheus_is_ahead(world: Observed, look: Look) -> None:
    world.numbers.ahead = 60
    code, rows, to_do = look()
    detail = "failing - Prometheus (monitoring/prometheus:9090) is 60s ahead of this machine"
    assert (code, rows["clocks"], to_do) == (1, detail, NTP)


def test_a_node_is_behind(world: Observed, look: Look) -> None:
    world.put(LEASE, "node-2", "kube-node-lease", spec={"renewTime": "2026-11-23T07:58:00.000000Z"})
    assert look() == (1, {"clocks": "failing - node node-2 is 120s behind the API server"}, NTP)


def test_this_machine_is_ahead(world: Observed, look: Look) -> None:
    world.clock.sleep(300)
    world.numbers.ahead = -300
    _, rows, _ = look()
    assert rows["clocks"] == (
        "failing - the API server is 300s behind this machine, or no node lives; "
        "Prometheus (monitoring/prometheus:9090) is 300s behind this machine"
    )


def test_clocks_that_nobody_may_look_at(world: Observed, look: Look) -> None:
    world.deny("list", LEASE)
    code, rows, _ = look()
    assert (code, rows) == (1, {"clocks": "unknown - agree, but only of Prometheus"})
    assert look.err.startswith(
        "Warning: not known: the clocks of nodes: leases.coordination.k8s.io is forbidden"
    )


# 8: a tenant is missing


def refused(name: str) -> Unauthorized:
    return Unauthorized(f"{name} refused with 401: no org id")


@pytest.mark.parametrize(
    ("service", "signal", "since"),
    [("tempo:3200", "stored-traces", ">24h"), ("loki:3100", "stored-logs", "5h")],
)
def test_no_tenant(world: Observed, look: Look, service: str, signal: str, since: str) -> None:
    world.broken[service.partition(":")[0]] = refused(service)
    detail = f"failing {since} {service} refused with 401: no org id; the collector sends as no tenant"
    assert look() == (1, {signal: detail}, f"{signal}:\n{TENANT}")


def test_a_wrong_tenant(world: Observed, look: Look) -> None:
    addresses = "exporters:\n  otlp_grpc/tempo:\n    headers:\n      X-Scope-OrgID: team-a\n"
    world.edit(CONFIG_MAP, "kagent-collector", {"data": {"addresses.yaml": addresses}}, namespace=SPACE)
    world.broken["tempo"] = refused("tempo:3200")
    code, rows, to_do = look()
    detail = "failing >24h tempo:3200 refused with 401: no org id, to tenant team-a"
    assert (code, rows) == (1, {"stored-traces": detail})
    assert to_do == "stored-traces:\n  is that tenant there?\n"


def test_prometheus_wants_a_tenant(world: Observed, look: Look) -> None:
    world.broken["prometheus"] = refused("prometheus:9090")
    code, rows, _ = look()
    assert (code, rows["prometheus"]) == (
        1,
        "unknown - Prometheus (monitoring/prometheus:9090) can't be asked: prometheus:9090 refused with 401: "
        "no org id",
    )


# 9: logs


def test_no_log_agent(world: Observed, look: Look) -> None:
    world.remove(POD, "kagent-logs-x", namespace=SPACE)
    world.numbers.take("kagent-logs", "stored-logs", ago=3000)
    world.numbers.take("stored-logs-ever")
    code, rows, to_do = look()
    assert (code, rows) == (
        1,
        {
            "logs": "stopped 50m no pod of it runs",
            "stored-logs": "stopped 50m Loki has taken no line for 10 minutes",
        },
    )
    assert to_do.startswith(f"logs:\n{INSTALL}\nstored-logs:\n  does kagent-logs send to the right address")


def test_lines_wait_for_loki(world: Observed, look: Look) -> None:
    world.numbers.take("stored-logs", ago=1200)
    world.numbers.lost["lines-waiting"] = ("otlp_http/loki", 7)
    world.broken["loki"] = Unreachable("loki:3100 answered 503: no endpoints available")
    _, rows, to_do = look()
    assert rows == {"stored-logs": "stopped 20m Loki: loki:3100 answered 503: no endpoints available"}
    assert to_do == "stored-logs:\n  $ kubectl get pods -A -l app.kubernetes.io/name=loki\n"
    del world.broken["loki"]
    _, rows, _ = look()
    assert rows == {"stored-logs": "stopped 20m Loki has taken no line for 10 minutes; 7 batches wait"}


def test_lines_are_not_taken(world: Observed, look: Look) -> None:
    world.numbers.lost["lines-failed"] = ("otlp_http/loki", 3)
    _, rows, _ = look()
    assert rows == {"stored-logs": "failing 5h 3 lines were not taken in 10 minutes"}


def test_nobody_writes(world: Observed, look: Look) -> None:
    world.numbers.take("stored-logs", ago=1200)
    assert look() == (0, {"stored-logs": "quiet 20m nobody wrote a line for 10 minutes"}, "")


def test_loki_is_another(world: Observed, look: Look) -> None:
    world.lines = []
    _, rows, _ = look()
    assert rows["stored-logs"] == (
        "failing 5h Loki has no line of the last hour, and kagent-logs sends some: is it another one?"
    )


# 10: agents that are older than the switch


def test_an_agent_that_started_before(world: Observed, look: Look) -> None:
    world.pod("old-x", "team", {"app": "kagent", "kagent": "old"})
    assert look() == (
        1,
        {
            "traces": "failing 2m 1 of 3 agents do not trace: pods of team/old have no "
            "OTEL_TRACING_ENABLED=true",
        },
        "traces:\n  they started before tracing was turned on\n"
        "  $ kubectl kagent rollout restart agent/old -n team\n",
    )


def test_an_agent_that_was_told_no(world: Observed, look: Look) -> None:
    off = {"OTEL_TRACING_ENABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": ENDPOINT}
    world.pod("old-x", "team", {"app": "kagent", "kagent": "old"}, off)
    _, rows, _ = look()
    why = "1 of 3 agents do not trace: pods of team/old have no OTEL_TRACING_ENABLED=true"
    assert rows == {"traces": f"failing 2m {why}"}


def test_an_agent_that_was_not_told(world: Observed, look: Look) -> None:
    world.pod("old-x", "team", {"app": "kagent", "kagent": "old"})
    spec = {"template": {"spec": {"containers": [{"name": "kagent"}]}}}
    world.put(DEPLOYMENT, "old", "team", labels={"app": "kagent", "kagent": "old"}, spec=spec)
    _, _, to_do = look()
    assert to_do == (
        "traces:\n  the controller has not told them yet, or their own env turns it off\n"
        "  $ kubectl rollout restart deployment/kagent-controller -n kagent\n"
    )


# 11: the recorder


def test_no_recorder(world: Observed, look: Look) -> None:
    world.remove(POD, "kagent-recorder-x", namespace="kagent")
    world.numbers.take("kagent-recorder")
    assert look() == (0, {"recorder": "unused - not installed"}, f"recorder:\n{INSTALL_RECORDER}")


def test_a_recorder_that_does_not_start(world: Observed, look: Look) -> None:
    waiting = {"name": "main", "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    status = {"phase": "Pending", "containerStatuses": [waiting]}
    world.set_status(POD, "kagent-recorder-x", status, namespace="kagent")
    world.numbers.take("kagent-recorder")
    assert look() == (
        1,
        {"recorder": "missing - no pod of it is ready: kagent-recorder-x is ImagePullBackOff"},
        "recorder:\n  $ kubectl describe pod kagent-recorder-x -n kagent\n",
    )


@pytest.mark.parametrize(
    ("number", "value", "detail"),
    [
        ("recorder-lag", 121, "the oldest change that it has not looked at is 121s old"),
        ("recorder-trouble", 1, "1 workload cannot be recorded"),
        ("down-kagent-recorder", 1, "1 of its targets does not answer Prometheus"),
    ],
)
def test_a_recorder_in_trouble(world: Observed, look: Look, number: str, value: float, detail: str) -> None:
    world.numbers.lost[number] = ("", value)
    code, rows, _ = look()
    assert (code, rows) == (1, {"recorder": f"failing >24h {detail}"})


def test_without_the_rules_nobody_says_how_late_a_recorder_may_be(world: Observed, look: Look) -> None:
    del world.numbers.lost["recorder-lag-limit"]
    assert look() == (0, {"recorder": "arriving >24h Prometheus scrapes it"}, "")


# 12: Prometheus does not scrape the collector


def test_the_collector_is_not_scraped(world: Observed, look: Look) -> None:
    world.numbers.take("kagent-collector", "span-metrics")
    assert look() == (
        1,
        {
            "collector": "missing - Prometheus does not scrape it",
            "traces": "unknown - Prometheus does not scrape the collector",
            "span-metrics": "missing - Prometheus does not scrape the collector: see collector",
        },
        "collector:\n  does scrape_config_files of Prometheus name scrape.yaml of ConfigMap kagent-scrape? "
        "Its page /targets has the jobs\n"
        f"  $ kubectl get configmap kagent-scrape -n {SPACE} -o jsonpath='{{.data}}'\n",
    )


def test_span_metrics_under_another_name_are_not_those_of_the_rules(world: Observed, look: Look) -> None:
    world.numbers.take("span-metrics")
    world.numbers.there.add("span-metrics-otherwise")
    assert look() == (
        1,
        {
            "span-metrics": "missing - top reads them under another name; rules and dashboards want "
            "traces_span_metrics_calls_total",
        },
        "span-metrics:\n  in the connector's settings: `namespace: traces.span.metrics`, "
        "`histogram: {unit: s}`; or let agents send to the bundle's collector\n",
    )


def test_the_operator_does_not_select_it(world: Observed, look: Look) -> None:
    world.put(PROMETHEUS_RULE, "kagent-agents", SPACE)
    world.numbers.take("kagent-collector", "span-metrics")
    _, _, to_do = look()
    assert to_do == (
        "collector:\n  does the Prometheus object select the bundle's monitors, in this namespace?\n"
        f"  $ kubectl get servicemonitors,podmonitors -n {SPACE} --show-labels\n"
        "  $ kubectl get prometheuses -A -o yaml\n"
    )


def test_the_collector_does_not_answer(world: Observed, look: Look) -> None:
    world.numbers.take("kagent-collector", ago=600)
    world.numbers.lost["down-kagent-collector"] = ("", 2)
    _, rows, _ = look()
    assert rows["collector"] == "stopped 10m it does not answer Prometheus"


# 13: Alertmanager


WATCHDOG = "monitoring/alertmanager:9093/api/v2/alerts?filter=alertname%3D%22KagentWatchdog%22"


def test_no_alertmanager(world: Observed, look: Look) -> None:
    world.numbers.alertmanagers = []
    assert look() == (
        1,
        {"alertmanager": "missing - Prometheus (monitoring/prometheus:9090) has none to send alerts to"},
        "alertmanager:\n  name it in alerting.alertmanagers of Prometheus's configuration; is it reachable "
        "from there?\n",
    )


def test_an_alertmanager_that_is_not_reached(world: Observed, look: Look) -> None:
    world.lists[WATCHDOG] = []
    code, rows, _ = look()
    assert (code, rows) == (
        1,
        {
            "alertmanager": "missing - KagentWatchdog fires, and has not come to Alertmanager "
            "(monitoring/alertmanager:9093); Prometheus sends to http://10.244.0.9:9093/api/v2/alerts"
        },
    )


def test_an_alertmanager_that_cannot_be_asked(world: Observed, look: Look) -> None:
    del world.lists[WATCHDOG]
    _, rows, to_do = look()
    assert rows["alertmanager"].startswith("unknown - Alertmanager (monitoring/alertmanager:9093): services")
    assert to_do == ASK_ALERTMANAGER
    world.remove(SERVICE, "alertmanager", namespace="monitoring")
    _, rows, to_do = look()
    assert rows == {"alertmanager": "unknown - no Service of an Alertmanager is to be seen"}
    assert to_do == ASK_ALERTMANAGER


# 14: Prometheus


ANOTHER = "prometheus:\n  $ kubectl kagent observe status --prometheus=URL\n"
ASKED_FOR_ALL = (
    *(
        "traces",
        "span-metrics",
        "collector",
        "logs",
        "state",
        "recorder",
        "controller",
        "kmcp",
        "kagent-tools",
    ),
    *("agentgateway", "kube-state-metrics", "cadvisor", "rules", "alertmanager"),
)


def test_no_prometheus(world: Observed, look: Look) -> None:
    world.remove(SERVICE, "prometheus", namespace="monitoring")
    code, rows, to_do = look()
    assert (code, to_do) == (1, ANOTHER)
    none = "missing - no Service with app.kubernetes.io/name=prometheus is to be seen"
    assert rows == {
        "prometheus": none,
        **dict.fromkeys(ASKED_FOR_ALL, "unknown - Prometheus cannot be asked"),
        "stored-traces": "arriving - Tempo (monitoring/tempo:3200) has traces",
        "stored-logs": "arriving - Loki has lines of the last hour",
        "clocks": "unknown - agree, but only of the API server and 1 node",
    }


def test_breaks_are_named_without_prometheus(world: Observed, look: Look) -> None:
    told(world, OTEL_TRACING_ENABLED="false")
    world.remove(SERVICE, "prometheus", namespace="monitoring")
    _, rows, to_do = look()
    assert rows["traces"] == "missing - tracing is off in deployment kagent/kagent-controller"
    assert to_do == f"{ANOTHER}\ntraces:\n{TURN_ON}"


def test_prometheus_may_not_be_asked(world: Observed, look: Look) -> None:
    world.broken["prometheus"] = Forbidden('services "prometheus:9090" is forbidden', "ask for a role")
    code, rows, to_do = look()
    assert (code, to_do) == (1, ANOTHER)
    assert rows["prometheus"] == "unknown - Prometheus (monitoring/prometheus:9090) may not be asked"
    assert look.err == (
        'Warning: Prometheus (monitoring/prometheus:9090) is not asked: services "prometheus:9090" is '
        "forbidden; ask for a role\n"
    )


def test_another_prometheus(look: Look) -> None:
    code, rows, _ = look("--prometheus=http://127.0.0.1:9")
    assert (code, rows["prometheus"].split(": ")[0]) == (
        1,
        "unknown - Prometheus (http://127.0.0.1:9) can't be asked",
    )
    assert look.run("--prometheus=nowhere")[0] == 2


def test_what_only_speaks_its_language(world: Observed, look: Look) -> None:
    """Thanos's query front has no page of Alertmanagers."""

    def called(method: str, namespace: str, service: str, path: str, body: Any = None) -> Any:
        if path in ("/api/v1/rules", "/api/v1/alertmanagers"):
            raise NotFound("404 page not found")
        return Observed.called(world, method, namespace, service, path, body)

    world.called = called  # type: ignore[method-assign]  # one page less
    code, rows, _ = look()
    assert (code, rows) == (
        1,
        {"rules": "unknown - Prometheus (monitoring/prometheus:9090) does not say which rules it has"},
    )


# What else is missing, or may not be seen


def test_metrics_of_the_controller_are_off(world: Observed, look: Look) -> None:
    bare = {"name": "controller", "envFrom": [{"configMapRef": {"name": "kagent-controller"}}]}
    spec = {"template": {"spec": {"containers": [bare]}}}
    world.edit(DEPLOYMENT, "kagent-controller", {"spec": spec}, namespace="kagent")
    world.numbers.take("kagent-controller")
    assert look() == (
        1,
        {"controller": "missing - its metrics are off"},
        "controller:\n  turn them on, and let Prometheus's ServiceAccount in\n"
        f"  set in kagent's Helm values:\n    controller.metrics.enabled=true\n{LET_READ}",
    )


def test_prometheus_is_not_let_in_by_the_controller(world: Observed, look: Look) -> None:
    world.numbers.lost["down-kagent-controller"] = ("", 1)
    assert look() == (
        1,
        {"controller": "failing >24h 1 of its targets does not answer Prometheus"},
        'controller:\n  the reason is on Prometheus\'s page /targets, job "kagent-controller"; 401 or 403: '
        f"let Prometheus's ServiceAccount in\n{LET_READ}",
    )


def test_what_the_cluster_does_not_have_is_not_missed(world: Observed, look: Look) -> None:
    world.remove(POD, "kagent-tools-x", namespace="kagent")
    world.remove(POD, "server")
    world.numbers.take("kagent-tools", "agentgateway")
    unused = "unused - no pod of it runs"
    assert look() == (0, {"kagent-tools": unused, "agentgateway": unused}, "")


def test_an_mcp_server_without_a_gateway_has_none_to_scrape(world: Observed, look: Look) -> None:
    world.remove(POD, "server")
    world.pod("server", "default", {"app.kubernetes.io/managed-by": "kmcp"})
    world.numbers.take("agentgateway")
    assert look() == (0, {"agentgateway": "unused - no pod of it runs"}, "")


def test_nothing_has_come_yet(world: Observed, look: Look) -> None:
    world.numbers.take("traces", "traces-ever", "stored-traces", "span-metrics")
    code, rows, to_do = look()
    assert (code, rows) == (
        1,
        {
            "traces": f"waiting - 2 agents trace to {ENDPOINT}; no span has come yet",
            "stored-traces": "waiting - the collector has had no span to send",
            "span-metrics": "missing - no span has come to the collector: see traces",
        },
    )
    assert to_do == (
        "traces:\n  ask an agent something: its turn is the first\n  $ kubectl kagent chat NAME hello\n"
    )


def test_a_collector_that_started_while_nobody_asked(world: Observed, look: Look) -> None:
    """Spans came before it did."""
    world.numbers.take("traces", "traces-ever", "stored-traces", "span-metrics", ago=7200)
    code, rows, _ = look()
    assert (code, {name: row.split()[0] for name, row in rows.items()}) == (
        0,
        {"traces": "quiet", "stored-traces": "quiet", "span-metrics": "quiet"},
    )


def test_dashboards(world: Observed, look: Look) -> None:
    first, second, *others = (item["metadata"]["name"] for item in DASHBOARDS)
    world.remove(CONFIG_MAP, first, namespace=SPACE)
    assert look()[1] == {"dashboards": f"failing - not there: {first}"}
    world.edit(CONFIG_MAP, second, {"data": {f"{second}.json": "{}"}}, namespace=SPACE)
    install = "  install this version\n  $ kubectl kagent observe diff\n  $ kubectl kagent observe install\n"
    detail = f"failing - not there: {first}; of another version: {second}"
    assert look() == (1, {"dashboards": detail}, f"dashboards:\n{install}")
    for name in (second, *others):
        world.remove(CONFIG_MAP, name, namespace=SPACE)
    _, rows, _ = look()
    assert rows == {"dashboards": f"missing - none of them is in namespace {SPACE}"}


def test_kagent_is_not_there(world: Observed, look: Look) -> None:
    world.remove(DEPLOYMENT, "kagent-controller", namespace="kagent")
    world.numbers.take("traces", ago=600)
    _, rows, _ = look()
    assert rows["traces"] == "stopped 10m no Deployment of kagent's controller is to be seen"


@pytest.mark.parametrize(
    ("resource", "changed", "about"),
    [
        (DEPLOYMENT, set(), "what kagent is told of tracing"),
        (POD, set(), "which agents trace"),
        (ENDPOINT_SLICE, set(), "whether the collector has a ready pod"),
        (
            CONFIG_MAP,
            {"dashboards": "unknown - ConfigMaps may not be listed"},
            "the settings of kagent's controller",
        ),
    ],
)
def test_what_may_not_be_listed_is_said(
    world: Observed, look: Look, resource: Resource, changed: Any, about: str
) -> None:
    """Nothing is claimed of it; what arrives does so all the same."""
    world.deny("list", resource)
    _, rows, _ = look()
    rows.pop("traces", None)
    assert rows == dict(changed)
    assert f"Warning: not known: {about}: {resource.full_name} is forbidden" in look.err


def test_services_may_not_be_listed(world: Observed, look: Look) -> None:
    world.deny("list", SERVICE)
    code, rows, _ = look()
    assert (code, rows["prometheus"]) == (1, "unknown - Services may not be listed")
    assert look.err == (
        "Warning: Services may not be listed: Prometheus, Tempo, Jaeger, Loki and Alertmanager are not "
        "looked for\n"
    )


def test_what_others_wrote_is_one_line(world: Observed, look: Look) -> None:
    told(world, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://a\n\x1b[31mb:4317")
    world.numbers.take("traces")
    _, out, _ = look.run()
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line.startswith("traces")] != []
    assert len(out.partition("\n\n")[0].splitlines()) == 20


def test_an_answer_that_is_none(world: Observed, look: Look) -> None:
    world.numbers.groups = [{"name": "x"}]
    _, rows, _ = look()
    assert (
        rows["rules"] == "unknown - Prometheus (monitoring/prometheus:9090) does not say which rules it has"
    )


def test_the_api_server_is_away(world: Observed, kagent: Kagent) -> None:
    def away() -> None:
        raise Unreachable("the connection to the server was refused")

    world.before("list", POD, away)
    assert kagent("observe", "status", cluster=world) == (
        5,
        "",
        "error: the connection to the server was refused\n",
    )


def test_the_helm_values_are_those_of_the_manifests() -> None:
    """README of the manifests names them, too."""
    text = (CHECKOUT / "manifests" / "observability" / "README.md").read_text()
    assert f"endpoint: {ENDPOINT}" in text
