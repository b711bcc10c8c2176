"""Records with anything in any field: an error or a marked gap, never a crash and never silence."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.trace import Record
from kubectl_kagent.render.trace import turn_tree
from kubectl_kagent.render.trace_view import turns_view
from kubectl_kagent.render.waterfall import waterfall
from kubectl_kagent.telemetry.traces import records as trace_records
from kubectl_kagent.telemetry.traces import spans as trace_spans
from kubectl_kagent.telemetry.traces.files import from_file
from kubectl_kagent.telemetry.traces.secrets import without_secrets
from tests import recordings
from tests.fake.cluster import Clock

Path = tuple[Any, ...]

_DROP = object()
_ANYTHING = (None, True, 5, 1.5, "x", [], {}, _DROP)
# what tools are given and give may be anything by right, and these may be numbers
_FREE = {"args", "response"}
_NUMBERS = {"startTimeUnixNano", "endTimeUnixNano", "intValue"}


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*at, key)
        yield from paths(value[key], (*at, key))


def changed(document: Any, path: Path, value: Any) -> Any:
    new = copy.copy(document)
    key, *rest = path
    if rest:
        new[key] = changed(document[key], tuple(rest), value)
    elif value is _DROP:
        del new[key]
    else:
        new[key] = value
    return new


def look(record: Record) -> None:
    """All views stand it."""
    now = Clock().now
    for turn in map(without_secrets, record.turns):
        turn_tree(turn, now=now, columns=60)
        waterfall(turn, now=now, columns=60)
    json.dumps(turns_view(record.turns, "a test", record.gaps), allow_nan=False)


def check(document: Any, read: Callable[[Any], Record]) -> int:
    before = read(document)
    count = 0
    for path in paths(document):
        old = document
        for key in path:
            old = old[key]
        for value in _ANYTHING:
            if type(value) is type(old):
                continue
            count += 1
            try:
                after = read(changed(document, path, value))
            except KagentError:
                continue
            if after == before:
                continue
            look(after)
            optional = value is None or value is _DROP
            free = bool(_FREE & set(path)) or (isinstance(value, int) and path[-1] in _NUMBERS)
            assert after.gaps or optional or free, (path, value)
    return count


def stored(name: str) -> Any:
    """A session whose events are no texts of JSON, so that each field of them can be changed."""
    session = recordings.rest(name)
    for event in session["events"]:
        event["data"] = json.loads(event["data"])
    return session


@pytest.mark.parametrize("name", ["trace_go_tool_error", "trace_go_llm_error"])
def test_spans(name: str) -> None:
    assert check(recordings.tempo(name), lambda document: trace_spans.turns([document])) > 1000


@pytest.mark.parametrize("name", ["session", "session_hitl_events"])
def test_events(name: str) -> None:
    tasks = recordings.rest(name.removesuffix("_events") + "_tasks")
    assert check(stored(name), lambda session: trace_records.turns(session, tasks, "a/b")) > 1000


@pytest.mark.parametrize("name", ["session", "session_hitl_events"])
@pytest.mark.parametrize("events", [True, False])
def test_tasks(name: str, *, events: bool) -> None:
    session = stored(name) | ({} if events else {"events": []})
    tasks = recordings.rest(name.removesuffix("_events") + "_tasks")
    assert check(tasks, lambda found: trace_records.turns(session, found, "a/b")) > 500


def test_a_file_that_was_cut() -> None:
    whole = json.dumps(recordings.tempo("v2_trace_go_tool")).encode()
    assert len(from_file("f", whole).record.turns) == 1
    for end in range(1, len(whole) - 1, 97):
        with pytest.raises(KagentError, match=r"^nothing in f could be read: line 1 is not JSON"):
            from_file("f", whole[:end])


def test_lines_of_which_some_were_cut() -> None:
    line = json.dumps(recordings.tempo("trace_go_tool"))
    record = from_file("f", f"{line}\n\n{line[:50]}\n{line[:20]}\n".encode()).record
    assert len(record.turns) == 1
    assert record.gaps == (
        f"line 3 is not JSON and was left out: {line[:50]!r}",
        "1 other lines are not JSON and were left out",
    )


def test_an_array_is_as_many_documents() -> None:
    names = ("trace_go_tool", "trace_go_tool_error")
    data = json.dumps([recordings.tempo(name) for name in names]).encode()
    assert len(from_file("f", data).record.turns) == 2


@pytest.mark.parametrize(
    "data", [b"[]", b"", b" \n", b"5", b'"x"', b"null", b"{}", b'{"traces": []}', b"[5]"]
)
def test_a_file_of_something_else(data: bytes) -> None:
    with pytest.raises(KagentError, match=r"^nothing in f could be read: "):
        from_file("f", data)


def test_a_file_that_is_nested_without_end() -> None:
    with pytest.raises(KagentError, match="is not JSON"):
        from_file("f", b"[" * 200_000)
