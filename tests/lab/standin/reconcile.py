"""Brings what an Agent owns in line with its spec, and says in its status how that went."""

import logging
from collections.abc import Callable
from datetime import datetime

from tests.lab.standin.cache import Cache
from tests.lab.standin.kinds import (
    AGENT,
    DEPLOYMENT,
    MODEL_CONFIG,
    OWNED,
    Key,
    Kind,
    Object,
    controller_of,
    key_of,
)
from tests.lab.standin.kube import Kube, KubeError
from tests.lab.standin.merge import merge
from tests.lab.standin.references import check_namespaces
from tests.lab.standin.render import render
from tests.lab.standin.settings import Settings
from tests.lab.standin.sources import NotFound, ReconcileError
from tests.lab.standin.status import agent_status, model_config_status

_LOG = logging.getLogger("reconciler")
_ATTEMPTS = 5


class AgentReconciler:
    def __init__(self, kube: Kube, cache: Cache, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._kube = kube
        self._cache = cache
        self._settings = settings
        self._clock = clock

    async def __call__(self, key: Key) -> None:
        agent = await self._kube.get(AGENT, key)
        # What an Agent on its way out owns is the garbage collector's; making it anew would only hold it up.
        if agent is None or "deletionTimestamp" in agent["metadata"]:
            return
        error = ""
        try:
            await self._apply(agent)
        except (ReconcileError, NotFound) as problem:
            error = str(problem)
        deployment = await self._kube.get(DEPLOYMENT, key)
        status = agent_status(agent, deployment, error, self._clock())
        if status is not None:
            await self._kube.update(AGENT, agent | {"status": status}, subresource="/status")
        _LOG.info("agent reconciled", extra={"agent": str(key), "error": error})

    async def _apply(self, agent: Object) -> None:
        check_namespaces(agent, self._cache)
        name, kept, problems = agent["metadata"]["name"], set(), []
        for kind, desired in render(agent, self._cache, self._settings):
            try:
                stored = await self._put(kind, desired)
                kept.add(stored["metadata"]["uid"])
            except KubeError as error:
                problems.append(str(error))
        if problems:
            listed = "\n".join(problems)
            raise ReconcileError(
                f"failed to reconcile owned objects: failed to create objects for {name}: {listed}"
            )
        await self._prune(agent, kept)

    async def _put(self, kind: Kind, desired: Object) -> Object:
        for attempts_left in reversed(range(_ATTEMPTS)):
            existing = await self._kube.get(kind, key_of(desired))
            try:
                if existing is None:
                    return await self._kube.create(kind, desired)
                # Always written: the API server itself drops a write that changes nothing.
                return await self._kube.update(kind, merge(kind, existing, desired))
            except KubeError as error:
                if error.code != 409 or not attempts_left:
                    raise
        raise AssertionError("unreachable")

    async def _prune(self, agent: Object, kept: set[str]) -> None:
        """Deletes what the Agent controls but no longer renders."""
        for kind in OWNED:
            for obj in self._cache.all(kind):
                owner = controller_of(obj)
                ours = owner is not None and owner["uid"] == agent["metadata"]["uid"]
                if not ours or obj["metadata"]["uid"] in kept:
                    continue
                try:
                    await self._kube.delete(kind, obj)
                except KubeError as error:
                    if error.code != 404:
                        name = agent["metadata"]["name"]
                        raise ReconcileError(
                            f"failed to reconcile owned objects: failed to prune objects for {name}: {error}"
                        ) from None


class ModelConfigReconciler:
    def __init__(self, kube: Kube, cache: Cache, clock: Callable[[], datetime]) -> None:
        self._kube = kube
        self._cache = cache
        self._clock = clock

    async def __call__(self, key: Key) -> None:
        model_config = await self._kube.get(MODEL_CONFIG, key)
        if model_config is None:
            return
        status = model_config_status(model_config, self._cache, self._clock())
        if status is not None:
            await self._kube.update(MODEL_CONFIG, model_config | {"status": status}, subresource="/status")
