"""What has to be in a message about alerts, worked out from the alerts themselves and not from the templates.

For names of real objects only: what the templates do to hostile ones, tests/bundle/test_messages.py shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from scripts.alerting import PLACEHOLDERS, RUNBOOKS, commands

GRAFANA = "https://grafana.example.com"
LOKI = "kagent-loki"  # the uid that manifests/grafana gives it
_HOUR = 3_600_000
COLORS = {"critical": "danger", "warning": "warning", "info": "#439fe0"}

_INSTEAD = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "`": "'",
    "|": "¦",
    "*": "\N{ASTERISK OPERATOR}",
    "://": ":\N{DIVISION SLASH}\N{DIVISION SLASH}",
}

Alert = dict[str, Any]  # as Alertmanager's API has it: labels, annotations, startsAt


def title(alerts: Sequence[Alert], *, firing: int, over: int) -> str:
    """Of one message about so many, of which these are the ones that fire and are told at length."""
    labels = alerts[0]["labels"]
    return f"[{labels['severity'].upper()}] {headline(alerts, firing=firing, over=over)}"


def headline(alerts: Sequence[Alert], *, firing: int, over: int) -> str:
    """Which alert, how many if there are several, and where all of them are: a namespace, or else a model."""
    number = f": {firing}" if firing + over > 1 else ""
    labels = alerts[0]["labels"]
    spaces = {alert["labels"].get("namespace", "") for alert in alerts}
    where = f" in {min(spaces)}" if len(spaces) == 1 and min(spaces) else ""
    # alerts of a model have one message for all namespaces, or are of none
    if "model" in labels and (not where or over):
        where = f" with {labels['model']}"
    return f"{labels['alertname']}{number}{where}"


def slack_block(alert: Alert) -> str:
    """The lines about one that fires."""
    since = _at(alert["startsAt"]).strftime("%Y-%m-%d %H:%M")
    logs = f" · <{GRAFANA}/explore{_logs(alert)}|Logs>" if "namespace" in alert["labels"] else ""
    return (
        f"• *{who(alert['labels'])}* {_escaped(description(alert))}\n"
        f"   since {since} UTC · <{dashboard(alert)}|Dashboard>{logs}\n"
        f"   `{command(alert['labels'])}`"
    )


def page(alerts: Sequence[Alert]) -> dict[str, Any]:
    """What a page about alerts that fire says of all of them."""
    labels = alerts[0]["labels"]
    summary = alerts[0]["annotations"]["summary"]
    return {
        "summary": f"{headline(alerts, firing=len(alerts), over=0)}: {summary}",
        "severity": labels["severity"],
        "class": labels["alertname"],
    }


def pagerduty_lines(alert: Alert) -> str:
    return f"{who(alert['labels'])}: {description(alert)}\n{command(alert['labels'])}\n"


def who(labels: dict[str, str]) -> str:
    """An alert's object, as messages name it."""
    order = ("agent", "name", "gateway", "pod", "controller", "resourcequota", "instance", "job", "cluster")
    name = next((labels[key] for key in order if labels.get(key)), "cluster")
    space = f"{labels['namespace']}/" if labels.get("namespace") else ""
    of = "".join(f" ({key} {labels[key]})" for key in ("tool", "model") if labels.get(key))
    return f"{space}{name}{of}"


def description(alert: Alert) -> str:
    """Without the command that it ends with, which has a line of its own."""
    text: str = alert["annotations"]["description"]
    return re.sub(r" See `kubectl kagent [^`]*`\.$", "", text)


def command(labels: dict[str, str]) -> str:
    """The first of the alert's runbook, with the alert's own names."""
    line = commands((RUNBOOKS / f"{labels['alertname']}.md").read_text())[0]
    words = re.compile(rf"\b({'|'.join(PLACEHOLDERS)})\b")
    return words.sub(lambda found: labels.get(PLACEHOLDERS[found[1]], found[1]), line)


def dashboard(alert: Alert) -> str:
    path = alert["annotations"]["dashboard_url"]
    mark = "&" if "?" in path else "?"
    return f"{GRAFANA}{path}{mark}from={_millis(alert) - _HOUR}&to=now"


def _logs(alert: Alert) -> str:
    labels = alert["labels"]
    pods = labels.get("pod") or (f"{labels['agent']}-[a-z0-9]+-[a-z0-9]+" if labels.get("agent") else "")
    if not pods and ("kind" in labels or labels["alertname"].startswith("KagentMcpServer")):
        pods = f"{labels['name']}-[a-z0-9]+-[a-z0-9]+"
    more = f',k8s_pod_name=~"{pods}"' if pods else ""
    lines = f'{{k8s_namespace_name="{labels["namespace"]}"{more}}}'.replace('"', '\\"')
    panes = (
        f'{{"kagent":{{"datasource":"{LOKI}","queries":[{{"refId":"A","expr":"{lines}","queryType":"range"}}],'
        f'"range":{{"from":"{_millis(alert) - _HOUR}","to":"now"}}}}}}'
    )
    return f"?schemaVersion=1&panes={quote_plus(panes)}"


def _escaped(text: str) -> str:
    for mark, instead in _INSTEAD.items():
        text = text.replace(mark, instead)
    return text


def _millis(alert: Alert) -> int:
    return int(_at(alert["startsAt"]).timestamp() * 1000)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
