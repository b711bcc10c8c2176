"""observe install as it is typed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.cli import terminal
from kubectl_kagent.commands.observe import bundle_flags
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import (
    ALERTMANAGER_CONFIG,
    BUNDLED,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRD,
    DAEMON_SET,
    DEPLOYMENT,
    GRAFANA_DASHBOARD,
    NAMESPACE,
    OPERATORS,
    PDB,
    PROMETHEUS,
    PROMETHEUS_RULE,
    SERVICE,
    Resource,
)
from tests.conftest import Kagent
from tests.fake.bundle import LOGS, NAME
from tests.fake.cluster import FakeCluster

Object = dict[str, Any]
SPACE = "kagent-observability"
RULES, SCRAPE = "configmap/kagent-rules", "configmap/kagent-scrape"
PLAIN = (
    f"namespace/{SPACE}",
    "serviceaccount/kagent-collector",
    "clusterrole.rbac.authorization.k8s.io/kagent-collector",
    "clusterrolebinding.rbac.authorization.k8s.io/kagent-collector",
    "configmap/kagent-collector",
    "configmap/kagent-logs",
    RULES,
    SCRAPE,
    "service/kagent-collector",
    "deployment.apps/kagent-collector",
    "daemonset.apps/kagent-logs",
    "poddisruptionbudget.policy/kagent-collector",
)
OPERATOR = (
    *(label for label in PLAIN if label not in (RULES, SCRAPE)),
    "prometheusrule.monitoring.coreos.com/kagent-collector",
    "servicemonitor.monitoring.coreos.com/kagent-collector",
    "podmonitor.monitoring.coreos.com/kagent-collector",
)
GRAFANA = "--grafana-url=https://grafana.example.org/"
ROUTES = "alertmanagerconfig.monitoring.coreos.com/kagent-collector"
HEARD = (
    f"Slack and PagerDuty hear of alerts once the Secret kagent-alertmanager is in namespace {SPACE}, and an "
    "Alertmanager object selects alertmanagerconfig/kagent with alertmanagerConfigMatcherStrategy None: see "
    "docs/alerting.md\n"
)
BOARD = "grafanadashboard.grafana.integreatly.org/kagent-collector"
TRACES = (
    "kagent sends no traces unless its Helm values say so: otel.tracing.enabled=true, "
    f"otel.tracing.exporter.otlp.endpoint=http://kagent-collector.{SPACE}:4317\n"
)
NO_RECORDER = (
    "the recorder is not installed, and history has what the API server remembers: --recorder-image=IMAGE "
    "brings it, see docs/recorder.md\n"
)
FIRST = TRACES + NO_RECORDER
RECORDER = "deployment.apps/kagent-recorder"
HINT = "hint: kubectl kagent observe diff shows the changes; --force-conflicts makes them all the same\n"


def lines(verb: str, *labels: str, **other: str) -> str:
    """A line for each object, which say ``verb`` but for those in ``other``, by their kinds."""
    return "".join(f"{label} {other.get(label.partition('/')[0].split('.')[0], verb)}\n" for label in labels)


def reoptioned(*labels: str) -> str:
    """Nothing but the options is new."""
    holder = "configmap/kagent-collector"
    return lines("unchanged", *labels).replace(f"{holder} unchanged", f"{holder} configured")


def served(cluster: FakeCluster, resource: Resource) -> None:
    cluster.add(CRD, {"kind": "C", "metadata": {"name": resource.full_name}})


def written(cluster: FakeCluster) -> list[Resource]:
    return [request.resource for request in cluster.writes if not request.dry_run]


def edit(cluster: FakeCluster, resource: Resource, patch: Object, manager: str = "kubectl-edit") -> None:
    cluster.edit(resource, NAME, patch, namespace=SPACE, manager=manager)


def test_the_order_in_which_it_is_made(cluster: FakeCluster, kagent: Kagent) -> None:
    assert kagent("observe", "install") == (0, lines("created", *PLAIN), FIRST)
    assert list(dict.fromkeys(written(cluster))) == [
        resource for resource in BUNDLED if resource not in OPERATORS
    ]


def test_everything_has_the_bundles_labels_and_our_manager(cluster: FakeCluster, kagent: Kagent) -> None:
    served(cluster, GRAFANA_DASHBOARD)
    kagent("observe", "install", "--operator", GRAFANA)
    for resource in BUNDLED:
        labels = {"app.kubernetes.io/part-of": SPACE, "app.kubernetes.io/managed-by": "kubectl-kagent"}
        found, *_ = (
            item for item in cluster.read_all(resource) if item["metadata"].get("namespace") != "monitoring"
        )
        assert found["metadata"]["labels"] == labels
        (entry,) = found["metadata"]["managedFields"]
        assert (entry["manager"], entry["operation"]) == ("kubectl-kagent", "Apply")


def test_the_second_time_nothing_is_written(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    cluster.requests.clear()
    assert kagent("observe", "install") == (0, lines("unchanged", *PLAIN), "")
    assert written(cluster) == []


def test_a_status_is_no_difference(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    status = {"observedGeneration": 1, "replicas": 1}
    for nth in (1, 2):  # whatever a controller writes between the look and the trial
        change = {"status": status | {"replicas": nth}}
        cluster.before(
            "patch",
            DEPLOYMENT,
            lambda change=change: cluster.set_status(DEPLOYMENT, NAME, **change, namespace=SPACE),
        )
        assert kagent("observe", "install") == (0, lines("unchanged", *PLAIN), "")


def test_a_new_config_is_applied_and_starts_the_pods_anew(
    small: Path, cluster: FakeCluster, kagent: Kagent
) -> None:
    kagent("observe", "install")
    (small / "part" / "config.yaml").write_text("to: elsewhere\n")
    code, out, _ = kagent("observe", "install")
    changed = [line for line in out.splitlines() if not line.endswith(" unchanged")]
    assert (code, changed) == (
        0,
        [
            "configmap/kagent-collector configured",
            "configmap/kagent-logs configured",
            "deployment.apps/kagent-collector configured",
            "daemonset.apps/kagent-logs configured",
        ],
    )
    assert cluster.read(CONFIG_MAP, NAME, namespace=SPACE)["data"]["config.yaml"] == "to: elsewhere\n"


def test_the_operators_objects_where_there_is_an_operator(cluster: FakeCluster, kagent: Kagent) -> None:
    served(cluster, PROMETHEUS_RULE)
    assert bundle_flags.serves(cluster, PROMETHEUS_RULE)
    assert kagent("observe", "install") == (0, lines("created", *OPERATOR), FIRST)


def test_who_hears_of_alerts_and_that_is_undone(cluster: FakeCluster, kagent: Kagent) -> None:
    done = kagent("observe", "install", "--operator", GRAFANA)
    assert done == (0, lines("created", *OPERATOR, ROUTES), f"{FIRST}{HEARD}")
    spec = cluster.read(ALERTMANAGER_CONFIG, NAME, namespace=SPACE)["spec"]
    link = (
        '{{ define "kagent.grafana" }}https://grafana.example.org{{ end }}{{ template "kagent.grafana" . }}'
    )
    logs = '{{ define "kagent.loki" }}kagent-loki{{ end }}{{ template "kagent.loki" . }}'
    assert spec["receivers"][0]["slackConfigs"] == [{"titleLink": link, "text": logs}]
    again = kagent("observe", "install", "--operator", GRAFANA)
    assert again == (0, lines("unchanged", *OPERATOR, ROUTES), "")
    without = kagent("observe", "install", "--operator")
    undone = f"{GRAFANA.rstrip('/')}: given at the last install, not at this one, which undoes it"
    assert without == (0, reoptioned(*OPERATOR) + f"{ROUTES} pruned\n", f"Warning: {undone}\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            (GRAFANA,),
            "--grafana-url is for an AlertmanagerConfig, and the cluster has no prometheus-operator",
        ),
        ((GRAFANA, "--plain"), "only one of --plain and --grafana-url may be used"),
        (
            ("--operator", "--loki-uid=loki"),
            "--loki-uid is for the links of --grafana-url, which is not given",
        ),
        (
            ("--operator", GRAFANA, '--loki-uid=x"}}'),
            "invalid value for '--loki-uid': 'x\"}}' is not the uid of a data source",
        ),
        (
            ("--operator", '--grafana-url=https://x"}}'),
            "invalid value for '--grafana-url': 'https://x\"}}' is not a URL like https://grafana.example.org",
        ),
    ],
)
def test_who_cannot_hear(cluster: FakeCluster, kagent: Kagent, flags: tuple[str, ...], said: str) -> None:
    code, out, err = kagent("observe", "install", *flags)
    assert (code, out, err.splitlines()[0]) == (2, "", f"error: {said}")
    assert cluster.writes == []


def test_what_prometheus_selects_by_is_on_its_objects(cluster: FakeCluster, kagent: Kagent) -> None:
    metadata = {"name": "x", "namespace": "monitoring"}
    selector = {"matchLabels": {"release": "stack", "app.kubernetes.io/part-of": "another"}}
    body = {"apiVersion": "m/v1", "kind": "P", "metadata": metadata, "spec": {"ruleSelector": selector}}
    cluster.add(PROMETHEUS, body)
    kagent("observe", "install", "--operator")
    labels = {"app.kubernetes.io/part-of": SPACE, "app.kubernetes.io/managed-by": "kubectl-kagent"}
    for resource, wanted_ in ((PROMETHEUS_RULE, {**labels, "release": "stack"}), (DEPLOYMENT, labels)):
        assert cluster.read(resource, NAME, namespace=SPACE)["metadata"]["labels"] == wanted_


def test_the_dashboards_of_grafanas_operator_where_there_is_one(cluster: FakeCluster, kagent: Kagent) -> None:
    served(cluster, GRAFANA_DASHBOARD)
    assert kagent("observe", "install", "--plain") == (0, lines("created", *PLAIN, BOARD), FIRST)


def test_an_operator_that_is_not_there(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.missing(PROMETHEUS_RULE)
    message = 'the server doesn\'t have a resource type "prometheusrules" in monitoring.coreos.com/v1'
    assert kagent("observe", "install", "--operator") == (1, "", f"error: {message}\n")
    assert cluster.writes == []


def test_one_of_both(kagent: Kagent) -> None:
    code, out, err = kagent("observe", "install", "--operator", "--plain")
    assert (code, out, err.splitlines()[0]) == (
        2,
        "",
        "error: only one of --operator and --plain may be used",
    )


def test_another_namespace(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, _ = kagent("observe", "install", "-n", "watching")
    assert (code, out.splitlines()[0]) == (0, "namespace/watching created")
    (binding,) = cluster.read_all(CLUSTER_ROLE_BINDING)
    assert [subject.get("namespace") for subject in binding["subjects"]] == ["watching", None]
    (deployed,) = cluster.read_all(DEPLOYMENT)
    assert deployed["metadata"]["namespace"] == "watching"
    (container,) = deployed["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "--config=file:/etc/own/config.yaml",
        "--in=x.watching",
        "--by=my-kagent-observability",
        "--config=file:/etc/own/addresses.yaml",
    ]
    assert (
        cluster.read(CONFIG_MAP, NAME, namespace="watching")["data"]["config.yaml"]
        == "to: loki.watching.svc\n"
    )


# Others' work


def test_a_namespace_of_others_is_left_as_it_is(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(NAMESPACE, {"kind": "Namespace", "metadata": {"name": SPACE}})
    assert kagent("observe", "install") == (0, lines("created", *PLAIN[1:]), FIRST)
    assert "labels" not in cluster.read(NAMESPACE, SPACE)["metadata"]


def test_all_conflicts_are_named_and_nothing_is_written(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    edit(cluster, DEPLOYMENT, {"spec": {"replicas": 3}}, "kubectl-scale")
    edit(cluster, CONFIG_MAP, {"data": {"config.yaml": "mine", "other.yaml": "mine"}})
    cluster.remove(PDB, NAME, namespace="kagent")
    cluster.add(PDB, {"kind": "P", "metadata": {"name": NAME, "namespace": "kagent"}})
    cluster.requests.clear()
    assert kagent("observe", "install") == (
        1,
        "",
        "configmap/kagent-collector .data.config.yaml is managed by kubectl-edit\n"
        "configmap/kagent-collector .data.other.yaml is managed by kubectl-edit\n"
        "deployment.apps/kagent-collector .spec.replicas is managed by kubectl-scale\n"
        "poddisruptionbudget.policy/kagent-collector was made by others "
        f"(no label app.kubernetes.io/part-of={SPACE})\n"
        f"error: 4 conflicts with what others made or changed: nothing was installed\n{HINT}",
    )
    assert written(cluster) == []


def test_what_others_added_is_no_conflict(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    edit(cluster, CONFIG_MAP, {"data": {"mine.yaml": "mine"}})
    edit(cluster, DEPLOYMENT, {"metadata": {"annotations": {"team": "a"}}})
    assert kagent("observe", "install") == (0, lines("unchanged", *PLAIN), "")
    assert "mine.yaml" in cluster.read(CONFIG_MAP, NAME, namespace=SPACE)["data"]


@pytest.mark.parametrize("flags", [(), ("-o", "name"), ("--dry-run=server",)])
def test_what_is_being_deleted_is_said(cluster: FakeCluster, kagent: Kagent, flags: tuple[str, ...]) -> None:
    """Its finalizers have not run yet: a server applies to it, and then it goes all the same."""
    kagent("observe", "install")
    going = {"deletionTimestamp": "2026-11-23T08:00:00Z", "finalizers": ["example.com/wait"]}
    edit(cluster, DEPLOYMENT, {"metadata": going})
    code, _, err = kagent("observe", "install", *flags)
    said = "Warning: deployment.apps/kagent-collector is being deleted: install again when it is gone\n"
    assert (code, err) == (0, said)


def test_force_takes_it_over(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    edit(cluster, DEPLOYMENT, {"spec": {"replicas": 3}}, "kubectl-scale")
    told = lines("unchanged", *PLAIN, deployment="configured")
    assert kagent("observe", "install", "--force-conflicts") == (0, told, "")
    assert cluster.read(DEPLOYMENT, NAME, namespace=SPACE)["spec"]["replicas"] == 1
    assert kagent("observe", "install") == (0, lines("unchanged", *PLAIN), "")


def test_a_hostile_manager_is_one_line(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    edit(cluster, DEPLOYMENT, {"spec": {"replicas": 3}}, "a\nerror: \x1b[2Jb")
    code, _, err = kagent("observe", "install")
    assert (code, len(err.splitlines()), "\x1b" in err) == (1, 3, False)


def test_who_changes_something_meanwhile_is_not_overwritten(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    cluster.remove(DAEMON_SET, LOGS, namespace=SPACE)
    cluster.remove(SERVICE, NAME, namespace=SPACE)
    body = {
        "kind": "S",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": {"app.kubernetes.io/managed-by": "x"}},
    }
    cluster.before("patch", SERVICE, lambda: cluster.add(SERVICE, body), nth=2)
    code, out, err = kagent("observe", "install")
    assert (code, out) == (1, lines("unchanged", *PLAIN[:8]))
    assert err == (
        "error: 8 of 12 objects are installed, but Error from server (Conflict): "
        'Apply failed with 1 conflict: conflict with "kubectl" using v1: '
        ".metadata.labels.app.kubernetes.io/managed-by\n"
        "hint: the same observe install goes on where it ended\n"
    )


def test_an_answer_that_is_lost_is_said_with_what_is_done(cluster: FakeCluster, kagent: Kagent) -> None:
    def lost() -> None:
        raise Unreachable("no answer")

    cluster.before("patch", SERVICE, lost)  # its namespace was not there, so nothing was tried
    assert kagent("observe", "install") == (
        5,
        lines("created", *PLAIN[:8]),
        "error: 8 of 12 objects are installed, but no answer\n"
        "hint: the same observe install goes on where it ended\n",
    )


# Dry runs and formats


@pytest.mark.parametrize(
    ("how", "verb", "before", "said"),
    [
        ("client", "applied (dry run)", False, ""),
        ("server", "created (server dry run)", False, NO_RECORDER),
        ("server", "unchanged (server dry run)", True, ""),
    ],
)
def test_a_dry_run(
    cluster: FakeCluster, kagent: Kagent, how: str, verb: str, *, before: bool, said: str
) -> None:
    if before:
        kagent("observe", "install")
    cluster.requests.clear()
    assert kagent("observe", "install", f"--dry-run={how}") == (0, lines(verb, *PLAIN), said)
    assert written(cluster) == []


def test_a_client_dry_run_asks_only_for_what_is_around(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install", "--plain", "--dry-run=client")
    assert {(request.verb, request.resource) for request in cluster.requests} == {
        ("list", SERVICE),
        ("get", CRD),
    }


def test_the_recorder_only_with_an_image(cluster: FakeCluster, kagent: Kagent) -> None:
    image = "registry.example.com:5000/team/kagent-recorder:0.1.0"
    code, out, err = kagent("observe", "install", f"--recorder-image={image}")
    assert (code, f"{RECORDER} created" in out.splitlines(), err) == (0, True, TRACES)
    (container,) = cluster.read(DEPLOYMENT, "kagent-recorder", namespace="kagent")["spec"]["template"][
        "spec"
    ]["containers"]
    assert container["image"] == image
    again = kagent("observe", "install")
    undone = (
        f"Warning: --recorder-image={image}: given at the last install, not at this one, which undoes it\n"
    )
    assert again == (0, reoptioned(*PLAIN) + f"{RECORDER} pruned\n", undone + NO_RECORDER)
    assert kagent("observe", "install") == (0, lines("unchanged", *PLAIN), "")


@pytest.mark.parametrize("image", ["a b", "-x", "a:b:c", "http://x/y", "a@sha256:1"])
def test_an_image_that_is_none(cluster: FakeCluster, kagent: Kagent, image: str) -> None:
    code, out, err = kagent("observe", "install", f"--recorder-image={image}")
    assert (code, out, "'--recorder-image'" in err) == (2, "", True), err
    assert cluster.requests == []


def test_an_option_that_is_left_out_is_told(cluster: FakeCluster, kagent: Kagent, tmp_path: Path) -> None:
    given = tmp_path / "my prices.yaml"
    given.write_text("thresholds: {turn_p95_seconds: 7}\n")
    kagent("observe", "install", "--plain", "--tenant=team-a", f"--values={given}")
    told = (
        f"Warning: --plain '--values={given}': given at the last install, not at this one, which undoes it\n"
    )
    for dry in (("--dry-run=server",), ()):
        code, _, err = kagent("observe", "install", "--tenant=team-b", *dry)
        assert (code, err) == (0, told)
    kept = cluster.read(CONFIG_MAP, NAME, namespace=SPACE)["metadata"]["annotations"]
    assert kept == {"kubectl-kagent/observe-options": '["--tenant=team-b"]'}
    assert kagent("observe", "install", "--tenant=team-b")[2] == ""


def test_the_objects_for_programs(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("observe", "install", "-o", "json")
    assert (code, err) == (0, FIRST)
    found = [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in json.loads(out)["items"]]
    assert found == [re.sub(r"\.[\w.]*/", "/", label) for label in PLAIN]
    assert kagent("observe", "install", "-o", "name") == (0, "".join(f"{label}\n" for label in PLAIN), "")
    printed = yaml.safe_load(kagent("observe", "install", "--dry-run=client", "-o", "yaml")[1])["items"]
    assert printed[9]["spec"]["replicas"] == 1


# --wait


@pytest.fixture
def slow(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pods are ready after these seconds: of the Deployment, and of the DaemonSet."""
    after = [3.0, 5.0]
    began = cluster.clock.monotonic()

    def sleep(seconds: float) -> None:
        cluster.clock.sleep(seconds)
        passed = cluster.clock.monotonic() - began
        done = {"observedGeneration": 1}
        if passed >= after[0]:
            counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
            cluster.set_status(DEPLOYMENT, NAME, done | counts, namespace=SPACE)
        if passed >= after[1]:
            names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
            cluster.set_status(DAEMON_SET, LOGS, done | dict.fromkeys(names, 2), namespace=SPACE)

    monkeypatch.setattr("kubectl_kagent.clock.sleep", sleep)
    return after


