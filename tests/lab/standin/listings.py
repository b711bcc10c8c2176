"""What the cluster holds, over REST: agents, model configurations, tools and their servers."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.lab.standin.answers import ApiError, found, plain_json, user_of
from tests.lab.standin.cache import Cache
from tests.lab.standin.kinds import AGENT, MODEL_CONFIG, Key, Object, key_of
from tests.lab.standin.references import python_identifier
from tests.lab.standin.sources import NotFound
from tests.lab.standin.status import is_true
from tests.lab.standin.store import Store


class Listings:
    def __init__(self, cache: Cache, store: Store) -> None:
        self._cache = cache
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            Route("/version", self.version),
            Route("/api/me", self.me),
            Route("/api/agents", self.agents),
            Route("/api/agents/{namespace}/{name}", self.agent),
            Route("/api/modelconfigs", self.model_configs),
            Route("/api/tools", self.tools),
            Route("/api/toolservers", self.tool_servers),
        ]

    async def health(self, request: Request) -> Response:
        return found({"status": "OK"}, "OK")

    async def version(self, request: Request) -> Response:
        return plain_json({"kagent_version": "stand-in", "git_commit": "none", "build_date": "unknown"})

    async def me(self, request: Request) -> Response:
        return plain_json({"sub": user_of(request)})

    async def agents(self, request: Request) -> Response:
        namespace = request.query_params.get("namespace", "")
        listed = [a for a in self._cache.all(AGENT) if namespace in ("", key_of(a).namespace)]
        return found([self._agent(a, self._model_of(a)) for a in listed], "Successfully listed agents")

    async def agent(self, request: Request) -> Response:
        key = Key(request.path_params["namespace"], request.path_params["name"])
        try:
            agent = self._cache.get(AGENT, key)
        except NotFound as error:
            raise ApiError(404, "Agent not found", str(error)) from None
        model = self._model_of(agent)
        if model is None and _is_declarative(agent):
            raise ApiError(500, "Internal server error")
        return found(self._agent(agent, model), "Successfully retrieved agent")

    async def model_configs(self, request: Request) -> Response:
        listed = [
            {"ref": str(key_of(m)), "spec": m["spec"], "status": m.get("status", {})}
            for m in self._cache.all(MODEL_CONFIG)
        ]
        return found(listed, "Successfully listed ModelConfigs")

    async def tools(self, request: Request) -> Response:
        return found(self._store.tools(), "Successfully listed tools")

    async def tool_servers(self, request: Request) -> Response:
        return found(self._store.servers(), "Successfully listed ToolServers")

    def _model_of(self, agent: Object) -> Object | None:
        name = (agent["spec"].get("declarative") or {}).get("modelConfig", "")
        try:
            return self._cache.get(MODEL_CONFIG, Key(key_of(agent).namespace, name))
        except NotFound:
            return None

    def _agent(self, agent: Object, model: Object | None) -> Object:
        parts = ("apiVersion", "kind", "metadata", "spec", "status")
        declarative = agent["spec"].get("declarative") or {}
        return {
            "id": python_identifier(key_of(agent)),
            "agent": {part: agent.get(part, {}) for part in parts},
            "modelProvider": model["spec"].get("provider", "") if model else "",
            "model": model["spec"]["model"] if model else "",
            "modelConfigRef": str(key_of(model)) if model else "",
            "memoryRefs": None,
            "tools": declarative.get("tools") if model else None,
            "deploymentReady": is_true(agent, "Ready"),
            "accepted": is_true(agent, "Accepted"),
            "workloadMode": "deployment",
        }


def _is_declarative(agent: Object) -> bool:
    agent_type: str = agent["spec"].get("type", "Declarative")
    return agent_type == "Declarative"
