"""What is made from the Alertmanager's configuration and from the runbooks.

Read are ``alerts/alertmanager/alertmanager.yaml``, its templates, and ``alerts/runbooks/ALERT.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from kubectl_kagent.observe.for_alertmanager import SECRET
from scripts.inlined import definitions, inlined

Defined = Mapping[str, str]

ROOT = Path(__file__).resolve().parents[1]
ALERTMANAGER = ROOT / "alerts" / "alertmanager"
RUNBOOKS = ROOT / "alerts" / "runbooks"

# What stands for a label's value in a runbook's command -> the label.
PLACEHOLDERS = {name: name.lower() for name in ("NAMESPACE", "AGENT", "NAME", "KIND", "TOOL", "POD")}

_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = "kubectl kagent "
_MATCHER = re.compile(r'(?P<name>\w+)(?P<matchType>=~|!~|!=|=)"(?P<value>[^"\\]*)"')


def commands(runbook: str) -> list[str]:
    """The command lines of ours in the text of a runbook, in their order."""
    lines = (line.strip() for block in _FENCE.findall(runbook) for line in block.splitlines())
    return [line for line in lines if line.startswith(_COMMAND)]


def command_templates() -> str:
    """``kagent.command``: of an alert, the first command of its runbook, for its own labels."""
    firsts = {path.stem: commands(path.read_text())[0] for path in sorted(RUNBOOKS.glob("*.md"))}
    branches = [
        f'if eq .Labels.alertname "{name}" }}}}{_PLACEHOLDER.sub(_filled, line)}'
        for name, line in firsts.items()
    ]
    labels = "".join(
        f'{{{{ define "kagent.{word}" }}}}{{{{ if match "{_NAME}" .{label} }}}}{{{{ .{label} }}}}'
        f"{{{{ else }}}}{word}{{{{ end }}}}{{{{ end }}}}\n"
        for word, label in PLACEHOLDERS.items()
    )
    return _COMMANDS_HEAD + labels + _COMMAND_HEAD + "\n{{- else ".join(branches) + _COMMANDS_END


_PLACEHOLDER = re.compile(rf"\b({'|'.join(PLACEHOLDERS)})\b")
# What Kubernetes lets be a name, and the kinds; never an option, and nothing to a shell.
_NAME = "^[0-9A-Za-z][0-9A-Za-z._-]{0,252}$"

_COMMANDS_HEAD = """\
{{/*
Generated from alerts/runbooks by `make generate`: the first command of an alert's runbook.

People paste it into a shell: a label that could be anything but a name is not filled in.
*/}}

"""

_COMMAND_HEAD = """
{{ define "kagent.command" -}}
{{ """

_COMMANDS_END = """
{{- else }}kubectl kagent get agents -A{{ end }}
{{- end }}
"""


def _filled(found: re.Match[str]) -> str:
    return f'{{{{ template "kagent.{found[1]}" .Labels }}}}'


def alertmanager_config() -> str:
    """The AlertmanagerConfig of prometheus-operator (v1alpha1) that says what alertmanager.yaml says."""
    config = yaml.safe_load((ALERTMANAGER / "alertmanager.yaml").read_text())
    (ours,) = config["route"]["routes"]
    texts = {path.name: path.read_text() for path in sorted(ALERTMANAGER.glob("*.tmpl"))}
    defined = definitions((texts | {"commands.tmpl": command_templates()}).values())
    inherited = {key: config["route"][key] for key in ("group_wait", "group_interval", "repeat_interval")}
    spec = {
        "route": _route(inherited | ours),
        "receivers": [_receiver(receiver, defined) for receiver in config["receivers"]],
        "inhibitRules": [
            {
                "sourceMatch": _matchers(rule["source_matchers"]),
                "targetMatch": _matchers(rule["target_matchers"]),
                "equal": rule["equal"],
            }
            for rule in config["inhibit_rules"]
        ],
    }
    text = yaml.dump({"spec": spec}, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
    return _CONFIG_HEAD + text


class _Dumper(yaml.SafeDumper):
    """Texts of several lines stand as they are, so that people see in a diff what changed."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


_CONFIG_HEAD = f"""\
# Generated from alerts/alertmanager by `make generate`; what each part is for is said in docs/alerting.md.
#
# It needs the Secret {SECRET} in its namespace, with the keys slack-url, slack-info-url,
# pagerduty-key and deadman-url; and an Alertmanager object that selects it and lets it match alerts of all
# namespaces.
apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata:
  name: kagent
  labels:
    app.kubernetes.io/part-of: kagent
"""


def _route(route: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "receiver": "receiver",
        "continue": "continue",
        "group_by": "groupBy",
        "group_wait": "groupWait",
        "group_interval": "groupInterval",
        "repeat_interval": "repeatInterval",
    }
    found = {names[key]: value for key, value in route.items() if key in names}
    if "matchers" in route:
        found["matchers"] = _matchers(route["matchers"])
    if "routes" in route:
        found["routes"] = [_route(child) for child in route["routes"]]
    return found


def _matchers(matchers: list[str]) -> list[dict[str, str]]:
    """Raises ValueError for a matcher that is none."""
    found = [_MATCHER.fullmatch(matcher) for matcher in matchers]
    if None in found:
        raise ValueError(f"not all of {matchers} are matchers")
    return [match.groupdict() for match in found if match]


def _receiver(receiver: Mapping[str, Any], defined: Defined) -> dict[str, Any]:
    return {
        "name": receiver["name"],
        **{
            f"{kind.partition('_')[0]}Configs": [
                dict(_INTEGRATIONS[kind](config, defined)) for config in configs
            ]
            for kind, configs in receiver.items()
            if kind != "name"
        },
    }


def _secret(path: str) -> dict[str, str]:
    return {"name": SECRET, "key": Path(path).name}


def _slack(config: Mapping[str, Any], defined: Defined) -> dict[str, Any]:
    plain = {key: inlined(config[key], defined) for key in ("color", "title", "fallback", "text")}
    return {
        "apiURL": _secret(config["api_url_file"]),
        "sendResolved": config["send_resolved"],
        "titleLink": inlined(config["title_link"], defined),
        **plain,
    }


def _pagerduty(config: Mapping[str, Any], defined: Defined) -> dict[str, Any]:
    """Links are among the details: the operator refuses one that needs Alertmanager's own functions."""
    keys = ("severity", "class", "component", "group", "description")
    details = config["details"] | {link["text"]: link["href"] for link in config["links"]}
    return {
        "routingKey": _secret(config["routing_key_file"]),
        "sendResolved": config["send_resolved"],
        **{key: inlined(config[key], defined) for key in keys},
        "details": [{"key": key, "value": inlined(value, defined)} for key, value in details.items()],
    }


def _webhook(config: Mapping[str, Any], defined: Defined) -> dict[str, Any]:
    return {"urlSecret": _secret("deadman-url"), "sendResolved": config["send_resolved"]}


_INTEGRATIONS = {"slack_configs": _slack, "pagerduty_configs": _pagerduty, "webhook_configs": _webhook}
