"""An OTLP receiver: what takes our spans, at the address that the user gives."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kubectl_kagent.cluster.http import is_address, shown
from kubectl_kagent.errors import Unreachable, UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_ANSWER_LIMIT = 1 << 20
_GRPC_PORT = 4317  # OTLP's own; any other port is spoken to over HTTP


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

    Raises Unreachable unless it says that it took all of them: a login page answers 200 as well. Headers and
    certificates come from OpenTelemetry's own environment variables.
    """
    url = address(text)
    name = shown(url)
    over = _over_grpc if urlsplit(url).port == _GRPC_PORT else _over_http
    try:
        partial = over(spans, url, seconds).partial_success
    except _NoAnswer as error:
        hint = "an OTLP receiver has 4317 for gRPC, 4318 for HTTP"
        raise Unreachable(f"{name} took no spans: {_line(str(error))}", hint) from error
    if partial.rejected_spans:
        why = _line(partial.error_message) or "it does not say why"
        raise Unreachable(f"{name} rejected {partial.rejected_spans} of {len(spans)} spans: {why}")


class _NoAnswer(Exception):
    """What came instead of an ExportTraceServiceResponse (which has no types for mypy)."""


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _over_http(spans: Sequence[ReadableSpan], url: str, seconds: float) -> Any:
    import logging

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.CRITICAL)  # it is told here
    whole = url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1/traces"
    session = _session()
    exporter = OTLPSpanExporter(endpoint=whole, timeout=seconds, session=session)
    try:
        exporter.export(spans)  # its own result takes any answer below 400 for a yes
    finally:
        exporter.shutdown()
    return session.result(shown(url))


def _session() -> Any:
    """A session for the exporter that keeps what the receiver said, and follows it nowhere else."""
    import requests
    from google.protobuf.json_format import Parse, ParseError
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    from kubectl_kagent.cluster.refusals import error_text
    from kubectl_kagent.cluster.unreachable import unreachable

    class _ReadingSession(requests.Session):
        error: Exception | None = None
        status: int = 0
        kind: str = ""
        body: bytes = b""

        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            self.error = None
            try:
                found = super().send(request, **{**kwargs, "allow_redirects": False, "stream": True})
                self.body = found.raw.read(_ANSWER_LIMIT, decode_content=True)
            except Exception as error:
                self.error = error
                raise
            self.status, self.kind = found.status_code, found.headers.get("Content-Type", "")
            found.close()
            found.raw = io.BytesIO(self.body)  # for the exporter, which reads it too
            return found

        def result(self, name: str) -> Any:
            if self.error is not None:
                raise _NoAnswer(unreachable(name, self.error, of_cluster=False).message)
            if not 200 <= self.status < 300:
                raise _NoAnswer(f"it answered {self.status}: {error_text(self.kind, self.body)}")
            try:
                if self.kind.startswith("application/json"):
                    return Parse(self.body, ExportTraceServiceResponse())
                if self.body and not self.kind.startswith("application/x-protobuf"):
                    raise _NoAnswer(f"it answered with {self.kind or 'no content type'}")
                return ExportTraceServiceResponse.FromString(self.body)
            except (ParseError, DecodeError, ValueError, RecursionError):
                raise _NoAnswer("its answer is not that of an OTLP receiver") from None

    return _ReadingSession()


def _over_grpc(spans: Sequence[ReadableSpan], url: str, seconds: float) -> Any:
    """Without the exporter, which throws the answer away."""
    import grpc
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
    from opentelemetry.util.re import parse_env_headers

    parts = urlsplit(url)
    target = f"{parts.hostname}:{parts.port}" if ":" not in (parts.hostname or "") else parts.netloc
    files = [_setting(name) for name in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")]
    try:
        secrets = [Path(name).read_bytes() if name else None for name in files]
    except OSError as error:
        raise _NoAnswer(f"{error.filename} can't be read") from error
    with (
        grpc.insecure_channel(target)
        if parts.scheme == "http"
        else grpc.secure_channel(target, grpc.ssl_channel_credentials(*secrets)) as channel
    ):
        headers = tuple(parse_env_headers(_setting("HEADERS"), liberal=True).items())
        try:
            return TraceServiceStub(channel).Export(encode_spans(spans), timeout=seconds, metadata=headers)
        except grpc.RpcError as error:
            raise _NoAnswer(f"{error.code().name} {error.details()}") from error


def _setting(name: str) -> str:
    """What OpenTelemetry's environment says for traces, else for all signals."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or os.environ.get(
        f"OTEL_EXPORTER_OTLP_{name}", ""
    )
