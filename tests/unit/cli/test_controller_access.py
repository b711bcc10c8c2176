"""How the command line says to reach the controller, and as whom."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.cli.controller_access import ControllerAccess
from kubectl_kagent.errors import KagentError, UsageError
from tests.fake.cluster import FakeCluster


def access(**how: Any) -> ControllerAccess:
    def nowhere() -> FakeCluster:
        raise KagentError("no kubeconfig was found")

    given = {"given_namespace": None, "kagent_namespace": None, "url": None, "token": "", "named_users": ()}
    return ControllerAccess(**{"connect": nowhere, **given, **how})


def test_a_token_goes_with_an_address() -> None:
    with pytest.raises(UsageError, match="--kagent-token goes with --kagent-url"):
        access(token="t").controller()
    assert access(token="t", url="https://kagent.example").controller()


def test_several_users_are_for_lists() -> None:
    several = access(url="https://kagent.example", named_users=("jane", "joe", "jane"))
    assert [one.user for one in several.controllers()] == ["jane", "joe"]
    assert several.user_flags == ("--user-id=jane", "--user-id=joe")
    with pytest.raises(UsageError, match="--user-id goes here once"):
        several.controller()


def test_with_an_address_a_namespace_must_be_named_where_no_kubeconfig_is() -> None:
    assert access(url="https://kagent.example", given_namespace="team").namespace() == "team"
    with pytest.raises(UsageError) as caught:
        access(url="https://kagent.example").namespace()
    assert caught.value.line == "error: which namespace? no kubeconfig was found"
    assert caught.value.hint == "name it with -n"
