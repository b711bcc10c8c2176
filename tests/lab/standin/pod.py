"""The pod of an Agent: container, probe, environment, volumes. Pure."""

from typing import Any

from tests.lab.standin.gojson import compact, without_none
from tests.lab.standin.kinds import Object, key_of
from tests.lab.standin.settings import Image, Settings
from tests.lab.standin.skills import FOLDER, Skills
from tests.lab.standin.sources import ReconcileError

RESOURCES = {
    "requests": {"cpu": "100m", "memory": "384Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}
_SANDBOX_SETTINGS_PATH = "/config/srt-settings.json"


def template(agent: Object, model_env: list[Object], skills: Skills | None, settings: Settings) -> Object:
    """The pod template's spec; its metadata is the caller's."""
    name, spec = key_of(agent).name, agent["spec"]
    wanted = deployment_settings(spec)
    byo = spec.get("type") == "BYO"
    container = _byo_container(wanted, settings) if byo else _runtime_container(spec, wanted, settings)
    container |= {
        "name": "kagent",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": _probe(spec),
        "resources": wanted.get("resources", RESOURCES),
        "env": [*wanted.get("env", []), *model_env, *_controller_env(agent, skills, settings)],
        "volumeMounts": _mounts(wanted, skills),
    }
    isolates = skills is not None or bool(spec.get("declarative", {}).get("executeCodeBlocks"))
    context = _security_context(wanted, isolates=isolates)
    container |= without_none({"envFrom": wanted.get("envFrom"), "securityContext": context})
    rest = {
        "initContainers": [skills.init_container] if skills else [],
        "imagePullSecrets": wanted.get("imagePullSecrets"),
        "securityContext": wanted.get("podSecurityContext"),
        "tolerations": wanted.get("tolerations"),
        "affinity": wanted.get("affinity"),
        "nodeSelector": wanted.get("nodeSelector"),
    }
    return {
        "spec": {
            "serviceAccountName": wanted.get("serviceAccountName", name),
            "containers": [container, *_extra_containers(wanted)],
            "volumes": _volumes(name, wanted, skills),
            **without_none(rest),
        }
    }


def deployment_settings(spec: Object) -> Object:
    """The part of an Agent's spec that shapes its Deployment; where it stands depends on the type."""
    part = spec.get("byo") if spec.get("type") == "BYO" else spec.get("declarative")
    return (part or {}).get("deployment") or {}


def needs_sandbox_settings(spec: Object) -> bool:
    if spec.get("type") == "BYO":
        return "sandbox" in spec
    return "skills" in spec or bool(spec["declarative"].get("executeCodeBlocks"))


def sandbox_settings(spec: Object) -> str:
    domains = spec.get("sandbox", {}).get("network", {}).get("allowedDomains", [])
    return compact(
        {
            "filesystem": {"allowWrite": [".", "/tmp"], "denyRead": [], "denyWrite": []},
            "network": {"allowedDomains": domains, "deniedDomains": []},
        }
    )


def _byo_container(wanted: Object, settings: Settings) -> dict[str, Any]:
    if not wanted.get("image"):
        raise ReconcileError(
            "image is required for BYO deployment" if wanted else "BYO deployment spec is required"
        )
    policy = wanted.get("imagePullPolicy") or settings.python_image.pull_policy
    command = [wanted["cmd"]] if wanted.get("cmd") else []
    rest = {"command": command, "args": wanted.get("args"), "workingDir": wanted.get("workingDir")}
    return {"image": wanted["image"], "imagePullPolicy": policy} | without_none(rest)


def _runtime_container(spec: Object, wanted: Object, settings: Settings) -> dict[str, Any]:
    image = settings.go_image if _is_go(spec) else settings.python_image
    tag = f"{image.tag}-full" if needs_sandbox_settings(spec) else image.tag
    return {
        "image": f"{wanted.get('imageRegistry') or image.registry}/{image.repository}:{tag}",
        "imagePullPolicy": _policy(wanted, image),
        "args": ["--host", "0.0.0.0", "--port", "8080", "--filepath", "/config"],
    }


def _policy(wanted: Object, image: Image) -> str:
    return str(wanted.get("imagePullPolicy") or image.pull_policy)


def _is_go(spec: Object) -> bool:
    runtime: str = spec.get("declarative", {}).get("runtime", "python")
    return runtime == "go"


def _probe(spec: Object) -> Object:
    delay, timeout, period = (1, 5, 1) if _is_go(spec) else (15, 15, 15)
    return {
        "httpGet": {"path": "/.well-known/agent-card.json", "port": "http"},
        "initialDelaySeconds": delay,
        "timeoutSeconds": timeout,
        "periodSeconds": period,
    }


def _controller_env(agent: Object, skills: Skills | None, settings: Settings) -> list[Object]:
    env: list[Object] = [{"name": name, "value": value} for name, value in settings.otel.items()]
    env += [
        {"name": "KAGENT_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "KAGENT_NAME", "value": key_of(agent).name},
        {"name": "KAGENT_URL", "value": settings.url},
    ]
    if skills:
        env.append({"name": "KAGENT_SKILLS_FOLDER", "value": FOLDER})
    if needs_sandbox_settings(agent["spec"]):
        env.append({"name": "KAGENT_SRT_SETTINGS_PATH", "value": _SANDBOX_SETTINGS_PATH})
    return env


def _security_context(wanted: Object, *, isolates: bool) -> Object | None:
    context: Object | None = wanted.get("securityContext")
    if not isolates or (context or {}).get("allowPrivilegeEscalation") is False:
        return context
    return (context or {}) | {"privileged": True}


def _extra_containers(wanted: Object) -> list[Object]:
    seen: set[str] = set()
    for container in wanted.get("extraContainers", []):
        if container["name"] == "kagent":
            raise ReconcileError('extraContainers: "kagent" is a reserved container name')
        if container["name"] in seen:
            raise ReconcileError(f'extraContainers: duplicate container name "{container["name"]}"')
        seen.add(container["name"])
    return list(wanted.get("extraContainers", []))


def _mounts(wanted: Object, skills: Skills | None) -> list[Object]:
    return [
        {"name": "config", "mountPath": "/config"},
        *wanted.get("volumeMounts", []),
        *([{"name": "kagent-skills", "mountPath": FOLDER, "readOnly": True}] if skills else []),
        {"name": "kagent-token", "mountPath": "/var/run/secrets/tokens"},
    ]


def _volumes(name: str, wanted: Object, skills: Skills | None) -> list[Object]:
    token = {"audience": "kagent", "expirationSeconds": 3600, "path": "kagent-token"}
    return [
        {"name": "config", "secret": {"secretName": name}},
        *wanted.get("volumes", []),
        *(skills.volumes if skills else []),
        {"name": "kagent-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
    ]
