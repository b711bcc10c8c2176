"""The caller's credentials, and each way in which a process ends: they are in no output and no file."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.certificates import authority
from tests.loopback import Received, response, serve

LOGINS = {
    "token": lambda _: {"token": OWN},
    "password": lambda _: {"username": "bob", "password": OWN},
    "plugin": lambda folder: {"exec": plugin(folder)},
}
OWN = "cAnArYoFtHeCaLlEr"


def plugin(folder: Path) -> dict[str, Any]:
    """A login that prints a token."""
    program = folder / "login"
    status = {"token": OWN}
    printed = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": status}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(printed)}'\n")
    program.chmod(0o755)
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(program),
        "interactiveMode": "Never",
    }


def kubeconfig(url: str, user: dict[str, Any]) -> dict[str, Any]:
    trusted = base64.b64encode(authority().pem).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority-data": trusted}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


@pytest.mark.parametrize(
    ("login", "ending"),
    [
        *((login, 0) for login in LOGINS),
        *(("plugin", ending) for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)),
    ],
)
def test_the_callers_credentials_are_in_no_output_and_no_file(
    tmp_path: Path, login: str, ending: int
) -> None:
    """Of a process that ends by itself with the server's error, or is ended while it waits for an answer."""
    given, left = tmp_path / "given", tmp_path / "left"
    given.mkdir()
    left.mkdir()
    go_on = threading.Event()

    def answer(received: Received) -> bytes:
        assert any(name == "Authorization" for name, _ in received.headers)
        if ending:
            go_on.wait(60)
        return response(
            500, {"kind": "Status", "message": f"{dict(received.headers)['Authorization']} is bad"}
        )

    with serve(authority().server()) as server:
        server.answer = answer
        file = given / "kubeconfig"
        file.write_text(yaml.safe_dump(kubeconfig(server.url, LOGINS[login](given))))
        folders = dict.fromkeys(("HOME", "TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"), str(left))
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_kagent", "get", "agents", f"--kubeconfig={file}"],
            env={**os.environ, **folders},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if ending:
            deadline = time.monotonic() + 60
            while not server.received and time.monotonic() < deadline:
                time.sleep(0.05)
            assert server.received
            process.send_signal(ending)
        out, err = process.communicate(timeout=60)
        go_on.set()
    assert process.returncode in (1, 130, -ending)
    left_behind = [path.read_bytes() for path in left.rglob("*") if path.is_file()]
    for secret in (OWN.encode(), base64.b64encode(f"bob:{OWN}".encode())):
        assert secret not in out + err
        assert not any(secret in content for content in left_behind)
