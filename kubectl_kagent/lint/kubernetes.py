"""What rules read of Kubernetes' own kinds and KEDA's, as schemas: what does not fit, nobody takes."""

from __future__ import annotations

from collections.abc import Mapping

from kubectl_kagent.lint.crds import Schema
from kubectl_kagent.model.resources import (
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    NAMESPACE,
    SCALED_OBJECT,
    SERVICE,
    Resource,
)

SECRET = Resource("", "v1", "secrets", "Secret")
NETWORK_POLICY = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")


def _open(**properties: Schema) -> Schema:
    """An object with these fields, and others that no rule reads."""
    return {"type": "object", "properties": properties, "x-kubernetes-preserve-unknown-fields": True}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}
_SELECTOR = _open(
    matchLabels=_TEXTS,
    matchExpressions=_list(_open(key=_TEXT, operator=_TEXT, values=_list(_TEXT))),
)
_SECURITY = _open(seccompProfile=_open(type=_TEXT), capabilities=_open(add=_list(_TEXT), drop=_list(_TEXT)))
_CONTAINER = _open(
    name=_TEXT,
    image=_TEXT,
    resources=_open(requests=_open(), limits=_open()),
    securityContext=_SECURITY,
    ports=_list(_open()),
)
_POD = _open(containers=_list(_CONTAINER), securityContext=_SECURITY, volumes=_list(_open()))
_TARGET = _open(spec=_open(scaleTargetRef=_open(kind=_TEXT, name=_TEXT)))
_TEMPLATE = _open(metadata=_open(labels=_TEXTS), spec=_POD)

_BY_KIND: Mapping[tuple[str, str], Schema] = {
    (resource.group, resource.kind): schema
    for resource, schema in (
        (NAMESPACE, _open()),
        (CONFIG_MAP, _open(data=_TEXTS, binaryData=_TEXTS)),
        (SECRET, _open(data=_TEXTS, stringData=_TEXTS)),
        (SERVICE, _open(spec=_open(selector=_TEXTS))),
        (DEPLOYMENT, _open(spec=_open(template=_TEMPLATE))),
        (NETWORK_POLICY, _open(spec=_open(podSelector=_SELECTOR))),
        (HPA, _TARGET),
        (SCALED_OBJECT, _TARGET),
    )
}


def schema_of(group: str, kind: str) -> Schema | None:
    """Of any version: these fields are the same in all."""
    return _BY_KIND.get((group, kind))
