"""tools call: one tool of one server, without an agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click

from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.tools_target import tool_target
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, NotFound, ResourceMissing, Unreachable, UsageError
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, REMOTE_MCP_SERVER, Resource
from kubectl_kagent.model.tool_server import Tool
from kubectl_kagent.render.output import Output
from kubectl_kagent.tools import arguments as tool_arguments
from kubectl_kagent.tools.server import open_server


@command(short_help="Call a tool of an MCP server", exclusive=[("--arg", "--args-json")])
@click.argument(
    "named",
    metavar="[mcpserver/ | remotemcpserver/ | service/]NAME",
    shell_complete=completion.server,
)
@click.argument("tool", shell_complete=completion.server_tool)
@click.option(
    "--arg",
    "args",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the tool; VALUE is JSON, or else text.",
)
@click.option(
    "--args-json", type=click.File("r"), metavar="FILE", help="All arguments as a JSON object; - is stdin."
)
@click.option(
    "--timeout",
    type=Duration(),
    default="60s",
    show_default=True,
    help="How long the whole command may take.",
)
@terminal.secrets
@formats("json", "yaml", "jsonpath")
@options.connected
def call(
    cluster: Cluster,
    named: str,
    tool: str,
    args: tuple[str, ...],
    args_json: TextIO | None,
    timeout: float,
    output: Output,
) -> None:
    """Call a tool of an MCP server and print the result, without an agent and without an approval.

    A bare NAME is an MCPServer, or else a RemoteMCPServer. Arguments are checked against the tool's
    schema before the call. Exits with 1 when the tool says that it failed. What looks like a secret in the
    result is masked.

    \b
    kubectl kagent tools call datetime-mcp get_time --arg timezone=Europe/Berlin
    echo '{"query": "up"}' | kubectl kagent tools call remotemcpserver/prom query --args-json -
    """
    given: Sequence[tuple[str, str]] | Mapping[str, Any]
    given = _object(args_json) if args_json else [_pair(item) for item in args]
    resource, name, obj = _find(cluster, named)
    where = f"{resource.singular}/{name}"
    opened = open_server(cluster, where, resource, obj, timeout=timeout)
    if opened.left_out:
        terminal.warn(f"agents send {where} headers that are left out here: {', '.join(opened.left_out)}")

    def arguments(tools: Sequence[Tool]) -> Mapping[str, Any]:
        found = tool_arguments.find(tools, tool, where)
        values = given if isinstance(given, Mapping) else tool_arguments.typed(found, given)
        return tool_arguments.check(found, values, where)

    try:
        result = opened.server.call(tool, arguments)
    except Unreachable as error:
        hint = (
            f"kubectl kagent describe {where} -n {cluster.namespace} tells whether its pods run"
            if resource is MCP_SERVER
            else error.hint
        )
        raise Unreachable(f"{where}: {error.message}", hint) from error
    if not output.is_text:
        terminal.write(output.view(result.raw, whole=not terminal.masks()))
    elif result.text and not result.failed:
        text = terminal.without_secrets(result.text)
        terminal.write(text if text.endswith("\n") else f"{text}\n")
    elif not result.failed:
        terminal.say(f"{where} answered without text; -o json shows the whole answer")
    if result.failed:
        raise KagentError(
            f'tool "{tool}" of {where} failed: {" ".join(result.text.split()) or "no reason was given"}'
        )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        told = f'argument "{name}" has no value' if name else f'"{text}" is not an argument'
        raise UsageError(told, hint="write it like --arg timezone=Europe/Berlin")
    return name, value


def _object(file: TextIO) -> Mapping[str, Any]:
    try:
        value = from_json(file.read())
    except ValueError as error:
        raise UsageError(f"--args-json is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError(f"--args-json is {type(value).__name__}, not an object")
    return value


def _find(cluster: Cluster, word: str) -> tuple[Resource, str, Mapping[str, Any]]:
    """The server, as the API server has it."""
    resource, name = tool_target(word, MCP_SERVER)
    if resource is AGENT:
        hint = f"ask it: kubectl kagent chat {name} -n {cluster.namespace} MESSAGE"
        raise UsageError("an agent is not a tool server", hint=hint)
    try:
        return resource, name, cluster.get(resource, cluster.namespace, name)
    except (NotFound, ResourceMissing):
        if "/" in word:
            raise
    try:
        return REMOTE_MCP_SERVER, name, cluster.get(REMOTE_MCP_SERVER, cluster.namespace, name)
    except NotFound as error:
        raise NotFound(
            f'neither an mcpserver nor a remotemcpserver "{name}" is in namespace {cluster.namespace}',
            hint=f"kubectl kagent tools list -n {cluster.namespace} shows the servers that there are",
        ) from error
