"""The small bundle in the place of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_kagent.model.resources import SERVICE
from tests.fake.bundle import in_place_of_ours, write
from tests.fake.cluster import FakeCluster


@pytest.fixture(autouse=True)
def small(tmp_path: Path) -> Iterator[Path]:
    """Where its files are."""
    root = write(tmp_path / "bundle")
    with in_place_of_ours(root):
        yield root


@pytest.fixture(autouse=True)
def stores(cluster: FakeCluster) -> None:
    """Tempo and Loki, as their charts name them."""
    for name, port in (("tempo", 4317), ("loki", 3100)):
        metadata = {"name": name, "namespace": "monitoring", "labels": {"app.kubernetes.io/name": name}}
        spec = {"ports": [{"name": "x", "port": port}]}
        cluster.add(SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
