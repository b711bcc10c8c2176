"""An OTLP receiver: what takes our spans, at the address that the user gives.

OpenTelemetry's own environment variables for headers, certificates and compression count more than what
``services.yaml`` has for the address.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kubectl_kagent.cluster.headers import header_bytes, is_header_name
from kubectl_kagent.cluster.http import is_address, services_file, shown
from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, Unreachable, Untrusted, UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from kubectl_kagent.cluster.services import Service

_GRPC_PORT = 4317  # OTLP's own; any other port is spoken to over HTTP
_PROTOBUF = "application/x-protobuf"
_PORTS = "an OTLP receiver has 4317 for gRPC, 4318 for HTTP"
_GRPC_NAME = re.compile(r"[0-9a-z_.-]*(?<!-bin)")  # -bin would make its value bytes, in base64
_GRPC_VALUE = re.compile(r"[ -~]*")


def address(text: str) -> str:
    """The URL that ``text`` means; http where it names no scheme. Raises UsageError for anything else."""
    url = text if "://" in text else f"http://{text}"
    if not is_address(url):
        raise UsageError(
            f'"{shown(text)}" is not a URL of an OTLP receiver',
            hint="write http://HOST:4317 (gRPC) or http://HOST:4318",
        )
    return url


def send(spans: Sequence[ReadableSpan], text: str, *, seconds: float) -> None:
    """Send spans to the receiver at ``text``; ``seconds`` is how long its answer may take.

    Raises Unreachable unless it says that it took all of them: a login page answers 200 as well. Raises
    KagentError for certificates and headers that can't be used.
    """
    url = address(text)
    name = shown(url)
    over = _over_grpc if urlsplit(url).port == _GRPC_PORT else _over_http
    try:
        partial = over(spans, _service(url), seconds).partial_success
    except _NoAnswer as error:
        raise Unreachable(f"{name} took no spans: {error.why}", error.hint) from error
    if partial.rejected_spans:
        why = _line(partial.error_message) or "it does not say why"
        raise Unreachable(f"{name} rejected {partial.rejected_spans} of {len(spans)} spans: {why}")


class _NoAnswer(Exception):
    """What came instead of an ExportTraceServiceResponse (which has no types for mypy)."""

    def __init__(self, why: str, hint: str = _PORTS) -> None:
        super().__init__(why)
        self.why = _line(why)
        self.hint = hint


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _service(url: str) -> Service:
    """What ``services.yaml`` has for the receiver, and OpenTelemetry's environment in its place."""
    from kubectl_kagent.cluster import lazy_imports as lean

    lean.load()
    from kubectl_kagent.cluster.services import service
    from kubectl_kagent.cluster.tls import Pair, read

    found = service(url)
    authority, key, certificate = map(_setting, ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"))
    if authority:
        found = replace(found, authority=read(authority))
    if certificate:
        found = replace(found, pair=Pair(read(certificate), read(key or certificate)))
    return found


def _headers(found: Service) -> dict[str, str]:
    """Those of the address and those of OpenTelemetry's environment, in small letters."""
    login = (
        {"authorization": found.login.current().authorization} if found.login.current().authorization else {}
    )
    own = {name.lower(): value for name, value in found.headers}
    return {**own, **login, **_headers_of_environment()}


def _headers_of_environment() -> dict[str, str]:
    """``NAME=VALUE,NAME=VALUE``, with the values URL-encoded, as OpenTelemetry has it.

    Its own parser prints what it does not understand, which may be a token, and leaves it out. Raises
    KagentError that shows nothing of it: what follows a comma in a token looks like a name.
    """
    found: dict[str, str] = {}
    for number, part in enumerate(_setting("HEADERS").split(","), 1):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if part.strip() and not (equals and is_header_name(name)):
            why = "does not begin with a header's name" if equals else "has no ="
            raise KagentError(
                f"header {number} of {_variable('HEADERS')} {why}",
                hint="write NAME=VALUE,NAME=VALUE, and %2C for a comma in a value; nothing was sent",
            )
        if equals:
            found[name] = unquote(value.strip(), errors="surrogateescape")
    return found


def _over_http(spans: Sequence[ReadableSpan], found: Service, seconds: float) -> Any:
    """Without the exporter, which takes any answer below 400 for a yes."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    from kubectl_kagent.cluster.answers import whole
    from kubectl_kagent.cluster.login import Fixed
    from kubectl_kagent.cluster.pool import environment_proxy
    from kubectl_kagent.cluster.refusals import error_text

    body = encode_spans(spans).SerializeToString()
    headers = {"Accept": f"{_PROTOBUF}, application/json", **_headers(found)}
    if _setting("COMPRESSION").strip().lower() == "gzip":
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    path = "" if (found.url.path or "").strip("/") else "/v1/traces"
    path += f"?{found.url.query}" if found.url.query else ""
    try:
        transport = replace(found, login=Fixed()).transport(timeout=seconds)
        response = transport.send(
            "POST", path, body=body, content_type=_PROTOBUF, timeout=seconds, headers=headers
        )
        data = whole(response, shown(str(found.url)))
    except Untrusted as error:
        raise _NoAnswer(error.message, error.hint or _PORTS) from error
    except Unreachable as error:
        through = environment_proxy(found.url)  # then it is the way that has to be looked at
        raise _NoAnswer(error.message, (through and error.hint) or _PORTS) from error
    kind = response.headers.get("Content-Type", "")
    if not 200 <= response.status < 300:
        hint = _login_hint() if response.status in (401, 403) else _PORTS
        raise _NoAnswer(f"it answered {response.status}: {error_text(kind, data)}", hint)
    return _read(kind, data)


def _read(kind: str, data: bytes) -> Any:
    """An ExportTraceServiceResponse, in either of its spellings."""
    from google.protobuf.json_format import Parse, ParseError
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    media_type = kind.partition(";")[0].strip().lower()
    try:
        if media_type == "application/json":
            _check_json(data)
            return Parse(data, ExportTraceServiceResponse())
        if media_type != _PROTOBUF and (data or media_type == "text/html"):
            raise _NoAnswer(f"it answered with {kind or 'no content type'}")
        found = ExportTraceServiceResponse.FromString(data)
        if data and not found.ListFields():  # another message, such as google.rpc.Status
            raise ValueError("no message")
        return found
    except (ParseError, DecodeError, ValueError, RecursionError):
        raise _NoAnswer("its answer is not that of an OTLP receiver") from None


def _check_json(data: bytes) -> None:
    """Raises ValueError for what protobuf takes for a message without any fields."""
    found = from_json(data)
    partial = found.get("partialSuccess", found.get("partial_success")) if isinstance(found, dict) else found
    if not isinstance(found, dict) or not isinstance(partial, dict | None):
        raise ValueError("no message")


def _over_grpc(spans: Sequence[ReadableSpan], found: Service, seconds: float) -> Any:
    """Without the exporter, which throws the answer away."""
    import grpc
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

    from kubectl_kagent.cluster.tls import default_authorities

    metadata = _metadata(_headers(found))
    credentials = None
    if found.url.scheme == "https":
        certificate, key = (found.pair.certificate, found.pair.key) if found.pair else (None, None)
        # without any gRPC takes those that it brings, which are not the system's
        trusted = found.authority or default_authorities() or None
        credentials = grpc.ssl_channel_credentials(trusted, key, certificate)
    target, options = f"{found.url.host}:{found.url.port}", _channel_options(found)
    with (
        grpc.secure_channel(target, credentials, options)
        if credentials
        else grpc.insecure_channel(target, options)
    ) as channel:
        try:
            return TraceServiceStub(channel).Export(encode_spans(spans), timeout=seconds, metadata=metadata)
        except grpc.RpcError as error:
            refused = error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
            hint = _login_hint() if refused else _PORTS
            raise _NoAnswer(f"{error.code().name} {error.details()}", hint) from error


def _metadata(headers: dict[str, str]) -> list[tuple[str, str]]:
    """Headers as gRPC has them. Raises KagentError for what it can't send: it would print all of them."""
    for name, value in headers.items():
        header_bytes(name, value)
        if not _GRPC_NAME.fullmatch(name):
            why = f"gRPC sends no header {name}: a name is of a-z, 0-9, _, . and -, without -bin at its end"
            raise KagentError(why, hint="nothing was sent; port 4318 takes the same over HTTP")
        if not _GRPC_VALUE.fullmatch(value):
            raise KagentError(f"the value of {name} is not ASCII, as gRPC wants it", hint="nothing was sent")
    return list(headers.items())


def _channel_options(found: Service) -> list[tuple[str, str | int]]:
    """gRPC has rules of its own for the environment's proxies; we have one way for all."""
    from kubectl_kagent.cluster.pool import environment_proxy

    proxy = environment_proxy(found.url)
    if proxy and proxy.scheme != "http":
        raise _NoAnswer(f"gRPC knows no way through {shown(str(proxy))}, only through http:// proxies")
    way: tuple[str, str | int] = ("grpc.http_proxy", str(proxy)) if proxy else ("grpc.enable_http_proxy", 0)
    return [way, *([("grpc.ssl_target_name_override", found.server_name)] if found.server_name else [])]


def _login_hint() -> str:
    return f"OTEL_EXPORTER_OTLP_HEADERS logs in, or what {services_file()} has for it"


def _setting(name: str) -> str:
    """What OpenTelemetry's environment says for traces, else for all signals."""
    return os.environ.get(_variable(name), "")


def _variable(name: str) -> str:
    for_traces = f"OTEL_EXPORTER_OTLP_TRACES_{name}"
    return for_traces if os.environ.get(for_traces) else f"OTEL_EXPORTER_OTLP_{name}"
