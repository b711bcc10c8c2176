"""Every metric and label that we query, once: who exposes it, and since when."""

# Of the OpenTelemetry Collector's connector spanmetrics: this prefix is its default since 0.109, and seconds
# are its `histogram: {unit: s}`. Seen with 0.159; Prometheus writes dots of OTLP as underscores.
SPAN_CALLS = "traces_span_metrics_calls_total"
SPAN_SECONDS = "traces_span_metrics_duration_seconds_bucket"

# What the connector puts on every series.
SERVICE = "service_name"  # an agent's name with underscores
SPAN = "span_name"
STATUS = "status_code"
LESS_OR_EQUAL = "le"
ERROR = "STATUS_CODE_ERROR"

# What it has as `dimensions`: attributes of spans, of both runtimes of kagent 0.10.
OPERATION = "gen_ai_operation_name"
TOOL = "gen_ai_tool_name"
MODEL = "gen_ai_request_model"
NAMESPACE = "service_namespace"  # with underscores, as the runtimes write it

# The namespace again, as NAMESPACE/SERVICE, where service.namespace is no dimension: the exporter's job,
# which Prometheus renames when it has one of its own.
JOBS = ("exported_job", "job")

# Values of OPERATION.
TURN = "invoke_agent"
TOOL_CALL = "execute_tool"
MODEL_CALL = "generate_content"

# The controller has a span of each turn too.
CONTROLLER = "kagent-controller"
# The Go runtime's own, beside the spans of tools that ran in parallel.
MERGED_TOOLS = "(merged tools)"
# Spans of the model's client library in the Python runtime. The runtime's own span of a streamed call also
# holds the tools that were called meanwhile.
MODEL_CLIENTS = ("openai.chat", "anthropic.chat")
