"""Recording: every config once and in order, whoever made it and whoever else records."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kubectl_kagent.errors import KagentError, NotFound, OtherServerError, Unreachable
from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.recording import ChangeCause
from kubectl_kagent.lifecycle.history.revisions import History
from kubectl_kagent.lifecycle.history.snapshots import Gone
from kubectl_kagent.model.resources import (
    AGENT,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MCP_SERVER,
    MODEL_CONFIG,
    NAMESPACE,
    REMOTE_MCP_SERVER,
)
from kubectl_kagent.model.revision import LABEL_HASH, LAST_SEEN, Revision
from kubectl_kagent.model.snapshot import digest
from kubectl_kagent.model.workload import REVISION_HISTORY_LIMIT
from tests.fake.cluster import FakeCluster
from tests.objects import (
    agent,
    byo,
    config_map,
    lines,
    mcp_server,
    model_config,
    reconcile,
    run_pods,
    workload,
)
from tests.unit.lifecycle.history.test_recorder import Watcher


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the agent ``clock`` and its ModelConfig."""
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(AGENT, agent())
    return cluster


def look(cluster: FakeCluster, name: str = "clock", **how: Any) -> History:
    return history.update(cluster, workload(cluster, name), manager="looker", **how)


def prompt(cluster: FakeCluster, text: str, **how: Any) -> None:
    cluster.clock.sleep(1)
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": text}}}, **how)


def scale(cluster: FakeCluster, count: int) -> None:
    cluster.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": count}}}})


def model(cluster: FakeCluster, name: str) -> None:
    cluster.clock.sleep(1)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": name}})


def prompts(past: History) -> list[str]:
    return [revision.spec["declarative"]["systemMessage"] for revision in past.revisions]


def models(past: History) -> list[str]:
    return [source_content(revision)["spec"]["model"] for revision in past.revisions]


def source_content(revision: Revision, position: int = 0) -> dict[str, Any]:
    content = revision.sources[position].content
    assert content is not None
    return dict(content)


def numbers(past: History) -> list[int]:
    return [revision.number for revision in past.revisions]


def recorded(cluster: FakeCluster) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.read_all(CONTROLLER_REVISION)]


# What becomes a revision


def test_the_first_look_starts_history(clock: FakeCluster) -> None:
    past = look(clock)
    (first,) = past.revisions
    assert past.live == first
    assert lines(past) == ()
    assert (first.number, first.name, first.recorded_by) == (1, "agent-clock-r1", "looker")
    assert first.spec == agent()["spec"]
    assert models(past) == ["small"]
    assert (first.rollback_of, first.gap_before) == (None, False)
    (stored,) = clock.read_all(CONTROLLER_REVISION)
    assert stored["metadata"]["ownerReferences"][0]["uid"] == workload(clock).uid
    assert stored["metadata"]["labels"]["kubectl-kagent/hash"] == first.hash


def test_the_first_look_finds_what_etcd_still_remembers(clock: FakeCluster) -> None:
    prompt(clock, "one")
    model(clock, "large")
    past = look(clock)
    assert prompts(past) == ["Tell the time.", "one", "one"]
    assert models(past) == ["small", "small", "large"]


def test_a_second_look_changes_nothing(clock: FakeCluster) -> None:
    first = look(clock)
    clock.requests.clear()
    assert look(clock) == first
    assert clock.writes == []


def test_every_edit_between_two_looks_is_recorded_once_and_in_order(clock: FakeCluster) -> None:
    look(clock)
    for turn in range(7):
        prompt(clock, f"prompt {turn}", manager=f"editor-{turn}")
    past = look(clock)
    assert prompts(past) == ["Tell the time.", *(f"prompt {turn}" for turn in range(7))]
    assert numbers(past) == list(range(1, 9))
    assert [revision.changed_by for revision in past.revisions[1:]] == [f"editor-{n}" for n in range(7)]
    times = [revision.changed_at for revision in past.revisions]
    assert times == sorted(set(times))
    assert past.live == past.revisions[-1]
    assert look(clock).revisions == past.revisions


def test_edits_within_one_second_keep_their_order_and_their_authors(clock: FakeCluster) -> None:
    look(clock)
    for text, author in (("one", "zoe"), ("two", "adam"), ("three", "zoe")):
        patch = {"spec": {"declarative": {"systemMessage": text}}}
        clock.edit(AGENT, "clock", patch, manager=author)
    past = look(clock)
    assert prompts(past)[1:] == ["one", "two", "three"]
    assert [revision.changed_by for revision in past.revisions[1:]] == ["zoe", "adam", "zoe"]


def test_edits_of_the_agent_and_its_sources_are_one_history(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    model(clock, "large")
    prompt(clock, "two")
    model(clock, "larger")
    past = look(clock)
    assert prompts(past) == ["Tell the time.", "one", "one", "two", "two"]
    assert models(past) == ["small", "small", "large", "large", "larger"]


def test_an_edit_of_a_model_config_is_a_change_of_every_agent_that_uses_it(clock: FakeCluster) -> None:
    clock.add(AGENT, agent("second"))
    clock.add(MODEL_CONFIG, model_config("other"))
    clock.add(AGENT, agent("third", modelConfig="other"))
    for name in ("clock", "second", "third"):
        look(clock, name)
    model(clock, "large")
    assert [numbers(look(clock, name)) for name in ("clock", "second", "third")] == [[1, 2], [1, 2], [1]]


def test_only_the_keys_in_use_of_a_config_map_count(cluster: FakeCluster) -> None:
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    cluster.add(CONFIG_MAP, config_map("prompts", used="a", spare="x"))
    cluster.add(AGENT, agent(systemMessageFrom=source, modelConfig=""))
    look(cluster)
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"spare": "y"}})
    assert numbers(look(cluster)) == [1]
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": "b"}})
    past = look(cluster)
    assert [source_content(revision)["data"] for revision in past.revisions] == [{"used": "a"}, {"used": "b"}]


