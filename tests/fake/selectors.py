"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubectl_kagent.errors import OtherServerError
from kubectl_kagent.model.resources import EVENT, POD, Resource
from kubectl_kagent.model.workload import dig

_REQUIREMENT = re.compile(
    r"\s*(?:(?P<not>!)\s*)?(?P<key>[\w./-]+)\s*"
    r"(?:(?P<set>in|notin)\s*\((?P<values>[^)]*)\)|(?P<op>==|=|!=)\s*(?P<value>[\w.-]*))?\s*(?:,|$)"
)
_TERM = re.compile(r"(.*?)(!=|==|=)(.*)")
_FIELDS = {
    EVENT: ("involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "involvedObject.uid"),
    POD: ("spec.nodeName", "status.phase"),
}


def label_requirements(selector: str | None) -> list[re.Match[str]]:
    """Raises OtherServerError for what is not a label selector."""
    found, position, text = [], 0, selector or ""
    while position < len(text):
        match = _REQUIREMENT.match(text, position)
        if match is None:
            raise OtherServerError("BadRequest", f"unable to parse requirement: {text[position:]}")
        found.append(match)
        position = match.end()
    return found


def labels_match(requirements: list[re.Match[str]], obj: Mapping[str, Any]) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return all(_meets(requirement, labels.get(requirement["key"])) for requirement in requirements)


def _meets(requirement: re.Match[str], value: str | None) -> bool:
    if requirement["set"]:
        listed = value in [item.strip() for item in requirement["values"].split(",")]
        return listed == (requirement["set"] == "in")
    if requirement["op"]:
        return (value == requirement["value"]) == (requirement["op"] != "!=")
    return (value is None) == bool(requirement["not"])


def field_requirements(selector: str | None, resource: Resource) -> list[tuple[str, str, bool]]:
    """Paths, values, and whether these are wanted. Raises OtherServerError for what can't be selected by."""
    found = []
    for part in filter(None, (selector or "").split(",")):
        match = _TERM.match(part)
        if match is None:
            raise OtherServerError("BadRequest", f"invalid selector: '{selector}'; can't understand '{part}'")
        path, operator, wanted = match.groups()
        if path not in ("metadata.name", "metadata.namespace", *_FIELDS.get(resource, ())):
            raise OtherServerError("BadRequest", f"field label not supported: {path}")
        found.append((path, wanted, operator != "!="))
    return found


def fields_match(requirements: list[tuple[str, str, bool]], obj: Mapping[str, Any]) -> bool:
    return all(
        (str(dig(obj, *path.split(".")) or "") == value) == wanted for path, value, wanted in requirements
    )
