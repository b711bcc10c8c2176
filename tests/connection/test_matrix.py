"""Each shape of a connection, with the real kubectl and with us: the same requests, or the same refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connection.credentials import CREDENTIALS
from tests.connection.differences import DIFFERENCES, Difference
from tests.connection.refusals import IN_OTHER_WORDS, IN_THE_SAME_WORDS
from tests.connection.shapes import FORMS, SERVERS, TRUST, WAYS
from tests.connection.world import PATHS, Seen, Shape, World, by_kubectl, by_us, world

pytestmark = pytest.mark.kubectl
TAKEN = {**SERVERS, **TRUST, **CREDENTIALS, **WAYS, **FORMS}


@pytest.fixture(scope="module")
def up() -> Iterator[World]:
    with world() as found:
        yield found


def both(up: World, shape: Shape, kubectl: Path, folder: Path) -> tuple[Seen, Seen]:
    return by_kubectl(str(kubectl), up, shape, folder / "kubectl"), by_us(up, shape, folder / "ours")


@pytest.mark.parametrize("name", TAKEN)
def test_the_same_requests(up: World, kubectl: Path, tmp_path: Path, name: str) -> None:
    theirs, ours = both(up, TAKEN[name], kubectl, tmp_path)
    assert theirs.words is None
    assert len(theirs.requests) >= len(PATHS)
    assert ours == theirs


@pytest.mark.parametrize("name", IN_THE_SAME_WORDS)
def test_the_same_refusal_in_the_same_words(up: World, kubectl: Path, tmp_path: Path, name: str) -> None:
    theirs, ours = both(up, IN_THE_SAME_WORDS[name], kubectl, tmp_path)
    assert theirs.words
    assert theirs.requests == ()
    assert ours == theirs


@pytest.mark.parametrize("name", IN_OTHER_WORDS)
def test_the_same_refusal_in_other_words(up: World, kubectl: Path, tmp_path: Path, name: str) -> None:
    theirs, ours = both(up, IN_OTHER_WORDS[name], kubectl, tmp_path)
    assert theirs.words
    assert ours.words
    assert ours.words != theirs.words
    assert (ours.requests, ours.proxies, ours.plugins) == (theirs.requests, theirs.proxies, theirs.plugins)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.name)
def test_a_difference_that_is_meant(up: World, kubectl: Path, tmp_path: Path, difference: Difference) -> None:
    theirs, ours = both(up, difference.shape, kubectl, tmp_path)
    assert (theirs.words, ours.words) == (difference.kubectl, difference.ours)
    assert ours.requests != theirs.requests or ours.words != theirs.words
