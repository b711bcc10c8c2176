"""Beside the control plane, as host processes too: DNS, resource metrics, kmcp and the scripted model."""

import sys

from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.images.shelf import key_of
from tests.lab.layout import CHECKOUT, NODE_ADDRESS, Layout
from tests.lab.node import DNS_DOMAIN
from tests.lab.probes import answers, listens
from tests.lab.processes import Part

MODEL_PORT = 9101
KMCP_METRICS_PORT = 8082
# The zone "." makes every foreign name one that does not exist, instead of a server failure to try again.
COREFILE = """\
.:53 {{
  errors
  health 127.0.0.1:8080
  ready 127.0.0.1:8181
  kubernetes {domain} in-addr.arpa . {{
    kubeconfig {kubeconfig}
    pods insecure
    ttl 5
  }}
  cache 5
}}
"""


def coredns(layout: Layout) -> Part:
    corefile = layout.config / "Corefile"
    text = COREFILE.format(domain=DNS_DOMAIN, kubeconfig=kubeconfig(layout, "coredns"))
    command = [str(program(layout, "coredns")), "-conf", str(corefile)]
    return Part("coredns", command, answers(layout, "http://127.0.0.1:8181/ready"), {corefile: text})


def kmcp(layout: Layout) -> Part:
    command = [
        str(program(layout, "kmcp")),
        f"--kubeconfig={kubeconfig(layout, 'kmcp')}",
        "--health-probe-bind-address=127.0.0.1:8081",
        f"--metrics-bind-address={NODE_ADDRESS}:{KMCP_METRICS_PORT}",
        "--metrics-secure=false",
        "--zap-devel=false",
    ]
    return Part("kmcp", command, answers(layout, "http://127.0.0.1:8081/readyz"))


def metrics_server(layout: Layout) -> Part:
    access = kubeconfig(layout, "metrics-server")
    command = [
        str(program(layout, "metrics-server")),
        f"--kubeconfig={access}",
        f"--authentication-kubeconfig={access}",
        f"--authorization-kubeconfig={access}",
        f"--bind-address={NODE_ADDRESS}",
        "--secure-port=4443",
        f"--cert-dir={layout.state / 'metrics-server'}",
        "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]
    return Part("metrics-server", command, answers(layout, f"https://{NODE_ADDRESS}:4443/livez"))


def model(layout: Layout) -> Part:
    command = [sys.executable, "-m", "tests.lab.model", "--host", NODE_ADDRESS, "--port", str(MODEL_PORT)]
    ready = listens(layout, NODE_ADDRESS, MODEL_PORT)
    # Its own content in the environment: `up` then replaces a model whose script was edited.
    content = key_of(CHECKOUT / "tests" / "lab" / "model")
    environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1", "MODEL_CONTENT": content}
    return Part("model", command, ready, env=environment)
