"""The rules of the API server that the plugin leans on, the same for the fake and for a real one.

Objects that a controller may touch (agents, model configs) are compared only in what is ours.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from kubectl_kagent.cluster import Cluster
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.cluster.kinds import hint_of
from kubectl_kagent.errors import (
    AlreadyExists,
    Conflict,
    Expired,
    FieldConflict,
    Forbidden,
    NotFound,
    OtherServerError,
    ResourceMissing,
    Unauthorized,
    Unreachable,
)
from kubectl_kagent.model.paths import InvalidName
from kubectl_kagent.model.resources import (
    AGENT,
    AGENT_HARNESS,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_CONFIG,
    NAMESPACE,
    Resource,
)
from kubectl_kagent.rbac.rules import Rule
from tests.fake.cluster import FakeCluster
from tests.recordings import DATA

Object = dict[str, Any]

ABSENT = Resource("absent.example", "v1", "nothings", "Nothing")
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class StatusOf(Resource):
    """The status subresource, which only controllers write."""

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        return f"{super().path(namespace, name)}/status"


@dataclass
class Subject:
    """A cluster, and what a test can do to it only from outside."""

    api: Cluster
    fake: FakeCluster | None
    set_status: Callable[[Resource, str, Object], object]
    without_rights: Callable[[], Cluster]
    made: list[tuple[Resource, str]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.api.namespace

    def create(self, resource: Resource, body: Object, *, manager: str = "first") -> Object:
        name = body["metadata"]["name"]
        self.made.append((resource, name))
        typed = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        return self.api.create(resource, self.namespace, typed, manager=manager)

    def patch(self, resource: Resource, name: str, patch: Object, *, manager: str = "first") -> Object:
        return self.api.merge_patch(resource, self.namespace, name, patch, manager=manager)

    def config_map(self, **data: str) -> Object:
        return self.create(CONFIG_MAP, {"metadata": {"name": unique("map")}, "data": data})

    def agent(self, prompt: str = "zero", **deployment: Any) -> Object:
        declarative = {"modelConfig": "none", "systemMessage": prompt, "runtime": "go"}
        if deployment:
            declarative["deployment"] = deployment  # type: ignore[assignment]
        spec = {"type": "Declarative", "declarative": declarative}
        return self.create(AGENT, {"metadata": {"name": unique("agent")}, "spec": spec})

    def revision(self, data: Object) -> Object:
        return self.create(
            CONTROLLER_REVISION, {"metadata": {"name": unique("rev")}, "revision": 1, "data": data}
        )

    def now(self) -> str:
        return str(self.api.list_objects(CONFIG_MAP, self.namespace)["metadata"]["resourceVersion"])


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:8]}"


@pytest.fixture(params=["fake", pytest.param("server", marks=pytest.mark.cluster)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "fake":
        yield _fake_subject()
        return
    found: Subject = request.getfixturevalue("server_subject")
    yield found
    while found.made:
        resource, name = found.made.pop()
        try:
            found.api.delete(resource, found.namespace, name)
        except NotFound:
            continue


def _fake_subject() -> Subject:
    fake = FakeCluster(namespace="contract")
    fake.missing(ABSENT)

    def without_rights() -> Cluster:
        fake.user = "nobody"
        for verb in ("get", "list", "create", "patch", "delete", "watch"):
            fake.deny(verb, AGENT)
            fake.deny(verb, CONFIG_MAP)
        return fake

    return Subject(fake, fake, fake.set_status, without_rights)


@pytest.fixture(scope="session")
def server_subject(lab_kubeconfig: Path) -> Iterator[Subject]:
    namespace = unique("contract")
    flags = Connection(kubeconfig=str(lab_kubeconfig), namespace=namespace)
    api = connect(flags)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    api.create(NAMESPACE, "", body, manager="first")

    def set_status(resource: Resource, name: str, status: Object) -> object:
        part = StatusOf(resource.group, resource.version, resource.plural, resource.kind)
        return api.merge_patch(part, namespace, name, {"status": status}, manager="controller")

    def without_rights() -> Cluster:
        return connect(Connection(kubeconfig=str(lab_kubeconfig), namespace=namespace, as_user="nobody"))

    yield Subject(api, None, set_status, without_rights)
    api.delete(NAMESPACE, "", namespace)


# One counter, one moment


@pytest.mark.parametrize("name", ["..", "../configmaps", "a%2Fb", ""])
def test_what_no_object_can_be_called_is_not_there(subject: Subject, name: str) -> None:
    with pytest.raises(InvalidName, match="invalid resource name"):
        subject.api.get(CONFIG_MAP, subject.namespace, name)
    if name:
        with pytest.raises(InvalidName, match="invalid namespace"):
            subject.api.list_objects(CONFIG_MAP, name)
    with pytest.raises(InvalidName, match="it would lead out of"):
        subject.api.service(subject.namespace, "web:80").call("GET", f"/{name}/..")


def test_every_write_of_every_kind_moves_one_counter(subject: Subject) -> None:
    first = subject.config_map(a="0")
    agent = subject.agent()
    second = subject.patch(CONFIG_MAP, first["metadata"]["name"], {"data": {"a": "1"}})
    versions = [int(obj["metadata"]["resourceVersion"]) for obj in (first, agent, second)]
    assert versions == sorted(set(versions))
    assert int(subject.now()) >= versions[-1]


def test_lists_at_one_version_show_one_moment_across_kinds(subject: Subject) -> None:
    config_map, agent = subject.config_map(turn="0"), subject.agent("0")
    names = config_map["metadata"]["name"], agent["metadata"]["name"]
    moments = []
    for turn in range(1, 6):
        moments.append((subject.patch(CONFIG_MAP, names[0], {"data": {"turn": str(turn)}}), turn, turn - 1))
        patch = {"spec": {"declarative": {"systemMessage": str(turn)}}}
        moments.append((subject.patch(AGENT, names[1], patch), turn, turn))
    for written, in_map, in_agent in reversed(moments):
        at = written["metadata"]["resourceVersion"]
        seen_map = only(subject, CONFIG_MAP, names[0], at=at)
        seen_agent = only(subject, AGENT, names[1], at=at)
        assert seen_map["data"] == {"turn": str(in_map)}
        assert seen_agent["spec"]["declarative"]["systemMessage"] == str(in_agent)


def test_a_list_at_the_version_before_a_creation_is_empty(subject: Subject) -> None:
    made = subject.config_map(a="1")
    name = made["metadata"]["name"]
    before = str(int(made["metadata"]["resourceVersion"]) - 1)
    listing = subject.api.list_objects(
        CONFIG_MAP, subject.namespace, fields=f"metadata.name={name}", at=before
    )
    assert listing["items"] == []


def test_pages_are_of_one_moment(subject: Subject) -> None:
    names = sorted(subject.config_map(a=str(number))["metadata"]["name"] for number in range(3))
    found, versions = list[str](), set[str]()
    for page in subject.api.pages(CONFIG_MAP, subject.namespace, limit=2):
        assert len(page["items"]) <= 2
        found += [item["metadata"]["name"] for item in page["items"]]
        versions.add(page["metadata"]["resourceVersion"])
        subject.config_map(a="later")
    assert (sorted(set(names) & set(found)), len(versions)) == (names, 1)
    assert not {name for _, name in subject.made[3:]} & set(found)


def test_a_deleted_object_is_still_in_the_past(subject: Subject) -> None:
    made = subject.config_map(a="kept")
    name, version = made["metadata"]["name"], made["metadata"]["resourceVersion"]
    subject.api.delete(CONFIG_MAP, subject.namespace, name)
    assert only(subject, CONFIG_MAP, name, at=version)["data"] == {"a": "kept"}
    with pytest.raises(NotFound):
        subject.api.get(CONFIG_MAP, subject.namespace, name)


def test_a_version_that_is_not_there_yet_is_refused(subject: Subject) -> None:
    ahead = str(int(subject.now()) + 1_000_000)
    with pytest.raises(Unreachable, match="Too large resource version"):
        subject.api.list_objects(CONFIG_MAP, subject.namespace, at=ahead)


def test_what_is_compacted_is_expired_and_the_mark_itself_is_not() -> None:
    """Only the fake: no API makes etcd compact. Seen by hand with etcdctl compact on a real one."""
    subject = _fake_subject()
    made = subject.config_map(a="0")
    name = made["metadata"]["name"]
    mark = subject.patch(CONFIG_MAP, name, {"data": {"a": "1"}})["metadata"]["resourceVersion"]
    subject.patch(CONFIG_MAP, name, {"data": {"a": "2"}})
    assert subject.fake is not None
    subject.fake.compact(mark)
    assert only(subject, CONFIG_MAP, name, at=mark)["data"] == {"a": "1"}
    older = str(int(mark) - 1)
    with pytest.raises(Expired, match=r"The resourceVersion for the provided list is too old\."):
        subject.api.list_objects(CONFIG_MAP, subject.namespace, at=older)
    with pytest.raises(Expired, match="too old resource version"):
        list(subject.api.watch(CONFIG_MAP, subject.namespace, older, seconds=0))


@pytest.mark.cluster
def test_a_real_server_calls_what_it_compacted_expired(server_subject: Subject) -> None:
    """Version 1 is older than every real cluster's last compaction, or was never compacted at all."""
    answer = ""
    try:
        found = server_subject.api.list_objects(CONFIG_MAP, server_subject.namespace, at="1")["items"]
    except Expired as error:
        found, answer = [], error.message
    assert found == []
    assert answer in ("", "The resourceVersion for the provided list is too old.")


