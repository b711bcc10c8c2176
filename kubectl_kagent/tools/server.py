"""Open a server of tools: through the API server's proxy when it is in the cluster, else at its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kubectl_kagent.backends.mcp import McpServer
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import Resource
from kubectl_kagent.model.tool_server import endpoint

# On the way through the API server these say who we are: nobody else may set them.
_OF_THE_API_SERVER = re.compile(r"authorization$|impersonate-|x-remote-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """A server to ask, and the headers that agents send it and we don't."""

    server: McpServer
    left_out: tuple[str, ...]


def open_server(
    cluster: Cluster, name: str, resource: Resource, obj: Mapping[str, Any], *, timeout: float
) -> Opened:
    """Nothing is sent yet. Raises KagentError for a server that is not of a kind we speak to."""
    found = endpoint(resource, obj)
    if found is None:
        raise KagentError(f"{name} does not say where it listens", hint="look at its port or URL")
    if found.protocol != "STREAMABLE_HTTP":
        raise KagentError(f"{name} speaks {found.protocol}; only streamable HTTP can be asked from here")
    if not found.service:
        from kubectl_kagent.cluster import lazy_imports as lean

        lean.load()
        from kubectl_kagent.cluster.services import anonymous

        access = replace(anonymous(found.url), headers=found.headers)
        return Opened(McpServer(name, access, timeout), found.secret_headers)
    access = cluster.service(found.namespace, found.service).access(found.path)
    sent = tuple(item for item in found.headers if not _OF_THE_API_SERVER.match(item[0]))
    kept_back = tuple(key for key, _ in found.headers if _OF_THE_API_SERVER.match(key))
    access = replace(access, headers=(*access.headers, *sent))
    return Opened(McpServer(name, access, timeout), (*kept_back, *found.secret_headers))
