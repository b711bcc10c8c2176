"""-v of kubectl: requests on stderr, and nothing of them that is secret."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.cluster.request_log import LOG
from kubectl_kagent.commands.version import version
from tests.loopback import Loopback, Received, head, refused, response, serve

VERSION = response(200, {"gitVersion": "v1.35.4"})


@pytest.fixture
def server() -> Iterator[Loopback]:
    def answer(request: Received) -> bytes:
        if request.path == "/version":
            return VERSION
        return refused(403, "Forbidden", "no")

    with serve() as loopback:
        loopback.answer = answer
        yield loopback


def stderr_of(server: Loopback, *flags: str) -> str:
    """What `version` prints on stderr, without what changes: the time and process of klog, and durations."""
    words = ("version", f"--server={server.url}", *flags)
    text = CliRunner().invoke(cli, words, catch_exceptions=False).stderr
    text = re.sub(
        r"^I\d{4} \d\d:\d\d:\d\d\.\d{3} +\d+ request_log\.py:\d+\] ", "I] ", text, flags=re.MULTILINE
    )
    return re.sub(r"milliseconds=\d+$", "milliseconds=0", text, flags=re.MULTILINE)


@pytest.mark.parametrize("flags", [("-v=6",), ("-v", "6"), ("-v6",), ("--v=7",), ("--v", "10")])
def test_requests_are_printed_from_6_on(server: Loopback, flags: tuple[str, ...]) -> None:
    printed = [line for line in stderr_of(server, *flags).splitlines() if line.startswith("I] ")]
    assert sorted(printed) == sorted(
        f'I] "Response" verb="{request.method}" url="{server.url}{request.path}" '
        f'status="{"200 OK" if request.path == "/version" else "403 Forbidden"}" milliseconds=0'
        for request in server.received
    )
    assert len(printed) > 2


@pytest.mark.parametrize("flags", [(), ("-v=0",), ("-v=5",)])
def test_below_6_nothing_is(server: Loopback, flags: tuple[str, ...]) -> None:
    stderr_of(server, "-v=6")
    assert "Response" not in stderr_of(server, *flags)
    assert not LOG.handlers


def test_completion_prints_none() -> None:
    version.make_context("version", ["-v=6"], resilient_parsing=True)
    assert not LOG.handlers


def test_credentials_are_never_printed(server: Loopback) -> None:
    text = stderr_of(server, f"--server=http://jane:from-the-url@{server.address}", "-v=10")
    sent = server.received[0].header("Authorization")[0]
    assert sent.startswith("Basic ")
    assert f'url="{server.url}/version"' in text
    assert [word for word in ("jane", "from-the-url", *sent.split()) if word in text] == []


def test_each_try_is_printed(server: Loopback) -> None:
    answers = iter([head(429, "Retry-After: 0", "Content-Length: 0"), VERSION])
    others = server.answer
    server.answer = lambda request: next(answers) if request.path == "/version" else others(request)
    tries = re.findall(r'url="[^"]+/version" status="([^"]*)"', stderr_of(server, "-v=6"))
    assert tries == ["429 Too Many Requests", "200 OK"]


def test_a_request_without_an_answer_has_no_status() -> None:
    with serve() as gone:
        pass
    first = stderr_of(gone, "-v=6").splitlines()[0]
    assert re.fullmatch(
        rf'I\] "Response" verb="GET" url="{re.escape(gone.url)}/\S*" status="" milliseconds=0', first
    )


def test_a_level_is_a_number(server: Loopback) -> None:
    assert stderr_of(server, "-v=debug") == (
        "error: invalid value for '-v' / '--v': 'debug' is not a valid integer\n"
        "hint: kubectl kagent version -h shows how it is used\n"
    ).replace("kubectl kagent", "cli")
    assert server.received == []
