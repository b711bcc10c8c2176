"""The options of the last install: what is kept, what is read of it, and the command line that has them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from kubectl_kagent.commands.observe.bundle_flags import bundle_flags
from kubectl_kagent.observe.bundle import Settings, build
from kubectl_kagent.observe.install_options import (
    ANNOTATION,
    annotated,
    command,
    is_holder,
    left_out,
    recorded,
)
from tests.conftest import Kagent
from tests.lab.layout import CHECKOUT

Object = dict[str, Any]
GIVEN = ("--plain", "--tenant=team-a", "--values=my prices.yaml")


def config_map(name: str = "kagent-collector", **annotations: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}}


def test_our_own_bundle_keeps_them() -> None:
    found = build(CHECKOUT, Settings(frozenset(), "team", options=GIVEN))
    (holder,) = (item for item in found if is_holder(item))
    assert (holder["metadata"]["namespace"], recorded(holder)) == ("team", GIVEN)
    without = build(CHECKOUT, Settings(frozenset(), "team"))
    (plain,) = (item for item in without if is_holder(item))
    assert ANNOTATION not in plain["metadata"].get("annotations", {})
    assert [item for item in found if item is not holder] == [item for item in without if item is not plain]


def test_only_the_config_map_has_them_beside_its_own_annotations() -> None:
    others = [config_map("kagent-logs"), {**config_map(), "kind": "Deployment"}]
    first, *rest = annotated([config_map(a="b"), *others], ["--plain"])
    assert (first["metadata"]["annotations"], rest) == ({"a": "b", ANNOTATION: '["--plain"]'}, others)


@pytest.mark.parametrize(
    "text", ["", "--plain", '"--plain"', "{}", "7", '[7, null, "rm", "-n"]', '["--plain"', "NaN"]
)
def test_what_others_wrote_is_no_option(text: str) -> None:
    assert recorded(config_map(**{ANNOTATION: text})) == ()


@pytest.mark.parametrize("item", [None, {}, {"metadata": {}}, {"metadata": {"annotations": None}}])
def test_where_nothing_is_recorded(item: Object | None) -> None:
    assert recorded(item) == ()


def test_what_is_given_with_another_value_is_not_left_out() -> None:
    assert left_out(GIVEN, ["--tenant=team-b"]) == ["--plain", "--values=my prices.yaml"]
    assert left_out(GIVEN, GIVEN) == []


def test_a_command_that_a_shell_takes_as_it_is_meant() -> None:
    assert command("install", "usual", "usual", ()) == "kubectl kagent observe install"
    hostile = command("diff", "a", "usual", ["--values=$(x); y"])
    assert shlex.split(hostile) == ["kubectl", "kagent", "observe", "diff", "-n", "a", "--values=$(x); y"]
    assert hostile.endswith("'--values=$(x); y'")


SWITCHES = {"--operator", "--plain"}
VALUES = {
    "--traces-endpoint": "tempo.x:4317",
    "--loki-endpoint": "http://loki.x:3100",
    "--tenant": "team-a",
    "--grafana-url": "https://grafana.example.org",
    "--loki-uid": "lines",
    "--recorder-image": "registry.test/recorder:1",
}


def test_every_option_that_says_what_is_made_is_kept(kagent: Kagent, tmp_path: Path) -> None:
    """Whichever come to them."""
    (tmp_path / "values.yaml").write_text("thresholds: {turn_p95_seconds: 7}\n")
    values = VALUES | {"--values": str(tmp_path / "values.yaml")}
    of_bundle = click.command()(bundle_flags(lambda flags: None)).params
    assert len(of_bundle) >= len(values) + 2
    words = [f"{one.opts[0]}={values[one.opts[0]]}" for one in of_bundle if one.opts[0] not in SWITCHES]
    code, out, err = kagent("observe", "export", "--operator", *words)
    assert code == 0, err
    (holder,) = (item for item in yaml.safe_load_all(out) if is_holder(item))
    assert sorted(recorded(holder)) == sorted(["--operator", *words])
