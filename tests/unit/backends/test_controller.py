"""Where the kagent controller is found, and what is said when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT, SERVICE
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster, FakeService
from tests.loopback import head, response, serve
from tests.objects import agent

LABELS = {"app.kubernetes.io/name": "kagent", "app.kubernetes.io/component": "controller"}


def install(cluster: FakeCluster, namespace: str = "kagent", name: str = "kagent-controller") -> None:
    ports = [{"name": "metrics", "port": 1}, {"name": "controller", "port": 8083}]
    metadata = {"name": name, "namespace": namespace, "labels": LABELS}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
    cluster.add(SERVICE, body)


def found(cluster: FakeCluster, namespace: str | None = None) -> tuple[str, str]:
    service: Any = find_controller(cluster, namespace).http
    assert isinstance(service, FakeService)
    return service.namespace, service.name


def test_it_is_found_by_its_labels_wherever_it_is(cluster: FakeCluster) -> None:
    install(cluster, "agents", "my-kagent")
    assert found(cluster) == ("agents", "my-kagent:8083")
    assert found(cluster, "agents") == ("agents", "my-kagent:8083")


def test_who_may_not_list_services_is_taken_where_the_chart_puts_it(cluster: FakeCluster) -> None:
    install(cluster)
    cluster.deny("list", SERVICE)
    assert found(cluster) == ("kagent", "kagent-controller:8083")
    assert found(cluster, "mine") == ("mine", "kagent-controller:8083")


@pytest.mark.parametrize(
    ("namespace", "where", "hint"),
    [
        (
            None,
            "any namespace",
            "is kagent installed? --kagent-namespace says where, --kagent-url at which address",
        ),
        ("b", "namespace b", "it is in namespace a: --kagent-namespace=a"),
    ],
)
def test_a_controller_that_is_not_there(
    cluster: FakeCluster, namespace: str | None, where: str, hint: str
) -> None:
    if namespace:
        install(cluster, "a")
    with pytest.raises(KagentError) as caught:
        find_controller(cluster, namespace)
    assert caught.value.message == f"no kagent controller service was found in {where}"
    assert caught.value.hint == hint


def chat_at(kagent: Kagent, url: str, *flags: str) -> tuple[int, str, str]:
    return kagent("chat", "clock", "hello", f"--kagent-url={url}", *flags)


def test_an_address_of_its_own_needs_nothing_of_the_api_server(kagent: Kagent, cluster: FakeCluster) -> None:
    state = '{"kind":"status-update","taskId":"t","contextId":"c","status":{"state":"completed"}}'
    event = f'data: {{"result":{state}}}\n\n'.encode()
    with serve() as server:
        server.answer = lambda _: head(200, "Content-Type: text/event-stream") + event
        done = chat_at(kagent, server.url, "--kagent-token=secret", "--user-id=jane")
        assert done[0] == 0, done
        (received,) = server.received
    assert received.path == "/api/a2a/default/clock?user_id=jane"
    assert received.header("authorization") == ["Bearer secret"]
    assert cluster.requests == []


def test_without_a_kubeconfig_the_namespace_must_be_named(kagent: Kagent) -> None:
    from click.testing import CliRunner

    from kubectl_kagent.app import cli

    with serve() as server:
        server.answer = lambda _: response(401, "no", "text/plain")
        words = ["chat", "clock", "hello", f"--kagent-url={server.url}"]
        result = CliRunner().invoke(cli, words, prog_name="kubectl kagent")
        assert result.exit_code == 2
        assert result.stderr.endswith("hint: name it with -n\n")
        result = CliRunner().invoke(cli, [*words, "-n", "team"], prog_name="kubectl kagent")
        assert (result.exit_code, server.received[0].path.partition("?")[0]) == (6, "/api/a2a/team/clock")


def test_a_token_goes_nowhere_without_an_address(kagent: Kagent, cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent())
    code, out, err = kagent("chat", "clock", "hello", "--kagent-token=secret")
    assert (code, out) == (2, "")
    assert err.startswith("error: --kagent-token goes with --kagent-url: ")


def test_what_is_no_address_is_refused(kagent: Kagent) -> None:
    assert chat_at(kagent, "kagent.example") == (
        2,
        "",
        'error: "kagent.example" is not a URL of the kagent controller\nhint: write http://HOST or https://HOST\n',
    )
