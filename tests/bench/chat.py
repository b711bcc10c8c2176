"""``python -m tests.bench.chat``: when the first character of an answer comes, ours against curl's.

The same request through the same API server, in turn; the time starts with the program.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests.bench.credentials import credentials
from tests.cluster.conversations import ASKER, conversations
from tests.lab.lab import Lab

_RUNS = 15
_WARM_UP = 2
_QUESTION = "hello"
LIMIT = 150  # ms
_PATH = "/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/api/a2a"


def first(command: list[str], env: dict[str, str], says: Callable[[IO[bytes]], bool]) -> float:
    """Milliseconds from the start of the program until the agent says something; then to its end."""
    started = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert says(process.stdout), command
        took = time.perf_counter() - started
        process.stdout.read()
    assert process.returncode == 0, command
    return took * 1000


def speaks(stream: IO[bytes]) -> bool:
    """Ours: the first character of stdout is the answer's."""
    return bool(stream.read(1))


def streams(stream: IO[bytes]) -> bool:
    """curl's: the first event with a word of the agent's."""
    for line in stream:
        if b'"role": "agent"' in line or b'"role":"agent"' in line:
            return b'"text"' in line
    return False


def curl(lab: Lab, namespace: str, agent: str, folder: Path) -> list[str]:
    """The same request with the credentials of the kubeconfig."""
    found = credentials(lab, folder)
    flags = ["--cacert", found.cacert, "--cert", found.cert, "--key", found.key]
    message = {"kind": "message", "messageId": "bench", "role": "user"}
    message |= {"parts": [{"kind": "text", "text": _QUESTION}]}  # type: ignore[dict-item]
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": {"message": message}}
    url = f"{found.server}{_PATH}/{namespace}/{agent}?user_id=admin%40kagent.dev"
    return ["curl", "-sN", *flags, "-H", "Content-Type: application/json", "-d", json.dumps(body), url]


def main() -> None:
    """Print the medians and the difference."""
    lab = Lab.attach()
    env = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    with conversations(lab.kubeconfig, "python") as agents, tempfile.TemporaryDirectory() as folder:
        namespace = agents.tools.namespace
        ours = [sys.executable, "-m", "kubectl_kagent", "chat", ASKER, _QUESTION, "-n", namespace]
        theirs = curl(lab, namespace, ASKER, Path(folder))
        pairs = [(first(ours, env, speaks), first(theirs, env, streams)) for _ in range(_WARM_UP + _RUNS)][
            _WARM_UP:
        ]
    mine, peers = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    later = statistics.median(a - b for a, b in pairs)
    sys.stdout.write(
        f"chat, first character: {mine:.0f} ms; curl: {peers:.0f} ms; {later:.0f} later (at most {LIMIT})\n"
    )


if __name__ == "__main__":
    main()
