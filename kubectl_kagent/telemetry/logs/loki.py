"""What the node no longer has, from Loki: pages of its query API, as lines with the kubelet's stamps."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.http import JsonService, address_of, has_api
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import SERVICE
from kubectl_kagent.telemetry.logs.notices import ContainerRef

LABELS = "app.kubernetes.io/name=loki"
_PORT = 3100
# Loki's own limit for an answer, unless somebody raised it.
_PAGE = 5000
_SOME = 100
# As the OpenTelemetry collector and as Promtail or Alloy name namespace, pod and container. The namespace is
# a label of the stream; the others may be structured metadata of each line, which saves streams (Loki 3).
_NAMES = (("k8s_namespace_name", "k8s_pod_name", "k8s_container_name"), ("namespace", "pod", "container"))

_END_OF_TIME = 253_402_300_800 * 10**9  # the year 10000

Entry = tuple[int, ContainerRef, str]
_Names = tuple[str, str, str]


def find_loki(cluster: Cluster, where: str) -> JsonService:
    """Loki at the address ``where``, or for ``auto`` behind the API server's proxy, found by its label.

    Raises UsageError for what is not a URL, KagentError when no Service has the label, or the file of
    services has something for the address that can't be used.
    """
    if where != "auto":
        found = address_of(where, "Loki", "http://HOST:3100, or auto")
        found.check()  # lines of the nodes come first
        return found
    for item in cluster.list_objects(SERVICE, None, labels=LABELS)["items"]:
        spec = item.get("spec") or {}
        ports = [port["port"] for port in spec.get("ports") or ()]
        if _PORT in ports and spec.get("clusterIP") != "None":
            metadata = item["metadata"]
            return cluster.service(str(metadata["namespace"]), f"{metadata['name']}:{_PORT}")
    raise KagentError(
        f"no Loki service (label {LABELS}, port {_PORT}) was found in any namespace",
        hint="give its address: --loki=http://HOST:3100",
    )


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods, there or gone, of Deployments (namespace and name); no ``containers``: all of them."""

    owners: tuple[tuple[str, str], ...]
    containers: tuple[str, ...]

    def query(self, names: _Names, labels: Collection[str]) -> str:
        """In LogQL; what is no label of streams, is metadata of lines."""
        namespace, pod, container = names
        matchers = {namespace: self._in(namespace), pod: _among(pod, map(_pods_of, self._names()))}
        if self.containers:
            matchers[container] = _among(container, map(re.escape, self.containers))
        selector = ", ".join(matcher for name, matcher in matchers.items() if name in labels)
        filters = (f" | {matcher}" for name, matcher in matchers.items() if name not in labels)
        return f"{{{selector}}}{''.join(filters)}"

    def neighbours(self, namespace: str) -> str:
        """All lines of their namespaces."""
        return f"{{{self._in(namespace)}}}"

    def _in(self, namespace: str) -> str:
        return _among(namespace, map(re.escape, sorted({name for name, _ in self.owners})))

    def has(self, source: ContainerRef) -> bool:
        """Whether it is one of them: a query can't pair names with namespaces."""
        return any(
            source.namespace == namespace and re.fullmatch(_pods_of(name), source.pod)
            for namespace, name in self.owners
        )

    def _names(self) -> list[str]:
        return sorted({name for _, name in self.owners})


def _pods_of(deployment: str) -> str:
    return f"{re.escape(deployment)}-[a-z0-9]+-[a-z0-9]+"


def _among(label: str, patterns: Iterable[str]) -> str:
    """A matcher of LogQL, whose strings are Go's: JSON's, but for what is not in the basic plane."""
    return f"{label}=~{json.dumps('|'.join(patterns), ensure_ascii=False)}"


