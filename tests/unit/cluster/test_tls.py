"""TLS with the API server: what is trusted, what is said when it is not, and a key that is not on disk."""

from __future__ import annotations

import base64
import errno
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_kagent.cluster import tls
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import Unreachable
from tests.certificates import authority
from tests.kubeconfigs import config, refused, sent
from tests.loopback import Loopback, Received, head, response


def trusting(server: Loopback, **cluster: Any) -> dict[str, Any]:
    """A kubeconfig that has only this to say of its cluster."""
    obj = config(server.url)
    obj["clusters"][0]["cluster"] = {"server": server.url, **cluster}
    return obj


def test_an_authority_need_not_be_as_rfc_5280_wants_it() -> None:
    """Python 3.13 is strict unless told otherwise, and EKS's authorities have no key identifiers."""
    for context in (tls.context(authority().pem), tls.context(b"")):
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
        assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_context_that_requests_use_is_that_one(write: Any, server: Loopback) -> None:
    """On every Python: urllib3 makes a strict one of its own when it is given none."""
    access = connect(Connection(kubeconfig=write(config(server.url)))).service("a", "b:80").access("/")
    assert access.tls
    assert not access.tls.verify_flags & ssl.VERIFY_X509_STRICT
    strict = ssl.create_default_context(cadata=authority().pem.decode())
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    api = connect(Connection(kubeconfig=write(config(server.url))))
    api.server_version()
    with pytest.raises(ssl.SSLError, match="Missing Authority Key Identifier"):
        _shake_hands(server, strict)
    _shake_hands(server, access.tls)


def _shake_hands(server: Loopback, context: ssl.SSLContext) -> None:
    host, port = server.address.split(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.set_alpn_protocols(["http/1.1"]),
        lambda made: tls.present(made, tls.Pair(*authority().issue("somebody"))),
    ],
    ids=["protocols", "certificate"],
)
@pytest.mark.parametrize("bio", [False, True])
def test_nothing_of_a_context_changes_while_a_connection_is_made_of_it(
    change: Callable[[ssl.SSLContext], None], *, bio: bool
) -> None:
    """Else OpenSSL sends what is in memory by then: seen as "tlsv1 alert decode error"."""
    made = tls.context(authority().pem)
    order: list[str] = []

    def changing() -> None:
        change(made)
        order.append("changed")

    thread = threading.Thread(target=changing)

    def create(*_: Any, **__: Any) -> None:
        thread.start()
        thread.join(0.2)
        order.append("made")

    kind = ssl.SSLObject if bio else ssl.SSLSocket
    slow = type("Slow", (kind,), {"_create": create, "do_handshake": None})
    if bio:
        made.sslobject_class = slow
        made.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x")
    else:
        made.sslsocket_class = slow
        with socket.socket() as unused:
            made.wrap_socket(unused, do_handshake_on_connect=False, server_hostname="x")
    thread.join()
    assert order == ["made", "changed"]


def test_an_authority_may_be_a_certificate_that_another_signed(write: Any, server: Loopback) -> None:
    """Go trusts any certificate that it is told to, so also the server's own."""
    host, port = server.address.split(":")
    own = ssl.get_server_certificate((host, int(port)))
    data = base64.b64encode(own.encode()).decode()
    obj = trusting(server, **{"certificate-authority-data": data})
    assert sent(Connection(kubeconfig=write(obj)), server)


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        (
            {"certificate-authority-data": base64.b64encode(authority("other").pem).decode()},
            "self-signed certificate in certificate chain",
        ),
        (
            {
                "certificate-authority-data": base64.b64encode(authority().pem).decode(),
                "tls-server-name": "kubernetes",
            },
            "Hostname mismatch, certificate is not valid for 'kubernetes'.",
        ),
    ],
)
def test_which_check_failed_is_said(write: Any, server: Loopback, cluster: dict[str, Any], why: str) -> None:
    api = connect(Connection(kubeconfig=write(trusting(server, **cluster))))
    with pytest.raises(Unreachable) as caught:
        api.server_version()
    assert caught.value.line == (
        f"error: the certificate of {server.address} is not trusted by this kubeconfig: {why}"
    )
    assert server.received == []


def test_flags_for_it_win_over_the_kubeconfig(write: Any, server: Loopback) -> None:
    other = base64.b64encode(authority("other").pem).decode()
    wrong = write(trusting(server, **{"certificate-authority-data": other}))
    assert sent(Connection(kubeconfig=wrong, insecure_skip_tls_verify=True), server)
    right = write(authority().pem.decode(), "ca.crt")
    assert sent(Connection(kubeconfig=wrong, certificate_authority=right), server)
    careless = write(trusting(server, **{"insecure-skip-tls-verify": True}))
    api = connect(Connection(kubeconfig=careless, certificate_authority=write(_text("other"), "other.crt")))
    with pytest.raises(Unreachable, match="is not trusted"):
        api.server_version()


def test_the_default_authorities_are_those_of_every_folder_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second, other = tmp_path / "first", tmp_path / "second", tmp_path / "closed"
    for number, place in enumerate((first, second)):
        place.mkdir()
        (place / f"0a1b2c3d.{number}").write_text(f"authority {number}")
        (place / "README").write_text("no authority")
    other.write_text("no folder")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(map(str, (first, other, second))))
    assert tls.default_authorities() == b"authority 0\nauthority 1"
    monkeypatch.setenv("SSL_CERT_DIR", str(other))
    stored = tls.context(b"").get_ca_certs(binary_form=True)
    assert tls.default_authorities().count(b"-----BEGIN CERTIFICATE-----") == len(stored)


