"""What we send ourselves is in no message, if somebody sends it back."""

from __future__ import annotations

import pytest

from kubectl_kagent.masking import sent


@pytest.fixture(autouse=True)
def nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent, "_sent", set())


@pytest.mark.parametrize(
    "name", ["X-Service-Key", "X-Session", "X-Signature", "X-Jwt", "X-Vault-Token", "Api-Key", "cookie"]
)
def test_the_value_of_a_secret_header_is_masked(name: str) -> None:
    sent.remember(name, "wooden-plate-1")
    assert sent.without_sent("no wooden-plate-1 here") == "no [masked] here"


def test_a_value_that_reads_like_a_token_is_masked_under_any_name() -> None:
    sent.remember("x-anything", "aB3dE6gH9jK2mN5pQ8sT")
    assert sent.without_sent("no aB3dE6gH9jK2mN5pQ8sT") == "no [masked]"


@pytest.mark.parametrize(
    ("name", "value"), [("Accept", "application/json"), ("X-Scope-OrgID", "platform-team")]
)
def test_what_is_no_secret_stays(name: str, value: str) -> None:
    sent.remember(name, value)
    assert sent.without_sent(f"not {value}") == f"not {value}"


def test_of_a_login_its_parts_are_masked_too() -> None:
    sent.remember("authorization", "Basic Ym9iOmNvcnJlY3QtaG9yc2U=")  # bob:correct-horse
    assert (
        sent.without_sent("bob has correct-horse, Ym9iOmNvcnJlY3QtaG9yc2U=") == "bob has [masked], [masked]"
    )
