"""An OTLP receiver: what takes our spans, at the address that the user gives."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kubectl_kagent.errors import Usage

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_GRPC_PORT = 4317  # OTLP's own; any other port is spoken to over HTTP


def address(text: str) -> str:
    """The URL that ``text`` means; http where it names no scheme. Raises Usage for what is none."""
    url = text if "://" in text else f"http://{text}"
    if not _is_address(url):
        raise Usage(
            f'"{text}" is no address of an OTLP receiver',
            hint="write http://HOST:4317 (gRPC) or http://HOST:4318",
        )
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of brackets, or of a port that is no number
        return False


def exporter(text: str, *, seconds: float) -> SpanExporter:
    """What sends spans there, and waits so long for an answer; failures are told by its result alone."""
    import logging

    for name in ("opentelemetry.exporter.otlp", "opentelemetry.sdk"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    url = address(text)
    parts = urlsplit(url)
    if parts.port == _GRPC_PORT:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        return Grpc(endpoint=url, insecure=parts.scheme == "http", timeout=seconds)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Http(endpoint=url if parts.path.strip("/") else f"{url.rstrip('/')}/v1/traces", timeout=seconds)
