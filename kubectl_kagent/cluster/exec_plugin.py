"""Credentials from a program: the ``exec`` of a kubeconfig's user, with client-go's rules and words."""

from __future__ import annotations

import base64
import codecs
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import yaml

from kubectl_kagent import clock
from kubectl_kagent.cluster.go_yaml import Loader
from kubectl_kagent.cluster.kubeconfig import Entry
from kubectl_kagent.cluster.login import Credential, bearer
from kubectl_kagent.cluster.tls import Pair, read
from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, Unauthorized

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_CLUSTER_CONFIG = "client.authentication.k8s.io/exec"
_PAUSE = 5.0  # seconds
_LAST_WORDS = 1.0  # seconds for what a plugin wrote before it ended
# all of Unicode's category Cc but tab and line feed
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Plugin:
    """The program as the kubeconfig describes it. ``cluster`` is told to it, if it is to be."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    api_version: str
    interactive: str
    install_hint: str
    cluster: Mapping[str, Any] | None


class ExecLogin:
    """Runs the plugin when credentials are wanted and the last ones are over, or refused.

    Watches are opened again each second, whatever refused them: what a run did not mend is not tried again at
    once, since a plugin may ask a person, a cloud or a disk.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._credential: Credential | None = None
        self._until: datetime | None = None
        self._failure: Unauthorized | None = None
        self._failed_until = 0.0  # until then it does not run again
        self._renewed_until = 0.0  # until then it does not run again for a refusal
        self._lock = threading.Lock()  # it may ask a person: once

    def current(self) -> Credential:
        """Raises Unauthorized when the plugin gives none."""
        with self._lock:
            if self._credential is None or (self._until and clock.now() > self._until):
                return self._run()
            return self._credential

    def instead_of(self, refused: Credential) -> Credential:
        """The plugin runs once for all the requests that are refused with the same answer of it."""
        with self._lock:
            is_new = self._credential is not refused or clock.monotonic() < self._renewed_until
            if self._credential and is_new:
                return self._credential
            found = self._run()
            self._renewed_until = clock.monotonic() + _PAUSE
            return found

    def _run(self) -> Credential:
        if self._failure and clock.monotonic() < self._failed_until:
            raise Unauthorized(self._failure.message, self._failure.hint)
        try:
            self._credential, self._until = _credential(run(self._plugin))
        except Unauthorized as error:
            self._failure, self._failed_until = error, clock.monotonic() + _PAUSE
            self._renewed_until = 0.0
            raise
        self._failure = None
        return self._credential


def plugin(described: Entry, cluster: Entry) -> Plugin:
    """The plugin of a valid ``exec``. Raises KagentError for a version of which there is none."""
    command, version = described.text("command"), described.text("apiVersion")
    if version not in _VERSIONS:
        raise KagentError(f'exec plugin: invalid apiVersion "{version}"', hint=f"use {_VERSIONS[0]}")
    env = {item.text("name"): item.text("value") for item in described.entries("env")}
    return Plugin(
        # what is found in PATH has no folder
        described.path("command") if os.sep in command else command,
        tuple(described.texts("args")),
        env,
        version,
        described.text("interactiveMode") or "IfAvailable",
        " ".join(described.text("installHint").split()),
        _about(cluster) if described.flag("provideClusterInfo") else None,
    )


