"""Sessions, events, tasks and tools in SQLite, so that they outlive a restart."""

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab.standin.gojson import without_none
from tests.lab.standin.kinds import Object

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    id TEXT, user_id TEXT, name TEXT, agent_id TEXT, source TEXT, created INTEGER, updated INTEGER,
    PRIMARY KEY (id, user_id));
CREATE TABLE IF NOT EXISTS event (
    id TEXT, user_id TEXT, session_id TEXT, data TEXT, created INTEGER, PRIMARY KEY (id, user_id));
CREATE TABLE IF NOT EXISTS task (
    id TEXT PRIMARY KEY, user_id TEXT, session_id TEXT, data TEXT, created INTEGER);
CREATE TABLE IF NOT EXISTS toolserver (
    name TEXT, group_kind TEXT, description TEXT, created INTEGER, PRIMARY KEY (name, group_kind));
CREATE TABLE IF NOT EXISTS tool (
    id TEXT, server_name TEXT, group_kind TEXT, description TEXT, created INTEGER, updated INTEGER,
    PRIMARY KEY (id, server_name, group_kind));
"""


class Store:
    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # A pod can be killed at any time; the log survives that, and nothing waits for the disk.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)

    def close(self) -> None:
        self._db.close()

    def save_session(
        self, session_id: str, user: str, agent_id: str, name: str | None, source: str | None
    ) -> Object:
        now = _now()
        self._db.execute(
            "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, user_id) DO UPDATE SET"
            " name = excluded.name, agent_id = excluded.agent_id, source = excluded.source, updated = ?",
            (session_id, user, name, agent_id, source, now, now, now),
        )
        saved = self.session(session_id, user)
        assert saved is not None
        return saved

    def session(self, session_id: str, user: str) -> Object | None:
        found = self._rows("SELECT * FROM session WHERE id = ? AND user_id = ?", session_id, user)
        return _session(found[0]) if found else None

    def sessions(self, user: str) -> list[Object]:
        """A user's sessions, the one used last first."""
        query = "SELECT * FROM session WHERE user_id = ? ORDER BY updated DESC, created DESC"
        return [_session(row) for row in self._rows(query, user)]

    def delete_session(self, session_id: str, user: str) -> None:
        self._db.execute("DELETE FROM session WHERE id = ? AND user_id = ?", (session_id, user))

    def add_event(self, event_id: str, session_id: str, user: str, data: str) -> Object:
        row = (event_id, user, session_id, data, _now())
        self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", row)
        self._touch(session_id, user)
        return _event(self._rows("SELECT * FROM event WHERE id = ? AND user_id = ?", event_id, user)[0])

    def events(
        self, session_id: str, user: str, *, ascending: bool, after: datetime | None, limit: int
    ) -> list[Object]:
        order = "ASC" if ascending else "DESC"
        rows = self._rows(
            "SELECT * FROM event WHERE session_id = ? AND user_id = ? AND created > ?"
            f" ORDER BY created {order}, rowid {order} LIMIT ?",
            session_id,
            user,
            int(after.timestamp() * 1e6) if after else 0,
            limit if limit > 0 else -1,
        )
        return [_event(row) for row in rows]

    def save_task(self, task_id: str, session_id: str, user: str, data: str) -> bool:
        """False when the id is another user's."""
        saved = self._db.execute(
            "INSERT INTO task VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " data = excluded.data, session_id = excluded.session_id WHERE user_id = excluded.user_id",
            (task_id, user, session_id, data, _now()),
        )
        self._touch(session_id, user)
        return saved.rowcount > 0

    def task(self, task_id: str, user: str) -> str | None:
        found = self._rows("SELECT data FROM task WHERE id = ? AND user_id = ?", task_id, user)
        return str(found[0]["data"]) if found else None

    def tasks(self, session_id: str, user: str) -> list[str]:
        query = "SELECT data FROM task WHERE session_id = ? AND user_id = ? ORDER BY created, rowid"
        return [row["data"] for row in self._rows(query, session_id, user)]

    def delete_task(self, task_id: str, user: str) -> None:
        self._db.execute("DELETE FROM task WHERE id = ? AND user_id = ?", (task_id, user))

    def save_server(self, name: str, group_kind: str, description: str) -> None:
        self._db.execute(
            "INSERT INTO toolserver VALUES (?, ?, ?, ?) ON CONFLICT (name, group_kind) DO UPDATE SET"
            " description = excluded.description",
            (name, group_kind, description, _now()),
        )

    def servers(self) -> list[Object]:
        return [
            {
                "ref": row["name"],
                "groupKind": row["group_kind"],
                "discoveredTools": self.tools_of(row["name"], row["group_kind"]),
            }
            for row in self._rows("SELECT * FROM toolserver ORDER BY created, rowid")
        ]

    def forget_server(self, name: str, group_kind: str) -> None:
        self._db.execute("DELETE FROM toolserver WHERE name = ? AND group_kind = ?", (name, group_kind))
        self._db.execute("DELETE FROM tool WHERE server_name = ? AND group_kind = ?", (name, group_kind))

    def replace_tools(self, server: str, group_kind: str, tools: list[Object]) -> None:
        now = _now()
        gone = {tool["name"] for tool in self.tools_of(server, group_kind)} - {tool["name"] for tool in tools}
        with self._db:
            self._db.execute("BEGIN")
            for tool in tools:
                self._db.execute(
                    "INSERT INTO tool VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id, server_name, group_kind)"
                    " DO UPDATE SET description = excluded.description, updated = excluded.updated",
                    (tool["name"], server, group_kind, tool["description"], now, now),
                )
            self._db.executemany(
                "DELETE FROM tool WHERE id = ? AND server_name = ? AND group_kind = ?",
                [(name, server, group_kind) for name in gone],
            )

    def tools_of(self, server: str, group_kind: str) -> list[Object]:
        query = "SELECT * FROM tool WHERE server_name = ? AND group_kind = ? ORDER BY created, rowid"
        rows = self._rows(query, server, group_kind)
        return [{"name": row["id"], "description": row["description"]} for row in rows]

    def tools(self) -> list[Object]:
        return [
            {
                "id": row["id"],
                "server_name": row["server_name"],
                "group_kind": row["group_kind"],
                "created_at": _time(row["created"]),
                "updated_at": _time(row["updated"]),
                "description": row["description"],
            }
            for row in self._rows("SELECT * FROM tool ORDER BY created, rowid")
        ]

    def _touch(self, session_id: str, user: str) -> None:
        self._db.execute(
            "UPDATE session SET updated = ? WHERE id = ? AND user_id = ?", (_now(), session_id, user)
        )

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()


def _now() -> int:
    return time.time_ns() // 1000


def _time(microseconds: int) -> str:
    """As Go prints it: no trailing zeros in the fraction."""
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(
        microsecond=microseconds % 1_000_000
    )
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def _session(row: sqlite3.Row) -> Object:
    return (
        {"id": row["id"]}
        | without_none({"name": row["name"]})
        | {
            "user_id": row["user_id"],
            "created_at": _time(row["created"]),
            "updated_at": _time(row["updated"]),
        }
        | without_none({"agent_id": row["agent_id"], "source": row["source"]})
    )


def _event(row: sqlite3.Row) -> Object:
    return {
        "id": row["id"],
        "session_id": row["session_id"],
        "user_id": row["user_id"],
        "created_at": _time(row["created"]),
        "updated_at": _time(row["created"]),
        "data": row["data"],
    }
