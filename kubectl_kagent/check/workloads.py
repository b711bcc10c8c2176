"""Agents, MCP servers, models and tools: what is not ready, missing or refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from kubectl_kagent.check.facts import CheckFacts
from kubectl_kagent.check.findings import FAILURE, WARNING, CheckFinding, Section
from kubectl_kagent.check.installation import unseen
from kubectl_kagent.clock import parse_or_none
from kubectl_kagent.errors import KagentError, NotFound
from kubectl_kagent.lifecycle.rollout.inspection import View
from kubectl_kagent.lifecycle.rollout.wait import judge
from kubectl_kagent.model.conditions import condition, conditions
from kubectl_kagent.model.deletion import deletion, finalizers
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.place import by_place
from kubectl_kagent.model.resources import AGENT, MCP_SERVER, MODEL_CONFIG, REMOTE_MCP_SERVER, Resource
from kubectl_kagent.model.stage import SETTLED, Stage, Status, status_of
from kubectl_kagent.model.tool_server import problem
from kubectl_kagent.model.workload import Reference, Workload
from kubectl_kagent.observe.status.signals import Remedy
from kubectl_kagent.tools.findings import findings as of_tools
from kubectl_kagent.tools.findings import unknown

_WHERE = {AGENT: "agents", MCP_SERVER: "mcpservers"}
_PATIENCE = 300  # seconds, after which rollout status gives up on a controller, too
_WAITS = "its newest change waits for the controller"
_OWN_FAULT = "CreateContainerConfigError"  # what the kubelet says where a Secret or its key is missing


def workloads(facts: CheckFacts, resource: Resource, explained: Collection[tuple[str, str]]) -> Section:
    """Each that is not ready, and why. Of those in ``explained`` another section says why."""
    name, found = _WHERE[resource], facts.workloads(resource)
    if isinstance(found, KagentError):
        return Section(name, 0, unchecked=(Note(name, found.explained),))
    if isinstance(facts.deployments, KagentError) and found:
        return Section(name, 0, unchecked=(Note(f"whether {name} are ready", facts.deployments.explained),))
    ok, wrong, unchecked = 0, list[CheckFinding](), list[Note]()
    users = _users(facts)
    for workload in found:
        status = status_of(workload, facts.deployment(workload))
        reference = Reference(resource, *workload.key)
        view = facts.stuck.get(reference)
        used = _used(users.get(reference, ()))
        if status.stage is Stage.SCALED_TO_ZERO and used:
            remedy = Remedy("", (f"kubectl kagent wake {workload.typed}",))
            wrong.append(CheckFinding(WARNING, _about(workload), "is scaled to 0", used, remedy))
        elif status.stage in SETTLED and resource is AGENT and (why := _unjudged(workload.obj)):
            unchecked.append(Note(_about(workload), why))
        elif status.stage in SETTLED:
            ok += 1
        elif status.stage is Stage.TERMINATING:
            wrong.append(_leaving(workload))
        elif status.stage is Stage.PENDING and resource in unseen(facts):
            unchecked.append(Note(_about(workload), _WAITS))
        elif isinstance(view, KagentError):
            wrong.append(_not_ready(workload, status, None, used))
            unchecked.append(Note(f"why {_about(workload)} is not ready", view.explained))
        elif workload.key not in explained or not _is_refused(status, view):
            wrong.append(_not_ready(workload, status, view, used))
            unchecked += view.notes if view else ()
    detail = "" if found else f"there are none in {facts.namespace or 'any namespace'}"
    return Section(name, ok, tuple(wrong), tuple(dict.fromkeys(unchecked)), detail)


def _unjudged(obj: Mapping[str, Any]) -> str:
    """Why kagent's word on an object is not to be had, or is not of its newest spec."""
    accepted = condition(obj, "Accepted")
    if accepted is None or accepted.status not in ("True", "False"):
        return "kagent has not said whether it accepts it"
    observed = accepted.observed or int((obj.get("status") or {}).get("observedGeneration") or 0)
    if 0 < observed < int(obj["metadata"].get("generation") or 0):
        return _WAITS
    return ""


