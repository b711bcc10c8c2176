"""Ports of URLs that name none."""

from __future__ import annotations

from collections.abc import Mapping

USUAL_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
