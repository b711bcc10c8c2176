"""SARIF 2.1.0 of what lint finds: GitHub, GitLab and editors show it at the lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from kubectl_kagent import __version__
from kubectl_kagent.lint.findings import LintFinding, LintReport
from kubectl_kagent.lint.rules import RULES
from kubectl_kagent.lint.rules.rule import LintRule
from kubectl_kagent.lint.sources import Source
from kubectl_kagent.masking import masked_value

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PAGE = "https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/lint.md"


def lint_sarif(found: LintReport, sources: Mapping[str, Source]) -> str:
    """The log, with a run that has every rule. ``sources`` are the files by the names of the findings."""
    index = {rule.id: place for place, rule in enumerate(RULES)}
    results = [_result(finding, index[finding.rule], sources[finding.file]) for finding in found.findings]
    driver = {
        "name": "kubectl-kagent-lint",
        "version": __version__,
        "informationUri": _PAGE,
        "rules": [_rule(rule) for rule in RULES],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(masked_value(log), indent=2, ensure_ascii=False) + "\n"


def _rule(rule: LintRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": rule.why},
        "helpUri": f"{_PAGE}#{rule.id}",
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: LintFinding, index: int, source: Source) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(source.uri, errors="surrogateescape")}}
    if not source.built:  # else the lines are those of what was built, or of a stream
        place["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": " ".join(filter(None, (finding.about, finding.message)))},
        "locations": [{"physicalLocation": place}],
    }
