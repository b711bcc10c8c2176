"""The controller as a whole: what changes in the cluster goes to the queue of who has to look at it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from tests.lab.standin import triggers
from tests.lab.standin.cache import Cache
from tests.lab.standin.discovery import ToolDiscovery
from tests.lab.standin.kinds import (
    AGENT,
    CONFIG_MAP,
    MCP_SERVER,
    MODEL_CONFIG,
    OWNED,
    REMOTE_MCP_SERVER,
    SECRET,
    SERVICE,
    WATCHED,
    Key,
    Kind,
    Object,
    key_of,
)
from tests.lab.standin.kube import Kube
from tests.lab.standin.reconcile import AgentReconciler, ModelConfigReconciler
from tests.lab.standin.settings import Settings
from tests.lab.standin.store import Store
from tests.lab.standin.workqueue import WorkQueue

_TOOL_SERVERS = (REMOTE_MCP_SERVER, MCP_SERVER, SERVICE)
_SOURCES = (MODEL_CONFIG, CONFIG_MAP, *_TOOL_SERVERS)


class Controller:
    def __init__(self, kube: Kube, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.cache = Cache(kube, self._changed)
        self._agents = WorkQueue("agent-controller", AgentReconciler(kube, self.cache, settings, clock))
        self._models = WorkQueue("modelconfig-controller", ModelConfigReconciler(kube, self.cache, clock))
        refresh = settings.tool_refresh_seconds
        self._servers = {
            kind: WorkQueue(
                f"{kind.name.lower()}-controller",
                ToolDiscovery(kind, kube, self.cache, store, refresh, clock),
            )
            for kind in _TOOL_SERVERS
        }

    async def run(self) -> None:
        """Until cancelled. Nothing is reconciled before everything is known, or it would look deleted."""
        async with asyncio.TaskGroup() as tasks:
            for kind in WATCHED:
                tasks.create_task(self.cache.follow(kind))
            await self.cache.wait_until_listed()
            for queue in (self._agents, self._models, *self._servers.values()):
                tasks.create_task(queue.run())

    def _changed(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        current = new or old
        assert current is not None
        key = key_of(current)
        self._queue_itself(kind, key, old, new)
        if kind is SECRET:
            for model in self.cache.all(MODEL_CONFIG):
                if triggers.names_secret(model, key):
                    self._models.add(key_of(model))
        if kind in _SOURCES:
            for agent in self.cache.all(AGENT):
                if triggers.uses(agent, kind, key):
                    self._agents.add(key_of(agent))
        # New owned objects are the controller's own doing.
        if kind in OWNED and old is not None:
            for owner in {triggers.owning_agent(version) for version in (old, new) if version}:
                if owner:
                    self._agents.add(owner)

    def _queue_itself(self, kind: Kind, key: Key, old: Object | None, new: Object | None) -> None:
        if kind is AGENT and triggers.needs_reconcile(old, new, labels_count=True):
            self._agents.add(key)
        if kind is MODEL_CONFIG and triggers.needs_reconcile(old, new, labels_count=False):
            self._models.add(key)
        # Services have no generation to tell an edit of their spec by.
        edited = kind is SERVICE or triggers.needs_reconcile(old, new, labels_count=False)
        if kind in _TOOL_SERVERS and edited:
            self._servers[kind].add(key)
