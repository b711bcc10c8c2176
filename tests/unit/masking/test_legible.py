"""Words, numbers and names pass, and nothing else does."""

from __future__ import annotations

import random
import re
import string
import time
from pathlib import Path

import pytest

from kubectl_kagent.masking.legible import only_legible

LOGS = Path(__file__).parents[2] / "data" / "logs"


@pytest.mark.parametrize(
    "text",
    [
        "pod/clock-x: CrashLoopBackOff: container kagent exited with 1 (restarts: 4)",
        "container kagent was OOMKilled at its limit of 128Mi",
        "CreateContainerConfigError, MinimumReplicasUnavailable: terminationGracePeriodSeconds",
        "exceeded quota: team, requested: requests.cpu=500m, used: requests.cpu=1500m, limited: 2",
        "ContextWindowExceededError, StreamableHTTPSessionManager, PodReadyToStartContainers",
        "dial tcp 10.96.0.1:8083: connect: connection refused",
        "dial tcp [fd00:10:96::1]:8083: i/o timeout",
        "E1129 11:20:13.123456 1 reflector.go:166] failed to list *v1alpha2.Agent",
        'time=2026-11-23T01:47:47.254Z level=ERROR msg="no such host"',
        '{"level":"info","ts":"2026-11-23T01:47:47+01:00","caller":"app/main.go:42","msg":"started"}',
        'File "/usr/local/lib/python3/site-packages/httpx/_client.py", line 1013, in send',
        "Error code: 429 - {'error': {'message': 'Rate limit reached', 'code': 'rate_limit_exceeded'}}",
        'INFO:     127.0.0.1:52704 - "GET /.well-known/agent-card.json HTTP/1.1" 200 OK',
        "http://kagent-controller.kagent:8083/api/sessions?limit=-1 answered 503 in 1m30s",
        'spec.declarative.tools[0]: Invalid value: "null": toolNames is required',
        "Zeile 3: die Größe ist falsch, naïve café",
        "1795432800 1795432800123 2147483648 99.5% 1.5GiB 16KiB 20x 3rd v1.35.4 v1alpha2 sha256",
        "a2a_agent_executor.A2aAgentExecutor RemoteA2aAgent K8s IPv4 UTF8 x86_64",
        "[masked] sk-p…[masked] <none>",
    ],
)
def test_what_programs_say_passes(text: str) -> None:
    assert only_legible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connected with hunter2 at once", "connected with [masked] at once"),
        ("key cAnArY, then", "key [masked], then"),
        ("sent cm9iaW46Y0FuQXJZ==", "sent [masked]=="),
        ("id 0a88b63a-b1b1-4ea5-a3f2-bbff5cd559c1.", "id [masked]."),
        ("dump 63416e417259 of it", "dump [masked] of it"),
        ("x=63416e&y=abc", "x=[masked]&y=abc"),
        ("/hooks/T0B2C/in", "/hooks/[masked]/in"),
        ("gmail xkqz-wpbh-tmcn-rdvf", "gmail [masked]"),
        ("paid with 4111-1111-1111-1111", "paid with [masked]"),
        ("account 12345678901234", "account [masked]"),
        ("asked by alice@example.com today", "asked by [masked] today"),
        ("GET /sessions?user_id=alice%40example.com", "GET /sessions?user_id=[masked]"),
        ("key aBcDeFgHiJkLmNoPqRsTuVwXyZ done", "key [masked] done"),
        ("key KorvanTelomirFastunPirolXqzMarin done", "key [masked] done"),
        ("key correcthorsebatterystapleagain done", "key [masked] done"),
        ("c\u200bAnArY0x", "[masked]"),
        ("p@ssw0rd!", "p@[masked]!"),
        ("a\\u0063AnArY", "a\\[masked]"),
        ("line\\nhunter2\\n", "line\\[masked]\\n"),
    ],
)
def test_what_is_no_word_is_masked(text: str, shown: str) -> None:
    assert only_legible(text) == shown


def test_a_name_passes_as_a_whole_and_in_an_address() -> None:
    names = {"clock-7d9f8b6c5-x2x4z", "ghcr.io/x/app:0.10.4-b7", "0a88b63a-b1b1-4ea5-a3f2-bbff5cd559c1"}
    text = (
        "pod clock-7d9f8b6c5-x2x4z: pulled ghcr.io/x/app:0.10.4-b7, "
        "GET /tasks/0a88b63a-b1b1-4ea5-a3f2-bbff5cd559c1?a=1"
    )
    assert only_legible(text, names) == text
    assert only_legible("clock-7d9f8b6c5-x2x4y", names) == "[masked]"


def test_a_pod_that_is_gone_is_known_by_what_it_is_of() -> None:
    text = "Created pod: clock-7d9f8b6c5-x2x4z, of clock-7d9f8b6c5, and job-x2x4z"
    assert only_legible(text, {"clock", "job"}) == text
    assert only_legible("clock-x2x4a clock-7d9f8b6c5x2x4z other-x2x4z", {"clock"}) == (
        "[masked] [masked] [masked]"
    )


@pytest.mark.parametrize(
    ("letters", "length", "most"),
    [
        (string.ascii_letters + string.digits, 12, 5),
        (string.ascii_letters + string.digits, 20, 1),
        (string.ascii_letters, 16, 15),
        (string.ascii_lowercase, 16, 30),
        ("0123456789abcdef", 16, 2),
        (string.ascii_uppercase + "234567", 16, 15),
    ],
)
def test_so_many_of_a_thousand_random_keys_pass_at_most(letters: str, length: int, most: int) -> None:
    dice = random.Random(7)
    keys = ["".join(dice.choices(letters, k=length)) for _ in range(1000)]
    assert sum(only_legible(key) == key for key in keys) <= most


def test_colours_part_no_words() -> None:
    assert only_legible("\x1b[32mINFO\x1b[0m: star\x1b[1mted zK3vQ9xT") == "INFO: started [masked]"


def test_a_real_log_stays_readable() -> None:
    """Of the words in an agent's log only ids are masked."""
    log = (LOGS / "python_runtime.log").read_text()
    masked = [
        (before, after)
        for before, after in zip(log.split(), only_legible(log).split(), strict=True)
        if before != after
    ]
    without_ids = [
        before
        for before, _ in masked
        if not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{32}|example", before)
    ]
    assert len(log.split()) > 600
    assert without_ids == []


def test_a_long_text_takes_time_in_proportion() -> None:
    text = ("a1" * 50_000 + " ") * 2 + "=" * 100_000 + "a@" * 50_000 + "A" * 100_000
    began = time.process_time()
    only_legible(text)
    assert time.process_time() - began < 5
