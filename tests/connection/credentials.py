"""Whom requests are from: tokens, certificates, plugins, logins, and as whom one acts."""

from __future__ import annotations

import base64
import sys
from typing import Any

from tests.certificates import authority
from tests.connection.world import Shape, World, case
from tests.unit.cluster.test_oidc import id_token
from tests.unit.cluster.test_oidc import user as oidc

V1 = "client.authentication.k8s.io/v1"
BETA = f"{V1}beta1"
CERTIFICATE, KEY = authority().issue("jane")
DATA = {
    "client-certificate-data": base64.b64encode(CERTIFICATE).decode(),
    "client-key-data": base64.b64encode(KEY).decode(),
}
OTHER_CERTIFICATE, OTHER_KEY = authority().issue("joe")
ACTING = {
    "token": "t",
    "as": "jane",
    "as-uid": "7",
    "as-groups": ["dev", "ops"],
    "as-user-extra": {"Example.com/Team": ["a", "b"], "scopes": ["view"]},
}


def files(w: World) -> dict[str, str]:
    """A client certificate in files, by relative paths."""
    w.write("pki/client.crt", CERTIFICATE)
    w.write("pki/client.key", KEY)
    return {"client-certificate": "pki/client.crt", "client-key": "./pki/client.key"}


def plugin(w: World, version: str = V1, *answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A user with a plugin that tells us what it was told; its answers are those, one after the other."""
    statuses = answers or ({"token": "from-plugin"},)
    w.write(
        "bin/login",
        f"""#!{sys.executable}
import json, os, sys
here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
about = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
with open(os.path.join(here, "told"), "a+") as told:
    print(json.dumps([sys.argv[1:], os.environ.get("MORE"), about]), file=told, flush=True)
    told.seek(0)
    turn = len(told.readlines()) - 1
statuses = {list(statuses)!r}
status = statuses[min(turn, len(statuses) - 1)]
print(json.dumps({{"apiVersion": {version!r}, "kind": "ExecCredential", "status": status}}))
""",
        0o700,
    )
    described = {"apiVersion": version, "command": "./bin/login", "interactiveMode": "Never", **more}
    return {"exec": {key: value for key, value in described.items() if value is not None}}


def without_authority(url: str, **more: Any) -> dict[str, Any]:
    return {"server": url, "certificate-authority-data": None, **more}


CREDENTIALS: dict[str, Shape] = {
    "a token of UTF-8": lambda w: case(w, None, {"token": "größe"}),
    "a token by the flag": lambda w: case(w, None, plugin(w), "--token=mine"),
    "a token by the flag, without the context's user": lambda w: case(
        w, None, None, "--token=mine", users=[]
    ),
    "a token file": lambda w: case(w, None, {"tokenFile": w.write("token", "secret\n")}),
    "a token file beside it": lambda w: case(w, None, {"tokenFile": w.write("token", "s") and "token"}),
    "a token file and an old token": lambda w: case(
        w, None, {"token": "stale", "tokenFile": w.write("token", "fresh")}
    ),
    "a token and a file that is not there": lambda w: case(w, None, {"token": "t", "tokenFile": "missing"}),
    "a name and a password": lambda w: case(w, None, {"username": "jane", "password": "p:ö"}),
    "a name alone": lambda w: case(w, None, {"username": "jane"}),
    "a certificate": lambda w: case(w, None, DATA),
    "a certificate in files": lambda w: case(w, None, files(w)),
    "a certificate and a key in a file": lambda w: case(
        w,
        None,
        {"client-certificate-data": DATA["client-certificate-data"], "client-key": files(w)["client-key"]},
    ),
    "a certificate by flags": lambda w: case(
        w,
        None,
        {
            "client-certificate-data": base64.b64encode(OTHER_CERTIFICATE).decode(),
            "client-key-data": base64.b64encode(OTHER_KEY).decode(),
        },
        f"--client-certificate={w.write('c', CERTIFICATE)}",
        f"--client-key={w.write('k', KEY)}",
    ),
    "a certificate and a token": lambda w: case(w, None, {**DATA, "token": "t"}),
    "a certificate and a plugin": lambda w: case(w, None, {**DATA, **plugin(w)}),
    "a token and a plugin": lambda w: case(w, None, {"token": "t", **plugin(w)}),
    "a plugin of v1": lambda w: case(w, None, plugin(w)),
    "a plugin of v1beta1": lambda w: case(w, None, plugin(w, BETA)),
    "a plugin of v1beta1 that does not say how it asks": lambda w: case(
        w, None, plugin(w, BETA, interactiveMode=None)
    ),
    "a plugin that asks if it can": lambda w: case(w, None, plugin(w, interactiveMode="IfAvailable")),
    "a plugin with arguments": lambda w: case(
        w, None, plugin(w, args=["get-token", "--for=x y"], env=[{"name": "MORE", "value": "v"}])
    ),
    "a plugin for which it is said that it is in PATH": lambda w: case(
        w,
        None,
        {"exec": {**plugin(w)["exec"], "command": "login"}},
        env={"PATH": f"{w.folder}/bin:/usr/bin:/bin"},
    ),
    "a plugin with a time that is to come": lambda w: case(
        w, None, plugin(w, V1, {"token": "t", "expirationTimestamp": "2100-01-01T00:00:00Z"})
    ),
    "a plugin with a certificate": lambda w: case(
        w,
        None,
        plugin(w, V1, {"clientCertificateData": CERTIFICATE.decode(), "clientKeyData": KEY.decode()}),
    ),
    "a plugin with a certificate and a token": lambda w: case(
        w,
        None,
        plugin(
            w,
            V1,
            {"token": "t", "clientCertificateData": CERTIFICATE.decode(), "clientKeyData": KEY.decode()},
        ),
    ),
    "a plugin that is told of the cluster, which has no more to say": lambda w: case(
        w, None, plugin(w, provideClusterInfo=True)
    ),
    "a plugin that is told of the cluster": lambda w: case(
        w,
        {
            "tls-server-name": "kubernetes.default",
            "extensions": [
                {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x", "list": [1]}}
            ],
        },
        plugin(w, provideClusterInfo=True),
    ),
    "a plugin of v1beta1 that is told of the cluster": lambda w: case(
        w,
        {
            "certificate-authority-data": None,
            "certificate-authority": w.write("ca.crt", authority().pem),
            "proxy-url": f"http://{w.relay.address}",
        },
        plugin(w, BETA, provideClusterInfo=True),
    ),
    "OpenID Connect": lambda w: case(w, None, oidc(w.provider, id_token=id_token("good"))),
    "OpenID Connect that is over": lambda w: case(w, None, oidc(w.provider)),
    "OpenID Connect without an id-token yet": lambda w: case(w, None, oidc(w.provider, id_token=None)),
    "OpenID Connect of a public client": lambda w: case(w, None, oidc(w.provider, client_secret=None)),
    "OpenID Connect with an issuer that ends in a slash": lambda w: case(
        w, None, oidc(w.provider, idp_issuer_url=f"{w.provider.loopback.url}/")
    ),
    "OpenID Connect beside a token": lambda w: case(w, None, {**oidc(w.provider), "token": "t"}),
    "acting as somebody": lambda w: case(w, None, ACTING),
    "acting as somebody with a certificate": lambda w: case(w, None, {**DATA, "as": "jane"}),
    "acting as somebody by flags": lambda w: case(
        w,
        None,
        {"token": "t"},
        "--as=jane",
        "--as-group=a",
        "--as-group=b",
        "--as-uid=7",
        "--as-user-extra=scopes=x=y",
    ),
    "acting as somebody else than the file has": lambda w: case(
        w, None, ACTING, "--as=joe", "--as-group=qa", "--as-user-extra=scopes=edit"
    ),
    "acting as somebody with other letters": lambda w: case(w, None, {"token": "t", "as": "Łukasz"}),
    "acting as a service account without TLS": lambda w: case(
        w, without_authority(w.plain.url), None, "--as=system:serviceaccount:a:b"
    ),
}
