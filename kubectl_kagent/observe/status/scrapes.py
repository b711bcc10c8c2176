"""What Prometheus scrapes: the bundle's own programs, kagent's, and what the cluster has of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kubectl_kagent.model.workload import dig
from kubectl_kagent.observe.status import senders
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import Facts
from kubectl_kagent.observe.status.signals import (
    ARRIVING,
    FAILING,
    MISSING,
    QUIET,
    UNKNOWN,
    UNUSED,
    Remedy,
    Signal,
)
from kubectl_kagent.observe.status.stores import Store

_WHY_RECORDER = "optional; without it history has what the API server remembers: see docs/recorder.md"
# Those are not everywhere.
_OPTIONAL = ("kagent-recorder", "kmcp", "kagent-tools", "agentgateway")
_KAGENTS = ("kagent-recorder", "kagent-controller", "kmcp", "kagent-tools", "agentgateway")


_CONTROLLER = "kagent-controller"
# the ClusterRole is its chart's
_LET_READ = (
    "kubectl create clusterrolebinding kagent-metrics-reader --clusterrole=kagent-metrics-reader "
    "--serviceaccount=NAMESPACE:NAME"
)


@dataclass(frozen=True, slots=True)
class _Running:
    """Whether something is there to be scraped: None where that is not known; else why not."""

    runs: bool | None
    why: str = ""
    remedy: Remedy | None = None
    absent: bool = False


_RUNS, _NOT_KNOWN = _Running(runs=True), _Running(runs=None)


def scrape(job: str, facts: Facts, evidence: Evidence | None, name: str = "") -> Signal:
    """Whether a job's targets answer Prometheus; ``name`` is the signal's, if it is another one."""
    name = name or job
    there = _running(job, facts)
    if evidence is None:
        if there.runs is False and not there.absent:
            return Signal(name, MISSING, there.why, None, _given(there.remedy))
        return Signal(name, UNKNOWN, "Prometheus cannot be asked")
    down = evidence.number(f"down-{job}")
    since = evidence.since(job)
    if job in evidence.now:
        if down:
            detail = f"{down:.0f} of its targets {'does' if down == 1 else 'do'} not answer Prometheus"
            return Signal(name, FAILING, detail, since, (_targets(job),))
        return Signal(name, ARRIVING, "Prometheus scrapes it", since)
    if there.runs is False:
        if there.absent and job in _OPTIONAL and job not in evidence.last:
            return Signal(name, UNUSED, there.why, None, _given(there.remedy))
        return evidence.broken(name, there.why, *_given(there.remedy), of=job)
    if down:
        return evidence.broken(name, "it does not answer Prometheus", _targets(job), of=job)
    return evidence.broken(name, "Prometheus does not scrape it", _not_scraped(facts), of=job)


def _absent(why: str, remedy: Remedy | None) -> _Running:
    return _Running(runs=False, why=why, remedy=remedy, absent=True)


def _given(remedy: Remedy | None) -> tuple[Remedy, ...]:
    return (remedy,) if remedy else ()


def _targets(job: str) -> Remedy:
    text = f'the reason is on Prometheus\'s page /targets, job "{job}"'
    if job != _CONTROLLER:
        return Remedy(text)
    return Remedy(f"{text}; 401 or 403: let Prometheus's ServiceAccount in", (_LET_READ,))


def _not_scraped(facts: Facts) -> Remedy:
    if facts.operated:
        return Remedy(
            "does the Prometheus object select the bundle's monitors, in this namespace?",
            (
                f"kubectl get servicemonitors,podmonitors -n {facts.namespace} --show-labels",
                "kubectl get prometheuses -A -o yaml",
            ),
        )
    return Remedy(
        "does scrape_config_files of Prometheus name scrape.yaml of ConfigMap kagent-scrape? "
        "Its page /targets has the jobs",
        (f"kubectl get configmap kagent-scrape -n {facts.namespace} -o jsonpath='{{.data}}'",),
    )


def _running(job: str, facts: Facts) -> _Running:
    if job in (senders.NAME, "kagent-state-metrics"):
        return _behind(job, facts)
    if job == _CONTROLLER:
        return _controller(facts)
    pods = facts.pods_of(job)
    where = "kagent" if job in _KAGENTS else facts.namespace
    if pods is None:
        return _NOT_KNOWN
    if not pods and job == "kagent-recorder":
        command = facts.command("install", "--recorder-image=IMAGE")
        return _absent("not installed", Remedy(_WHY_RECORDER, (command,)))
    if not pods:
        return _absent("no pod of it runs", None if job in _OPTIONAL else facts.install)
    ready = [pod for pod in pods if pod.ready == len(pod.main_containers)]
    if not ready:
        remedy = Remedy(commands=(f"kubectl describe pod {pods[0].name} -n {pods[0].namespace or where}",))
        return _Running(
            runs=False, why=f"no pod of it is ready: {pods[0].name} is {pods[0].status}", remedy=remedy
        )
    return _RUNS


def _behind(name: str, facts: Facts) -> _Running:
    """What is reached by a Service of its own, in whatever pods."""
    if facts.services is None or facts.slices is None:
        return _NOT_KNOWN
    there = senders.points(name, facts.namespace, facts.services, facts.slices)
    if not there.exists:
        return _absent(f"there is no service {facts.namespace}/{name}", facts.install)
    if not there.ready:
        command = f"kubectl describe pods -n {facts.namespace} -l app.kubernetes.io/name={name}"
        why = f"no ready pod is behind service {facts.namespace}/{name}"
        return _Running(runs=False, why=why, remedy=Remedy(commands=(command,)))
    return _RUNS


def _controller(facts: Facts) -> _Running:
    """kagent's controller has its metrics only where its chart is told so."""
    if facts.controllers is None:
        return _NOT_KNOWN
    if facts.controller is None:
        return _absent("no Deployment of kagent's controller is to be seen", None)
    containers = dig(facts.controller, "spec", "template", "spec", "containers") or ()
    if any(port.get("name") == "metrics" for one in containers for port in one.get("ports") or ()):
        return _RUNS
    values = Remedy(
        "turn them on, and let Prometheus's ServiceAccount in",
        (_LET_READ,),
        {"controller.metrics.enabled": "true"},
    )
    return _Running(runs=False, why="its metrics are off", remedy=values)


