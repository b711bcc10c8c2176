"""The objects of the bundle: ours, and those of a small one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_kagent.model.resources import BUNDLED, CONFIG_MAP, DEPLOYMENT, NAMESPACE
from kubectl_kagent.observe import files
from kubectl_kagent.observe.addresses import DEFAULT_LOKI, DEFAULT_TRACES, Destinations
from kubectl_kagent.observe.bundle import (
    CHECKSUM,
    PART_OF,
    Operator,
    Settings,
    build,
    resource_of,
    with_checksums,
)
from tests.fake.bundle import NAME, in_place_of_ours, write
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    root = write(tmp_path)
    with in_place_of_ours(root):
        yield root


def checksum(item: Object) -> str:
    return str(item["spec"]["template"]["metadata"]["annotations"][CHECKSUM])


def test_a_checkout_is_its_own_bundle() -> None:
    assert files.root() == CHECKOUT


@pytest.mark.parametrize(
    "operators", [set(), {"prometheus-operator"}, {"prometheus-operator", "grafana-operator"}]
)
def test_our_own_bundle_is_whole(operators: set[Operator]) -> None:
    found = build(CHECKOUT, Settings(frozenset(operators)))
    kinds = [resource_of(item) for item in found]
    assert kinds == sorted(kinds, key=BUNDLED.index)
    assert kinds.count(NAMESPACE) == 1
    names = [(resource_of(item), item["metadata"]["name"]) for item in found]
    assert len(names) == len(set(names))
    for item in found:
        assert item["metadata"]["labels"][PART_OF] == "kagent-observability"
        wanted = ("kagent-observability", "kagent") if resource_of(item).namespaced else (None,)
        assert item["metadata"].get("namespace") in wanted


def test_no_kind_is_said_to_be_in_it_that_is_not() -> None:
    """Each is a right that its role grants."""
    operators: frozenset[Operator] = frozenset({"prometheus-operator", "grafana-operator"})
    settings = Settings(operators, grafana="https://grafana.example.org", recorder_image="x")
    assert {resource_of(item) for item in build(CHECKOUT, settings)} == {*BUNDLED}


def test_the_addresses_without_a_choice_are_those_of_the_files() -> None:
    found = build(CHECKOUT, Settings(frozenset()))
    data = {item["metadata"]["name"]: item["data"] for item in found if resource_of(item) is CONFIG_MAP}
    for name, file, exporter, address in (
        ("kagent-collector", "collector.yaml", "otlp_grpc/tempo", DEFAULT_TRACES),
        ("kagent-logs", "logs.yaml", "otlp_http/loki", f"{DEFAULT_LOKI}/otlp"),
    ):
        assert yaml.safe_load(data[name][file])["exporters"][exporter]["endpoint"] == address
    told = build(CHECKOUT, Settings(frozenset(), destinations=Destinations("a:1", "http://b:2", "c")))
    assert [item["metadata"] for item in told] == [item["metadata"] for item in found]


def test_a_kind_that_is_not_known_says_where_it_belongs() -> None:
    with pytest.raises(
        ValueError, match=r"batch/v1 Job: add it to BUNDLED in kubectl_kagent/model/resources"
    ):
        resource_of({"apiVersion": "batch/v1", "kind": "Job"})


def test_the_bundles_own_label_is_no_namespace(small: Path) -> None:
    text = (
        "part-of: kagent-observability\nto: x.kagent-observability.svc\nin: [kagent-observability]\n"
        "/kagent-observability_x\n"
    )
    (small / "part" / "config.yaml").write_text(text)
    found = build(small, Settings(frozenset(), "team"))
    made = next(
        item for item in found if item["metadata"]["name"] == NAME and resource_of(item) is CONFIG_MAP
    )
    assert (
        made["data"]["config.yaml"] == "part-of: kagent-observability\nto: x.team.svc\nin: [team]\n/team_x\n"
    )
    assert {item["metadata"]["labels"][PART_OF] for item in found} == {"kagent-observability"}


def test_a_namespace_of_its_own_is_renamed(small: Path) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    own = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kagent-observability\n  labels: {labels}\n"
    (small / "part" / "inner" / "account.yaml").write_text(own)
    found = build(small, Settings(frozenset(), "team"))
    (made,) = (item for item in found if resource_of(item) is NAMESPACE)
    assert (made["metadata"]["name"], made["metadata"]["labels"].items() >= labels.items()) == ("team", True)


def deployment(*volumes: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": "x"},
        "spec": {"template": {"metadata": {"annotations": {"a": "b"}}, "spec": {"volumes": list(volumes)}}},
    }


def config_map(name: str, text: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": text}}


def test_the_checksum_is_that_of_what_is_mounted() -> None:
    mounted = {
        "name": "v",
        "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]},
    }
    one, other, unused, direct = (
        checksum(with_checksums([deployment(volume), config_map("c", text), config_map("d", more)])[0])
        for volume, text, more in (
            (mounted, "1", "1"),
            (mounted, "2", "1"),
            (mounted, "1", "2"),
            ({"configMap": {"name": "c"}}, "1", "1"),
        )
    )
    assert one == unused == direct != other


def test_who_mounts_nothing_of_the_bundle_has_none() -> None:
    before = deployment({"configMap": {"name": "another"}}, {"emptyDir": {}})
    assert with_checksums([before, config_map("c", "1")])[0] == before
