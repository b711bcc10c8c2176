"""The objects that a command line names."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.cli.targets import Targets, one_target, parse_targets
from kubectl_kagent.errors import NotFound, UsageError
from kubectl_kagent.model.resources import AGENT, LISTABLE, MCP_SERVER, MODEL_CONFIG, Resource
from tests.fake.cluster import FakeCluster
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
        ("harness", AGENT, "harness"),
        ("agent.", AGENT, "agent."),
        ("agent/v1.2-beta_3", AGENT, "v1.2-beta_3"),
    ],
)
def test_targets(words: str, resource: Resource, names: str) -> None:
    assert parse_targets(tuple(words.split())) == Targets(resource, tuple(names.split()))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("pod/x", 'the server doesn\'t have a resource type "pod" that this command knows'),
        ("mc/gpt", "cannot do this with modelconfigs"),
        ("modelconfigs gpt", "cannot do this with modelconfigs"),
        ("sandboxagent/x", "cannot do this with sandboxagents: kagent runs them without a Deployment"),
        ("sandboxagents.kagent.dev/x", "cannot do this with sandboxagents: kagent runs"),
        ("agentharnesses", "cannot do this with agentharnesses: kagent runs them"),
        ("Harness x y", "cannot do this with harnesses: kagent runs them"),
        ("agenttemplate/x", "cannot do this with agenttemplates: kagent runs them"),
        ("agent/a mcp/b", "all objects must be of the same type"),
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
    with pytest.raises(UsageError) as caught:
        parse_targets(tuple(words.split()))
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == 2


def test_kubectls_list_of_types_is_one_call_for_each() -> None:
    with pytest.raises(UsageError, match="invalid resource name") as caught:
        parse_targets(("agents,mcpservers",))
    assert caught.value.hint == "separate the names with spaces, and name one type per command"


def test_a_verb_says_which_types_it_takes() -> None:
    with pytest.raises(UsageError) as caught:
        parse_targets(("mc/gpt",))
    assert caught.value.hint == "it works on: agent, mcpserver"
    assert parse_targets(("mc/gpt",), LISTABLE) == Targets(MODEL_CONFIG, ("gpt",))


def test_one_target_is_exactly_one() -> None:
    assert one_target(("agent/clock",)) == (AGENT, "clock")
    for words in ((), ("agents",), ("a", "b")):
        with pytest.raises(UsageError, match="name exactly one object"):
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
        with pytest.raises(UsageError, match="not both"):
            Targets(AGENT, ("a",)).list(cluster, "default", **how)
    with pytest.raises(UsageError, match="required resource not specified"):
        Targets(AGENT, ()).list(cluster, "default")
