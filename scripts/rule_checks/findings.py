"""What the checks find in rules, but for what is ignored with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from scripts.rule_checks import alerts, promql, queries, together
from scripts.rule_checks.catalogue import Catalogue, Group, Rule, name_of


@dataclass(frozen=True, slots=True)
class Ignored:
    """A check that does not hold for a rule; ``rule`` may have ``*`` in it."""

    check: str
    rule: str
    reason: str


IGNORED = (
    Ignored("alerts/comparison", "KagentWatchdog", "that it always fires is what it is for"),
    Ignored("promql/counter", "*:increase5m", "works the growth out by itself, restarts and gaps included"),
    Ignored("promql/counter", "*:since5m", "the same, of what is not counted yet"),
    Ignored("promql/counter", "kagent:event:*", "compares a counter with what it was a minute ago"),
    Ignored(
        "promql/performance",
        "*:increase5m",
        "since5m is worked out after what has been counted is noted, and is 0 then",
    ),
    Ignored(
        "promql/counter",
        "KagentSpansNotDelivered",
        "a counter that begins with the first failure: what a new one has reached is its growth",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a rule (or a group), and the check that found it."""

    rule: str
    check: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.check}: {self.text}"


def problems(
    groups: Sequence[Group], catalogue: Catalogue, ignored: Sequence[Ignored] = IGNORED
) -> list[str]:
    """A line for each finding that nothing lets pass, and for each exemption that lets nothing pass."""
    used: set[Ignored] = set()
    left = []
    for finding in dict.fromkeys(findings(groups, catalogue)):
        exempt = [
            one for one in ignored if one.check == finding.check and fnmatchcase(finding.rule, one.rule)
        ]
        used.update(exempt)
        if not exempt:
            left.append(str(finding))
    return left + [f"{one.rule}: {one.check} is ignored for nothing" for one in ignored if one not in used]


def findings(groups: Sequence[Group], catalogue: Catalogue) -> Iterator[Finding]:
    """All of them; one may come several times."""
    for rule in (rule for group in groups for rule in group["rules"]):
        yield from _of_expression(rule, catalogue)
        if "alert" in rule:
            yield from _of_alert(rule, catalogue)
    for name, check in together.CHECKS.items():
        yield from (Finding(rule, name, text) for rule, text in check(groups))


def _of_expression(rule: Rule, catalogue: Catalogue) -> Iterator[Finding]:
    """What records a counter reads counters as they are."""
    expr = promql.parse(rule["expr"])
    counts = "record" in rule and catalogue.is_counter(rule["record"])
    for name, check in (*queries.EVERYWHERE, *queries.OF_RULES):
        if not (counts and name == "promql/counter"):
            yield from (Finding(name_of(rule), name, text) for text in check(expr, catalogue))


def _of_alert(rule: Rule, catalogue: Catalogue) -> Iterator[Finding]:
    for name, check in alerts.CHECKS.items():
        yield from (Finding(name_of(rule), name, text) for text in check(rule, catalogue))
