"""docs/reference: a page for each verb."""

from __future__ import annotations

import click
import pytest

from kubectl_kagent.cli import options
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.duration import Duration
from kubectl_kagent.cli.output import formats
from scripts.command_tree import Node, commands, verbs
from scripts.reference import index, page, pages


@command(exclusive=[("--all", "--level")], needs={"--limit": ("--url", "--arg")})
@click.argument("name")
@click.option("-a", "--all/--none", "all_", default=True, help="All of them.")
@click.option("--level", type=click.Choice(["low", "high"]), default="low", help="How <loud>, see --all.")
@click.option("--url", metavar="URL", required=True, help="Where to.")
@click.option("--arg", multiple=True, help="An argument.")
@click.option("--limit", type=Duration(), default=0.0, help="How long.")
@click.option("--secret", hidden=True, envvar="SECRET")
@formats("json", "wide", "custom-columns")
@options.connection
def shout(**_: object) -> None:
    """Say it, *loudly*.

    With -o json nobody hears
    it, --level=high or not.

    \b
    kubectl kagent scale NAME
    # again
    kubectl kagent scale NAME --all
    """


SHOUT = """\
<!-- Generated from the commands by `make generate`. -->

# kubectl kagent scale

```sh
kubectl kagent scale [OPTIONS] NAME
```

Say it, \\*loudly\\*.

With `-o json` nobody hears
it, `--level=high` or not.

## Examples

```sh
kubectl kagent scale NAME
# again
kubectl kagent scale NAME --all
```

## Options

| Option | What it does |
| --- | --- |
| `-a`, `--all`, `--none` | All of them. Default: `--all`. |
| `--level low\\|high` | How \\<loud\\>, see `--all`. Default: `low`. |
| `--url URL` | Where to. Required. |
| `--arg TEXT` | An argument. May be given several times. |
| `--limit DURATION` | How long. Default: `0`. |
| `-o`, `--output FORMAT` | Output format. One of: (json, wide, custom-columns=HEADER:PATH,...). |

Only one of `--all` and `--level` may be used.

`--limit` goes with `--url` or `--arg`.

It also takes the [connection flags](README.md#connection-flags) (`-n`, `--context` and others).

## Output

`-o` prints [API objects](../output.md#api-objects).

## Permissions

Needs ClusterRole `kagent-edit`. [permissions.md](../permissions.md#scale) has every rule.

See also: [all verbs](README.md), [exit codes](README.md#exit-codes).
"""


def test_the_page_of_a_verb() -> None:
    assert page(Node(("scale",), shout, "Other"), ()) == SHOUT


def test_the_page_of_a_group_lists_its_verbs() -> None:
    found = commands()
    (trace,) = (node for node in found if node.name == "trace")
    text = page(trace, found)
    assert "\n```sh\nkubectl kagent trace [OPTIONS] AGENT | COMMAND [ARGS]...\n```\n" in text
    assert (
        "\n## Verbs\n\n| Verb | What it does |\n| --- | --- |\n| [`trace export`](trace-export.md) | Send"
        in text
    )
    assert "## Options" not in text


def test_a_default_that_the_help_tells_is_told_once() -> None:
    written = pages()
    told = "Only turns since this time, or since so long ago; default: 168h, or all of a file."
    assert f"| `--since TIME` | {told} |\n" in written["trace-list.md"]
    drains = "| `--timeout DURATION` | How long `--drain` waits; 0: no limit. Default: `5m`. |\n"
    assert drains in written["hibernate.md"]


def test_a_verb_with_two_names_says_so() -> None:
    assert "\nThe same as [`rollout undo`](rollout-undo.md).\n" in pages()["rollback.md"]
    assert "\nThe same as [`rollback`](rollback.md).\n" in pages()["rollout-undo.md"]


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("get", "`get agents, mcpservers` needs ClusterRole `kagent-view`."),
        ("rollout-status", "Needs ClusterRole `kagent-view`."),
        ("rollout-diff", "Needs ClusterRole `kagent-view`, and does more with ClusterRole `kagent-operate`."),
        ("chat", "Needs ClusterRole `kagent-view` and `kagent-controller-api` in kagent's namespace."),
        ("sessions-show", "Needs `kagent-controller-api` in kagent's namespace."),
        (
            "top",
            "`top` needs `get` on `services/proxy` in the controller's and Prometheus's namespace, and does",
        ),
        ("version", "Needs no role, and does more with `get` on `services/proxy` in the controller's "),
    ],
)
def test_the_roles_that_a_verb_needs(name: str, roles: str) -> None:
    assert f"\n## Permissions\n\n{roles}" in pages()[f"{name}.md"]


def test_each_verb_has_a_page_and_a_line_in_the_index() -> None:
    found = commands()
    text = index(found)
    assert pages().keys() == {"README.md"} | {"-".join(node.words) + ".md" for node in found}
    assert [node.name for node in found if text.count(f"\n| [`{node.name}`](") != 1] == []
    for node in verbs():
        assert "\n## Permissions\n\n" in page(node, found)
        assert "eeds " in page(node, found).partition("\n## Permissions\n\n")[2], node.name


def test_every_option_that_is_shown_says_what_it_does() -> None:
    shown = [(node.name, option) for node in verbs() for option in node.options if not option.hidden]
    assert [(name, option.opts) for name, option in shown if not option.help] == []


def test_the_width_of_the_terminal_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pages()
    monkeypatch.setenv("COLUMNS", "30")
    assert pages() == before
