"""docs/reference: a page for each verb, written from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence

import click

from kubectl_kagent.app import VERBS
from kubectl_kagent.cli.command import VERBOSITY
from kubectl_kagent.cli.controller_access import CONTROLLER_NAMES
from kubectl_kagent.cli.options import CONNECTION_NAMES
from kubectl_kagent.errors import EXIT_CODES
from kubectl_kagent.rbac.needs import CONTROLLER_SERVICE
from kubectl_kagent.rbac.permissions import PERMISSIONS, verbs_of
from kubectl_kagent.rbac.roles import ROLES
from kubectl_kagent.rbac.rules import Need
from scripts import output
from scripts.command_tree import PROGRAM, Node, commands
from scripts.markdown import anchor, code, prose, spelled, table

_GENERATED = "<!-- Generated from the commands by `make generate`. -->\n"


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    found = commands()
    return {"README.md": index(found)} | {file_of(node): page(node, found) for node in found}


def file_of(node: Node) -> str:
    """Its page."""
    return f"{'-'.join(node.words)}.md"


def index(found: Sequence[Node]) -> str:
    """All verbs as the root's help groups them, and what they have in common."""
    parts = [
        _GENERATED,
        "# Reference\n",
        "Every verb of `kubectl kagent`, with what `kubectl kagent VERB -h` says of it.\n",
    ]
    for title in VERBS:
        parts += [f"## {title}\n", _list(node for node in found if node.title == title)]
    every = {option.name: option for node in found for option in node.options}
    codes = ((code(str(number)), meaning) for number, meaning in EXIT_CODES.items())
    parts += [
        "## Connection flags\n",
        "Every verb that asks a cluster takes kubectl's flags for the connection to the API server:\n",
        _options(every[name] for name in (*CONNECTION_NAMES, VERBOSITY)),
        "## Controller flags\n",
        "Verbs that ask the kagent controller also take:\n",
        _options(every[name] for name in CONTROLLER_NAMES),
        "What is sent to `--kagent-url` and to addresses of Tempo, Jaeger, Loki, Prometheus and OTLP "
        "receivers (certificates, logins, headers, tenants): "
        "[services at their own address](../services.md).\n",
        "## Exit codes\n",
        table(("Code", "Meaning"), codes),
    ]
    return "\n".join(parts)


def page(node: Node, found: Sequence[Node]) -> str:
    """The page of one verb, or of a group of verbs."""
    text, _, examples = inspect.cleandoc(node.command.help or "").partition("\n\b\n")
    parts = [
        _GENERATED,
        f"# {PROGRAM} {node.name}\n",
        _fenced(node.usage),
        *(f"{prose(paragraph)}\n" for paragraph in text.strip().split("\n\n")),
        *_same(node, found),
    ]
    if isinstance(node.command, click.Group):
        parts += ["## Verbs\n", _list(one for one in found if one.words[:-1] == node.words)]
    if examples:
        parts += ["## Examples\n", _fenced(examples)]
    if not isinstance(node.command, click.Group):
        parts += [*_flags(node), *_output(node), *_permissions(node)]
    return "\n".join([*parts, "See also: [all verbs](README.md), [exit codes](README.md#exit-codes).\n"])


def _list(found: Iterable[Node]) -> str:
    return table(("Verb", "What it does"), ((_link(node), prose(node.short)) for node in found))


def _link(node: Node) -> str:
    return f"[{code(node.name)}]({file_of(node)})"


def _fenced(text: str) -> str:
    return f"```sh\n{text.strip()}\n```\n"


def _same(node: Node, found: Iterable[Node]) -> Iterator[str]:
    """Its other names."""
    others = [_link(one) for one in found if one.command is node.command and one.name != node.name]
    if others:
        yield f"The same as {spelled(others)}.\n"


