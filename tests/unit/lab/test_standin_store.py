"""The stand-in's store: who sees what, in which order, and that it outlives the process."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lab.standin.store import Store

GROUP_KIND = "RemoteMCPServer.kagent.dev"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def test_sessions_are_their_users_the_last_used_first(store: Store) -> None:
    for session_id, user in (("one", "ann"), ("two", "ann"), ("three", "bob")):
        store.save_session(session_id, user, "ns__NS__a", "name", None)
    store.add_event("e", "one", "ann", "{}")
    assert [session["id"] for session in store.sessions("ann")] == ["one", "two"]
    assert store.session("three", "ann") is None


def test_a_session_shows_only_the_fields_that_it_has(store: Store) -> None:
    saved = store.save_session("s", "ann", "ns__NS__a", None, None)
    assert set(saved) == {"id", "user_id", "created_at", "updated_at", "agent_id"}


def test_events_in_either_order_after_a_moment_and_limited(store: Store) -> None:
    store.save_session("s", "ann", "a", None, None)
    first = store.add_event("1", "s", "ann", "one")
    after = datetime.fromisoformat(first["created_at"])
    for number in ("2", "3"):
        store.add_event(number, "s", "ann", number)

    def ids(*, ascending: bool = True, after: datetime | None = None, limit: int = 0) -> list[str]:
        found = store.events("s", "ann", ascending=ascending, after=after, limit=limit)
        return [event["id"] for event in found]

    assert ids() == ["1", "2", "3"]
    assert ids(ascending=False, limit=2) == ["3", "2"]
    assert ids(after=after) == ["2", "3"]
    assert ids(after=datetime.now(UTC)) == []
    assert store.events("s", "bob", ascending=True, after=None, limit=0) == []


def test_tasks_belong_to_one_user(store: Store) -> None:
    assert store.save_task("t", "s", "ann", "{}")
    assert not store.save_task("t", "s", "bob", "stolen")
    assert store.task("t", "ann") == "{}"
    assert store.task("t", "bob") is None
    store.delete_task("t", "ann")
    assert store.tasks("s", "ann") == []


def test_tools_that_are_gone_are_forgotten(store: Store) -> None:
    store.save_server("ns/s", GROUP_KIND, "tools")
    store.replace_tools("ns/s", GROUP_KIND, [{"name": n, "description": n} for n in ("a", "b")])
    store.replace_tools("ns/s", GROUP_KIND, [{"name": n, "description": "new"} for n in ("b", "c")])
    tools = [{"name": n, "description": "new"} for n in ("b", "c")]
    assert store.servers() == [{"ref": "ns/s", "groupKind": GROUP_KIND, "discoveredTools": tools}]
    store.forget_server("ns/s", GROUP_KIND)
    assert (store.servers(), store.tools()) == ([], [])


def test_a_new_process_finds_everything(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    first = Store(path)
    first.save_session("s", "ann", "a", "name", None)
    second = Store(path)  # as after a kill: the first was never closed
    assert [session["id"] for session in second.sessions("ann")] == ["s"]
    for store in (first, second):
        store.close()