def test_waiting_until_the_pods_are_ready(cluster: FakeCluster, kagent: Kagent, slow: list[float]) -> None:
    code, out, err = kagent("observe", "install", "--wait")
    assert (code, out) == (0, lines("created", *PLAIN))
    assert err == (
        "Waiting for deployment.apps/kagent-collector, daemonset.apps/kagent-logs...\n"
        f"Waiting for daemonset.apps/kagent-logs...\n{FIRST}"
    )


def test_not_longer_than_asked(cluster: FakeCluster, kagent: Kagent, slow: list[float]) -> None:
    slow[1] = 1000.0
    code, _, err = kagent("observe", "install", "--wait", "--timeout=10s")
    assert (code, err.splitlines()[-2:]) == (
        4,
        [
            "error: the bundle is installed, but not ready in time: daemonset.apps/kagent-logs",
            f"hint: kubectl describe daemonset.apps/kagent-logs -n {SPACE}; kubectl get pods -n {SPACE}",
        ],
    )


def test_a_full_disk_is_told(cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(text: str) -> None:
        raise Unreachable("no space")

    monkeypatch.setattr(terminal, "write", full)
    code, _, err = kagent("observe", "install", "-o", "json")
    assert (code, err.splitlines()[0]) == (5, "error: 12 of 12 objects are installed, but no space")


# --values


def test_values_of_the_users(small: Path, cluster: FakeCluster, kagent: Kagent, tmp_path: Path) -> None:
    given = tmp_path / "mine.yaml"
    given.write_text("thresholds: {turn_p95_seconds: 7}\n")
    assert kagent("observe", "install", f"--values={given}")[0] == 0
    rules = yaml.safe_load(
        cluster.read(CONFIG_MAP, "kagent-rules", namespace=SPACE)["data"]["values.rules.yaml"]
    )
    values = {
        rule["labels"].get("name"): rule["expr"] for group in rules["groups"] for rule in group["rules"]
    }
    assert (values["turn_p95_seconds"], values["tool_p95_seconds"]) == ("vector(7)", "vector(20)")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "thresholds: {turn_p95_seconds: -1}",
            ": thresholds.turn_p95_seconds has to be a number above 0, not -1",
        ),
        ("limits: {}", ": the file may not have limits"),
        ("[", "is not YAML"),
        ("7", ": the file has to be a mapping with objectives, prices, thresholds"),
        (b"\xff", " cannot be read: it is not UTF-8 text"),
        (None, " cannot be read: No such file or directory"),
    ],
)
def test_values_that_are_wrong(
    cluster: FakeCluster, kagent: Kagent, tmp_path: Path, text: str | bytes | None, why: str
) -> None:
    given = tmp_path / "mine.yaml"
    if text is not None:
        given.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = kagent("observe", "install", f"--values={given}")
    assert (code, out, err.startswith(f"error: {given}"), why in err.splitlines()[0]) == (
        2,
        "",
        True,
        True,
    ), err
    assert cluster.requests == []


