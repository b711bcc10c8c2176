"""Who made a change, from managedFields with their whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.lifecycle.history import revisions as history
from kubectl_kagent.lifecycle.history.authors import author
from kubectl_kagent.model.resources import AGENT, CONFIG_MAP, MODEL_CONFIG, SERVICE
from tests.fake.cluster import FakeCluster
from tests.objects import agent, config_map, model_config, reconcile, workload

Object = dict[str, Any]
START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def at(second: int) -> str:
    return f"2026-11-23T08:00:{second:02}Z"


def entry(manager: str, second: int, fields: Object, **more: Any) -> Object:
    return {"manager": manager, "operation": "Update", "time": at(second), "fieldsV1": fields, **more}


def obj(spec: Object, *entries: Object) -> Object:
    metadata = {"creationTimestamp": at(0), "managedFields": list(entries)}
    return {"metadata": metadata, "spec": spec}


def owns(*fields: str) -> Object:
    return {"f:spec": {f"f:{field}": {} for field in fields}}


# Which of several


def test_the_owner_of_what_changed_and_not_who_wrote_in_the_same_second() -> None:
    entries = (entry("adam", 7, owns("a")), entry("zoe", 7, owns("b")))
    before = obj({"a": 1, "b": 1})
    assert author(before, obj({"a": 2, "b": 1}, *entries))[0] == "adam"
    assert author(before, obj({"a": 1, "b": 2}, *entries))[0] == "zoe"
    assert author(before, obj({"a": 1, "b": 2}, *reversed(entries)))[0] == "zoe"


def test_of_two_owners_of_one_field_the_one_who_wrote_last() -> None:
    """After a server-side apply of the same value two managers own it."""
    entries = (entry("late", 9, owns("a")), entry("early", 3, owns("a")))
    assert author(obj({"a": 1}), obj({"a": 2}, *entries)) == ("late", START + timedelta(seconds=9))


def test_without_a_before_the_newest_write_counts() -> None:
    entries = (entry("first", 1, owns("a")), entry("last", 8, owns("b")), entry("middle", 5, owns("c")))
    assert author(None, obj({"a": 1}, *entries)) == ("last", START + timedelta(seconds=8))


def test_a_list_belongs_to_one_writer_as_a_whole() -> None:
    fields = {"f:spec": {"f:declarative": {"f:tools": {}}}}
    old = obj({"declarative": {"tools": [{"name": "a"}], "stream": True}})
    new = obj(
        {"declarative": {"tools": [{"name": "a"}, {"name": "b"}], "stream": True}},
        entry("toolsmith", 2, fields),
        entry("streamer", 2, {"f:spec": {"f:declarative": {"f:stream": {}}}}),
    )
    assert author(old, new)[0] == "toolsmith"


def test_a_map_that_is_owned_as_one() -> None:
    """A CRD may call a whole map atomic: then managedFields stop above the key that changed."""
    new = obj({"labels": {"a": "2"}}, entry("other", 4, owns("x")), entry("mapper", 4, owns("labels")))
    assert author(obj({"labels": {"a": "1"}}), new)[0] == "mapper"


def test_a_field_that_came_new() -> None:
    new = obj({"a": 1, "b": {"c": 1}}, entry("old", 1, owns("a")), entry("new", 1, {"f:spec": owns("c")}))
    new["metadata"]["managedFields"][1]["fieldsV1"] = {"f:spec": {"f:b": {".": {}, "f:c": {}}}}
    assert author(obj({"a": 1}), new)[0] == "new"


def test_who_only_removed_leaves_no_trace_and_the_newest_write_stands_for_it() -> None:
    entries = (entry("early", 1, owns("a")), entry("late", 6, owns("c")))
    assert author(obj({"a": 1, "b": 1, "c": 1}), obj({"a": 1, "c": 1}, *entries))[0] == "late"


def test_a_field_that_nobody_owns_falls_back_to_the_newest_write() -> None:
    entries = (entry("early", 1, owns("a")), entry("late", 6, owns("c")))
    assert author(obj({"x": 1}), obj({"x": 2}, *entries))[0] == "late"


def test_a_field_that_nobody_owns_does_not_hide_one_that_somebody_does() -> None:
    entries = (entry("early", 1, owns("b")), entry("late", 6, owns("c")))
    assert author(obj({"a": 1, "b": 1}), obj({"a": 2, "b": 2}, *entries))[0] == "early"


@pytest.mark.parametrize("fields", [{"f:spec": True}, {"f:spec": ["a"]}, {"f:spec": "a"}, ["f:spec"]])
def test_fields_of_odd_types_are_nobodys(fields: Any) -> None:
    new = obj({"a": 2}, entry("odd", 6, fields), entry("early", 1, owns("a")))
    assert author(obj({"a": 1}), new)[0] == "early"


def test_a_map_that_was_emptied() -> None:
    emptied = entry("sweeper", 2, {"f:spec": {"f:labels": {".": {}}}})
    new = obj({"labels": {}, "c": 1}, emptied, entry("other", 6, owns("c")))
    assert author(obj({"labels": {"a": "1"}, "c": 1}), new)[0] == "sweeper"


def test_the_data_of_a_config_map() -> None:
    def prompts(data: Object, *entries: Object) -> Object:
        return {"metadata": {"managedFields": list(entries)}, "data": data}

    new = prompts(
        {"used": "b", "spare": "x"},
        entry("author", 5, {"f:data": {".": {}, "f:used": {}}}),
        entry("other", 5, {"f:data": {"f:spare": {}}}),
    )
    assert author(prompts({"used": "a", "spare": "x"}), new)[0] == "author"


# What does not count, and what is not known


def test_a_status_write_is_no_change_of_the_config() -> None:
    status = entry("controller", 9, {"f:status": {"f:conditions": {}}}, subresource="status")
    new = obj({"a": 2}, entry("editor", 3, owns("a")), status)
    assert author(obj({"a": 1}), new) == ("editor", START + timedelta(seconds=3))
    assert author(None, new) == ("editor", START + timedelta(seconds=3))
    assert author({**obj({"a": 1}), "status": {}}, {**new, "status": {"conditions": []}})[0] == "editor"


def test_entries_without_a_time_are_passed_over() -> None:
    timeless = {"manager": "ancient", "operation": "Update", "fieldsV1": owns("a")}
    bare = {"manager": "bare", "operation": "Update", "time": at(1)}
    new = obj({"a": 2}, timeless, bare, entry("editor", 3, owns("b")))
    assert author(None, new)[0] == "editor"
    assert author(obj({"a": 1}), new)[0] == "editor"


@pytest.mark.parametrize("fields", [[], None, [{"manager": "x", "operation": "Update"}]])
def test_without_managed_fields_only_the_creation_is_known(fields: Any) -> None:
    new = {"metadata": {"creationTimestamp": at(4), "managedFields": fields}, "spec": {}}
    assert author(None, new) == ("", START + timedelta(seconds=4))
    assert author(obj({}), new) == ("", START + timedelta(seconds=4))


def test_without_any_time_it_is_the_beginning_of_time() -> None:
    assert author(None, {"metadata": {}, "spec": {}}) == ("", datetime.fromtimestamp(0, UTC))


# With the fields that an API server writes


def test_two_managers_within_one_second_on_the_fake(cluster: FakeCluster) -> None:
    before = cluster.add(AGENT, agent(), manager="kubectl-create")
    prompt = cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "x"}}}, manager="zoe")
    stream = cluster.edit(AGENT, "clock", {"spec": {"declarative": {"stream": True}}}, manager="adam")
    again = cluster.edit(AGENT, "clock", {"spec": {"declarative": {"systemMessage": "y"}}}, manager="zoe")
    assert [author(*pair)[0] for pair in ((before, prompt), (prompt, stream), (stream, again))] == [
        "zoe",
        "adam",
        "zoe",
    ]


def test_a_config_map_on_the_fake(cluster: FakeCluster) -> None:
    before = cluster.add(CONFIG_MAP, config_map("prompts", a="1", b="1"), manager="zoe")
    after = cluster.edit(CONFIG_MAP, "prompts", {"data": {"a": "2"}}, manager="adam")
    assert author(before, after)[0] == "adam"


def test_a_new_annotation_is_the_newest_write(cluster: FakeCluster) -> None:
    """A Service says in annotations where its MCP server listens."""
    service = {"metadata": {"name": "s"}, "spec": {"ports": []}, "status": {"loadBalancer": {}}}
    before = cluster.add(SERVICE, service, manager="zoe")
    cluster.clock.sleep(1)
    after = cluster.edit(SERVICE, "s", {"metadata": {"annotations": {"a": "b"}}}, manager="adam")
    assert author(before, after) == ("adam", START + timedelta(seconds=1))


def test_a_rotated_secret_shows_only_in_the_status_and_has_no_known_author(cluster: FakeCluster) -> None:
    """kagent hashes the Secret into the ModelConfig's status; who changed the Secret nobody wrote down."""
    cluster.add(MODEL_CONFIG, model_config(), manager="kubectl-create")
    before = cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    cluster.clock.sleep(60)
    after = cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    assert author(before, after) == ("", START + timedelta(seconds=60))


