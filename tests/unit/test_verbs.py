"""What a verb needs beside its code ("Add a verb" in CONTRIBUTING.md): what is forgotten is named here."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from kubectl_kagent import app
from kubectl_kagent import commands as package
from kubectl_kagent.app import cli
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.rbac.permissions import PERMISSIONS, verbs_of
from kubectl_kagent.rbac.roles import ROLES
from tests.fake.cluster import FakeCluster
from tests.lab.layout import CHECKOUT
from tests.permissions.cases import CASES
from tests.permissions.recording import Recording
from tests.soak.forms import FORMS
from tests.soak.lines import commands

Verb = tuple[str, ...]

VERBS = [path for path, _ in commands()]
_GROUPS = {path[0] for path in VERBS if len(path) > 1}

# These have no test of their own: the tests of the verbs that use them assert what they do.
_TESTED_BY_THEIR_VERBS = {
    "commands/chat/questions.py",
    "commands/chat/reasons.py",
    "commands/chat/talk.py",
    "commands/tools/check.py",
    "commands/trace/export.py",
    "commands/trace/follow.py",
    "commands/trace/show.py",
    "commands/trace/sources.py",
    "conversation/inbox.py",
    "conversation/event_times.py",
    "conversation/transcript.py",
    "lifecycle/rollout/controllers.py",
    "lifecycle/rollout/restart.py",
    "lifecycle/rollout/uptake.py",
    "lifecycle/workloads/deployment.py",
    "observe/status/alerting.py",
    "observe/status/dashboards.py",
    "observe/status/facts.py",
    "observe/status/report.py",
    "observe/status/scrapes.py",
    "observe/status/traces.py",
    "render/approvals.py",
    "render/chat.py",
    "render/check.py",
    "render/describe.py",
    "render/history.py",
    "render/junit.py",
    "render/lint.py",
    "render/log.py",
    "render/observe_status.py",
    "render/overview.py",
    "render/report.py",
    "render/report_page.py",
    "render/sessions.py",
    "render/tools.py",
    "render/top.py",
    "render/transcript.py",
    "render/undo.py",
    "render/version.py",
    "telemetry/logs/older.py",
    "telemetry/traces/builder.py",
    "telemetry/traces/steps.py",
    "telemetry/traces/stores.py",
    "telemetry/usage/agents.py",
    "tools/arguments.py",
    "tools/catalog.py",
    "tools/findings.py",
    "tools/server.py",
}
_ROOMS = ("impact", "observe", "lifecycle", "tools", "conversation", "telemetry", "render", "commands")


def _named(text: str) -> set[Verb]:
    """The verbs that a word or two mean: ``sessions list|show`` are two, ``trace`` all that the group has."""
    meant = {words[: 2 if words[0] in _GROUPS else 1] for words in verbs_of(text)}
    return {path for path in VERBS for words in meant if path[: len(words)] == words}


def _meant(words: list[str]) -> Verb:
    """The verb of a command line; a group that is not told which runs ``list``."""
    for path in (tuple(words[:2]), tuple(words[:1]), (words[0], "list")):
        if path in VERBS:
            return path
    return ()


def _all_in(there: Iterable[Verb], advice: str) -> None:
    """The message names what is missing, and says what to do."""
    missing = {" ".join(path) for path in VERBS} - {" ".join(path) for path in there}
    _none(missing, advice)


def _none(missing: Iterable[str], advice: str) -> None:
    names = ", ".join(sorted(missing))
    assert names == "", f"{names}: {advice}"


def test_each_verb_is_in_the_table_of_the_program() -> None:
    reached = {id(command) for command in _tree(cli)}
    written = {
        f"{module.name}.{name}": value
        for module in pkgutil.walk_packages(package.__path__, "kubectl_kagent.commands.")
        for name, value in vars(importlib.import_module(module.name)).items()
        if isinstance(value, click.Command)
    }
    assert len(written) > 30
    lost = [name for name, command in written.items() if id(command) not in reached]
    _none(lost, "put it into the table of kubectl_kagent/app.py, or into its group")


def _tree(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from _tree(found)


def test_each_verb_has_its_permissions() -> None:
    rows = {path for row in PERMISSIONS for path in _named(row)}
    _all_in(rows, "add a row to PERMISSIONS in kubectl_kagent/rbac/permissions.py")
    _none(PERMISSIONS.keys() - CASES.keys(), "add a case to CASES in tests/permissions/cases.py")


def test_each_verb_is_in_the_purpose_of_a_role() -> None:
    there = {path for path in VERBS for role in ROLES if _is_told(path, role.purpose)}
    twins = {path for row in PERMISSIONS if ", " in row for path in _named(row.split(", ")[1])}
    offline = {path for row, needs in PERMISSIONS.items() if not needs for path in _named(row)}
    _all_in(there | twins | offline, "name it in the purpose of its role in kubectl_kagent/rbac/roles.py")


def _is_told(path: Verb, purpose: str) -> bool:
    """``rollout diff`` is in "rollout history and diff"; a group without any of its verbs means them all."""
    group = [other[1] for other in VERBS if other[0] == path[0] and len(other) > 1]
    for told in re.finditer(rf"\b{path[0]}\b((?: ?\w+(?:,| and)?)*)", purpose):
        words = re.findall(r"\w+", told[1])
        if len(path) == 1 or path[1] in words or words[:1] == [] or words[0] not in group:
            return True
    return False


def test_each_verb_has_a_form_under_faults() -> None:
    there = {_meant(form.line.split()) for form in FORMS}
    _all_in(there, "add a form to FORMS in tests/soak/forms.py")


def test_each_verb_is_run_as_a_process_on_the_lab() -> None:
    there = {
        _meant(words)
        for room in ("cluster", "alone", "telemetry")
        for path in (CHECKOUT / "tests" / room).rglob("*.py")
        for words in _command_lines(path)
    }
    _all_in(there, "add a test that runs it to tests/cluster")


def _command_lines(path: Path) -> Iterator[list[str]]:
    """The words that begin each call, tuple and list in a file and what follows them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            if not (isinstance(node.func, ast.Attribute) and node.func.attr == "kubectl"):
                yield from _tails(node.args)
        elif isinstance(node, ast.Tuple | ast.List):
            yield from _tails(node.elts)


