"""All sections of a check, in the order in which one depends on another."""

from __future__ import annotations

from collections.abc import Callable

from kubectl_kagent.backends.controller import Controller
from kubectl_kagent.check import facts as facts_
from kubectl_kagent.check.facts import CheckFacts
from kubectl_kagent.check.findings import WARNING, CheckFinding, CheckReport, Section
from kubectl_kagent.check.installation import cluster as of_cluster
from kubectl_kagent.check.installation import controllers, crds, not_reached
from kubectl_kagent.check.rights import access
from kubectl_kagent.check.workloads import models, remotes, tools, workloads
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.resources import AGENT, MCP_SERVER
from kubectl_kagent.observe.status import traces
from kubectl_kagent.observe.status.signals import MISSING, Remedy

_REST = "kubectl kagent observe status has the other signals"
_OTHERS = "crds, controllers, access, models, servers, tools, agents, telemetry"


def report(
    connect: Callable[[], Cluster], controller: Callable[[], Controller], *, everywhere: bool
) -> CheckReport:
    """Look at everything once. A cluster that does not answer is a finding, and nothing else is checked."""
    try:
        cluster = connect()
        found = facts_.look(cluster, None if everywhere else cluster.namespace, controller)
    except KagentError as error:
        return CheckReport((not_reached(error, Note(_OTHERS, "the cluster can't be asked")),))
    return judge(found)


def judge(found: CheckFacts) -> CheckReport:
    """What the facts mean. Pure."""
    of_models, without_model = models(found)
    far = remotes(found)
    servers = workloads(found, MCP_SERVER, ())
    reported = {finding.about for section in (servers, far) for finding in section.findings}
    of_tools, without_server = tools(found, reported)
    return CheckReport(
        (
            of_cluster(found),
            crds(found),
            controllers(found),
            access(found.needed, found.rights),
            of_models,
            servers,
            far,
            of_tools,
            workloads(found, AGENT, without_model | without_server),
            telemetry(found),
        )
    )


def telemetry(found: CheckFacts) -> Section:
    """The way of spans to the collector, as ``observe status`` has it, before it asks Prometheus."""
    wiring = found.wiring
    if isinstance(wiring, KagentError):
        return Section("telemetry", 0, unchecked=(Note("traces", wiring.explained),), detail=_REST)
    if found.controllers[AGENT].best is None:
        nobody = Note("traces", "no controller of kagent is to be seen, which tells agents of tracing")
        return Section("telemetry", 0, unchecked=(nobody,), detail=_REST)
    signal = traces.traces(wiring, None)
    unchecked = tuple(Note("traces", note.line) for note in wiring.notes)
    if signal.status == MISSING:
        remedy = next(iter(signal.remedies), Remedy())
        finding = CheckFinding(WARNING, "traces", f"do not arrive: {signal.detail}", (), remedy)
        return Section("telemetry", 0, (finding,), unchecked, _REST)
    return Section("telemetry", 0 if unchecked else 1, (), unchecked, _REST)