def test_neither_scaling_nor_status_nor_notes_are_changes(clock: FakeCluster) -> None:
    look(clock)
    for turn in range(5):
        scale(clock, turn)
        clock.set_status(AGENT, "clock", {"observedGeneration": turn})
        clock.set_status(MODEL_CONFIG, "gpt", {"conditions": [{"type": "Accepted", "status": str(turn)}]})
        clock.edit(AGENT, "clock", {"metadata": {"annotations": {"note": str(turn)}}})
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": None}}})
    assert numbers(look(clock)) == [1]


def test_a_rotated_secret_is_a_change_without_its_value(clock: FakeCluster) -> None:
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    clock.compact()
    look(clock)
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    past = look(clock)
    assert [source_content(revision)["secret"] for revision in past.revisions] == [
        digest("aaaa"),
        digest("bbbb"),
    ]


def test_a_secret_that_is_read_for_the_first_time_is_no_change(clock: FakeCluster) -> None:
    """kagent makes the agent's Deployment, and notes what it read a moment later. A rotation is one."""
    prompt(clock, "one")
    for hash_ in ("aaaa", "bbbb", "aaaa"):
        clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": hash_})
    found = look(clock).revisions
    secrets = [source_content(revision)["secret"] for revision in found]
    assert secrets == [digest(hash_) for hash_ in ("aaaa", "aaaa", "bbbb", "aaaa")]
    assert [revision.spec["declarative"]["systemMessage"] for revision in found[:2]] == [
        "Tell the time.",
        "one",
    ]


def test_a_secret_that_was_read_before_and_is_not_there_meanwhile_is_two_changes(clock: FakeCluster) -> None:
    clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    look(clock)
    for hash_ in ("", "bbbb"):
        clock.set_status(MODEL_CONFIG, "gpt", {"secretHash": hash_})
    assert [source_content(revision).get("secret") for revision in look(clock).revisions[-2:]] == [
        None,
        digest("bbbb"),
    ]


def test_a_return_to_an_earlier_config_is_a_new_revision_marked_so(clock: FakeCluster) -> None:
    look(clock)
    for text in ("bad", "Tell the time.", "bad", "Tell the time."):
        prompt(clock, text)
    past = look(clock)
    assert [revision.rollback_of for revision in past.revisions] == [None, None, 1, 2, 3]
    assert past.revisions[0].hash == past.revisions[2].hash == past.revisions[4].hash


@pytest.mark.parametrize("looks_between", [True, False])
def test_there_and_back_in_a_config_map_is_two_changes(cluster: FakeCluster, *, looks_between: bool) -> None:
    """A ConfigMap counts no generations, so only its versions tell that it was elsewhere meanwhile."""
    cluster.add(CONFIG_MAP, config_map("prompts", used="a"))
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    cluster.add(AGENT, agent(systemMessageFrom=source, modelConfig=""))
    look(cluster)
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": "b"}})
    if looks_between:
        look(cluster)
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": "a"}})
    past = look(cluster)
    assert [source_content(revision)["data"]["used"] for revision in past.revisions] == ["a", "b", "a"]
    assert past.revisions[-1].rollback_of == 1


def test_there_and_back_in_a_model_config_is_two_changes(clock: FakeCluster) -> None:
    look(clock)
    model(clock, "large")
    model(clock, "small")
    past = look(clock)
    assert models(past) == ["small", "large", "small"]
    assert past.revisions[-1].rollback_of == 1


def test_a_source_that_is_deleted_and_comes_back(clock: FakeCluster) -> None:
    look(clock)
    clock.remove(MODEL_CONFIG, "gpt")
    without = look(clock)
    assert without.revisions[-1].sources[0].content is None
    assert numbers(without) == [1, 2]
    clock.add(MODEL_CONFIG, model_config())
    back = look(clock)
    assert numbers(back) == [1, 2, 3]
    assert back.revisions[-1].rollback_of == 1
    assert look(clock).revisions == back.revisions


def test_a_source_that_is_not_there_yet_is_none(cluster: FakeCluster) -> None:
    cluster.add(AGENT, agent(modelConfig="later"))
    assert look(cluster).revisions[0].sources[0].content is None
    cluster.add(MODEL_CONFIG, model_config("later"))
    assert numbers(look(cluster)) == [1, 2]


def test_a_byo_agent_and_an_mcp_server_have_history_too(cluster: FakeCluster) -> None:
    cluster.add(AGENT, byo(replicas=1))
    look(cluster, "own")
    cluster.edit(AGENT, "own", {"spec": {"byo": {"deployment": {"replicas": 4}}}})
    cluster.edit(AGENT, "own", {"spec": {"byo": {"deployment": {"image": "registry.example/own:2"}}}})
    past = look(cluster, "own")
    assert [r.spec["byo"]["deployment"]["image"][-1] for r in past.revisions] == ["1", "2"]

    cluster.add(MCP_SERVER, mcp_server())
    server = workload(cluster, "datetime", MCP_SERVER)
    history.update(cluster, server, manager="looker")
    cluster.edit(MCP_SERVER, "datetime", {"spec": {"deployment": {"image": "registry.example/datetime:2"}}})
    found = history.update(cluster, server, manager="looker")
    assert [revision.name for revision in found.revisions] == [
        "mcpserver-datetime-r1",
        "mcpserver-datetime-r2",
    ]


