"""The kinds we read and write: where each lives in the API and how kubectl spells it."""

from __future__ import annotations

from dataclasses import dataclass

from kubectl_kagent.model.paths import segment


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object. ``group`` is empty for the core API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def full_name(self) -> str:
        """Plural with group, as in error messages: ``agents.kagent.dev``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def label(self, name: str) -> str:
        """What kubectl prints after a change: ``agent.kagent.dev/NAME``."""
        kind = f"{self.singular}.{self.group}" if self.group else self.singular
        return f"{kind}/{name}"

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """URL path of the collection, or of one object; no namespace means all of them.

        Raises InvalidName for a namespace or a name that no object can have.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{segment(namespace, 'namespace')}"
        return f"{root}/{self.plural}" + ("" if name is None else f"/{segment(name)}")


KAGENT_GROUP = "kagent.dev"

AGENT = Resource(KAGENT_GROUP, "v1alpha2", "agents", "Agent")
MCP_SERVER = Resource(KAGENT_GROUP, "v1alpha1", "mcpservers", "MCPServer")
MODEL_CONFIG = Resource(KAGENT_GROUP, "v1alpha2", "modelconfigs", "ModelConfig")
REMOTE_MCP_SERVER = Resource(KAGENT_GROUP, "v1alpha2", "remotemcpservers", "RemoteMCPServer")
SANDBOX_AGENT = Resource(KAGENT_GROUP, "v1alpha2", "sandboxagents", "SandboxAgent")
AGENT_HARNESS = Resource(KAGENT_GROUP, "v1alpha2", "agentharnesses", "AgentHarness")
AGENT_TEMPLATE = Resource(KAGENT_GROUP, "v1alpha3", "agenttemplates", "AgentTemplate")
HARNESS = Resource(KAGENT_GROUP, "v1alpha3", "harnesses", "Harness")

DEPLOYMENT = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SET = Resource("apps", "v1", "replicasets", "ReplicaSet")
CONTROLLER_REVISION = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
POD = Resource("", "v1", "pods", "Pod")
SERVICE = Resource("", "v1", "services", "Service")
CONFIG_MAP = Resource("", "v1", "configmaps", "ConfigMap")
EVENT = Resource("", "v1", "events", "Event")
ENDPOINT_SLICE = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASE = Resource("coordination.k8s.io", "v1", "leases", "Lease")
NAMESPACE = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
HPA = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECT = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
ACCESS_REVIEW = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
CRD = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

SERVICE_ACCOUNT = Resource("", "v1", "serviceaccounts", "ServiceAccount")
DAEMON_SET = Resource("apps", "v1", "daemonsets", "DaemonSet")
PDB = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
_RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE = Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDING = Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
_PROMETHEUS_OPERATOR = "monitoring.coreos.com"
PROMETHEUS_RULE = Resource(_PROMETHEUS_OPERATOR, "v1", "prometheusrules", "PrometheusRule")
PROMETHEUS = Resource(_PROMETHEUS_OPERATOR, "v1", "prometheuses", "Prometheus")
SERVICE_MONITOR = Resource(_PROMETHEUS_OPERATOR, "v1", "servicemonitors", "ServiceMonitor")
POD_MONITOR = Resource(_PROMETHEUS_OPERATOR, "v1", "podmonitors", "PodMonitor")
ALERTMANAGER_CONFIG = Resource(_PROMETHEUS_OPERATOR, "v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig")
GRAFANA_DASHBOARD = Resource("grafana.integreatly.org", "v1beta1", "grafanadashboards", "GrafanaDashboard")

# The kinds that the observability bundle is made of, in the order in which its objects are made.
BUNDLED = (
    NAMESPACE,
    SERVICE_ACCOUNT,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    SERVICE,
    DEPLOYMENT,
    DAEMON_SET,
    PDB,
    PROMETHEUS_RULE,
    SERVICE_MONITOR,
    POD_MONITOR,
    ALERTMANAGER_CONFIG,
    GRAFANA_DASHBOARD,
)
# Those that only a cluster with the prometheus-operator or the grafana-operator has.
OPERATORS = (PROMETHEUS_RULE, SERVICE_MONITOR, POD_MONITOR, ALERTMANAGER_CONFIG, GRAFANA_DASHBOARD)

WORKLOADS = (AGENT, MCP_SERVER)
LISTABLE = (AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER)

# Of what kagent runs without a Deployment; the last two come with kagent 0.11.
WITHOUT_DEPLOYMENT = (SANDBOX_AGENT, AGENT_HARNESS, AGENT_TEMPLATE, HARNESS)

# The kinds that a revision knows: workloads and what they are made from.
RECORDED = {resource.kind: resource for resource in (*LISTABLE, CONFIG_MAP, SERVICE)}

SHORT_NAMES = {
    "mcps": MCP_SERVER,
    "mcp": MCP_SERVER,
    "mc": MODEL_CONFIG,
    "rmcps": REMOTE_MCP_SERVER,
}


def find_type(word: str) -> Resource | None:
    """The listable kind that ``word`` names (singular, plural, short or with group), if any."""
    return _named(word, LISTABLE) or SHORT_NAMES.get(word.lower())


def find_without_deployment(word: str) -> Resource | None:
    """The kind that ``word`` names of those that no verb is for, if any."""
    return _named(word, WITHOUT_DEPLOYMENT)


def _named(word: str, kinds: tuple[Resource, ...]) -> Resource | None:
    word = word.lower()
    for resource in kinds:
        names = {resource.plural, resource.singular}
        if word in names or word in {f"{name}.{resource.group}" for name in names}:
            return resource
    return None
