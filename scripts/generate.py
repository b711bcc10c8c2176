"""Write every file that is made from a table in the code; ``--check`` only says which are out of date.

Each generator is a pure function from nothing, or from the text of a page or of a file of values, to text.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kubectl_kagent.observe import rule_values
from kubectl_kagent.rbac.permissions import PERMISSIONS
from kubectl_kagent.rbac.roles import ROLES, Role
from kubectl_kagent.rbac.rules import Need, Rule
from scripts import (
    alerting,
    crd_schemas,
    dashboards,
    datasources,
    lint_rules,
    output,
    reference,
    rule_counters,
)
from scripts.markdown import table

ROOT = Path(__file__).resolve().parents[1]

_OPERATOR = "manifests/prometheus-operator"
_REFERENCE = "docs/reference"  # nothing else is in it
_TABLE = "kubectl_kagent/rbac/permissions.py"
_CORE = '""'  # the API group without a name


def cluster_role(role: Role) -> str:
    """The manifest of one ClusterRole."""
    labels = [
        f'    rbac.authorization.k8s.io/aggregate-to-{name}: "true"' for name in sorted(role.aggregate_to)
    ]
    lines = [
        f"# {role.purpose[0].upper()}{role.purpose[1:]}.",
        f"# Generated from {_TABLE}.",
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: ClusterRole",
        "metadata:",
        f"  name: {role.name}",
        *(["  labels:", *labels] if labels else []),
        "rules:",
    ]
    for group, name, resources, verbs in rbac_rules(role.rules):
        lines += [
            f"- apiGroups: [{group or _CORE}]",
            f"  resources: [{', '.join(resources)}]",
            *([f"  resourceNames: [{name}]"] if name else []),
            f"  verbs: [{', '.join(verbs)}]",
        ]
    return "\n".join(lines) + "\n"


def rbac_rules(rules: Iterable[Rule]) -> list[tuple[str, str, list[str], tuple[str, ...]]]:
    """Group, resource name, resources and verbs of as few RBAC rules as say the same."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    everything = set(rules)
    for rule in sorted(everything):
        if not rule.name or replace(rule, name="") not in everything:
            verbs.setdefault((rule.group, rule.name, rule.resource), []).append(rule.verb)
    together: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, name, resource), allowed in verbs.items():
        together.setdefault((group, name, tuple(allowed)), []).append(resource)
    return [(group, name, resources, allowed) for (group, name, allowed), resources in together.items()]


def roles_table() -> str:
    """The ClusterRoles, for the docs."""
    lines = [
        (f"`{role.name}`", role.purpose, ", ".join(f"`{name}`" for name in role.aggregate_to) or "-")
        for role in ROLES
    ]
    return table(("ClusterRole", "For", "Added to Kubernetes' own"), lines)


def needs_tables() -> str:
    """What each verb needs, for the docs."""
    return "\n".join(
        f"### {verb.replace('|', ', ')}\n\n"
        + (table(_NEEDS_HEADER, _need_lines(needs)) if needs else "Nothing: no cluster is asked.\n")
        for verb, needs in PERMISSIONS.items()
    )


_NEEDS_HEADER = ("API group", "Resource", "Verbs", "For", "Without it")


def _need_lines(needs: Sequence[Need]) -> list[tuple[str, ...]]:
    return [
        (
            need.resource.group or "(core)",
            f"`{need.resource_name}`" + (f" of `{need.name}`" if need.name else ""),
            ", ".join(need.verbs),
            (f"{need.option}: " if need.option else "")
            + need.why
            + (f" (in {need.elsewhere})" if need.elsewhere else ""),
            need.without or "**refused**",
        )
        for need in needs
    ]


def fill(page: str, **sections: str) -> str:
    """``page`` with each section's text between its two marks. Raises ValueError when marks are missing."""
    for name, text in sections.items():
        start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no marks for {name}")
        page = f"{before}{start}{text}{end}{after}"
    return page


# Files that are generated as a whole.
FILES: dict[str, Callable[[], str]] = {
    f"manifests/{role.part_of}/{role.name}.yaml": partial(cluster_role, role) for role in ROLES
} | {
    crd_schemas.GENERATED: crd_schemas.packed_schemas,
    rule_counters.GENERATED: rule_counters.counters_rules,
    rule_values.GENERATED: lambda: rule_values.rules_file((ROOT / rule_values.SOURCE).read_text()),
    "alerts/alertmanager/commands.tmpl": alerting.command_templates,
    f"{_OPERATOR}/alertmanagerconfig.yaml": alerting.alertmanager_config,
}
# Pages written by hand, with generated sections.
PAGES: dict[str, Callable[[str], str]] = {
    "docs/permissions.md": lambda page: fill(page, roles=roles_table(), needs=needs_tables()),
    "docs/lint.md": lambda page: fill(page, table=lint_rules.index(), rules=lint_rules.sections()),
    "docs/output.md": lambda page: fill(page, formats=output.formats_table(), views=output.views()),
}


def outputs(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file, as it should be."""
    found = {root / path: make() for path, make in FILES.items()}
    found |= {root / _REFERENCE / name: text for name, text in reference.pages().items()}
    found |= {root / path: text for path, text in (dashboards.files() | datasources.files()).items()}
    return found | {root / path: make((root / path).read_text()) for path, make in PAGES.items()}


def leftovers(root: Path = ROOT) -> list[Path]:
    """Files that nothing makes any more, in the folders where nothing else is."""
    wanted = {root / _REFERENCE / name for name in reference.pages()}
    wanted |= {root / path for path in dashboards.files() | datasources.files()}
    folders = (_REFERENCE, *dashboards.FOLDERS, *datasources.FOLDERS)
    return sorted(path for name in folders for path in (root / name).glob("*.*") if path not in wanted)


def drift(root: Path = ROOT) -> str:
    """What would change, as one diff; empty when all is up to date."""
    text = ""
    for path, wanted in outputs(root).items():
        current = path.read_text() if path.exists() else ""
        name = str(path.relative_to(root))
        both = (current.splitlines(keepends=True), wanted.splitlines(keepends=True))
        text += "".join(difflib.unified_diff(*both, name, f"{name} (generated)"))
    return text + "".join(f"{path.relative_to(root)} is of nothing now\n" for path in leftovers(root))


def main() -> int:
    """Write, or with ``--check`` compare; the exit code."""
    parser = argparse.ArgumentParser(description="Write the generated files.")
    parser.add_argument("--check", action="store_true", help="only show what is out of date, and fail")
    try:
        return _check() if parser.parse_args().check else _write()
    except ValueError as error:  # what somebody edits says which part of it is wrong
        sys.stderr.write(f"error: {error}\n")
        return 1


def _check() -> int:
    found = drift()
    sys.stdout.write(found)
    if found:
        sys.stderr.write("generated files are out of date: run `make generate`\n")
    return 1 if found else 0


def _write() -> int:
    for path, text in outputs().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in leftovers():
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