# Preconditions


def test_a_stale_version_in_a_merge_patch_is_a_conflict(subject: Subject) -> None:
    made = subject.config_map(a="0")
    name, stale = made["metadata"]["name"], made["metadata"]["resourceVersion"]
    subject.patch(CONFIG_MAP, name, {"data": {"a": "1"}})
    with pytest.raises(Conflict) as caught:
        subject.patch(CONFIG_MAP, name, {"metadata": {"resourceVersion": stale}, "data": {"a": "2"}})
    assert caught.value.message == f'Operation cannot be fulfilled on configmaps "{name}": {MODIFIED}'
    assert subject.api.get(CONFIG_MAP, subject.namespace, name)["data"] == {"a": "1"}


def test_the_right_version_in_a_merge_patch_is_none(subject: Subject) -> None:
    made = subject.config_map(a="0")
    version = made["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version}, "data": {"a": "1"}}
    changed = subject.patch(CONFIG_MAP, made["metadata"]["name"], patch)
    assert changed["data"] == {"a": "1"}
    assert changed["metadata"]["resourceVersion"] != version


def test_a_stale_version_in_a_json_patch_is_a_conflict(subject: Subject) -> None:
    made = subject.agent("zero")
    name, stale = made["metadata"]["name"], made["metadata"]["resourceVersion"]
    subject.patch(AGENT, name, {"spec": {"declarative": {"systemMessage": "one"}}})
    with pytest.raises(Conflict) as caught:
        json_patch(subject, AGENT, name, replaced("/metadata/resourceVersion", stale), replaced("/spec", {}))
    assert caught.value.message == f'Operation cannot be fulfilled on agents.kagent.dev "{name}": {MODIFIED}'
    assert subject.api.get(AGENT, subject.namespace, name)["spec"] == prompted(made["spec"], "one")


def test_a_json_patch_replaces_the_whole_spec(subject: Subject) -> None:
    made = subject.agent("zero", replicas=3)
    spec = {"type": "Declarative", "declarative": {"modelConfig": "other", "runtime": "python"}}
    changed = json_patch(subject, AGENT, made["metadata"]["name"], replaced("/spec", spec))
    assert changed["spec"] == spec


def test_a_json_patch_that_does_not_fit_is_invalid(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    for operation in (
        {"op": "test", "path": "/data/a", "value": "other"},
        replaced("/data/none/below", "x"),
        {"op": "remove", "path": "/data/none"},
    ):
        with pytest.raises(OtherServerError) as caught:
            json_patch(subject, CONFIG_MAP, name, operation)
        assert caught.value.reason == "Invalid"
        assert caught.value.message == "the server rejected our request due to an error in our request"


# Names


def test_a_name_is_given_once(subject: Subject) -> None:
    name = subject.agent()["metadata"]["name"]
    with pytest.raises(AlreadyExists) as caught:
        subject.create(
            AGENT, {"metadata": {"name": name}, "spec": {"type": "Declarative", "declarative": {}}}
        )
    assert caught.value.line == (
        f'Error from server (AlreadyExists): agents.kagent.dev "{name}" already exists'
    )


def test_of_many_who_claim_a_name_at_once_one_gets_it(subject: Subject) -> None:
    name = unique("race")
    subject.made.append((CONTROLLER_REVISION, name))
    typed = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": name}}
    body = typed | {"revision": 1, "data": {}}
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    def claim() -> None:
        try:
            subject.api.create(CONTROLLER_REVISION, subject.namespace, body, manager="racer")
        except AlreadyExists:
            ended.put("lost")
        else:
            ended.put("won")

    racers = [threading.Thread(target=claim) for _ in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(ended.get_nowait() for _ in racers) == ["lost"] * 7 + ["won"]


@pytest.mark.parametrize("resource", [AGENT, CONFIG_MAP, CONTROLLER_REVISION], ids=lambda r: str(r.plural))
def test_what_is_not_there_is_not_found(subject: Subject, resource: Resource) -> None:
    line = f'Error from server (NotFound): {resource.full_name} "ghost" not found'
    hint = "kubectl kagent get agents -A lists all agents" if resource is AGENT else None
    for call in (
        lambda: subject.api.get(resource, subject.namespace, "ghost"),
        lambda: subject.patch(resource, "ghost", {"metadata": {"labels": {"a": "b"}}}),
        lambda: json_patch(subject, resource, "ghost", replaced("/spec", {})),
        lambda: subject.api.delete(resource, subject.namespace, "ghost"),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert (caught.value.line, caught.value.hint) == (line, hint)


def test_a_kind_that_is_not_installed_is_missing(subject: Subject) -> None:
    message = 'the server doesn\'t have a resource type "nothings" in absent.example/v1'
    for call in (
        lambda: subject.api.get(ABSENT, subject.namespace, "x"),
        lambda: subject.api.list_objects(ABSENT, subject.namespace),
        lambda: list(subject.api.watch(ABSENT, subject.namespace, "0", seconds=1)),
    ):
        with pytest.raises(ResourceMissing) as caught:
            call()
        assert caught.value.message == message


def test_an_object_goes_only_into_the_namespace_it_names(subject: Subject) -> None:
    body = {"metadata": {"name": unique("map"), "namespace": "elsewhere"}}
    with pytest.raises(OtherServerError, match="does not match the namespace sent on the request") as caught:
        subject.create(CONFIG_MAP, body)
    assert caught.value.reason == "BadRequest"
    subject.made.clear()


# What a write changes


def test_a_new_object_gets_its_identity(subject: Subject) -> None:
    one, other = subject.agent(), subject.agent()
    assert one["metadata"]["generation"] == 1
    assert one["metadata"]["namespace"] == subject.namespace
    assert one["metadata"]["uid"] != other["metadata"]["uid"]
    assert one["metadata"]["creationTimestamp"].endswith("Z")
    assert one["kind"] == "Agent"


def test_only_some_kinds_count_generations(subject: Subject) -> None:
    spec: Object = {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "main", "image": "none.invalid/none"}]},
        },
        "replicas": 0,
    }
    deployment = subject.create(DEPLOYMENT, {"metadata": {"name": unique("deploy")}, "spec": spec})
    model = subject.create(
        MODEL_CONFIG,
        {"metadata": {"name": unique("model")}, "spec": {"model": "m", "provider": "Ollama"}},
    )
    assert [obj["metadata"].get("generation") for obj in (deployment, model)] == [1, 1]
    others = (subject.config_map(a="0"), subject.revision({}))
    assert [obj["metadata"].get("generation") for obj in others] == [None, None]


