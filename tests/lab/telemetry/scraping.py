"""Prometheus, with the bundle's jobs as far as the lab has what they scrape, and Alertmanager."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.lab import addons
from tests.lab.build import program
from tests.lab.control_plane import kubeconfig
from tests.lab.images.shelf import key_of
from tests.lab.layout import CHECKOUT, NODE_ADDRESS, Layout
from tests.lab.probes import answers
from tests.lab.processes import Part
from tests.lab.telemetry.files import BUNDLE, CLIENT, data, settings

# Whose pods are host processes here.
PROCESSES = {"kagent-logs": 8887, "kmcp": addons.KMCP_METRICS_PORT}
RULES = CHECKOUT / "alerts"


def prometheus(layout: Layout) -> Part:
    path, text = settings(layout, "prometheus")
    configuration = yaml.safe_load(text)
    configuration["scrape_configs"] += _jobs(layout)
    priced, price_rules = prices(layout)
    configuration["rule_files"].append(str(priced))
    command = [
        str(program(layout, "prometheus")),
        f"--config.file={path}",
        f"--storage.tsdb.path={data(layout, 'prometheus')}",
        f"--web.listen-address={NODE_ADDRESS}:9090",
        "--enable-feature=exemplar-storage",
    ]
    ready = answers(layout, f"http://{NODE_ADDRESS}:9090/-/ready")
    content = {"RULES_CONTENT": key_of(RULES)}
    files = {path: json.dumps(configuration, indent=2), priced: price_rules}
    return Part("prometheus", command, ready, files, content)


def prices(layout: Layout) -> tuple[Path, str]:
    """The rules that say what the scripted model costs, as a team adds a model to alerts/values.yaml."""
    return settings(layout, "prices")


def alertmanager(layout: Layout) -> Part:
    path, text = settings(layout, "alertmanager")
    command = [
        "prometheus-alertmanager",
        f"--config.file={path}",
        f"--storage.path={data(layout, 'alertmanager')}",
        f"--web.listen-address={NODE_ADDRESS}:9093",
        "--cluster.listen-address=",  # it is alone
    ]
    return Part("alertmanager", command, answers(layout, f"http://{NODE_ADDRESS}:9093/-/ready"), {path: text})


def _jobs(layout: Layout) -> list[dict[str, Any]]:
    """The bundle's, for a Prometheus outside the cluster."""
    jobs: list[dict[str, Any]] = yaml.safe_load((BUNDLE / "prometheus" / "scrape.yaml").read_text())[
        "scrape_configs"
    ]
    for job in jobs:
        job.pop("authorization", None)  # with the token that a pod has
        if port := PROCESSES.get(job["job_name"]):
            del job["kubernetes_sd_configs"], job["relabel_configs"]
            job["static_configs"] = [{"targets": [f"{NODE_ADDRESS}:{port}"]}]
        for discovery in job.get("kubernetes_sd_configs", ()):
            discovery["kubeconfig_file"] = kubeconfig(layout, CLIENT)
    return jobs
