"""The spans that the real controller makes: one for each request, and `invoke_agent` around a turn."""

import re
import socket
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.lab.standin.cache import Cache
from tests.lab.standin.kinds import AGENT, MODEL_CONFIG, Key
from tests.lab.standin.sources import NotFound

_CALL = re.compile(r"/api/a2a/([^/]+)/([^/]+)/?")
_PROVIDERS = {"OpenAI": "openai", "Anthropic": "anthropic", "Ollama": "ollama"}


class Tracing:
    """Sends spans where OTEL_EXPORTER_OTLP_ENDPOINT says."""

    def __init__(self, cache: Cache, namespace: str) -> None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = {
            "service.name": "kagent-controller",
            "service.namespace": "kagent",
            "service.instance.id": socket.gethostname(),
            "k8s.namespace.name": namespace,
        }
        self._provider = TracerProvider(resource=Resource.create(resource))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._propagator = TraceContextTextMapPropagator()
        self._cache = cache

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def around(self, app: ASGIApp) -> ASGIApp:
        async def run(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/health":
                await app(scope, receive, send)
                return
            parent = self._propagator.extract(Headers(scope=scope))
            attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
            name = f"{scope['method']} {scope['path']}"
            with self._span("stand-in", name, attributes, parent) as span:

                async def note(message: Message) -> None:
                    if "status" in message:
                        span.set_attribute("http.response.status_code", message["status"])
                    await send(message)

                call = _CALL.fullmatch(scope["path"])
                if not call:
                    await app(scope, receive, note)
                    return
                with self._span("kagent", "invoke_agent", self._agent(Key(*call.groups()))):
                    await app(self._continued(scope), receive, note)

        return run

    def _span(self, scope: str, name: str, attributes: Mapping[str, str], parent: Any = None) -> Any:
        from opentelemetry.trace import SpanKind

        tracer = self._provider.get_tracer(scope)
        return tracer.start_as_current_span(name, parent, kind=SpanKind.SERVER, attributes=attributes)

    def _continued(self, scope: Scope) -> Scope:
        """The request as a part of the current span: its traceparent is what goes on to the agent."""
        changed = {**scope, "headers": list(scope["headers"])}
        self._propagator.inject(MutableHeaders(scope=changed))
        return changed

    def _agent(self, key: Key) -> dict[str, str]:
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": self._provider_name(key),
            "gen_ai.agent.name": key.name,
            "gen_ai.agent.id": str(key),
        }

    def _provider_name(self, key: Key) -> str:
        try:
            declarative = self._cache.get(AGENT, key)["spec"]["declarative"]
            name = declarative.get("modelConfig") or "default-model-config"
            model = self._cache.get(MODEL_CONFIG, Key(key.namespace, name))
        except (NotFound, KeyError):
            return "kagent"
        return _PROVIDERS.get(model["spec"].get("provider", ""), "kagent")
