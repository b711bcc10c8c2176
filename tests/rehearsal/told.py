"""Which alerts fired, and whether Slack and PagerDuty were told of it and its end, in the right words."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tests.bundle.alertmanager import Alertmanager
from tests.lab.layout import Layout
from tests.rehearsal import expected
from tests.rehearsal.expected import Alert
from tests.rehearsal.parts import ask

_LOOK = 5.0


@dataclass(frozen=True)
class Wanted:
    """An alert that has to be told of, with these labels at least."""

    name: str
    labels: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name} {' '.join(self.labels.values())}"

    def is_(self, alert: Alert) -> bool:
        labels = alert["labels"]
        return bool(labels["alertname"] == self.name and self.labels.items() <= labels.items())


@dataclass
class Board:
    """``seen`` has every alert of Alertmanager by its labels, each time that it said something else."""

    layout: Layout
    pager: Alertmanager
    wanted: list[Wanted] = field(default_factory=list)
    seen: dict[str, dict[str, Alert]] = field(default_factory=dict)

    def want(self, wanted: Iterable[Wanted]) -> None:
        self.wanted += wanted

    def look(self) -> None:
        for alert in ask(self.layout, 9093, "/api/v2/alerts"):
            key = json.dumps(alert["labels"], sort_keys=True)
            said = alert["startsAt"] + alert["annotations"].get("description", "")
            self.seen.setdefault(key, {})[said] = alert

    def until_told(self, say: Callable[[str], None], *, minutes: float) -> None:
        self._wait(lambda one: not self._blocks(one), "not told of yet", say, minutes)

    def until_over(self, say: Callable[[str], None], *, minutes: float) -> None:
        """Until the end of each was told, where it is told at all."""
        self._wait(lambda one: self._tells_ends(one) and not self._ends(one), "not over yet", say, minutes)

    def _wait(
        self, is_open: Callable[[Wanted], bool], word: str, say: Callable[[str], None], minutes: float
    ) -> None:
        deadline, before = time.monotonic() + minutes * 60, None
        while time.monotonic() < deadline:
            self.look()
            left = [str(one) for one in self.wanted if is_open(one)]
            if not left:
                return
            if left != before:
                say(f"{word}: {', '.join(left)}")
            before = left
            time.sleep(_LOOK)

    # Messages

    def slack(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(channel, attachment) of each message so far."""
        for channel in ("slack", "slack-info"):
            for request in self.pager.receivers[channel].received:
                (attachment,) = json.loads(request.body)["attachments"]
                yield channel, attachment

    def pages(self) -> Iterator[dict[str, Any]]:
        for request in self.pager.receivers["pagerduty"].received:
            yield json.loads(request.body)

    def alerts(self, wanted: Wanted) -> list[Alert]:
        return [alert for times in self.seen.values() for alert in times.values() if wanted.is_(alert)]

    def _blocks(self, wanted: Wanted) -> list[str]:
        """Channels in which a message has exactly what must be said of one of its alerts."""
        blocks = [expected.slack_block(alert) for alert in self.alerts(wanted)]
        return [
            channel
            for channel, attachment in self.slack()
            if not attachment["title"].startswith("[RESOLVED]")
            and any(f"\n{block}" in attachment["text"] for block in blocks)
        ]

    def _ends(self, wanted: Wanted) -> list[str]:
        """Titles of messages that say that it is over."""
        names = {expected.who(alert["labels"]) for alert in self.alerts(wanted)}
        return [
            attachment["title"]
            for _, attachment in self.slack()
            if f" {wanted.name}" in attachment["title"]
            and any(
                line.startswith(f"• {name}: ") or (line.startswith("resolved: ") and name in line)
                for line in attachment["text"].split("\n")
                for name in names
            )
        ]

    def _tells_ends(self, wanted: Wanted) -> bool:
        """What is only to be known is told once."""
        return any(alert["labels"]["severity"] != "info" for alert in self.alerts(wanted))

    def _is_paged(self, wanted: Wanted, action: str) -> bool:
        lines = [expected.pagerduty_lines(alert) for alert in self.alerts(wanted)]
        return any(
            page["event_action"] == action
            and page["payload"]["class"] == wanted.name
            and page["payload"]["severity"] == "critical"
            and (
                action == "resolve"
                or any(line in page["payload"]["custom_details"]["firing"] for line in lines)
            )
            for page in self.pages()
        )

    # Report

    def report(self, out: TextIO) -> bool:
        """A table of the wanted alerts; whether all was told as it has to be, and nothing wrong was."""
        out.write("| alert | fired | Slack | over | page | page over |\n|---|---|---|---|---|---|\n")
        good = True
        for one in self.wanted:
            alerts = self.alerts(one)
            critical = any(alert["labels"]["severity"] == "critical" for alert in alerts)
            told, over = self._blocks(one), self._ends(one)
            paged = [self._is_paged(one, action) for action in ("trigger", "resolve")] if critical else []
            cells = [
                "yes" if alerts else "NO",
                ", ".join(sorted(set(told))) or "NO",
                "yes" if over else "NO" if self._tells_ends(one) else "not told",
                *(["-", "-"] if not critical else ["yes" if sent else "NO" for sent in paged]),
            ]
            good &= "NO" not in cells
            out.write(f"| {one} | {' | '.join(cells)} |\n")
        for wrong in self.wrong():
            good = False
            out.write(f"WRONG {wrong}\n")
        others = {
            alert["labels"]["alertname"] for times in self.seen.values() for alert in times.values()
        } - {one.name for one in self.wanted}
        out.write(f"also fired: {', '.join(sorted(others)) or 'nothing'}\n")
        out.write(f"{len(list(self.slack()))} messages to Slack, {len(list(self.pages()))} to PagerDuty\n")
        out.flush()
        return good

    def wrong(self) -> Iterator[str]:
        """What a message about something that fires says, and none can say."""
        alerts = [alert for times in self.seen.values() for alert in times.values()]
        described = [alert for alert in alerts if "description" in alert["annotations"]]
        yield from self._wrong_messages({expected.slack_block(alert): alert for alert in described})
        yield from self._wrong_pages({expected.pagerduty_lines(alert): alert for alert in described})

    def _wrong_messages(self, blocks: Mapping[str, Alert]) -> Iterator[str]:
        for _, attachment in self.slack():
            title, text = attachment["title"], attachment["text"]
            if title.startswith("[RESOLVED]"):
                continue
            found = _blocks_in(text)
            about = [blocks[block] for block in found if block in blocks]
            if len(about) < len(found) or not about:
                yield f"{title}: {text!r}"
                continue
            wanted = expected.title(about, firing=len(about) + _more(text), over=_over(text))
            color = expected.COLORS[about[0]["labels"]["severity"]]
            if (title, attachment["fallback"], attachment["color"]) != (wanted, wanted, color):
                yield f"{title} in {attachment['color']}, not {wanted} in {color}"

    def _wrong_pages(self, lines: Mapping[str, Alert]) -> Iterator[str]:
        for page in self.pages():
            if page["event_action"] != "trigger":
                continue
            payload = page["payload"]
            # one alert may have begun several times: its last lines are those of all
            about = {
                expected.who(alert["labels"]): alert
                for line, alert in lines.items()
                if line in payload["custom_details"]["firing"]
                and alert["labels"]["alertname"] == payload["class"]
            }
            wanted = expected.page([*about.values()]) if about else {}
            if {key: payload[key] for key in ("summary", "severity", "class")} != wanted:
                yield f"page {payload}, not {wanted}"

    def write(self, folder: Path) -> None:
        """All messages, and all alerts, as JSON."""
        whole = {
            "slack": [message for _, message in self.slack()],
            "pagerduty": list(self.pages()),
            "alerts": [alert for times in self.seen.values() for alert in times.values()],
        }
        (folder / "messages.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False))


def _blocks_in(text: str) -> Sequence[str]:
    """The lines about each alert that fires; what follows them is for the whole message."""
    found: list[list[str]] = []
    for line in text.split("\n"):
        if line.startswith("• *"):
            found.append([line])
        elif found and line.startswith("   "):
            found[-1].append(line)
    return ["\n".join(lines) for lines in found]


def _more(text: str) -> int:
    """How many more fire than are told at length."""
    found = re.search(r"^and (\d+) more: ", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _over(text: str) -> int:
    """How many of the message are over."""
    found = re.search(r"^resolved: (.+)$", text, re.MULTILINE)
    return len(found[1].split(", ")) if found else 0
