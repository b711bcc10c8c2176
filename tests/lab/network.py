"""The lab's own network namespace: a bridge whose address is the node's, and nothing from outside."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.errors import LabError
from tests.lab.layout import NODE_ADDRESS, SERVICE_RANGE, Layout

CLONE_NEWNET = 0x40000000
# Traffic between two pods on the bridge must pass iptables, or a Service answers from the wrong address.
SETTINGS = """
echo 1 > /proc/sys/net/ipv4/ip_forward
for f in /proc/sys/net/bridge/bridge-nf-call-iptables; do if test -w $f; then echo 1 > $f; fi; done
"""


def ensure(layout: Layout) -> None:
    """Make the namespace, or complete one that a crash left half made."""
    if _ip("-n", layout.label, "link", "set", "lo", "up").returncode != 0:
        layout.netns.unlink(missing_ok=True)  # the name without its mount: a crash inside `ip netns add`
        _must("netns", "add", layout.label)
        _must("-n", layout.label, "link", "set", "lo", "up")
    if _ip("-n", layout.label, "link", "show", "cni0").returncode != 0:
        # A bridge, not a dummy device: not every kernel has those.
        _must("-n", layout.label, "link", "add", "cni0", "type", "bridge")
    _must("-n", layout.label, "addr", "replace", f"{NODE_ADDRESS}/24", "dev", "cni0")
    _must("-n", layout.label, "link", "set", "cni0", "up")
    # The node's own processes reach Services by this route; kube-proxy changes the destination on the way.
    _must("-n", layout.label, "route", "replace", SERVICE_RANGE, "dev", "cni0")
    subprocess.run([*entering(layout), "sh", "-ec", SETTINGS], check=True, timeout=30)


def entering(layout: Layout) -> list[str]:
    """The words before a command that runs inside. `ip netns exec` remounts /sys, which hides cgroups."""
    return ["nsenter", f"--net={layout.netns}", "--"]


@contextmanager
def inside(layout: Layout) -> Iterator[None]:
    """Let this thread open its sockets inside, for probes that need no process of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        lab = os.open(layout.netns, os.O_RDONLY)
        try:
            if libc.setns(lab, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns", str(layout.netns))
        finally:
            os.close(lab)
        try:
            yield
        finally:
            if libc.setns(home, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns back to the machine's network namespace")
    finally:
        os.close(home)


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30, check=False)


def _must(*words: str) -> None:
    done = _ip(*words)
    if done.returncode != 0:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")
