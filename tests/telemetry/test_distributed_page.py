"""docs/distributed.md: its folders for kustomize make what `observe install` and `make generate` would."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.datasources import datasources
from kubectl_kagent.observe.addresses import Destinations
from kubectl_kagent.observe.bundle import Settings, build
from scripts.datasources import SOURCE, grafana_datasource, site
from tests.lab.build import program
from tests.lab.lab import Lab
from tests.lab.layout import CHECKOUT, Layout

pytestmark = pytest.mark.telemetry

PAGE = (CHECKOUT / "docs" / "distributed.md").read_text()
# A file's name at the end of a sentence, and the block after it.
FILE = re.compile(
    r"`(?P<path>[a-z/]+\.yaml)`[^`\n]*:\n\n```yaml\n(?P<text>.+?)^```$", re.MULTILINE | re.DOTALL
)
INSTALL = re.compile(r"^kubectl kagent observe install (?P<flags>(?:.+\\\n)*.+)$", re.MULTILINE)
Object = dict[str, Any]


@pytest.fixture(scope="module")
def kubectl() -> str:
    return str(Lab.attach().kubectl)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """What somebody has who does what the page says."""
    (tmp_path / "kubectl-kagent").symlink_to(CHECKOUT)
    for file in FILE.finditer(PAGE):
        path = tmp_path / file["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["text"])
    return tmp_path


def built(kubectl: str, folder: Path) -> list[Object]:
    done = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def config_files(objects: list[Object], name: str) -> dict[str, Object]:
    """A collector's files, and that its container reads them in this order."""
    (data,) = (
        item["data"]
        for item in objects
        if item["kind"] == "ConfigMap" and re.fullmatch(rf"{name}(-[a-z0-9]+)?", item["metadata"]["name"])
    )
    (pod,) = (
        item["spec"]["template"]["spec"]
        for item in objects
        if item["kind"] in ("Deployment", "DaemonSet") and item["metadata"]["name"] == name
    )
    words = [word for word in pod["containers"][0]["args"] if word.startswith("--config=file:")]
    order = [word.rpartition("/")[2] for word in words]
    assert {*order} == {*data}
    return {file: yaml.safe_load(data[file]) for file in order}


def test_collectors_send_where_an_install_would_let_them(kubectl: str, folders: Path) -> None:
    found = INSTALL.search(PAGE)
    assert found is not None
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in found["flags"].replace("\\\n", "").split())
    where = Destinations(flags["traces-endpoint"], flags["loki-endpoint"], flags["tenant"])
    installed = build(CHECKOUT, Settings(frozenset(), destinations=where))
    objects = built(kubectl, folders / "site")
    for name in ("kagent-collector", "kagent-logs"):
        assert [*config_files(objects, name).items()] == [*config_files(installed, name).items()]


@pytest.mark.parametrize("name", ["kagent-collector", "kagent-logs"])
def test_the_collector_takes_them(kubectl: str, folders: Path, name: str, tmp_path: Path) -> None:
    words = []
    for file, config in config_files(built(kubectl, folders / "site"), name).items():
        (tmp_path / file).write_text(yaml.safe_dump(config))
        words.append(f"--config=file:{tmp_path / file}")
    command = [str(program(Layout.here(), "collector")), "validate", *words]
    env = {**os.environ, "NODE_NAME": "here"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_data_sources_are_those_of_a_site_file_that_says_the_same(kubectl: str, folders: Path) -> None:
    there = site((CHECKOUT / SOURCE).read_text())
    asked = replace(
        there,
        prometheus=replace(there.prometheus, url="http://mimir-gateway.mimir/prometheus", kind="Mimir"),
        loki=replace(there.loki, url="http://loki-gateway.loki"),
        tempo=replace(there.tempo, url="http://tempo-query-frontend.tempo:3200"),
        tenant="paris",
    )
    wanted = {one["uid"]: grafana_datasource(one)["spec"] for one in datasources(asked, "tempo")}
    objects = built(kubectl, folders / "grafana")
    assert {item["metadata"]["name"]: item["spec"] for item in objects} == wanted


@pytest.mark.parametrize("traces", ["tempo", "jaeger"])
def test_the_generated_folders_are_whole(kubectl: str, traces: str) -> None:
    folder = CHECKOUT / "manifests" / "generated" / "datasources"
    (config_map,) = built(kubectl, folder / traces)
    metadata = config_map["metadata"]
    assert (config_map["kind"], metadata["labels"]) == ("ConfigMap", {"grafana_datasource": "1"})
    told = yaml.safe_load(config_map["data"]["kagent-datasources.yaml"])
    names = [source["uid"] for source in told["datasources"]]
    objects = built(kubectl, folder / f"{traces}-operator")
    assert sorted(item["metadata"]["name"] for item in objects) == sorted(names)
    assert {item["metadata"]["namespace"] for item in [config_map, *objects]} == {"kagent-observability"}
