"""JUnit's XML, as CI systems read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from kubectl_kagent.masking import masked
from kubectl_kagent.render.table import plain

FAILED = "failure"
SKIPPED = "skipped"
PASSED = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A test: failed or skipped with ``message``, or passed; ``text`` is what else is told of it."""

    name: str
    outcome: str = PASSED
    message: str = ""
    text: str = ""


def junit(name: str, suites: Sequence[tuple[str, str, Sequence[Case]]]) -> str:
    """The document; each suite is its name, the class name of its cases, and these."""
    root = ElementTree.Element("testsuites", name=name)
    for title, classname, cases in suites:
        counts = {
            "tests": len(cases),
            "failures": sum(case.outcome == FAILED for case in cases),
            "errors": 0,
            "skipped": sum(case.outcome == SKIPPED for case in cases),
        }
        values = {key: str(value) for key, value in counts.items()}
        suite = ElementTree.SubElement(root, "testsuite", {"name": _words(title), **values})
        for case in cases:
            _add(suite, case, classname)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add(suite: ElementTree.Element, case: Case, classname: str) -> None:
    element = ElementTree.SubElement(suite, "testcase", name=_words(case.name), classname=classname)
    if case.outcome:
        told = ElementTree.SubElement(element, case.outcome, message=_words(case.message))
        told.text = _words(case.text) or None
    elif case.text:
        ElementTree.SubElement(element, "system-out").text = _words(case.text)


def _words(text: str) -> str:
    """Without secrets, and without what XML has no place for."""
    return "\n".join(plain(line) for line in masked(text).split("\n"))
