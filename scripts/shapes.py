"""TypedDicts as declarations of JSON: which keys there are, of which type, and what they mean."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One key: the type of its value, what it means, and whether it may be absent."""

    type: Any
    meaning: str
    optional: bool


def fields(shape: Any) -> dict[str, Field]:
    """The keys of a TypedDict."""
    return {name: _field(hint) for name, hint in typing.get_type_hints(shape, include_extras=True).items()}


def _field(hint: Any) -> Field:
    """``Annotated[NotRequired[T], meaning]``, taken apart."""
    meaning, optional = "", False
    while (origin := typing.get_origin(hint)) in (typing.Annotated, typing.NotRequired):
        if origin is typing.Annotated:
            meaning, hint = hint.__metadata__[0], hint.__origin__
        else:
            optional, (hint,) = True, typing.get_args(hint)
    return Field(hint, meaning, optional)


def members(hint: Any) -> tuple[Any, ...]:
    """The types of a union, or the one that it is."""
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def item(hint: Any) -> Any:
    """What a list is of; None for anything else."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is list else None


def is_shape(hint: Any) -> bool:
    """Whether it is a TypedDict."""
    return typing.is_typeddict(hint)


def words(hint: Any) -> tuple[Any, ...]:
    """The values of a Literal; empty for anything else."""
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
