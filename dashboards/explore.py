"""Explore: who uses whom, and traces and logs of a conversation, an agent or a word."""

from __future__ import annotations

from grafanalib import core

from dashboards import agent_workload, panels, surroundings, tables
from dashboards.layout import Row
from dashboards.targets import LOKI, column, line_counts, lines, search

UID = "kagent-explore"
_DECLARED = 'cluster=~"$cluster",namespace=~"$namespace",name=~"$agent"'
_TURN = agent_workload.TURN
_WORD = '|~ "(?i)${word}"'
_NO_TRACES = "no traces: is tracing on, and is Tempo the data source?"
_NO_LOGS = "no lines: are the logs collected (DaemonSet kagent-logs)?"
_NO_STATE = "no kagent_agent_tool_ref_info: is kagent-state-metrics scraped, and has an agent a tool?"
CONVERSATION = surroundings.text("conversation", "Conversation")
WORD = surroundings.text("word", "Word in logs")


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("Traces", _traces()),
        Row("Logs", _logs()),
        Row("Who uses whom", _edges()),
    ]
    description = (
        "Traces and logs by conversation, agent or word; which agent uses which server and which agent."
    )
    variables = [surroundings.NAMESPACE, surroundings.AGENT, CONVERSATION, WORD]
    return surroundings.dashboard(UID, "kagent / Explore", description, rows, variables=variables)


def _traces() -> list[panels.House]:
    size = (24, 7)
    return [
        tables.traces(
            "Spans of a conversation",
            "What agents, models and tools did in the conversation whose id stands above, or in any: "
            "kubectl kagent sessions list shows the ids. The beginning of an id is enough.",
            search(
                '{ span.gen_ai.conversation.id =~ "${conversation}.*" '
                '&& span.gen_ai.operation.name =~ "invoke_agent|execute_tool|generate_content" }',
                table="spans",
                limit=50,
            ),
            missing=_NO_TRACES,
            size=size,
        ),
        tables.traces(
            "Turns of the chosen agents",
            "The newest turns, as the controller saw them.",
            search(f"{{ {_TURN} }}", limit=50),
            missing=_NO_TRACES,
            size=size,
        ),
        tables.traces(
            "Turns longer than half a minute",
            "Turns that took more than 30 seconds. The time that an approval waits for a person is none of "
            "it.",
            search(f"{{ {_TURN} && duration > 30s }}"),
            missing="no turn took that long, or Tempo is not the data source",
            size=size,
        ),
        tables.traces(
            "Turns that called another agent",
            "Turns with another agent's turn below them.",
            search(f'{{ {_TURN} }} >> {{ name = "invoke_agent" }}'),
            missing="no agent called another, or Tempo is not the data source",
            size=size,
        ),
    ]


def _logs() -> list[panels.House]:
    each = agent_workload.LOGS
    matching = f"sum(count_over_time({each} {_WORD} [$__auto]))"
    return [
        panels.timeseries(
            "Lines with the word",
            "Lines of the agents' pods that match the word above (a regular expression, upper or lower "
            "case); all lines without one.",
            line_counts(matching, "lines"),
            unit="short",
            missing=_NO_LOGS,
            bars=True,
            datasource=LOKI,
            size=(24, 6),
        ),
        tables.logs(
            "Log of the chosen agents",
            "Lines that match the word, the newest 200. A trace id in a line leads to its trace; the "
            "runtimes write none themselves, gateways do.",
            lines(f"{each} {_WORD}"),
            missing=_NO_LOGS,
        ),
    ]


def _edges() -> list[panels.House]:
    refs = f"kagent_agent_tool_ref_info{{{_DECLARED}}}"
    server = f'label_replace({refs}, "target", "$1", "mcp_server", "(.+)")'
    either = f'label_replace({server}, "target", "$1", "ref_agent", "(.+)")'
    named = f'label_replace({either}, "source", "$1", "name", "(.+)")'
    edge = f'label_join({named}, "id", "/", "namespace", "source", "target")'
    return [
        panels.graph(
            "Agents, their servers, and the agents they call",
            "What agents declare, not what they do: a line from each agent to every MCP server and agent "
            "that it names. Names without their namespace: two of one name are one dot.",
            column(f"count by (cluster, id, source, target) ({edge})"),
            missing=_NO_STATE,
            size=(12, 12),
        ),
        tables.table(
            "The same as a table",
            "Which agent names which MCP server or agent.",
            column(f"count by (cluster, namespace, name, mcp_kind, mcp_server, ref_agent) ({refs})"),
            columns=[
                ("namespace", "Namespace"),
                ("name", "Agent"),
                ("mcp_kind", "Kind"),
                ("mcp_server", "MCP server"),
                ("ref_agent", "Calls agent"),
            ],
            missing=_NO_STATE,
            size=(12, 12),
        ),
    ]
