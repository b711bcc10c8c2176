"""version as it is typed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_kagent import __version__
from kubectl_kagent.app import cli
from kubectl_kagent.model.resources import AGENT, CRD, MCP_SERVER
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.unit.backends.test_versions import complete, controller, crd

__all__ = ["complete"]


def test_all_versions(complete: FakeCluster, kagent: Kagent) -> None:
    assert kagent("version") == (
        0,
        f"Client Version: {__version__}\n"
        "Server Version: v1.35.4\n"
        "kagent Version: 0.10.4\n"
        "Agent API: v1alpha1, v1alpha2\n"
        "MCPServer API: v1alpha1\n",
        "",
    )


def test_for_programs(complete: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("version", "-o", "json")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert facts == {
        "clientVersion": __version__,
        "serverVersion": "v1.35.4",
        "kagentVersion": "0.10.4",
        "agentVersions": ["v1alpha1", "v1alpha2"],
        "mcpServerVersions": ["v1alpha1"],
    }
    assert yaml.safe_load(kagent("version", "-o", "yaml")[1]) == facts
    assert kagent("version", "-o", "jsonpath={.kagentVersion}") == (0, "0.10.4", "")


def test_without_kagent(cluster: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("version")
    assert code == 0
    assert out.splitlines()[2:] == ["kagent Version: <unknown>", "Agent API: <none>", "MCPServer API: <none>"]
    assert err == (
        "Warning: kagent is not installed: there is no CRD agents.kagent.dev\n"
        "Warning: kmcp is not installed: there is no CRD mcpservers.kagent.dev\n"
        "Warning: no kagent controller service was found in any namespace\n"
    )
    assert json.loads(kagent("version", "-o", "json")[1])["kagentVersion"] is None


def test_a_kagent_that_this_plugin_does_not_speak_to(cluster: FakeCluster, kagent: Kagent) -> None:
    crd(cluster, AGENT, "v1alpha3")
    crd(cluster, MCP_SERVER, "v1alpha1")
    controller(cluster)
    code, out, err = kagent("version")
    assert (code, out.splitlines()[3]) == (0, "Agent API: v1alpha3")
    assert err == (
        "Warning: agents.kagent.dev is served as v1alpha3, but this plugin speaks v1alpha2: kagent 0.9 and "
        "0.10\n"
    )


@pytest.mark.parametrize("flags", [[], ["-o", "json"]])
def test_the_client_s_own_needs_no_cluster(kagent: Kagent, flags: list[str]) -> None:
    def connect() -> Any:
        raise AssertionError("it connected")

    result = CliRunner().invoke(cli, ["version", "--client", *flags], obj=lambda _connection: connect())
    assert (result.exit_code, result.stderr) == (0, "")
    assert __version__ in result.stdout
    assert result.stdout.count("\n") == (3 if flags else 1)


def test_forbidden_is_said_once_each(complete: FakeCluster, kagent: Kagent) -> None:
    complete.deny("get", CRD)
    code, out, err = kagent("version")
    assert code == 0
    assert out.splitlines()[3:] == ["Agent API: <unknown>", "MCPServer API: <unknown>"]
    assert len(err.splitlines()) == len(set(err.splitlines()))


def test_a_format_that_there_is_not(complete: FakeCluster, kagent: Kagent) -> None:
    assert kagent("version", "-o", "wide") == (
        2,
        "",
        'error: unable to match a printer suitable for the output format "wide"\n'
        "hint: allowed: json, yaml, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE\n",
    )
