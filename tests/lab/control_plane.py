"""etcd and the three Kubernetes control plane processes."""

from tests.lab import pki
from tests.lab.build import program
from tests.lab.layout import NODE_ADDRESS, SERVICE_RANGE, Layout
from tests.lab.probes import answers
from tests.lab.processes import Part

API_PORT = 6443
ETCD = "http://127.0.0.1:2379"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def etcd(layout: Layout) -> Part:
    command = [
        str(program(layout, "etcd")),
        f"--data-dir={layout.state / 'etcd'}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--auto-compaction-retention=5m",
        "--logger=zap",
    ]
    return Part("etcd", command, answers(layout, f"{ETCD}/health"))


def kube_apiserver(layout: Layout) -> Part:
    serving, front, kubelet = (
        pki.pair(layout, n) for n in ("kube-apiserver", "front-proxy", "apiserver-kubelet")
    )
    signing = layout.pki / "service-account.key"
    command = [
        str(program(layout, "kube-apiserver")),
        f"--etcd-servers={ETCD}",
        f"--secure-port={API_PORT}",
        f"--advertise-address={NODE_ADDRESS}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={pki.pair(layout, 'ca').certificate}",
        f"--kubelet-client-certificate={kubelet.certificate}",
        f"--kubelet-client-key={kubelet.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={signing}",
        f"--service-account-signing-key-file={signing}",
        f"--requestheader-client-ca-file={pki.pair(layout, 'front-proxy-ca').certificate}",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front.certificate}",
        f"--proxy-client-key-file={front.key}",
    ]
    ready = answers(layout, f"https://127.0.0.1:{API_PORT}/readyz")
    # Left to itself it waits for every watch of every client to end, which takes a minute.
    return Part("kube-apiserver", command, ready, patience=2)


def kube_controller_manager(layout: Layout) -> Part:
    command = [
        str(program(layout, "kube-controller-manager")),
        f"--kubeconfig={kubeconfig(layout, 'kube-controller-manager')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={layout.pki / 'service-account.key'}",
        f"--root-ca-file={pki.pair(layout, 'ca').certificate}",
        # A test of an autoscaler should take a minute, not ten.
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--horizontal-pod-autoscaler-downscale-stabilization=20s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=10s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
    ]
    return Part("kube-controller-manager", command, answers(layout, "https://127.0.0.1:10257/healthz"))


def kube_scheduler(layout: Layout) -> Part:
    command = [
        str(program(layout, "kube-scheduler")),
        f"--kubeconfig={kubeconfig(layout, 'kube-scheduler')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
    return Part("kube-scheduler", command, answers(layout, "https://127.0.0.1:10259/healthz"))


def kubeconfig(layout: Layout, client: str, *, acts_as: str = "") -> str:
    """The kubeconfig of a part inside, which needs no relay; it may be the one or act as another user."""
    name = "_".join([client, *acts_as.split(":")]) if acts_as else client
    path = layout.config / f"{name}.kubeconfig"
    if not path.exists():
        pki.write_kubeconfig(layout, path, client, API_PORT, acts_as)
    return str(path)
