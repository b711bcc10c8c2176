"""A namespace of a test's own through kubectl: objects as JSON, waiting with a deadline."""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.lab import Lab

Object = dict[str, Any]
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Namespace:
    kubectl: str
    kubeconfig: Path
    name: str

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.kubectl, "--kubeconfig", str(self.kubeconfig), "-n", self.name, *words]
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


@contextmanager
def own_namespace(kubeconfig: Path, prefix: str) -> Iterator[Namespace]:
    kubectl = "kubectl" if "KAGENT_TEST_CONTEXT" in os.environ else str(Lab.attach().kubectl)
    made = Namespace(kubectl, kubeconfig, f"{prefix}-{uuid.uuid4().hex[:6]}")
    made.ok("create", "namespace", made.name)
    try:
        yield made
    finally:
        made.ok("delete", "namespace", made.name, "--wait=false")


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
