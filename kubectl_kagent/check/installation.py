"""The API server, kagent and kmcp: versions, CRDs, controllers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kubectl_kagent.backends.versions import served_versions
from kubectl_kagent.check.facts import CheckFacts
from kubectl_kagent.check.findings import FAILURE, WARNING, CheckFinding, Section
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.lifecycle.rollout.causes import causes_stuck
from kubectl_kagent.lifecycle.rollout.controllers import ControllerStatus, available
from kubectl_kagent.lifecycle.rollout.inspection import View
from kubectl_kagent.model.controllers import CONTROLLERS
from kubectl_kagent.model.deployment import Deployment
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, KAGENT_GROUP, MCP_SERVER, WORKLOADS, Resource
from kubectl_kagent.observe.status.signals import Remedy

SPOKEN = ("0.9", "0.10")
_RELEASE = re.compile(r"v?([0-9]+\.[0-9]+)\..*", re.ASCII)
_CHART_VERSION = re.compile(r"v?([0-9]+\.[0-9]+\.[0-9]+)", re.ASCII)
_CHARTS = "oci://ghcr.io/kagent-dev/kagent/helm"  # kmcp is a part of both
_PRODUCTS = {AGENT: "kagent", MCP_SERVER: "kmcp"}


def cluster(facts: CheckFacts) -> Section:
    """It was asked for its version, else there were no facts."""
    where = f"namespace {facts.namespace}" if facts.namespace else "all namespaces"
    findings, unchecked = tuple[CheckFinding, ...](), tuple[Note, ...]()
    if isinstance(facts.own, NotFound):
        remedy = Remedy(commands=("kubectl get namespaces",))
        findings = (CheckFinding(FAILURE, where, "does not exist", remedy=remedy),)
    elif isinstance(facts.own, KagentError) and not _has_any(facts):
        unchecked = (Note(where, facts.own.explained),)
    return Section("cluster", 1, findings, unchecked, f"Kubernetes {facts.kubernetes}, {where}")


def _has_any(facts: CheckFacts) -> bool:
    """Whether anything was found in the namespace: then it is there."""
    return any(found and not isinstance(found, KagentError) for found in facts.objects.values())


def not_reached(error: KagentError, rest: Note) -> Section:
    """The same where there is no connection; ``rest`` is what is not checked then."""
    said = f"can't be asked: {error.message}"
    finding = CheckFinding(FAILURE, "cluster", said, remedy=Remedy(error.hint or ""))
    return Section("cluster", 0, (finding,), (rest,))


def crds(facts: CheckFacts) -> Section:
    """Whether each kind is there, in the version that we speak."""
    ok, findings, unchecked = 0, [], []
    for resource, answer in facts.crds.items():
        if isinstance(answer, KagentError) and not isinstance(answer, NotFound):
            unchecked.append(Note(f"crd {resource.full_name}", answer.explained))
        elif finding := _crd(facts, resource, answer):
            findings.append(finding)
        else:
            ok += 1
    if facts.newer:
        remedy = Remedy("use kagent 0.10, or a plugin that knows this one", ("kubectl kagent version",))
        said = "is served in a version that this plugin does not speak"
        findings.append(CheckFinding(WARNING, f"API group {KAGENT_GROUP}", said, (facts.newer,), remedy))
    return Section("crds", ok, tuple(findings), tuple(unchecked))


def _crd(
    facts: CheckFacts, resource: Resource, answer: Mapping[str, Any] | KagentError
) -> CheckFinding | None:
    about = f"crd {resource.full_name}"
    product = _PRODUCTS.get(resource, "kagent")
    if isinstance(answer, KagentError):
        remedy = Remedy(f"install the CRDs of {product}", (_installed(facts, "kagent-crds", resource),))
        why = f"{product} is not installed, or not all of it"
        # kagent does without kmcp, unless agents name its servers
        level = WARNING if resource is MCP_SERVER and not _is_named(facts, resource) else FAILURE
        return CheckFinding(level, about, "is missing", (why,), remedy)
    served = served_versions(answer)
    if resource.version in served:
        return None
    why = f"this plugin speaks {resource.version}, as kagent {' and '.join(SPOKEN)} do"
    return CheckFinding(
        FAILURE,
        about,
        f"is served as {', '.join(served) or 'nothing'}",
        (why,),
        Remedy("use a kagent and a plugin that speak the same version", ("kubectl kagent version",)),
    )


def _installed(facts: CheckFacts, chart: str, resource: Resource) -> str:
    """Helm's command, for the version that runs or one that we speak.

    Without one Helm takes the newest: the CRDs of kagent 1.0 take the place of those that agents live by.
    """
    running = None if isinstance(facts.version, KagentError) else _CHART_VERSION.fullmatch(facts.version)
    is_spoken = running is not None and running[1].rpartition(".")[0] in SPOKEN
    version = running[1] if running and is_spoken else f"'~{SPOKEN[-1]}.0'"
    also = " --reset-then-reuse-values --set kmcp.enabled=true" if resource is MCP_SERVER else ""
    return f"helm upgrade --install {chart} {_CHARTS}/{chart} -n kagent --version {version}{also}"


def _is_named(facts: CheckFacts, resource: Resource) -> bool:
    uses = () if isinstance(facts.uses, KagentError) else facts.uses
    return any(use.server.reference.resource is resource for use in uses)


def controllers(facts: CheckFacts) -> Section:
    """Whether the controllers run, answer, and are of a version that we speak."""
    ok, findings, unchecked, versions = 0, list[CheckFinding](), list[Note](), list[str]()
    down = set[Resource]()
    for resource in WORKLOADS:
        found = facts.controllers[resource]
        if found.refused and not found.deployments:
            unchecked.append(Note(f"{found.name} controller", found.refused))
        elif wrong := _controller(facts, resource, found):
            findings.append(wrong)
            down.add(resource)
        else:
            ok += 1
    if isinstance(facts.version, KagentError):
        # one that does not run need not be asked why it does not answer
        if AGENT not in down:
            unchecked.append(Note("kagent's version", facts.version.explained))
    elif finding := _version(facts.version):
        findings.append(finding)
    elif _RELEASE.fullmatch(facts.version):
        ok += 1
        versions.append(f"kagent {facts.version}")
    else:
        said = facts.version or "nothing"
        unchecked.append(Note("kagent's version", f"the controller says {said}, which is no release"))
    if version := _label(facts.controllers[MCP_SERVER]):
        versions.append(f"kmcp {version}")
    return Section("controllers", ok, tuple(findings), tuple(unchecked), ", ".join(versions))


def _label(found: ControllerStatus) -> str:
    labels = (found.best or {}).get("metadata", {}).get("labels") or {}
    return str(labels.get("app.kubernetes.io/version") or "")


def _version(version: str) -> CheckFinding | None:
    release = _RELEASE.fullmatch(version)
    if release is None or release[1] in SPOKEN:
        return None
    why = f"this plugin is tested with {' and '.join(SPOKEN)}"
    remedy = Remedy(f"use a kagent of {' or '.join(SPOKEN)}, or a plugin that knows this one")
    return CheckFinding(WARNING, "kagent", f"is {version}", (why,), remedy)


def _controller(facts: CheckFacts, resource: Resource, found: ControllerStatus) -> CheckFinding | None:
    best, where = found.best, " or ".join(found.namespaces)
    if best is None:
        labels = CONTROLLERS[resource].labels
        why = (
            f"no Deployment has the labels {labels}: unless it runs elsewhere, "
            f"no change of an {resource.kind} is carried out"
        )
        remedy = Remedy(f"install it, as its chart does in {where}", (_installed(facts, "kagent", resource),))
        level = WARNING if resource is MCP_SERVER and not facts.objects[MCP_SERVER] else FAILURE
        return CheckFinding(level, f"{found.name} controller", "is not to be seen", (why,), remedy)
    metadata, counts = best["metadata"], Deployment(best).counts
    about = f"deployment {metadata['namespace']}/{metadata['name']}"
    on = f"deployment/{metadata['name']} -n {metadata['namespace']}"
    if not counts.wanted:
        remedy = Remedy(commands=(f"kubectl scale {on} --replicas=1",))
        return CheckFinding(
            FAILURE, about, f"is scaled to 0: no change of an {resource.kind} is carried out", (), remedy
        )
    short = f"has {counts.available} of {counts.wanted} pods available"
    if counts.available == 0:
        return CheckFinding(FAILURE, about, short, *_explained(facts.down.get(resource), on))
    if counts.available < counts.wanted:
        return CheckFinding(WARNING, about, short, (), Remedy(commands=(f"kubectl describe {on}",)))
    return None


def _explained(view: View | None, on: str) -> tuple[tuple[str, ...], Remedy]:
    found = list(causes_stuck(view)) if view else []
    if not found:
        return (), Remedy("nothing that may be seen says why", (f"kubectl describe {on}",))
    return tuple(cause.line for cause in found), Remedy(found[0].hint)


def unseen(facts: CheckFacts) -> Iterator[Resource]:
    """The kinds whose controller does not run."""
    for resource in WORKLOADS:
        found = facts.controllers[resource]
        if not found.refused and (found.best is None or not available(found.best)):
            yield resource
