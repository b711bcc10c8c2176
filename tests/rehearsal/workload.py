"""Two real agents that are asked for minutes, and every turn, call and failure that this comes to."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.conversations import ASKER, GREETINGS, HELPER, Conversations

TIME = 'call get_time {"timezone": "UTC"}'
NOWHERE = 'call get_time {"timezone": "Nowhere/At_all"}'
DATE = 'call get_date {"timezone": "UTC"}'
LIMITED = "fail 429"
_PAUSE = 10.0  # seconds between two rounds
# Spans leave a pod every second, are counted by the collector every two, and these are scraped every two.
_SENT = 12.0

Key = tuple[str, ...]  # what is counted, the agent, then the tool if it is one


@dataclass
class Workload:
    """``counts`` are what the agents have done so far, whole between two rounds.

    ``unpriced`` are the helper's tokens, by type, of a model without a price: records name no model.
    """

    runtime: str
    agents: Conversations
    counts: Counter[Key] = field(default_factory=Counter)
    unpriced: Counter[str] = field(default_factory=Counter)
    _gate: threading.Lock = field(default_factory=threading.Lock)
    _trouble: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        for agent in (ASKER, HELPER):
            self._count(agent, turns=GREETINGS, model_calls=GREETINGS)

    @property
    def namespace(self) -> str:
        return self.agents.tools.namespace

    def started(self, until: float) -> threading.Thread:
        """The rounds until then (a monotonic time), in a thread."""
        thread = threading.Thread(target=self._rounds, args=(until,), name=self.namespace)
        thread.start()
        return thread

    def check(self) -> None:
        """Raises what a round has raised."""
        if self._trouble:
            raise self._trouble[0]

    def between_rounds(self, act: Callable[[], Any]) -> None:
        """``act`` while nobody asks, once all that was asked is in Prometheus."""
        with self._gate:
            time.sleep(_SENT)
            act()

    def leave_an_approval(self) -> dict[str, Any]:
        """The task that waits for a person."""
        task = self.agents.ask(DATE)
        assert task["status"]["state"] == "input-required", task
        self._count(ASKER, turns=1, model_calls=1, approvals=1)
        return task

    def greet_helper(self, times: int = 1) -> None:
        for _ in range(times):
            self.agents.ask("hello", HELPER)
            self._count(HELPER, turns=1, model_calls=1)

    def tokens(self) -> Counter[Key]:
        """What the controller recorded, by agent and type."""
        done = self.agents.tools.kagent("top", "agents", "--prometheus=none", "-o", "json")
        assert done.code == 0, done.err
        return Counter(
            {
                (item["agent"], kind): item["tokens"][name]
                for item in json.loads(done.out)["items"]
                for kind, name in (("input", "prompt"), ("output", "output"))
            }
        )

    def _rounds(self, until: float) -> None:
        try:
            while time.monotonic() < until:
                with self._gate:
                    self._round()
                time.sleep(_PAUSE)
        except BaseException as error:  # told by check()
            self._trouble.append(error)

    def _round(self) -> None:
        self.agents.ask(TIME)
        self.agents.ask(f"{TIME} and {TIME.replace('UTC', 'Asia/Tokyo')}")
        self._count(ASKER, turns=2, model_calls=4)
        self._count_tool("get_time", calls=3)
        self.agents.ask(NOWHERE)
        self._count(ASKER, turns=1, model_calls=2)
        self._count_tool("get_time", calls=1, failures=1)
        for _ in range(2):
            self.agents.ask(LIMITED)
        self._count(ASKER, turns=2, model_calls=2, turn_failures=2, model_failures=2)
        self.agents.decide(self.agents.ask(DATE), "approve")
        self._count(ASKER, turns=2, model_calls=2, approvals=1)
        self._count_tool("get_date", calls=1)
        self.greet_helper()

    def _count(self, agent: str, **what: int) -> None:
        self.counts.update({(name, agent): number for name, number in what.items()})

    def _count_tool(self, tool: str, **what: int) -> None:
        self.counts.update({(f"tool_{name}", ASKER, tool): number for name, number in what.items()})