# Addresses


def test_where_it_sends_to_is_found(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install")
    data = cluster.read(CONFIG_MAP, NAME, namespace=SPACE)["data"]
    endpoint = {"exporters": {"otlp_grpc/tempo": {"endpoint": "tempo.monitoring:4317"}}}
    assert yaml.safe_load(data["addresses.yaml"]) == endpoint


def test_where_it_sends_to_is_given(cluster: FakeCluster, kagent: Kagent) -> None:
    flags = ("--traces-endpoint=https://tempo.x:443", "--loki-endpoint=https://loki.x/", "--tenant=team-a")
    kagent("observe", "install", "--plain", *flags)
    tenant = {"headers": {"X-Scope-OrgID": "team-a"}}
    for name, wanted_ in (
        (NAME, {"otlp_grpc/tempo": {"endpoint": "https://tempo.x:443", **tenant}}),
        (LOGS, {"otlp_http/loki": {"endpoint": "https://loki.x/otlp", **tenant}}),
    ):
        data = cluster.read(CONFIG_MAP, name, namespace=SPACE)["data"]
        assert yaml.safe_load(data["addresses.yaml"]) == {"exporters": wanted_}
    listed = [request.resource for request in cluster.requests if request.verb == "list"]
    assert listed.count(SERVICE) == 1  # for what was installed before, not for Tempo and Loki


def test_what_is_not_found_is_said(cluster: FakeCluster, kagent: Kagent) -> None:
    for name in ("tempo", "loki"):
        cluster.remove(SERVICE, name, namespace="monitoring")
    code, _, err = kagent("observe", "install")
    assert (code, err) == (
        0,
        "Warning: no Tempo or Jaeger with an OTLP port (4317) was found: traces go to tempo.monitoring:4317, "
        "unless --traces-endpoint names another address\n"
        "Warning: no Loki was found: logs go to http://loki.monitoring:3100, unless --loki-endpoint names "
        f"another address\n{FIRST}",
    )
    assert "addresses.yaml" not in cluster.read(CONFIG_MAP, NAME, namespace=SPACE)["data"]


@pytest.mark.parametrize(
    "flag",
    [
        "--traces-endpoint=tempo",
        "--traces-endpoint=tempo:4317 x",
        "--traces-endpoint=${env:X}:1",
        "--loki-endpoint=loki:3100",
        "--loki-endpoint=http://u:p@loki",
        "--tenant=a|b",
        "--tenant=a\nb",
    ],
)
def test_an_address_that_is_none(cluster: FakeCluster, kagent: Kagent, flag: str) -> None:
    code, out, err = kagent("observe", "install", flag)
    assert (code, out, f"invalid value for '{flag.partition('=')[0]}'" in err) == (2, "", True), err
    assert cluster.requests == []


# What was installed before


def older(
    cluster: FakeCluster, manager: str = "kubectl-kagent", namespace: str = SPACE, part: str = SPACE
) -> None:
    """A ConfigMap of the bundle that this version has no more."""
    metadata = {"name": "older", "labels": {"app.kubernetes.io/part-of": part}}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}
    cluster.apply(CONFIG_MAP, namespace, body, manager=manager)


