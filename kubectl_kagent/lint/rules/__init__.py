"""All rules, in the order of their page."""

from __future__ import annotations

from collections.abc import Mapping

from kubectl_kagent.lint.rules import configuration, containers, pod_security, reading, surroundings, tools
from kubectl_kagent.lint.rules.rule import LintRule

RULES = (
    *reading.RULES,
    *containers.RULES,
    *pod_security.RULES,
    *configuration.RULES,
    *tools.RULES,
    *surroundings.RULES,
    *reading.IGNORES,
)
BY_ID: Mapping[str, LintRule] = {rule.id: rule for rule in RULES}
