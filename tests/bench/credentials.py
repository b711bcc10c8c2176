"""What a peer needs to send requests of ours itself: address and credentials of the lab's kubeconfig."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import Lab


@dataclass(frozen=True)
class Credentials:
    """The API server's address, and paths of PEM files."""

    server: str
    cacert: str
    cert: str
    key: str


def credentials(lab: Lab, folder: Path) -> Credentials:
    """Put them into files in ``folder``."""
    view = [str(lab.kubectl), "config", "view", "--raw", "--minify", "-o", "json"]
    env = {**os.environ, "KUBECONFIG": str(lab.kubeconfig)}
    config = json.loads(subprocess.run(view, env=env, check=True, stdout=subprocess.PIPE).stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]

    def saved(name: str, data: str) -> str:
        (folder / name).write_bytes(base64.b64decode(data))
        return str(folder / name)

    return Credentials(
        cluster["server"],
        saved("cacert", cluster["certificate-authority-data"]),
        saved("cert", user["client-certificate-data"]),
        saved("key", user["client-key-data"]),
    )
