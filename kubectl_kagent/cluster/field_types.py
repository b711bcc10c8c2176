"""What objects must look like for those who read them: checked once, where they come in.

A real API server holds built-in kinds to their types and custom ones to their CRDs. Nothing here is stricter
than these, so what doesn't fit comes from something else: that is an error, and no reader behind this asks
again. Only fields that are read stand here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from kubectl_kagent.cluster.shapes import (
    ABSENT,
    ANYTHING,
    FLAG,
    MAP,
    NAME,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    VERSION,
    Misfit,
    Shape,
    check,
    each,
    fields,
)
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import (
    AGENT,
    BUNDLED,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CRD,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    HPA,
    LEASE,
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
from kubectl_kagent.shell import command_line

Object = dict[str, Any]

_ANOTHER = "is another server behind this address?"

_CONDITIONS = each(
    fields(
        type=TEXT,
        status=TEXT,
        reason=TEXT,
        message=TEXT,
        observedGeneration=NUMBER,
        lastTransitionTime=TIME,
    )
)
_OWNERS = each(fields(apiVersion=TEXT, kind=TEXT, name=TEXT, uid=TEXT, controller=FLAG))
_MANAGERS = each(fields(manager=TEXT, operation=TEXT, subresource=TEXT, time=TIME, fieldsV1=ANYTHING))
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

_CONFIG_MAP_KEY = fields(configMapKeyRef=fields(name=TEXT, key=TEXT))
_ENV = each(fields("name", name=TEXT, value=TEXT, valueFrom=_CONFIG_MAP_KEY))
_CONTAINERS = each(
    fields(
        "name",
        name=NAME,
        image=TEXT,
        env=_ENV,
        envFrom=each(fields(configMapRef=fields(name=TEXT))),
        ports=each(fields(name=TEXT)),
        resources=fields(limits=ANYTHING, requests=ANYTHING),
    )
)
_ENDED = fields(exitCode=NUMBER, reason=TEXT, message=TEXT, startedAt=TIME, finishedAt=TIME)
_STATE = fields(waiting=fields(reason=TEXT, message=TEXT), running=fields(startedAt=TIME), terminated=_ENDED)
_CONTAINER_STATUSES = each(
    fields("name", name=NAME, ready=FLAG, restartCount=NUMBER, image=TEXT, state=_STATE, lastState=_STATE)
)
_POD_SPEC = fields(
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    nodeName=TEXT,
)
_TEMPLATE = fields(metadata=fields(labels=MAP, annotations=MAP), spec=_POD_SPEC)
_SERVER = fields(name=TEXT, namespace=TEXT, kind=TEXT, apiGroup=TEXT, toolNames=TEXTS, requireApproval=TEXTS)
_HEADERS = each(fields("name", name=TEXT, value=TEXT, valueFrom=fields(type=TEXT, name=TEXT, key=TEXT)))
_DEPLOYED = fields(replicas=NUMBER, image=TEXT, env=_ENV, annotations=MAP, labels=MAP)
_NAMES_A_MODEL = fields(modelConfig=TEXT)
_DECLARATIVE = fields(
    runtime=TEXT,
    systemMessage=TEXT,
    systemMessageFrom=fields(type=TEXT, name=TEXT, key=TEXT),
    promptTemplate=fields(dataSources=each(fields("name", name=TEXT, kind=TEXT, alias=TEXT))),
    modelConfig=TEXT,
    memory=_NAMES_A_MODEL,
    context=fields(compaction=fields(summarizer=_NAMES_A_MODEL)),
    tools=each(
        fields(type=TEXT, mcpServer=_SERVER, agent=fields(name=TEXT, namespace=TEXT), headersFrom=_HEADERS)
    ),
    deployment=_DEPLOYED,
)
_PORTS = each(fields("port", name=TEXT, port=NUMBER, appProtocol=TEXT))
_TARGET = fields("name", apiVersion=TEXT, kind=TEXT, name=TEXT)
_WORKLOAD_STATUS = fields(observedGeneration=NUMBER, conditions=_CONDITIONS)
_COUNTED = fields(
    observedGeneration=NUMBER,
    conditions=_CONDITIONS,
    replicas=NUMBER,
    updatedReplicas=NUMBER,
    readyReplicas=NUMBER,
    availableReplicas=NUMBER,
)

# Of each kind the parts that must be there, and what its parts look like (metadata apart).
_KINDS: dict[Resource, tuple[str, dict[str, Shape]]] = {
    **dict.fromkeys(BUNDLED, ("", {})),
    AGENT: (
        "",
        {
            "spec": fields(
                type=TEXT, description=TEXT, declarative=_DECLARATIVE, byo=fields(deployment=_DEPLOYED)
            ),
            "status": _WORKLOAD_STATUS,
        },
    ),
    MCP_SERVER: (
        "",
        {
            "spec": fields(
                transportType=TEXT,
                deployment=fields(replicas=NUMBER, image=TEXT, port=NUMBER, env=MAP, annotations=MAP),
            ),
            "status": _WORKLOAD_STATUS,
        },
    ),
    MODEL_CONFIG: (
        "",
        {
            "spec": fields(provider=TEXT, model=TEXT, defaultHeaders=MAP),
            "status": fields(conditions=_CONDITIONS, secretHash=TEXT),
        },
    ),
    REMOTE_MCP_SERVER: (
        "",
        {
            "spec": fields(url=TEXT, protocol=TEXT, headersFrom=_HEADERS),
            "status": fields(
                conditions=_CONDITIONS,
                discoveredTools=each(fields("name", name=TEXT, description=TEXT)),
            ),
        },
    ),
    DEPLOYMENT: (
        "",
        {
            "spec": fields(replicas=NUMBER, progressDeadlineSeconds=NUMBER, template=_TEMPLATE),
            "status": _COUNTED,
        },
    ),
    REPLICA_SET: ("", {"spec": fields(replicas=NUMBER, template=_TEMPLATE), "status": _COUNTED}),
    POD: (
        "",
        {
            "spec": _POD_SPEC,
            "status": fields(
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
    SERVICE: ("", {"spec": fields(clusterIP=TEXT, ports=_PORTS)}),
    CONFIG_MAP: ("", {"data": MAP}),
    ENDPOINT_SLICE: (
        "",
        {"endpoints": each(fields(addresses=TEXTS, conditions=fields(ready=FLAG)))},
    ),
    LEASE: ("", {"spec": fields(renewTime=TIME)}),
    EVENT: (
        "",
        {
            "involvedObject": fields(kind=TEXT, name=TEXT, uid=TEXT),
            "series": fields(lastObservedTime=TIME),
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
            "spec": fields(
                "scaleTargetRef maxReplicas", scaleTargetRef=_TARGET, minReplicas=NUMBER, maxReplicas=NUMBER
            )
        },
    ),
    SCALED_OBJECT: (
        "spec",
        {
            "spec": fields(
                "scaleTargetRef", scaleTargetRef=_TARGET, minReplicaCount=NUMBER, maxReplicaCount=NUMBER
            )
        },
    ),
    NAMESPACE: ("", {}),
    CRD: ("", {"spec": fields(versions=each(fields("name", name=TEXT, served=FLAG)))}),
}
_LISTING = fields(
    "metadata items", metadata=fields("resourceVersion", resourceVersion=VERSION), items=each(ANYTHING)
)


@cache
def _object(resource: Resource, *, kept: bool) -> Shape:
    needed, parts = _KINDS[resource]
    must = "name" + (" namespace" if resource.namespaced else "") + (f" {_KEPT}" if kept else "")
    metadata = fields(must, **_METADATA)
    return fields(f"metadata {needed}", metadata=metadata, apiVersion=TEXT, kind=TEXT, **parts)


def checked(resource: Resource, obj: Object, *, kept: bool = True) -> Object:
    """``obj``, an object of that kind; unless ``kept`` it was only tried, so the store gave it nothing yet.

    Of kinds that only pass through (a review has not even a name) nothing is asked.
    Raises KagentError with the path where a field that is read has another type.
    """
    if resource not in _KINDS:
        return obj
    try:
        check(_object(resource, kept=kept), obj)
    except Misfit as misfit:
        raise _explained(resource, obj, misfit) from None
    return obj


def checked_list(resource: Resource, listing: Object) -> Object:
    """``listing``, a list of objects of that kind. Raises KagentError as ``checked`` does."""
    if listing.get("items", ABSENT) is None:
        listing["items"] = []  # as Go writes a list that was never begun
    try:
        check(_LISTING, listing)
    except Misfit as misfit:
        path = misfit.where
        raise KagentError(
            f"the API server's list of {resource.full_name} has {misfit.found} at {path}, "
            f"where {misfit.wanted} belongs",
            hint=_ANOTHER,
        ) from None
    for item in listing["items"]:
        checked(resource, item)
    return listing


def _explained(resource: Resource, obj: Object, misfit: Misfit) -> KagentError:
    metadata = obj.get("metadata")
    name, namespace = (
        found[:253] if isinstance(found, str) else ""
        for found in (
            (metadata.get("name"), metadata.get("namespace")) if isinstance(metadata, dict) else ("", "")
        )
    )
    what = resource.label(name) if name else resource.full_name
    where = ("-n", namespace) if namespace else ()
    return KagentError(
        f"the API server's answer for {what} has {misfit.found} at {misfit.where}, "
        f"where {misfit.wanted} belongs",
        hint=f"{command_line('kubectl get', what, *where)} -o yaml shows it" if name else _ANOTHER,
    )
