"""The kagent controller's API: where it is, and as whom it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import Address, ClusterService, HttpService, address_of
from kubectl_kagent.errors import Forbidden, KagentError, NotFound, Unauthorized
from kubectl_kagent.model.controllers import DEFAULT_USER, KAGENT
from kubectl_kagent.model.paths import segment
from kubectl_kagent.model.resources import SERVICE

_PORT = "controller"  # the port's name in the chart of kagent 0.9 and 0.10
_USUAL = "kagent-controller:8083"  # as the chart calls it for a release called kagent


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller, asked as one user: sessions and tasks belong to users."""

    http: HttpService
    user: str = DEFAULT_USER

    def sessions(self, namespace: str = "", agent: str = "") -> Any:
        """The user's sessions, or those with one agent, as the controller lists them."""
        one = f"/agent/{segment(namespace, 'namespace')}/{segment(agent, 'agent')}" if agent else ""
        return self._read(f"/api/sessions{one}")

    def session(self, id_: str) -> Any:
        """A session with all its events, the oldest first. Raises NotFound."""
        return self._read(_session(id_), order="asc", limit="-1")

    def has_session(self, id_: str) -> bool:
        """Whether the user has that session."""
        try:
            self._read(_session(id_), limit="1")
        except NotFound:
            return False
        return True

    def tasks(self, session: str) -> Any:
        """The tasks of a session, with their histories. Raises NotFound."""
        return self._read(f"{_session(session)}/tasks")

    def task(self, id_: str) -> Any:
        """A task with its history. Raises NotFound."""
        return self._read(f"/api/tasks/{segment(id_, 'task')}")

    def tool_servers(self) -> Any:
        """The MCP servers that the controller knows, with the tools that it found at them."""
        return self._read("/api/toolservers")

    def delete_session(self, id_: str) -> None:
        """Raises KagentError unless the controller says that there was no error.

        It says so of a session that it does not know, too.
        """
        path = _session(id_)
        answer = self._call("DELETE", path)
        _refused(answer, path)
        if answer.get("error") is not False:
            raise KagentError(f"the kagent controller does not say whether {path} is deleted")

    def card(self, namespace: str, agent: str) -> Mapping[str, Any]:
        """What an agent says of itself, as A2A has it."""
        return self._call("GET", f"{_agent(namespace, agent)}/.well-known/agent-card.json")

    def ask(
        self, namespace: str, agent: str, body: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The whole answer to a JSON-RPC request of A2A to an agent."""
        return self._call("POST", _agent(namespace, agent), body, headers=headers)

    def stream(
        self,
        namespace: str,
        agent: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> Iterator[bytes]:
        """The lines of the event stream that answers it; ``timeout``: the longest silence, in seconds.

        Raises Unauthorized without a login, and what the service raises.
        """
        try:
            path = self._as_user(_agent(namespace, agent))
            yield from self.http.stream(path, body, headers=headers, timeout=timeout)
        except Unauthorized as error:
            raise self._login(error) from error

    def _read(self, path: str, **query: str) -> Any:
        """What a GET is answered with: the ``data`` of kagent's envelope."""
        answer = self._call("GET", path, query=query)
        _refused(answer, path)
        if "data" not in answer and answer.get("error") is False:
            return []  # an empty list is left out
        if "data" not in answer:
            raise KagentError(f"the kagent controller's answer to {path} has no data")
        return answer["data"]

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            return self.http.call(method, self._as_user(path, query), body, headers=headers)
        except Unauthorized as error:
            raise self._login(error) from error

    def _as_user(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return f"{path}?{urlencode({**(query or {}), 'user_id': self.user})}"

    def _login(self, error: Unauthorized) -> Unauthorized:
        """The same, with the next step where the service itself names none."""
        hint = (
            "the API server passes no token on to a service: give the controller's own address "
            "and a token with --kagent-url and --kagent-token"
        )
        return Unauthorized(error.message, error.hint or hint)


def _session(id_: str) -> str:
    return f"/api/sessions/{segment(id_, 'session')}"


def _agent(namespace: str, name: str) -> str:
    return f"/api/a2a/{segment(namespace, 'namespace')}/{segment(name, 'agent')}"


def rows(data: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of the controller's; null is an empty one. Raises KagentError for anything else."""
    if data is None:
        return []
    if not isinstance(data, list) or not all(isinstance(item, Mapping) for item in data):
        raise KagentError(f"the kagent controller did not answer with a list of {what}")
    return data


def at_address(url: str, token: str, user: str) -> Controller:
    """The controller at an address of its own.

    Raises KagentError for what is no URL, and for a token that everybody on the way could read.
    """
    address = address_of(url, "the kagent controller", "http://HOST or https://HOST")
    if token and url.startswith("http://") and not _is_local(url):
        raise KagentError(
            f"the token would go to {address.name} without TLS, for everybody on the way to read",
            hint="give an https:// address, or --kagent-token= to send none",
        )
    login = "--kagent-token (or KAGENT_TOKEN) gives a bearer token; is the one given expired?"
    return Controller(Address(address.url, token, login), user)


def _is_local(url: str) -> bool:
    """Whether it is this machine: the end of a kubectl port-forward, say."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(answer: Mapping[str, Any], path: str) -> None:
    """Raise what kagent's envelope calls an error, whatever the HTTP status was."""
    if not answer.get("error"):
        return
    words = (answer.get(key) for key in ("message", "error"))
    said = " ".join(next((word for word in words if isinstance(word, str)), "").split())[:300]
    raise KagentError(
        f"the kagent controller answered {path} with an error: {said or 'it does not say which'}"
    )


def find_controller(
    cluster: Cluster, namespace: str | None = None, *, user: str = DEFAULT_USER
) -> Controller:
    """The controller in ``namespace``, else in any, through the API server's proxy.

    Who may not list Services may still use the proxy to it: then it is expected where its chart puts it.
    Raises KagentError when there is none.
    """
    try:
        found = _services(cluster, namespace)
    except Forbidden:
        found = _where_usual(cluster, namespace)
    if not found:
        where = f"namespace {namespace}" if namespace else "any namespace"
        raise KagentError(
            f"no kagent controller service was found in {where}", hint=_hint(cluster, namespace)
        )
    return Controller(found[0], user)


def _services(cluster: Cluster, namespace: str | None) -> list[ClusterService]:
    items = cluster.list_objects(SERVICE, namespace, labels=KAGENT.labels)["items"]
    return [
        cluster.service(str(item["metadata"]["namespace"]), f"{item['metadata']['name']}:{port}")
        for item in items
        if (port := _port(item))
    ]


def _where_usual(cluster: Cluster, namespace: str | None) -> list[ClusterService]:
    for place in [namespace] if namespace else KAGENT.namespaces:
        try:
            if found := _services(cluster, place):
                return found
        except Forbidden:
            return [cluster.service(place, _USUAL)]
    return []


def _hint(cluster: Cluster, namespace: str | None) -> str:
    """Where else it is, if it is anywhere."""
    elsewhere = []
    if namespace:
        try:
            elsewhere = _services(cluster, None)
        except (Forbidden, NotFound):
            elsewhere = []
    if elsewhere:
        return f"it is in namespace {elsewhere[0].namespace}: --kagent-namespace={elsewhere[0].namespace}"
    return "is kagent installed? --kagent-namespace says where, --kagent-url at which address"


def _port(service: Mapping[str, Any]) -> str:
    for port in (service.get("spec") or {}).get("ports") or ():
        if port.get("name") == _PORT:
            return str(port["port"])
    return ""
