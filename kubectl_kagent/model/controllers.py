"""How to find the controllers: the labels that their charts set, whatever the release is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_kagent.model.resources import AGENT, MCP_SERVER, Resource


@dataclass(frozen=True, slots=True)
class ControllerSelector:
    """The controller of a kind: its labels, and where it is by convention."""

    name: str
    labels: str
    namespaces: tuple[str, ...]


# kagent's own CLI and UI use this user when nobody logs in
DEFAULT_USER = "admin@kagent.dev"


def of_users(users: Sequence[str]) -> str:
    """Those whose records are meant, in words: the first five by name."""
    if len(users) == 1:
        return f"user {users[0]}"
    more = f" and {len(users) - 5} more" if len(users) > 5 else ""
    return f"users {', '.join(users[:5])}{more}"


# charts of kagent 0.9 and 0.10 and of kmcp 0.3
KAGENT = ControllerSelector(
    "kagent", "app.kubernetes.io/name=kagent,app.kubernetes.io/component=controller", ("kagent",)
)
KMCP = ControllerSelector(
    "kmcp", "app.kubernetes.io/name=kmcp,control-plane=controller-manager", ("kagent", "kmcp-system")
)

CONTROLLERS: dict[Resource, ControllerSelector] = {AGENT: KAGENT, MCP_SERVER: KMCP}
