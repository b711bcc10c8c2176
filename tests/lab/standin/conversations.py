"""Sessions, events and tasks over REST: the routes that agent runtimes keep their conversations with."""

import json
import uuid
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.lab.standin.answers import ApiError, body_of, created, found, user_of
from tests.lab.standin.cache import Cache
from tests.lab.standin.kinds import AGENT, Key, Object, key_of
from tests.lab.standin.references import python_identifier
from tests.lab.standin.store import Store

_NO_RECORD = "record not found"


class Conversations:
    def __init__(self, cache: Cache, store: Store) -> None:
        self._cache = cache
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/api/sessions", self.sessions, methods=["GET"]),
            Route("/api/sessions", self.create_session, methods=["POST"]),
            Route("/api/sessions/agent/{namespace}/{name}", self.sessions_of_agent, methods=["GET"]),
            Route("/api/sessions/{id}", self.session, methods=["GET"]),
            Route("/api/sessions/{id}", self.update_session, methods=["PUT", "PATCH"]),
            Route("/api/sessions/{id}", self.delete_session, methods=["DELETE"]),
            Route("/api/sessions/{id}/events", self.add_event, methods=["POST"]),
            Route("/api/sessions/{id}/tasks", self.tasks, methods=["GET"]),
            Route("/api/tasks", self.save_task, methods=["POST"]),
            Route("/api/tasks/{id}", self.task, methods=["GET"]),
            Route("/api/tasks/{id}", self.delete_task, methods=["DELETE"]),
        ]

    async def sessions(self, request: Request) -> Response:
        return found(self._store.sessions(user_of(request)), "Successfully listed sessions")

    async def sessions_of_agent(self, request: Request) -> Response:
        key = Key(request.path_params["namespace"], request.path_params["name"])
        agent_id = python_identifier(key)
        if not self._is_agent(agent_id):
            raise ApiError(404, "Agent not found", f"failed to get agent {agent_id}: {_NO_RECORD}")
        listed = [
            session
            for session in self._store.sessions(user_of(request))
            if session.get("agent_id") == agent_id and session.get("source") != "agent"
        ]
        return found(listed, "Successfully listed sessions")

    async def create_session(self, request: Request) -> Response:
        body = await body_of(request)
        reference = body.get("agent_ref")
        if reference is None:
            raise ApiError(400, "agent_ref is required")
        agent_id = _identifier(reference)
        if not self._is_agent(agent_id):
            cause = f"failed to get agent {agent_id}: {_NO_RECORD}"
            raise ApiError(400, f"Agent ref is invalid, please check the agent ref {reference}", cause)
        session_id = body.get("id") or str(uuid.uuid4())
        saved = self._store.save_session(
            session_id, user_of(request), agent_id, body.get("name"), body.get("source")
        )
        return created(saved, "Successfully created session")

    async def session(self, request: Request) -> Response:
        session, user = self._session(request, "Session not found"), user_of(request)
        query = request.query_params
        try:
            after = datetime.fromisoformat(query["after"]) if query.get("after") else None
            limit = int(query.get("limit") or 0)
        except ValueError as error:
            raise ApiError(400, str(error), str(error)) from None
        ascending = query.get("order") == "asc"
        events = self._store.events(session["id"], user, ascending=ascending, after=after, limit=limit)
        return found({"session": session, "events": events}, "Successfully retrieved session")

    async def update_session(self, request: Request) -> Response:
        body = await body_of(request)
        if body.get("name") is None and body.get("agent_ref") is None:
            raise ApiError(400, "at least one of name or agent_ref is required")
        session = self._session(request, "Session not found")
        agent_id = _identifier(body["agent_ref"]) if body.get("agent_ref") else session.get("agent_id", "")
        name = body.get("name") or session.get("name")
        saved = self._store.save_session(
            session["id"], user_of(request), agent_id, name, session.get("source")
        )
        return found(saved, "Successfully updated session")

    async def delete_session(self, request: Request) -> Response:
        self._store.delete_session(request.path_params["id"], user_of(request))
        return found({}, "Session deleted successfully")

    async def add_event(self, request: Request) -> Response:
        body = await body_of(request)
        session = self._session(request, "Session not found")
        if session.get("agent_id") != _identifier(request.headers.get("x-agent-name", "")):
            raise ApiError(403, "Session does not belong to this agent")
        event = self._store.add_event(body["id"], session["id"], user_of(request), body["data"])
        return created(event, "Event added to session successfully")

    async def tasks(self, request: Request) -> Response:
        session = self._session(request, "Session not found for given ID")
        tasks = [json.loads(task) for task in self._store.tasks(session["id"], user_of(request))]
        return found(tasks, "Successfully retrieved session tasks")

    async def task(self, request: Request) -> Response:
        task_id = request.path_params["id"]
        task = self._store.task(task_id, user_of(request))
        if task is None:
            raise ApiError(404, "Task not found", f"failed to get task {task_id}: {_NO_RECORD}")
        return found(json.loads(task), "Successfully retrieved task")

    async def save_task(self, request: Request) -> Response:
        task = _without_nulls(await body_of(request))
        task.setdefault("id", str(uuid.uuid4()))
        saved = self._store.save_task(
            task["id"], task.get("contextId", ""), user_of(request), json.dumps(task, sort_keys=True)
        )
        if not saved:
            raise ApiError(409, "Task ID is already in use", "task is owned by another user")
        return created(task, "Successfully created task")

    async def delete_task(self, request: Request) -> Response:
        self._store.delete_task(request.path_params["id"], user_of(request))
        return Response(status_code=204)

    def _session(self, request: Request, complaint: str) -> Object:
        session_id = request.path_params["id"]
        session = self._store.session(session_id, user_of(request))
        if session is None:
            raise ApiError(404, complaint, f"failed to get session {session_id}: {_NO_RECORD}")
        return session

    def _is_agent(self, agent_id: str) -> bool:
        return any(python_identifier(key_of(agent)) == agent_id for agent in self._cache.all(AGENT))


def _identifier(reference: str) -> str:
    """`ns/name` and the identifier form name the same agent."""
    return reference.replace("-", "_").replace("/", "__NS__")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list) else value
