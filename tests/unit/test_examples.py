"""The shipped example fits the CRDs, the lab's overlay included, and its parts refer to each other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.lab.layout import CHECKOUT

ROOT = CHECKOUT
EXAMPLE = ROOT / "manifests" / "examples" / "datetime-agent"
CRDS = ROOT / "tests" / "lab" / "manifests" / "crds"

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the CRDs are a MB each

Manifest = dict[str, Any]


def load(path: Path) -> Manifest:
    manifest: Manifest = yaml.load(path.read_text(), Loader=LOADER)
    return manifest


def merged(target: Any, patch: Any) -> Any:
    """What kustomize makes of a patch of a custom resource: maps merge, null deletes, all else replaces."""
    if not isinstance(patch, dict) or not isinstance(target, dict):
        return patch
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key, {}), value)
    return result


def build(directory: Path) -> dict[str, Manifest]:
    """The objects of a kustomization, by kind; as much of `kubectl kustomize` as the example uses."""
    kustomization = load(directory / "kustomization.yaml")
    objects: dict[str, Manifest] = {}
    for resource in kustomization["resources"]:
        path = directory / resource
        more = build(path) if path.is_dir() else {(found := load(path))["kind"]: found}
        assert not objects.keys() & more.keys()
        objects |= more
    for patch in kustomization.get("patches", []):
        change = load(directory / patch["path"])
        target = objects[change["kind"]]
        assert change["metadata"]["name"] == target["metadata"]["name"]
        objects[change["kind"]] = merged(target, change)
    return objects


def schemas() -> Iterator[tuple[str, str, Manifest]]:
    for path in CRDS.glob("*.yaml"):
        crd = load(path)["spec"]
        for version in crd["versions"]:
            name = f"{crd['group']}/{version['name']}"
            yield name, crd["names"]["kind"], version["schema"]["openAPIV3Schema"]


def closed(schema: Any) -> Any:
    """The schema with every unknown field refused, as the API server does with strict validation."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if result.pop("x-kubernetes-int-or-string", False):
        result.pop("pattern", None)
    properties = result.get("properties")
    if isinstance(properties, dict) and result.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


@pytest.fixture(scope="module")
def validators() -> dict[tuple[str, str], Draft202012Validator]:
    found = {}
    for version, kind, schema in schemas():
        strict = closed(schema)
        strict["properties"]["metadata"] = {"type": "object"}
        found[version, kind] = Draft202012Validator(strict)
    return found


@pytest.fixture(params=["base", "overlays/lab"])
def objects(request: pytest.FixtureRequest) -> dict[str, Manifest]:
    return build(EXAMPLE / request.param)


@pytest.mark.parametrize("kind", ["Agent", "MCPServer", "ModelConfig"])
def test_fits_its_crd(
    kind: str, objects: dict[str, Manifest], validators: dict[tuple[str, str], Draft202012Validator]
) -> None:
    manifest = objects[kind]
    mistake = best_match(validators[manifest["apiVersion"], kind].iter_errors(manifest))
    assert mistake is None, f"{mistake.json_path}: {mistake.message}"


def test_the_check_refuses_unknown_fields_and_wrong_values(
    validators: dict[tuple[str, str], Draft202012Validator],
) -> None:
    agent = load(EXAMPLE / "base" / "agent.yaml")
    validator = validators[agent["apiVersion"], "Agent"]
    probe: Manifest = {"spec": {"declarative": {"deployment": {"livenessProbe": {}}}}}
    assert not validator.is_valid(merged(agent, probe))
    assert not validator.is_valid(merged(agent, {"spec": {"declarative": {"runtime": "cobol"}}}))
    assert not validator.is_valid(merged(agent, {"spec": {"declarative": {"deployment": {"replicas": "1"}}}}))


def test_every_reference_leads_somewhere(objects: dict[str, Manifest]) -> None:
    agent, model, server = objects["Agent"], objects["ModelConfig"], objects["MCPServer"]
    declarative = agent["spec"]["declarative"]
    [tool] = [tool["mcpServer"] for tool in declarative["tools"]]
    assert (tool["kind"], tool["name"]) == ("MCPServer", server["metadata"]["name"])
    assert declarative["modelConfig"] == model["metadata"]["name"]
    secret = objects.get("Secret") or load(EXAMPLE / "secret.template.yaml")
    assert model["spec"]["apiKeySecret"] == secret["metadata"]["name"]
    assert model["spec"]["apiKeySecretKey"] in secret["stringData"]


def test_scaling_survives_another_apply(objects: dict[str, Manifest]) -> None:
    assert "replicas" not in objects["Agent"]["spec"]["declarative"]["deployment"]
    assert "replicas" not in objects["MCPServer"]["spec"]["deployment"]


def test_the_agents_tools_are_the_servers_tools(objects: dict[str, Manifest]) -> None:
    source = (EXAMPLE / "server" / "server.py").read_text()
    [tool] = [tool["mcpServer"] for tool in objects["Agent"]["spec"]["declarative"]["tools"]]
    assert tool["toolNames"] == [f"get_{name}" for name in ("date", "time", "datetime")]
    assert all(f"def {name}(" in source for name in tool["toolNames"])


def test_the_base_is_built_with_kmcp_and_the_lab_needs_no_registry() -> None:
    base, lab = build(EXAMPLE / "base")["MCPServer"]["spec"], build(EXAMPLE / "overlays" / "lab")
    assert (base["transportType"], "stdioTransport" in base) == ("stdio", True)
    assert base["deployment"]["image"] in (EXAMPLE / "README.md").read_text()
    assert "Secret" not in build(EXAMPLE / "base")
    server = lab["MCPServer"]["spec"]
    assert (server["transportType"], "stdioTransport" in server) == ("http", False)
    assert server["deployment"]["image"].startswith("lab.local/")
    assert server["deployment"]["imagePullPolicy"] == "Never"
    assert lab["Agent"]["spec"]["declarative"]["deployment"]["imagePullPolicy"] == "Never"
