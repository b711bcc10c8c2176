"""How kagent writes an agent's name where no dash may be: ``my_team__NS__my_agent``, or ``my_agent`` alone.

No name in Kubernetes has an underscore, so that each was a dash (kagent 0.10, ConvertToPythonIdentifier).
"""

from __future__ import annotations

import re

_MARK = "__NS__"
_NAME = "([a-z0-9](?:[a-z0-9_]*[a-z0-9])?)"  # of Kubernetes, with its dashes
_AGENT = re.compile(_NAME + _MARK + _NAME, re.ASCII)


def identifier(namespace: str, name: str) -> str:
    """The identifier of an agent; without a namespace that of its name alone."""
    return underscored(f"{namespace}{_MARK}{name}" if namespace else name)


def agent_of(identifier: str) -> tuple[str, str]:
    """Namespace (empty when it has none) and name of an identifier."""
    namespace, mark, name = identifier.partition(_MARK)
    return (dashed(namespace), dashed(name)) if mark else ("", dashed(identifier))


def shown(tool: str) -> str:
    """A tool's name for people: an agent that is called like a tool is ``agent/NAMESPACE/NAME``."""
    found = _AGENT.fullmatch(tool)
    return f"agent/{dashed(found[1])}/{dashed(found[2])}" if found else tool


def sent(tool: str) -> str:
    """The name in a call of what ``shown`` shows."""
    kind, _, agent = tool.partition("/")
    namespace, _, name = agent.partition("/")
    return identifier(namespace, name) if kind == "agent" and name else tool


def underscored(name: str) -> str:
    """A name as the runtimes write it into attributes of spans."""
    return name.replace("-", "_")


def dashed(text: str) -> str:
    """The name that was written so."""
    return text.replace("_", "-")
