"""Generated command lines: words that make sense, and words that do not, in any mixture."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import chdir
from tempfile import TemporaryDirectory

import click

from kubectl_kagent.app import cli
from tests.fake.records import GO_SESSION, GO_TASK, TEMPO_TRACE
from tests.soak.faults import Trouble, judge_any
from tests.soak.run import Done, run
from tests.soak.services import WAITING_SESSION, WAITING_TASK
from tests.soak.world import AGENT_WITH_RECORDS, Moment, World

Path = tuple[str, ...]

_NAMES = ("agent", "echo", "broken", AGENT_WITH_RECORDS, "server", "idle", "remote", "web", "model", "nobody")
_TYPES = (
    "agent",
    "agents",
    "mcpserver",
    "mcpservers",
    "mcp",
    "modelconfigs",
    "remotemcpserver",
    "service",
    "pods",
)
_IDS = (
    GO_SESSION,
    GO_TASK,
    TEMPO_TRACE,
    WAITING_SESSION,
    WAITING_TASK,
    WAITING_TASK[:8],
    "session/x",
    "task/x",
    "get_time",
)
_ODD = (
    "",
    " ",
    "-",
    "--",
    "/",
    "a/b/c",
    "..",
    "../../version",
    "%2e%2e",
    "a%3Fb",
    "*",
    "0",
    "-1",
    "1e9",
    "9" * 30,
    "9" * 5000,
    "0x10",
    "1h30m",
    "5s",
    "-5s",
    "1.5s",
    "999999999999h",
    "2026-11-23T08:00:00Z",
    "0001-01-01",
    "9999-12-31T23:59:59+00:00",
    "70%",
    "a=b",
    "a=b,c!=d",
    "a in (b,c)",
    "!a",
    "=",
    "json",
    "yaml",
    "name",
    "wide",
    "jsonpath={.metadata.name}",
    "jsonpath={.items[*]",
    "custom-columns=A:.metadata.name",
    "custom-columns=",
    "http://service.test",
    "http://[::1",
    "https://user:word@service.test",
    "ftp://x",
    "http://service.test:99999",
    "service.test:4318",
    "none",
    "auto",
    "all",
    "(",
    "[a-",
    "\udcff",  # a byte that is no UTF-8
    "\x1b[2J",
    "\u202ex",
    "é",
    "a\nb",
    "x" * 3000,
    "/dev/null",
    "/nonexistent/file",
    "client",
    "server",
    "true",
    "warn",
)


def commands() -> list[tuple[Path, click.Command]]:
    """Every command with its words."""
    return list(_below((), cli))


def _below(path: Path, command: click.Command) -> Iterator[tuple[Path, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        if found := command.get_command(context, name):
            yield from _below((*path, name), found)


def generated(chance: random.Random, path: Path, command: click.Command) -> list[str]:
    """A command line of that command; one in twenty has its words anywhere."""
    words: list[str] = []
    for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 2, 3))):
        words.append(_target(chance))
    options = [item for item in command.params if isinstance(item, click.Option)]
    for option in chance.sample(options, min(len(options), chance.choice((0, 0, 1, 1, 1, 2, 4)))):
        words[0:0] = _option(chance, option)
    found = [*path, *words]
    if chance.random() < 0.05:
        chance.shuffle(found)
    return found


def _target(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.3:
        return f"{chance.choice(_TYPES)}/{chance.choice(_NAMES)}"
    if kind < 0.85:
        return chance.choice((*_NAMES, *_TYPES, *_IDS))
    return chance.choice(_ODD)


def _option(chance: random.Random, option: click.Option) -> list[str]:
    name = chance.choice([*option.opts, *option.secondary_opts])
    if option.is_flag:
        return [name] if chance.random() < 0.95 else [f"{name}={chance.choice(_ODD)}"]
    value = _fitting(chance, option) if chance.random() < 0.75 else chance.choice(_ODD)
    if chance.random() < 0.05:
        return [name]
    return [f"{name}={value}"] if name.startswith("--") and chance.random() < 0.7 else [name, value]


def _fitting(chance: random.Random, option: click.Option) -> str:
    kind = option.type
    if isinstance(kind, click.Choice):
        return str(chance.choice(list(kind.choices)))
    if isinstance(kind, click.types.IntParamType):
        return chance.choice(("0", "1", "2", "3", "20"))
    names = set(option.opts)
    if names & {"-o", "--output"}:
        return chance.choice(("json", "yaml", "name", "wide", "jsonpath={.metadata.name}"))
    if names & {"-n", "--namespace", "--kagent-namespace"}:
        return chance.choice(("default", "kagent", "nowhere"))
    if any(name.endswith(("url", "tempo", "prometheus", "loki", "otlp", "endpoint")) for name in names):
        return "http://service.test"
    if any("since" in name or "timeout" in name or "duration" in name for name in names):
        return chance.choice(("5s", "1h", "24h"))
    return chance.choice((*_NAMES, *_IDS, *_ODD))


# how many requests are enough for what has no end: a generated line may be of either sort
_ENOUGH = 150
_ENDLESS = {
    ("record",),
    ("get",),
    ("logs",),
    ("trace", "list"),
    ("rollout", "status"),  # a crash that may heal is waited for, and nothing heals here
}


def try_line(world: World, moment: Moment, words: list[str]) -> tuple[Done, list[Trouble]]:
    world.back_to(moment)
    endless = (
        tuple(words[:2]) in _ENDLESS or tuple(words[:1]) in _ENDLESS or "-f" in words or "--follow" in words
    )
    with TemporaryDirectory() as folder, chdir(folder):  # a file or folder that a line names is made there
        done = run(world, words, enough=_ENOUGH if endless else 0, stdin="hello")
    return done, list(judge_any(done))
