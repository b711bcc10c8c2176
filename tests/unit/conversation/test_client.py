"""The way to one agent."""

from __future__ import annotations

import pytest

from kubectl_kagent.backends.controller import at_address
from kubectl_kagent.conversation.client import A2AClient
from kubectl_kagent.errors import KagentError
from tests.fake.agent import TASK, USER, talking, task, waiting


def test_a_task_is_the_one_that_was_asked_for() -> None:
    with talking(task=waiting()) as agent:
        line = A2AClient(at_address(agent.url, "", USER), "default", "clock")
        assert line.task(TASK).update.task_id == TASK
        agent.task = task("completed", id_="another")
        with pytest.raises(KagentError) as caught:
            line.task(TASK)
    assert caught.value.message == f"the kagent controller answers with task another for task {TASK}"
