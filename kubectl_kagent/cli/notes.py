"""What comes with results, on stderr: a warning for each thing once, however often it is looked at."""

from __future__ import annotations

from kubectl_kagent.cli import terminal
from kubectl_kagent.model.note import Note


class Notes:
    """The notes of a command line. What one is about decides whether it was told, whatever its reason."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def tell(self, *notes: Note) -> None:
        """Print those that were not told yet."""
        for note in notes:
            if note.about not in self._told:
                self._told.add(note.about)
                terminal.warn(note.line)