def test_the_generation_counts_changes_of_the_spec_and_nothing_else(subject: Subject) -> None:
    name = subject.agent("zero")["metadata"]["name"]
    steps: list[tuple[Object, int]] = [
        ({"metadata": {"annotations": {"a": "b"}}}, 1),
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"spec": {"declarative": {"systemMessage": "one"}}}, 2),
        ({"spec": {"declarative": {"systemMessage": "one"}}}, 2),
        ({"spec": {"declarative": {"deployment": {"replicas": 2}}}}, 3),
        ({"status": {"observedGeneration": 99}}, 3),
    ]
    for patch, generation in steps:
        assert subject.patch(AGENT, name, patch)["metadata"]["generation"] == generation, patch


def test_a_status_update_moves_the_version_and_leaves_the_generation(subject: Subject) -> None:
    made = subject.agent()
    name = made["metadata"]["name"]
    subject.set_status(AGENT, name, {"observedGeneration": 41})
    now = subject.api.get(AGENT, subject.namespace, name)
    assert now["metadata"]["generation"] == 1
    assert int(now["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert "status" in now


def test_a_status_that_comes_with_an_object_or_a_patch_is_ignored(subject: Subject) -> None:
    made = subject.create(
        MODEL_CONFIG,
        {
            "metadata": {"name": unique("model")},
            "spec": {"model": "m", "provider": "Ollama"},
            "status": {"secretHash": "mine"},
        },
    )
    changed = subject.patch(MODEL_CONFIG, made["metadata"]["name"], {"status": {"secretHash": "mine"}})
    for obj in (made, changed):
        assert (obj.get("status") or {}).get("secretHash") != "mine"


def test_null_in_a_merge_patch_removes_the_field_and_leaves_its_parent(subject: Subject) -> None:
    name = subject.agent("zero", replicas=3)["metadata"]["name"]
    changed = subject.patch(AGENT, name, {"spec": {"declarative": {"deployment": {"replicas": None}}}})
    assert changed["spec"]["declarative"]["deployment"] == {}


def test_null_for_what_is_not_there_changes_nothing(subject: Subject) -> None:
    made = subject.config_map(a="0")
    patch: Object = {"metadata": {"annotations": {"none": None}}, "data": {"b": None}}
    changed = subject.patch(CONFIG_MAP, made["metadata"]["name"], patch)
    assert changed["data"] == {"a": "0"}


def test_a_patch_that_changes_nothing_is_no_write(subject: Subject) -> None:
    made = subject.config_map(a="0")
    same = subject.patch(CONFIG_MAP, made["metadata"]["name"], {"data": {"a": "0"}}, manager="other")
    assert same["metadata"] == made["metadata"]


def test_a_dry_run_answers_as_if_and_stores_nothing(subject: Subject) -> None:
    made = subject.agent("zero")
    name = made["metadata"]["name"]
    patch = {"spec": {"declarative": {"systemMessage": "tried"}}}
    tried = subject.api.merge_patch(AGENT, subject.namespace, name, patch, dry_run=True, manager="first")
    assert tried["spec"]["declarative"]["systemMessage"] == "tried"
    assert tried["metadata"]["generation"] == 2
    now = subject.api.get(AGENT, subject.namespace, name)
    assert (now["spec"], now["metadata"]["generation"]) == (made["spec"], 1)


def test_a_dry_run_of_a_creation_creates_nothing(subject: Subject) -> None:
    name = unique("map")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "0"}}
    tried = subject.api.create(CONFIG_MAP, subject.namespace, body, dry_run=True, manager="first")
    assert tried["data"] == {"a": "0"}
    assert "resourceVersion" not in tried["metadata"]
    with pytest.raises(NotFound):
        subject.api.get(CONFIG_MAP, subject.namespace, name)


