"""From kubectl's connection flags to a connected cluster; by client-go's rules, so as kubectl."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubectl_kagent.errors import KagentError, Unauthorized, UsageError
from kubectl_kagent.model.paths import segment

if TYPE_CHECKING:
    from kubectl_kagent.cluster.api import ApiServer
    from kubectl_kagent.cluster.kubeconfig import Chosen, Entry, Kubeconfig
    from kubectl_kagent.cluster.login import Login
    from kubectl_kagent.cluster.transport import RestConfig

_REMOVED = {  # auth-providers that client-go had once -> what it says came instead
    "azure": "Please use the https://github.com/Azure/kubelogin kubectl/client-go credential plugin instead. "
    "See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins"
    " for further details",
    "gcp": 'Please use the "gke-gcloud-auth-plugin" kubectl/client-go credential plugin instead. '
    "See https://cloud.google.com/blog/products/containers-kubernetes/kubectl-auth-changes-in-gke "
    "for further details",
}
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
    as_user_extra: tuple[str, ...] = ()
    request_timeout: float | None = None
    token: str | None = None
    server: str | None = None
    certificate_authority: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None


def connect(flags: Connection, warn: Callable[[str], None] | None = None) -> ApiServer:
    """Open the cluster that ``flags`` name; nothing is sent yet, but a credential plugin may run.

    ``warn`` hears once of a kagent whose agents are others than those that we know.

    Raises KagentError for a kubeconfig that is missing, malformed, or names what it does not have, and
    InvalidName for a namespace that no request could be about.
    """
    from kubectl_kagent.cluster import lazy_imports as lean

    lean.load()
    from kubectl_kagent.cluster.api import ApiServer

    chosen = _with_flags(_chosen(flags), flags)
    namespace = chosen.namespace or (_pod_namespace() if _in_pod() else "default")
    segment(namespace, "namespace")
    endpoint = _endpoint(chosen, flags.request_timeout)
    endpoint.login.current()  # who can't log in hears it now, not from the first of many threads
    return ApiServer(endpoint, namespace=namespace, warn=warn)


def _chosen(flags: Connection) -> Chosen:
    """What the kubeconfigs have for these flags, or else the pod's service account.

    That is for the pod's own API server: another one that is named must not get its token. To whom --as and
    --request-timeout are for it, as all else; with one of these kubectl takes no pod for one, and asks
    localhost:8080.
    """
    from kubectl_kagent.cluster.kubeconfig import Chosen, Entry

    found = kubeconfigs(flags.kubeconfig)
    if flags.kubeconfig and not found:
        raise KagentError(f"stat {flags.kubeconfig}: no such file or directory")
    named = flags.context or flags.cluster or flags.user or flags.server or (found and found.current)
    if not named and _in_pod():
        return _in_cluster()
    if found:
        login = bool(flags.token or flags.client_certificate)
        return found.choose(flags.context, flags.cluster, flags.user, server=bool(flags.server), login=login)
    if flags.server:
        return Chosen(Entry(), Entry(), "")
    if given := os.environ.get("KUBECONFIG"):
        raise KagentError(
            f"no kubeconfig was found: KUBECONFIG is {given}", hint="correct KUBECONFIG or give --kubeconfig"
        )
    raise KagentError(
        "no kubeconfig was found in the usual places",
        hint="set KUBECONFIG or give --kubeconfig; kubectl config view shows what kubectl uses",
    )


def kubeconfigs(file: str | None) -> Kubeconfig | None:
    """``file``, or those that KUBECONFIG names, or the usual one; None when there is none.

    Raises KagentError for one that can't be used.
    """
    from kubectl_kagent.cluster.kubeconfig import load

    given = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    found = [file] if file else [part for part in given if part]
    # where nobody knows a home, as in a pod of a user that has no name, "~" stays as it is
    return load(Path(os.path.expanduser(part)) for part in found or ["~/.kube/config"])


def _in_pod() -> bool:
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    return bool(host and port) and (_SERVICE_ACCOUNT / "token").is_file()


def _in_cluster() -> Chosen:
    from kubectl_kagent.cluster.kubeconfig import Chosen, Entry

    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    cluster = {"server": f"https://{f'[{host}]' if ':' in host else host}:{port}"}
    if (authority := _SERVICE_ACCOUNT / "ca.crt").is_file():
        cluster["certificate-authority"] = str(authority)
    return Chosen(Entry(cluster), Entry({"tokenFile": str(_SERVICE_ACCOUNT / "token")}), "")


def _pod_namespace() -> str:
    """What the downward API or else the service account says; for any API server, as with kubectl."""
    try:
        own = (_SERVICE_ACCOUNT / "namespace").read_text().strip()
    except OSError:
        own = ""
    return os.environ.get("POD_NAMESPACE") or own or "default"


def _with_flags(chosen: Chosen, flags: Connection) -> Chosen:
    """The flags' values in the places of the kubeconfig's, as clientcmd merges them."""
    cluster = _given(
        ("server", flags.server),
        (
            "certificate-authority",
            flags.certificate_authority and os.path.abspath(flags.certificate_authority),
        ),
        ("insecure-skip-tls-verify", flags.insecure_skip_tls_verify),
        ("tls-server-name", flags.tls_server_name),
    )
    user = _given(
        ("token", flags.token),
        ("client-certificate", flags.client_certificate and os.path.abspath(flags.client_certificate)),
        ("client-key", flags.client_key and os.path.abspath(flags.client_key)),
        ("as", flags.as_user),
        ("as-uid", flags.as_uid),
        ("as-groups", list(flags.as_groups)),
        ("as-user-extra", {**chosen.user.text_lists("as-user-extra"), **_extra(flags.as_user_extra)}),
    )
    # what the kubeconfig may say of the same thing in another way
    trust = ("certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify")
    rivals = {
        "server": ("tls-server-name",),
        "certificate-authority": trust,
        "insecure-skip-tls-verify": trust,
        # it stands for the whole user; of a token and a certificate the API server takes the certificate
        "token": (
            *("tokenFile", "username", "password"),
            *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
        ),
        "client-certificate": ("client-certificate-data",),
        "client-key": ("client-key-data",),
    }
    return replace(
        chosen,
        cluster=_over(chosen.cluster, cluster, rivals),
        user=_over(chosen.user, user, rivals),
        namespace=flags.namespace or chosen.namespace,
    )


def _given(*values: tuple[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values if value}


def _extra(flags: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in flags:
        key, equals, value = flag.partition("=")
        if not equals:
            raise UsageError(f'"{flag}" is not KEY=VALUE', hint="write --as-user-extra=KEY=VALUE")
        found.setdefault(key, []).append(value)
    return found


def _over(entry: Entry, flags: dict[str, Any], rivals: Mapping[str, tuple[str, ...]]) -> Entry:
    gone = {rival for key in flags for rival in rivals.get(key, ())}
    kept = {key: value for key, value in entry.fields.items() if key not in gone}
    return replace(entry, fields=kept | flags)


def _endpoint(chosen: Chosen, timeout: float | None) -> RestConfig:
    """Where to send requests, and as whom. client-go shows no credentials to a server without TLS."""
    from kubectl_kagent.cluster import tls
    from kubectl_kagent.cluster.login import CertificateFiles, Fixed, impersonation, of_url, pair
    from kubectl_kagent.cluster.pool import address, environment_proxy, kubeconfig_proxy
    from kubectl_kagent.cluster.transport import RestConfig
    from kubectl_kagent.cluster.validation import validate

    cluster, user = chosen.cluster, chosen.user
    validate(user, cluster)
    server = cluster.text("server")
    authority, insecure = _trust(cluster)
    shown = pair(user)
    if "://" not in server:
        server = f"http://{server}"
    url = address(server, "the server's address")
    login: Login = Fixed(of_url(url.auth or ""))
    context = None
    if url.scheme == "https":
        context = tls.context(authority, insecure=insecure)
        if not url.auth:
            login = _login(user, cluster, has_certificate=shown is not None)
        if shown and not (user.text("client-certificate-data") or user.text("client-key-data")):
            login = CertificateFiles(login, user.path("client-certificate"), user.path("client-key"))
        elif shown:
            tls.present(context, shown)
    return RestConfig(
        url._replace(auth=None, path=(url.path or "").rstrip("/"), query=None, fragment=None),
        context,
        cluster.text("tls-server-name"),
        kubeconfig_proxy(proxy, cluster.name)
        if (proxy := cluster.text("proxy-url"))
        else environment_proxy(url),
        login,
        impersonation(user),
        timeout,
    )


def _trust(cluster: Entry) -> tuple[bytes, bool]:
    """The authorities to trust (none: the system's), and whether not to ask for any."""
    from kubectl_kagent.cluster import tls

    authority, path = cluster.data("certificate-authority-data"), cluster.path("certificate-authority")
    if path and not authority:
        authority = tls.read(path)
    insecure = cluster.flag("insecure-skip-tls-verify")
    if authority and insecure:
        raise KagentError(
            "specifying a root certificates file with the insecure flag is not allowed",
            hint=f'cluster "{cluster.name}" has a certificate-authority and insecure-skip-tls-verify',
        )
    return authority, insecure


def _login(user: Entry, cluster: Entry, *, has_certificate: bool) -> Login:
    """The way to log in that the user has; what is given counts more than what must be asked for.

    That it could be asked for is checked all the same.
    """
    from kubectl_kagent.cluster import login

    asked = _asked(user, cluster)
    if given := login.given(user):
        return given
    if asked and (user.entry("auth-provider") or not has_certificate):
        return asked
    return login.Fixed()


def _asked(user: Entry, cluster: Entry) -> Login | None:
    """A program or a provider of logins, if the user has one. Raises KagentError for what is none."""
    if provider := user.entry("auth-provider"):
        return _provider_login(user, provider)
    if plugin := user.entry("exec"):
        from kubectl_kagent.cluster import exec_plugin

        return exec_plugin.ExecLogin(exec_plugin.plugin(plugin, cluster))
    return None


def _provider_login(user: Entry, provider: Entry) -> Login:
    """Raises Unauthorized for a provider that there is no more, since the request would be nobody's."""
    name = provider.text("name")
    if name in _REMOVED:
        raise Unauthorized(f"The {name} auth plugin has been removed.", hint=_REMOVED[name])
    if name != "oidc":
        raise Unauthorized(f'no Auth Provider found for name "{name}"', hint="use a credential plugin (exec)")
    from kubectl_kagent.cluster.kubeconfig import Entry
    from kubectl_kagent.cluster.oidc import OidcLogin

    return OidcLogin(user, provider.entry("config") or Entry(file=user.file, place=user.place))
