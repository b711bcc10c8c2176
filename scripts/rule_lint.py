"""What promtool does not check of ``alerts/``.

Style (mixtool's rules), pint's checks (``scripts/rule_checks``), known series, and two tests of each alert.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from scripts.rule_checks import catalogue, findings, promql
from scripts.rule_checks.catalogue import ALERTS, Catalogue, Rule, name_of
from tests.bundle.contents import generated, parsed, queries

RUNBOOKS = "https://github.com/kubectl-kagent/kubectl-kagent/blob/main/alerts/runbooks"

# Limits and forms of mixtool's linter (monitoring-mixins, pkg/mixer/lint.go).
_LONGEST_NAME, _LARGEST_GROUP = 40, 20
_CAMEL_CASE = re.compile(r"([A-Z]+[a-z0-9]+)+")
_SENTENCE = re.compile(r"[A-Z].+\.")
_SEVERITIES = ("critical", "warning", "info")


def problems(root: Path = ALERTS) -> list[str]:
    """Everything that is wrong with the rules, their catalogue of series and their tests, one line each."""
    groups = [*catalogue.groups(root)]
    rules = [rule for group in groups for rule in group["rules"]]
    alerts = [rule for rule in rules if "alert" in rule]
    tests = [yaml.safe_load(path.read_text()) for path in sorted((root / "tests").glob("*.yaml"))]
    known = catalogue.load(root)
    return [
        *(line for group in groups for line in of_group(group)),
        *(line for alert in alerts for line in of_alert(alert)),
        *(line for rule in rules for line in of_labels(rule)),
        *of_series(rules, known, shown()),
        *findings.problems(groups, known),
        *of_tests(alerts, tests),
    ]


def shown() -> set[str]:
    """The series that dashboards read."""
    asked = [query for dashboard in generated().values() for query in queries(dashboard)]
    trees = [parsed(query) for query in asked if query.kind == "prometheus"]
    return {name for tree in trees for name in promql.series_names(tree)}


def of_group(group: Mapping[str, Any]) -> Iterator[str]:
    """mixtool: a group's name and size."""
    if len(group["name"]) > _LONGEST_NAME:
        yield f"group {group['name']}: the name is longer than {_LONGEST_NAME}"
    if len(group["rules"]) > _LARGEST_GROUP:
        yield f"group {group['name']}: it has more than {_LARGEST_GROUP} rules"


def of_alert(alert: Rule) -> Iterator[str]:
    """mixtool: name, severity and annotations; ours: the two URLs."""
    name, notes = alert["alert"], alert.get("annotations", {})
    if not _CAMEL_CASE.fullmatch(name) or len(name) > _LONGEST_NAME or not name.startswith("Kagent"):
        yield f"{name}: the name has to be Kagent... in CamelCase, at most {_LONGEST_NAME} long"
    if alert.get("labels", {}).get("severity") not in _SEVERITIES:
        yield f"{name}: severity has to be one of {', '.join(_SEVERITIES)}"
    summary, description = notes.get("summary", ""), notes.get("description", "")
    if not _SENTENCE.fullmatch(summary) or "{{" in summary:
        yield f"{name}: summary has to be one sentence without templates"
    if "{{" not in description or "`kubectl " not in description:
        yield f"{name}: description has to have a template and a command"
    if notes.get("runbook_url") != f"{RUNBOOKS}/{name}.md":
        yield f"{name}: runbook_url has to be {RUNBOOKS}/{name}.md"
    if not notes.get("dashboard_url", "").startswith("/d/kagent-") and "/d/{{" not in notes["dashboard_url"]:
        yield f"{name}: dashboard_url has to be a path to one of our dashboards"


def of_labels(rule: Rule) -> Iterator[str]:
    """Ours: what is aggregated keeps the cluster, so that the rules work on many clusters at once."""
    for node, _ in promql.nodes(promql.parse(rule["expr"])):
        modifier = getattr(node, "modifier", None)
        if not isinstance(node, promql_parser.AggregateExpr):
            continue
        is_by = modifier is not None and modifier.type == promql_parser.AggModifierType.By
        keeps = modifier is not None and ("cluster" in modifier.labels) == is_by
        if not keeps:
            yield f"{name_of(rule)}: an aggregation loses the label cluster: {promql.short(node)}"


def of_series(rules: Iterable[Rule], known: Catalogue, shown: set[str]) -> Iterator[str]:
    """Series in rules that nobody makes, and those in series.yaml that nobody reads."""
    used: dict[str, str] = {}
    for rule in rules:
        used |= {name: name_of(rule) for name in promql.series_names(promql.parse(rule["expr"]))}
    for name in sorted(name for name in used if name not in known):
        yield f"{used[name]}: nobody makes {name}: a typo, or not yet in {catalogue.FILE}"
    for name in sorted(set(known.scraped) - set(used) - shown):
        yield f"{catalogue.FILE}: no rule and no dashboard reads {name}"


def of_tests(alerts: Iterable[Rule], tests: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Alerts without a case that fires (for each ``long`` of a burn alert), or without one that doesn't."""
    fires, silent = set(), set()
    for file in tests:
        for case in (case for test in file["tests"] for case in test.get("alert_rule_test", ())):
            for expected in case.get("exp_alerts") or ():
                fires.add((case["alertname"], expected["exp_labels"].get("long")))
            if not case.get("exp_alerts"):
                silent.add(case["alertname"])
    for alert in alerts:
        name, window = alert["alert"], alert["labels"].get("long")
        if (name, window) not in fires:
            yield f"{name}: no test in which it fires{f' (long={window})' if window else ''}"
        if name not in silent and alert["expr"] != "vector(1)":  # what has no condition is never silent
            yield f"{name}: no test in which it does not fire"


def main() -> int:
    """Print the problems; the exit code."""
    found = problems()
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
