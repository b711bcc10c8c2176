"""The connection flags as they arrive."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from kubectl_kagent.cli import options
from kubectl_kagent.cluster.connect import Connection
from tests.conftest import Kagent

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