def test_both_flags_are_refused_as_by_kubectl(write: Any) -> None:
    flags = Connection(
        kubeconfig=write(config()),
        insecure_skip_tls_verify=True,
        certificate_authority=write(_text("other"), "other.crt"),
    )
    assert refused(flags).line == (
        "error: specifying a root certificates file with the insecure flag is not allowed"
    )


def _text(name: str) -> str:
    return authority(name).pem.decode()


def test_a_server_flag_clears_the_kubeconfigs_server_name(write: Any, server: Loopback) -> None:
    trusted = base64.b64encode(authority().pem).decode()
    obj = trusting(server, **{"certificate-authority-data": trusted, "tls-server-name": "kubernetes"})
    assert sent(Connection(kubeconfig=write(obj), server=server.url), server)


# The key on disk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder for temporary files of the programs that are run."""
    path = tmp_path / "tmp"
    path.mkdir()
    return path


def certified(server: Loopback) -> dict[str, Any]:
    certificate, key = (base64.b64encode(data).decode() for data in authority().issue("jane"))
    return config(server.url, **{"client-certificate-data": certificate, "client-key-data": key})


def refuse_memory(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """There are no files in memory, for a filter of system calls forbids them; or they have no path."""

    def denied(name: str) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if why == "macOS":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif why == "no /proc":
        monkeypatch.setattr(Path, "exists", lambda path: not path.is_relative_to("/proc"))
    else:
        monkeypatch.setattr(os, "memfd_create", denied, raising=False)


@pytest.mark.parametrize("why", ["macOS", "seccomp", "no /proc"])
def test_data_is_in_a_folder_of_our_own_until_openssl_has_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path, why: str
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    refuse_memory(monkeypatch, why)

    class Context(ssl.SSLContext):
        def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
            seen.extend([os.stat(os.path.dirname(keyfile)).st_mode & 0o777, os.path.exists(keyfile)])
            super().load_cert_chain(certfile, keyfile, password)

    made = Context(ssl.PROTOCOL_TLS_CLIENT)
    tls.present(made, tls.Pair(*authority().issue("jane")))
    assert seen == [0o700, True]
    assert list(folder.iterdir()) == []


def test_where_there_is_no_place_at_all_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, write: Any, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    refuse_memory(monkeypatch, "seccomp")
    certificate, key = (base64.b64encode(data).decode() for data in authority().issue("jane"))
    error = refused(
        Connection(
            kubeconfig=write(config(**{"client-certificate-data": certificate, "client-key-data": key}))
        )
    )
    assert error.hint == "TMPDIR names a folder to write in"
    assert error.line == (
        "error: a client certificate needs a file for a moment, and there is no place: "
        "No such file or directory"
    )


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="no files in memory here")
def test_no_place_for_files_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pod may have none that it could write."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    tls.present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls.Pair(*authority().issue("jane")))


@pytest.mark.parametrize(
    ("sign", "verb"),
    [
        *[(sign, "get") for sign in ("SIGTERM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGINT")],
        *[(sign, "record") for sign in ("SIGHUP", "SIGKILL", "SIGQUIT")],
    ],
)
def test_no_key_is_left_whatever_ends_the_program(
    write: Any, server: Loopback, folder: Path, sign: str, verb: str
) -> None:
    watching, done = threading.Event(), threading.Event()
    clients: set[str] = set()

    def answer(received: Received) -> bytes | Iterator[bytes]:
        clients.add(received.client)
        if "watch=true" in received.path:
            watching.set()
            return _silence(done)
        return response(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})

    server.answer = answer
    words = {"get": ["get", "agents", "-w"], "record": ["record"]}[verb]
    command = [sys.executable, "-m", "kubectl_kagent", *words, "--kubeconfig", write(certified(server))]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with subprocess.Popen(
        command, env=environment, cwd=folder.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert watching.wait(60)
            assert clients == {"jane"}
            assert list(folder.iterdir()) == [], "it is gone while the program runs"
            process.send_signal(getattr(signal, sign))
            process.wait(60)
        finally:
            done.set()
            process.kill()
    assert list(folder.iterdir()) == []


def _silence(done: threading.Event) -> Iterator[bytes]:
    yield head(200, "Content-Type: application/json")
    done.wait(60)


def test_what_another_client_is_given_has_the_certificate(write: Any, server: Loopback, folder: Path) -> None:
    """``tools call`` sends with a library of its own."""
    code = """
import json, os, sys, urllib.request
from kubectl_kagent.cluster.connect import Connection, connect
access = connect(Connection(kubeconfig=sys.argv[1])).service("a", "b:80").access("/")
urllib.request.urlopen(access.url, context=access.tls).read()
print(json.dumps(os.listdir(os.environ["TMPDIR"])))
"""
    command = [sys.executable, "-c", code, write(certified(server))]
    done = subprocess.run(command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, check=True)
    assert json.loads(done.stdout) == []
    assert [received.client for received in server.received] == ["jane"]
