"""Whether alerts come to an Alertmanager: the one that always fires is looked for there."""

from __future__ import annotations

from kubectl_kagent.backends.alertmanager import Alertmanager
from kubectl_kagent.errors import Forbidden, KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import Facts
from kubectl_kagent.observe.status.signals import ARRIVING, MISSING, UNKNOWN, Remedy, Signal

NAME = "alertmanager"
WATCHDOG = "KagentWatchdog"


def alertmanager(
    facts: Facts, evidence: Evidence | None, found: Alertmanager | None
) -> tuple[Signal, Note | None]:
    """The signal, and why an Alertmanager may not be asked. Asks it for the watchdog."""
    if evidence is None:
        return Signal(NAME, UNKNOWN, "Prometheus cannot be asked"), None
    if evidence.alertmanagers == ():
        remedy = _to_name(facts)
        return Signal(
            NAME, MISSING, f"Prometheus ({evidence.name}) has none to send alerts to", None, (remedy,)
        ), None
    if NAME not in evidence.now:
        return evidence.broken(NAME, f"{WATCHDOG} does not fire in Prometheus: see rules"), None
    if found is None:
        detail = "no Service of an Alertmanager is to be seen"
        return Signal(NAME, UNKNOWN, detail, None, (_to_ask(evidence),)), None
    where = f"Alertmanager ({found.name})"
    try:
        arrived = found.has_alert(WATCHDOG)
    except Forbidden as error:
        signal = Signal(NAME, UNKNOWN, f"{where} may not be asked", None, (_to_ask(evidence),))
        return signal, Note(f"{where} is not asked", error.explained)
    except KagentError as error:
        return Signal(NAME, UNKNOWN, f"{where}: {error.message}", None, (_to_ask(evidence),)), None
    since = evidence.since(NAME)
    if arrived:
        return Signal(NAME, ARRIVING, f"{WATCHDOG} is at {where}", since), None
    detail = f"{WATCHDOG} fires, and has not come to {where}; Prometheus sends to {_receivers(evidence)}"
    return Signal(NAME, MISSING, detail, None, (_to_name(facts),)), None


def _receivers(evidence: Evidence) -> str:
    return ", ".join(evidence.alertmanagers or ()) or "where is not known"


def _to_ask(evidence: Evidence) -> Remedy:
    """Prometheus fires it, and whether it arrived only the Alertmanager can say."""
    return Remedy(
        f"Prometheus sends alerts to {_receivers(evidence)}: is {WATCHDOG} there?",
        (f"amtool alert query --alertmanager.url=URL alertname={WATCHDOG}",),
    )


def _to_name(facts: Facts) -> Remedy:
    if facts.operated:
        text = "name it in spec.alerting.alertmanagers of the Prometheus object"
        return Remedy(text, ("kubectl get prometheuses -A -o yaml",))
    return Remedy(
        "name it in alerting.alertmanagers of Prometheus's configuration; is it reachable from there?"
    )
