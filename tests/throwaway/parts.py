"""The steps of "Add a verb", each with what it writes and with the check that misses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.throwaway import files
from tests.working_copy import WorkingCopy

Check = Callable[[WorkingCopy], tuple[int, str]]
Edit = Callable[[WorkingCopy], object]

VERBS = "tests/unit/test_verbs.py"
_SAME_PLACE = "test_each_module_of_a_feature_has_a_test_in_the_same_place"
_CLUSTERS = "test_each_method_of_a_cluster_is_in_all_clusters_and_in_the_contract[exists]"


@dataclass(frozen=True)
class Part:
    """A part of a step: what it writes, and the check that misses it.

    ``named``: what the step's text calls it. ``told``: what the check says, among other things.
    ``instead``: what somebody does who does not know of it.
    """

    step: int
    named: str
    edits: Sequence[Edit]
    check: Check
    told: Sequence[str]
    instead: Sequence[Edit] = field(default=())


def new(path: str, text: str) -> Edit:
    return lambda copy: copy.write(path, text)


def insert(path: str, text: str, *, before: str) -> Edit:
    return lambda copy: copy.insert(path, text, before=before)


def tested_by(*names: str) -> Check:
    return lambda copy: copy.pytest(*names)


def verbs(test: str) -> Check:
    return tested_by(f"{VERBS}::{test}")


def imports(copy: WorkingCopy) -> tuple[int, str]:
    return copy.lint_imports()


def lint(copy: WorkingCopy) -> tuple[int, str]:
    return copy.ruff("check")


def generate(copy: WorkingCopy) -> tuple[int, str]:
    return copy.python("-m", "scripts.generate")


def compare(copy: WorkingCopy) -> tuple[int, str]:
    return copy.python("-m", "scripts.generate", "--check")


_ROLES = "kubectl_kagent/rbac/roles.py"
_BESIDE = "    def server_version(self) -> Object:"

PARTS = (
    Part(
        1,
        "lifecycle/",
        [new("kubectl_kagent/lifecycle/workloads/made.py", files.DECISION)],
        imports,
        ["Arrows point one way BROKEN", "kubectl_kagent.made"],
        instead=[
            new("kubectl_kagent/made/__init__.py", '"""Whether a Deployment is made."""\n'),
            new("kubectl_kagent/made/decision.py", files.DECISION),
        ],
    ),
    Part(
        2,
        "tests/unit/",
        [new("tests/unit/lifecycle/workloads/test_made.py", files.DECISION_TEST)],
        verbs(_SAME_PLACE),
        ["lifecycle/workloads/made.py: add a test that imports it to the same folder of tests/unit"],
    ),
    Part(
        3,
        "cluster/api.py",
        [insert("kubectl_kagent/cluster/api.py", files.METHOD, before=_BESIDE)],
        verbs(_CLUSTERS),
        ["Cluster.exists is missing in ApiServer: kubectl_kagent/cluster/api.py"],
    ),
    Part(
        3,
        "tests/fake/cluster.py",
        [insert("tests/fake/cluster.py", files.METHOD, before=_BESIDE)],
        verbs(_CLUSTERS),
        ["Cluster.exists is missing in FakeCluster: tests/fake/cluster.py"],
    ),
    Part(
        3,
        "tests/permissions/recording.py",
        [insert("tests/permissions/recording.py", files.METHOD, before=_BESIDE)],
        verbs(_CLUSTERS),
        ["Cluster.exists is missing in Recording: tests/permissions/recording.py"],
    ),
    Part(
        3,
        "tests/contract/test_cluster_contract.py",
        [
            insert(
                "tests/contract/test_cluster_contract.py",
                files.CONTRACT,
                before="def test_a_service_that_is_not_there",
            )
        ],
        verbs(_CLUSTERS),
        ["no test of Cluster.exists in tests/contract/test_cluster_contract.py"],
    ),
    Part(
        4,
        "tests/unit/",
        [
            new("tests/unit/render/test_made.py", files.SCREEN_TEST),
            new("tests/data/screens/made.txt", "NAME    MADE\nclock   yes\n"),
        ],
        verbs(_SAME_PLACE),
        ["render/made.py: add a test that imports it to the same folder of tests/unit"],
    ),
    Part(
        4,
        "cli/terminal.py",
        [new("kubectl_kagent/commands/made.py", files.COMMAND)],
        lint,
        ["`click.echo` is banned: print with cli/terminal.py", "kubectl_kagent/commands/made.py"],
        instead=[
            new("kubectl_kagent/commands/made.py", files.COMMAND.replace("terminal.show(", "click.echo("))
        ],
    ),
    Part(
        4,
        "scripts/output.py",
        [
            insert(
                "scripts/output.py",
                "from kubectl_kagent.render.made import MadeView\n",
                before="from kubectl_kagent.render.observe_status import",
            ),
            insert("scripts/output.py", '    "made": (View(MadeView),),\n', before='    "version": '),
        ],
        generate,
        ["made: add what its -o json prints to VIEWS in scripts/output.py"],
    ),
    Part(
        5,
        "in the same place",
        [new("tests/unit/commands/test_made.py", files.COMMAND_TEST)],
        verbs(_SAME_PLACE),
        ["commands/made.py: add a test that imports it to the same folder of tests/unit"],
    ),
    Part(
        5,
        "examples",
        [new("kubectl_kagent/commands/made.py", files.COMMAND)],
        tested_by(
            "tests/unit/cli/test_command.py::test_the_help_of_each_verb_has_examples_that_name_it[made]"
        ),
        ["kubectl kagent made -h has no example of it"],
        instead=[new("kubectl_kagent/commands/made.py", files.COMMAND.replace(files.EXAMPLES, ""))],
    ),
    Part(
        5,
        "tests/unit/cli/test_output.py",
        [
            insert(
                "tests/unit/cli/test_output.py",
                '        "made": "json yaml jsonpath",\n',
                before='        "rollback": ',
            )
        ],
        tested_by("tests/unit/cli/test_output.py::test_these_verbs_have_formats"),
        ["{'made': 'json yaml jsonpath'}"],
    ),
    Part(
        5,
        "app.py",
        [
            insert(
                "kubectl_kagent/app.py",
                '        Verb("made", "Whether there is a Deployment", "made", "made"),\n',
                before='        Verb("scale", ',
            )
        ],
        verbs("test_each_verb_is_in_the_table_of_the_program"),
        ["kubectl_kagent.commands.made.made: put it into the table of kubectl_kagent/app.py"],
    ),
    Part(
        6,
        "rbac/permissions.py",
        [insert("kubectl_kagent/rbac/permissions.py", files.ROW, before='    "logs": (')],
        verbs("test_each_verb_has_its_permissions"),
        ["made: add a row to PERMISSIONS in kubectl_kagent/rbac/permissions.py"],
    ),
    Part(
        6,
        "rbac/roles.py",
        [insert(_ROLES, "made, ", before="logs, report")],
        verbs("test_each_verb_is_in_the_purpose_of_a_role"),
        ["made: name it in the purpose of its role in kubectl_kagent/rbac/roles.py"],
    ),
    Part(
        6,
        "tests/permissions/cases.py",
        [
            insert(
                "tests/permissions/cases.py", '    "made": (Case("made echo"),),\n', before='    "logs": (\n'
            )
        ],
        verbs("test_each_verb_has_its_permissions"),
        ["made: add a case to CASES in tests/permissions/cases.py"],
    ),
    Part(
        6,
        "make generate",
        [generate],
        compare,
        ["generated files are out of date: run `make generate`", "docs/permissions.md"],
    ),
    Part(
        7,
        "tests/soak/forms.py",
        [insert("tests/soak/forms.py", '    Form("made echo"),\n', before="    # logs\n")],
        verbs("test_each_verb_has_a_form_under_faults"),
        ["made: add a form to FORMS in tests/soak/forms.py"],
    ),
    Part(
        8,
        "tests/cluster/test_<verb>.py",
        [new("tests/cluster/test_made.py", files.LAB_TEST)],
        verbs("test_each_verb_is_run_as_a_process_on_the_lab"),
        ["made: add a test that runs it to tests/cluster"],
    ),
    Part(
        9,
        "README.md",
        [insert("README.md", "| `made AGENT` | whether the Deployment is there |\n", before="| `logs` |")],
        verbs("test_each_verb_is_in_the_readme"),
        ["made: add it to the table of verbs in README.md"],
    ),
    Part(
        9,
        "CHANGELOG.md",
        [insert("CHANGELOG.md", "- `made`: whether an agent's Deployment is there.\n", before="- `scale`")],
        verbs("test_each_verb_is_in_the_changelog"),
        ["made: say in CHANGELOG.md what it does"],
    ),
)

# What the parts above stand on; without it Python names what is missing.
_REST = (
    insert("kubectl_kagent/cluster/__init__.py", files.PROTOCOL, before=_BESIDE),
    new("kubectl_kagent/render/made.py", files.SCREEN),
)


def walked(root: Path, *, without: Part | None = None) -> WorkingCopy:
    """A copy of the tree with the verb, made by all the steps, or by all but a part of one."""
    copy = WorkingCopy(root)
    kept = [part for part in PARTS if part is not without]
    for edit in (*_REST, *(edit for part in kept for edit in part.edits if edit is not generate)):
        edit(copy)
    for edit in without.instead if without else ():
        edit(copy)
    if any(generate in part.edits for part in kept):
        generate(copy)
    return copy