def _tails(items: list[ast.expr]) -> Iterator[list[str]]:
    words = [word for item in items for word in _words(item)]
    return (words[start:] for start in range(len(words)))


def _words(item: ast.expr) -> list[str]:
    if isinstance(item, ast.JoinedStr) and item.values:
        return [*_words(item.values[0]), ""]
    return item.value.split() if isinstance(item, ast.Constant) and isinstance(item.value, str) else [""]


def test_each_verb_is_in_the_readme() -> None:
    rows = re.findall(r"^\| (`.*?) \| ", (CHECKOUT / "README.md").read_text(), re.MULTILINE)
    rows = [row.replace("\\|", "|") for row in rows]
    there = {path for row in rows for text in re.findall("`(.*?)`", row) for path in _named(text)}
    _all_in(there, "add it to the table of verbs in README.md")


def test_each_verb_is_in_the_changelog() -> None:
    text = (CHECKOUT / "CHANGELOG.md").read_text()
    there = {path for path in VERBS if re.search(rf"`(kubectl kagent )?{path[0]}\b", text)}
    _all_in(there, "say in CHANGELOG.md what it does")


def _modules() -> list[str]:
    root = CHECKOUT / "kubectl_kagent"
    found = (path for room in _ROOMS for path in (root / room).rglob("*.py"))
    return sorted(str(path.relative_to(root)) for path in found if "def " in path.read_text())


def test_each_module_of_a_feature_has_a_test_in_the_same_place() -> None:
    without = {name for name in _modules() if not _is_tested(Path(name))}
    _none(without - _TESTED_BY_THEIR_VERBS, "add a test that imports it to the same folder of tests/unit")
    _none(
        _TESTED_BY_THEIR_VERBS - without, "take it off _TESTED_BY_THEIR_VERBS: it is gone, or has a test now"
    )


def _is_tested(name: Path) -> bool:
    """By a test that is called like it, or that imports it, in its place below tests/unit."""
    place = CHECKOUT / "tests" / "unit" / name.parent
    tests = [*place.rglob("test_*.py")]
    if name.stem == "__init__":
        return bool(tests)
    module = ".".join(["kubectl_kagent", *name.with_suffix("").parts])
    return any(path.name == f"test_{name.stem}.py" or module in _imported(path) for path in tests)


@cache
def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


_METHODS = sorted(name for name, _ in inspect.getmembers(Cluster, inspect.isfunction) if name[0] != "_")


@pytest.mark.parametrize("method", _METHODS)
def test_each_method_of_a_cluster_is_in_all_clusters_and_in_the_contract(method: str) -> None:
    for kind, file in (
        (ApiServer, "kubectl_kagent/cluster/api.py"),
        (FakeCluster, "tests/fake/cluster.py"),
        (Recording, "tests/permissions/recording.py"),
    ):
        assert hasattr(kind, method), f"Cluster.{method} is missing in {kind.__name__}: {file}"
    for kind in (ApiServer, FakeCluster):
        wanted, found = (list(inspect.signature(getattr(of, method)).parameters) for of in (Cluster, kind))
        assert found == wanted, f"{kind.__name__}.{method} takes other arguments than Cluster's"
    contract = "tests/contract/test_cluster_contract.py"
    held = f".{method}(" in (CHECKOUT / contract).read_text()
    assert held, f"no test of Cluster.{method} in {contract}"


def test_the_help_of_all_verbs_has_the_words_of_each() -> None:
    """Written twice, so that the help of all loads none."""
    context = click.Context(cli)
    shown = {verb.name: verb.help for verbs in app.VERBS.values() for verb in verbs}
    found = {name: cli.get_command(context, name) for name in shown}
    assert {name: command.short_help for name, command in found.items() if command} == shown
