"""observe uninstall as it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kubectl_kagent.cli import terminal
from kubectl_kagent.model.resources import (
    BUNDLED,
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    OPERATORS,
    POD_MONITOR,
    PROMETHEUS_RULE,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_MONITOR,
    Resource,
)
from kubectl_kagent.observe.bundle import SELECTOR
from tests.conftest import Kagent
from tests.fake.bundle import NAME
from tests.fake.cluster import FakeCluster
from tests.unit.commands.observe.test_install import OPERATOR, PLAIN, SPACE, lines

# the other way round, those of one kind by their names
_KINDS = list(dict.fromkeys(label.partition("/")[0] for label in OPERATOR[::-1]))
ALL = sorted(OPERATOR, key=lambda label: _KINDS.index(label.partition("/")[0]))


@pytest.fixture(autouse=True)
def installed(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install", "--operator")
    cluster.requests.clear()


def left(cluster: FakeCluster) -> list[str]:
    """What has the bundle's label."""
    return [
        resource.label(item["metadata"]["name"])
        for resource in BUNDLED
        for item in cluster.list_objects(resource, labels=SELECTOR)["items"]
    ]


def thing(resource: Resource, name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def answering(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """Somebody sits there, and answers so; the questions."""
    asked: list[str] = []
    answers = iter(words)

    def ask(prompt: str) -> str:
        asked.append(prompt)
        try:
            return next(answers)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(terminal, "person", lambda: True)
    monkeypatch.setattr(terminal, "ask", ask)
    return asked


def test_it_leaves_nothing(cluster: FakeCluster, kagent: Kagent) -> None:
    assert kagent("observe", "uninstall", "--yes") == (0, lines("deleted", *ALL), "")
    assert left(cluster) == []
    told = f"nothing of the bundle is installed in namespace {SPACE}\n"
    assert kagent("observe", "uninstall", "--yes") == (0, "", told)


def test_without_an_operator_its_objects_are_not_looked_for(cluster: FakeCluster, kagent: Kagent) -> None:
    for resource in (PROMETHEUS_RULE, SERVICE_MONITOR, POD_MONITOR):
        cluster.remove(resource, NAME, namespace=SPACE)
    for resource in OPERATORS:
        cluster.missing(resource)
    assert kagent("observe", "uninstall", "--yes") == (0, lines("deleted", *ALL[3:]), "")


def test_each_deletion_is_tried_before_the_first(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "uninstall", "--yes")
    deletions = [request.dry_run for request in cluster.writes]
    assert deletions == [True] * 13 + [False] * 13


@pytest.mark.parametrize(("how", "tried"), [("client", 0), ("server", 13)])
def test_a_dry_run(cluster: FakeCluster, kagent: Kagent, how: str, tried: int) -> None:
    suffix = {"client": "(dry run)", "server": "(server dry run)"}[how]
    result = kagent("observe", "uninstall", f"--dry-run={how}")
    assert result == (0, lines(f"deleted {suffix}", *ALL), "")
    assert [request.dry_run for request in cluster.writes] == [True] * tried
    assert len(left(cluster)) == 13


# Asked


@pytest.mark.parametrize("answers", [("y",), ("", "what", "YES")])
def test_it_asks(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, answers: Sequence[str]
) -> None:
    asked = answering(monkeypatch, *answers)
    shown = "".join(f"{label}\n" for label in ALL)
    assert kagent("observe", "uninstall") == (0, lines("deleted", *ALL), shown)
    question = f"delete these 13 objects of namespace {SPACE}, with the namespace and all Secrets in it?"
    assert asked == [f"{question} [y]es, [n]o: "] * len(answers)


@pytest.mark.parametrize("answers", [("n",), ("", "no"), ()])
def test_no_is_no(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, answers: Sequence[str]
) -> None:
    answering(monkeypatch, *answers)
    code, out, err = kagent("observe", "uninstall")
    assert (code, out, err.splitlines()[-1]) == (1, "", "error: nothing was deleted")
    assert len(left(cluster)) == 13


def test_nobody_is_there_to_ask(cluster: FakeCluster, kagent: Kagent) -> None:
    assert kagent("observe", "uninstall") == (
        2,
        "",
        "error: cannot ask whether to delete the bundle: there is no terminal\n"
        "hint: --yes deletes what --dry-run=client prints\n",
    )
    assert len(left(cluster)) == 13


# Not ours


def test_what_another_manager_applied_is_left(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(SERVICE, thing(SERVICE, "mine", **{"app.kubernetes.io/part-of": SPACE}), manager="helm")
    code, out, err = kagent("observe", "uninstall", "--yes")
    assert (code, out) == (0, lines("deleted", *ALL[:-1]))
    assert err == (
        "Warning: left: service/mine was not applied by kubectl-kagent\n"
        f"Warning: left: namespace/{SPACE} has other objects in it: service/mine\n"
    )
    assert left(cluster) == [f"namespace/{SPACE}", "service/mine"]


def test_what_was_edited_by_hand_is_still_ours(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.edit(DEPLOYMENT, NAME, {"spec": {"replicas": 3}}, namespace=SPACE)
    assert kagent("observe", "uninstall", "--yes")[:2] == (0, lines("deleted", *ALL))


def test_another_manager_has_nothing(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("observe", "uninstall", "--yes", "--field-manager=other")
    assert (code, out, len(err.splitlines())) == (0, "", 14)
    assert cluster.writes == []


def test_a_namespace_with_others_work_stays(cluster: FakeCluster, kagent: Kagent) -> None:
    for number in range(5):
        cluster.add(CONFIG_MAP, thing(CONFIG_MAP, f"mine-{number}"))
    for resource, name in ((CONFIG_MAP, "kube-root-ca.crt"), (SERVICE_ACCOUNT, "default")):
        cluster.add(resource, thing(resource, name))
    told = "configmap/mine-0, configmap/mine-1, configmap/mine-2 and 2 more"
    code, out, err = kagent("observe", "uninstall", "--yes")
    assert (code, out) == (0, lines("deleted", *ALL[:-1]))
    assert err == f"Warning: left: namespace/{SPACE} has other objects in it: {told}\n"


def test_what_others_put_into_the_namespace_as_we_ask_keeps_it(
    cluster: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(_: str) -> str:
        cluster.add(CONFIG_MAP, thing(CONFIG_MAP, "mine"))
        return "y"

    monkeypatch.setattr(terminal, "person", lambda: True)
    monkeypatch.setattr(terminal, "ask", ask)
    code, out, err = kagent("observe", "uninstall")
    assert (code, out) == (0, lines("deleted", *ALL[:-1]))
    left_over = f"Warning: left: namespace/{SPACE} has other objects in it: configmap/mine"
    assert err.splitlines()[-1] == left_over
    assert left(cluster) == [f"namespace/{SPACE}"]


def test_what_kubernetes_puts_into_each_namespace_does_not_keep_it(
    cluster: FakeCluster, kagent: Kagent
) -> None:
    for resource, name in ((CONFIG_MAP, "kube-root-ca.crt"), (SERVICE_ACCOUNT, "default")):
        cluster.add(resource, thing(resource, name))
    assert kagent("observe", "uninstall", "--yes")[1].endswith(f"namespace/{SPACE} deleted\n")


def test_a_namespace_that_was_there_before_stays(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(NAMESPACE, {"kind": "Namespace", "metadata": {"name": "team"}})
    kagent("observe", "uninstall", "--yes")
    kagent("observe", "install", "-n", "team")
    code, out, err = kagent("observe", "uninstall", "--yes", "-n", "team")
    deleted = sorted(lines("deleted", *PLAIN[1:]).splitlines())
    assert (code, sorted(out.splitlines()), err) == (0, deleted, "")
    assert cluster.read(NAMESPACE, "team")


def test_what_another_installation_needs_is_left(cluster: FakeCluster, kagent: Kagent) -> None:
    """The roles, too, which both have."""
    kagent("observe", "install", "-n", "second", "--force-conflicts")
    code, out, err = kagent("observe", "uninstall", "--yes", "-n", "second")
    assert (code, out.splitlines()[-1]) == (0, "namespace/second deleted")
    assert err == (
        f"Warning: left: namespace {SPACE} has an installation of its own\n"
        "Warning: left: poddisruptionbudget.policy/kagent-collector is needed there, too\n"
        "Warning: left: clusterrolebinding.rbac.authorization.k8s.io/kagent-collector is needed there, too\n"
        "Warning: left: clusterrole.rbac.authorization.k8s.io/kagent-collector is needed there, too\n"
    )
    assert cluster.read(NAMESPACE, SPACE)
    assert cluster.read(CLUSTER_ROLE, "kagent-collector")


def test_a_namespace_without_an_installation(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("observe", "uninstall", "--yes", "-n", "typo")
    assert (code, out) == (0, "")
    assert err.splitlines()[0] == f"Warning: left: namespace {SPACE} has an installation of its own"
    assert err.splitlines()[-1] == "nothing of the bundle is installed in namespace typo"
    assert len(left(cluster)) == 13


def test_an_installation_that_is_going_needs_nothing(cluster: FakeCluster, kagent: Kagent) -> None:
    kagent("observe", "install", "-n", "second", "--force-conflicts")
    going = {"metadata": {"deletionTimestamp": "2026-11-23T08:00:00Z"}}
    cluster.edit(NAMESPACE, SPACE, going, manager="namespace-controller")
    code, out, _ = kagent("observe", "uninstall", "--yes", "-n", "second")
    assert (code, "clusterrole.rbac.authorization.k8s.io/kagent-collector deleted" in out) == (0, True)
