"""What is known of objects and conversations is in no log, however it is written there."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from kubectl_kagent.model.trace import Step, Turn
from kubectl_kagent.report.redaction import Redaction
from tests.objects import config_map


def _server(**deployment: Any) -> dict[str, Any]:
    return {"kind": "MCPServer", "spec": {"deployment": deployment}}


def _model(**headers: str) -> dict[str, Any]:
    return {"kind": "ModelConfig", "spec": {"defaultHeaders": headers}}


def _agent(prompt: str) -> dict[str, Any]:
    return {"kind": "Agent", "spec": {"declarative": {"systemMessage": prompt}}}


PASSWORD = _server(env={"PASSWORD": "wooden-plate-garden"})


@pytest.mark.parametrize(
    ("obj", "line", "shown"),
    [
        # what is not seen does not part it
        (PASSWORD, "a wooden-pl\x1b[31mate-garden b", "a [masked] b"),
        (PASSWORD, "a wooden\u200b-plate-garden b", "a [masked] b"),
        # arguments
        (_server(args=["--password", "silver-spoon-garden"]), "no silver-spoon-garden", "no [masked]"),
        (_server(args=["--token=golden-fork-garden"]), "no golden-fork-garden", "no [masked]"),
        # what stands behind the scheme of a login
        (_model(Authorization="Bearer yellow-submarine-party"), "no yellow-submarine-party", "no [masked]"),
        (
            _model(Authorization=f"Basic {base64.b64encode(b'robin:crimson-kettle').decode()}"),
            "robin has crimson-kettle",
            "robin has [masked]",
        ),
        (
            _server(env={"DATABASE": "postgres://bob:horse%40battery@db/x"}),
            "login with horse@battery and horse%40battery",
            "login with [masked] and [masked]",
        ),
        # a name of the user's own may be that of a field which has a name in it
        (_server(env={"model": "sTr4ngeL0okingV4lue9"}), "no sTr4ngeL0okingV4lue9", "no [masked]"),
        (_model(model="correct7horse"), "no correct7horse", "no [masked]"),
        # what is masked by its place, whatever its name says
        (
            {"kind": "Agent", "spec": {"credentials": {"text": "open sesame now"}}},
            "login failed with open sesame now",
            "login failed with [masked]",
        ),
        # prompts
        (
            _agent("Never mention project redbird."),
            "system: Never mention project redbird.",
            "system: [message]",
        ),
        (
            config_map("prompts", clock="Never mention project bluebird."),
            "system: Never mention project bluebird.",
            "system: [message]",
        ),
    ],
)
def test_what_an_object_has_is_in_no_log(obj: dict[str, Any], line: str, shown: str) -> None:
    redaction = Redaction([obj], [])
    assert redaction.lines([line, "and words"]) == [shown, "and words"]
    assert redaction.text(line) == shown


def test_a_reference_in_a_literal_is_a_name() -> None:
    ref = {"name": "sTr4ngeN4me9x", "key": "k"}
    server = _server(env=[{"name": "TOKEN", "valueFrom": {"secretKeyRef": ref}}])
    assert Redaction([server], []).lines(["no secret sTr4ngeN4me9x"]) == ["no secret sTr4ngeN4me9x"]


def test_however_much_a_tool_says_the_rest_is_known_too() -> None:
    said = "\n".join(f"a line with many words, number {number}" for number in range(5000))
    step = Step(kind="tool", name="search", start=0, end=1, result=said)
    turn = Turn(
        agent="default/clock",
        root=Step(kind="agent", name="clock", steps=(step,)),
        state="completed",
        question="what is the salary of the director?",
    )
    redaction = Redaction([_agent("Never mention project redbird.")], [turn])
    log = [
        "system: Never mention project redbird.",
        "user asks what is the salary of the director?",
        "got a line with many words, number 4999",
    ]
    assert redaction.lines(log) == ["system: [message]", "user asks [message]", "got [message]"]
