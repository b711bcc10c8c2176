"""Columns of a table that can be sorted by each of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubectl_kagent.errors import UsageError
from kubectl_kagent.render.table import table

T = TypeVar("T")
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """``value`` is what is compared; ``cell`` what is shown of it, else the value itself."""

    header: str
    value: Callable[[T], Any]
    cell: Callable[[T], str] | None = None

    def show(self, row: T) -> str:
        if self.cell:
            return self.cell(row)
        value = self.value(row)
        return UNKNOWN if value in (None, "") else str(value)

    def place(self, row: T) -> Any:
        """Where a row stands: texts from A to Z, numbers from the largest."""
        found = self.value(row)
        return found if isinstance(found, str) else -(found or 0)


def cells(columns: Sequence[Column[T]], rows: Sequence[T]) -> str:
    """The table of rows as they come."""
    return table([column.header for column in columns], [[one.show(row) for one in columns] for row in rows])


def named(columns: Sequence[Column[T]], name: str) -> Column[T]:
    """The column of that name, in letters of any size. Raises UsageError for one that is not shown."""
    for column in columns:
        if column.header == name.upper():
            return column
    hint = f"one of {', '.join(column.header for column in columns)}"
    raise UsageError(f'there is no column "{name}"', hint=hint)
