"""The client as the root of a turn's trace: one span over the whole turn, sent to an OTLP endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubectl_kagent.backends import otlp_receiver
from kubectl_kagent.conversation.conversation import Exchange
from kubectl_kagent.errors import KagentError
from kubectl_kagent.masking import masked
from kubectl_kagent.wire import semconv

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Span

SERVICE_NAME = "kubectl-kagent"
_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class RootSpan:
    """A span that is open; ``end`` sends it."""

    endpoint: str
    span: Span
    _ended: Any

    @classmethod
    def begin(cls, endpoint: str, agent: str) -> RootSpan:
        """Open one for a turn with ``agent``; nothing is sent yet."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opentelemetry.trace import SpanKind

        ended = InMemorySpanExporter()
        provider = TracerProvider(resource=Resource({"service.name": SERVICE_NAME}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(ended))
        span: Any = provider.get_tracer(SERVICE_NAME).start_span(f"chat {agent}", kind=SpanKind.CLIENT)
        span.set_attribute(semconv.AGENT_NAME, agent)
        return cls(endpoint, span, ended)

    @property
    def trace_id(self) -> str:
        return f"{self.span.get_span_context().trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """The header that makes the agent's spans children of this one (W3C trace context, sampled)."""
        return f"00-{self.trace_id}-{self.span.get_span_context().span_id:016x}-01"

    def end(self, turn: Exchange) -> str:
        """Close and send it; why it could not be sent, empty when it was."""
        from opentelemetry.trace import StatusCode

        self.span.set_attribute(semconv.SESSION, turn.session)
        self.span.set_attribute(semconv.TASK, turn.task)
        if turn.state not in ("completed", "input-required"):
            self.span.set_status(
                StatusCode.ERROR, masked(f"{turn.state or 'unknown'} {turn.message}".strip())
            )
        self.span.end()
        try:
            otlp_receiver.send(self._ended.get_finished_spans(), self.endpoint, seconds=_TIMEOUT_SECONDS)
        except KagentError as error:
            return f"the trace could not be sent: {error.message}"
        return ""
