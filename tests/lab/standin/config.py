"""An Agent as config.json, the file its runtime starts from, with everything it refers to resolved."""

from dataclasses import dataclass, field
from typing import Any

from tests.lab.standin import model_config, prompt, skills, tools
from tests.lab.standin.gojson import without_none
from tests.lab.standin.kinds import Key, Object, key_of
from tests.lab.standin.references import check_loops
from tests.lab.standin.sources import NotFound, ReconcileError, Sources, config_map_data, resolve_value


@dataclass(frozen=True)
class AgentConfig:
    config: dict[str, Any]
    env: list[Object] = field(default_factory=list)
    secret_hash: bytes = b""


def compile_agent(agent: Object, sources: Sources) -> AgentConfig:
    spec = agent["spec"]
    check_loops(agent, sources)
    if spec.get("type", "Declarative") == "BYO":
        return AgentConfig({"model": None, "description": spec.get("description", ""), "instruction": ""})
    declarative = spec["declarative"]
    models = _Models(key_of(agent).namespace, declarative.get("modelConfig", ""), sources)
    message = _raw_message(declarative, key_of(agent).namespace, sources)
    context = _context(declarative, models)
    memory = _memory(declarative, models)
    found = tools.translate(agent, sources)
    config = {
        "model": models.main.config,
        "description": spec.get("description", ""),
        "instruction": _fill_in(message, agent, found.names, sources),
    }
    config |= without_none({"http_tools": found.http, "sse_tools": found.sse, "remote_agents": found.agents})
    config |= without_none({"execute_code": declarative.get("executeCodeBlocks")})
    config["stream"] = declarative.get("stream", False)
    config |= memory | _network(spec) | context
    config |= {"share_tools": True} if declarative.get("shareTools") else {}
    return AgentConfig(config, models.env, models.secret_hash + found.secret_hash)


class _Models:
    """The models that an agent uses, with the environment and the Secret hashes that they bring along."""

    def __init__(self, namespace: str, main: str, sources: Sources) -> None:
        self._namespace = namespace
        self._main_name = main
        self._sources = sources
        self.main = model_config.translate(namespace, main, sources)
        self.env = list(self.main.env)
        self.secret_hash = self.main.secret_hash

    def use(self, name: str, purpose: str) -> dict[str, Any]:
        """Another model's configuration, or the main one's when it is the same."""
        if name == self._main_name:
            return self.main.config
        try:
            model = model_config.translate(self._namespace, name, self._sources)
        except (ReconcileError, NotFound) as error:
            raise ReconcileError(f"failed to {purpose}: {error}") from None
        named = {variable["name"] for variable in self.env}
        self.env += [variable for variable in model.env if variable["name"] not in named]
        self.secret_hash += model.secret_hash
        return model.config


def _raw_message(declarative: Object, namespace: str, sources: Sources) -> str:
    if "systemMessageFrom" in declarative:
        return resolve_value(declarative["systemMessageFrom"], namespace, sources)
    if declarative.get("systemMessage"):
        return str(declarative["systemMessage"])
    raise ReconcileError(
        "at least one system message source (SystemMessage or SystemMessageFrom) must be specified"
    )


def _fill_in(message: str, agent: Object, tool_names: list[str], sources: Sources) -> str:
    key, spec = key_of(agent), agent["spec"]
    prompt_sources = spec["declarative"].get("promptTemplate", {}).get("dataSources")
    if not prompt_sources:
        return message
    context = {
        "AgentName": key.name,
        "AgentNamespace": key.namespace,
        "Description": spec.get("description", ""),
        "ToolNames": tool_names,
        "SkillNames": skills.names(spec),
    }
    try:
        return prompt.execute(message, context, _prompt_sources(key.namespace, prompt_sources, sources))
    except ReconcileError as error:
        raise ReconcileError(f"failed to execute system message template: {error}") from None


def _prompt_sources(namespace: str, listed: list[Object], sources: Sources) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in listed:
        try:
            data = config_map_data(sources, Key(namespace, source["name"]))
        except ReconcileError as error:
            raise ReconcileError(f'failed to resolve prompt source "{source["name"]}": {error}') from None
        prefix = source.get("alias") or source["name"]
        found |= {f"{prefix}/{name}": text for name, text in data.items()}
    return found


def _network(spec: Object) -> dict[str, Any]:
    network = spec.get("sandbox", {}).get("network")
    return (
        {}
        if network is None
        else {"network": without_none({"allowed_domains": network.get("allowedDomains")})}
    )


def _memory(declarative: Object, models: _Models) -> dict[str, Any]:
    memory = declarative.get("memory")
    if memory is None:
        return {}
    model = models.use(memory["modelConfig"], "resolve embedding config")
    kept = ("model", "base_url", "api_key_passthrough")
    embedding = {"provider": model["type"]} | without_none({name: model.get(name) for name in kept})
    return {"memory": without_none({"ttl_days": memory.get("ttlDays")}) | {"embedding": embedding}}


def _context(declarative: Object, models: _Models) -> dict[str, Any]:
    if "context" not in declarative:
        return {}
    compaction = declarative["context"].get("compaction")
    if compaction is None:
        return {"context_config": {}}
    summarizer = compaction.get("summarizer")
    summarizer_model: dict[str, Any] | None = None
    if summarizer is not None:
        name = summarizer.get("modelConfig") or declarative.get("modelConfig", "")
        summarizer_model = models.use(name, f'translate summarizer model config "{name}"')
    fields = {
        "compaction_interval": compaction.get("compactionInterval"),
        "overlap_size": compaction.get("overlapSize"),
        "summarizer_model": summarizer_model,
        "prompt_template": (summarizer or {}).get("promptTemplate"),
        "token_threshold": compaction.get("tokenThreshold"),
        "event_retention_size": compaction.get("eventRetentionSize"),
    }
    return {"context_config": {"compaction": without_none(fields)}}