def run(given: Plugin) -> Mapping[str, Any]:
    """The ``status`` that the plugin answers with. What it says on stderr is for the user, as it comes.

    Raises Unauthorized when it fails, or answers with something else.
    """
    interactive = _interactive(given.interactive)
    spec = {"interactive": interactive} | ({"cluster": given.cluster} if given.cluster is not None else {})
    info = {"kind": "ExecCredential", "apiVersion": given.api_version, "spec": spec}
    try:
        process = subprocess.Popen(
            [given.command, *given.args],
            env={**os.environ, **given.env, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except (OSError, ValueError) as error:
        raise _not_run(given, error) from error
    with process:
        assert process.stdout  # both are pipes
        assert process.stderr
        words = threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True)
        words.start()
        answer = process.stdout.read()
        process.wait()
        words.join(_LAST_WORDS)  # what it left running may hold the pipe for long
    if process.returncode:
        raise _failed(f"exec: executable {given.command} failed with exit code {process.returncode}")
    return _status(answer, given.api_version)


def _not_run(given: Plugin, error: OSError | ValueError) -> Unauthorized:
    """In Go's words: of what is not found, what may not be run or has no format, or has a NUL in it."""
    is_path = os.sep in given.command
    if isinstance(error, FileNotFoundError) or (isinstance(error, PermissionError) and not is_path):
        return _failed(f"exec: executable {given.command} not found", given.install_hint)
    why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
    return _failed(f"exec: fork/exec {given.command}: {why}")


def _interactive(mode: str) -> bool:
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise _failed("exec plugin cannot support interactive mode: standard input is not a terminal")
    return terminal and mode != "Never"


def _pass_on(pipe: IO[bytes]) -> None:
    """Show what comes, as it comes, since a prompt has no line end; nothing in it that a terminal obeys."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    while chunk := os.read(pipe.fileno(), 4096):
        text = re.sub(r"\r\n?", "\n", decode(chunk))
        sys.stderr.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
        sys.stderr.flush()


def _status(answer: bytes, version: str) -> Mapping[str, Any]:
    credential = _decoded(answer)
    # of no kind is what was asked for, for client-go
    if not isinstance(credential, dict) or credential.get("kind") not in ("ExecCredential", "", None):
        raise _failed("exec: decoding stdout: it is not an ExecCredential")
    if credential.get("apiVersion") != version:
        raise _failed(
            f"exec plugin is configured to use API version {version}, "
            f"plugin returned version {str(credential.get('apiVersion') or '')[:80]}"
        )
    status = credential.get("status")
    if not isinstance(status, dict):
        raise _failed("exec plugin didn't return a status field")
    return status


def _decoded(answer: bytes) -> Any:
    """JSON, as nearly all plugins write it, or YAML, which client-go reads too."""
    try:
        return from_json(answer)
    except ValueError:
        pass
    try:
        return yaml.load(answer, Loader)
    except (yaml.YAMLError, RecursionError):
        raise _failed("exec: decoding stdout: it is neither JSON nor YAML") from None  # it may hold a token


def _credential(status: Mapping[str, Any]) -> tuple[Credential, datetime | None]:
    names = ("token", "clientCertificateData", "clientKeyData", "expirationTimestamp")
    token, certificate, key, until = (status.get(name) or "" for name in names)
    if not all(isinstance(value, str) for value in (token, certificate, key, until)):
        raise _failed("exec plugin returned something else than texts in its status")
    if not (token or certificate or key):
        raise _failed("exec plugin didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise _failed("exec plugin returned only certificate or key, not both")
    pair = Pair(certificate.encode(), key.encode()) if certificate else None
    try:
        moment = datetime.fromisoformat(until) if until else None
    except ValueError:
        raise _failed("exec plugin returned an expirationTimestamp that is not a time") from None
    if moment and moment.tzinfo is None:
        raise _failed("exec plugin returned an expirationTimestamp without a zone")
    return Credential(bearer(token).authorization, pair), moment


def _about(cluster: Entry) -> dict[str, Any]:
    """The cluster as ExecCredential's spec has it."""
    authority = cluster.data("certificate-authority-data")
    if not authority and (path := cluster.path("certificate-authority")):
        authority = read(path)
    found = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.text("tls-server-name"),
        "insecure-skip-tls-verify": cluster.flag("insecure-skip-tls-verify"),
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "proxy-url": cluster.text("proxy-url"),
        "disable-compression": cluster.flag("disable-compression"),
    }
    about: dict[str, Any] = {key: value for key, value in found.items() if value} | {"config": None}
    for extension in cluster.entries("extensions"):
        if extension.text("name") == _CLUSTER_CONFIG:
            about["config"] = extension.fields.get("extension")
    return about


def _failed(why: str, hint: str | None = None) -> Unauthorized:
    return Unauthorized(f"getting credentials: {why}", hint or None)
