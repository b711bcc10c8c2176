"""Targets and durations as they are typed, and the connection flags as they arrive."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner

from kubectl_kagent import options
from kubectl_kagent.cluster.connect import Connection
from kubectl_kagent.errors import NotFound, Usage
from kubectl_kagent.model.resources import AGENT, LISTABLE, MCP_SERVER, MODEL_CONFIG, Resource
from kubectl_kagent.options import Targets, one_target, parse_targets, seconds
from tests.fakes import FakeCluster
from tests.objects import agent, mcp_server


@pytest.mark.parametrize(
    ("words", "resource", "names"),
    [
        ("", AGENT, ""),
        ("clock", AGENT, "clock"),
        ("clock other", AGENT, "clock other"),
        ("agent/clock", AGENT, "clock"),
        ("agents/clock", AGENT, "clock"),
        ("agent.kagent.dev/clock", AGENT, "clock"),
        ("agent clock", AGENT, "clock"),
        ("agents clock other", AGENT, "clock other"),
        ("agents", AGENT, ""),
        ("agent/a agents/b", AGENT, "a b"),
        ("mcp/x", MCP_SERVER, "x"),
        ("mcpserver x y", MCP_SERVER, "x y"),
        ("mcps", MCP_SERVER, ""),
        ("MCPServer/x", MCP_SERVER, "x"),
        ("agent agent", AGENT, "agent"),  # an agent that is called agent
        ("agent/agent", AGENT, "agent"),
        ("agent/v1.2-beta_3", AGENT, "v1.2-beta_3"),
    ],
)
def test_targets(words: str, resource: Resource, names: str) -> None:
    assert parse_targets(tuple(words.split())) == Targets(resource, tuple(names.split()))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("pod/x", 'the server doesn\'t have a resource type "pod" that this command knows'),
        ("mc/gpt", "cannot do this with a modelconfig"),
        ("modelconfigs gpt", "cannot do this with a modelconfig"),
        ("agent/a mcp/b", "all objects of one call must be of one type"),
        ("agent agent/a", "there is no need to specify a resource type as a separate argument"),
        ("agent/", "there is no need to specify a resource type as a separate argument"),
        ("/clock", "there is no need to specify a resource type as a separate argument"),
        ("agent/a/b", 'invalid resource name "a/b"'),
        ("agent/a?dryRun=All", 'invalid resource name "a?dryRun=All"'),
        ("agent/..", 'invalid resource name ".."'),
        ("a%2Fb", 'invalid resource name "a%2Fb"'),
    ],
)
def test_targets_that_make_no_sense(words: str, message: str) -> None:
    with pytest.raises(Usage) as caught:
        parse_targets(tuple(words.split()))
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == 2


def test_a_verb_says_which_types_it_takes() -> None:
    with pytest.raises(Usage) as caught:
        parse_targets(("mc/gpt",))
    assert caught.value.hint == "it works on: agent, mcpserver"
    assert parse_targets(("mc/gpt",), LISTABLE) == Targets(MODEL_CONFIG, ("gpt",))


def test_one_target_is_exactly_one() -> None:
    assert one_target(("agent/clock",)) == (AGENT, "clock")
    for words in ((), ("agents",), ("a", "b")):
        with pytest.raises(Usage, match="name exactly one object"):
            one_target(words)


def test_named_objects_come_in_the_order_they_were_named(cluster: FakeCluster) -> None:
    for name in ("a", "b"):
        cluster.add(AGENT, agent(name))
    found = Targets(AGENT, ("b", "a")).list(cluster, "default")
    assert [item["metadata"]["name"] for item in found] == ["b", "a"]
    with pytest.raises(NotFound):
        Targets(AGENT, ("a", "ghost")).list(cluster, "default")


def test_selected_objects_have_their_kind(cluster: FakeCluster) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    selections: tuple[dict[str, Any], ...] = ({"all_": True}, {"selector": "!tier"})
    for how in selections:
        (found,) = Targets(MCP_SERVER, ()).list(cluster, "default", **how)
        assert (found["kind"], found["apiVersion"]) == ("MCPServer", "kagent.dev/v1alpha1")
    assert Targets(MCP_SERVER, ()).list(cluster, "elsewhere", all_=True) == []


def test_to_name_and_to_select_exclude_each_other(cluster: FakeCluster) -> None:
    selections: tuple[dict[str, Any], ...] = ({"all_": True}, {"selector": "a=b"})
    for how in selections:
        with pytest.raises(Usage, match="not both"):
            Targets(AGENT, ("a",)).list(cluster, "default", **how)
    with pytest.raises(Usage, match="required resource not specified"):
        Targets(AGENT, ()).list(cluster, "default")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("15", 15),
        ("1.5", 1.5),
        ("30s", 30),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("5m", 300),
        ("1m30s", 90),
        ("1h", 3600),
        ("1h2m3s4ms", 3723.004),
    ],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "s", "soon", "-5s", "5 s", "1d", "5m30", "1h-2m", "\u0663s", "1e3s", "5S"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(Usage, match="is not a duration"):
        seconds(text)


def connection_of(*args: str) -> Connection:
    """The connection that a command with these flags would open."""
    given: list[Connection] = []

    @click.command()
    @options.connected
    def command(_cluster: Any) -> None:
        pass

    result = CliRunner().invoke(command, args, obj=given.append, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return given[0]


def test_without_flags_the_kubeconfig_decides() -> None:
    assert connection_of() == Connection()


def test_every_connection_flag_of_kubectl_arrives() -> None:
    flags = {
        "--kubeconfig": ("kubeconfig", "file"),
        "--context": ("context", "c"),
        "--cluster": ("cluster", "k"),
        "--user": ("user", "u"),
        "--namespace": ("namespace", "n"),
        "--as": ("as_user", "jane"),
        "--as-uid": ("as_uid", "77"),
        "--token": ("token", "t"),
        "--server": ("server", "https://s"),
        "--certificate-authority": ("certificate_authority", "ca"),
        "--client-certificate": ("client_certificate", "cc"),
        "--client-key": ("client_key", "ck"),
        "--tls-server-name": ("tls_server_name", "name"),
    }
    args = [f"{flag}={value}" for flag, (_, value) in flags.items()]
    extra = ["--as-group=a", "--as-group=b", "--insecure-skip-tls-verify", "--request-timeout=1m30s"]
    assert connection_of(*args, *extra) == Connection(
        **dict(flags.values()),
        as_groups=("a", "b"),
        insecure_skip_tls_verify=True,
        request_timeout=90.0,
    )


def test_short_flags_and_no_limit() -> None:
    assert connection_of("-n", "team", "-s", "https://s", "--request-timeout=0") == Connection(
        namespace="team", server="https://s"
    )
