"""These modules take parts of the lab away: no other worker uses it meanwhile (tests/conftest.py)."""

from tests.cluster.conftest import api, tools

__all__ = ["api", "tools"]
