"""What tests of whole verbs stand on: controllers that act when time passes, and an agent with a past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent import clock
from kubectl_kagent.model.resources import AGENT, MODEL_CONFIG
from tests.certificates import authority
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers, Story
from tests.loopback import Loopback, serve
from tests.objects import agent, model_config

Write = Callable[..., str]


@pytest.fixture
def server() -> Iterator[Loopback]:
    """An API server with TLS; ``tests.certificates.authority()`` is its authority."""
    with serve(authority().server()) as loopback:
        yield loopback


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a kubeconfig, or a text, to a file of that name; gives its path."""

    def write_file(content: Any, name: str = "kubeconfig") -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    return write_file


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
