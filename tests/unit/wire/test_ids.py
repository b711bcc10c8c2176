"""An agent's identifier, in the three forms that kagent writes, and back."""

from __future__ import annotations

import pytest

from kubectl_kagent.wire.ids import agent_of, dashed, identifier, underscored


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
