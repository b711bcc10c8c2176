"""An OTLP receiver of somebody's own: certificates, headers and proxies, over HTTP and over gRPC."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kubectl_kagent.backends import otlp_receiver
from kubectl_kagent.cluster.transport import Transport
from kubectl_kagent.cluster.unreachable import unreachable
from kubectl_kagent.errors import KagentError, Unreachable
from tests.certificates import authority
from tests.loopback import Loopback, response, serve
from tests.relays import http_proxy
from tests.unit.cluster.test_refusals import untrusted

TAKEN = response(200, "", "application/x-protobuf")
BASIC = f"Basic {base64.b64encode(b'jane:p w').decode()}"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """services.yaml, which is still to be written."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "kubectl-kagent").mkdir()
    (tmp_path / "ca.pem").write_bytes(authority().pem)
    return tmp_path / "kubectl-kagent" / "services.yaml"


def say(file: Path, content: Any) -> None:
    file.write_text(yaml.safe_dump(content))
    file.chmod(0o600)


def send(url: str) -> None:
    ended = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    provider.get_tracer("t").start_span("one").end()
    otlp_receiver.send(ended.get_finished_spans(), url, seconds=10)


def pair() -> dict[str, str]:
    certificate, key = (base64.b64encode(part).decode() for part in authority().issue("jane"))
    return {"client-certificate-data": certificate, "client-key-data": key}


# Over HTTP


@pytest.fixture
def receiver() -> Iterator[Loopback]:
    with serve(authority().server()) as loopback:
        loopback.answer = lambda _: TAKEN
        yield loopback


def test_what_the_file_has_goes_with_it(file: Path, receiver: Loopback) -> None:
    say(file, {receiver.url: {"certificate-authority": "../ca.pem", "tenant": "red", "token": "s", **pair()}})
    send(receiver.url)
    (received,) = receiver.received
    assert (received.path, received.client) == ("/v1/traces", "jane")
    assert (received.header("X-Scope-OrgID"), received.header("Authorization")) == (["red"], ["Bearer s"])
    assert wire.ExportTraceServiceRequest.FromString(received.body).resource_spans


def test_opentelemetrys_environment_counts_more(
    file: Path, tmp_path: Path, receiver: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = authority("another").pem
    say(file, {receiver.url: {"certificate-authority-data": base64.b64encode(wrong).decode(), "token": "s"}})
    certificate, key = authority().issue("joe")
    (tmp_path / "both.pem").write_bytes(certificate + key)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", str(tmp_path / "both.pem"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20own")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    send(f"{receiver.url}/else/v1/traces?key=a")
    (received,) = receiver.received
    assert (received.path, received.client) == ("/else/v1/traces?key=a", "joe")
    assert (received.header("Authorization"), received.header("Content-Encoding")) == (
        ["Bearer own"],
        ["gzip"],
    )
    assert wire.ExportTraceServiceRequest.FromString(gzip.decompress(received.body)).resource_spans


