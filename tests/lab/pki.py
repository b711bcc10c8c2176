"""Keys, certificates and kubeconfigs of one lab, made with openssl. What exists is kept."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab.layout import NODE_ADDRESS, NODE_NAME, Layout

DAYS = "3650"
API_NAMES = (
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
    f"DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:10.96.0.1,IP:{NODE_ADDRESS}"
)
ADMINS = "/O=system:masters"
# Who calls the API server: certificate name -> subject. The add-ons run as host processes of a test cluster
# and are trusted with everything; what people and pods may do is RBAC's, as on any cluster.
CLIENTS = {
    "admin": f"{ADMINS}/CN=lab-admin",
    "apiserver-kubelet": f"{ADMINS}/CN=kube-apiserver-kubelet",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE_NAME}",
    "kube-proxy": "/CN=system:kube-proxy",
    "coredns": f"{ADMINS}/CN=coredns",
    "kmcp": f"{ADMINS}/CN=kmcp",
    "metrics-server": f"{ADMINS}/CN=metrics-server",
    "telemetry": f"{ADMINS}/CN=telemetry",
}


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def ensure(layout: Layout) -> None:
    layout.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    _authority(layout, "ca")
    _authority(layout, "front-proxy-ca")
    _issue(layout, "kube-apiserver", "/CN=kube-apiserver", "ca", f"subjectAltName={API_NAMES}")
    _issue(layout, "front-proxy", "/CN=front-proxy", "front-proxy-ca", "extendedKeyUsage=clientAuth")
    for name, subject in CLIENTS.items():
        _issue(layout, name, subject, "ca", "extendedKeyUsage=clientAuth")
    service_account = layout.pki / "service-account.key"
    if not service_account.exists():
        _key(service_account)


def pair(layout: Layout, name: str) -> Pair:
    return Pair(layout.pki / f"{name}.crt", layout.pki / f"{name}.key")


def write_kubeconfig(layout: Layout, path: Path, client: str, port: int, acts_as: str = "") -> None:
    """A kubeconfig that carries its certificates along, so it works wherever it lies."""
    identity = pair(layout, client)
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": _data(pair(layout, "ca").certificate),
    }
    user = {"client-certificate-data": _data(identity.certificate), "client-key-data": _data(identity.key)}
    if acts_as:
        user["as"] = acts_as
    context = {"cluster": layout.label, "user": client, "namespace": "default"}
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": layout.label, "cluster": cluster}],
            "users": [{"name": client, "user": user}],
            "contexts": [{"name": layout.label, "context": context}],
            "current-context": layout.label,
        },
        indent=2,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _authority(layout: Layout, name: str) -> None:
    made = pair(layout, name)
    if made.certificate.exists():
        return
    _key(made.key)
    extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,digitalSignature")
    added = [word for extension in extensions for word in ("-addext", extension)]
    unfinished = made.certificate.with_suffix(".new")
    subject = f"/CN={layout.label}-{name}"
    _openssl("req", "-x509", "-key", made.key, "-subj", subject, "-days", DAYS, *added, "-out", unfinished)
    unfinished.replace(made.certificate)


def _issue(layout: Layout, name: str, subject: str, authority: str, extension: str) -> None:
    made, signer = pair(layout, name), pair(layout, authority)
    if made.certificate.exists():
        return
    _key(made.key)
    request, extensions = made.key.with_suffix(".csr"), made.key.with_suffix(".ext")
    unfinished = made.certificate.with_suffix(".new")
    extensions.write_text(f"{extension}\nbasicConstraints=CA:FALSE\n")
    _openssl("req", "-new", "-key", made.key, "-subj", subject, "-out", request)
    serial = f"0x{os.urandom(8).hex()}"
    signing = [
        "-CA",
        str(signer.certificate),
        "-CAkey",
        str(signer.key),
        "-set_serial",
        serial,
        "-days",
        DAYS,
    ]
    _openssl("x509", "-req", "-in", request, *signing, "-extfile", extensions, "-out", unfinished)
    unfinished.replace(made.certificate)
    request.unlink()
    extensions.unlink()


def _key(path: Path) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    # In the older format: the API server reads the service accounts' public key out of it.
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", unfinished)
    unfinished.replace(path)


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60)
