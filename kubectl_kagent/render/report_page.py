"""The first page of a report: what is wrong and why, what could not be had, and then each workload. Pure.

It is one file that loads nothing and runs nothing, and what others wrote is text in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from typing import NamedTuple

from kubectl_kagent import clock
from kubectl_kagent.check.findings import FAILURE, CheckFinding
from kubectl_kagent.check.rights import ACCESS
from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.pod import Pod
from kubectl_kagent.model.trace import Turn
from kubectl_kagent.render.describe import description
from kubectl_kagent.render.escapes import harmless
from kubectl_kagent.render.history import history_table
from kubectl_kagent.render.observe_status import remedy_lines
from kubectl_kagent.render.table import clip
from kubectl_kagent.render.trace import label, turn_table, turn_tree
from kubectl_kagent.report.gather import TURNS_AT_MOST, Gathered, WorkloadReport
from kubectl_kagent.report.logs import BYTES, LINES
from kubectl_kagent.report.redaction import MESSAGE, Redaction

_WIDTH = 140
_COLUMNS = ("Name", "Status", "Ready", "Revision", "Restarts", "Tasks")
_REASONS = 3  # of one task
_ERROR = 300  # letters of a failure on the page; tasks.json has them all
_SILENT = "it does not say why"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881 }
:root { --bad: #c62828; --warn: #9a6700; --good: #2e7d32 }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --warn: #ffd54f; --good: #81c784 } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: .8rem 0 .2rem }
p, ul { margin: .4rem 0 }
ul { padding-left: 1.2rem }
li { overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0 }
dd { margin: 0 }
dt, .quiet { opacity: .75 }
pre { font: 13px/1.45 ui-monospace, monospace; background: var(--soft); padding: .6rem; margin: .3rem 0 }
pre, .scroll { overflow-x: auto }
.card { border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 4px }
.card { padding: .5rem .8rem; margin: .6rem 0; overflow-wrap: anywhere }
.card pre { white-space: pre-wrap }
.failure { border-left-color: var(--bad) }
.bad { color: var(--bad) }
.warn { color: var(--warn) }
.good { color: var(--good) }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
td { vertical-align: top }
details { border: 1px solid var(--line); border-radius: 4px; padding: .4rem .8rem; margin: .6rem 0 }
summary { cursor: pointer; overflow-wrap: anywhere }
"""


class File(NamedTuple):
    """A file beside the page; ``masked`` counts the masks in it."""

    name: str
    what: str
    size: int
    masked: int


class FailedTasks(NamedTuple):
    """Tasks of one agent in which the same steps failed for the same reasons, the newest first."""

    agent: str
    why: tuple[str, ...]
    tasks: tuple[Turn, ...]


def page(
    found: Gathered, redaction: Redaction, version: str, files: Sequence[File], left_out: Sequence[Note]
) -> str:
    """The whole page."""
    return _Page(found, redaction).whole(version, files, left_out)


def failed_tasks(workloads: Iterable[WorkloadReport]) -> list[FailedTasks]:
    """The failures of all agents, those of the same reasons together."""
    found: dict[tuple[str, tuple[str, ...]], list[Turn]] = {}
    for each in workloads:
        for turn in each.turns:
            if turn.state == "failed" or turn.failures:
                name = f"{each.workload.namespace}/{each.workload.name}"
                found.setdefault((name, _why(turn)), []).append(turn)
    return [FailedTasks(agent, why, tuple(turns)) for (agent, why), turns in found.items()]


def _why(turn: Turn) -> tuple[str, ...]:
    """What failed, and what was said of it; the last one is what ended the task, if anything did."""
    failed = [f"{label(step)}: {clip(step.error, _ERROR) or _SILENT}" for step in turn.failures]
    told = failed or [clip(turn.root.error, _ERROR) or _SILENT]
    return tuple(dict.fromkeys(told))[-_REASONS:]


