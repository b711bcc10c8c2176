"""Ids on a command line."""

from __future__ import annotations

import pytest

from kubectl_kagent.cli.ids import id_in
from kubectl_kagent.errors import UsageError
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster


def test_an_id_with_its_kind_or_without() -> None:
    for word, id_ in (("7a5c", "7a5c"), ("task/7a5c", "7a5c"), ("session/7a5c", "session/7a5c")):
        assert id_in(word, "task", "") == id_
    for word in ("", "task/"):
        with pytest.raises(UsageError) as caught:
            id_in(word, "task", "which?")
        assert (caught.value.message, caught.value.hint) == (f'"{word}" is not a task', "which?")


SHOWN = {
    "task": "kubectl kagent approvals list -A shows what waits",
    "session": "kubectl kagent sessions list -A shows them",
    "turn": "kubectl kagent trace AGENT lists them",
}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("approvals approve --yes WORD", "task"),
        ("approvals approve --call=c1 WORD", "task"),
        ("approvals reject --yes WORD", "task"),
        ("sessions show WORD", "session"),
        ("sessions export WORD", "session"),
        ("sessions delete 5e551017 WORD", "session"),
        ("trace show WORD", "turn"),
        ("trace list clock -n default --session WORD", "session"),
    ],
)
@pytest.mark.parametrize("form", ["", "{}/"])
def test_an_id_that_a_script_left_empty_is_refused_and_nothing_asked(
    kagent: Kagent, cluster: FakeCluster, line: str, kind: str, form: str
) -> None:
    """Every id begins with nothing, and where one waits or is listed that is an answer."""
    empty = form.format(kind)
    words = [empty if word == "WORD" else word for word in line.split()]
    assert kagent(*words) == (2, "", f'error: "{empty}" is not a {kind}\nhint: {SHOWN[kind]}\n')
    assert cluster.requests == []