def test_a_new_agent_of_an_old_name_starts_over(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    look(clock)
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent(systemMessage="new"))
    past = look(clock)
    assert numbers(past) == [1]
    assert prompts(past) == ["new"]


def test_an_agent_that_is_gone_is_not_found(clock: FakeCluster) -> None:
    before = workload(clock)
    clock.remove(AGENT, "clock")
    with pytest.raises(NotFound, match=r'agents\.kagent\.dev "clock" not found in namespace "default"'):
        history.update(clock, before, manager="looker")


def test_unknown_fields_of_the_spec_are_kept(clock: FakeCluster) -> None:
    clock.edit(AGENT, "clock", {"spec": {"future": {"deep": [1, {"x": 1.5}]}}})
    assert look(clock).revisions[-1].spec["future"] == {"deep": [1, {"x": 1.5}]}


# ChangeCause, and how far back


@pytest.mark.parametrize(("after", "causes"), [(1, ["", "why", ""]), (2, ["", "", "why"])])
def test_the_cause_goes_to_the_revision_of_its_write_only(
    clock: FakeCluster, after: int, causes: list[str]
) -> None:
    look(clock)
    versions = {}
    for number in (1, 2):
        prompt(clock, str(number))
        versions[number] = int(clock.read(AGENT, "clock")["metadata"]["resourceVersion"])
        clock.set_status(AGENT, "clock", {"observedGeneration": number})
    past = look(clock, cause=ChangeCause("why", versions[after]))
    assert [revision.change_cause for revision in past.revisions] == causes


