"""What amtool says of the configuration: it is valid, and each alert goes where its severity says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.alerting import PLACEHOLDERS, RUNBOOKS, commands
from tests.bundle.alertmanager import CONFIG, TEMPLATES
from tests.bundle.rules import alert, alert_rules
from tests.conftest import Kagent

pytestmark = pytest.mark.telemetry

ROUTES = {"critical": "pagerduty,slack", "warning": "slack", "info": "slack-info"}


def amtool(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_configuration_is_one_of_alertmanager_0_25() -> None:
    code, told = amtool("check-config", str(CONFIG))
    assert code == 0, told
    assert f"{len(TEMPLATES)} templates" in told


def goes_to(expected: str, **labels: str) -> str:
    """Nothing, or what amtool says when alerts with these labels go elsewhere; the order counts."""
    given = [f"{key}={value}" for key, value in labels.items()]
    code, told = amtool(
        "config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={expected}", *given
    )
    return "" if code == 0 else told


@pytest.mark.parametrize("severity", [*ROUTES, ""])
@pytest.mark.parametrize("more", [{}, {"namespace": "team-a", "agent": "a"}, {"model": "m"}], ids=str)
def test_the_severity_decides(severity: str, more: dict[str, str]) -> None:
    labels = {"alertname": "KagentNew", "severity": severity, **more}
    assert goes_to(ROUTES.get(severity, "slack"), **labels) == ""


def test_every_alert_goes_somewhere_of_its_own() -> None:
    for rule in alert_rules():
        name, labels = rule["alert"], rule["labels"]
        expected = "deadman" if name == "KagentWatchdog" else ROUTES[labels["severity"]]
        assert goes_to(expected, alertname=name, **labels) == "", name


def test_what_is_not_ours_is_told_in_slack() -> None:
    assert goes_to("slack", alertname="NodeDown", severity="critical") == ""


def rendered(folder: Path, text: str, alerts: list[dict[str, Any]], **more: Any) -> str:
    """What the templates make of a message of these alerts."""
    data = folder / "data.json"
    shown = [{"status": "firing", "annotations": {}, **found} for found in alerts]
    data.write_text(json.dumps({"status": "firing", "alerts": shown, **more}))
    globs = [f"--template.glob={template}" for template in TEMPLATES]
    code, told = amtool("template", "render", *globs, f"--template.data={data}", f"--template.text={text}")
    assert code == 0, told
    return told


def test_every_template_takes_an_alert_that_has_nothing(tmp_path: Path) -> None:
    """One of somebody else's, which the default route sends through the same templates."""
    config = yaml.safe_load(CONFIG.read_text())
    texts = sorted(_templates(config["receivers"]))
    assert len(texts) > 10
    bare = {"labels": {"alertname": "NodeDown"}, "startsAt": "2024-05-01T12:00:00Z"}
    known = {"commonLabels": bare["labels"], "commonAnnotations": {}, "groupLabels": bare["labels"]}
    for text in texts:
        told = rendered(tmp_path, text, [bare], externalURL="https://am.example.com", **known)
        assert "no value" not in told, text
        assert told or text == '{{ template "kagent.pagerduty.resolved" . }}', text


def _templates(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {text for part in value.values() for text in _templates(part)}
    if isinstance(value, list):
        return {text for part in value for text in _templates(part)}
    return {value} if isinstance(value, str) and "{{" in value else set()


_COMMANDS = '{{ range .Alerts }}{{ template "kagent.command" . }}\n{{ end }}'


def test_each_alert_has_the_command_of_its_runbook(tmp_path: Path) -> None:
    names = sorted({rule["alert"] for rule in alert_rules()})
    values = {word: f"x-{label}" for word, label in PLACEHOLDERS.items()}
    labels = {label: values[word] for word, label in PLACEHOLDERS.items()}
    told = rendered(tmp_path, _COMMANDS, [alert(name, "", **labels) for name in names])
    wanted = []
    for name in names:
        line = commands((RUNBOOKS / f"{name}.md").read_text())[0]
        for word in sorted(PLACEHOLDERS, key=len, reverse=True):
            line = line.replace(word, values[word])
        wanted.append(line)
    assert told.splitlines() == wanted


@pytest.mark.parametrize(
    "value", ["", "-o=yaml", "$(reboot)", "a b", "a\nb", "a;b", "`a`", "a'b", "a" * 254, "ä"]
)
def test_what_is_no_name_gets_into_no_command(tmp_path: Path, value: str) -> None:
    labels = {"agent": value, "namespace": value, "alertname": "KagentAgentUnavailable"}
    (line,) = rendered(tmp_path, _COMMANDS, [{"labels": labels}]).splitlines()
    assert line == "kubectl kagent rollout status agent/AGENT -n NAMESPACE --watch=false"


def test_an_unknown_alert_has_a_command_that_always_helps(tmp_path: Path, kagent: Kagent) -> None:
    (line,) = rendered(tmp_path, _COMMANDS, [{"labels": {"alertname": "KagentNew"}}]).splitlines()
    assert kagent(*line.split()[2:])[0] == 0
