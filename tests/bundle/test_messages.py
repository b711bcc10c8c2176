"""What Slack and PagerDuty get from the real Alertmanager: whole messages, as in tests/data/screens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.alertmanager import (
    PAGERDUTY_KEY,
    Alert,
    Alertmanager,
    alertmanager,
    with_the_operators_texts,
)
from tests.bundle.rules import alert, over
from tests.conftest import Screen

pytestmark = pytest.mark.telemetry


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path) as found:
        yield found


def readable(message: dict[str, Any]) -> str:
    """JSON in which a text of several lines is a list of them."""

    def lines(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: lines(part) for key, part in value.items()}
        if isinstance(value, list):
            return [lines(part) for part in value]
        return value.split("\n") if isinstance(value, str) and "\n" in value else value

    return json.dumps(lines(message), indent=2, ensure_ascii=False) + "\n"


def unavailable(agent: str) -> Alert:
    return alert(
        "KagentAgentUnavailable",
        f"Agent team-a/{agent} has no available pod, so all its turns fail. See `kubectl kagent describe "
        f"agent {agent} -n team-a`.",
        f"/d/kagent-agent?var-namespace=team-a&var-agent={agent}",
        namespace="team-a",
        agent=agent,
        cluster="prod",
    )


def limited(namespace: str, agent: str, model: str = "gpt-4.1-mini") -> Alert:
    return alert(
        "KagentModelRateLimited",
        f"The provider of the model {model} refused 12 calls by agent {namespace}/{agent} in 15 minutes.",
        f"/d/kagent-models?var-namespace={namespace}&var-agent={agent}&var-model={model}",
        namespace=namespace,
        agent=agent,
        model=model,
    )


def test_ten_agents_with_one_cause_are_one_message(running: Alertmanager, screen: Screen) -> None:
    agents = [limited("team-a" if number < 7 else "team-b", f"agent-{number}") for number in range(10)]
    running.post(agents)
    (firing,) = running.messages("slack", 1)
    screen("alertmanager/slack_ten_agents", readable(firing))
    running.post([over(agent) for agent in agents])
    _, resolved = running.messages("slack", 2)
    screen("alertmanager/slack_ten_agents_resolved", readable(resolved))


def test_a_critical_alert_is_told_and_pages_until_it_is_over(running: Alertmanager, screen: Screen) -> None:
    weather, billing = unavailable("weather"), unavailable("billing")
    running.post([weather, billing])
    (page,) = running.messages("pagerduty", 1)
    (told,) = running.messages("slack", 1)
    running.post([over(billing)])
    running.messages("slack", 2)
    running.post([over(weather)])
    pages, messages = running.messages("pagerduty", 3), running.messages("slack", 3)
    keys = {message.pop("dedup_key") for message in pages}
    assert len(keys) == 1
    assert {message.pop("routing_key") for message in pages} == {PAGERDUTY_KEY}
    assert [message["event_action"] for message in pages] == ["trigger", "trigger", "resolve"]
    screen("alertmanager/slack_critical", readable(told))
    screen("alertmanager/slack_critical_partly", readable(messages[1]))
    screen("alertmanager/slack_critical_resolved", readable(messages[2]))
    screen("alertmanager/pagerduty", readable({k: v for k, v in page.items() if not k.endswith("_key")}))
    screen("alertmanager/pagerduty_resolved", readable(pages[2]))


def test_the_operators_object_says_the_same(running: Alertmanager, tmp_path: Path) -> None:
    """Without a template file; links are among the details of an incident."""
    (tmp_path / "operator").mkdir()
    agents = [unavailable("weather"), unavailable("billing")]
    with alertmanager(tmp_path / "operator", change=with_the_operators_texts) as operated:
        for one in (running, operated):
            one.post(agents)
        (told,), (page,) = running.messages("slack", 1), running.messages("pagerduty", 1)
        assert operated.messages("slack", 1) == [told]
        for link in page.pop("links"):
            page["payload"]["custom_details"][link["text"]] = link["href"]
        assert operated.messages("pagerduty", 1) == [page]


def test_a_cause_keeps_what_follows_from_it_back(running: Alertmanager) -> None:
    running.post([alert("KagentControllerDown", "No kagent controller has answered scrapes for 5 minutes.")])
    running.messages("slack", 1)
    running.post(
        [
            alert(name, "It follows.", namespace="team-a", agent=f"agent-{number}")
            for name in ("KagentAgentNotReady", "KagentAgentNotAccepted")
            for number in range(10)
        ]
    )
    # what comes after them tells that they would have been sent by now
    running.post([alert("KagentToolSlow", "Another thing.", namespace="team-a", agent="a", tool="get_time")])
    titles = [message["attachments"][0]["title"] for message in running.messages("slack", 2)]
    assert titles == ["[CRITICAL] KagentControllerDown", "[WARNING] KagentToolSlow in team-a"]
    assert len(running.messages("pagerduty", 1)) == 1


def test_what_is_only_to_be_known_is_told_elsewhere_and_once(running: Alertmanager, screen: Screen) -> None:
    back = alert(
        "KagentRolledBack",
        "Agent team-a/weather was rolled back in the last 15 minutes.",
        "/d/kagent-agent?var-namespace=team-a&var-agent=weather",
        namespace="team-a",
        kind="Agent",
        name="weather",
        agent="weather",
    )
    running.post([back])
    (message,) = running.messages("slack-info", 1)
    screen("alertmanager/slack_info", readable(message))
    running.post([over(back)])
    # of the same group, and looked at after the end of the first
    running.post([back | {"labels": back["labels"] | {"agent": "billing", "name": "billing"}}])
    titles = [message["attachments"][0]["title"] for message in running.messages("slack-info", 2)]
    assert titles == ["[INFO] KagentRolledBack in team-a"] * 2
    assert running.receivers["slack"].received == []


def test_the_switch_hears_the_watchdog(running: Alertmanager) -> None:
    running.post([alert("KagentWatchdog", "It fires as long as Prometheus and Alertmanager work.")])
    (message,) = running.messages("deadman", 1)
    assert (message["status"], message["commonLabels"]["alertname"]) == ("firing", "KagentWatchdog")
    assert running.receivers["slack"].received == running.receivers["slack-info"].received == []


HOSTS = {"grafana.example.com", "alertmanager.example.com", "github.com"}
_HOSTILE = (
    "x` <!channel> <https://evil.example|Dashboard> & *bold* |\n[RESOLVED] all is well\u202e\u2028"
    '"}}; $(reboot) {{ .ExternalURL }}'
)


def test_what_tenants_write_stays_text(running: Alertmanager, screen: Screen) -> None:
    """A name in a span, a model, a reason, and the path of a dashboard that was made from them."""
    running.post(
        [
            alert(
                "KagentToolFailures",
                f"12% of the calls of the tool {_HOSTILE} failed.",
                f"/d/kagent-agent?var-tool={_HOSTILE}",
                namespace="team-a",
                agent=_HOSTILE,
                tool=_HOSTILE,
            ),
            alert("KagentControllerDown", _HOSTILE, "https://evil.example/d/x", namespace=_HOSTILE),
        ]
    )
    messages = running.messages("slack", 2)
    messages.sort(key=lambda message: str(message["attachments"][0]["title"]))
    for message in messages:
        attachment = message["attachments"][0]
        text = attachment["text"]
        assert set(re.findall("<https://([^/]+)/", text)) <= HOSTS
        assert set(re.findall(r"<[^|>]*\|([^>]*)>", text)) <= {"Dashboard", "Logs", "Runbook", "Silence"}
        assert len(re.findall("[<>]", text)) == 2 * len(re.findall(r"<https://[^|<> \n]+\|\w+>", text))
        assert text.count("`") == 2 * text.count("`kubectl kagent ")
        assert text.count("*") == 2
        assert not re.search("[\u2028\u202e]", text)
        assert not re.search(r"(?m)^\[RESOLVED\]", text)
        assert attachment["title_link"].startswith("https://grafana.example.com/")
    screen("alertmanager/slack_hostile", readable(messages[1]))
    (page,) = running.messages("pagerduty", 1)
    assert {link["href"].split("/")[2] for link in page["links"]} <= HOSTS


def test_a_long_name_has_an_end(running: Alertmanager) -> None:
    running.post([limited("team-a", "weather", model="m" * 5000)])
    (message,) = running.messages("slack", 1)
    who, _, _ = message["attachments"][0]["text"].split("\n")[1].partition("*  ")
    assert who.startswith(f"• *team-a/weather (model {'m' * 100}…)* ")
    assert len(who) < 700
