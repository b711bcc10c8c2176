"""The one node: containerd, kubelet, kube-proxy, and the cgroup they live in."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.lab import images, pki
from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.layout import NODE_ADDRESS, NODE_NAME, Layout
from tests.lab.probes import answers
from tests.lab.processes import Part

DNS_ADDRESS = "10.96.0.10"
DNS_DOMAIN = "cluster.local"
CGROUPS = Path("/sys/fs/cgroup")
BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")

CONTAINERD = """\
version = 2
root = "{root}"
state = "{run}/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  stream_server_address = "127.0.0.1"
  # Without CAP_SYS_RESOURCE a sandbox that lowers its OOM score dies before it starts.
  restrict_oom_score_adj = true
  disable_apparmor = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
"""


def containerd(layout: Layout) -> Part:
    settings, cni = layout.config / "containerd.toml", layout.config / "cni"
    text = CONTAINERD.format(
        root=layout.containerd, run=layout.run, socket=layout.containerd_socket, pause=images.PAUSE, cni=cni
    )
    files = {settings: text, cni / "10-lab.conflist": _cni(layout)}
    return Part("containerd", ["containerd", "--config", str(settings)], _containerd_serves(layout), files)


def kubelet(layout: Layout) -> Part:
    settings, resolver = layout.config / "kubelet.json", layout.config / "resolv.conf"
    certificate = pki.pair(layout, "ca").certificate
    command = [
        str(program(layout, "kubelet")),
        f"--config={settings}",
        f"--kubeconfig={kubeconfig(layout, 'kubelet')}",
        f"--root-dir={layout.kubelet}",
        f"--containerd={layout.containerd_socket}",  # cAdvisor asks there whose cgroups they are
        f"--cert-dir={layout.kubelet / 'pki'}",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ]
    files = {settings: _kubelet_configuration(layout, certificate, resolver), resolver: ""}
    # 1.35.4 reads a map at its start that another thread writes: once it was seen to die of that
    return Part("kubelet", command, answers(layout, "http://127.0.0.1:10248/healthz"), files, deaths=1)


def kube_proxy(layout: Layout) -> Part:
    settings = layout.config / "kube-proxy.json"
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig(layout, "kube-proxy")},
        "hostnameOverride": NODE_NAME,
        "mode": "iptables",
        "clusterCIDR": "10.244.0.0/24",
        # Where bridged traffic does not pass iptables, answers come back only through the node.
        "iptables": {"masqueradeAll": not BRIDGE_FILTER.exists(), "minSyncPeriod": "0s"},
        # These limits belong to the machine, not to one network namespace.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    command = [str(program(layout, "kube-proxy")), f"--config={settings}"]
    return Part(
        "kube-proxy",
        command,
        answers(layout, "http://127.0.0.1:10256/healthz"),
        {settings: json.dumps(configuration)},
    )


def ensure_cgroup(layout: Layout) -> None:
    """The parent of every pod's cgroup: one in each hierarchy of cgroup v1, one in all of v2."""
    for hierarchy in hierarchies():
        controllers = hierarchy / "cgroup.controllers"
        if controllers.exists():
            for controller in controllers.read_text().split():
                _enable(hierarchy / "cgroup.subtree_control", controller)
        (hierarchy / layout.label).mkdir(exist_ok=True)


def hierarchies() -> list[Path]:
    """Where cgroup filesystems are mounted below the usual place."""
    fields = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [
        Path(f[1]) for f in fields if f[2] in {"cgroup", "cgroup2"} and Path(f[1]).is_relative_to(CGROUPS)
    ]


def _enable(control: Path, controller: str) -> None:
    try:
        control.write_text(f"+{controller}")
    except OSError as error:
        # Not every controller can be handed down everywhere; the kubelet names what it misses.
        os.write(2, f"cgroup controller {controller}: {error.strerror}\n".encode())


def _kubelet_configuration(layout: Layout, certificate: Path, resolver: Path) -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(certificate)}},
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{layout.label}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "clusterDNS": [DNS_ADDRESS],
            "clusterDomain": DNS_DOMAIN,
            "resolvConf": str(resolver),
            "podLogsDir": str(layout.pod_logs),
            "volumePluginDir": str(layout.kubelet / "volume-plugins"),
            "maxPods": 200,
            # Images cannot be pulled again, and the disk is not the lab's to judge.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi"},
            "nodeStatusUpdateFrequency": "5s",
            "shutdownGracePeriod": "0s",
        },
        indent=2,
    )


def _cni(layout: Layout) -> str:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": str(layout.state / "cni"),
            "ranges": [[{"subnet": "10.244.0.0/24", "gateway": NODE_ADDRESS, "rangeStart": "10.244.0.10"}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return json.dumps(
        {"cniVersion": "0.4.0", "name": layout.label, "plugins": [bridge, {"type": "portmap"}]}, indent=2
    )


def _containerd_serves(layout: Layout) -> Callable[[], bool]:
    command = ["ctr", "--address", str(layout.containerd_socket), "--connect-timeout", "2s", "version"]

    def probe() -> bool:
        try:
            return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    return probe
