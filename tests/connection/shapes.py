"""The shapes of connections that kubectl takes: servers, whom to trust, ways there, forms of kubeconfigs."""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from tests.certificates import authority
from tests.connection.credentials import ACTING, DATA, plugin, without_authority
from tests.connection.world import FAR, Case, Shape, World, case
from tests.kubeconfigs import config

STRANGER = base64.b64encode(authority("stranger").pem).decode()


def far(w: World, **more: Any) -> dict[str, Any]:
    """A server that is there only for proxies."""
    return {"server": f"https://{FAR}:6443", **more}


def near(w: World, **more: Any) -> dict[str, Any]:
    """A server on this machine at an address that no environment's proxy is spared for."""
    return {"server": w.https.url.replace("127.0.0.1", "0.0.0.0"), **more}


def text(w: World, **user: Any) -> str:
    return yaml.safe_dump(config(w.https.url, **user), allow_unicode=True)


def two_files(w: World) -> Case:
    users = {"users": [{"name": "admin", "user": {"token": "first"}}]}
    first = w.write("first", yaml.safe_dump(users))
    second = w.write("second", yaml.safe_dump(config(w.https.url)))
    missing = w.folder / "missing"
    return Case(None, env={"KUBECONFIG": f":{missing}:{first}:{second}:"})


def usual(w: World) -> Case:
    w.write(".kube/config", yaml.safe_dump(config(w.https.url)))
    return Case(None, env={"KUBECONFIG": ""})


def token_of(scalar: str) -> Shape:
    return lambda w: Case(text(w).replace("token: admin-token", f"token: {scalar}"))


SPARED = ("0.0.0.0", "0.0.0.0/8", "0.0.0.0:PORT", "0.0.0.0:1", "*", "10.0.0.0/8,0.0.0.0", " 0.0.0.0 ", "")
NOT_SPARED = ("other.example", "orp.example", "api.corp.example:443", "10.0.0.0/8", "api.corp")


def sparing(entry: str) -> Shape:
    """Perhaps: the server can be reached in both ways."""
    return lambda w: case(
        w,
        near(w),
        env={
            "HTTPS_PROXY": f"http://{w.relay.address}",
            "NO_PROXY": entry.replace("PORT", w.https.address.partition(":")[2]),
        },
    )


def sparing_far(entry: str) -> Shape:
    """Perhaps: the server can be reached only through the proxy."""
    return lambda w: case(w, far(w), env={"HTTPS_PROXY": f"http://{w.relay.address}", "NO_PROXY": entry})


SERVERS: dict[str, Shape] = {
    "a server": lambda w: case(w),
    "with a slash at its end": lambda w: case(w, {"server": f"{w.https.url}/"}),
    "with a path prefix": lambda w: case(w, {"server": f"{w.https.url}/k8s/clusters/c-1"}),
    "with a path prefix and a slash": lambda w: case(w, {"server": f"{w.https.url}/k8s/clusters/c-1/"}),
    "with a prefix, a query and a fragment": lambda w: case(w, {"server": f"{w.https.url}/k8s?a=b#c"}),
    "of IPv6": lambda w: case(w, {"server": w.ipv6.url}),
    "of IPv6 with a prefix": lambda w: case(w, {"server": f"{w.ipv6.url}/k8s"}),
    "without TLS": lambda w: case(w, without_authority(w.plain.url)),
    "without TLS, with a prefix": lambda w: case(w, without_authority(f"{w.plain.url}/k8s/")),
    "without TLS and with every credential": lambda w: case(
        w, without_authority(w.plain.url), {**ACTING, **DATA, **plugin(w)}
    ),
    "without TLS, with basic": lambda w: case(
        w, without_authority(w.plain.url), {"username": "u", "password": "p"}
    ),
    "without a scheme": lambda w: case(w, without_authority(w.plain.address)),
    "without a scheme and with every credential": lambda w: case(
        w, {"server": w.plain.address}, {**ACTING, **DATA}
    ),
    "with a login in its address": lambda w: case(w, {"server": w.https.url.replace("://", "://jane:p%40@")}),
    "by the flag": lambda w: case(w, far(w), None, f"--server={w.https.url}"),
    "by the flag, without the context's cluster": lambda w: case(
        w, None, None, f"--server={w.https.url}", "--insecure-skip-tls-verify", clusters=[]
    ),
    "by flags only": lambda w: Case(
        None, [f"--server={w.https.url}", "--token=t", "--insecure-skip-tls-verify"]
    ),
    "by another context": lambda w: case(w, None, None, "--context=there", "--cluster=near", "--user=reader"),
    "without a context": lambda w: case(w, None, None, "--cluster=near", "--user=reader", current_context=""),
    "by two kubeconfigs": two_files,
    "by the usual kubeconfig": usual,
    "by the flag for the kubeconfig": lambda w: Case(
        None, [f"--kubeconfig={w.write('other', yaml.safe_dump(config(w.https.url)))}"]
    ),
}

