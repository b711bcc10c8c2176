"""A ModelConfig as the `model` part of config.json, and what it adds to the agent's container."""

from dataclasses import dataclass
from typing import Any

from tests.lab.standin.gojson import optional_number, without_none
from tests.lab.standin.kinds import MODEL_CONFIG, Key, Object
from tests.lab.standin.sources import ReconcileError, Sources, hash_bytes


@dataclass(frozen=True)
class Model:
    config: dict[str, Any]
    env: list[Object]
    secret_hash: bytes


def translate(namespace: str, name: str, sources: Sources) -> Model:
    found = sources.get(MODEL_CONFIG, Key(namespace, name))
    spec = found["spec"]
    if "tls" in spec:
        raise ReconcileError("the stand-in controller does not render spec.tls of a ModelConfig")
    provider = spec.get("provider", "OpenAI")
    if provider not in _PROVIDERS:
        raise ReconcileError(f"the stand-in controller does not render the model provider {provider}")
    fields, env = _PROVIDERS[provider](spec)
    config = {"type": provider.lower(), "model": spec["model"]}
    config |= without_none({"headers": dict(sorted(spec.get("defaultHeaders", {}).items()))})
    config |= {"api_key_passthrough": True} if spec.get("apiKeyPassthrough") else {}
    secret_hash = found.get("status", {}).get("secretHash", "")
    return Model(config | fields, env, hash_bytes(secret_hash))


def _openai(spec: Object) -> tuple[dict[str, Any], list[Object]]:
    settings = spec.get("openAI", {})
    if "tokenExchange" in settings:
        raise ReconcileError("the stand-in controller does not render openAI.tokenExchange")
    fields = {
        "frequency_penalty": optional_number(settings.get("frequencyPenalty", "")),
        "max_tokens": settings.get("maxTokens") or None,
        "max_completion_tokens": settings.get("maxCompletionTokens") or None,
        "n": settings.get("n"),
        "presence_penalty": optional_number(settings.get("presencePenalty", "")),
        "reasoning_effort": settings.get("reasoningEffort"),
        "seed": settings.get("seed"),
        "temperature": optional_number(settings.get("temperature", "")),
        "timeout": settings.get("timeout"),
        "top_p": optional_number(settings.get("topP", "")),
        "api_format": settings.get("apiFormat"),
    }
    env = _key(spec, "OPENAI_API_KEY")
    if settings.get("organization"):
        env.append({"name": "OPENAI_ORGANIZATION", "value": settings["organization"]})
    return {"base_url": settings.get("baseUrl", "")} | without_none(fields), env


def _anthropic(spec: Object) -> tuple[dict[str, Any], list[Object]]:
    settings = spec.get("anthropic", {})
    fields = {
        "base_url": settings.get("baseUrl"),
        "max_tokens": settings.get("maxTokens") or None,
        "temperature": optional_number(settings.get("temperature", "")),
        "top_p": optional_number(settings.get("topP", "")),
        "top_k": settings.get("topK") or None,
    }
    return without_none(fields), _key(spec, "ANTHROPIC_API_KEY")


def _ollama(spec: Object) -> tuple[dict[str, Any], list[Object]]:
    if "ollama" not in spec:
        raise ReconcileError("ollama model config is required")
    host = spec["ollama"].get("host", "")
    host = host if host.startswith(("http://", "https://")) else f"http://{host}"
    options = dict(sorted(spec["ollama"].get("options", {}).items()))
    return without_none({"options": options}), [{"name": "OLLAMA_API_BASE", "value": host}]


def _key(spec: Object, variable: str) -> list[Object]:
    if spec.get("apiKeyPassthrough") or not spec.get("apiKeySecret"):
        return []
    reference = {"name": spec["apiKeySecret"], "key": spec.get("apiKeySecretKey", "")}
    return [{"name": variable, "valueFrom": {"secretKeyRef": reference}}]


_PROVIDERS = {"OpenAI": _openai, "Anthropic": _anthropic, "Ollama": _ollama}
