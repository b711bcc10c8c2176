"""Whether Prometheus has the rules of this version of the bundle, and evaluates them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from kubectl_kagent import clock
from kubectl_kagent.observe import rule_values
from kubectl_kagent.observe.for_prometheus import rule_texts
from kubectl_kagent.observe.status.evidence import Evidence
from kubectl_kagent.observe.status.facts import Facts
from kubectl_kagent.observe.status.signals import ARRIVING, FAILING, UNKNOWN, Remedy, Signal

Object = Mapping[str, Any]
# Group, name, and the words of its expression: what two writings of one expression have in common.
Rule = tuple[str, str, tuple[str, ...]]

NAME = "rules"
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|#.*|[\w.:]+')
_DURATION = re.compile(r"(?:[0-9]+(?:ms|[smhdwy]))+")
_PART = re.compile(r"([0-9]+)([a-z]+)")
# As Prometheus counts them: days of 24 hours, years of 365 days.
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MILLISECONDS |= {"w": 7 * _MILLISECONDS["d"], "y": 365 * _MILLISECONDS["d"]}
_NAMED = 3
_LATE = 3  # intervals without an evaluation


def tokens(expression: str) -> tuple[str, ...]:
    """Its names, texts and numbers, sorted.

    Prometheus writes operators, parentheses, the order of matchers and durations in its own way.
    """
    return tuple(sorted(_value(word) for word in _WORD.findall(expression) if not word.startswith("#")))


def _value(word: str) -> str:
    """Of a duration what it comes to: 62m is 1h2m."""
    if not _DURATION.fullmatch(word):
        return word
    return f"{sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(word))}ms"


def bundled(root: Path) -> list[Rule]:
    """The rules of the bundle below ``root``. Those of values, which teams change, without expression."""
    return [
        (group["name"], name, () if file == Path(rule_values.GENERATED).name else tokens(str(rule["expr"])))
        for file, text in rule_texts(root).items()
        for group in _groups(text)
        for rule in group.get("rules") or ()
        if (name := rule.get("alert") or rule.get("record"))
    ]


def _groups(text: str) -> list[Any]:
    import yaml  # most verbs do without

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C takes a tenth of the time
    found: list[Any] = yaml.load(text, loader)["groups"]
    return found


def rules(root: Path, facts: Facts, evidence: Evidence | None) -> Signal:
    """The signal."""
    if evidence is None:
        return Signal(NAME, UNKNOWN, "Prometheus cannot be asked")
    if evidence.rules is None:
        return Signal(NAME, UNKNOWN, f"Prometheus ({evidence.name}) does not say which rules it has")
    since, ours = evidence.since(NAME), bundled(root)
    groups = [group for group in evidence.rules if group.get("name") in {name for name, _, _ in ours}]
    loaded = Counter(_loaded(groups, {name for _, name, expression in ours if not expression}))
    lacking = [rule for rule in ours if not loaded[rule]]
    if len(lacking) == len(ours):
        return evidence.broken(NAME, "Prometheus has none of the bundle's rules", _to_load(facts))
    if lacking:
        named = _some([name for _, name, _ in lacking])
        detail = f"{len(lacking)} of {len(ours)} rules are missing or of another version: {named}"
        return Signal(NAME, FAILING, detail, since, (_to_load(facts),))
    if failing := [rule for group in groups for rule in group["rules"] if rule.get("health") == "err"]:
        told = " ".join(str(failing[0].get("lastError") or "").split())[:200]
        detail = f"{len(failing)} of {len(ours)} rules fail: {failing[0].get('name')}: {told}"
        return Signal(NAME, FAILING, detail, since, (Remedy("the others are on Prometheus's page /rules"),))
    if late := _late(groups, evidence.time):
        return Signal(NAME, FAILING, f"not evaluated in time: {_some(late)}", since, (_OVERLOADED,))
    return Signal(NAME, ARRIVING, f"{len(ours)} rules in {len(groups)} groups, of this version", since)


_OVERLOADED = Remedy("Prometheus has too much to do, or does not run its rules")


def _loaded(groups: list[Object], values: set[str]) -> Iterator[Rule]:
    for group in groups:
        for rule in group.get("rules") or ():
            name = str(rule.get("name"))
            yield str(group["name"]), name, () if name in values else tokens(str(rule.get("query") or ""))


def _late(groups: list[Object], now: float) -> list[str]:
    """Names of groups whose last evaluation is long ago. One that was never evaluated has no time yet."""
    return [
        str(group["name"])
        for group in groups
        if (at := _time(group)) is not None
        and now - at.timestamp() > _LATE * max(float(group.get("interval") or 0), 20.0)
    ]


def _time(group: Object) -> datetime | None:
    try:
        found = clock.parse_time(str(group.get("lastEvaluation")))
    except ValueError:
        return None
    return found if found.year > 1 else None


def _some(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _to_load(facts: Facts) -> Remedy:
    install = facts.command("install")
    if facts.operated:
        text = "install this version; the Prometheus object has to select PrometheusRules of this namespace"
        return Remedy(text, (install, "kubectl get prometheuses -A -o yaml"))
    text = (
        "install this version, name the files of ConfigMap kagent-rules in rule_files, and reload Prometheus"
    )
    return Remedy(text, (install,))