def test_through_the_environments_proxy(
    file: Path, receiver: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "https://otlp.example:4318"
    say(file, {url: {"certificate-authority": "../ca.pem", "tls-server-name": "127.0.0.1"}})
    with http_proxy(receiver.address) as relay:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{relay.address}")
        send(url)
    assert relay.asked[0].startswith("CONNECT otlp.example:4318 ")


def test_an_authority_that_is_not_trusted_names_the_file(file: Path, receiver: Loopback) -> None:
    with pytest.raises(Unreachable) as caught:
        send(receiver.url)
    said = f"{receiver.url} took no spans: the certificate of {receiver.url} is not trusted: "
    assert caught.value.message.startswith(said)
    assert str(file) in (caught.value.hint or "")


def test_a_certificate_that_has_expired_is_the_next_step(
    receiver: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(*_: Any, **__: Any) -> Any:
        raise unreachable(receiver.url, untrusted(10, "certificate has expired"), of_cluster=False)

    monkeypatch.setattr(Transport, "send", expired)
    with pytest.raises(Unreachable) as caught:
        send(receiver.url)
    assert caught.value.hint == "is the clock of this machine right? else the certificate must be renewed"


def test_authorities_of_the_environment_are_trusted(
    file: Path, receiver: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(file.parent.parent / "ca.pem"))
    send(receiver.url)
    assert len(receiver.received) == 1


def test_a_refusal_says_how_to_log_in(file: Path) -> None:
    with serve() as receiver:
        receiver.answer = lambda _: response(401, "no", "text/plain")
        with pytest.raises(Unreachable) as caught:
            send(receiver.url)
    assert caught.value.hint == f"OTEL_EXPORTER_OTLP_HEADERS logs in, or what {file} has for it"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("Authorization=Bearer a,hunter2", "header 2 of OTEL_EXPORTER_OTLP_HEADERS has no ="),
        ("hunter2", "header 1 of OTEL_EXPORTER_OTLP_HEADERS has no ="),
        (
            "a=1,,hunter 2=",
            "header 3 of OTEL_EXPORTER_OTLP_HEADERS does not begin with a header's name",
        ),
        (
            ":path=hunter2",
            "header 1 of OTEL_EXPORTER_OTLP_HEADERS does not begin with a header's name",
        ),
        ("=hunter2", "header 1 of OTEL_EXPORTER_OTLP_HEADERS does not begin with a header's name"),
        ("a=hunter2%0d", "the value of a has a line end in it"),
    ],
)
def test_headers_of_the_environment_that_are_none_are_not_shown(
    given: str,
    why: str,
    file: Path,
    receiver: Loopback,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """OpenTelemetry's parser would log them, and send the others."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", given)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(file.parent.parent / "ca.pem"))
    with pytest.raises(KagentError) as caught:
        send(receiver.url)
    assert caught.value.message == why
    assert "hunter" not in f"{caught.value.line}{caught.value.hint}{capfd.readouterr()}{caplog.text}"
    assert receiver.received == []


def test_the_variable_of_traces_is_the_one_that_is_named(
    receiver: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=b")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "hunter2")
    with pytest.raises(KagentError) as caught:
        send(receiver.url)
    assert caught.value.message == "header 1 of OTEL_EXPORTER_OTLP_TRACES_HEADERS has no ="


def test_values_of_the_environment_are_url_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", " A = a%2Cb ; c=d ,,X-Byte=%FF,")
    with serve() as receiver:
        receiver.answer = lambda _: TAKEN
        send(receiver.url)
    assert receiver.received[0].header("A") == ["a,b ; c=d"]
    assert receiver.received[0].header("X-Byte") == ["\xff"]


def test_a_proxy_that_nobody_is_is_what_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(KagentError) as caught:
        send("https://otlp.example:4318")
    assert caught.value.message.endswith("the connection to the proxy http://127.0.0.1:1 was refused")
    assert (
        caught.value.hint == "HTTPS_PROXY or HTTP_PROXY names the proxy, NO_PROXY what is reached without it"
    )


# Over gRPC


@contextmanager
def grpc_receiver(
    monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Its port, and for each request the metadata and the name in the client's certificate."""
    got: list[dict[str, Any]] = []

    class Sink(stubs.TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:
            names = context.auth_context().get("x509_common_name", [b""])
            got.append({**dict(context.invocation_metadata()), "client": names[0].decode()})
            return wire.ExportTraceServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(1))
    stubs.add_TraceServiceServicer_to_server(Sink(), server)
    if tls:
        certificate, key = authority().issue("server", "127.0.0.1")
        shown = grpc.ssl_server_credentials([(key, certificate)], authority().pem, require_client_auth=True)
        port = server.add_secure_port("127.0.0.1:0", shown)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    monkeypatch.setattr(otlp_receiver, "_GRPC_PORT", port)
    server.start()
    try:
        yield port, got
    finally:
        server.stop(None).wait()


def test_grpc_with_what_the_file_has(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with grpc_receiver(monkeypatch, tls=True) as (port, got):
        url = f"https://127.0.0.1:{port}"
        say(file, {url: {"certificate-authority": "../ca.pem", "tenant": "red", "token": "s", **pair()}})
        send(url)
    assert got[0]["client"] == "jane"
    assert (got[0]["x-scope-orgid"], got[0]["authorization"]) == ("red", "Bearer s")


@pytest.mark.parametrize("setting", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_grpc_trusts_the_authorities_of_the_environment(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """As HTTP does; gRPC itself brings its own and has a variable of its own."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "README").write_text("for OpenSSL a certificate is called by its hash")
    for name in ("0a1b2c3d.0", "0a1b2c3d.1"):  # the same in several files is no matter
        (folder / name).write_bytes(authority().pem)
    monkeypatch.setenv("SSL_CERT_FILE", "/none")
    monkeypatch.setenv(setting, str(folder if setting == "SSL_CERT_DIR" else tmp_path / "ca.pem"))
    with grpc_receiver(monkeypatch, tls=True) as (port, got):
        say(file, {f"https://127.0.0.1:{port}": pair()})
        send(f"https://127.0.0.1:{port}")
    assert got[0]["client"] == "jane"


def test_grpc_goes_through_the_environments_proxy_by_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        grpc_receiver(monkeypatch, tls=False) as (port, got),
        http_proxy(f"127.0.0.1:{port}", wants=BASIC) as relay,
    ):
        monkeypatch.setenv("HTTP_PROXY", f"http://jane:p%20w@{relay.address}")
        monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:1")
        send(f"http://otlp.example:{port}")
        send(f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HTTP_PROXY", f"socks5://{relay.address}")
        with pytest.raises(Unreachable) as caught:
            send(f"http://otlp.example:{port}")
    assert [head.splitlines()[0] for head in relay.asked] == [f"CONNECT otlp.example:{port} HTTP/1.1"]
    assert len(got) == 2
    assert caught.value.message == (
        f"http://otlp.example:{port} took no spans: gRPC knows no way through socks5h://{relay.address}, "
        "only through http:// proxies"
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("X-Key=hunter%C5%81", "the value of x-key is not ASCII, as gRPC wants it"),
        ("X-Key=hunter%FF", "the value of x-key is not ASCII, as gRPC wants it"),
        ("X-Key=hunter%09", "the value of x-key is not ASCII, as gRPC wants it"),
        (
            "X-Key-Bin=hunter",
            "gRPC sends no header x-key-bin: a name is of a-z, 0-9, _, . and -, without -bin at its end",
        ),
        (
            "X!Key=hunter",
            "gRPC sends no header x!key: a name is of a-z, 0-9, _, . and -, without -bin at its end",
        ),
    ],
)
def test_a_header_that_grpc_can_not_send_is_not_shown(
    given: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", given)
    with grpc_receiver(monkeypatch, tls=False) as (port, got), pytest.raises(KagentError) as caught:
        send(f"http://127.0.0.1:{port}")
    assert (caught.value.message, got) == (why, [])


def test_grpc_takes_names_in_any_case(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Own=a")
    with grpc_receiver(monkeypatch, tls=False) as (port, got):
        say(file, {f"http://127.0.0.1:{port}": {"headers": {"X-File": "b"}}})
        send(f"http://127.0.0.1:{port}")
    assert (got[0]["x-own"], got[0]["x-file"]) == ("a", "b")
