"""From kubectl's connection flags to a connected cluster: kubeconfig, credentials, TLS."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubectl_kagent.errors import KagentError, Unauthorized

if TYPE_CHECKING:
    from kubectl_kagent.cluster.api import ApiServer

_MIXED = "kubectl-kagent"  # name of the context that the flags and the kubeconfig make together
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
    from kubectl_kagent.cluster import lean

    lean.load()
    from kubernetes.client.configuration import Configuration

    from kubectl_kagent.cluster.api import ApiServer

    configuration = Configuration()
    configuration.retries = False
    configuration.connection_pool_maxsize = 100  # each log that is followed has one
    namespace = _load(flags, configuration)
    if flags.server:
        configuration.host = flags.server.rstrip("/")
    if flags.token:
        configuration.api_key["BearerToken"] = f"Bearer {flags.token}"
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
    if "://" not in configuration.host:
        tls = configuration.ssl_ca_cert or configuration.cert_file or not configuration.verify_ssl
        configuration.host = f"{'https' if tls else 'http'}://{configuration.host}"  # as kubectl does
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
    from kubernetes.config.kube_config import KubeConfigLoader

    paths = _paths(flags)
    present = [path for path in paths if path.is_file()]
    if flags.kubeconfig and not present:
        raise KagentError(f"stat {flags.kubeconfig}: no such file or directory")
    if not present:
        return _load_in_cluster(configuration, flags)
    try:
        files = {str(path): _read(path) for path in present}
        merged = _merge(files)
        context = _context(merged.value, _current_context(files.values()), flags)
        with _plugin_errors() as failures:
            loader = KubeConfigLoader(
                config_dict=merged,
                active_context=context["name"],
                config_base_path=None,  # relative paths start at the file that has them
            )
            loader.load_and_set(configuration)
    except KagentError:
        raise
    except Exception as error:  # yaml, base64 and config errors, and whatever a wrong shape runs into
        raise _unusable(present, error) from error
    if failures:
        raise Unauthorized(f"getting credentials: {failures[0]}")
    return str(context["context"].get("namespace") or "default")


@contextmanager
def _plugin_errors() -> Iterator[list[str]]:
    """What the loader logs: a failed exec plugin is only a line in the log for it."""
    failures: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: failures.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield failures
    finally:
        root.removeHandler(handler)


def _paths(flags: Connection) -> list[Path]:
    if flags.kubeconfig:
        return [Path(flags.kubeconfig).expanduser()]
    env = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part).expanduser() for part in env] or [Path.home() / ".kube" / "config"]


def _read(path: Path) -> dict[str, Any]:
    """A kubeconfig. The kubernetes package's own reading takes many times as long: it has no C in it."""
    import yaml

    config = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if config is None:  # an empty file is for kubectl one that says nothing
        return {}
    if not isinstance(config, dict):
        raise TypeError(config)
    return config


def _merge(files: Mapping[str, dict[str, Any]]) -> Any:
    """The files as one: of things of one name the first counts, and each knows the file that it is from."""
    from kubernetes.config.kube_config import ConfigNode

    first = next(iter(files))
    whole = ConfigNode(first, dict(files[first]), first)
    for kind in ("clusters", "contexts", "users"):
        found: dict[str, Any] = {}
        for path, config in files.items():
            for item in config.get(kind) or []:
                node = ConfigNode(f"{path}/{kind}", item, path)
                found.setdefault(node["name"], node)
        whole.value[kind] = list(found.values())
    return whole


def _current_context(files: Iterable[Mapping[str, Any]]) -> str | None:
    """The first file that sets one decides, as for kubectl."""
    return next((file["current-context"] for file in files if file.get("current-context")), None)


def _context(config: dict[str, Any], current: str | None, flags: Connection) -> dict[str, Any]:
    """The context to use, with the flags put in; added to ``config``, since it may be a mixed one."""
    name = flags.context or current
    contexts = {item["name"]: item for item in config["contexts"]}
    if not name and not (flags.cluster or flags.server):
        raise KagentError("no current context is set in the kubeconfig", hint="name one with --context")
    if name and name not in contexts:
        raise KagentError(
            f'context "{name}" does not exist', hint="kubectl config get-contexts lists those there are"
        )
    chosen: dict[str, Any] = dict(contexts[name]["context"].value) if name else {}
    for kind, value in (("cluster", flags.cluster), ("user", flags.user)):
        if value:
            if value not in _names(config, kind):
                raise KagentError(f'{kind} "{value}" does not exist in the kubeconfig')
            chosen[kind] = value
    if flags.token:
        chosen.pop("user", None)  # the token stands for the whole user: no certificate, no exec plugin
    if flags.server and not chosen.get("cluster"):
        chosen["cluster"] = _MIXED
        config["clusters"].append({"name": _MIXED, "cluster": {"server": flags.server}})
    for kind in ("cluster", "user"):
        named = chosen.get(kind)
        if (named or kind == "cluster") and named not in _names(config, kind):
            raise KagentError(f'context "{name}" names {kind} "{named or ""}", which does not exist')
    mixed = {"name": _MIXED, "context": chosen}
    config["contexts"].append(mixed)
    return mixed


def _names(config: dict[str, Any], kind: str) -> set[str]:
    return {item["name"] for item in config[f"{kind}s"]}


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
    mark = getattr(error, "problem_mark", None)
    if mark:
        why = f"yaml: line {mark.line + 1}: {getattr(error, 'problem', '')}"
    elif isinstance(error, (AttributeError, KeyError, TypeError)):
        why = "it is not a kubeconfig"
    else:
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return KagentError(f"error loading config file {os.pathsep.join(map(str, paths))}: {why}")