TRUST: dict[str, Shape] = {
    "an authority in a file beside it": lambda w: case(
        w,
        {
            "certificate-authority-data": None,
            "certificate-authority": w.write("ca.crt", authority().pem) and "ca.crt",
        },
    ),
    "an authority in a file elsewhere": lambda w: case(
        w,
        {"certificate-authority-data": None, "certificate-authority": w.write("pki/ca.crt", authority().pem)},
    ),
    "an authority by the flag": lambda w: case(
        w,
        {"certificate-authority-data": STRANGER},
        None,
        f"--certificate-authority={w.write('ca.crt', authority().pem)}",
    ),
    "several authorities": lambda w: case(
        w,
        {
            "certificate-authority-data": base64.b64encode(
                authority("stranger").pem + authority().pem
            ).decode()
        },
    ),
    "an authority between one that is broken and one that is cut off": lambda w: case(
        w,
        {
            "certificate-authority-data": base64.b64encode(
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                + authority().pem
                + authority("stranger").pem[:200]
            ).decode()
        },
    ),
    "a merge behind a key of the same name": lambda w: Case(
        text(w, token="own").replace("token: own", "token: own\n    <<: {token: merged}")
    ),
    "a proxy with a name and no password": lambda w: case(
        w, far(w, **{"proxy-url": f"http://jane@{w.relay.address}"})
    ),
    "insecure": lambda w: case(w, without_authority(w.https.url, **{"insecure-skip-tls-verify": True})),
    "insecure by the flag": lambda w: case(
        w, {"certificate-authority-data": STRANGER}, None, "--insecure-skip-tls-verify"
    ),
    "a name to expect": lambda w: case(w, {"tls-server-name": "kubernetes.default"}),
    "a name to expect by the flag": lambda w: case(w, None, None, "--tls-server-name=kubernetes.default"),
    "a name to expect, insecure": lambda w: case(
        w,
        without_authority(
            w.https.url, **{"insecure-skip-tls-verify": True, "tls-server-name": "front.example"}
        ),
    ),
    "a server by the flag, which has no name to expect": lambda w: case(
        w, {"tls-server-name": "front.example"}, None, f"--server={w.https.url}"
    ),
}