def pages(http: JsonService, pods: Pods, start: int, end: int) -> Iterator[list[Entry]]:
    """Entries from ``start`` to ``end`` (both in nanoseconds since 1970) in the order of time.

    A page begins with the last moment of the page before, whose entries may not all have fitted in. Raises
    KagentError, once all the others are given, for those of a moment that alone fills a page.
    """
    names, labels = _names(http, start, end)
    query = pods.query(names, labels)
    before, crowded = Counter[Entry](), list[int]()
    while True:
        found = sorted(_page(http, query, names, start, end, limit=_PAGE), key=lambda entry: entry[0])
        if not (found or before):
            _see_that_pods_have_names(http, pods, names, labels, start, end)
        full = len(found) >= _PAGE
        if full and found[0][0] < start:
            raise KagentError("Loki answers with lines that are older than asked for: its pages have no end")
        if new := [entry for entry in _without(before, found) if pods.has(entry[1])]:
            yield new
        if not full:
            break
        last = found[-1][0]
        before = Counter(entry for entry in found if entry[0] == last)
        if last == start:  # nothing else fitted in
            crowded.append(last)
            last += 1
        start = last
    if crowded:
        raise _too_many(crowded)


def _without(before: Counter[Entry], found: Iterable[Entry]) -> Iterator[Entry]:
    """What was not given before; of some that are alike as many as there are more now."""
    left = before.copy()
    for entry in found:
        if left[entry]:
            left[entry] -= 1
        else:
            yield entry


def _too_many(moments: Sequence[int]) -> KagentError:
    others = f" and of {len(moments) - 1} more" if len(moments) > 1 else ""
    return KagentError(
        f"Loki gives no more than {_PAGE} lines of one moment, and may have more of "
        f"{stamp(moments[0]).decode()}{others}",
        hint="name fewer objects, or a container with -c: Loki is asked for less at once then",
    )


def _names(http: JsonService, start: int, end: int) -> tuple[_Names, Collection[str]]:
    """The names of which most are labels, and all labels there are."""
    known = _data(http, "labels", start=start, end=end)
    labels = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
    names = max(_NAMES, key=lambda names: (names[0] in labels, len({*names} & {*labels})))
    if names[0] not in labels:
        raise _nameless()
    return names, labels


def _see_that_pods_have_names(
    http: JsonService, pods: Pods, names: _Names, labels: Collection[str], start: int, end: int
) -> None:
    """Raises KagentError where no line of their namespaces tells of which pod it is, be it as metadata."""
    if names[1] in labels:
        return
    some = list(_page(http, pods.neighbours(names[0]), names, start, end, limit=_SOME))
    if some and not any(source.pod for _, source, _ in some):
        raise _nameless()


def _nameless() -> KagentError:
    return KagentError(
        "Loki has no labels for namespace, pod and container in this time",
        hint=f"looked for {' or '.join(', '.join(names) for names in _NAMES)}; "
        "pod and container may be structured metadata",
    )


def _page(
    http: JsonService, query: str, labels: _Names, start: int, end: int, *, limit: int
) -> Iterator[Entry]:
    data = _data(http, "query_range", query=query, start=start, end=end, limit=limit, direction="forward")
    try:
        for stream in data["result"]:
            source = ContainerRef(*(str(stream["stream"].get(label, "")) for label in labels))
            for value in stream["values"]:
                moment = int(value[0])
                if not 0 <= moment < _END_OF_TIME:
                    raise ValueError(moment)
                yield moment, source, str(value[1])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise KagentError(f"Loki's answer has another shape than expected ({error!r})") from error


def _data(http: JsonService, what: str, **query: Any) -> Any:
    path = f"/loki/api/v1/{what}"
    with has_api("Loki", path, "--loki=http://HOST:3100"):
        answer: Mapping[str, Any] = http.call("GET", f"{path}?{urlencode(query)}")
    return answer.get("data")


def stamp(nanoseconds: int) -> bytes:
    """The kubelet's stamp of that moment."""
    second, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(second, UTC).strftime(f"%Y-%m-%dT%H:%M:%S.{rest:09d}Z").encode()
