"""Answers that come before the one that counts (1xx): they are skipped, as Go's client does it.

``http.client`` skips only 100 and takes any other for the answer. What really answers would then be read as
the answer to the next request on that connection. The API server's proxy passes such answers on, so any
service behind it could say what the API server itself is to have said.
"""

from __future__ import annotations

import http.client

_MOST = 5  # Go's limit


class FinalResponse(http.client.HTTPResponse):
    """The first answer that is not 1xx."""

    def begin(self) -> None:
        """Raises http.client.HTTPException for too many of them, and for another protocol (101)."""
        for _ in range(_MOST + 1):
            super().begin()
            if not 100 <= self.status < 200:
                return
            if self.status == http.client.SWITCHING_PROTOCOLS:
                break
            self.headers = self.msg = None  # type: ignore[assignment]  # as it is before the first
        raise http.client.HTTPException(f"{self.status} is not a final answer")