def test_a_config_that_is_recorded_already_gets_no_cause_and_nor_does_the_next(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    version = int(clock.read(AGENT, "clock")["metadata"]["resourceVersion"])
    look(clock)
    prompt(clock, "two")
    past = look(clock, cause=ChangeCause("why", version))
    assert [revision.change_cause for revision in past.revisions] == ["", "", ""]


def note(cluster: FakeCluster, cause: str | None) -> None:
    metadata = {"annotations": {"kubernetes.io/change-cause": cause}}
    cluster.edit(AGENT, "clock", {"metadata": metadata}, manager="kubectl-annotate")


def causes(cluster: FakeCluster) -> list[str]:
    return [revision.change_cause for revision in look(cluster).revisions]


@pytest.mark.parametrize("seen", ["never", "after the change", "always"])
def test_a_cause_that_people_write_is_of_the_change_before_it(clock: FakeCluster, seen: str) -> None:
    look(clock)
    for number, cause in enumerate(("new prompt for team b", None, "and another")):
        clock.clock.sleep(600)
        prompt(clock, str(number))
        if seen != "never":
            look(clock)
        clock.clock.sleep(60)
        if cause:
            note(clock, cause)
        if seen == "always":
            look(clock)
    assert causes(clock) == ["", "new prompt for team b", "", "and another"]
    note(clock, "better words")
    assert causes(clock) == ["", "new prompt for team b", "", "better words"]
    writes = len(clock.writes)
    assert causes(clock)[-1] == "better words"
    assert len(clock.writes) == writes


@pytest.mark.parametrize("seen", [False, True])
def test_a_cause_that_was_written_just_before_a_change_is_of_both(clock: FakeCluster, *, seen: bool) -> None:
    """It is of the one in force, as kubectl's are; who writes it first means the next one."""
    look(clock)
    clock.clock.sleep(600)
    note(clock, "just before")
    if seen:
        look(clock)
    clock.clock.sleep(20)
    prompt(clock, "one")
    look(clock)
    clock.clock.sleep(600)
    prompt(clock, "two")
    assert causes(clock) == ["just before", "just before", ""]


def test_a_cause_that_came_with_the_change(clock: FakeCluster) -> None:
    """Later changes of the same file have it too, and say nothing new by that."""
    look(clock)
    for number in ("one", "two"):
        clock.clock.sleep(600)
        spec = {"declarative": {"systemMessage": number}}
        metadata = {"annotations": {"kubernetes.io/change-cause": "together"}}
        clock.edit(AGENT, "clock", {"spec": spec, "metadata": metadata}, manager="kubectl-apply")
    assert causes(clock) == ["", "together", ""]


def test_who_may_not_patch_still_records_what_came_after_a_cause(clock: FakeCluster) -> None:
    look(clock)
    clock.clock.sleep(60)
    note(clock, "why")
    clock.clock.sleep(600)
    prompt(clock, "one")
    clock.deny("patch", CONTROLLER_REVISION)
    assert causes(clock) == ["", ""]


def test_a_cause_is_not_taken_for_a_later_one_s_when_its_revision_is_gone(clock: FakeCluster) -> None:
    note(clock, "first")
    clock.edit(AGENT, "clock", {"metadata": {"annotations": {REVISION_HISTORY_LIMIT: "2"}}})
    for number in range(4):
        look(clock)
        clock.clock.sleep(600)
        prompt(clock, str(number))
    assert causes(clock) == ["", ""]


def test_a_cause_that_is_taken_away_may_come_again(clock: FakeCluster) -> None:
    note(clock, "why")
    look(clock)
    note(clock, None)
    look(clock)
    clock.clock.sleep(60)
    prompt(clock, "one")
    note(clock, "why")
    assert causes(clock) == ["why", "why"]


def test_a_look_at_the_past_puts_no_older_cause_back(clock: FakeCluster) -> None:
    """As of a recorder that is behind another one, or a verb."""
    look(clock)
    note(clock, "old")
    version = int(clock.read(AGENT, "clock")["metadata"]["resourceVersion"])
    note(clock, "new")
    assert causes(clock) == ["new"]
    assert look(clock, at=version).revisions[-1].change_cause == "new"
    assert causes(clock) == ["new"]


def test_a_cause_that_was_seen_first_and_is_noted_last_gives_way(clock: FakeCluster) -> None:
    look(clock)
    note(clock, "old")

    def another() -> None:
        note(clock, "new")
        look(clock)

    clock.before("patch", CONTROLLER_REVISION, another)
    assert causes(clock) == ["new"]


def test_a_cause_that_two_find_for_the_revision_before_is_noted_once(clock: FakeCluster) -> None:
    look(clock)
    clock.clock.sleep(60)
    note(clock, "why")
    clock.clock.sleep(600)
    prompt(clock, "one")
    clock.before("patch", CONTROLLER_REVISION, lambda: look(clock))
    assert causes(clock) == ["why", ""]


def test_a_cause_is_kept_masked_and_short(clock: FakeCluster) -> None:
    """Whoever may view the namespace may read revisions, and a revision has to fit an object."""
    note(clock, "deploy --password hunter2hunter2 " + "x" * 2000)
    kept = "deploy --password [masked] "
    assert causes(clock) == [kept + "x" * (1024 - len(kept)) + "..."]


def test_an_undo_says_itself_what_it_was_for(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    note(clock, "people's")
    look(clock)
    clock.clock.sleep(60)
    prompt(clock, "two")
    version = int(clock.read(AGENT, "clock")["metadata"]["resourceVersion"])
    past = look(clock, cause=ChangeCause("ours", version))
    assert [revision.change_cause for revision in past.revisions] == ["", "people's", "ours"]


def test_a_look_since_a_version_goes_no_further_back(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    seen = int(clock.read(AGENT, "clock")["metadata"]["resourceVersion"])
    prompt(clock, "two")
    assert prompts(look(clock, since=seen)) == ["Tell the time.", "two"]


# What is forgotten


def test_what_etcd_forgot_between_two_looks_is_a_gap(clock: FakeCluster) -> None:
    look(clock)
    for text in ("one", "two", "three"):
        prompt(clock, text)
    clock.compact()
    prompt(clock, "four")
    past = look(clock)
    assert prompts(past) == ["Tell the time.", "three", "four"]
    assert [revision.gap_before for revision in past.revisions] == [False, True, False]


def test_a_single_edit_is_no_gap_although_etcd_forgot_the_moment_before(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    clock.compact()
    past = look(clock)
    assert [revision.gap_before for revision in past.revisions] == [False, False]


def test_edits_of_a_source_that_etcd_forgot_are_a_gap_too(clock: FakeCluster) -> None:
    look(clock)
    model(clock, "large")
    model(clock, "larger")
    clock.compact()
    past = look(clock)
    assert models(past) == ["small", "larger"]
    assert [revision.gap_before for revision in past.revisions] == [False, True]


def test_what_was_looked_at_is_no_gap_when_etcd_forgets_it(clock: FakeCluster) -> None:
    """An autoscaler's writes, and another image of a tool server, make no revision of the agent."""
    clock.add(MCP_SERVER, mcp_server())
    tool = {"type": "McpServer", "mcpServer": {"kind": "MCPServer", "name": "datetime"}}
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": [tool]}}})
    assert numbers(look(clock)) == [1, 2]
    for count in (2, 3, 4):
        scale(clock, count)
        clock.edit(MCP_SERVER, "datetime", {"spec": {"deployment": {"image": f"registry.example/{count}"}}})
        assert numbers(look(clock)) == [1, 2]
    clock.compact()
    prompt(clock, "one")
    assert [revision.gap_before for revision in look(clock).revisions] == [False, False, False]


def test_what_nobody_looked_at_stays_a_gap_until_the_next_revision(clock: FakeCluster) -> None:
    look(clock)
    for count in (2, 3, 4):
        scale(clock, count)
    clock.compact()
    assert numbers(look(clock)) == [1]
    prompt(clock, "one")
    assert [revision.gap_before for revision in look(clock).revisions] == [False, True]


def test_what_makes_no_revision_is_gone_through_once(clock: FakeCluster) -> None:
    look(clock)
    for count in (2, 3, 4, 5, 6, 7):
        scale(clock, count)
    present = ["list"] * 4  # the revisions, the agent, its ModelConfig and its Deployment
    assert asked(clock) == [*present, *["list"] * 3 * 6, "patch"]
    assert asked(clock) == present

    agent_now, model_now = clock.read(AGENT, "clock")["metadata"], clock.read(MODEL_CONFIG, "gpt")["metadata"]
    seen = [int(agent_now["resourceVersion"]), 7, [[model_now["uid"], 1]]]
    live = look(clock).live
    assert live is not None
    assert (live.generation, json.loads(live.annotations[LAST_SEEN])) == (1, seen)


def test_who_may_not_note_how_far_was_looked_is_told_nothing(clock: FakeCluster) -> None:
    look(clock)
    scale(clock, 2)
    clock.deny("patch", CONTROLLER_REVISION)
    past = look(clock)
    assert (numbers(past), past.notes, past.refused) == ([1], (), None)


def asked(cluster: FakeCluster) -> list[str]:
    """The verbs of one look's requests."""
    cluster.requests.clear()
    look(cluster)
    return [request.verb for request in cluster.requests]


def test_who_has_looked_less_far_and_writes_last_leaves_it_too(clock: FakeCluster) -> None:
    look(clock)
    scale(clock, 2)

    def rival() -> None:
        for count in (3, 4, 5):
            scale(clock, count)
        history.update(clock, workload(clock), manager="rival")

    clock.before("patch", CONTROLLER_REVISION, rival)
    look(clock)
    clock.compact()
    prompt(clock, "one")
    assert [revision.gap_before for revision in look(clock).revisions] == [False, False]


def test_the_note_goes_to_no_namesake_s_revision(clock: FakeCluster) -> None:
    look(clock)
    scale(clock, 2)

    def replaced() -> None:
        clock.remove(AGENT, "clock")
        for item in clock.read_all(CONTROLLER_REVISION):
            clock.remove(CONTROLLER_REVISION, item["metadata"]["name"])
        clock.add(AGENT, agent(systemMessage="another"))
        history.update(clock, workload(clock), manager="rival")

    clock.before("patch", CONTROLLER_REVISION, replaced)
    with pytest.raises(Gone, match="has been deleted and created again"):
        look(clock)
    (stored,) = clock.read_all(CONTROLLER_REVISION)
    assert LAST_SEEN not in stored["metadata"]["annotations"]


@pytest.mark.parametrize(
    "refusal",
    [
        OtherServerError("Invalid", "the policy of this namespace denied the request"),
        OtherServerError("", "etcdserver: mvcc: database space exceeded"),
        Unreachable("the server did not answer in time"),
    ],
)
def test_what_is_recorded_is_not_said_to_be_unrecorded_for_want_of_the_note(
    clock: FakeCluster, refusal: KagentError
) -> None:
    look(clock)
    scale(clock, 2)

    def refuse() -> None:
        raise refusal

    clock.before("patch", CONTROLLER_REVISION, refuse)
    assert [note.line for note in look(clock).notes] == []


def test_a_look_at_a_moment_ago_finds_what_others_recorded_of_a_selected_source(cluster: FakeCluster) -> None:
    """Who may not read the labels of its namespace, and looks at what was before the note, as a recorder."""
    rule = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
    cluster.add(NAMESPACE, {"metadata": {"name": "default", "labels": {"team": "a"}}})
    spec = {"url": "http://a", "allowedNamespaces": rule}
    server = {"metadata": {"name": "billing", "namespace": "team-b"}, "spec": spec}
    cluster.add(REMOTE_MCP_SERVER, server)
    named = {"kind": "RemoteMCPServer", "name": "billing", "namespace": "team-b"}
    cluster.add(AGENT, agent(modelConfig="", tools=[{"type": "McpServer", "mcpServer": named}]))
    look(cluster)
    before = int(cluster.list_objects(AGENT, "default")["metadata"]["resourceVersion"])
    cluster.remove(REMOTE_MCP_SERVER, "billing", namespace="team-b")
    cluster.add(REMOTE_MCP_SERVER, server)
    look(cluster)
    cluster.deny("get", NAMESPACE)
    assert len(look(cluster, at=before).revisions) == 1


def test_a_shared_config_map_s_unused_keys(cluster: FakeCluster) -> None:
    """How many writes one write of a key that nobody uses makes."""
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    cluster.add(CONFIG_MAP, config_map("prompts", used="a", spare="x"))
    for number in range(20):
        cluster.add(AGENT, agent(f"a{number}", systemMessageFrom=source, modelConfig=""))
    watcher = Watcher(cluster)
    watcher.turn()
    cluster.requests.clear()
    for turn in range(5):
        cluster.edit(CONFIG_MAP, "prompts", {"data": {"spare": str(turn)}})
        watcher.turn()
    assert len(cluster.writes) == 0


def test_before_the_first_look_there_is_no_gap_to_speak_of(clock: FakeCluster) -> None:
    prompt(clock, "one")
    prompt(clock, "two")
    clock.compact()
    past = look(clock)
    assert prompts(past) == ["two"]
    assert past.revisions[0].gap_before is False


# Others at the same time


def claim(cluster: FakeCluster, manager: str = "rival") -> Callable[[], object]:
    return lambda: history.update(cluster, workload(cluster), manager=manager)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_two_who_record_at_once_come_to_the_same_list(clock: FakeCluster, nth: int) -> None:
    look(clock)
    for text in ("one", "two", "three"):
        prompt(clock, text)
    clock.before("create", CONTROLLER_REVISION, claim(clock), nth=nth)
    past = look(clock)
    assert prompts(past) == ["Tell the time.", "one", "two", "three"]
    assert numbers(past) == [1, 2, 3, 4]
    assert recorded(clock) == [f"agent-clock-r{number}" for number in (1, 2, 3, 4)]
    by = [revision.recorded_by for revision in past.revisions[1:]]
    assert by == ["looker"] * (nth - 1) + ["rival"] * (4 - nth)
    assert past.live == past.revisions[-1]


def test_the_first_revision_can_be_raced_for_as_well(clock: FakeCluster) -> None:
    clock.before("create", CONTROLLER_REVISION, claim(clock))
    past = look(clock)
    assert [(revision.number, revision.recorded_by) for revision in past.revisions] == [(1, "rival")]


def test_an_edit_while_we_record_waits_for_the_next_look(clock: FakeCluster) -> None:
    clock.before("create", CONTROLLER_REVISION, lambda: prompt(clock, "meanwhile"))
    past = look(clock)
    assert prompts(past) == ["Tell the time."]
    assert past.live == past.revisions[0]
    assert prompts(look(clock)) == ["Tell the time.", "meanwhile"]


def test_an_edit_between_the_lists_of_one_look_is_not_half_seen(clock: FakeCluster) -> None:
    """All of a moment is read at one version: the model of then, not of now."""
    clock.before("list", MODEL_CONFIG, lambda: model(clock, "large"))
    assert models(look(clock)) == ["small"]
    assert models(look(clock)) == ["small", "large"]


def test_three_rivals_each_step_of_the_way_leave_no_hole(clock: FakeCluster) -> None:
    look(clock)
    for turn in range(6):
        prompt(clock, f"prompt {turn}")
    for nth in (1, 2, 3):
        clock.before("create", CONTROLLER_REVISION, claim(clock, f"rival-{nth}"), nth=nth)
    past = look(clock)
    assert numbers(past) == list(range(1, 8))
    assert prompts(past)[1:] == [f"prompt {turn}" for turn in range(6)]


def test_a_leftover_of_a_deleted_agent_of_that_name_is_cleared_away(clock: FakeCluster) -> None:
    look(clock)
    old = clock.read_all(CONTROLLER_REVISION)[0]["metadata"]["uid"]
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent())
    past = look(clock)
    (stored,) = clock.read_all(CONTROLLER_REVISION)
    assert stored["metadata"]["uid"] != old
    assert stored["metadata"]["ownerReferences"][0]["uid"] == past.now.workload.uid


def test_a_leftover_that_may_not_be_deleted_is_said(clock: FakeCluster) -> None:
    look(clock)
    clock.remove(AGENT, "clock")
    clock.add(AGENT, agent())
    clock.deny("delete", CONTROLLER_REVISION)
    past = look(clock)
    assert (past.live, past.revisions) == (None, ())
    assert 'cannot delete resource "controllerrevisions"' in lines(past)[0]


# What can't be stored is said


def test_without_permission_to_create_history_is_shown_and_not_stored(clock: FakeCluster) -> None:
    clock.deny("create", CONTROLLER_REVISION)
    past = look(clock)
    assert (past.live, past.revisions) == (None, ())
    assert past.now.workload.prompt == "Tell the time."
    assert lines(past) == (
        'the live config is not recorded: controllerrevisions.apps is forbidden: User "tester" cannot '
        'create resource "controllerrevisions" in API group "apps" in the namespace "default"; '
        "ClusterRole kagent-operate allows it, by a RoleBinding in namespace default "
        "(https://github.com/kubectl-kagent/kubectl-kagent/blob/main/docs/permissions.md)",
    )
    assert recorded(clock) == []


def test_without_permission_to_patch_what_is_known_later_is_not_noted(clock: FakeCluster) -> None:
    """A reader sees all of history although it can't put the config hash on the live revision."""
    look(clock)
    reconcile(clock, config_hash="11")
    clock.deny("patch", CONTROLLER_REVISION)
    past = look(clock)
    assert past.live is not None
    assert past.live.number == 1
    assert past.live.config_hash == ""


def test_a_live_revision_that_a_rival_prunes_meanwhile_is_no_error(clock: FakeCluster) -> None:
    look(clock)
    reconcile(clock, config_hash="11")
    clock.before("patch", CONTROLLER_REVISION, lambda: clock.remove(CONTROLLER_REVISION, "agent-clock-r1"))
    past = look(clock)
    assert numbers(past) == [1]


def test_no_record_stores_nothing_and_says_so(clock: FakeCluster) -> None:
    past = look(clock, record=False)
    assert lines(past) == ("the live config is not recorded: --no-record",)
    assert (past.live, past.revisions) == (None, ())
    assert clock.writes == []
    look(clock)
    clock.requests.clear()
    again = look(clock, record=False)
    assert (again.live, again.notes) == (again.revisions[0], ())
    assert clock.writes == []


def test_what_does_not_fit_an_object_is_said_and_holds_up_nothing(clock: FakeCluster) -> None:
    clock.add(CONFIG_MAP, config_map("prompts", long="x" * 900_000))
    look(clock)
    template = {"dataSources": [{"kind": "ConfigMap", "name": "prompts"}]}
    huge = {"promptTemplate": template, "systemMessage": "y" * 900_000}
    clock.edit(AGENT, "clock", {"spec": {"declarative": huge}})
    past = look(clock)
    assert past.live is None
    assert numbers(past) == [1]
    assert lines(past) == ("the live config is not recorded: etcdserver: request is too large",)
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"promptTemplate": None, "systemMessage": "short"}}})
    after = look(clock)
    assert prompts(after) == ["Tell the time.", "short"]
    assert after.live == after.revisions[-1]
    assert after.revisions[-1].gap_before is True


