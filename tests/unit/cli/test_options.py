"""Durations as they are typed, and the connection flags as they arrive."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from kubectl_kagent.cli import options
from kubectl_kagent.cli.options import seconds
from kubectl_kagent.cluster.connect import Connection
from kubectl_kagent.errors import UsageError
from tests.conftest import Kagent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("15", 15),
        ("1.5", 1.5),
        ("30s", 30),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("5m", 300),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h2m3s4ms", 3723.004),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "s", "soon", "-5s", "5 s", "1d", "5m30", "1h-2m", "\u0663s", "1e3s", "5S"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        seconds(text)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "h", "2562048h", "9223372037"])
def test_a_duration_is_no_longer_than_gos(text: str) -> None:
    assert seconds("2562047h") == 2562047 * 3600
    with pytest.raises(UsageError, match="is too long"):
        seconds(text)


BYTES = b"jane\xff".decode(errors="surrogateescape")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("--user-id", ("sessions", "list", f"--user-id={BYTES}")),
        ("--task", ("logs", "clock", f"--task={BYTES}")),
        ("MESSAGE", ("chat", "clock", BYTES)),
        ("--answer", ("approvals", "approve", "x", f"--answer={BYTES}")),
        ("--selector", ("get", "agents", "-l", BYTES)),
        ("--token", ("get", "agents", f"--token={BYTES}")),
        ("--kagent-token", ("sessions", "list", f"--kagent-token={BYTES}")),
    ],
)
def test_what_is_no_text_is_an_error_that_does_not_show_it(
    kagent: Kagent, name: str, words: tuple[str, ...]
) -> None:
    assert kagent(*words) == (2, "", f"error: the value of {name} is not UTF-8 text\n")


def test_a_file_may_be_called_anything() -> None:
    assert connection_of("--kubeconfig", BYTES).kubeconfig == BYTES


def connection_of(*args: str) -> Connection:
    """The connection that a command with these flags would open."""
    given: list[Connection] = []

    @click.command()
    @options.connected
    def command(_cluster: Any) -> None:
        pass

    result = CliRunner().invoke(command, args, obj=given.append, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return given[0]


def test_without_flags_the_kubeconfig_decides() -> None:
    assert connection_of() == Connection()


def test_every_connection_flag_of_kubectl_arrives() -> None:
    flags = {
        "--kubeconfig": ("kubeconfig", "file"),
        "--context": ("context", "c"),
        "--cluster": ("cluster", "k"),
        "--user": ("user", "u"),
        "--namespace": ("namespace", "n"),
        "--as": ("as_user", "jane"),
        "--as-uid": ("as_uid", "77"),
        "--token": ("token", "t"),
        "--server": ("server", "https://s"),
        "--certificate-authority": ("certificate_authority", "ca"),
        "--client-certificate": ("client_certificate", "cc"),
        "--client-key": ("client_key", "ck"),
        "--tls-server-name": ("tls_server_name", "name"),
    }
    args = [f"{flag}={value}" for flag, (_, value) in flags.items()]
    extra = ["--as-group=a", "--as-group=b", "--insecure-skip-tls-verify", "--request-timeout=1m30s"]
    assert connection_of(*args, *extra) == Connection(
        **dict(flags.values()),
        as_groups=("a", "b"),
        insecure_skip_tls_verify=True,
        request_timeout=90.0,
    )


def test_short_flags_and_no_limit() -> None:
    assert connection_of("-n", "team", "-s", "https://s", "--request-timeout=0") == Connection(
        namespace="team", server="https://s"
    )