def _is_refused(status: Status, view: View | None) -> bool:
    """Whether it is the config that keeps it from starting, and not something else besides."""
    if status.stage is Stage.NOT_ACCEPTED:
        return True
    return view is not None and any(cause.kind == _OWN_FAULT for cause in judge(view).causes)


def _users(facts: CheckFacts) -> dict[Reference, list[Workload]]:
    """The agents that have a server, or another agent, among their tools, as far as that is known."""
    users: dict[Reference, list[Workload]] = {}
    for use in () if isinstance(facts.uses, KagentError) else facts.uses:
        if use.agent is not None:
            users.setdefault(use.server.reference, []).append(use.agent)
    return users


def _not_ready(workload: Workload, status: Status, view: View | None, used: tuple[str, ...]) -> CheckFinding:
    progress = judge(view) if view else None
    causes = progress.causes if progress else ()
    lines = tuple(line for cause in causes for line in (cause.line, *(f"> {said}" for said in cause.log)))
    deployment = view.deployment if view else None
    available = int(((deployment or {}).get("status") or {}).get("availableReplicas") or 0)
    stands = status.stage not in (Stage.PENDING, Stage.PROGRESSING, Stage.PAUSED) and not available
    failed = progress is not None and progress.state == "failed"
    starts = not lines and _is_under_way(deployment)
    level = FAILURE if failed or (stands and not starts) or _is_forgotten(view) else WARNING
    hint = next((cause.hint for cause in causes if cause.hint), "")
    command = f"kubectl kagent describe {workload.typed}"
    text = f"is {status.stage}" if lines else f"is {status.text}"
    if not lines:
        hint = "its rollout is under way" if starts else "nothing that may be seen says why"
    return CheckFinding(level, _about(workload), text, (*lines, *used), Remedy(hint, (command,)))


def _is_under_way(deployment: Mapping[str, Any] | None) -> bool:
    """Whether the Deployment's controller gives its newest ReplicaSet time still."""
    progressing = condition(deployment, "Progressing", "True")
    return progressing is not None and progressing.reason != "NewReplicaSetAvailable"


def _is_forgotten(view: View | None) -> bool:
    """Whether no controller has ever looked at it, though it had the time."""
    if view is None or conditions(view.workload.obj):
        return False
    made = parse_or_none(view.workload.obj["metadata"].get("creationTimestamp"))
    return made is not None and (view.now - made).total_seconds() > _PATIENCE


def _leaving(workload: Workload) -> CheckFinding:
    """What is ready of it is no matter any more."""
    hint = "whoever put its finalizers there has to do their part" if finalizers(workload.obj) else ""
    remedy = Remedy(hint, (f"kubectl get {workload.typed} -o yaml",))
    return CheckFinding(WARNING, _about(workload), f"is {deletion(workload.obj)}", (), remedy)


def _about(workload: Workload) -> str:
    return _named(workload.resource, *workload.key)


def _named(resource: Resource, namespace: str, name: str) -> str:
    return f"{resource.singular} {namespace}/{name}"


def remotes(facts: CheckFacts) -> Section:
    """RemoteMCPServers, of which kagent itself says whether they answer."""
    found = facts.objects[REMOTE_MCP_SERVER]
    if isinstance(found, KagentError):
        return Section("remotemcpservers", 0, unchecked=(Note("remotemcpservers", found.explained),))
    wrong, unchecked, users = list[CheckFinding](), list[Note](), _users(facts)
    for item in found:
        metadata = item["metadata"]
        about = _named(REMOTE_MCP_SERVER, metadata["namespace"], metadata["name"])
        if why := _unjudged(item):
            unchecked.append(Note(about, why))
        elif said := problem(REMOTE_MCP_SERVER, item):
            command = f"kubectl describe remotemcpserver/{metadata['name']} -n {metadata['namespace']}"
            remedy = Remedy("correct its url or headers, or start what is behind it", (command,))
            used = _used(users.get(Reference(REMOTE_MCP_SERVER, metadata["namespace"], metadata["name"]), ()))
            wrong.append(CheckFinding(FAILURE, about, "is not ready", (said, *used), remedy))
    ok = len(found) - len(wrong) - len(unchecked)
    return Section("remotemcpservers", ok, tuple(wrong), tuple(unchecked))