# The newest are kept


def limit(cluster: FakeCluster, count: str) -> None:
    annotations = {"kubectl-kagent/revision-history-limit": count}
    cluster.edit(AGENT, "clock", {"metadata": {"annotations": annotations}})


def test_twenty_revisions_are_kept_and_numbers_go_on(clock: FakeCluster) -> None:
    look(clock)
    for turn in range(25):
        prompt(clock, str(turn))
    past = look(clock)
    assert numbers(past) == list(range(7, 27))
    assert len(recorded(clock)) == 20
    prompt(clock, "next")
    assert numbers(look(clock)) == list(range(8, 28))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("3", [3, 4, 5]),
        ("1", [5]),
        ("0", [5]),
        ("-1", [1, 2, 3, 4, 5]),
        ("many", [1, 2, 3, 4, 5]),
        ("²", [1, 2, 3, 4, 5]),
        ("9" * 5000, [1, 2, 3, 4, 5]),
        ("2147483647", [1, 2, 3, 4, 5]),
    ],
)
def test_the_limit_is_an_annotation_of_the_workload(clock: FakeCluster, text: str, kept: list[int]) -> None:
    limit(clock, text)
    for turn in range(4):
        prompt(clock, str(turn))
    assert numbers(look(clock)) == kept


def test_the_newest_revision_that_was_ready_is_never_pruned(clock: FakeCluster) -> None:
    limit(clock, "2")
    look(clock)
    reconcile(clock, config_hash="11")
    look(clock)
    for turn in range(4):
        prompt(clock, str(turn))
        past = look(clock)
    assert numbers(past) == [1, 4, 5]
    reconcile(clock, config_hash="15")
    assert numbers(look(clock)) == [4, 5]


