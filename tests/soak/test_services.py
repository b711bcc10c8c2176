"""What answers behind Services answers as the real one does."""

from __future__ import annotations

import json

from tests import recordings
from tests.soak.services import Services
from tests.soak.wire import Asked


def test_an_agent_has_a_card() -> None:
    card = "/api/a2a/default/echo/.well-known/agent-card.json"
    answer = Services().answer(Asked("GET", "kagent-controller:8083", card, {}, b""), "kagent")
    assert (answer.status, json.loads(answer.body)) == (200, recordings.card())
