"""What a verb asks of a cluster, as the permissions that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import Access, ClusterService
from kubectl_kagent.errors import Forbidden, NotFound
from kubectl_kagent.model.resources import (
    CONTROLLER_REVISION,
    Resource,
)
from kubectl_kagent.rbac import roles
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.rules import Need, Rule

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A rule as a request uses it: in the namespace of the object, or elsewhere. Names are left out."""

    rule: Rule
    elsewhere: bool = False


# With it among ``until`` nothing interrupts: what is refused ends by itself, a moment after it has asked.
NEVER = Use(Rule("", "never", "get"))


def uses(need: Need) -> set[Use]:
    return {Use(replace(rule, name=""), bool(need.elsewhere)) for rule in need.rules}


def table(verb: str, line: str = "") -> dict[Use, Need]:
    """What the table says that a verb uses; of two needs of one rule the one that can refuse it.

    With a ``line`` of the verb, what it has no option for comes last in that.
    """

    def fits(need: Need) -> bool:
        return any(option in line for option in need.option.split(", "))

    strictest_last = sorted(PERMISSIONS[verb], key=lambda need: (fits(need) or not line, not need.without))
    return {use: need for need in strictest_last for use in uses(need)}


@dataclass
class Recording:
    """A cluster that notes what it is asked, and refuses what is ``denied`` as RBAC does."""

    real: Cluster
    denied: frozenset[Use] = frozenset()
    after_write: Callable[[], None] = lambda: None
    used: set[Use] = field(default_factory=set)
    closed: bool = False

    @property
    def namespace(self) -> str:
        return self.real.namespace

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        self.ask("get", resource.group, resource.plural, namespace)
        return self.real.get(resource, namespace, name)

    def list_objects(self, resource: Resource, namespace: str | None = None, **how: Any) -> Object:
        self.ask("list", resource.group, resource.plural, namespace)
        return self.real.list_objects(resource, namespace, **how)

    def pages(self, resource: Resource, namespace: str | None, **how: Any) -> Iterator[Object]:
        self.ask("list", resource.group, resource.plural, namespace)
        yield from self.real.pages(resource, namespace, **how)

    def list_metadata(self, resource: Resource, namespace: str | None, **how: Any) -> Object:
        self.ask("list", resource.group, resource.plural, namespace)
        return self.real.list_metadata(resource, namespace, **how)

    def watch(self, resource: Resource, namespace: str | None, since: str, **how: Any) -> Iterator[Object]:
        self.ask("watch", resource.group, resource.plural, namespace)
        yield from self.real.watch(resource, namespace, since, **how)

    def create(self, resource: Resource, namespace: str, body: Mapping[str, Any], **how: Any) -> Object:
        self.ask("create", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.create(resource, namespace, body, **how))

    def merge_patch(self, resource: Resource, namespace: str, name: str, patch: Any, **how: Any) -> Object:
        self.ask("patch", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.merge_patch(resource, namespace, name, patch, **how))

    def json_patch(self, resource: Resource, namespace: str, name: str, patch: Any, **how: Any) -> Object:
        self.ask("patch", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.json_patch(resource, namespace, name, patch, **how))

    def apply(self, resource: Resource, namespace: str, body: Mapping[str, Any], **how: Any) -> Object:
        """Who may not create may not apply what is not there."""
        self.ask("patch", resource.group, resource.plural, namespace)
        try:
            self.real.get(resource, namespace, body["metadata"]["name"])
        except NotFound:
            self.ask("create", resource.group, resource.plural, namespace)
        return self._written(resource, self.real.apply(resource, namespace, body, **how))

    def delete(self, resource: Resource, namespace: str, name: str, **how: Any) -> None:
        self.ask("delete", resource.group, resource.plural, namespace)
        self.real.delete(resource, namespace, name, **how)

    def pod_log(self, namespace: str, pod: str, container: str, **how: Any) -> str:
        self.ask("get", "", "pods/log", namespace)
        return self.real.pod_log(namespace, pod, container, **how)

    def pod_log_stream(self, namespace: str, pod: str, container: str, **how: Any) -> Iterator[bytes]:
        self.ask("get", "", "pods/log", namespace)
        return self.real.pod_log_stream(namespace, pod, container, **how)

    def service(self, namespace: str, name: str) -> RecordedService:
        return RecordedService(self, self.real.service(namespace, name))

    def allows(self, rule: Rule, namespace: str | None) -> bool:
        return self.real.allows(rule, namespace)  # every user may ask

    def server_version(self) -> Object:
        return self.real.server_version()  # every user may ask

    def group_versions(self, group: str) -> tuple[str, ...]:
        return self.real.group_versions(group)  # every user may ask

    def now(self) -> datetime:
        return self.real.now()

    def without_deployment(self, namespace: str, name: str) -> str:
        return self.real.without_deployment(namespace, name)  # nothing is lost without the right

    def ask(self, verb: str, group: str, resource: str, namespace: str | None, name: str = "") -> None:
        if self.closed:
            raise Forbidden("a thread that outlives its verb")
        use = Use(Rule(group, resource, verb), namespace != self.namespace)
        self.used.add(use)
        if use in self.denied:
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            what = f'services "{name}"' if name else f"{resource}.{group}"
            message = (
                f'{what} is forbidden: User "tester" cannot {verb} resource "{resource}" '
                f'in API group "{group}" {where}'
            )
            raise Forbidden(message, roles.hint(message))

    def _written(self, resource: Resource, obj: Object) -> Object:
        if resource is not CONTROLLER_REVISION:
            self.after_write()
        return obj


@dataclass(frozen=True, slots=True)
class RecordedService:
    """A Service, whose requests need a permission too."""

    recording: Recording
    real: ClusterService

    @property
    def namespace(self) -> str:
        return self.real.namespace

    @property
    def name(self) -> str:
        return self.real.name

    def call(self, method: str, path: str, *rest: Any, **how: Any) -> Object:
        self._ask({"GET": "get", "POST": "create", "DELETE": "delete"}[method])
        return self.real.call(method, path, *rest, **how)

    def listed(self, path: str, **how: Any) -> list[Any]:
        self._ask("get")
        return self.real.listed(path, **how)

    def stream(self, path: str, *rest: Any, **how: Any) -> Iterator[bytes]:
        self._ask("create")
        return self.real.stream(path, *rest, **how)

    def access(self, path: str) -> Access:
        self._ask("create")
        # sent past us by the client that is given this, at the end of a session
        other = self.namespace != self.recording.namespace
        self.recording.used.add(Use(Rule("", "services/proxy", "delete"), other))
        return self.real.access(path)

    def _ask(self, verb: str) -> None:
        self.recording.ask(verb, "", "services/proxy", self.namespace, self.name)
