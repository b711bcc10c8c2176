"""rollout status and undo after changes in what an agent is made from, with the real controller."""

from __future__ import annotations

import time

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.model.resources import CONFIG_MAP, MODEL_CONFIG
from tests.cluster.conftest import Tools
from tests.cluster.running import Running
from tests.cluster.workloads import MANAGER, Object, config_hash, create, declarative, key, model_config

pytestmark = pytest.mark.cluster

# One pass of rendering, and what a change that renders to the same has to wait.
SOON, SURE = 8.0, 20.0


def prompts(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prompts"}, "data": data}


def status(tools: Tools) -> tuple[int, str, list[str], float]:
    """Exit code, the last line, stderr, and how long it took."""
    begun = time.monotonic()
    code, out, err = Running(tools.start("rollout", "status", "clock", "--timeout=60s")).end()
    return code, out[-1], err, time.monotonic() - begun


def asleep(api: ApiServer) -> str:
    return f'agent "clock" is scaled to 0: no pods to roll out (config hash {config_hash(api, "clock")})'


def test_a_source_is_rolled_out_once_the_controller_has_taken_it_up(tools: Tools, api: ApiServer) -> None:
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    agent = declarative("clock", replicas=0, systemMessageFrom=source, systemMessage=None)
    create(api, key(), model_config(), prompts(used="Be kind.", spare="x"), agent)
    assert status(tools)[:3] == (0, asleep(api), [])

    for resource, name, patch in (
        (MODEL_CONFIG, "model", {"spec": {"model": "next"}}),
        (CONFIG_MAP, "prompts", {"data": {"used": "Be rude."}}),
    ):
        before = config_hash(api, "clock")
        api.merge_patch(resource, api.namespace, name, patch, manager=MANAGER)
        code, line, err, seconds = status(tools)
        assert (code, line, err) == (0, asleep(api), [])
        assert config_hash(api, "clock") != before, line
        assert seconds < SOON


def test_a_change_that_renders_to_the_same(tools: Tools, api: ApiServer) -> None:
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    agent = declarative("clock", replicas=0, systemMessageFrom=source, systemMessage=None)
    create(api, key(), model_config(), prompts(used="Be kind.", spare="x"), agent)
    before = asleep(api)
    for resource, name, patch in (
        (MODEL_CONFIG, "model", {"metadata": {"labels": {"team": "a"}}}),
        (CONFIG_MAP, "prompts", {"data": {"spare": "y"}}),
        (CONFIG_MAP, "prompts", {"data": {"spare": None}}),
    ):
        api.merge_patch(resource, api.namespace, name, patch, manager=MANAGER)
        code, line, err, seconds = status(tools)
        assert (code, line, err) == (0, before, [])
        assert seconds < SURE
