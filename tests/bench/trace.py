"""``python -m tests.bench.trace``: a trace of 20,000 spans, against fetching and parsing the same bytes.

Whole processes in turn, in one run, from a server on loopback; the figure is the ratio of the medians.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

from tests.loopback import Loopback, Received, response, serve
from tests.recordings import DATA

SPANS = 20_000
PAIRS = 7
LIMIT = 3.0
TRACE = "b9a6b4f2f31d0806f5659aa993c4ec57"  # the recorded one
_RECORDED = DATA / "telemetry" / "tempo_trace_go_tool.json"
_FETCH = "import json, sys, urllib.request as r; json.loads(r.urlopen(sys.argv[1]).read())"


def long_trace(spans: int = SPANS) -> bytes:
    """The recorded turn with its calls of model and tool again and again, each a span of its own."""
    document = json.loads(_RECORDED.read_text())
    scopes = [scope for batch in document["batches"] for scope in batch["scopeSpans"]]
    recorded = [span for scope in scopes for span in scope["spans"]]
    steps = [span for span in recorded if span["name"].startswith(("generate_content", "execute_tool"))]
    begin = min(int(span["startTimeUnixNano"]) for span in steps)
    for number in range(spans - len(recorded)):
        span = json.loads(json.dumps(steps[number % len(steps)]))
        span["spanId"] = f"{number:016x}"
        span["startTimeUnixNano"] = str(begin + number * 1000)
        span["endTimeUnixNano"] = str(begin + number * 1000 + 900)
        for attribute in span["attributes"]:
            if attribute["key"] == "gen_ai.tool.call.id":
                attribute["value"] = {"stringValue": f"call_{number}"}
        scopes[-1]["spans"].append(span)
    return json.dumps(document, separators=(",", ":")).encode()


def seconds(words: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
    )
    return time.perf_counter() - started


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "120", "KUBECONFIG": "/dev/null", "NO_PROXY": "127.0.0.1"}


def measure() -> tuple[float, float]:
    """Median seconds of ours, and of fetching and parsing."""
    whole = response(200, long_trace().decode())
    with serve() as loopback:
        _answer(loopback, whole)
        shown = [sys.executable, "-m", "kubectl_kagent", "trace", "show", TRACE, f"--tempo={loopback.url}"]
        parsed = [sys.executable, "-c", _FETCH, f"{loopback.url}/api/v2/traces/{TRACE}"]
        runs = [(seconds(shown), seconds(parsed)) for _ in range(PAIRS + 1)][1:]
    return statistics.median(ours for ours, _ in runs), statistics.median(theirs for _, theirs in runs)


def _answer(loopback: Loopback, whole: bytes) -> None:
    def answer(request: Received) -> bytes:
        return whole if request.path.startswith("/api/v2/traces/") else response(200, {"traces": []})

    loopback.answer = answer


def main() -> None:
    ours, theirs = measure()
    sys.stdout.write(
        f"trace show, {SPANS} spans: {ours * 1000:.0f} ms; fetch and parse: {theirs * 1000:.0f} ms; "
        f"{ours / theirs:.2f} times (at most {LIMIT})\n"
    )


if __name__ == "__main__":
    main()
