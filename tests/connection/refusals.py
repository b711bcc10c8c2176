"""The shapes of connections that kubectl refuses: in words that are ours too, or in words of its own."""

from __future__ import annotations

import base64
from typing import Any

from tests.certificates import authority
from tests.connection.credentials import BETA, DATA, V1, files, plugin, without_authority
from tests.connection.shapes import STRANGER, far, sparing_far, text, token_of
from tests.connection.world import Case, Shape, case
from tests.unit.cluster.test_oidc import user as oidc


def broken_plugin(**more: Any) -> dict[str, Any]:
    described = {"apiVersion": V1, "command": "no-such-login", "interactiveMode": "Never", **more}
    return {"exec": {key: value for key, value in described.items() if value is not None}}


def provider(name: str, **about: str) -> dict[str, Any]:
    return {"auth-provider": {"name": name, **({"config": about} if about else {})}}


NO_PEM = {"client-certificate-data": "eA==", "client-key-data": "eA=="}

# Both say the same.
IN_THE_SAME_WORDS: dict[str, Shape] = {
    "a kubeconfig that is named and not there": lambda w: Case(None, [f"--kubeconfig={w.folder}/missing"]),
    "a folder as kubeconfig": lambda w: Case(None, [f"--kubeconfig={w.folder}"]),
    "a context that is not there": lambda w: case(w, None, None, "--context=gone"),
    "a current context that is not there": lambda w: case(w, current_context="gone"),
    "no contexts": lambda w: case(w, contexts=None),
    "a cluster that is not there": lambda w: case(w, None, None, "--cluster=gone"),
    "a user that is not there": lambda w: case(w, None, None, "--user=gone"),
    "another kind": lambda w: case(w, kind="Pod"),
    "another version": lambda w: case(w, apiVersion="v2"),
    "Latin-1": lambda w: Case(text(w, token="größe").encode("latin-1")),
    "a NUL": lambda w: Case(f"{text(w)}x: a\0b\n"),
    "an authority and insecure": lambda w: case(w, {"insecure-skip-tls-verify": True}),
    "an authority twice": lambda w: case(w, {"certificate-authority": w.write("ca.crt", authority().pem)}),
    "an authority that is not there": lambda w: case(
        w, {"certificate-authority-data": None, "certificate-authority": "missing"}
    ),
    "an authority that is none": lambda w: case(w, {"certificate-authority-data": "eA=="}),
    "a certificate without a key": lambda w: case(
        w, None, {"client-certificate-data": DATA["client-certificate-data"]}
    ),
    "a certificate twice": lambda w: case(
        w, None, {**DATA, "client-certificate": files(w)["client-certificate"]}
    ),
    "a key twice": lambda w: case(w, None, {**DATA, "client-key": files(w)["client-key"]}),
    "certificate files that are not there": lambda w: case(
        w, None, {"client-certificate": "missing", "client-key": "missing too"}
    ),
    "a token and a password": lambda w: case(w, None, {"token": "t", "username": "u", "password": "p"}),
    "a token file and a password": lambda w: case(
        w, None, {"tokenFile": w.write("token", "t"), "username": "u", "password": "p"}
    ),
    "groups without a user": lambda w: case(w, None, {"token": "t", "as-groups": ["g"]}),
    "a uid without a user": lambda w: case(w, None, None, "--as-uid=7"),
    "a plugin and a provider": lambda w: case(w, None, {**plugin(w), **provider("oidc")}),
    "a plugin without a command": lambda w: case(w, None, broken_plugin(command="")),
    "a plugin without a version": lambda w: case(w, None, broken_plugin(apiVersion=None)),
    "a plugin of v1alpha1": lambda w: case(
        w, None, broken_plugin(apiVersion="client.authentication.k8s.io/v1alpha1", interactiveMode=None)
    ),
    "a plugin of v1 that does not say how it asks": lambda w: case(w, None, plugin(w, interactiveMode=None)),
    "a plugin that asks in another way": lambda w: case(w, None, plugin(w, interactiveMode="Sometimes")),
    "a plugin with a variable without a name": lambda w: case(w, None, plugin(w, env=[{"value": "v"}])),
    "a plugin with several faults": lambda w: case(w, None, broken_plugin(command="", interactiveMode="")),
    "a broken plugin beside a token": lambda w: case(w, None, {"token": "t", **broken_plugin(command="")}),
    "a broken plugin without TLS": lambda w: case(
        w, without_authority(w.plain.url), broken_plugin(command="")
    ),
    "a plugin that must ask": lambda w: case(w, None, plugin(w, interactiveMode="Always")),
    "a plugin that is not installed": lambda w: case(w, None, broken_plugin(installHint="Install it")),
    "a plugin that fails": lambda w: case(w, None, broken_plugin(command="false")),
    "a plugin that answers in another version": lambda w: case(w, None, plugin(w, BETA, apiVersion=V1)),
    "a plugin that gives nothing": lambda w: case(w, None, plugin(w, V1, {"token": ""})),
    "a plugin that gives a key alone": lambda w: case(w, None, plugin(w, V1, {"clientKeyData": "x"})),
    "the provider azure": lambda w: case(w, None, provider("azure")),
    "the provider gcp": lambda w: case(w, None, provider("gcp", **{"access-token": "t"})),
    "the provider gcp beside a token": lambda w: case(w, None, {"token": "t", **provider("gcp")}),
    "another provider": lambda w: case(w, None, provider("openstack")),
    "OpenID Connect without an issuer": lambda w: case(w, None, provider("oidc", **{"client-id": "c"})),
    "OpenID Connect without a client": lambda w: case(w, None, oidc(w.provider, client_id=None)),
    "OpenID Connect with an id-token that is none": lambda w: case(w, None, oidc(w.provider, id_token="x")),
    "a proxy with another scheme": lambda w: case(w, {"proxy-url": "ftp://proxy:21"}),
    "a proxy without a scheme": lambda w: case(w, {"proxy-url": "proxy:3128"}),
    "a proxy of SOCKS by its other name": lambda w: case(w, {"proxy-url": "socks5h://proxy"}),
    "a proxy that is no URL": lambda w: case(w, {"proxy-url": "::::"}),
}

