"""docs/lint.md: a section for each rule of lint, from the rules and the examples they are tested with."""

from __future__ import annotations

from pathlib import Path

from kubectl_kagent.lint.rules import RULES
from kubectl_kagent.lint.rules.rule import LintRule
from scripts.markdown import code, prose, table

EXAMPLES = Path(__file__).resolve().parents[1] / "tests" / "data" / "lint"


def index() -> str:
    """All rules in a table."""
    lines = ((f"[{code(rule.id)}](#{rule.id})", rule.severity, prose(rule.what)) for rule in RULES)
    return table(("Rule", "Severity", "Finds"), lines)


def sections() -> str:
    """What each rule finds and why, with an example that it finds something in, and one that is fine."""
    return "\n".join(map(_section, RULES))


def _section(rule: LintRule) -> str:
    bad, good = ((EXAMPLES / rule.id / f"{name}.yaml").read_text() for name in ("bad", "good"))
    parts = (
        f"### {rule.id}\n",
        f"{rule.severity.capitalize()}. {prose(rule.what)}\n",
        f"{prose(rule.why)}\n",
        f"Bad:\n\n```yaml\n{bad}```\n",
        f"Good:\n\n```yaml\n{good}```\n",
    )
    return "\n".join(parts)
