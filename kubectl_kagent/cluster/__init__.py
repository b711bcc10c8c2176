"""What a feature may ask of a cluster. ApiServer is the real one; tests bring a fake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from kubectl_kagent.model.resources import Resource

if TYPE_CHECKING:
    from kubectl_kagent.cluster.http import ClusterService

Object = dict[str, Any]


class Cluster(Protocol):
    """Objects as the API serves them. See ``cluster.api.ApiServer`` for each method's rules.

    Every method raises Forbidden, Unauthorized or Unreachable, ResourceMissing for a type that is not
    served, and ServerError (NotFound and others) for any other refusal.
    """

    namespace: str

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object: ...

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object: ...

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object: ...

    def merge_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object: ...

    def json_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: list[dict[str, Any]],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object: ...

    def delete(self, resource: Resource, namespace: str, name: str) -> None: ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        since: str,
        *,
        seconds: int,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Object]: ...

    def pod_log(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int
    ) -> str: ...

    def pod_log_stream(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool = False,
        previous: bool = False,
        since_time: str | None = None,
        since_seconds: int | None = None,
        tail: int | None = None,
    ) -> Iterator[bytes]: ...

    def server_version(self) -> Object: ...

    def username(self) -> str: ...

    def service(self, namespace: str, name: str) -> ClusterService: ...
