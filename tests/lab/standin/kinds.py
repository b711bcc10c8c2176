"""The kinds the controller reads and writes, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

# Objects are kept as the API server's JSON: a controller must not lose fields that it does not know.
Object = dict[str, Any]


class Key(NamedTuple):
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Kind:
    name: str
    group: str
    version: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified_name(self) -> str:
        """The form error messages use: `ModelConfig.kagent.dev`, plain `Secret`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    def path(self, namespace: str = "", name: str = "") -> str:
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        parts += ["namespaces", namespace] if namespace else []
        parts.append(self.plural)
        parts += [name] if name else []
        return "/" + "/".join(parts)


AGENT = Kind("Agent", "kagent.dev", "v1alpha2", "agents")
MODEL_CONFIG = Kind("ModelConfig", "kagent.dev", "v1alpha2", "modelconfigs")
REMOTE_MCP_SERVER = Kind("RemoteMCPServer", "kagent.dev", "v1alpha2", "remotemcpservers")
MCP_SERVER = Kind("MCPServer", "kagent.dev", "v1alpha1", "mcpservers")
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments")
SECRET = Kind("Secret", "", "v1", "secrets")
CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps")
SERVICE = Kind("Service", "", "v1", "services")
SERVICE_ACCOUNT = Kind("ServiceAccount", "", "v1", "serviceaccounts")
NAMESPACE = Kind("Namespace", "", "v1", "namespaces")

# What an Agent may own; anything of these kinds with a controller reference to it that it does not
# render is pruned. ControllerRevisions are not among them.
OWNED = (DEPLOYMENT, CONFIG_MAP, SECRET, SERVICE, SERVICE_ACCOUNT)
WATCHED = (AGENT, MODEL_CONFIG, REMOTE_MCP_SERVER, MCP_SERVER, NAMESPACE, *OWNED)


def key_of(obj: Object) -> Key:
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def controller_of(obj: Object) -> Object | None:
    """The owner reference that is marked as the controller."""
    references = obj["metadata"].get("ownerReferences") or []
    return next((reference for reference in references if reference.get("controller")), None)