def _flags(node: Node) -> Iterator[str]:
    shared = {*CONNECTION_NAMES, *CONTROLLER_NAMES}
    own = [option for option in node.options if option.name not in shared and not option.hidden]
    yield "## Options\n"
    if own:
        yield _options(own)
    for group in getattr(node.command, "exclusive", ()):
        yield f"Only one of {spelled([code(name) for name in group])} may be used.\n"
    needs = getattr(node.command, "needs", {})
    for others in dict.fromkeys(needs.values()):
        names = [code(name) for name in needs if needs[name] == others]
        yield f"{spelled(names)} {'go' if names[1:] else 'goes'} with {' or '.join(map(code, others))}.\n"
    if "kubeconfig" not in {option.name for option in node.options}:
        return
    also = ["[connection flags](README.md#connection-flags) (`-n`, `--context` and others)"]
    if {option.name for option in node.options}.issuperset(CONTROLLER_NAMES):
        also.append("[controller flags](README.md#controller-flags)")
    yield f"It {'also ' if own else ''}takes the {spelled(also)}.\n"


def _options(options: Iterable[click.Option]) -> str:
    return table(("Option", "What it does"), ((_spelled(one), _meaning(one)) for one in options))


def _spelled(option: click.Option) -> str:
    """``-t``, ``--timeout DURATION``: the value after the last name."""
    *names, last = (*option.opts, *option.secondary_opts)
    if isinstance(option.type, click.Choice):
        last += f" {'|'.join(option.type.choices)}"
    elif not option.is_flag:
        last += f" {option.metavar or option.type.name.split()[0].upper()}"
    return ", ".join(map(code, (*names, last)))


def _meaning(option: click.Option) -> str:
    notes = [prose(option.help or "")]
    if option.required:
        notes.append("Required.")
    if option.multiple:
        notes.append("May be given several times.")
    if "default:" not in notes[0] and (default := _default(option)):
        notes.append(f"Default: {code(default)}.")
    return " ".join(notes)


def _default(option: click.Option) -> str:
    """What it is when it is not given; empty where that is nothing, or off."""
    value = option.default
    if option.is_flag:
        return option.opts[-1] if value is True else ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, str | int) else ""


def _output(node: Node) -> Iterator[str]:
    if not node.formats:
        return
    yield "## Output\n"
    if output.prints_objects(node):
        yield "`-o` prints [API objects](../output.md#api-objects).\n"
    else:
        where = f"../output.md#{anchor(output.heading(node.name))}"
        yield f"The keys of what `-o` prints for programs are written down in [output.md]({where}).\n"


def _permissions(node: Node) -> Iterator[str]:
    found = [(verb, needs) for verb, needs in PERMISSIONS.items() if _is_about(verb, node.name)]
    yield "## Permissions\n"
    for verb, needs in found:
        about = verb.replace("|", ", ")
        subject = f"{code(about)} needs" if len(found) > 1 else "Needs"
        where = f"[permissions.md](../permissions.md#{anchor(about)})"
        yield f"{subject} {_roles(needs)}. {where} has every rule.\n"


def _is_about(entry: str, name: str) -> bool:
    """Whether an entry of the table of permissions, like ``get agents|mcpservers``, is about a verb."""
    of = name.split()
    return any(all(one == other for one, other in zip(words, of, strict=False)) for words in verbs_of(entry))


def _roles(needs: Iterable[Need]) -> str:
    """What a verb can't do its work without when no option asks for more, and what it does more with."""
    own = [need for need in needs if not need.option]
    least = list(_smallest([need for need in own if not need.without]))
    more = [role for role in _smallest(own) if role not in least]
    return (spelled(least) or "no role") + (f", and does more with {spelled(more)}" if more else "")


def _smallest(needs: Sequence[Need]) -> Iterator[str]:
    """The smallest ClusterRole for the object's namespace, and what is asked for elsewhere."""
    here = {rule for need in needs if not need.elsewhere for rule in need.rules}
    if here:
        yield f"ClusterRole {code(next(role.name for role in ROLES if here <= role.rules))}"
    everywhere = {
        rule
        for need in needs
        if not (need.without or need.subresource)
        for rule in need.rules
        if need.elsewhere
    }
    if everywhere and not here:
        name = next(role.name for role in ROLES if everywhere <= role.rules)
        yield f"ClusterRole {code(name)} in the whole cluster"
    if any(need.name == CONTROLLER_SERVICE for need in needs):
        yield "`kagent-controller-api` in kagent's namespace"
    for need in needs:
        if need.elsewhere and need.subresource == "proxy" and not need.name:
            verbs = spelled([code(verb) for verb in need.verbs])
            yield f"{verbs} on {code(need.resource_name)} in {need.elsewhere} namespace"
