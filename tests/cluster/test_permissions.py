"""Each verb under real RBAC: with exactly its rules, and without each single one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.rights import MARKS, VERBS, LabWorld, Users, lab_world, play
from tests.permissions.cases import CASES, Case
from tests.permissions.judge import judge, state
from tests.permissions.recording import Use, table
from tests.permissions.running import Done

pytestmark = MARKS


@pytest.fixture(scope="module")
def world(lab_kubeconfig: Path) -> Iterator[LabWorld]:
    with lab_world(lab_kubeconfig) as found:
        yield found


@pytest.mark.parametrize("verb", VERBS)
def test_exactly_these_rules_are_enough_and_each_is_needed(verb: str, world: LabWorld) -> None:
    everything = set(table(verb))
    slug = f"{world.tools.namespace}-{VERBS.index(verb)}"
    lacking = {f"{slug}-{number}": use for number, use in enumerate(sorted(everything))}
    rights = {user: everything - _with(use) for user, use in lacking.items()}
    Users(world).create({slug: everything} | rights)
    first: dict[Use, tuple[Case, Done]] = {}
    for case in CASES[verb]:
        done, used, _ = play(world, case, slug)
        assert done.code != 6, done
        assert "forbidden" not in done.err, done
        for use in used - set(first):
            first[use] = (case, done)
        case.after(world)
    hurried = frozenset[Use]().union(*(case.hurried for case in CASES[verb]))
    assert everything - hurried <= set(first) <= everything
    for user, use in lacking.items():
        if use not in first:
            continue
        case, full = first[use]
        need = table(verb, case.line)[use]
        seen, used, before = play(world, case, user, refused=not need.without)
        judge(need, use, case, full, seen, asked=use in used, real=True)
        if not need.without:
            assert state(world, recording=bool(case.until)) == before, (use, seen)
        case.after(world)


def _with(use: Use) -> set[Use]:
    """What goes with a rule: allowed in all namespaces is allowed here."""
    return {use} if use.elsewhere else {use, Use(use.rule, elsewhere=True)}
