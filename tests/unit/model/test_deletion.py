"""An object that is being deleted, and what holds it."""

from __future__ import annotations

from kubectl_kagent.model.deletion import deletion, finalizers

HELD = {"finalizers": ["foregroundDeletion", "example.com/a"]}


def test_what_is_being_deleted() -> None:
    moment = {"deletionTimestamp": "2026-11-23T08:00:00Z"}
    assert deletion({"metadata": moment}) == "being deleted"
    assert deletion({"metadata": moment | HELD}) == (
        "being deleted: finalizers foregroundDeletion, example.com/a"
    )
    assert deletion({"metadata": HELD}) == ""


def test_what_would_hold_it() -> None:
    assert finalizers({"metadata": HELD}) == "finalizers foregroundDeletion, example.com/a"
    assert (finalizers({"metadata": {}}), finalizers({"metadata": {"finalizers": None}})) == ("", "")