WAYS: dict[str, Shape] = {
    "a proxy": lambda w: case(w, far(w, **{"proxy-url": f"http://{w.relay.address}"})),
    "a proxy with a slash at its end": lambda w: case(
        w, far(w, **{"proxy-url": f"http://{w.relay.address}/"})
    ),
    "a proxy to a loopback server": lambda w: case(w, {"proxy-url": f"http://{w.relay.address}"}),
    "a proxy with a password": lambda w: case(
        w, far(w, **{"proxy-url": f"http://jane:p%77@{w.locked_relay.address}"})
    ),
    "a proxy of SOCKS": lambda w: case(w, far(w, **{"proxy-url": f"socks5://{w.socks.address}"})),
    "a proxy of SOCKS with a password": lambda w: case(
        w, far(w, **{"proxy-url": f"socks5://jane:pw@{w.locked_socks.address}"})
    ),
    "a proxy to a server without TLS": lambda w: case(
        w, without_authority(f"http://{FAR}:8080", **{"proxy-url": f"http://{w.plain_relay.address}"})
    ),
    "a proxy that NO_PROXY does not spare": lambda w: case(
        w, far(w, **{"proxy-url": f"http://{w.relay.address}"}), env={"NO_PROXY": "*"}
    ),
    "a proxy rather than the environment's": lambda w: case(
        w,
        far(w, **{"proxy-url": f"http://{w.relay.address}"}),
        env={"HTTPS_PROXY": f"http://{w.locked_relay.address}"},
    ),
    "HTTPS_PROXY": lambda w: case(w, far(w), env={"HTTPS_PROXY": f"http://{w.relay.address}"}),
    "https_proxy": lambda w: case(w, far(w), env={"https_proxy": f"http://{w.relay.address}"}),
    "HTTPS_PROXY without a scheme": lambda w: case(w, far(w), env={"HTTPS_PROXY": w.relay.address}),
    "HTTPS_PROXY with a password": lambda w: case(
        w, far(w), env={"HTTPS_PROXY": f"http://jane:pw@{w.locked_relay.address}"}
    ),
    "HTTPS_PROXY of SOCKS": lambda w: case(w, far(w), env={"HTTPS_PROXY": f"socks5://{w.socks.address}"}),
    "HTTPS_PROXY of SOCKS by its other name": lambda w: case(
        w, far(w), env={"HTTPS_PROXY": f"socks5h://{w.socks.address}"}
    ),
    "HTTP_PROXY for a server without TLS": lambda w: case(
        w, without_authority(f"http://{FAR}:8080"), env={"HTTP_PROXY": f"http://{w.plain_relay.address}"}
    ),
    "HTTP_PROXY for a server with TLS": lambda w: case(
        w, near(w), env={"HTTP_PROXY": f"http://{w.relay.address}"}
    ),
    "ALL_PROXY": lambda w: case(w, near(w), env={"ALL_PROXY": f"http://{w.relay.address}"}),
    "HTTPS_PROXY and a loopback server": lambda w: case(w, env={"HTTPS_PROXY": f"http://{w.relay.address}"}),
    "HTTPS_PROXY and localhost": lambda w: case(
        w,
        {"server": w.https.url.replace("127.0.0.1", "localhost"), "tls-server-name": "127.0.0.1"},
        env={"HTTPS_PROXY": f"http://{w.relay.address}"},
    ),
    **{f"NO_PROXY={entry}": sparing(entry) for entry in SPARED},
    **{f"NO_PROXY={entry} and a name": sparing_far(entry) for entry in NOT_SPARED},
}

FORMS: dict[str, Shape] = {
    "UTF-8 with a byte order mark": lambda w: Case(b"\xef\xbb\xbf" + text(w).encode()),
    "UTF-16": lambda w: Case(text(w).encode("utf-16")),
    "lines of Windows": lambda w: Case(text(w).replace("\n", "\r\n")),
    "JSON with tabs": lambda w: Case(json.dumps(config(w.https.url), indent="\t")),
    "a key twice": lambda w: Case(text(w).replace("token: admin-token", "token: a\n    token: b")),
    "a date as a name": lambda w: Case(
        text(w).replace("context: here", "context: 2024-01-01").replace("name: here", "name: 2024-01-01")
    ),
    "insecure by a y": lambda w: Case(
        text(w).replace("    certificate-authority-data", "    insecure-skip-tls-verify: y\n    x", 1)
    ),
    "a key of as-user-extra that is no text": lambda w: Case(
        text(w, token="t", **{"as": "jane"}).replace(
            "    token:",
            "    as-user-extra: {y: [a], 0o17: [b], 1e3: [c], 1:30: [d], '=': [e]}\n    token:",
            1,
        )
    ),
    **{
        f"the token {token}": token_of(token)
        for token in (
            "1:30",
            "0b2",
            "0xfffffffffffffffffff",
            "12e4567",
            "!mine 7",
            "!!binary aGk=",
            "=",
            "<<",
        )
    },
    "two documents": lambda w: Case(f"{text(w)}---\nkind: Pod\n"),
    "an entry without a name": lambda w: case(
        w, users=[{"name": "admin", "user": {"token": "t"}}, {"user": {"token": "x"}}]
    ),
    "fields that nobody knows": lambda w: case(
        w, {"more": 1}, {"token": "t", "later": {}}, preferences={}, x=[1]
    ),
}
