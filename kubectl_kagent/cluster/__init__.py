"""What a feature may ask of a cluster. ``cluster.api.ApiServer`` is the real one; tests bring a fake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from kubectl_kagent.model.resources import Resource
from kubectl_kagent.rbac.rules import Rule

if TYPE_CHECKING:
    from kubectl_kagent.cluster.http import ClusterService

Object = dict[str, Any]
PAGE = 500  # as kubectl's


class Objects(Protocol):
    """Objects as the API serves them.

    Each method raises NotFound, Forbidden, Unauthorized, ResourceMissing where the kind is not served,
    Unreachable without an answer, and KagentError for an answer that is not one. A write whose answer is lost
    raises Unanswered: nobody knows whether it was carried out. ``dry_run`` lets the server check a write
    without storing it; ``manager`` is its field manager.
    """

    def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """The object; ``namespace`` is None for a kind that has none."""

    def list_objects(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        at: str | None = None,
    ) -> Object:
        """The list object, of all namespaces with None; ``labels`` and ``fields`` are selectors.

        ``at`` reads the past: exactly that resource version (Expired when it is compacted).
        """

    def create(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        """The object as it was stored. Raises AlreadyExists."""

    def merge_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        """The object after a JSON merge patch.

        A ``metadata.resourceVersion`` in it is a precondition (Conflict when it is stale).
        """

    def delete(self, resource: Resource, namespace: str, name: str, *, dry_run: bool = False) -> None:
        """Delete the object; its dependents follow as their owner references say."""

    def now(self) -> datetime:
        """The API server's time, in which its objects' times are; the clock here may be another."""

    def without_deployment(self, namespace: str, name: str) -> str:
        """A hint for who looks for an Agent that is not there: of which other kind the name is, if of any."""


class Cluster(Objects, Protocol):
    """All of it. ``namespace`` is the one to use when the command line names none."""

    namespace: str

    def pages(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None, limit: int = PAGE
    ) -> Iterator[Object]:
        """The list in lists of ``limit`` objects at most, all of one resource version; one list at least.

        Raises Expired when the API server has forgotten that version before the last page.
        """

    def list_metadata(
        self, resource: Resource, namespace: str | None, *, labels: str | None = None
    ) -> Object:
        """The list, of all namespaces with None, whose objects have nothing but their metadata."""

    def json_patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: list[dict[str, Any]],
        *,
        dry_run: bool = False,
        manager: str,
    ) -> Object:
        """The object after a JSON patch, whose ``test`` operations are preconditions."""

    def apply(
        self,
        resource: Resource,
        namespace: str,
        body: Mapping[str, Any],
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str,
    ) -> Object:
        """The object after a server-side apply of ``body``, which creates it where it is not there.

        What ``manager`` applied before and no longer does is removed. Raises FieldConflict when it
        would change fields of other managers; with ``force`` they become ours.
        """

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        since: str,
        *,
        seconds: int,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Iterator[Object]:
        """Watch events after resource version ``since`` until the server ends the stream after ``seconds``.

        Raises Expired when ``since`` is too old, Unreachable when the connection breaks.
        """

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int) -> str:
        """The last ``tail`` lines of a container's log; ``previous`` reads its run before this one."""

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
    ) -> Iterator[bytes]:
        """A container's log in pieces of any size, each line after the kubelet's stamp and a blank.

        The first piece is empty: the server has answered. The kubelet hears of ``since_time`` without its
        fraction of a second. Raises Unreachable when the stream breaks, and without ``follow`` TimedOut
        when nothing comes for a minute: who follows may wait for a line for as long as it takes.
        """

    def allows(self, rule: Rule, namespace: str | None) -> bool:
        """Whether the user may do that there, as the API server says; None: in all namespaces."""

    def server_version(self) -> Object:
        """The version object. Raises KagentError for an answer without a version: that is no API server."""

    def group_versions(self, group: str) -> tuple[str, ...]:
        """The versions in which the API group is served, the preferred one first; none without the group."""

    def service(self, namespace: str, name: str) -> ClusterService:
        """The Service ``NAME:PORT``, through the API server's proxy. Nothing is sent yet."""
