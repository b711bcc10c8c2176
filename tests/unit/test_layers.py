"""The import contracts cover whatever comes: a module that breaks one is named, in a room old or new."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.working_copy import WorkingCopy

_RICH = "rich lives in render"
_CLICK = "click stops at cli and commands"
_KUBERNETES = "kubernetes and urllib3 live in cluster"
_PROTOCOLS = "protocol packages live in backends"
_LAYERS = "Arrows point one way"


def test_the_contracts_hold(tmp_path: Path) -> None:
    code, told = WorkingCopy(tmp_path / "copy").lint_imports()
    assert code == 0, told
    assert {_RICH, _CLICK, _KUBERNETES, _PROTOCOLS, _LAYERS} <= {
        line.partition(" KEPT")[0] for line in told.split("\n")
    }


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("telemetry.colours.screen", "rich", _RICH),
        ("lifecycle.screen", "rich.table", _RICH),
        ("cli.screen", "rich", _RICH),
        ("lifecycle.colours.verb", "click", _CLICK),
        ("render.verb", "click", _CLICK),
        ("conversation.objects", "kubernetes.client", _KUBERNETES),
        ("wire.news.request", "urllib3", _KUBERNETES),
        ("commands.request", "urllib3", _KUBERNETES),
        ("tools.sessions.server", "mcp", _PROTOCOLS),
        ("cluster.sockets", "httpx2", _PROTOCOLS),
        ("telemetry.usage.newest", "prometheus_api_client", _PROTOCOLS),
        ("lifecycle.history.newest", "prometheus_client.core", _PROTOCOLS),
        ("telemetry.traces.newest", "opentelemetry.trace", _PROTOCOLS),
        ("commands.sender", "requests", _PROTOCOLS),
        ("conversation.channel", "grpc", _PROTOCOLS),
        ("wire.message", "google.protobuf.message", _PROTOCOLS),
        ("model.verbs", "kubectl_kagent.render.table", _LAYERS),
        ("tools.turns", "kubectl_kagent.telemetry.traces.steps", _LAYERS),
    ],
)
def test_a_new_module_is_held(tmp_path: Path, module: str, imported: str, contract: str) -> None:
    copy = WorkingCopy(tmp_path / "copy")
    *packages, name = module.split(".")
    place = "kubectl_kagent"
    for package in packages:
        place += f"/{package}"
        if not (copy.root / place / "__init__.py").exists():
            copy.write(f"{place}/__init__.py", '"""New."""\n')
    copy.write(f"{place}/{name}.py", f"import {imported}\n")
    code, told = copy.lint_imports()
    assert (code, f"{contract} BROKEN" in told, told.count(" BROKEN")) == (1, True, 1), told
    assert f"kubectl_kagent.{module}" in told.partition("Broken contracts")[2]


def test_a_package_that_is_in_no_layer_is_named(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path / "copy")
    copy.write("kubectl_kagent/checks/__init__.py", '"""New."""\n')
    code, told = copy.lint_imports()
    assert (code, f"{_LAYERS} BROKEN" in told) == (1, True), told
    assert "checks" in told.partition("Broken contracts")[2]
