"""Commands as kubectl users type and read them."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from kubectl_kagent.cli.command import KubectlCommand, command
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.soak.lines import Path, commands

_FLAGS = [
    (path, verb, option)
    for path, verb in commands()
    for option in verb.params
    if isinstance(option, click.Option) and option.is_bool_flag
]


@command()
@click.argument("words", nargs=-1)
@click.option("-w", "--wait", is_flag=True)
@click.option("--watch/--no-watch", default=True)
@click.option("--reason", default="")
@click.option("-o", "--output", default="")
def verb(words: tuple[str, ...], *, wait: bool, watch: bool, reason: str, output: str) -> None:
    """Do it."""
    click.echo(f"{words} {wait} {watch} {reason!r} {output!r}")


def run(*words: str) -> str:
    return CliRunner().invoke(verb, list(words)).output


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("", "() False True '' ''"),
        ("--wait", "() True True '' ''"),
        ("--wait=true a", "('a',) True True '' ''"),
        ("-w=1 a", "('a',) True True '' ''"),
        ("--wait --wait=false a", "('a',) False True '' ''"),
        ("--wait=F --wait a", "('a',) True True '' ''"),
        ("--watch=false", "() False False '' ''"),
        ("--watch=False --watch=True", "() False True '' ''"),
        ("--no-watch", "() False False '' ''"),
        ("--reason --wait=true", "() False True '--wait=true' ''"),
        ("--reason=--wait=true", "() False True '--wait=true' ''"),
        ("-- --wait=true", "('--wait=true',) False True '' ''"),
        ("-o=json -w", "() True True '' 'json'"),
        ("-o json", "() False True '' 'json'"),
        ("-ojson", "() False True '' 'json'"),
    ],
)
def test_flags_take_a_value_as_in_kubectl(words: str, seen: str) -> None:
    assert run(*words.split()) == f"{seen}\n"


def test_all_flags_of_all_verbs_take_a_value() -> None:
    assert len(_FLAGS) > 60
    for _, verb, option in _FLAGS:
        for value, spelled in ((True, "true"), (False, "false")):
            context = click.Context(verb, resilient_parsing=True, help_option_names=["-h", "--help"])
            verb.parse_args(context, [f"{option.opts[-1]}={spelled}"])
            if option.expose_value and option.name:
                assert context.params[option.name] is value, (verb.name, option.name)


def test_all_verbs_are_of_the_one_class() -> None:
    assert [path for path, verb in commands() if not isinstance(verb, KubectlCommand)] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("scale", "clock", "--wait=maybe"),
            'error: "maybe" is not a value of --wait: true or false\n'
            "hint: kubectl kagent scale -h shows how it is used\n",
        ),
        (
            ("rollout", "undo", "--to-revison=1"),
            "error: no such option '--to-revison'. Did you mean '--to-revision'?\n"
            "hint: kubectl kagent rollout undo -h shows how it is used\n",
        ),
        (
            ("wake", "clock", "--wait"),
            "error: no such option '--wait'\nhint: kubectl kagent wake -h shows how it is used\n",
        ),
        (
            ("get", "agents", "--contxt=x"),
            "error: no such option '--contxt'. Did you mean '--context'?\n"
            "hint: kubectl kagent get -h shows how it is used\n",
        ),
        (
            ("sessions", "show"),
            "error: missing argument 'SESSION'\nhint: kubectl kagent sessions show -h shows how it is used\n",
        ),
        (
            ("sessions", "shwo"),
            "error: no such command 'shwo'. Did you mean 'show'?\n"
            "hint: kubectl kagent sessions -h shows how it is used\n",
        ),
        # no module of these is loaded when they are typed
        (
            ("rolout",),
            "error: no such command 'rolout'. Did you mean 'rollout'?\n"
            "hint: kubectl kagent -h shows how it is used\n",
        ),
        (
            ("restart", "agent/clock"),
            "error: no such command 'restart'\nhint: there is kubectl kagent rollout restart\n",
        ),
        (
            ("status",),
            "error: no such command 'status'\n"
            "hint: there is kubectl kagent observe status and kubectl kagent rollout status\n",
        ),
        (
            ("observe", "instal"),
            "error: no such command 'instal'. (Did you mean one of: 'install', 'uninstall'?)\n"
            "hint: kubectl kagent observe -h shows how it is used\n",
        ),
        (
            ("nothing-like-it",),
            "error: no such command 'nothing-like-it'\nhint: kubectl kagent -h shows how it is used\n",
        ),
    ],
)
def test_an_error_names_the_help_page_of_its_verb(
    cluster: FakeCluster, kagent: Kagent, words: tuple[str, ...], said: str
) -> None:
    assert kagent(*words) == (2, "", said)
    assert cluster.requests == []


def test_options_that_exclude_each_other() -> None:
    @command(exclusive=[("--one", "--two")])
    @click.option("--one")
    @click.option("--two", default="x")
    def either(one: str | None, two: str) -> None:
        """Do it."""
        click.echo(f"{one} {two}")

    assert CliRunner().invoke(either, ["--one=1"]).output == "1 x\n"
    failed = CliRunner().invoke(either, ["--one=1", "--two=2"]).exception
    assert str(failed) == "only one of --one and --two may be used"


def test_an_option_that_means_nothing_without_another() -> None:
    @command(needs={"--timeout": ("--wait", "--drain")})
    @click.option("--wait", is_flag=True)
    @click.option("--drain", "drain_first", is_flag=True)
    @click.option("--timeout", default="5m")
    def stop(timeout: str, *, wait: bool, drain_first: bool) -> None:
        """Do it."""
        click.echo(f"{wait} {drain_first} {timeout}")

    assert CliRunner().invoke(stop).output == "False False 5m\n"
    assert CliRunner().invoke(stop, ["--timeout=1m", "--drain"]).output == "False True 1m\n"
    for words in (["--timeout=5m"], ["--timeout", "5m"]):
        assert str(CliRunner().invoke(stop, words).exception) == "--timeout goes with --wait or --drain"
    # as a template may write it: it is said that there is no wait
    assert CliRunner().invoke(stop, ["--timeout=1m", "--wait=false"]).output == "False False 1m\n"
    # what is typed before a TAB may still get it
    assert stop.make_context("stop", ["--timeout=1m"], resilient_parsing=True).params["timeout"] == "1m"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hibernate clock --timeout=1m", "--timeout goes with --drain"),
        ("scale clock --release --timeout=1m", "--timeout goes with --replicas"),
        ("scale clock --release --wait", "--wait goes with --replicas"),
        ("scale clock --release --current-replicas=1", "--current-replicas goes with --replicas"),
        ("scale clock --release --resource-version=1", "--resource-version goes with --replicas"),
    ],
)
def test_no_option_is_passed_over_in_silence(
    cluster: FakeCluster, kagent: Kagent, words: str, said: str
) -> None:
    assert kagent(*words.split()) == (2, "", f"error: {said}\n")
    assert cluster.requests == []


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_the_help_of_each_verb_has_examples_that_name_it(path: Path) -> None:
    done = CliRunner().invoke(cli, [*path, "-h"], prog_name="kubectl kagent")
    examples = done.output.partition("\nExamples:\n")[2].partition("\n\n")[0]
    name = " ".join(path)
    assert done.exit_code == 0
    begun = [f"kubectl kagent {word} " in f"{examples} " for word in (name, name.removesuffix(" list"))]
    assert any(begun), f"kubectl kagent {name} -h has no example of it"


def test_the_help_and_the_first_tab_load_no_verb() -> None:
    loaded = (
        "print(*sorted(name for name in sys.modules if name.startswith('kubectl_kagent')), file=sys.stderr)"
    )
    for words in (["kubectl-kagent", "-h"], ["kubectl_complete-kagent", ""]):
        run = "main" if "-h" in words else "complete"
        program = (
            f"import sys; sys.argv = {words}\nfrom kubectl_kagent import app\n"
            f"try: app.{run}()\nexcept SystemExit: pass\n{loaded}"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert "scale" in done.stdout
        assert done.stderr.split() == [
            "kubectl_kagent",
            "kubectl_kagent.app",
            "kubectl_kagent.cli",
            "kubectl_kagent.cli.terminal",
            "kubectl_kagent.errors",
            "kubectl_kagent.render",
            "kubectl_kagent.render.escapes",
        ]
