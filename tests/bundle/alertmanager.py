"""The real Alertmanager on loopback, posting to servers that play Slack, PagerDuty and a dead man's switch.

Its configuration is that of the bundle but for what :func:`overlay` replaces: three addresses, the paths of
the secrets, and how long it waits before it sends.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen

import yaml

from scripts.alerting import ALERTMANAGER, alertmanager_config
from tests.bundle.rules import BEGAN, ENDED
from tests.loopback import Loopback, Received, response, serve

CONFIG = ALERTMANAGER / "alertmanager.yaml"
TEMPLATES = sorted(ALERTMANAGER.glob("*.tmpl"))
PAGERDUTY_KEY = "0123456789abcdef0123456789abcdef"
EXTERNAL_URL = "https://alertmanager.example.com"
# More than the time between two alerts of one POST on a busy machine, and little to wait for.
GROUP_WAIT, GROUP_INTERVAL = "2s", "3s"
_PATIENCE = 20.0

Alert = dict[str, Any]
Change = Callable[[dict[str, Any]], dict[str, Any]]
T = TypeVar("T")


@dataclass(frozen=True)
class Alertmanager:
    """A running one, and what it has posted; ``receivers`` by name: slack, slack-info, pagerduty, deadman."""

    url: str
    receivers: dict[str, Loopback]
    _posted: list[datetime] = field(default_factory=list)

    def post(self, alerts: Sequence[Alert]) -> None:
        """Those that fire begin now: for one from before ``group_wait`` Alertmanager sends its group at once,
        without what the same POST still brings (``insert`` in its dispatch.go)."""
        now = datetime.fromisoformat(datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._posted.append(now)
        begun = [one if one["endsAt"] == ENDED else one | {"startsAt": now.isoformat()} for one in alerts]
        body = json.dumps(begun).encode()
        request = Request(f"{self.url}/api/v2/alerts", body, {"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def messages(self, receiver: str, count: int) -> list[dict[str, Any]]:
        """The first ``count`` bodies that this receiver got, once they are there; all began at ``BEGAN``."""
        received = self.receivers[receiver].received
        wait_until(lambda: len(received) >= count, f"{count} messages for {receiver}")
        return [json.loads(self._as_of_old(request.body.decode())) for request in received[:count]]

    def _as_of_old(self, body: str) -> str:
        began = datetime.fromisoformat(BEGAN)
        for posted in self._posted:
            for form in (_to_the_minute, _from_an_hour_before):
                body = body.replace(form(posted), form(began))
        return body


def _to_the_minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _from_an_hour_before(at: datetime) -> str:
    """Milliseconds, as in the links of kagent.tmpl."""
    return str(round((at - timedelta(hours=1)).timestamp() * 1000))


def wait_until(there: Callable[[], T], what: str) -> T:
    """What ``there`` gives once it is true. Raises AssertionError when it does not become so."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if found := there():
            return found
        time.sleep(0.05)
    raise AssertionError(f"no {what} in {_PATIENCE:.0f} s")


@contextmanager
def alertmanager(
    folder: Path, *, address: str = "", hurried: bool = True, change: Change = lambda config: config
) -> Iterator[Alertmanager]:
    """Alertmanager, with all that it writes in ``folder``; on any port of loopback, or at ``address``.

    ``change`` makes another configuration of ours.
    """
    names = ("slack", "slack-info", "pagerduty", "deadman")
    with serve() as one, serve() as two, serve() as three, serve() as four:
        receivers = dict(zip(names, (one, two, three, four), strict=True))
        for receiver in receivers.values():
            receiver.answer = _accept
        urls = {name: receiver.url for name, receiver in receivers.items()}
        config = _write(folder, urls, change, hurried=hurried)
        address = address or f"127.0.0.1:{_free_port()}"
        arguments = [
            f"--config.file={config}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={address}",
            f"--web.external-url={EXTERNAL_URL}",
            "--web.route-prefix=/",
            "--cluster.listen-address=",
        ]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                ["prometheus-alertmanager", *arguments], stdout=log, stderr=subprocess.STDOUT, cwd=folder
            )
        try:
            url = f"http://{address}"
            wait_until(lambda: _ready(url, process), "ready Alertmanager")
            yield Alertmanager(url, receivers)
        finally:
            process.terminate()
            process.wait(timeout=30)


def with_the_operators_texts(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with what the AlertmanagerConfig says in each message, and without template files."""
    theirs = {one["name"]: one for one in yaml.safe_load(alertmanager_config())["spec"]["receivers"]}
    for receiver in config["receivers"]:
        own = theirs[receiver["name"]]
        for settings, texts in zip(
            receiver.get("slack_configs", ()), own.get("slackConfigs", ()), strict=True
        ):
            settings |= {key: texts[key] for key in ("color", "title", "fallback", "text")}
            settings["title_link"] = texts["titleLink"]
        pages = zip(receiver.get("pagerduty_configs", ()), own.get("pagerdutyConfigs", ()), strict=True)
        for settings, texts in pages:
            keys = ("severity", "class", "component", "group", "description")
            settings |= {key: texts[key] for key in keys}
            settings["details"] = {detail["key"]: detail["value"] for detail in texts["details"]}
            del settings["links"]
    del config["templates"]
    return config


def overlay(config: dict[str, Any], urls: dict[str, str], secrets: Path) -> dict[str, Any]:
    """The configuration with our addresses for Slack, PagerDuty and the switch."""
    for receiver in config["receivers"]:
        for settings in receiver.get("slack_configs", ()):
            settings["api_url_file"] = str(secrets / Path(settings["api_url_file"]).name)
        for settings in receiver.get("pagerduty_configs", ()):
            settings["routing_key_file"] = str(secrets / Path(settings["routing_key_file"]).name)
            settings["url"] = f"{urls['pagerduty']}/v2/enqueue"
        for settings in receiver.get("webhook_configs", ()):
            settings["url"] = urls["deadman"]
    return config


def _hurry(route: dict[str, Any]) -> None:
    for key, value in (("group_wait", GROUP_WAIT), ("group_interval", GROUP_INTERVAL)):
        if key in route:
            route[key] = value
    for child in route.get("routes", ()):
        _hurry(child)


def _write(folder: Path, urls: dict[str, str], change: Change, *, hurried: bool) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "slack-url").write_text(f"{urls['slack']}/services/T0/B0/secret\n")
    (secrets / "slack-info-url").write_text(f"{urls['slack-info']}/services/T0/B1/secret\n")
    (secrets / "pagerduty-key").write_text(f"{PAGERDUTY_KEY}\n")
    for template in TEMPLATES:
        shutil.copy(template, folder)
    written = overlay(change(yaml.safe_load(CONFIG.read_text())), urls, secrets)
    if hurried:
        _hurry(written["route"])
    config = folder / "alertmanager.yaml"
    config.write_text(yaml.safe_dump(written))
    return config


def _accept(request: Received) -> bytes:
    """What Slack (a word) and PagerDuty (an object) answer to a message that they take."""
    if request.path == "/v2/enqueue":
        return response(202, {"status": "success", "message": "Event processed"})
    return response(200, "ok", "text/plain")


def _ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "Alertmanager ended: see its log"
    with suppress(OSError), urlopen(f"{url}/-/ready", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