class _Page:
    """``_text`` makes what others wrote fit to be seen; all else in here is ours."""

    def __init__(self, found: Gathered, redaction: Redaction) -> None:
        self.found = found
        self.redaction = redaction

    def whole(self, version: str, files: Sequence[File], left_out: Sequence[Note]) -> str:
        body = "\n".join(
            (
                *self._head(version),
                *self._wrong(),
                *self._left_out(left_out),
                *self._workloads(),
                *self._files(files),
                *self._masking(sum(file.masked for file in files)),
            )
        )
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>kagent report: {self._text(self.found.selection.title)}</title>\n"
            f"<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
        )

    def _text(self, text: str) -> str:
        return escape(harmless(self.redaction.text(text), shown=True))

    def _screen(self, text: str) -> str:
        return f"<pre>{self._text(text.rstrip())}</pre>"

    def _head(self, version: str) -> Iterator[str]:
        found = self.found
        yield f"<h1>kagent report: {self._text(found.selection.title)}</h1>"
        versions = [f"kubectl kagent {version}", f"Kubernetes {found.facts.kubernetes}"]
        kagent = found.facts.version
        versions.append(
            "kagent <unknown>" if isinstance(kagent, KagentError) else f"kagent {kagent or '<unknown>'}"
        )
        facts = {
            "Made": clock.timestamp(found.made),
            "Tasks and logs": f"since {clock.timestamp(found.since)}",
            "Versions": ", ".join(versions),
        }
        yield "<dl>"
        for name, value in facts.items():
            yield f"<dt>{name}</dt><dd>{self._text(value)}</dd>"
        yield "</dl>"

    def _wrong(self) -> Iterator[str]:
        findings = [
            (section.name, each) for section in self.found.check.sections for each in section.findings
        ]
        failures = [each for _, each in findings if each.level == FAILURE]
        rights = [each for name, each in findings if name == ACCESS]
        warnings = [each for name, each in findings if each.level != FAILURE and name != ACCESS]
        tasks = failed_tasks(self.found.workloads)
        yield "<h2>What is wrong</h2>"
        if not failures and not warnings and not tasks:
            yield '<p class="good">Nothing, in what could be looked at.</p>'
        yield from (line for each in failures for line in self._finding(each))
        yield from (line for each in tasks for line in self._failed(each))
        yield from (line for each in warnings for line in self._finding(each))
        if rights:
            yield "<details><summary>Rights that whoever made this report does not have</summary>"
            yield from (line for each in rights for line in self._finding(each))
            yield "</details>"

    def _finding(self, finding: CheckFinding) -> Iterator[str]:
        bad = finding.level == FAILURE
        yield f'<div class="card {"failure" if bad else ""}">'
        level = f'<strong class="{"bad" if bad else "warn"}">{finding.level}:</strong>'
        yield f"{level} {self._text(finding.line)}"
        if finding.causes:
            yield "<ul>" + "".join(f"<li>{self._text(cause)}</li>" for cause in finding.causes) + "</ul>"
        remedy = [line for line in remedy_lines(finding.remedy) if line]
        if remedy:
            yield self._screen("\n".join(remedy))
        yield "</div>"

    def _failed(self, failed: FailedTasks) -> Iterator[str]:
        whole = any(turn.state == "failed" for turn in failed.tasks)
        count = "a task" if len(failed.tasks) == 1 else f"{len(failed.tasks)} tasks"
        line = f"{'' if whole else 'steps of '}{count} of agent {failed.agent} failed"
        yield '<div class="card failure">'
        yield (
            f'<strong class="bad">failure:</strong> {self._text(line)}'
            + "<ul>"
            + "".join(f"<li>{self._text(why)}</li>" for why in failed.why)
            + "</ul>"
        )
        ids = ", ".join(turn.id for turn in failed.tasks[:5])
        yield f'<p class="quiet">{self._text(f"newest first: {ids}")}</p></div>'

    def _left_out(self, notes: Sequence[Note]) -> Iterator[str]:
        yield "<h2>What could not be had</h2>"
        if not notes:
            yield "<p>All that is looked for was there.</p>"
            return
        yield "<ul>" + "".join(f"<li>{self._text(note.line)}</li>" for note in notes) + "</ul>"

    def _workloads(self) -> Iterator[str]:
        yield "<h2>Agents and MCP servers</h2>"
        if not self.found.workloads:
            yield "<p>None are to be seen.</p>"
            return
        yield '<div class="scroll"><table><tr>'
        yield "".join(f"<th>{name}</th>" for name in _COLUMNS)
        yield "</tr>"
        yield from (self._row(number, each) for number, each in enumerate(self.found.workloads))
        yield "</table></div>"
        yield from (
            line for number, each in enumerate(self.found.workloads) for line in self._details(number, each)
        )

    def _row(self, number: int, each: WorkloadReport) -> str:
        overview = each.description.overview if each.description else None
        counts = overview.counts if overview else None
        pods = [Pod(pod) for pod in each.description.pods] if each.description else []
        failed = sum(turn.state == "failed" for turn in each.turns)
        tasks = f"{len(each.turns)} ({failed} failed)" if failed else str(len(each.turns))
        cells = (
            overview.state if overview else "<unknown>",
            f"{counts.ready}/{counts.wanted}" if counts else "-",
            (overview.revision if overview else "") or "-",
            str(sum(pod.restarts for pod in pods)),
            tasks if each.workload.is_agent else "-",
        )
        link = f'<a href="#w{number}">{self._text(_name(each))}</a>'
        return f"<tr><td>{link}</td>" + "".join(f"<td>{self._text(cell)}</td>" for cell in cells) + "</tr>"

    def _details(self, number: int, each: WorkloadReport) -> Iterator[str]:
        now = self.found.made
        yield f'<details><summary>{self._text(_name(each))}</summary><div id="w{number}">'
        if each.description:
            yield self._screen(description(each.description, now=now, prompt=self.redaction.whole))
        if each.history:
            yield "<h3>History</h3>"
            yield self._screen(history_table(each.workload.label, each.history, now=now, wide=True))
        if each.turns:
            yield "<h3>Tasks</h3>"
            yield from self._tasks(each.turns, now)
        yield from self._logs(each)
        yield "</div></details>"

    def _logs(self, each: WorkloadReport) -> Iterator[str]:
        pods = (
            {(pod.namespace, pod.name) for pod in map(Pod, each.description.pods)}
            if each.description
            else set()
        )
        own = [log for log in self.found.logs if (log.namespace, log.pod) in pods]
        if own:
            yield "<h3>Logs</h3><ul>"
            for log in own:
                yield f'<li><a href="{escape(log.file)}">{self._text(log.label)}</a></li>'
            yield "</ul>"

    def _tasks(self, turns: Sequence[Turn], now: datetime) -> Iterator[str]:
        shown = [self.redaction.turn(turn) for turn in turns]
        yield self._screen(turn_table(shown, now=now, columns=_WIDTH))
        for turn in shown:
            if turn.state == "failed" or turn.failures:
                yield self._screen(turn_tree(turn, now=now, columns=_WIDTH))

    def _files(self, files: Sequence[File]) -> Iterator[str]:
        yield "<h2>Files beside this page</h2>"
        yield '<p class="quiet">Unpack the archive first: the links lead to the files in it.</p>'
        yield '<div class="scroll"><table><tr><th>File</th><th>What</th><th>Size</th><th>Masked</th></tr>'
        for file in files:
            size = f"{max(1, round(file.size / 1024))} KiB"
            name = escape(file.name)
            yield (
                f'<tr><td><a href="{name}">{name}</a></td><td>{self._text(file.what)}</td>'
                f"<td>{size}</td><td>{file.masked or ''}</td></tr>"
            )
        yield "</table></div>"

    def _masking(self, masks: int) -> Iterator[str]:
        yield "<h2>What is masked</h2><ul>"
        yield from (
            f"<li>{escape(line)}</li>" for line in _said_of_masking(masks, whole=self.redaction.whole)
        )
        yield "</ul>"


