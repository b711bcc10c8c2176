"""manifests/recorder fits the restricted profile, and its parts refer to each other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from kubectl_kagent.app import cli
from tests.lab.layout import CHECKOUT

FOLDER = CHECKOUT / "manifests" / "recorder"
OBJECTS: dict[str, Any] = {
    document["kind"]: document
    for name in yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text())
}
POD = OBJECTS["Deployment"]["spec"]["template"]
[CONTAINER] = POD["spec"]["containers"]


def test_every_manifest_is_applied() -> None:
    assert sorted(OBJECTS) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Deployment",
        "PodDisruptionBudget",
        "ServiceAccount",
    ]
    named = {*yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"], "kustomization.yaml"}
    assert {path.name for path in FOLDER.glob("*.yaml")} == named


def test_who_installs_the_roles_installs_no_recorder() -> None:
    """It may write into every namespace: that is a decision of its own."""
    resources = yaml.safe_load((CHECKOUT / "manifests" / "rbac" / "kustomization.yaml").read_text())[
        "resources"
    ]
    assert resources == [
        *(f"kagent-{name}.yaml" for name in ("view", "controller-api", "edit", "operate", "observe")),
        "recording-policy.yaml",
    ]


def test_it_may_do_nothing_that_the_restricted_profile_forbids() -> None:
    assert POD["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "runAsUser": 65532,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not POD["spec"].keys() & {"volumes", "hostNetwork", "hostPID", "hostIPC"}


def test_its_parts_belong_together() -> None:
    labels = POD["metadata"]["labels"]
    spread = POD["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    selectors = (
        OBJECTS["Deployment"]["spec"]["selector"],
        OBJECTS["PodDisruptionBudget"]["spec"]["selector"],
        spread[0]["podAffinityTerm"]["labelSelector"],
    )
    assert [selector["matchLabels"] for selector in selectors] == [labels] * 3
    assert POD["spec"]["serviceAccountName"] == OBJECTS["ServiceAccount"]["metadata"]["name"]
    role = OBJECTS["ClusterRoleBinding"]["roleRef"]["name"]
    assert role == OBJECTS["ClusterRole"]["metadata"]["name"]


@pytest.mark.parametrize(("probe", "path"), [("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")])
def test_the_probes_ask_where_it_serves(probe: str, path: str) -> None:
    [port] = CONTAINER["ports"]
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert f"--metrics-address=:{port['containerPort']}" in CONTAINER["args"]


def test_its_arguments_are_a_command_of_ours() -> None:
    done = CliRunner().invoke(cli, [*CONTAINER["args"], "--help"])
    assert done.exit_code == 0
    with_typo = CliRunner().invoke(cli, ["record", "--all-namespace-s"], obj=lambda _: None)
    assert with_typo.exit_code == 2