# From one look to the next


def newest(cluster: FakeCluster) -> tuple[str, datetime, str]:
    revision = history.update(cluster, workload(cluster), manager="looker").revisions[-1]
    return revision.changed_by, revision.changed_at, revision.config_hash


def test_the_author_of_a_single_edit_of_a_source_since_the_last_look(cluster: FakeCluster) -> None:
    """The look before it is the only thing to compare with."""
    source = {"type": "ConfigMap", "name": "prompts", "key": "used"}
    cluster.add(MODEL_CONFIG, model_config())
    cluster.add(CONFIG_MAP, config_map("prompts", used="a", spare="a"))
    cluster.add(AGENT, agent(systemMessageFrom=source))
    newest(cluster)
    cluster.edit(MODEL_CONFIG, "gpt", {"spec": {"model": "large"}}, manager="adam")
    cluster.edit(MODEL_CONFIG, "gpt", {"metadata": {"labels": {"x": "y"}}}, manager="zoe")
    assert newest(cluster)[0] == "adam"
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"spare": "b"}}, manager="adam")
    cluster.edit(CONFIG_MAP, "prompts", {"data": {"used": "b"}}, manager="zoe")
    assert newest(cluster)[0] == "zoe"


@pytest.mark.parametrize("looks_before", [True, False])
def test_a_rotated_secret_is_dated_when_kagent_saw_it(cluster: FakeCluster, *, looks_before: bool) -> None:
    """With the time of the last edit of the spec, the hash from before the rotation would be believed."""
    cluster.add(MODEL_CONFIG, model_config())
    cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "aaaa"})
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="11")
    if looks_before:
        newest(cluster)
    cluster.clock.sleep(3600)
    cluster.set_status(MODEL_CONFIG, "gpt", {"secretHash": "bbbb"})
    assert newest(cluster) == ("", START + timedelta(hours=1), "")
    cluster.clock.sleep(1)
    reconcile(cluster, config_hash="12")
    assert newest(cluster) == ("", START + timedelta(hours=1), "12")
