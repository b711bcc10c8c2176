"""From kubectl's connection flags to a connected cluster: kubeconfig, credentials, TLS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubectl_kagent.errors import KagentError, Unauthorized

if TYPE_CHECKING:
    from kubectl_kagent.cluster.api import ApiServer

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Connection:
    """kubectl's connection flags as given; None means: as the kubeconfig has it."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    as_uid: str | None = None
    request_timeout: float | None = None
    token: str | None = None
    server: str | None = None
    certificate_authority: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None


def connect(flags: Connection) -> ApiServer:
    """Open the cluster that ``flags`` name; nothing is sent yet.

    Raises KagentError for a kubeconfig that is missing, malformed, or names what it does not have.
    """
    from kubernetes.client import Configuration

    from kubectl_kagent.cluster.api import ApiServer

    configuration = Configuration()
    configuration.retries = False
    namespace = _load(flags, configuration)
    if flags.server:
        configuration.host = flags.server.rstrip("/")
    if flags.token:
        configuration.api_key["authorization"] = f"Bearer {flags.token}"
        configuration.cert_file = configuration.key_file = None
    if flags.certificate_authority:
        configuration.ssl_ca_cert = flags.certificate_authority
    if flags.client_certificate:
        configuration.cert_file = flags.client_certificate
    if flags.client_key:
        configuration.key_file = flags.client_key
    if flags.insecure_skip_tls_verify:
        configuration.verify_ssl = False
    if flags.tls_server_name:
        configuration.tls_server_name = flags.tls_server_name
    for path in (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file):
        if path and not Path(path).is_file():
            raise KagentError(f"unable to read {path}: no such file")
    return ApiServer(
        configuration,
        namespace=flags.namespace or namespace,
        impersonate=_impersonation(flags),
        timeout=flags.request_timeout,
    )


def _impersonation(flags: Connection) -> tuple[tuple[str, str], ...]:
    headers = [("Impersonate-User", flags.as_user)] if flags.as_user else []
    headers += [("Impersonate-Group", group) for group in flags.as_groups]
    if flags.as_uid:
        headers.append(("Impersonate-Uid", flags.as_uid))
    if headers and not flags.as_user:
        raise KagentError("requesting uid or groups without impersonating a user", hint="add --as=USER")
    return tuple(headers)


def _load(flags: Connection, configuration: Any) -> str:
    """Fill ``configuration`` from the kubeconfig (or the pod's service account); the namespace."""
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    paths = _paths(flags)
    present = [path for path in paths if path.is_file()]
    if flags.kubeconfig and not present:
        raise KagentError(f"stat {flags.kubeconfig}: no such file or directory")
    if not present:
        return _load_in_cluster(configuration, flags)
    try:
        merger = KubeConfigMerger(os.pathsep.join(map(str, present)))
        if merger.config is None:
            raise KagentError(f"error loading config file {present[0]}: it is empty")
        node = merger.config
        context = _context(node.value, flags)
        loader = KubeConfigLoader(config_dict=node, active_context=context["name"])
        loader.load_and_set(configuration)
    except KagentError:
        raise
    except Exception as error:  # yaml, base64, config and exec plugin errors: all mean an unusable kubeconfig
        raise _unusable(present, error) from error
    return str(context["context"].get("namespace") or "default")


def _paths(flags: Connection) -> list[Path]:
    if flags.kubeconfig:
        return [Path(flags.kubeconfig).expanduser()]
    env = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in env] or [Path.home() / ".kube" / "config"]


def _context(config: Any, flags: Connection) -> dict[str, Any]:
    """The context to use, with --cluster and --user put in; added to ``config`` when it is a mixed one."""
    if not isinstance(config, dict):
        raise KagentError("error loading config file: it is not a kubeconfig")
    name = flags.context or config.get("current-context")
    contexts = {item.get("name"): item for item in config.get("contexts") or []}
    if not name and not (flags.cluster or flags.server):
        raise KagentError("no current context is set in the kubeconfig", hint="name one with --context")
    if name and name not in contexts:
        raise KagentError(
            f'context "{name}" does not exist', hint="kubectl config get-contexts lists those there are"
        )
    chosen: dict[str, Any] = dict((contexts.get(name) or {}).get("context") or {})
    for kind, value in (("cluster", flags.cluster), ("user", flags.user)):
        if value:
            known = {item.get("name") for item in config.get(f"{kind}s") or []}
            if value not in known:
                raise KagentError(f'{kind} "{value}" does not exist in the kubeconfig')
            chosen[kind] = value
    known_clusters = {item.get("name") for item in config.get("clusters") or []}
    if chosen.get("cluster") not in known_clusters:
        raise KagentError(f'context "{name}" names cluster "{chosen.get("cluster")}", which does not exist')
    mixed = {"name": "kubectl-kagent", "context": chosen}
    config.setdefault("contexts", []).append(mixed)
    return mixed


def _load_in_cluster(configuration: Any, flags: Connection) -> str:
    if "KUBERNETES_SERVICE_HOST" in os.environ and (_SERVICE_ACCOUNT / "token").is_file():
        from kubernetes.config import load_incluster_config

        load_incluster_config(client_configuration=configuration)
        return (_SERVICE_ACCOUNT / "namespace").read_text().strip()
    if flags.server:
        return "default"
    raise KagentError(
        "no kubeconfig: none of the usual places has one",
        hint="set KUBECONFIG or give --kubeconfig; kubectl config view shows what kubectl uses",
    )


def _unusable(paths: list[Path], error: Exception) -> KagentError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if "exec:" in first:
        return Unauthorized(f"getting credentials: {first}")
    where = os.pathsep.join(map(str, paths))
    return KagentError(f"error loading config file {where}: {first}")
