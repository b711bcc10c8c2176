"""What reading the files, the schema and the ignores find: rules without a function of their own."""

from __future__ import annotations

from kubectl_kagent.lint.findings import ERROR, WARNING
from kubectl_kagent.lint.rules.rule import LintRule

RULES = (
    LintRule(
        "unreadable",
        ERROR,
        "A file or a document that is not YAML, JSON or an object.",
        "kubectl refuses it. Other documents of the file are read all the same; this can't be ignored.",
    ),
    LintRule(
        "duplicate-key",
        ERROR,
        "A key that is in one mapping twice.",
        "The last one counts, and kubectl does not say so: what the first one set is lost.",
    ),
    LintRule(
        "unknown-kind",
        WARNING,
        "A kind or a version of kagent's group that the schemas do not have.",
        "It is misspelt, or of another release of kagent; then `--crds` takes that release's schemas. "
        "Nothing of the object is checked.",
    ),
    LintRule(
        "unknown-field",
        ERROR,
        "A field that the schema does not have.",
        "kubectl refuses it; with `--validate=false`, from Helm or from Argo CD the API server drops it "
        "without a word.",
    ),
    LintRule(
        "schema",
        ERROR,
        "A value that the schema of its kind forbids: a type, a required field, a pattern, a range.",
        "The API server refuses the object.",
    ),
    LintRule(
        "validation-rule",
        ERROR,
        "An object for which a validation rule (CEL) of its kind does not hold.",
        "The API server refuses the object, with the same message.",
    ),
)
IGNORES = (
    LintRule(
        "unused-ignore",
        WARNING,
        "An ignore that hits nothing, names no rule, or gives no reason.",
        "What it was for is gone, or it never worked; it hides what comes later.",
    ),
)
