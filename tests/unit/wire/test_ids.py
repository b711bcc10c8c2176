"""An agent's identifier, in the three forms that kagent writes, and back."""

from __future__ import annotations

import pytest

from kubectl_kagent.wire.ids import agent_of, dashed, identifier, sent, shown, underscored


@pytest.mark.parametrize(
    ("text", "agent"),
    [
        ("default__NS__clock", ("default", "clock")),
        ("a_b__NS__c_d_e", ("a-b", "c-d-e")),
        ("my_clock", ("", "my-clock")),
        ("", ("", "")),
    ],
)
def test_the_agent_of_an_identifier_and_back(text: str, agent: tuple[str, str]) -> None:
    assert agent_of(text) == agent
    assert identifier(*agent) == text


def test_names_of_services() -> None:
    assert (underscored("my-clock"), dashed("my_clock")) == ("my_clock", "my-clock")


def test_an_agent_that_is_called_like_a_tool_and_back() -> None:
    assert shown("team_a__NS__my_clock") == "agent/team-a/my-clock"
    assert sent("agent/team-a/my-clock") == "team_a__NS__my_clock"


@pytest.mark.parametrize(
    "tool",
    ["get_time", "", "__NS__", "a__NS__", "__NS__b", "a__NS__b__NS__c", "A__NS__b", "a__NS__b\n", "agent/b"],
)
def test_other_names_stay(tool: str) -> None:
    assert (shown(tool), sent(tool)) == (tool, tool)