def test_what_may_not_be_deleted_is_kept_and_said(clock: FakeCluster) -> None:
    limit(clock, "1")
    look(clock)
    prompt(clock, "one")
    clock.deny("delete", CONTROLLER_REVISION)
    past = look(clock)
    assert numbers(past) == [1, 2]
    assert lines(past)[0].startswith("revisions past the newest 1 are kept: controllerrevisions.apps ")


def test_two_who_prune_at_once_do_no_harm(clock: FakeCluster) -> None:
    limit(clock, "1")
    look(clock)
    prompt(clock, "one")
    clock.before("delete", CONTROLLER_REVISION, lambda: clock.remove(CONTROLLER_REVISION, "agent-clock-r1"))
    assert numbers(look(clock)) == [2]


# What shows only once it is rendered


def test_hash_image_and_readiness_are_noted_once_seen(clock: FakeCluster) -> None:
    past = look(clock)
    assert past.live is not None
    assert (past.live.config_hash, past.live.ready_at) == ("", "")
    reconcile(clock, config_hash="11", image="app:1", ready=False)
    past = look(clock)
    assert past.live is not None
    assert (past.live.config_hash, past.live.image, past.live.ready_at) == ("11", "app:1", "")
    reconcile(clock, config_hash="11", image="app:1", ready=True)
    past = look(clock)
    assert past.live is not None
    assert past.live.ready_at != ""
    first_ready = past.live.ready_at
    clock.clock.sleep(60)
    assert look(clock).revisions[-1].ready_at == first_ready


