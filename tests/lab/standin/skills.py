"""An Agent's skills: the init container that fetches them, and the file that tells it what to fetch. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.lab.standin.gojson import compact, without_none
from tests.lab.standin.kinds import CONFIG_MAP, Object, key_of
from tests.lab.standin.settings import Settings
from tests.lab.standin.sources import ReconcileError

FOLDER = "/skills"
_GIT_AUTH = "/git-auth"
_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]+")
_SCP_LIKE = re.compile(r"(?:[^@/]+@)?([A-Za-z0-9.-]+):.+")
_ARCHIVES = (".tar.gz", ".tgz", ".zip")


@dataclass(frozen=True)
class Skills:
    """What skills add to a pod and to the objects beside it."""

    config: str
    config_map: str
    init_container: Object
    volumes: list[Object]


def names(spec: Object) -> list[str]:
    skills = spec.get("skills") or {}
    return [
        *(_oci_name(reference) for reference in skills.get("refs", [])),
        *(_git_name(reference) for reference in skills.get("gitRefs", [])),
        *(_s3_name(reference) for reference in skills.get("s3Refs", [])),
    ]


def translate(agent: Object, resources: Object, settings: Settings) -> Skills | None:
    """None when the Agent names nothing to fetch."""
    skills = agent["spec"].get("skills") or {}
    if not names(agent["spec"]):
        return None
    _check(names(agent["spec"]))
    config_map = f"{key_of(agent).name}-skills-init"
    mounted = _secret_mounts(skills)
    init = skills.get("initContainer", {})
    image = settings.skills_image
    container = {
        "name": "skills-init",
        "image": f"{image.registry}/{image.repository}:{image.tag}",
        "resources": init.get("resources", resources),
        "volumeMounts": [
            {"name": "kagent-skills", "mountPath": FOLDER},
            {"name": "skills-init-config", "mountPath": "/etc/kagent/skills-init", "readOnly": True},
            *({"name": volume, "mountPath": path, "readOnly": True} for volume, _, path in mounted),
        ],
    }
    return Skills(
        config=compact(_config(skills)),
        config_map=config_map,
        init_container=container | without_none({"env": init.get("env")}),
        volumes=[
            {"name": "kagent-skills", "emptyDir": {}},
            {"name": "skills-init-config", "configMap": {"name": config_map}},
            *({"name": volume, "secret": {"secretName": secret}} for volume, secret, _ in mounted),
        ],
    )


def config_map(agent: Object, skills: Skills) -> Object:
    """Unlike the other objects it bears no labels and annotations; its owner is the caller's to set."""
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.name,
        "metadata": {
            "name": skills.config_map,
            "namespace": key_of(agent).namespace,
            "annotations": {},
            "labels": {},
        },
        "data": {"config.json": skills.config},
    }


def _secret_mounts(skills: Object) -> list[tuple[str, str, str]]:
    """The volume, the Secret in it, and where it is mounted."""
    mounted = (
        [("git-auth", skills["gitAuthSecretRef"]["name"], _GIT_AUTH)] if "gitAuthSecretRef" in skills else []
    )
    pull_secrets = [secret["name"] for secret in skills.get("imagePullSecrets", [])]
    return mounted + [(f"pull-secret-{name}", name, f"/docker-secrets/{name}") for name in pull_secrets]


def _config(skills: Object) -> Object:
    authenticated = "gitAuthSecretRef" in skills
    git = skills.get("gitRefs", [])
    hosts = {host for reference in git if (host := _ssh_host(reference["url"]))} if authenticated else set()
    fields = {
        "authMountPath": _GIT_AUTH if authenticated else None,
        "gitRefs": [_git(reference) for reference in git],
        "ociRefs": [
            {"image": reference, "dest": f"{FOLDER}/{_oci_name(reference)}"}
            for reference in skills.get("refs", [])
        ],
        "insecureOci": skills.get("insecureSkipVerify") or None,
        "sshHosts": [{"host": host} | without_none({"port": port}) for host, port in sorted(hosts)],
        "imagePullSecrets": [secret["name"] for secret in skills.get("imagePullSecrets", [])],
        "s3Refs": [_s3(reference) for reference in skills.get("s3Refs", [])],
    }
    return without_none(fields)


def _git(reference: Object) -> Object:
    revision = reference.get("ref") or "main"
    fields = {"url": reference["url"], "ref": revision, "dest": f"{FOLDER}/{_git_name(reference)}"}
    rest = {
        "full": _COMMIT.fullmatch(revision) is not None or None,
        "subPath": reference.get("path", "").rstrip("/"),
    }
    return fields | without_none(rest)


def _s3(reference: Object) -> Object:
    fields = {"uri": reference["uri"], "dest": f"{FOLDER}/{_s3_name(reference)}"}
    return fields | without_none({"region": reference.get("region")})


def _check(found: list[str]) -> None:
    for name in found:
        if not _NAME.fullmatch(name):
            raise ReconcileError(f'failed to build skills init container: skill name "{name}" is not valid')
        if found.count(name) > 1:
            raise ReconcileError(
                f'failed to build skills init container: duplicate skill directory name "{name}"'
            )


def _oci_name(reference: str) -> str:
    repository = reference.partition("@")[0].rpartition("/")[2]
    return repository.partition(":")[0]


def _git_name(reference: Object) -> str:
    if reference.get("name", "").strip():
        return str(reference["name"]).strip()
    path = reference.get("path", "").strip().strip("/") or urlsplit(reference["url"]).path or reference["url"]
    return str(path).removesuffix(".git").rpartition("/")[2]


def _s3_name(reference: Object) -> str:
    if reference.get("name", "").strip():
        return str(reference["name"]).strip()
    base = str(reference["uri"]).strip().removesuffix("/").rpartition("/")[2]
    ending = next((ending for ending in _ARCHIVES if base.lower().endswith(ending)), "")
    return base.removesuffix(base[len(base) - len(ending) :]) if ending else base


def _ssh_host(url: str) -> tuple[str, str] | None:
    """Host, and port unless it is 22, of a git URL over SSH."""
    parts = urlsplit(url)
    if parts.scheme in ("ssh", "git+ssh"):
        return (parts.hostname or "", str(parts.port) if parts.port not in (None, 22) else "")
    scp_like = None if "://" in url else _SCP_LIKE.fullmatch(url)
    return (scp_like.group(1), "") if scp_like else None