def _said_of_masking(masks: int, *, whole: bool) -> Iterator[str]:
    yield "No Secret was read, and nothing of the kubeconfig."
    yield "Of env, headers, annotations and data only the names are kept."
    if whole:
        yield "Prompts and messages were asked for, and are in it."
    else:
        yield (
            "Prompts, questions, answers, and arguments and results of tools are left out, but for what a "
            f"failed step said; {MESSAGE} stands for them."
        )
    yield (
        "Of all other texts only words, numbers and the names of objects are kept. [masked] stands for what "
        "looks like a key, a token, the address of a person, or like none of those: "
        f"{masks} times in the files."
    )
    yield (
        "A secret that stands in one of the objects is masked in every file, also in base64, in an address, "
        "and where it goes on in the next line."
    )
    yield (
        "What can't be known: a password that is an ordinary word or a short number and stands in a Secret "
        "only, where a program prints it without its name. Look through the logs before you hand this over."
    )
    yield (
        f"Of a container the last {LINES} lines are kept, {BYTES // 1024} KiB at most, and of an agent the "
        f"newest {TURNS_AT_MOST} tasks of the user who made this report."
    )


def _name(each: WorkloadReport) -> str:
    return f"{each.workload.resource.singular} {each.workload.namespace}/{each.workload.name}"