def test_a_dry_run_of_a_deletion_deletes_nothing(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    subject.api.delete(CONFIG_MAP, subject.namespace, name, dry_run=True)
    assert subject.api.get(CONFIG_MAP, subject.namespace, name)["data"] == {"a": "0"}


# Server-side apply


def applied(subject: Subject, name: str, *, manager: str = "first", **how: Any) -> Object:
    data = how.pop("data")
    subject.made.append((CONFIG_MAP, name))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return subject.api.apply(CONFIG_MAP, subject.namespace, body, manager=manager, **how)


def test_an_apply_creates_and_the_same_again_is_no_write(subject: Subject) -> None:
    name = unique("map")
    made = applied(subject, name, data={"a": "0"})
    assert made["data"] == {"a": "0"}
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("first", "Apply")
    assert applied(subject, name, data={"a": "0"})["metadata"] == made["metadata"]


def test_what_is_applied_no_longer_is_removed_and_what_others_wrote_stays(subject: Subject) -> None:
    name = unique("map")
    applied(subject, name, data={"a": "0", "b": "0"})
    subject.patch(CONFIG_MAP, name, {"data": {"c": "0"}}, manager="second")
    assert applied(subject, name, data={"a": "1"})["data"] == {"a": "1", "c": "0"}


def test_what_another_manager_changed_is_a_conflict_that_names_it(subject: Subject) -> None:
    name = unique("map")
    applied(subject, name, data={"a.yaml": "0", "b": "0"})
    subject.patch(CONFIG_MAP, name, {"data": {"a.yaml": "1", "b": "1"}}, manager="second")
    with pytest.raises(FieldConflict) as refused:
        applied(subject, name, data={"a.yaml": "2", "b": "2"})
    assert sorted(refused.value.fields) == [(".data.a.yaml", "second"), (".data.b", "second")]
    assert subject.api.get(CONFIG_MAP, subject.namespace, name)["data"] == {"a.yaml": "1", "b": "1"}


def test_the_same_value_as_another_manager_wrote_is_shared(subject: Subject) -> None:
    name = unique("map")
    applied(subject, name, data={"a": "0"})
    subject.patch(CONFIG_MAP, name, {"data": {"a": "1"}}, manager="second")
    shared = applied(subject, name, data={"a": "1"})
    assert sorted(entry["manager"] for entry in shared["metadata"]["managedFields"]) == ["first", "second"]


def test_an_apply_by_force_takes_a_field_over(subject: Subject) -> None:
    name = unique("map")
    applied(subject, name, data={"a": "0"})
    subject.patch(CONFIG_MAP, name, {"data": {"a": "1"}}, manager="second")
    taken = applied(subject, name, data={"a": "2"}, force=True)
    assert taken["data"] == {"a": "2"}
    assert [entry["manager"] for entry in taken["metadata"]["managedFields"]] == ["first"]


def test_a_dry_run_of_an_apply_stores_nothing_and_shows_conflicts(subject: Subject) -> None:
    name = unique("map")
    tried = applied(subject, name, data={"a": "0"}, dry_run=True)
    assert (tried["data"], "resourceVersion" in tried["metadata"]) == ({"a": "0"}, False)
    with pytest.raises(NotFound):
        subject.api.get(CONFIG_MAP, subject.namespace, name)
    made = applied(subject, name, data={"a": "0"})
    tried = applied(subject, name, data={"a": "1"}, dry_run=True)
    assert (tried["data"], tried["metadata"]["resourceVersion"]) == (
        {"a": "1"},
        made["metadata"]["resourceVersion"],
    )
    with pytest.raises(FieldConflict):
        applied(subject, name, data={"a": "1"}, dry_run=True, manager="second")


# Revisions


@pytest.mark.parametrize(
    "text", ["plain", "<b>bold</b> & 'more'", "äöü 😀 \u2028", 'tab\tnew\nquote"back\\', "\x01\x7f"]
)
def test_a_revision_takes_annotations_whatever_its_data_is(subject: Subject, text: str) -> None:
    data = {"z": {text: [text, 1.5, 1e22, None, True, {}]}, "a": text}
    name = subject.revision(data)["metadata"]["name"]
    for value in ("one", "two"):
        changed = subject.patch(CONTROLLER_REVISION, name, {"metadata": {"annotations": {"a/b": value}}})
        assert changed["metadata"]["annotations"] == {"a/b": value}
        assert changed["data"] == data


def test_the_data_of_a_revision_never_changes(subject: Subject) -> None:
    name = subject.revision({"spec": {"a": 1}})["metadata"]["name"]
    changes: tuple[Callable[[], Object], ...] = (
        lambda: subject.patch(CONTROLLER_REVISION, name, {"data": {"spec": {"a": 2}}}),
        lambda: json_patch(subject, CONTROLLER_REVISION, name, replaced("/data", {})),
    )
    for change in changes:
        with pytest.raises(OtherServerError) as caught:
            change()
        assert caught.value.reason == "Invalid"
        assert caught.value.message.startswith(f'ControllerRevision.apps "{name}" is invalid: data: ')
        assert caught.value.message.endswith(": field is immutable")
    stored = subject.api.get(CONTROLLER_REVISION, subject.namespace, name)
    assert stored["data"] == {"spec": {"a": 1}}


def test_what_is_past_etcds_limit_is_refused(subject: Subject) -> None:
    subject.revision({"text": "x" * 1_400_000})
    with pytest.raises(OtherServerError, match="etcdserver: request is too large"):
        subject.revision({"text": "x" * 1_600_000})
    subject.made.pop()


# Who wrote it


def test_managed_fields_name_each_writer_and_the_time(subject: Subject) -> None:
    made = subject.config_map(a="0", b="0")
    name = made["metadata"]["name"]
    assert writers(made) == ["first"]
    changed = subject.patch(CONFIG_MAP, name, {"data": {"a": "1"}}, manager="second")
    assert set(writers(changed)) == {"first", "second"}
    owned = {entry["manager"]: entry["fieldsV1"]["f:data"] for entry in managed(changed)}
    assert owned == {"first": {"f:b": {}, ".": {}}, "second": {"f:a": {}}}
    assert all(entry["time"].endswith("Z") for entry in managed(changed))


def test_who_takes_over_the_last_field_replaces_the_writer_before(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    subject.patch(CONFIG_MAP, name, {"metadata": {"labels": {"x": "0"}}}, manager="second")
    changed = subject.patch(CONFIG_MAP, name, {"metadata": {"labels": {"x": "1"}}}, manager="third")
    found = {entry["manager"]: entry["fieldsV1"].get("f:metadata") for entry in managed(changed)}
    assert found["third"] == {"f:labels": {"f:x": {}}}


def test_who_only_removes_leaves_no_trace(subject: Subject) -> None:
    name = subject.config_map(a="0", b="0")["metadata"]["name"]
    changed = subject.patch(CONFIG_MAP, name, {"data": {"b": None}}, manager="remover")
    assert writers(changed) == ["first"]


def test_a_status_writer_is_marked_as_such(subject: Subject) -> None:
    name = subject.agent()["metadata"]["name"]
    subject.set_status(AGENT, name, {"observedGeneration": 41})
    entries = managed(subject.api.get(AGENT, subject.namespace, name))
    assert [entry["manager"] for entry in entries if not entry.get("subresource")] == ["first"]
    assert "status" in [entry.get("subresource") for entry in entries]


# Selecting


def test_labels_select(subject: Subject) -> None:
    group = unique("group")
    for name, tier in (("one", "gold"), ("two", "lead"), ("three", None)):
        labels = {"group": group} | ({"tier": tier} if tier else {})
        subject.create(CONFIG_MAP, {"metadata": {"name": f"{name}-{group}", "labels": labels}})
    for selector, expected in (
        ("", {"one", "two", "three"}),
        (",tier=gold", {"one"}),
        (",tier==gold", {"one"}),
        (",tier!=gold", {"two", "three"}),
        (",tier", {"one", "two"}),
        (",!tier", {"three"}),
        (",tier in (gold, lead)", {"one", "two"}),
        (",tier notin (gold)", {"two", "three"}),
    ):
        listing = subject.api.list_objects(CONFIG_MAP, subject.namespace, labels=f"group={group}{selector}")
        found = [item["metadata"]["name"].removesuffix(f"-{group}") for item in listing["items"]]
        assert set(found) == expected, selector
        assert found == sorted(found)


def test_a_field_that_cannot_be_selected_is_refused(subject: Subject) -> None:
    with pytest.raises(OtherServerError, match=r"field label not supported: spec.type") as caught:
        subject.api.list_objects(AGENT, subject.namespace, fields="spec.type=BYO")
    assert caught.value.reason == "BadRequest"


def test_items_of_built_in_lists_have_no_kind(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    assert "kind" not in only(subject, CONFIG_MAP, name)
    name = subject.agent()["metadata"]["name"]
    assert only(subject, AGENT, name)["kind"] == "Agent"


def test_another_namespace_is_another_list(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    elsewhere = subject.api.list_objects(CONFIG_MAP, "elsewhere", fields=f"metadata.name={name}")
    everywhere = subject.api.list_objects(CONFIG_MAP, None, fields=f"metadata.name={name}")
    assert [len(elsewhere["items"]), len(everywhere["items"])] == [0, 1]


# Watching


def test_a_watch_gives_every_write_since_in_order(subject: Subject) -> None:
    since = subject.now()
    name = subject.config_map(turn="0")["metadata"]["name"]
    for turn in range(1, 4):
        subject.patch(CONFIG_MAP, name, {"data": {"turn": str(turn)}})
    subject.api.delete(CONFIG_MAP, subject.namespace, name)
    later = int(subject.now())
    events = []
    for event in events_of(subject, since, name, seconds=5):
        events.append(event)
        if event["type"] == "DELETED":
            break
    assert [(event["type"], event["object"]["data"]["turn"]) for event in events] == [
        ("ADDED", "0"),
        ("MODIFIED", "1"),
        ("MODIFIED", "2"),
        ("MODIFIED", "3"),
        ("DELETED", "3"),
    ]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert versions[-1] <= later  # the version of the deletion itself


def test_a_watch_hands_on_each_event_at_once(subject: Subject) -> None:
    name = subject.config_map(turn="0")["metadata"]["name"]
    since = subject.now()
    seen: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def follow() -> None:
        for event in events_of(subject, since, name, seconds=20):
            seen.put((event["object"].get("data", {}).get("turn", ""), time.monotonic()))
            if event["object"].get("data", {}).get("turn") == "3":
                return

    follower = threading.Thread(target=follow)
    follower.start()
    for turn in ("1", "2", "3"):
        subject.patch(CONFIG_MAP, name, {"data": {"turn": turn}})
        sent = time.monotonic()
        got, moment = seen.get(timeout=10)
        assert got == turn
        assert moment - sent < 5.0  # not only when a buffer is full or the watch ends
    follower.join(timeout=10)
    assert not follower.is_alive()


def test_a_watch_ends_by_itself_and_bookmarks_only_go_forward(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    since = subject.now()
    started = time.monotonic()
    events = subject.api.watch(
        CONFIG_MAP, subject.namespace, since, seconds=2, fields=f"metadata.name={name}"
    )
    for event in events:
        assert event["type"] == "BOOKMARK"
        assert int(event["object"]["metadata"]["resourceVersion"]) >= int(since)
    assert 1.5 < time.monotonic() - started < 10


# Access


def test_every_verb_that_is_not_allowed_is_forbidden_in_kubernetes_words(subject: Subject) -> None:
    api, ns = subject.without_rights(), subject.namespace
    body = {"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "metadata": {"name": "x"}}
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: api.get(AGENT, ns, "x"),
        "patch": lambda: api.merge_patch(AGENT, ns, "x", {}, manager="m"),
        "delete": lambda: api.delete(AGENT, ns, "x"),
        "list": lambda: api.list_objects(AGENT, ns),
        "create": lambda: api.create(AGENT, ns, body, manager="m"),
        "watch": lambda: list(api.watch(AGENT, ns, "0", seconds=1)),
    }
    for verb, call in calls.items():
        with pytest.raises(Forbidden) as caught:
            call()
        named = ' "x"' if verb in ("get", "patch", "delete") else ""
        assert caught.value.message == (
            f'agents.kagent.dev{named} is forbidden: User "nobody" cannot {verb} resource "agents" '
            f'in API group "kagent.dev" in the namespace "{ns}"'
        )
        assert caught.value.exit_code == 6
    with pytest.raises(Forbidden) as caught:
        api.list_objects(CONFIG_MAP, None)
    assert caught.value.message == (
        'configmaps is forbidden: User "nobody" cannot list resource "configmaps" in API group "" '
        "at the cluster scope"
    )


def test_what_is_allowed_is_known_without_trying_it(subject: Subject) -> None:
    agents, everything = Rule("kagent.dev", "agents", "list"), Rule("*", "*", "*")
    proxy = Rule("", "services/proxy", "get", "kagent-controller:8083")
    places = (subject.namespace, None)
    assert {subject.api.allows(rule, at) for rule in (agents, proxy, everything) for at in places} == {True}
    nobody = subject.without_rights()
    assert {nobody.allows(rule, at) for rule in (agents, everything) for at in places} == {False}


@pytest.mark.cluster
def test_impersonation_carries_user_uid_and_every_group(lab_kubeconfig: Path) -> None:
    flags = Connection(
        kubeconfig=str(lab_kubeconfig), as_user="jane", as_groups=("system:masters", "second"), as_uid="77"
    )
    api = connect(flags)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}}
    reviews = Resource(
        "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
    )
    user = api.create(reviews, "", review, manager="first")["status"]["userInfo"]
    assert (user["username"], user["uid"]) == ("jane", "77")
    assert {"system:masters", "second"} <= set(user["groups"])
    assert api.list_objects(CONFIG_MAP, None)["items"]  # the group's rights are ours


@pytest.mark.cluster
def test_a_wrong_token_is_unauthorized_and_not_the_kubeconfigs_user(lab_kubeconfig: Path) -> None:
    api = connect(Connection(kubeconfig=str(lab_kubeconfig), token="wrong"))
    for _ in range(2):  # the second request is no luckier
        with pytest.raises(Unauthorized) as caught:
            api.list_objects(CONFIG_MAP, "default")
        assert caught.value.exit_code == 6
        assert caught.value.line.startswith("error: you must be logged in to the server")


@pytest.mark.cluster
def test_a_server_whose_certificate_is_not_ours_is_unreachable(
    lab_kubeconfig: Path, other_authority: Path
) -> None:
    api = connect(Connection(kubeconfig=str(lab_kubeconfig), certificate_authority=str(other_authority)))
    with pytest.raises(Unreachable, match=r"certificate of .* is not trusted") as caught:
        api.server_version()
    assert caught.value.exit_code == 5


@pytest.mark.cluster
def test_insecure_skip_tls_verify_gets_through_and_says_nothing(
    lab_kubeconfig: Path, other_authority: Path, tmp_path: Path
) -> None:
    config = yaml.safe_load(lab_kubeconfig.read_text())
    for item in config["clusters"]:
        item["cluster"] = {"server": item["cluster"]["server"], "certificate-authority": str(other_authority)}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    api = connect(Connection(kubeconfig=str(path), insecure_skip_tls_verify=True))
    assert api.server_version()["major"] == "1"


@pytest.mark.cluster
def test_the_name_expected_in_the_certificate_counts(lab_kubeconfig: Path) -> None:
    right = connect(Connection(kubeconfig=str(lab_kubeconfig), tls_server_name="kubernetes"))
    assert right.server_version()["major"] == "1"
    wrong = connect(Connection(kubeconfig=str(lab_kubeconfig), tls_server_name="elsewhere.example"))
    with pytest.raises(Unreachable):
        wrong.server_version()


def test_a_refused_connection_is_unreachable() -> None:
    api = connect(Connection(server="http://127.0.0.1:1"))
    with pytest.raises(Unreachable) as caught:
        api.get(AGENT, "default", "x")
    assert caught.value.line == "error: the connection to the server 127.0.0.1:1 was refused"
    assert caught.value.exit_code == 5


@pytest.mark.cluster
def test_the_server_says_its_version(lab_kubeconfig: Path) -> None:
    api = connect(Connection(kubeconfig=str(lab_kubeconfig)))
    assert api.server_version()["gitVersion"].startswith("v1.")


def test_a_group_is_served_in_versions(subject: Subject) -> None:
    assert subject.api.group_versions("kagent.dev") == ("v1alpha2", "v1alpha1")
    assert subject.api.group_versions("absent.example.com") == ()


def test_a_name_that_is_one_of_another_kind(subject: Subject) -> None:
    name = unique("harness")
    assert subject.api.without_deployment(subject.namespace, name) == ""
    spec = {"backend": "openclaw", "substrate": {}}
    subject.create(AGENT_HARNESS, {"metadata": {"name": name}, "spec": spec})
    assert subject.api.without_deployment(subject.namespace, name) == hint_of(
        AGENT_HARNESS, subject.namespace, name
    )


def test_a_service_that_is_not_there_is_not_found(subject: Subject) -> None:
    with pytest.raises(NotFound, match='services "ghost" not found'):
        subject.api.service(subject.namespace, "ghost:80").call("GET", "/version")
    with pytest.raises(NotFound, match='services "ghost" not found'):
        list(subject.api.service(subject.namespace, "ghost:80").stream("/x", {}, timeout=5))


def test_no_path_leads_out_of_a_service(subject: Subject) -> None:
    for path in ("/../../x", "/%2e%2e/x"):
        with pytest.raises(InvalidName):
            subject.api.service(subject.namespace, "ghost:80").access(path)


def test_a_pod_that_is_not_there_has_no_log(subject: Subject) -> None:
    with pytest.raises(NotFound, match='pods "ghost" not found'):
        subject.api.pod_log(subject.namespace, "ghost", "kagent", tail=1)
    with pytest.raises(NotFound, match='pods "ghost" not found'):
        list(subject.api.pod_log_stream(subject.namespace, "ghost", "kagent"))


@pytest.fixture(scope="session")
def other_authority() -> Path:
    return DATA / "kubeconfigs" / "other-authority.crt"


def only(subject: Subject, resource: Resource, name: str, *, at: str | None = None) -> Object:
    listing = subject.api.list_objects(resource, subject.namespace, fields=f"metadata.name={name}", at=at)
    (item,) = listing["items"]
    return dict(item)


def events_of(subject: Subject, since: str, name: str, *, seconds: int) -> Iterator[Object]:
    for event in subject.api.watch(
        CONFIG_MAP, subject.namespace, since, seconds=seconds, fields=f"metadata.name={name}"
    ):
        if event["type"] != "BOOKMARK":
            yield event


def json_patch(subject: Subject, resource: Resource, name: str, *operations: Object) -> Object:
    return subject.api.json_patch(resource, subject.namespace, name, list(operations), manager="first")


def replaced(path: str, value: object) -> Object:
    return {"op": "replace", "path": path, "value": value}


def prompted(spec: Object, prompt: str) -> Object:
    return {**spec, "declarative": {**spec["declarative"], "systemMessage": prompt}}


def managed(obj: Object) -> list[Object]:
    return list(obj["metadata"]["managedFields"])


def writers(obj: Object) -> list[str]:
    return [entry["manager"] for entry in managed(obj)]


def test_a_list_of_metadata_has_nothing_else(subject: Subject) -> None:
    made = subject.revision({"spec": {"a": 1}})
    name = made["metadata"]["name"]
    subject.patch(CONTROLLER_REVISION, name, {"metadata": {"labels": {"only": name}}})
    whole = subject.api.list_objects(CONTROLLER_REVISION, subject.namespace, labels=f"only={name}")
    bare = subject.api.list_metadata(CONTROLLER_REVISION, subject.namespace, labels=f"only={name}")
    assert (bare["apiVersion"], bare["kind"]) == ("meta.k8s.io/v1", "PartialObjectMetadataList")
    assert bare["metadata"]["resourceVersion"]
    (item,) = bare["items"]
    assert item == {
        "apiVersion": "meta.k8s.io/v1",
        "kind": "PartialObjectMetadata",
        "metadata": whole["items"][0]["metadata"],
    }
