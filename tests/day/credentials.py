"""Credentials that are good for an hour, in the places where programs look for them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.certificates import authority

LIFE = timedelta(hours=1)
OVERLAP = timedelta(minutes=5)  # so long the old one is good beside the new one
_V1 = "client.authentication.k8s.io/v1"
KINDS = ("token file", "token of a plugin", "certificate of a plugin")


@dataclass
class Rotation:
    """One of ``KINDS``, in a folder. ``renew`` makes the next one, named after its number.

    A plugin's credential says itself until when it is to be used.
    """

    kind: str
    folder: Path
    number: int = -1
    _since: dict[str, datetime] = field(default_factory=dict)
    _revoked: bool = False

    def renew(self, now: datetime) -> None:
        self.number += 1
        name = f"hour-{self.number}"
        self._since[name] = now
        if self.kind == "token file":
            self._replace("token", name)
            return
        status = {"expirationTimestamp": (now + LIFE).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if self.kind == "token of a plugin":
            status["token"] = name
        else:
            certificate, key = authority().issue(name)
            status |= {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
        answer = {"apiVersion": _V1, "kind": "ExecCredential", "status": status}
        self._replace("answer", json.dumps(answer))

    def _replace(self, name: str, text: str) -> None:
        new = self.folder / f"{name}.new"
        new.write_text(text)
        os.replace(new, self.folder / name)

    def revoke(self) -> None:
        """None of them is good any more, nor will be."""
        self._revoked = True

    def accepts(self, name: str, now: datetime) -> bool:
        return not self._revoked and name in self._since and now < self._since[name] + LIFE + OVERLAP

    def user(self) -> dict[str, Any]:
        """The user of a kubeconfig."""
        if self.kind == "token file":
            return {"tokenFile": str(self.folder / "token")}
        program = self.folder / "plugin"
        program.write_text(f"#!/bin/sh\ncd '{self.folder}' && echo >> runs && exec cat answer\n")
        program.chmod(0o755)
        return {"exec": {"apiVersion": _V1, "command": str(program), "interactiveMode": "Never"}}

    @property
    def runs(self) -> int:
        """How often the plugin was run."""
        runs = self.folder / "runs"
        return len(runs.read_bytes()) if runs.exists() else 0
