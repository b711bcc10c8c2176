"""The files of a report. Pure.

Each text of somebody else's goes through the Redaction here and in ``report_page``, and through nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from kubectl_kagent.errors import KagentError
from kubectl_kagent.masking import MASKED
from kubectl_kagent.model.note import Note
from kubectl_kagent.model.trace import Turn
from kubectl_kagent.render.check import check_view
from kubectl_kagent.render.escapes import harmless
from kubectl_kagent.render.output import to_yaml
from kubectl_kagent.render.report_page import File, page
from kubectl_kagent.render.trace import short_ids
from kubectl_kagent.render.trace_view import turns_view
from kubectl_kagent.report.gather import Gathered
from kubectl_kagent.report.logs import LINES, ContainerLog
from kubectl_kagent.report.redaction import Redaction

_SOURCE = "the kagent controller's records"


def files(found: Gathered, version: str, *, whole: bool) -> dict[str, str]:
    """Texts by name, the index first. ``whole``: with prompts and messages."""
    redaction = redaction_of(found, version, whole=whole)
    written = {name: (what, harmless(text, shown=True)) for name, what, text in _files(found, redaction)}
    listed = [
        File(name, what, len(text.encode()), text.count(MASKED)) for name, (what, text) in written.items()
    ]
    index = page(found, redaction, version, listed, left_out(found))
    return {"index.html": index, **{name: text for name, (_, text) in written.items()}}


def redaction_of(found: Gathered, version: str, *, whole: bool) -> Redaction:
    """With all that is known of these objects and turns."""
    kagent = "" if isinstance(found.facts.version, KagentError) else found.facts.version
    known = {version, found.facts.kubernetes, kagent}
    known |= {row.config_hash for each in found.workloads for row in each.history}
    known |= {row.image for each in found.workloads for row in each.history}
    known |= {id_ for each in found.workloads for ids in short_ids(each.turns) for id_ in ids}
    return Redaction(found.objects, _turns(found), known - {""}, whole=whole)


def left_out(found: Gathered) -> tuple[Note, ...]:
    """What could not be had or was not checked, each once."""
    unchecked = (note for section in found.check.sections for note in section.unchecked)
    return tuple(dict.fromkeys((*found.notes, *unchecked)))


def _files(found: Gathered, redaction: Redaction) -> Iterator[tuple[str, str, str]]:
    """Name, what it is, text."""
    checked = redaction.values(check_view(found.check))
    yield "check.json", "what check found, for programs", _json(checked)
    yield (
        "objects.yaml",
        f"{len(found.objects)} objects, without values",
        "".join(f"---\n{to_yaml(redaction.shape(item))}" for item in found.objects),
    )
    turns = [redaction.turn(turn) for turn in _turns(found)]
    yield "tasks.json", f"{len(turns)} recent tasks, step by step", _json(turns_view(turns, _SOURCE, ()))
    for log in found.logs:
        yield log.file, _what(log), _log(log, redaction)


def _what(log: ContainerLog) -> str:
    return f"{log.label}: its last {LINES} lines, or fewer" if log.cut else log.label


def _log(log: ContainerLog, redaction: Redaction) -> str:
    """Each line after its stamp, which is the kubelet's; nothing is looked for across the stamps."""
    stamped = [line.partition(" ") for line in log.text.removesuffix("\n").split("\n")]
    shown = redaction.lines([text for _, _, text in stamped])
    return "".join(
        f"{redaction.text(stamp)} {text}\n" for (stamp, _, _), text in zip(stamped, shown, strict=True)
    )


def _turns(found: Gathered) -> list[Turn]:
    return [turn for each in found.workloads for turn in each.turns]


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
