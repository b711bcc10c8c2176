"""Where one lab keeps its things. Everything follows from its name, so leftovers of a crash can be found."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]
NODE_ADDRESS = "10.244.0.1"
NODE_NAME = "lab"
SERVICE_RANGE = "10.96.0.0/16"
SOCKET_PATH_LIMIT = 107


def _xdg(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "kubectl-kagent"


def _name() -> str:
    name = os.environ.get("KAGENT_LAB_NAME") or hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,19}", name):
        raise LabError(f"KAGENT_LAB_NAME {name!r} must be up to 20 of a-z, 0-9 and -, not starting with -")
    return name


@dataclass(frozen=True)
class Layout:
    """One lab's name and paths; the default one belongs to this checkout."""

    name: str
    cache: Path
    state: Path

    @classmethod
    def here(cls) -> "Layout":
        name = _name()
        layout = cls(
            name, _xdg("XDG_CACHE_HOME", ".cache"), _xdg("XDG_STATE_HOME", ".local/state") / "lab" / name
        )
        longest = layout.kubelet / "pod-resources" / "kubelet.sock"
        if len(str(longest)) > SOCKET_PATH_LIMIT:
            raise LabError(
                f"the path {longest} is too long for a socket; set XDG_STATE_HOME to a shorter one"
            )
        return layout

    @property
    def label(self) -> str:
        """The name of the network namespace, the cgroup and the CNI network."""
        return f"kagent-lab-{self.name}"

    @property
    def run(self) -> Path:
        """Sockets, and what another user than root must reach (a home directory often lets nobody in)."""
        return Path("/run/kagent-lab") / self.name

    @property
    def netns(self) -> Path:
        return Path("/run/netns") / self.label

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def kubectl(self) -> Path:
        return self.state / "bin" / "kubectl"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def pidfiles(self) -> Path:
        return self.state / "pids"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def kubelet(self) -> Path:
        return self.state / "kubelet"

    @property
    def pod_logs(self) -> Path:
        return self.state / "podlogs"

    @property
    def containerd(self) -> Path:
        return self.state / "containerd"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"
