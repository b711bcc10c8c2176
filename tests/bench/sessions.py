"""``python -m tests.bench.sessions``: list 1,000 sessions, against fetching and parsing the same bytes.

From the lab's controller through the API server, with the credentials of the kubeconfig, in turn: first the
work alone, from the command line to the last row, in a process that has its modules; then whole processes,
the start of Python and of all modules included. The figures are medians, of the pairs' ratios too.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from kubectl_kagent.app import cli
from kubectl_kagent.backends.controller import find_controller
from kubectl_kagent.cluster.connect import Connection, connect
from tests.bench import fetch
from tests.bench.credentials import credentials
from tests.cluster.conftest import own_namespace, wait_for
from tests.cluster.workloads import byo, create
from tests.lab.lab import Lab

SESSIONS = 1000
PAIRS = 15
LIMIT = 2.0
USER = "bench@example.com"
_PATH = f"/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/api/sessions?user_id={USER}"


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> str:
    """A line with both medians and their ratio; the first pair only warms up."""
    runs = [(seconds(ours), seconds(theirs)) for _ in range(PAIRS + 1)][1:]
    ratio = statistics.median(a / b for a, b in runs)
    mine, peers = (statistics.median(pair[side] for pair in runs) * 1000 for side in (0, 1))
    return f"{name}: {mine:.0f} ms; fetch and parse: {peers:.0f} ms; {ratio:.2f} times"


def main() -> None:
    """Print the medians and their ratio."""
    lab = Lab.attach()
    os.environ["KUBECONFIG"] = str(lab.kubeconfig)
    with own_namespace(lab.kubeconfig) as tools, tempfile.TemporaryDirectory() as folder:
        api = connect(Connection(kubeconfig=str(lab.kubeconfig), namespace=tools.namespace))
        create(api, byo("clock", replicas=0))
        controller = find_controller(api, user=USER)
        agent = {"agent_ref": f"{tools.namespace}/clock"}
        wait_for(lambda: tools.kagent("rollout", "status", "clock").code == 0, "the agent")
        made = f"/api/sessions?{urlencode({'user_id': USER})}"
        for number in range(SESSIONS - len(controller.sessions())):
            body = {**agent, "name": f"what time is it, number {number}?"}
            controller.http.call("POST", made, body)
        found = credentials(lab, Path(folder))
        words = ["sessions", "list", "-A", f"--user-id={USER}"]
        program = [sys.executable, "-m", "kubectl_kagent", *words]
        asked = (found.server + _PATH, found.cacert, found.cert, found.key)
        peer = [sys.executable, fetch.__file__, *asked]
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            work = compare(
                f"sessions list, {SESSIONS} sessions",
                lambda: cli(words, prog_name="kubectl kagent", standalone_mode=False),
                lambda: fetch.fetch(*asked),
            )
        start = compare("the start of both programs included", lambda: _run(program), lambda: _run(peer))
    sys.stdout.write(f"{work} (at most {LIMIT})\n{start}\n")


def _run(words: list[str]) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
