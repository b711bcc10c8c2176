"""A kubeconfig with two of everything, and what a connection by it sends or says."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT
from tests.certificates import authority
from tests.loopback import Loopback, Received


def config(url: str = "https://127.0.0.1:1", **user: Any) -> dict[str, Any]:
    """``here`` is the current context; ``user`` is what its user has, a token otherwise."""
    trusted = base64.b64encode(authority().pem).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [
            {"name": "near", "cluster": {"server": url, "certificate-authority-data": trusted}},
            {"name": "far", "cluster": {"server": "https://127.0.0.1:2"}},
        ],
        "users": [
            {"name": "admin", "user": user or {"token": "admin-token"}},
            {"name": "reader", "user": {"token": "reader-token"}},
        ],
        "contexts": [
            {"name": "here", "context": {"cluster": "near", "user": "admin", "namespace": "team"}},
            {"name": "there", "context": {"cluster": "far", "user": "reader"}},
        ],
    }


def sent(flags: Connection, server: Loopback) -> Received:
    """The second request that a connection sends: asking for the credentials again must change nothing."""
    api = connect(flags)
    api.get(AGENT, "x", "y")
    api.get(AGENT, "x", "y")
    first, second = server.received[-2:]
    assert first.headers == second.headers
    return second


def token(received: Received) -> list[str]:
    return received.header("Authorization")


def refused(flags: Connection) -> KagentError:
    with pytest.raises(KagentError) as caught:
        connect(flags)
    assert "\n" not in caught.value.line
    return caught.value
