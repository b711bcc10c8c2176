"""What is wrong with a user or a cluster is said before anything is sent, in kubectl's words."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.cluster.connect import Connection
from tests.kubeconfigs import config, refused

PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such", "interactiveMode": "Never"}


@pytest.mark.parametrize(
    ("user", "line"),
    [
        (
            {"client-certificate": "c", "client-certificate-data": "eA==", "client-key-data": "eA=="},
            "client-cert-data and client-cert are both specified for admin. client-cert-data will override.",
        ),
        (
            {"client-certificate-data": "eA==", "client-key": "k", "client-key-data": "eA=="},
            "client-key-data and client-key are both specified for admin; client-key-data will override",
        ),
        (
            {"token": "t", "exec": {**PLUGIN, "command": ""}},
            "command must be specified for admin to use exec authentication plugin",
        ),
        (
            {"token": "t", "exec": {**PLUGIN, "apiVersion": "client.authentication.k8s.io/v2"}},
            'exec plugin: invalid apiVersion "client.authentication.k8s.io/v2"',
        ),
        (
            {"exec": {**PLUGIN, "command": "", "interactiveMode": ""}, "as-uid": "7"},
            "command must be specified for admin to use exec authentication plugin",
        ),
    ],
)
def test_the_first_thing_that_is_wrong_is_said(write: Any, user: dict[str, Any], line: str) -> None:
    """Also when another part of the user would do."""
    assert refused(Connection(kubeconfig=write(config(**user)))).line == f"error: {line}"


def test_a_user_counts_before_a_cluster(write: Any) -> None:
    obj = config(exec={**PLUGIN, "command": ""})
    obj["clusters"][0]["cluster"]["proxy-url"] = "ftp://x"
    assert refused(Connection(kubeconfig=write(obj))).line.startswith("error: command must be specified")


def test_a_server_without_tls_forgives_nothing(write: Any) -> None:
    obj = config("http://127.0.0.1:1", exec={**PLUGIN, "command": ""})
    assert refused(Connection(kubeconfig=write(obj))).line.startswith("error: command must be specified")