def state(facts: Facts, evidence: Evidence | None) -> Signal:
    """Whether kagent-state-metrics tells of kagent's objects."""
    found = scrape("kagent-state-metrics", facts, evidence, "state")
    if evidence is None or found.status != ARRIVING:
        return found
    if "state" in evidence.now:
        return replace(found, detail="conditions, models and tools of kagent's objects")
    if facts.agents is not None and not facts.agents:
        return replace(found, status=QUIET, detail="it is scraped, and there is no agent to tell of")
    detail = "it is scraped, and has neither an Agent nor a ModelConfig"
    command = f"kubectl logs -n {facts.namespace} deployment/kagent-state-metrics --tail=50"
    return replace(found, status=FAILING, detail=detail, remedies=(Remedy(commands=(command,)),))


def recorder(facts: Facts, evidence: Evidence | None) -> Signal:
    """Whether a recorder is there, and keeps up."""
    found = scrape("kagent-recorder", facts, evidence, "recorder")
    if evidence is None or found.status != ARRIVING:
        return found
    lag, limit = evidence.number("recorder-lag"), evidence.number("recorder-lag-limit")
    trouble = evidence.number("recorder-trouble")
    see = Remedy(commands=("kubectl logs -n kagent deployment/kagent-recorder --tail=50",))
    if lag is not None and limit is not None and lag > limit:
        detail = f"the oldest change that it has not looked at is {lag:.0f}s old"
        return replace(found, status=FAILING, detail=detail, remedies=(see,))
    if trouble:
        detail = f"{trouble:.0f} workload{'' if trouble == 1 else 's'} cannot be recorded"
        return replace(found, status=FAILING, detail=detail, remedies=(see,))
    return found if lag is None or limit is None else replace(found, detail="it keeps up with changes")


def logs(facts: Facts, evidence: Evidence | None) -> Signal:
    """Whether lines of pods are read."""
    found = scrape("kagent-logs", facts, evidence, "logs")
    if evidence is None or found.status != ARRIVING:
        return found
    if refused := evidence.number("lines-refused"):
        detail = f"{refused:.0f} lines were refused in 10 minutes: it has too little memory"
        see = f"kubectl logs -n {facts.namespace} daemonset/kagent-logs --tail=50"
        return replace(found, status=FAILING, detail=detail, remedies=(Remedy(commands=(see,)),))
    return replace(found, detail="lines of pods are read")


def stored_logs(facts: Facts, evidence: Evidence | None, store: Store | None) -> Signal:
    """Whether lines come to Loki."""
    name = "stored-logs"
    if store is not None and store.trouble is not None:
        return store.trouble.signal(name, evidence)
    if evidence is None:
        if store is not None and store.newest is not None:
            return Signal(name, ARRIVING, f"{store.label} has lines of the last hour")
        return Signal(name, UNKNOWN, "Prometheus cannot be asked")
    since = evidence.since(name)
    see = Remedy(
        "does kagent-logs send to the right address, and as the right tenant?",
        (
            f"kubectl logs -n {facts.namespace} daemonset/kagent-logs --tail=50",
            facts.command("install", "--loki-endpoint=URL", "--tenant=ID"),
        ),
    )
    if failed := evidence.number("lines-failed"):
        return evidence.broken(name, f"{failed:.0f} lines were not taken in 10 minutes", see)
    if name not in evidence.now:
        waiting = evidence.number("lines-waiting")
        if evidence.ever("stored-logs-ever") and not waiting:
            return Signal(name, QUIET, "nobody wrote a line for 10 minutes", since)
        more = f"; {waiting:.0f} batches wait" if waiting else ""
        return evidence.broken(name, f"Loki has taken no line for 10 minutes{more}", see)
    if store is None:
        return Signal(name, ARRIVING, "kagent-logs sends them; no Loki is to be seen here", since)
    if store.newest is None:
        detail = f"{store.label} has no line of the last hour, and kagent-logs sends some: is it another one?"
        return Signal(name, FAILING, detail, since, (see,))
    return Signal(name, ARRIVING, f"{store.label} has lines of the last hour", since)


def clusters_own(name: str, evidence: Evidence | None) -> Signal:
    """Metrics that a cluster has of its own, and rules and dashboards read: kube-state-metrics, cAdvisor."""
    if evidence is None:
        return Signal(name, UNKNOWN, "Prometheus cannot be asked")
    if name in evidence.now:
        return Signal(name, ARRIVING, "Prometheus has its metrics")
    text = "it is the cluster's own, and not of the bundle: kube-prometheus-stack, for one, brings it"
    return Signal(name, MISSING, "alerts on pods and panels of them have no data", None, (Remedy(text),))