# Go's words for types, TLS, HTTP and connections; ours name the place in the file, or what to look at.
IN_OTHER_WORDS: dict[str, Shape] = {
    "a text": lambda w: Case("just a text"),
    "a list": lambda w: Case("- a\n- list\n"),
    "YAML that does not end": lambda w: Case("a: [1\n"),
    "tabs": lambda w: Case("\tx: 1"),
    "a token that is a list": lambda w: case(w, None, {"token": ["t"]}),
    "a token that is a number": lambda w: case(w, None, {"token": 7}),
    **{
        f"the token {token}": token_of(token)
        for token in (
            "y",
            "OFF",
            "0o17",
            "1e3",
            "089",
            "0x1f",
            "1_000",
            ".inf",
            ".nan",
            "&x [*x]",
            "{[a]: b}",
            "!!bool x",
            "!!int 1:30",
            "!!binary '?'",
        )
    },
    "an extension that JSON has not": lambda w: Case(
        f"{text(w)}\nextensions: [{{name: x, extension: .nan}}]\n"
    ),
    "aliases that stand for too much": lambda w: Case(
        f"{text(w)}\nx: &x [{'1, ' * 3000}]\ny: [{'*x, ' * 110}]\n"
    ),
    "a key that is null": lambda w: Case(text(w).replace("token: admin-token", "as-user-extra: {~: [a]}")),
    "extras that are no lists": lambda w: case(
        w, None, {"token": "t", "as": "x", "as-user-extra": {"a": "b"}}
    ),
    "two users of one name": lambda w: case(w, users=[{"name": "admin"}, {"name": "admin"}]),
    "an authority that is not base64": lambda w: case(w, {"certificate-authority-data": "%%%"}),
    "a stranger's authority": lambda w: case(w, {"certificate-authority-data": STRANGER}),
    "the machine's authorities": lambda w: case(w, without_authority(w.https.url)),
    "another name than the certificate has": lambda w: case(w, {"tls-server-name": "front.example"}),
    "a certificate that is none": lambda w: case(w, None, NO_PEM),
    "a key that is another's": lambda w: case(
        w,
        None,
        {**DATA, "client-key-data": base64.b64encode(authority().issue("joe")[1]).decode()},
    ),
    "a token file that is not there": lambda w: case(w, None, {"tokenFile": "missing"}),
    "a token file without a token": lambda w: case(w, None, {"tokenFile": w.write("token", "\n")}),
    "a token with a line end in it": lambda w: case(w, None, {"token": "a\nb"}),
    "a plugin that answers with something else": lambda w: case(w, None, broken_plugin(command="true")),
    "a login that is over": lambda w: case(w, None, oidc(w.provider, refresh_token=None)),
    "a refresh token that is spent": lambda w: case(w, None, oidc(w.provider, refresh_token="used")),
    "a provider that is not trusted": lambda w: case(
        w, None, oidc(w.provider, idp_certificate_authority_data=STRANGER)
    ),
    "another scheme": lambda w: case(w, {"server": "ftp://127.0.0.1"}),
    "TLS without a scheme": lambda w: case(w, {"server": w.https.address}),
    "nobody there": lambda w: case(w, {"server": "https://127.0.0.1:1"}),
    "a server that speaks no TLS": lambda w: case(w, {"server": w.plain.url.replace("http", "https")}),
    "a proxy that nobody is": lambda w: case(w, far(w, **{"proxy-url": "http://127.0.0.1:1"})),
    "a proxy that wants a password": lambda w: case(
        w, far(w, **{"proxy-url": f"http://{w.locked_relay.address}"})
    ),
    "a proxy that wants another password": lambda w: case(
        w, far(w, **{"proxy-url": f"http://jane:wrong@{w.locked_relay.address}"})
    ),
    "a proxy of SOCKS that wants a password": lambda w: case(
        w, far(w, **{"proxy-url": f"socks5://{w.locked_socks.address}"})
    ),
    # they go straight to a name that there is not
    **{
        f"NO_PROXY={entry} and a name": sparing_far(entry)
        for entry in (
            "corp.example",
            ".corp.example",
            "*.corp.example",
            "API.corp.example",
            "api.corp.example:6443",
        )
    },
    "NO_PROXY in small letters": lambda w: case(
        w, far(w), env={"https_proxy": f"http://{w.relay.address}", "no_proxy": "corp.example"}
    ),
}
