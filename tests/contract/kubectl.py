"""The cluster under test through kubectl: an own namespace, objects as JSON, waiting with a deadline."""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab.lab import Lab

Object = dict[str, Any]
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Cluster:
    kubectl: str
    kubeconfig: str
    namespace: str

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.kubectl, "--kubeconfig", self.kubeconfig, "-n", self.namespace, *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def ok(self, *words: str, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def create(self, *objects: Object) -> None:
        """Without an annotation of kubectl's own, which a large object has no room for."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.ok("create", "-f", "-", stdin=json.dumps(listed))

    def get(self, resource: str) -> Object:
        found: Object = json.loads(self.ok("get", resource, "-o", "json"))
        return found

    def exists(self, resource: str) -> bool:
        done = self.run("get", resource)
        assert done.returncode == 0 or "NotFound" in done.stderr, done.stderr
        return done.returncode == 0

    def patch(self, resource: str, patch: Object) -> None:
        self.ok("patch", resource, "--type=merge", "-p", json.dumps(patch))

    def raw(self, path: str, *, post: Object | None = None) -> subprocess.CompletedProcess[str]:
        """A request to the kagent controller, through the API server's service proxy."""
        url = f"/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/{path}"
        if post is None:
            return self.run("get", "--raw", url)
        return self.run("create", "--raw", url, "-f", "-", stdin=json.dumps(post))


@contextmanager
def own_namespace(prefix: str) -> Iterator[Cluster]:
    """A namespace in the lab, or in the cluster of KAGENT_TEST_KUBECONFIG."""
    kubeconfig, kubectl = os.environ.get("KAGENT_TEST_KUBECONFIG"), "kubectl"
    if not kubeconfig:
        lab = Lab.attach()
        kubeconfig, kubectl = str(lab.kubeconfig), str(lab.kubectl)
    name = f"{prefix}-{uuid.uuid4().hex[:6]}"
    cluster = Cluster(kubectl, kubeconfig, name)
    cluster.ok("create", "namespace", name)
    try:
        yield cluster
    finally:
        cluster.ok("delete", "namespace", name, "--wait=false")


def eventually(check: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Calls the check until it neither raises AssertionError nor answers False."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            assert check() is not False
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)
