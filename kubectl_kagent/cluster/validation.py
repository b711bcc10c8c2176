"""What kubectl refuses in a kubeconfig's user and cluster before anything is sent, in its words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kubectl_kagent.cluster.kubeconfig import Entry
from kubectl_kagent.cluster.pool import kubeconfig_proxy
from kubectl_kagent.errors import KagentError

_NO_SERVER = "default cluster has no server defined"
_MODES = ("Never", "IfAvailable", "Always")
# plugins of these need not say how a person is asked
_OLD_PLUGINS = ("client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1alpha1")


def validate(user: Entry, cluster: Entry) -> None:
    """Raises KagentError for the first thing that is wrong; kubectl lists all."""
    for fault in chain(_certificate_faults(user), _user_faults(user), _cluster_faults(cluster)):
        raise fault


def _certificate_faults(user: Entry) -> Iterator[KagentError]:
    certificate, key = user.path("client-certificate"), user.path("client-key")
    certificate_data, key_data = user.text("client-certificate-data"), user.text("client-key-data")
    if not (certificate or certificate_data):
        return
    if certificate and certificate_data:
        yield KagentError(
            f"client-cert-data and client-cert are both specified for {user.name}. "
            "client-cert-data will override."
        )
    if key and key_data:
        yield KagentError(
            f"client-key-data and client-key are both specified for {user.name}; "
            "client-key-data will override"
        )
    if not (key or key_data):
        yield KagentError(
            f"client-key-data or client-key must be specified for {user.name} to use the clientCert "
            "authentication method."
        )
    yield from _unreadable("client-cert", certificate, user.name)
    yield from _unreadable("client-key", key, user.name)


def _user_faults(user: Entry) -> Iterator[KagentError]:
    if plugin := user.entry("exec"):
        yield from _plugin_faults(user, plugin)
    if user.text("token") and (user.text("username") or user.text("password")):
        yield KagentError(
            f"more than one authentication method found for {user.name}; "
            "found [token basicAuth], only one is allowed"
        )
    others = user.text("as-uid") or user.texts("as-groups") or user.text_lists("as-user-extra")
    if others and not user.text("as"):
        yield KagentError(
            f"requesting uid, groups or user-extra for {user.name} without impersonating a user",
            "add --as=USER",
        )


def _plugin_faults(user: Entry, plugin: Entry) -> Iterator[KagentError]:
    needed = f"must be specified for {user.name} to use exec authentication plugin"
    if user.entry("auth-provider"):
        yield KagentError(
            f"authProvider cannot be provided in combination with an exec plugin for {user.name}"
        )
    for key in ("command", "apiVersion"):
        if not plugin.text(key):
            yield KagentError(f"{key} {needed}")
    if not all(variable.text("name") for variable in plugin.entries("env")):
        yield KagentError(f"env variable name {needed}")
    mode = plugin.text("interactiveMode")
    if not mode and plugin.text("apiVersion") not in _OLD_PLUGINS:
        yield KagentError(f"interactiveMode {needed}", "write interactiveMode: IfAvailable")
    if mode and mode not in _MODES:
        yield KagentError(
            f'invalid interactiveMode for {user.name}: "{mode}"', f"use one of {', '.join(_MODES)}"
        )


def _cluster_faults(cluster: Entry) -> Iterator[KagentError]:
    if not cluster.text("server"):
        found = f'no server found for cluster "{cluster.name}"' if cluster.name else _NO_SERVER
        yield KagentError(found, "name one with --server")
    if proxy := cluster.text("proxy-url"):
        kubeconfig_proxy(proxy, cluster.name)
    authority = cluster.path("certificate-authority")
    if authority and cluster.text("certificate-authority-data"):
        yield KagentError(
            f"certificate-authority-data and certificate-authority are both specified for {cluster.name}. "
            "certificate-authority-data will override."
        )
    yield from _unreadable("certificate-authority", authority, cluster.name)


def _unreadable(called: str, path: str, name: str) -> Iterator[KagentError]:
    if path:
        try:
            open(path, "rb").close()
        except IsADirectoryError:
            pass  # Go can open it, and fails when it reads
        except (OSError, ValueError) as error:
            why = str(getattr(error, "strerror", None) or error).lower()
            yield KagentError(f"unable to read {called} {path} for {name} due to open {path}: {why}")
