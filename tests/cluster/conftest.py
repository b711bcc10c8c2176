"""The lab (or KAGENT_TEST_CONTEXT's cluster) for tests that run the verbs as processes."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from tests.conftest import CONTEXT
from tests.lab.lab import Lab

T = TypeVar("T")
RUNTIMES = ["python", pytest.param("go", marks=pytest.mark.go_runtime)]
# The checkout's, or another that is to be tried, such as the archive's.
PROGRAM = shlex.split(os.environ.get("KAGENT_TEST_PROGRAM") or f"{sys.executable} -m kubectl_kagent")
MODEL_URL = "http://10.244.0.1:9101/v1"


@dataclass(frozen=True)
class Done:
    """A finished process."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Tools:
    """kubectl and our plugin as processes, against one cluster and namespace."""

    kubeconfig: Path
    kubectl_program: str
    namespace: str

    def env(self, **more: str) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", "COLUMNS": "200", **more}

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        command = [*PROGRAM, *words, "-n", self.namespace]
        return subprocess.Popen(
            command, env=self.env(**env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kagent(self, *words: str, timeout: float = 120, **env: str) -> Done:
        process = self.start(*words, **env)
        out, err = process.communicate(timeout=timeout)
        return Done(process.returncode, out, err)

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True, **env: str) -> Done:
        done = subprocess.run(
            [self.kubectl_program, "-n", self.namespace, *words],
            env=self.env(**env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or done.returncode == 0, f"kubectl {words}: {done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def own_namespace(kubeconfig: Path) -> Iterator[Tools]:
    """The programs in a new namespace, which goes at the end."""
    kubectl = "kubectl" if CONTEXT in os.environ else str(Lab.attach().kubectl)
    found = Tools(kubeconfig, kubectl, f"test-{uuid4().hex[:8]}")
    found.kubectl("create", "namespace", found.namespace)
    try:
        yield found
    finally:
        found.kubectl("delete", "namespace", found.namespace, "--wait=false")


@pytest.fixture
def tools(lab_kubeconfig: Path) -> Iterator[Tools]:
    """The programs in a namespace of the test's own."""
    with own_namespace(lab_kubeconfig) as found:
        yield found


@pytest.fixture
def api(tools: Tools) -> ApiServer:
    return connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))


def wait_for(look: Callable[[], T | None], what: str, timeout: float = 120) -> T:
    """The first thing ``look`` finds; fails the test when nothing comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come within {timeout:g}s"
        time.sleep(0.1)