def test_what_this_version_has_no_more_is_deleted(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install", "--plain")
    older(cluster)
    assert kagent("observe", "install", "--plain", "--dry-run=server")[:2] == (
        0,
        "".join(f"{label} unchanged (server dry run)\n" for label in PLAIN)
        + "configmap/older pruned (server dry run)\n",
    )
    code, out, err = kagent("observe", "diff", "--plain")
    assert (code, err) == (1, "")
    assert [line for line in out.splitlines() if line.startswith(("---", "+++", "-data"))] == [
        f"--- LIVE/v1.ConfigMap.{SPACE}.older",
        f"+++ MERGED/v1.ConfigMap.{SPACE}.older",
        "-data:",
    ]
    assert kagent("observe", "install", "--plain") == (
        0,
        lines("unchanged", *PLAIN) + "configmap/older pruned\n",
        "",
    )
    assert kagent("observe", "install", "--plain")[1] == lines("unchanged", *PLAIN)


@pytest.mark.parametrize("not_ours", [{"manager": "helm"}, {"namespace": "elsewhere"}, {"part": "another"}])
def test_what_is_not_ours_to_delete_stays(
    cluster: FakeCluster, kagent: Kagent, not_ours: dict[str, str]
) -> None:
    kagent("observe", "install", "--plain")
    older(cluster, **not_ours)
    assert kagent("observe", "install", "--plain")[1] == lines("unchanged", *PLAIN)


def test_what_may_not_be_deleted_is_known_before_anything_is_done(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    kagent("observe", "install", "--plain")
    older(cluster)
    cluster.deny("delete", CONFIG_MAP)
    before = len(written(cluster))
    code, out, err = kagent("observe", "install", "--plain")
    assert (code, out) == (6, "")
    assert 'configmaps "older" is forbidden' in err
    assert len(written(cluster)) == before


def test_another_installation_is_not_taken_over(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install", "--plain")
    before = len(written(cluster))
    code, out, err = kagent("observe", "install", "--plain", "-n", "second")
    binding = "clusterrolebinding.rbac.authorization.k8s.io/kagent-collector"
    assert (code, out) == (1, "")
    assert err == (
        f"{binding} is of the installation in namespace {SPACE}, which would lose it\n"
        f"error: 1 conflict with what others made or changed: nothing was installed\n{HINT}"
    )
    assert len(written(cluster)) == before
