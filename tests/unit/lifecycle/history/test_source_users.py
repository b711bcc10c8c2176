"""Which workloads use an object."""

from __future__ import annotations

from kubectl_kagent.lifecycle.history.source_users import Key, SourceUsers
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MODEL_CONFIG

ONE: Key = (AGENT, "default", "one")
TWO: Key = (AGENT, "default", "two")
MODEL: Key = (MODEL_CONFIG, "default", "gpt")
PROMPTS: Key = (CONFIG_MAP, "default", "prompts")


def test_each_source_knows_its_users() -> None:
    users = SourceUsers()
    users.note(ONE, {MODEL, PROMPTS})
    users.note(TWO, [MODEL])
    assert (users.of(MODEL), users.of(PROMPTS)) == ({ONE, TWO}, {ONE})
    assert users.of((MODEL_CONFIG, "elsewhere", "gpt")) == set()


def test_the_newest_sources_of_a_workload_count() -> None:
    users = SourceUsers()
    users.note(ONE, {MODEL})
    users.note(TWO, {MODEL})
    users.note(ONE, {PROMPTS})
    assert (users.of(MODEL), users.of(PROMPTS)) == ({TWO}, {ONE})


def test_nothing_is_left_of_those_that_are_gone() -> None:
    users = SourceUsers()
    users.note(ONE, {MODEL, PROMPTS})
    users.note(TWO, {MODEL})
    for workload in (ONE, TWO, ONE):
        users.note(workload, ())
    assert users == SourceUsers()
