"""An Agent as config.json, the file its runtime starts from, with everything it refers to resolved."""

from dataclasses import dataclass, field
from typing import Any

from tests.lab.standin import model_config, prompt, tools
from tests.lab.standin.gojson import without_none
from tests.lab.standin.kinds import Key, Object, key_of
from tests.lab.standin.references import check_loops
from tests.lab.standin.sources import ReconcileError, Sources, config_map_data, resolve_value


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
    _refuse_unsupported(spec)
    namespace, model_name = key_of(agent).namespace, declarative.get("modelConfig", "")
    model = model_config.translate(namespace, model_name, sources)
    message = _raw_message(declarative, namespace, sources)
    context, env, secret_hash = _context(declarative, namespace, model, sources)
    found = tools.translate(agent, sources)
    config = {
        "model": model.config,
        "description": spec.get("description", ""),
        "instruction": _fill_in(message, agent, found.names, sources),
    }
    config |= without_none({"http_tools": found.http, "sse_tools": found.sse, "remote_agents": found.agents})
    config |= without_none({"execute_code": declarative.get("executeCodeBlocks")})
    config["stream"] = declarative.get("stream", False)
    config |= _network(spec) | context
    config |= {"share_tools": True} if declarative.get("shareTools") else {}
    return AgentConfig(config, env, model.secret_hash + secret_hash + found.secret_hash)


def _refuse_unsupported(spec: Object) -> None:
    unsupported = ["skills"] if "skills" in spec else []
    unsupported += ["declarative.memory"] if "memory" in spec["declarative"] else []
    if unsupported:
        raise ReconcileError(f"the stand-in controller does not render spec.{unsupported[0]}")


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
        "SkillNames": [],
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


def _context(
    declarative: Object, namespace: str, model: model_config.Model, sources: Sources
) -> tuple[dict[str, Any], list[Object], bytes]:
    """context_config, with the environment and secret hash that a summarizer's own model adds."""
    env, secret_hash = list(model.env), b""
    if "context" not in declarative:
        return {}, env, secret_hash
    compaction = declarative["context"].get("compaction")
    if compaction is None:
        return {"context_config": {}}, env, secret_hash
    summarizer = compaction.get("summarizer")
    summarizer_model: dict[str, Any] | None = None
    if summarizer is not None:
        other = summarizer.get("modelConfig")
        summarizer_model = model.config
        if other and other != declarative.get("modelConfig"):
            second = model_config.translate(namespace, other, sources)
            summarizer_model, secret_hash = second.config, second.secret_hash
            named = {variable["name"] for variable in env}
            env += [variable for variable in second.env if variable["name"] not in named]
    fields = {
        "compaction_interval": compaction.get("compactionInterval"),
        "overlap_size": compaction.get("overlapSize"),
        "summarizer_model": summarizer_model,
        "prompt_template": (summarizer or {}).get("promptTemplate"),
        "token_threshold": compaction.get("tokenThreshold"),
        "event_retention_size": compaction.get("eventRetentionSize"),
    }
    return {"context_config": {"compaction": without_none(fields)}}, env, secret_hash
