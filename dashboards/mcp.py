"""MCP servers and tools: which server is down, which tool fails or is slow, which nobody calls."""

from __future__ import annotations

from grafanalib import core

from dashboards import panels, queries, surroundings, tables, tools
from dashboards.fields import GREEN, GREY, ORANGE, RED, by_pattern, override, steps, values, without_value
from dashboards.layout import Row
from dashboards.queries import AGENTS, INTERVAL, by, count, of_pods, part, ratio, total
from dashboards.surroundings import choice
from dashboards.targets import column, now, over_time

UID = "kagent-mcp"
_WHERE = 'cluster=~"$cluster",namespace=~"$namespace"'
_SERVERS = f'{_WHERE},name=~"$server"'
_TOOLS = f'{AGENTS},tool=~"$tool"'
_BUILT_IN = 'cluster=~"$cluster",job="kagent-tools",tool_name=~"$tool"'
_SIDECARS = f'{_WHERE},job="agentgateway",server=~"$server"'
_NO_STATE = "no kagent_mcpserver_* series: is kagent-state-metrics scraped?"
_NO_CALLS = "no calls of tools recorded: is tracing on and the collector scraped?"
_NO_BUILT_IN = "no kagent_tools_mcp_* series: is the kagent-tools server scraped?"
_NO_SIDECARS = "no tool_calls_total: are the sidecars of stdio servers scraped (port 15020)?"
_FAILED = by_pattern("failed.*", color={"mode": "fixed", "fixedColor": RED})
_BAD_ABOVE_0 = steps((None, GREEN), (1, RED))

# Servers of both kinds, those that run here and those that kagent only knows the address of.
_KINDS = '__name__=~"kagent_mcpserver_info|kagent_remotemcpserver_info"'
NAMESPACE = choice("namespace", f'label_values({{{_KINDS},cluster=~"$cluster"}}, namespace)')
SERVER = choice(
    "server",
    f"label_values({{{_KINDS},{_WHERE}}}, name)",
    label="MCP server",
)


def build() -> core.Dashboard:
    """The dashboard."""
    rows = [
        Row("MCP servers", [*_numbers(), _servers(), _conditions()]),
        Row("Tools, as agents call them", _tools()),
        Row("What servers count themselves", _counted_by_servers()),
    ]
    description = (
        "MCP servers and their tools: which server is down, which tool fails, is slow, or is never called."
    )
    variables = [NAMESPACE, surroundings.AGENT, surroundings.TOOL, SERVER]
    return surroundings.dashboard(
        UID, "kagent / MCP servers and tools", description, rows, variables=variables
    )


def _numbers() -> list[panels.House]:
    ready = f'kagent_mcpserver_status_condition{{{_SERVERS},type="Ready"}}'
    accepted = f'kagent_remotemcpserver_status_condition{{{_SERVERS},type="Accepted"}}'
    return [
        panels.stat(
            "Servers in the cluster",
            "MCPServers: servers that kmcp runs as pods of the cluster.",
            now(_number_of("kagent_mcpserver_info")),
            unit="none",
            missing=_NO_STATE,
        ),
        panels.stat(
            "Not ready",
            "MCPServers whose Ready condition is not True. kmcp doesn't look again when pods die later, so "
            "the pods in the table below are the surer sign.",
            now(f"count({ready} == 0) or count({ready}) * 0"),
            unit="none",
            missing="no MCPServer, or kagent-state-metrics is not scraped",
            thresholds=_BAD_ABOVE_0,
        ),
        panels.stat(
            "Remote servers",
            "RemoteMCPServers: servers somewhere, whose address kagent has been given.",
            now(_number_of("kagent_remotemcpserver_info")),
            unit="none",
            missing=_NO_STATE,
        ),
        panels.stat(
            "Remote, not reached",
            "RemoteMCPServers that the controller couldn't ask for their tools in its last look, a minute "
            "ago at most. Agents still offer the tools found before.",
            now(f"count({accepted} == 0) or count({accepted}) * 0"),
            unit="none",
            missing="no RemoteMCPServer, or kagent-state-metrics is not scraped",
            thresholds=_BAD_ABOVE_0,
        ),
        panels.stat(
            "Calls of tools",
            "Calls of tools by agents in the time range; an approval that was asked for counts once it has "
            "been answered.",
            now(count(tools.CALLS, _TOOLS)),
            unit="short",
            missing=_NO_CALLS,
        ),
        panels.stat(
            "Failed calls",
            "Share of calls of tools that failed: the server says so, or can't be reached. A model that "
            "tries again with better arguments makes a failure of its first try all the same.",
            now(ratio(tools.FAILURES, tools.CALLS, _TOOLS)),
            unit="percentunit",
            missing=_NO_CALLS,
            thresholds=steps((None, GREEN), (0.05, ORANGE), (0.2, RED)),
            decimals=1,
        ),
    ]


def _number_of(info: str) -> str:
    """How many servers of a kind; agents tell that none is none, and not a lack of data."""
    return f'count({info}{{{_SERVERS}}}) or count(kagent_agent_info{{cluster=~"$cluster"}}) * 0'


