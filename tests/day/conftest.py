"""What the days leave behind stays with them."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def cut_connections() -> Iterator[None]:
    """Sockets of connections that were cut are collected here, or they fail somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
