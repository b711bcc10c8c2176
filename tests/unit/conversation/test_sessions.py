"""A user's sessions as the controller lists them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubectl_kagent.conversation.sessions import (
    Session,
    newest,
    read_session,
    rows,
    sessions,
)
from kubectl_kagent.errors import KagentError

ROW = {
    "id": "01a205ee",
    "name": "what time is it",
    "user_id": "admin@kagent.dev",
    "created_at": "2026-11-23T01:03:56.982222Z",
    "updated_at": "2026-11-23T01:03:57.203309123Z",
    "agent_id": "team_a__NS__datetime_agent",
}
SESSION: Session = read_session(ROW)


class Controller:
    """Has these sessions."""

    def __init__(self, *listed: Any) -> None:
        self.listed = list(listed)

    def sessions(self) -> Any:
        return self.listed


def test_a_row_as_kagent_writes_it() -> None:
    assert (SESSION.namespace, SESSION.agent) == ("team-a", "datetime-agent")
    assert (SESSION.title, SESSION.source) == ("what time is it", "")
    assert SESSION.updated == datetime(2026, 11, 23, 1, 3, 57, 203309, tzinfo=UTC)


def test_sessions_of_a_namespace_and_an_agent() -> None:
    other = {**ROW, "id": "2", "agent_id": "team_a__NS__other"}
    elsewhere = {**ROW, "id": "3", "agent_id": "default__NS__datetime_agent"}
    controller: Any = Controller(ROW, other, elsewhere)

    def ids(*which: Any) -> list[str]:
        return [item.id for item in sessions(controller, *which)]

    assert ids() == ["01a205ee", "2", "3"]
    assert ids("team-a") == ["01a205ee", "2"]
    assert ids("team-a", "other") == ["2"]
    assert ids(None, "datetime-agent") == ["01a205ee", "3"]


@pytest.mark.parametrize("data", [{}, "x", 5, [5], [None]])
def test_a_listing_that_is_none_is_an_error(data: Any) -> None:
    with pytest.raises(KagentError, match="did not answer with a list of sessions"):
        rows(data, "sessions")


@pytest.mark.parametrize("id_", [None, "", 5])
def test_a_session_without_id_is_an_error(id_: Any) -> None:
    with pytest.raises(KagentError, match="a session without id"):
        read_session({**ROW, "id": id_})


def test_the_newest_is_the_one_used_last_by_a_person() -> None:
    later = (SESSION.updated or datetime.now(UTC)) + timedelta(minutes=1)
    used = {**ROW, "id": "used", "updated_at": later.isoformat()}
    inner = {**used, "id": "inner", "source": "agent", "updated_at": (later + timedelta(hours=1)).isoformat()}
    controller: Any = Controller(ROW, used, inner)
    assert newest(controller, "team-a", "datetime-agent") == "used"
    with pytest.raises(KagentError) as caught:
        newest(controller, "default", "datetime-agent")
    assert caught.value.message == "agent datetime-agent has no session to continue"
