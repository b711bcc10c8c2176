"""Only what is used of the kubernetes package is loaded, and all of it is there for who asks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
    named = {"name": "c"}
    config = {
        "clusters": [{**named, "cluster": {"server": url}}],
        "users": [{**named, "user": user}],
        "contexts": [{**named, "context": {"cluster": "c", "user": "c"}}],
        "current-context": "c",
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
from kubectl_kagent.cluster import lazy_imports
lazy_imports.load_urllib3()
print("importlib.metadata" in sys.modules)
import urllib3.http2
assert urllib3.http2.inject_into_urllib3 and urllib3.http2.probe is urllib3.connection.http2_probe
print("importlib.metadata" in sys.modules)
"""
    assert run(code) == "False\nTrue\n"


@pytest.mark.parametrize("pause", ["0.006", "0.008", "0.01", "0.012", "0.014"])
def test_the_first_requests_may_go_out_side_by_side(pause: str) -> None:
    code = """
import sys, threading, time
from kubectl_kagent.cluster import lazy_imports

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("urllib3"):
            time.sleep(0.01)

sys.meta_path.insert(0, Slow())
failed = []

def request():
    try:
        lazy_imports.load_urllib3()
        import urllib3
        urllib3.PoolManager()
    except Exception as error:
        failed.append(repr(error))

threads = [threading.Thread(target=request) for _ in range(16)]
for thread in threads:
    thread.start()
    time.sleep(float(sys.argv[1]))  # each meets the import at another place
for thread in threads:
    thread.join()
print(failed)
"""
    assert run(code, pause) == "[]\n"