def test_a_config_that_is_gone_keeps_the_hash_it_ran_under(clock: FakeCluster) -> None:
    """Seen only in the past: its last moment has the Deployment that it was rendered to."""
    look(clock)
    prompt(clock, "one")
    reconcile(clock, config_hash="12")
    prompt(clock, "two")
    reconcile(clock, config_hash="13")
    past = look(clock)
    assert [revision.config_hash for revision in past.revisions[1:]] == ["12", "13"]


def test_an_edit_that_the_controller_has_not_seen_has_no_hash_yet(clock: FakeCluster) -> None:
    look(clock)
    reconcile(clock, config_hash="11")
    look(clock)
    prompt(clock, "one")
    past = look(clock)
    assert [revision.config_hash for revision in past.revisions] == ["11", ""]


def test_a_source_only_change_waits_until_the_hash_moves(clock: FakeCluster) -> None:
    """The agent's status says nothing about its sources; for a while the old hash proves nothing."""
    look(clock)
    reconcile(clock, config_hash="11")
    look(clock)
    clock.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}})
    assert [revision.config_hash for revision in look(clock).revisions] == ["11", ""]
    reconcile(clock, config_hash="12")
    assert [revision.config_hash for revision in look(clock).revisions] == ["11", "12"]


def noted(cluster: FakeCluster) -> None:
    """kagent has seen the ModelConfig as it is."""
    generation = cluster.read(MODEL_CONFIG, "gpt")["metadata"]["generation"]
    cluster.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": generation})


def test_a_source_only_change_that_moves_no_hash_is_believed_when_kagent_had_time_for_it(
    clock: FakeCluster,
) -> None:
    look(clock)
    reconcile(clock, config_hash="11")
    look(clock)
    model(clock, "large")
    clock.clock.sleep(3600)
    noted(clock)
    assert [revision.config_hash for revision in look(clock).revisions] == ["11", ""]
    clock.clock.sleep(10)
    assert [revision.config_hash for revision in look(clock).revisions] == ["11", "11"]


def test_a_config_that_never_ran_gets_neither_hash_nor_readiness_while_the_controller_is_away(
    clock: FakeCluster,
) -> None:
    """The Deployment goes on with the config before, and is ready all the time."""
    look(clock)
    reconcile(clock, config_hash="11")
    noted(clock)
    look(clock)
    model(clock, "never-ran")
    for _ in range(5):
        clock.clock.sleep(3600)
        run_pods(clock, existing=1, ready=1)
        newest = look(clock).revisions[-1]
        assert (newest.number, newest.config_hash, newest.ready_at) == (2, "", "")
    clock.compact()
    assert look(clock).revisions[-1].config_hash == ""
    noted(clock)
    reconcile(clock, config_hash="12", ready=False)
    assert (look(clock).revisions[-1].config_hash, look(clock).revisions[-1].ready_at) == ("12", "")


def test_nor_does_one_that_is_recorded_only_now(clock: FakeCluster) -> None:
    """Nothing is known from before: the Deployment is still older than its source."""
    reconcile(clock, config_hash="11")
    model(clock, "never-ran")
    clock.clock.sleep(3600)
    clock.compact(clock.read(MODEL_CONFIG, "gpt")["metadata"]["resourceVersion"])
    assert [revision.config_hash for revision in look(clock).revisions] == [""]


@pytest.mark.parametrize("forgotten", [False, True])
def test_one_that_ran_long_before_the_first_look_is_proven_by_its_times(
    clock: FakeCluster, *, forgotten: bool
) -> None:
    clock.clock.sleep(60)
    reconcile(clock, config_hash="11")
    clock.clock.sleep(3600)
    if forgotten:
        clock.compact()
    assert [revision.config_hash for revision in look(clock).revisions] == ["11"]