def _servers() -> panels.House:
    each = by("namespace", "name")
    yes = values(_0=("No", RED), _1=("Yes", GREEN))
    replicas = f'{_SERVERS},kind="MCPServer"'
    used = f'kagent_agent_tool_ref_info{{{_WHERE},mcp_server=~"$server",mcp_server!=""}}'
    known = f"{{{_KINDS},{_SERVERS}}}"
    users = queries.renamed(f"count {by('namespace', 'mcp_server')} ({used})", "mcp_server", "name")
    return tables.table(
        "Servers",
        "Every MCP server: whether the controller could use it at its last look, its pods if it runs here, "
        "the tools it offers (remote ones only: kagent publishes no others), restarts in the time range, "
        "and how many agents of its namespace name it. Whether a tool works only a call shows: kubectl "
        "kagent tools call.",
        column(f'max {each} (kagent_mcpserver_status_condition{{{_SERVERS},type="Ready"}})'),
        column(f'max {each} (kagent_remotemcpserver_status_condition{{{_SERVERS},type="Accepted"}})'),
        column(f"max {each} (kagent:workload_replicas:available{{{replicas}}})"),
        column(f"max {each} (kagent:workload_replicas:desired{{{replicas}}})"),
        column(queries.restarts(replicas, "namespace", "name")),
        column(f"count {each} (kagent_remotemcpserver_tool_info{{{_SERVERS}}})"),
        column(f"max {each} ({users})\nand on (cluster, namespace, name) {known}"),
        columns=[
            ("namespace", "Namespace"),
            ("name", "Server"),
            ("Value #A", "Ready"),
            ("Value #B", "Reached"),
            ("Value #C", "Pods"),
            ("Value #D", "Wanted"),
            ("Value #E", "Restarts"),
            ("Value #F", "Tools"),
            ("Value #G", "Used by"),
        ],
        overrides=[
            override(
                "Ready", mappings=[*yes, *without_value(GREY)], custom__cellOptions={"type": "color-text"}
            ),
            override(
                "Reached", mappings=[*yes, *without_value(GREY)], custom__cellOptions={"type": "color-text"}
            ),
        ],
        sort=("Ready", False),
        missing=_NO_STATE,
        size=(14, 9),
    )


def _conditions() -> panels.House:
    each = by("namespace", "name", "type")
    local = f"max {each} (kagent_mcpserver_status_condition{{{_SERVERS}}})"
    remote = f"max {each} (kagent_remotemcpserver_status_condition{{{_SERVERS}}})"
    return panels.timeline(
        "Conditions",
        "What the controllers say of each server, over time: red is False.",
        over_time(f"{local} or {remote}", "{{name}} {{type}}", step="1m"),
        mappings=values(_0=("False", RED), _1=("True", GREEN)),
        missing=_NO_STATE,
        size=(10, 9),
    )


def _tools() -> list[panels.House]:
    return [
        tools.by_agent("Tools by agent", _TOOLS, missing=_NO_CALLS),
        panels.timeseries(
            "Calls by tool",
            "Calls of each tool in each interval, of all chosen agents together; a bar is there when its "
            "interval is over.",
            over_time(count(tools.CALLS, _TOOLS, "tool", window=INTERVAL), "{{tool}}", step=queries.BAR),
            unit="short",
            missing=_NO_CALLS,
            bars=True,
            size=(8, 9),
        ),
        panels.timeseries(
            "Failed calls by tool",
            "Calls of each tool that failed in each interval.",
            over_time(
                part(tools.FAILURES, tools.CALLS, _TOOLS, "tool", window=INTERVAL),
                "{{tool}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_CALLS,
            bars=True,
            size=(8, 9),
        ),
        tools.durations("Duration by tool", _TOOLS, missing=_NO_CALLS, size=(8, 9)),
    ]


def _counted_by_servers() -> list[panels.House]:
    calls, failures = "kagent_tools_mcp_invocations_total", "kagent_tools_mcp_invocations_failure_total"
    offered = f"kagent_tools_mcp_registered_tools{{{_BUILT_IN}}}"
    never = f"{offered}\nunless on (cluster, tool_name) {total(calls, _BUILT_IN, 'tool_name')} > 0"
    memory = of_pods(
        'container_memory_working_set_bytes{container!="",container!="POD"}',
        f'{_SERVERS},kind="MCPServer"',
        "pod",
    )
    return [
        panels.timeseries(
            "Calls at kagent's own tool server",
            "Calls that kagent-tools counted in each interval, by tool, whoever called; red are those that "
            "failed.",
            over_time(
                count(calls, _BUILT_IN, "tool_name", window=INTERVAL), "{{tool_name}}", step=queries.BAR
            ),
            over_time(
                part(failures, calls, _BUILT_IN, "tool_name", window=INTERVAL),
                "failed {{tool_name}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_BUILT_IN,
            bars=True,
            overrides=[_FAILED],
            size=(6, 8),
        ),
        tables.table(
            "Tools that nobody called",
            "Tools of kagent-tools without a call in the time range. Each tool that an agent names costs "
            "tokens in every call of its model, called or not.",
            column(
                queries.or_none(f"max {by('tool_provider', 'tool_name')} ({never})", offered, "tool_name")
            ),
            columns=[("tool_provider", "Provider"), ("tool_name", "Tool")],
            missing=_NO_BUILT_IN,
            size=(6, 8),
        ),
        panels.timeseries(
            "Calls at the sidecars of stdio servers",
            "Calls that the agentgateway beside each stdio server counted in each interval, whoever called. "
            "It counts no failures and no durations: the panels above have those.",
            over_time(
                count("tool_calls_total", _SIDECARS, "server", "name", window=INTERVAL),
                "{{server}} {{name}}",
                step=queries.BAR,
            ),
            unit="short",
            missing=_NO_SIDECARS,
            bars=True,
            size=(6, 8),
        ),
        panels.timeseries(
            "Memory of servers in the cluster",
            "Memory that the kernel can't take back, by pod of an MCPServer.",
            over_time(memory, "{{pod}}"),
            unit="bytes",
            missing="no MCPServer runs here, or cAdvisor is not scraped",
            size=(6, 8),
        ),
    ]
