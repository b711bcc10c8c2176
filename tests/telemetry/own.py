"""The user's own Tempo and Loki (make test-telemetry TEMPO=URL LOKI=URL): what the lab has, sent there too.

Spans go to port 4318 of Tempo's host, where its OTLP receiver listens by default; lines to Loki's push API.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

TEMPO = os.environ.get("KAGENT_TEST_TEMPO", "").rstrip("/")
LOKI = os.environ.get("KAGENT_TEST_LOKI", "").rstrip("/")


def keep(trace: dict[str, Any]) -> None:
    """Give Tempo a trace, in OTLP JSON; one that it has already stays one."""
    parts = urlsplit(TEMPO)
    _send(f"{parts.scheme}://{parts.hostname}:4318/v1/traces", trace)


def push(streams: list[dict[str, Any]]) -> None:
    """Give Loki what another one answered."""
    entries = [{"stream": stream["stream"], "values": stream["values"]} for stream in streams]
    _send(f"{LOKI}/loki/api/v1/push", {"streams": entries})


def count(query: str) -> int:
    """What Loki answers to a metric query that makes one number."""
    with urllib.request.urlopen(
        f"{LOKI}/loki/api/v1/query?{urlencode({'query': query})}", timeout=60
    ) as answer:
        found = json.load(answer)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


def _send(url: str, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60):
        pass