def test_a_rotated_secret_is_not_rendered_before_the_hash_moves(clock: FakeCluster) -> None:
    clock.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 1, "secretHash": "aa"})
    reconcile(clock, config_hash="11")
    look(clock)
    clock.clock.sleep(3600)
    clock.set_status(MODEL_CONFIG, "gpt", {"observedGeneration": 1, "secretHash": "bb"})
    assert [revision.config_hash for revision in look(clock).revisions][-2:] == ["11", ""]
    clock.compact()
    assert [revision.config_hash for revision in look(clock).revisions][-2:] == ["11", ""]
    reconcile(clock, config_hash="12")
    assert [revision.config_hash for revision in look(clock).revisions][-2:] == ["11", "12"]


def test_no_hash_is_noted_while_the_agent_is_not_accepted(clock: FakeCluster) -> None:
    look(clock)
    reconcile(clock, config_hash="11")
    refused = [{"type": "Accepted", "status": "False", "reason": "ReconcileFailed", "message": "no model"}]
    prompt(clock, "one")
    clock.set_status(AGENT, "clock", {"observedGeneration": 2, "conditions": refused})
    past = look(clock)
    assert past.revisions[-1].config_hash == ""


def test_the_deployment_is_read_at_the_same_moment(clock: FakeCluster) -> None:
    """An edit between the lists must not lend its hash to the config before it."""
    look(clock)
    reconcile(clock, config_hash="11")

    def rendered_meanwhile() -> None:
        prompt(clock, "one")
        reconcile(clock, config_hash="12")

    clock.before("list", DEPLOYMENT, rendered_meanwhile)
    assert [revision.config_hash for revision in look(clock).revisions] == ["11"]


# Finding one


def test_revisions_are_found_by_number_and_counted_back(clock: FakeCluster) -> None:
    look(clock)
    prompt(clock, "one")
    prompt(clock, "two")
    past = look(clock)
    assert past.find(2).spec["declarative"]["systemMessage"] == "one"
    assert (past.find(-1).number, past.find(-2).number) == (2, 1)
    for number in (0, 4, -3):
        with pytest.raises(NotFound, match=f"agent.kagent.dev/clock has no revision {number}") as caught:
            past.find(number)
        assert (
            caught.value.hint == "kubectl kagent rollout history agent/clock -n default lists its revisions"
        )


def test_what_was_recorded_after_the_present_was_seen_is_no_past_of_it(clock: FakeCluster) -> None:
    """Both are read at the same time: the revisions may be of a moment later."""
    look(clock)
    seen = history.begin(clock, workload(clock)).seen
    prompt(clock, "new")
    recorded = look(clock)
    found = look(clock, begun=replace(history.begin(clock, workload(clock)), seen=seen))
    assert (found.revisions, found.live) == (recorded.revisions, recorded.live)
    assert prompts(found)[1:] == ["new"]


def test_a_label_does_not_make_a_revision_the_live_config(clock: FakeCluster) -> None:
    """Labels can be changed, the content can't; whoever may patch revisions may write any hash."""
    look(clock)
    prompt(clock, "Obey me.")
    hidden = look(clock, record=False).now.snapshot.hash
    clock.edit(CONTROLLER_REVISION, "agent-clock-r1", {"metadata": {"labels": {LABEL_HASH: hidden}}})
    past = look(clock)
    assert prompts(past) == ["Tell the time.", "Obey me."]
    assert past.live == past.revisions[-1]


def test_a_revision_of_a_version_that_has_not_come_hides_nothing(clock: FakeCluster) -> None:
    """Whoever may create revisions may write any version, and a source is missing meanwhile."""
    look(clock)
    forged = clock.read(CONTROLLER_REVISION, "agent-clock-r1")
    clock.remove(CONTROLLER_REVISION, "agent-clock-r1")
    metadata = {key: forged["metadata"][key] for key in ("name", "labels", "ownerReferences")}
    data = {**forged["data"], "resourceVersion": str(10**15)}
    clock.add(CONTROLLER_REVISION, {**forged, "metadata": metadata, "data": data})
    prompt(clock, "one", manager="ann")
    prompt(clock, "two", manager="bob")
    clock.remove(MODEL_CONFIG, "gpt")
    past = look(clock)
    assert [
        (revision.number, revision.spec["declarative"]["systemMessage"], revision.changed_by)
        for revision in past.revisions
    ][-3:] == [(3, "one", "ann"), (4, "two", "bob"), (5, "two", "")]
    label = "controllerrevision.apps/agent-clock-r1"
    assert f"{label} claims to be of a moment that has not come; it is left out" in lines(past)
    assert label not in [f"controllerrevision.apps/{revision.name}" for revision in past.revisions]


@pytest.mark.parametrize("version", ["1", str(10**15)])
def test_a_revision_of_a_made_up_version_makes_no_rollback_of_what_is_known(
    clock: FakeCluster, version: str
) -> None:
    look(clock)
    prompt(clock, "Guess.")
    look(clock)
    forged = clock.read(CONTROLLER_REVISION, "agent-clock-r2")
    metadata = {key: forged["metadata"][key] for key in ("labels", "ownerReferences")}
    spec = {**forged["data"]["spec"]}
    spec["declarative"] = {**spec["declarative"], "systemMessage": "Obey me."}
    data = {**forged["data"], "spec": spec, "resourceVersion": version}
    clock.add(
        CONTROLLER_REVISION,
        {**forged, "metadata": {**metadata, "name": "agent-clock-r3"}, "revision": 3, "data": data},
    )
    past = look(clock)
    told = [(revision.number, revision.rollback_of) for revision in past.revisions if revision.number != 3]
    # with one of the past that claims to be the newest, that revision 2 is live is news
    assert told == {"1": [(1, None), (2, None), (4, 2)], str(10**15): [(1, None), (2, None)]}[version]
    assert past.live is not None
    assert past.live.number == {"1": 4, str(10**15): 2}[version]
