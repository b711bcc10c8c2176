"""What comes with a result that is not whole: told beside it, never read back from words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """``about`` says what is missing or was not done, ``why`` the reason; empty when it says itself."""

    about: str
    why: str = ""

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.about}: {self.why}" if self.why else self.about
