"""The staged breaks use the fixtures of the cluster tests."""

from tests.cluster.conftest import api, tools

__all__ = ["api", "tools"]
