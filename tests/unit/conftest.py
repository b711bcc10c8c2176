"""What tests of whole verbs stand on: controllers that act when time passes, and an agent with a past."""

from __future__ import annotations

import pytest

from kubectl_kagent import clock
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG
from tests.fakes import FakeCluster
from tests.objects import agent, model_config
from tests.unit.controllers import Controllers, Story


@pytest.fixture
def controllers(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Controllers:
    both = Controllers(cluster)
    monkeypatch.setattr(clock, "sleep", both.sleep)
    return both


@pytest.fixture
def story(cluster: FakeCluster, controllers: Controllers) -> Story:
    """The agent ``clock``: revision 1 tells the time, revision 2 guesses."""
    found = Story(cluster, controllers)
    found.add(MODEL_CONFIG, model_config())
    found.add(AGENT, agent(deployment={"replicas": 1}))
    found.look()
    found.prompt("Guess.")
    return found