def models(facts: CheckFacts) -> tuple[Section, set[tuple[str, str]]]:
    """ModelConfigs that are missing or refused, and the agents that can't run for want of them."""
    found, agents = facts.objects[MODEL_CONFIG], facts.workloads(AGENT)
    if isinstance(found, KagentError):
        return Section("models", 0, unchecked=(Note("models", found.explained),)), set()
    users: dict[tuple[str, str], list[Workload]] = {}
    for agent in () if isinstance(agents, KagentError) else agents:
        for reference in agent.references():
            if reference.resource is MODEL_CONFIG:
                users.setdefault((reference.namespace, reference.name), []).append(agent)
    there = by_place(found)
    unjudged = {key: why for key, item in there.items() if (why := _unjudged(item))}
    refused = {
        key: no
        for key, item in there.items()
        if key not in unjudged and (no := condition(item, "Accepted", "False"))
    }
    findings = [_missing_model(key, users[key]) for key in sorted(set(users) - set(there))]
    for key, no in sorted(refused.items()):
        level, text = (FAILURE, "is not accepted") if key in users else (WARNING, "is not accepted, nor used")
        name = _named(MODEL_CONFIG, *key)
        secret = there[key]["spec"].get("apiKeySecret")
        fix = f"does secret {key[0]}/{secret} exist, with the key that it names?" if secret else ""
        command = f"kubectl describe modelconfig/{key[1]} -n {key[0]}"
        causes = (no.text, *_used(users.get(key, ())))
        findings.append(CheckFinding(level, name, text, causes, Remedy(fix, (command,))))
    broken = {agent.key for key in (set(users) - set(there)) | set(refused) for agent in users.get(key, ())}
    unchecked = tuple(Note(_named(MODEL_CONFIG, *key), why) for key, why in sorted(unjudged.items()))
    return Section("models", len(there) - len(refused) - len(unjudged), tuple(findings), unchecked), broken


def _missing_model(key: tuple[str, str], users: Iterable[Workload]) -> CheckFinding:
    agents = list(users)
    remedy = Remedy(
        "create it, or name one that is there",
        (f"kubectl kagent get modelconfigs -n {key[0]}", f"kubectl edit {agents[0].typed}"),
    )
    return CheckFinding(FAILURE, _named(MODEL_CONFIG, *key), "does not exist", _used(agents), remedy)


def _used(agents: Iterable[Workload]) -> tuple[str, ...]:
    names = ", ".join(sorted({_about(agent) for agent in agents}))
    return (f"used by {names}",) if names else ()


def tools(facts: CheckFacts, reported: Collection[str]) -> tuple[Section, set[tuple[str, str]]]:
    """What agents name and can't have, and the agents whose server is missing.

    ``reported`` are the servers of which it is said elsewhere what is wrong with them.
    """
    agents = facts.workloads(AGENT)
    if isinstance(agents, KagentError):
        return Section("tools", 0, unchecked=(Note("tools", agents.explained),)), set()
    if isinstance(facts.uses, KagentError):
        return Section("tools", 0, unchecked=(Note("tools", facts.uses.explained),)), set()
    uses = [
        replace(use, server=replace(use.server, problem=""))
        if _server(use.server.reference) in reported
        else use
        for use in facts.uses
    ]
    # of a kind that is not there nothing can be, as the CRDs tell
    absent = {kind for kind, answer in facts.crds.items() if isinstance(answer, NotFound)}
    found = [each for each in of_tools(agents, uses) if each.server.reference.resource not in absent]
    wrong = tuple(
        CheckFinding(
            FAILURE,
            _about(each.agent),
            "names what it can't have",
            (each.text,),
            Remedy(
                "correct its tools, or the server",
                (f"kubectl kagent tools list {each.agent.name} -n {each.agent.namespace}",),
            ),
        )
        for each in found
    )
    unchecked = tuple(
        Note(f"what {_server(server.reference)} offers", server.unknown)
        for server in unknown(uses)
        if server.exists is not False and server.reference.resource is not AGENT
    )
    broken = {each.agent.key for each in found if each.server.exists is False}
    return Section("tools", sum(use.offered is True for use in uses), wrong, unchecked), broken


def _server(reference: Reference) -> str:
    return _named(reference.resource, reference.namespace, reference.name)
