"""Connections to a server, straight or through the proxy that kubectl would take."""

from __future__ import annotations

import os
import queue
import re
import ssl
from collections import deque
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import RESTClientObject
from urllib3.util import Url, parse_url

from kubectl_kagent.cluster.http import shown
from kubectl_kagent.cluster.login import of_url
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.ports import USUAL_PORTS

_PROXIES = ("http", "https", "socks5")
_LIKE = "write http://, https:// or socks5://HOST"
_MAPPED = 96  # bits of ::ffff:0:0, before those of an IPv4 address
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*)):(?P<port>[^:\[\]]*)")
_CONNECTIONS = 100  # each log that is followed has one


def address(text: str, called: str) -> Url:
    """The http or https URL in ``text``, which is ``called`` so in the KagentError for anything else."""
    url = _parsed(text, called)
    if url.scheme not in USUAL_PORTS or not url.host:
        raise KagentError(f'{called} "{shown(text)}" is not a URL', hint="write https://HOST:PORT")
    return url


def pool(
    url: Url, tls: ssl.SSLContext | None, *, server_name: str = "", proxy: Url | None = None
) -> urllib3.PoolManager:
    """Connections to the server of ``url``; ``server_name`` is the one to expect, if it is not the URL's.

    Raises KagentError for a name that is none.
    """
    if not _is_name(server_name):
        raise KagentError(f'tls-server-name "{shown(server_name)}" is not the name of a host')
    configuration = Configuration(host=str(url), proxy="", no_proxy="", retries=False)
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.keep_alive = True  # asks whether anybody is there, when and as often as client-go
    configuration.verify_ssl = not tls or tls.verify_mode == ssl.CERT_REQUIRED
    configuration.tls_server_name = server_name or None
    if proxy:
        configuration.proxy = str(proxy)
        configuration.proxy_headers = _login(proxy)
    made = RESTClientObject(configuration).pool_manager
    made.pool_classes_by_scheme = {
        scheme: type(kind.__name__, (kind,), {"QueueCls": _Idle})
        for scheme, kind in made.pool_classes_by_scheme.items()
    }
    if tls:
        made.connection_pool_kw["ssl_context"] = tls
    return made


def _login(proxy: Url) -> dict[str, str] | None:
    """The header for an HTTP proxy; SOCKS has its own way."""
    if not proxy.auth or proxy.scheme not in USUAL_PORTS:
        return None
    return {"proxy-authorization": of_url(proxy.auth).authorization}


class _Idle:
    """The connections that urllib3 keeps, the one used last first, without the lock of its LifoQueue.

    Python may raise KeyboardInterrupt right after such a lock is taken, before anything would give it back:
    then urllib3, which empties its pool when it goes, waits for ever.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: deque[Any] = deque()

    def get(self, *, block: bool = False, timeout: float | None = None) -> Any:
        """Never waits: a pool of ours makes another connection. Raises queue.Empty."""
        try:
            return self._kept.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, item: Any, *, block: bool = False) -> None:
        """Raises queue.Full, for which urllib3 closes the connection."""
        if len(self._kept) >= self._size:
            raise queue.Full
        self._kept.append(item)

    def qsize(self) -> int:
        return len(self._kept)


def kubeconfig_proxy(text: str, cluster: str) -> Url:
    """The ``proxy-url`` of a cluster. Raises KagentError, in client-go's words, for anything else."""
    given = f'invalid \'proxy-url\' "{shown(text)}" for cluster "{cluster}"'
    try:
        url = None if text.startswith(":") else parse_url(text)
    except ValueError:
        url = None
    if url is None:
        raise KagentError(f"{given}: could not parse: {shown(text)}", hint=_LIKE)
    # what is before the first colon, for Go; for urllib3 it may be a host
    scheme = text.partition(":")[0].lower() if ":" in text else ""
    if scheme not in _PROXIES:
        raise KagentError(
            f'{given}: unsupported scheme "{shown(scheme)}", must be http, https, or socks5', hint=_LIKE
        )
    if not url.host:
        raise KagentError(f"{given}: no host in it", hint=_LIKE)
    return _of_names(url)


def environment_proxy(url: Url) -> Url | None:
    """The proxy that the environment has for a server, by Go's rules: none for this machine itself.

    Raises KagentError for anything else.
    """
    name = f"{url.scheme}_proxy"
    given = os.environ.get(name.upper()) or os.environ.get(name) or ""
    if not given or (url.scheme == "http" and "REQUEST_METHOD" in os.environ):  # CGI: a client's header
        return None
    exceptions = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    host = (url.host or "").strip("[]").lower()
    at = _ip(host.partition("%")[0])  # its zone tells from where it is to be reached
    if host == "localhost" or (at and at.is_loopback):
        return None
    port = str(url.port or USUAL_PORTS[url.scheme or "https"])
    if any(_matches(entry.strip().lower(), host, at, port) for entry in exceptions.split(",")):
        return None
    return _proxy(given if "://" in given else f"http://{given}", name.upper())


def _proxy(text: str, called: str) -> Url:
    url = _parsed(text, called)
    if url.scheme not in (*_PROXIES, "socks5h") or not url.host:
        raise KagentError(f'{called} "{shown(text)}" is not the URL of a proxy', hint=_LIKE)
    return _of_names(url)


def _of_names(url: Url) -> Url:
    """Go leaves names to the proxy, which may know more of them; for urllib3 that is socks5h."""
    return url._replace(scheme="socks5h") if url.scheme == "socks5" else url


def _parsed(text: str, called: str) -> Url:
    try:
        return parse_url(text)
    except ValueError:
        raise KagentError(f'{called} "{shown(text)}" is not a URL') from None


def _is_name(text: str) -> bool:
    try:
        return text.encode("idna").decode().isprintable()
    except UnicodeError:
        return False


_Address = IPv4Address | IPv6Address


def _ip(text: str) -> _Address | None:
    """``::ffff:10.1.2.3`` is 10.1.2.3 for Go."""
    try:
        address = ip_address("" if "%" in text else text)  # no entry has a zone
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """ADDRESS/BITS; ``::ffff:10.0.0.0/104`` is 10.0.0.0/8 for Go."""
    _, slash, bits = text.partition("/")
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return None
    if not slash or not bits.isdecimal():
        return None
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED and found.network_address.ipv4_mapped:
        return IPv4Network((int(found.network_address.ipv4_mapped), found.prefixlen - _MAPPED))
    return found


def _matches(entry: str, host: str, at: _Address | None, port: str) -> bool:
    """Whether an entry of NO_PROXY means this server, as golang.org/x/net/http/httpproxy has it.

    It is ``*``, a network, an address, ``name``, ``.name`` or ``*.name``; the latter with a port or without.
    """
    if entry == "*":
        return True
    if network := _network(entry):
        return at is not None and at in network
    parted = _HOST_AND_PORT.fullmatch(entry)
    name, only = (parted["v6"] or parted["name"] or "", parted["port"]) if parted else (entry, "")
    if not name or only not in ("", port):
        return False
    if address := _ip(name):
        return address == at
    if at is not None:
        return False
    name = name[1:] if name.startswith("*.") else name
    if not name.isascii():
        with suppress(UnicodeError):
            name = name[: len(name) - len(name.lstrip("."))] + name.lstrip(".").encode("idna").decode()
    return host.endswith(name if name.startswith(".") else f".{name}") or host == name
