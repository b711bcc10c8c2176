"""Only what is used of the kubernetes package is loaded, and all of it is there for who asks."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.loopback import Received, response, serve

CONNECT = """
import sys
from kubectl_kagent.cluster.connect import Connection, connect
api = connect(Connection(kubeconfig=sys.argv[1]))
"""


def run(code: str, *words: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def kubeconfig(tmp_path: Path, url: str, **user: object) -> str:
    named = {"name": "n"}
    config = {
        "clusters": [{**named, "cluster": {"server": url}}],
        "users": [{**named, "user": user}],
        "contexts": [{**named, "context": {"cluster": "n", "user": "n"}}],
        "current-context": "n",
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_connecting_loads_no_models(tmp_path: Path) -> None:
    count = "print(sorted(name for name in sys.modules if 'models' in name or 'requests' == name))"
    assert run(CONNECT + count, kubeconfig(tmp_path, "http://127.0.0.1:9", token="t")) == "[]\n"


def test_the_rest_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    code = """
import kubernetes
from kubernetes import client
from kubernetes.client import ApiClient, CoreV1Api, V1Pod
from kubernetes.config import kube_config
assert kubernetes.watch.Watch and kubernetes.utils.create_from_yaml and kubernetes.__version__
assert client.Configuration is kube_config.Configuration
assert isinstance(kube_config.ApiClient(client.Configuration()), ApiClient)
try:
    client.Nonsense
except AttributeError:
    print("fine")
"""
    assert run(CONNECT + code, kubeconfig(tmp_path, "http://127.0.0.1:9", token="t")) == "fine\n"


def test_urllib3_is_whole_without_its_http2() -> None:
    code = """
import sys
from kubectl_kagent.cluster import lean
lean.load_urllib3()
print("importlib.metadata" in sys.modules)
import urllib3.http2
assert urllib3.http2.inject_into_urllib3 and urllib3.http2.probe is urllib3.connection.http2_probe
print("importlib.metadata" in sys.modules)
"""
    assert run(code) == "False\nTrue\n"


def test_an_expired_oidc_token_is_refreshed(tmp_path: Path) -> None:
    """What kube_config needs the whole client for."""

    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    old = f"{part({'alg': 'none'})}.{part({'exp': 1})}.x"
    with serve() as server:

        def answer(received: Received) -> bytes:
            if received.path == "/.well-known/openid-configuration":
                return response(200, {"token_endpoint": f"{server.url}/token"})
            tokens = {"id_token": "fresh", "refresh_token": "r2", "access_token": "a", "token_type": "bearer"}
            return response(200, tokens)

        server.answer = answer
        about = {"client-id": "c", "client-secret": "s", "id-token": old, "refresh-token": "r"}
        provider = {"name": "oidc", "config": {**about, "idp-issuer-url": server.url}}
        path = kubeconfig(tmp_path, server.url, **{"auth-provider": provider})
        show = "print(dict(api.service_access('kagent', 'web:80', '/').headers)['Authorization'])"
        assert run(CONNECT + show, path, OAUTHLIB_INSECURE_TRANSPORT="1") == "Bearer fresh\n"
        assert [received.path for received in server.received] == [
            "/.well-known/openid-configuration",
            "/token",
        ]
