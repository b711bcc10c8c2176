"""Whatever happens in whatever order, history is the list of the configs that were in force."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, CONTROLLER_REVISION, MODEL_CONFIG
from kubectl_kagent.model.revision import Revision
from tests.fake.cluster import FakeCluster
from tests.objects import agent, config_map, model_config, workload

Config = tuple[str, str, str]
EDITS = 50
PROMPT = {"type": "ConfigMap", "name": "prompts", "key": "used"}


class Story:
    """Edits at random, and beside them the list of configs that they make."""

    def __init__(self, cluster: FakeCluster, seed: int) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)
        self.config: Config = ("0", "0", "0")
        self.told: list[Config] = [self.config]
        cluster.add(MODEL_CONFIG, model_config(model="0"))
        cluster.add(CONFIG_MAP, config_map("prompts", used="0", spare="0"))
        obj = agent(description="0", systemMessageFrom=PROMPT)
        obj["metadata"]["annotations"] = {"kubectl-kagent/revision-history-limit": "1000"}
        cluster.add(AGENT, obj)

    def edit(self) -> None:
        """One write: of one of the three parts of the config (perhaps to what it was), or of none."""
        value = str(self.random.randrange(3))
        part = self.random.randrange(6)
        writes: tuple[Callable[[], object], ...] = (
            lambda: self.cluster.edit(AGENT, "clock", {"spec": {"declarative": {"description": value}}}),
            lambda: self.cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": value}}),
            lambda: self.cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": value}}),
            lambda: self.cluster.edit(CONFIG_MAP, "prompts", {"data": {"spare": value}}),
            lambda: self.cluster.edit(
                AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": int(value)}}}}
            ),
            lambda: self.cluster.set_status(AGENT, "clock", {"observedGeneration": int(value)}),
        )
        writes[part]()
        if part < 3:
            self.config = (*self.config[:part], value, *self.config[part + 1 :])  # type: ignore[assignment]
        if self.config != self.told[-1]:
            self.told.append(self.config)
        self.cluster.clock.sleep(self.random.choice((0, 0, 1)))

    def look(self, manager: str) -> None:
        history.update(self.cluster, workload(self.cluster), manager=manager)

    def meddle(self) -> None:
        """Let a rival record, or somebody edit, in the middle of the next look."""
        verb, resource = self.random.choice(
            (
                ("list", CONTROLLER_REVISION),
                ("list", AGENT),
                ("list", MODEL_CONFIG),
                ("create", CONTROLLER_REVISION),
            )
        )
        action = self.random.choice((self.edit, lambda: self.look("rival")))
        self.cluster.before(verb, resource, action, nth=self.random.randrange(1, 4))


def config_of(revision: Revision) -> Config:
    found: dict[str, Any] = {
        source.reference.resource.kind: source.content for source in revision.sources if source.content
    }
    return (
        revision.spec["declarative"]["description"],
        found["ModelConfig"]["spec"]["model"],
        found["ConfigMap"]["data"]["used"],
    )


@pytest.mark.parametrize("seed", range(30))
def test_fifty_edits_are_recorded_each_once_and_in_order(cluster: FakeCluster, seed: int) -> None:
    story = Story(cluster, seed)
    for _ in range(EDITS):
        story.edit()
        if story.random.random() < 0.3:
            story.meddle()
        if story.random.random() < 0.3:
            story.look("looker")
    story.look("looker")
    revisions = history.update(cluster, workload(cluster), manager="looker").revisions
    assert [config_of(revision) for revision in revisions] == story.told
    assert [revision.number for revision in revisions] == list(range(1, len(story.told) + 1))
    for position, revision in enumerate(revisions):
        before = story.told[:position]
        newest = max(
            (n for n, config in enumerate(before, 1) if config == story.told[position]), default=None
        )
        assert revision.rollback_of == newest
    assert not any(revision.gap_before for revision in revisions)


@pytest.mark.parametrize("seed", range(10))
def test_what_was_looked_at_may_be_forgotten(cluster: FakeCluster, seed: int) -> None:
    story = Story(cluster, seed)
    for _ in range(EDITS):
        story.edit()
        if story.random.random() < 0.3:
            story.look("looker")
            cluster.compact()
    revisions = history.update(cluster, workload(cluster), manager="looker").revisions
    assert [config_of(revision) for revision in revisions] == story.told
    assert not any(revision.gap_before for revision in revisions)
