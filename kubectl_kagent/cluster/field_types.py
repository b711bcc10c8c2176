"""What objects must look like for those who read them: checked once, where they come in.

A real API server holds built-in kinds to their types and custom ones to their CRDs. Nothing here is stricter
than these, so what doesn't fit comes from something else: that is an error, and no reader behind this asks
again. Only fields that are read stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    EVENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    POD,
    REMOTE_MCP_SERVER,
    REPLICA_SET,
    SCALED_OBJECT,
    SERVICE,
    Resource,
)

Object = dict[str, Any]
# The JSON type that a value must have, and what is to be seen in it beyond that.
Shape = tuple[type, Callable[[Any], None] | None]

_SAID: dict[type, str] = {
    str: "a text",
    int: "a number",
    float: "a number with a fraction",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    type(None): "nothing",
}


_ABSENT = object()
_ANOTHER = "is another server behind this address?"


class _Misfit(Exception):
    """A value of the wrong kind; ``path`` grows from its end while the checks are left."""

    def __init__(self, found: Any, wanted: str) -> None:
        super().__init__()
        self.found = _SAID.get(type(found), "something else")
        self.wanted = wanted
        self.path: list[str] = []


def _fields(needed: str = "", **shapes: Shape) -> Shape:
    """An object: the types of its fields, and which of them (by name, parted by blanks) must be there.

    A null is a field that is not set (Kubernetes' API conventions), and is taken out: so a default in
    ``get(KEY, DEFAULT)`` means what it says.
    """
    must = frozenset(needed.split())
    table = tuple((name, kind, inner, name in must) for name, (kind, inner) in shapes.items())

    def check(value: Object) -> None:
        for name, kind, inner, needed in table:
            found = value.get(name, _ABSENT)
            if type(found) is kind:
                if inner is not None:
                    try:
                        inner(found)
                    except _Misfit as misfit:
                        raise _at(f".{name}", misfit) from None
            elif found is not _ABSENT and found is not None:
                raise _at(f".{name}", _Misfit(found, _SAID[kind]))
            elif needed:
                raise _at(f".{name}", _Misfit(None, _SAID[kind]))
            elif found is None:
                del value[name]

    return dict, check


def _at(step: str, misfit: _Misfit) -> _Misfit:
    misfit.path.append(step)
    return misfit


def _each(shape: Shape) -> Shape:
    """A list of such values."""
    kind, inner = shape

    def check(values: list[Any]) -> None:
        for place, value in enumerate(values):
            if type(value) is not kind:
                raise _at(f"[{place}]", _Misfit(value, _SAID[kind]))
            if inner is not None:
                try:
                    inner(value)
                except _Misfit as misfit:
                    raise _at(f"[{place}]", misfit) from None

    return list, check


def _texts_by_name(values: Object) -> None:
    if set(map(type, values.values())) - {str}:
        name, value = next((name, value) for name, value in values.items() if type(value) is not str)
        raise _at(f".{name}", _Misfit(value, _SAID[str]))


@lru_cache  # the times of one object are mostly the same few
def _time(text: str) -> None:
    """RFC 3339 with a zone, of a year that Python can reckon with."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Misfit(text, "a time") from None
    if moment.tzinfo is None or not 1 < moment.year < 9999:
        raise _Misfit(text, "a time")


def _version(text: str) -> None:
    """A resource version: since Kubernetes 1.35 a number by promise, before it by habit."""
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise _Misfit(text, "a resource version")


def _filled(text: str) -> None:
    if not text:
        raise _Misfit(None, _SAID[str])


TEXT: Shape = (str, None)
NAME: Shape = (str, _filled)
TIME: Shape = (str, _time)
VERSION: Shape = (str, _version)
NUMBER: Shape = (int, None)
FLAG: Shape = (bool, None)
ANYTHING: Shape = (dict, None)
TEXTS: Shape = (list, _each(TEXT)[1])
MAP: Shape = (dict, _texts_by_name)

_CONDITIONS = _each(
    _fields(
        type=TEXT,
        status=TEXT,
        reason=TEXT,
        message=TEXT,
        observedGeneration=NUMBER,
        lastTransitionTime=TIME,
    )
)
_OWNERS = _each(_fields(apiVersion=TEXT, kind=TEXT, name=TEXT, uid=TEXT, controller=FLAG))
_MANAGERS = _each(_fields(manager=TEXT, operation=TEXT, subresource=TEXT, time=TIME, fieldsV1=ANYTHING))
_METADATA: dict[str, Shape] = {
    "name": NAME,
    "namespace": NAME,
    "uid": NAME,
    "resourceVersion": VERSION,
    "creationTimestamp": TIME,
    "deletionTimestamp": TIME,
    "generation": NUMBER,
    "labels": MAP,
    "annotations": MAP,
    "ownerReferences": _OWNERS,
    "managedFields": _MANAGERS,
}
_KEPT = "uid resourceVersion creationTimestamp"  # what a server gives to an object that it keeps

_ENV = _each(_fields("name", name=TEXT, value=TEXT))
_CONTAINERS = _each(
    _fields("name", name=NAME, image=TEXT, env=_ENV, resources=_fields(limits=ANYTHING, requests=ANYTHING))
)
_ENDED = _fields(exitCode=NUMBER, reason=TEXT, message=TEXT, startedAt=TIME, finishedAt=TIME)
_STATE = _fields(
    waiting=_fields(reason=TEXT, message=TEXT), running=_fields(startedAt=TIME), terminated=_ENDED
)
_CONTAINER_STATUSES = _each(
    _fields("name", name=NAME, ready=FLAG, restartCount=NUMBER, image=TEXT, state=_STATE, lastState=_STATE)
)
_POD_SPEC = _fields(
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    nodeName=TEXT,
)
_TEMPLATE = _fields(metadata=_fields(labels=MAP, annotations=MAP), spec=_POD_SPEC)
_SERVER = _fields(name=TEXT, namespace=TEXT, kind=TEXT, apiGroup=TEXT, toolNames=TEXTS, requireApproval=TEXTS)
_HEADERS = _each(_fields("name", name=TEXT, value=TEXT, valueFrom=_fields(type=TEXT, name=TEXT, key=TEXT)))
_DEPLOYED = _fields(replicas=NUMBER, image=TEXT, env=_ENV, annotations=MAP, labels=MAP)
_NAMES_A_MODEL = _fields(modelConfig=TEXT)
_DECLARATIVE = _fields(
    runtime=TEXT,
    systemMessage=TEXT,
    systemMessageFrom=_fields(type=TEXT, name=TEXT, key=TEXT),
    promptTemplate=_fields(dataSources=_each(_fields("name", name=TEXT, kind=TEXT, alias=TEXT))),
    modelConfig=TEXT,
    memory=_NAMES_A_MODEL,
    context=_fields(compaction=_fields(summarizer=_NAMES_A_MODEL)),
    tools=_each(
        _fields(type=TEXT, mcpServer=_SERVER, agent=_fields(name=TEXT, namespace=TEXT), headersFrom=_HEADERS)
    ),
    deployment=_DEPLOYED,
)
_PORTS = _each(_fields("port", name=TEXT, port=NUMBER, appProtocol=TEXT))
_TARGET = _fields("name", apiVersion=TEXT, kind=TEXT, name=TEXT)
_WORKLOAD_STATUS = _fields(observedGeneration=NUMBER, conditions=_CONDITIONS)
_COUNTED = _fields(
    observedGeneration=NUMBER,
    conditions=_CONDITIONS,
    replicas=NUMBER,
    updatedReplicas=NUMBER,
    readyReplicas=NUMBER,
    availableReplicas=NUMBER,
)

# Of each kind the parts that must be there, and what its parts look like (metadata apart).
_KINDS: dict[Resource, tuple[str, dict[str, Shape]]] = {
    AGENT: (
        "",
        {
            "spec": _fields(
                type=TEXT, description=TEXT, declarative=_DECLARATIVE, byo=_fields(deployment=_DEPLOYED)
            ),
            "status": _WORKLOAD_STATUS,
        },
    ),
    MCP_SERVER: (
        "",
        {
            "spec": _fields(
                transportType=TEXT,
                deployment=_fields(replicas=NUMBER, image=TEXT, port=NUMBER, env=MAP, annotations=MAP),
            ),
            "status": _WORKLOAD_STATUS,
        },
    ),
    MODEL_CONFIG: (
        "",
        {
            "spec": _fields(provider=TEXT, model=TEXT, defaultHeaders=MAP),
            "status": _fields(conditions=_CONDITIONS, secretHash=TEXT),
        },
    ),
    REMOTE_MCP_SERVER: (
        "",
        {
            "spec": _fields(url=TEXT, protocol=TEXT, headersFrom=_HEADERS),
            "status": _fields(
                conditions=_CONDITIONS,
                discoveredTools=_each(_fields("name", name=TEXT, description=TEXT)),
            ),
        },
    ),
    DEPLOYMENT: (
        "",
        {
            "spec": _fields(replicas=NUMBER, progressDeadlineSeconds=NUMBER, template=_TEMPLATE),
            "status": _COUNTED,
        },
    ),
    REPLICA_SET: ("", {"spec": _fields(replicas=NUMBER, template=_TEMPLATE), "status": _COUNTED}),
    POD: (
        "",
        {
            "spec": _POD_SPEC,
            "status": _fields(
                phase=TEXT,
                conditions=_CONDITIONS,
                containerStatuses=_CONTAINER_STATUSES,
                initContainerStatuses=_CONTAINER_STATUSES,
                ephemeralContainerStatuses=_CONTAINER_STATUSES,
            ),
        },
    ),
    # its data may be anything, and is read with care: see model/revision.py
    CONTROLLER_REVISION: ("", {"revision": NUMBER}),
    SERVICE: ("", {"spec": _fields(clusterIP=TEXT, ports=_PORTS)}),
    CONFIG_MAP: ("", {"data": MAP}),
    EVENT: (
        "",
        {
            "involvedObject": _fields(kind=TEXT, name=TEXT, uid=TEXT),
            "series": _fields(lastObservedTime=TIME),
            "lastTimestamp": TIME,
            "eventTime": TIME,
            "type": TEXT,
            "reason": TEXT,
            "message": TEXT,
        },
    ),
    HPA: (
        "spec",
        {
            "spec": _fields(
                "scaleTargetRef maxReplicas", scaleTargetRef=_TARGET, minReplicas=NUMBER, maxReplicas=NUMBER
            )
        },
    ),
    SCALED_OBJECT: (
        "spec",
        {
            "spec": _fields(
                "scaleTargetRef", scaleTargetRef=_TARGET, minReplicaCount=NUMBER, maxReplicaCount=NUMBER
            )
        },
    ),
    NAMESPACE: ("", {}),
    CRD: ("", {"spec": _fields(versions=_each(_fields("name", name=TEXT, served=FLAG)))}),
}
_LISTING = _fields(
    "metadata items", metadata=_fields("resourceVersion", resourceVersion=NAME), items=_each(ANYTHING)
)


@cache
def _object(resource: Resource, *, kept: bool) -> Shape:
    needed, parts = _KINDS[resource]
    must = "name" + (" namespace" if resource.namespaced else "") + (f" {_KEPT}" if kept else "")
    metadata = _fields(must, **_METADATA)
    return _fields(f"metadata {needed}", metadata=metadata, apiVersion=TEXT, kind=TEXT, **parts)


def checked(resource: Resource, obj: Object, *, kept: bool = True) -> Object:
    """``obj``, an object of that kind; unless ``kept`` it was only tried, so the store gave it nothing yet.

    Of kinds that only pass through (a review has not even a name) nothing is asked.
    Raises KagentError with the path where a field that is read has another type.
    """
    if resource not in _KINDS:
        return obj
    try:
        _check(_object(resource, kept=kept), obj)
    except _Misfit as misfit:
        raise _explained(resource, obj, misfit) from None
    return obj


def checked_list(resource: Resource, listing: Object) -> Object:
    """``listing``, a list of objects of that kind. Raises KagentError as ``checked`` does."""
    if listing.get("items", _ABSENT) is None:
        listing["items"] = []  # as Go writes a list that was never begun
    try:
        _check(_LISTING, listing)
    except _Misfit as misfit:
        path = _path(misfit)
        raise KagentError(
            f"the API server's list of {resource.full_name} has {misfit.found} at {path}, "
            f"where {misfit.wanted} belongs",
            hint=_ANOTHER,
        ) from None
    for item in listing["items"]:
        checked(resource, item)
    return listing


def _check(shape: Shape, value: Object) -> None:
    _, inner = shape
    if inner is not None:
        inner(value)


def _explained(resource: Resource, obj: Object, misfit: _Misfit) -> KagentError:
    metadata = obj.get("metadata")
    name, namespace = (
        found[:253] if isinstance(found, str) else ""
        for found in (
            (metadata.get("name"), metadata.get("namespace")) if isinstance(metadata, dict) else ("", "")
        )
    )
    what = resource.label(name) if name else resource.full_name
    where = f" -n {namespace}" if namespace else ""
    return KagentError(
        f"the API server's answer for {what} has {misfit.found} at {_path(misfit)}, "
        f"where {misfit.wanted} belongs",
        hint=f"kubectl get {what}{where} -o yaml shows it" if name else _ANOTHER,
    )


def _path(misfit: _Misfit) -> str:
    return "".join(reversed(misfit.path)).removeprefix(".")
