"""The names in spans and in the metrics made of them, once: who writes each, and since when.

Attributes are of OpenTelemetry's conventions for generative AI (``gen_ai.*``), of ADK
(``gcp.vertex.agent.*``) and of kagent (``kagent.*``), as both runtimes of kagent 0.10 write them.
"""

from __future__ import annotations

# Attributes of spans.
OPERATION = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
TASK = "gen_ai.task.id"
SESSION = "gen_ai.conversation.id"
MODEL = "gen_ai.request.model"
INPUT_TOKENS, OUTPUT_TOKENS = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
FINISH_REASONS = "gen_ai.response.finish_reasons"  # a list of texts
TOKEN_TYPE = "gen_ai.token.type"
TOOL_NAME, TOOL_CALL_ID = "gen_ai.tool.name", "gen_ai.tool.call.id"
TOOL_ARGUMENTS, TOOL_RESPONSE = "gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response"
LLM_REQUEST, LLM_RESPONSE = "gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response"
# The same by OpenTelemetry's conventions
TOOL_CALL_ARGUMENTS, TOOL_CALL_RESULT = "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"
INPUT_MESSAGES, OUTPUT_MESSAGES = "gen_ai.input.messages", "gen_ai.output.messages"
# By which OpenLLMetry, OpenInference and LangSmith say what a span is: kagent's runtimes have none of them.
OTHER_KINDS = ("traceloop.span.kind", "openinference.span.kind", "langsmith.span.kind")
APP_NAME, USER = "kagent.app_name", "kagent.user_id"
# Of turns that ``trace export`` made.
TASK_STATE, TASK_QUESTION = "kagent.task.state", "kagent.task.question"

# Attributes of resources.
SERVICE_NAME = "service.name"  # an agent's name with underscores
SERVICE_NAMESPACE = "service.namespace"  # with underscores, as the runtimes write it
NAMESPACE = "k8s.namespace.name"

# Values of OPERATION.
INVOKE_AGENT = "invoke_agent"
EXECUTE_TOOL = "execute_tool"
GENERATE_CONTENT = "generate_content"
CHAT = "chat"  # of a model's client, by the conventions

# Names of spans: ADK's around a turn, and around a call of the model with what it prepares.
INVOCATION = "invocation"
CALL_LLM = "call_llm"
# Of the model's client library, in the Python runtime. The runtime's own span of a streamed call also holds
# the tools that were called meanwhile. From the instrumentation that kagent 0.10 installs (opentelemetry-
# instrumentation-openai, -anthropic and -google-generativeai 0.52); Ollama's client has none.
MODEL_CLIENTS = (
    "openai.chat",
    "anthropic.chat",
    "gemini.generate_content",
    "gemini.generate_content_stream",
)

# The controller has a span of each turn too.
CONTROLLER = "kagent-controller"
# The Go runtime's own value of TOOL_NAME, beside the spans of tools that ran in parallel.
MERGED_TOOLS = "(merged tools)"

# Of the OpenTelemetry Collector's connector spanmetrics: this prefix is its default since 0.109, and seconds
# are its `histogram: {unit: s}`. Seen with 0.159.
SPAN_CALLS = "traces_span_metrics_calls_total"
SPAN_SECONDS = "traces_span_metrics_duration_seconds_bucket"
# Before 0.109 they had no prefix, and some set `namespace: traces.spanmetrics`: the newest first. Without
# `unit: s` durations are in milliseconds; `add_metric_suffixes: false` of an exporter leaves out `_total`.
SPAN_PREFIXES = ("traces_span_metrics_", "traces_spanmetrics_", "")
SPAN_NAMES = f"({'|'.join(SPAN_PREFIXES)})(calls(_total)?|duration_(milli)?seconds_bucket)"
# Of Tempo's metrics generator, which calls a service by another label; what else tells the calls of agents
# apart is there only where its settings have it among the `dimensions`.
TEMPO_CALLS, TEMPO_SECONDS = "traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket"
TEMPO_SERVICE = "service"
# Its own labels of every series.
SPAN_NAME = "span_name"
STATUS_CODE = "status_code"
LESS_OR_EQUAL = "le"
ERROR = "STATUS_CODE_ERROR"
# Of our collector's connector signaltometrics: tokens of each call of a model, with NAMESPACE and AGENT_NAME
# (both with dashes), MODEL, and TOKEN_TYPE, whose values are these.
MODEL_TOKENS = "kagent_model_tokens_total"
INPUT, OUTPUT = "input", "output"
# What a token costs in US dollars, by model and type: a recording rule that a team writes.
PRICE = "kagent:price_usd_per_token"
PRICE_MODEL, PRICE_TYPE = "model", "type"
# SERVICE_NAMESPACE/SERVICE_NAME, where the namespace is no dimension: the exporter's job, which Prometheus
# renames when it has one of its own.
JOBS = ("exported_job", "job")


def label(attribute: str) -> str:
    """An attribute as the label that Prometheus makes of it."""
    return attribute.replace(".", "_")
