"""The A2A agent card that an agent serves, and the one the controller serves in front of it."""

from typing import Any

from tests.lab.standin.gojson import indented, without_none
from tests.lab.standin.kinds import Object, key_of

_VERSIONS = ("0.3", "1.0")


def agent_card(agent: Object, url: str = "") -> str:
    """The card as JSON text; `url` is where clients reach the agent, its own Service by default."""
    key, spec = key_of(agent), agent["spec"]
    url = url or f"http://{key.name}.{key.namespace}:8080"
    skills = spec.get("declarative", {}).get("a2aConfig", {}).get("skills", [])
    top: dict[str, Any] = {
        "defaultInputModes": ["text"],
        "defaultOutputModes": ["text"],
        "description": spec.get("description", ""),
    }
    top |= without_none({"documentationUrl": spec.get("documentationUrl"), "iconUrl": spec.get("iconUrl")})
    top["name"] = key.name.replace("-", "_")
    if "provider" in spec:
        provider = spec["provider"]
        top["provider"] = {"organization": provider.get("organization", ""), "url": provider.get("url", "")}
    interfaces = [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": v} for v in _VERSIONS]
    return indented(
        top
        | {
            "version": spec.get("version", ""),
            "skills": [_skill(skill) for skill in skills],
            "capabilities": {"streaming": True},
            "supportedInterfaces": interfaces,
            "url": url,
            "protocolVersion": "0.3",
            "preferredTransport": "JSONRPC",
        }
    )


def _skill(skill: Object) -> Object:
    ordered: Object = {"description": skill.get("description", "")}
    ordered |= without_none({"examples": skill.get("examples")})
    ordered["id"] = skill.get("id", "")
    ordered |= without_none({"inputModes": skill.get("inputModes")})
    ordered["name"] = skill["name"]
    ordered |= without_none({"outputModes": skill.get("outputModes")})
    return ordered | {"tags": skill.get("tags")}
