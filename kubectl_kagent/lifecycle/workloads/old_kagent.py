"""What kagent could not do yet in versions that are still in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kubectl_kagent.errors import KagentError, UsageError

if TYPE_CHECKING:
    from kubectl_kagent.backends.controller import Controller

_LEAVES_THE_COUNT = (0, 9, 4)


def check_leaves_the_count(find: Callable[[], Controller], *, warn: Callable[[str], None]) -> None:
    """Raise KagentError for a kagent that sets the count to 1 where an Agent has none.

    ``find`` finds the controller; ``warn`` is told when its version can't be asked. Raises UsageError when
    the command line says in no way where it is.
    """
    from kubectl_kagent.backends.versions import kagent_version, older_than  # not for a help

    try:
        version = kagent_version(find())
    except UsageError:
        raise
    except KagentError as error:
        warn(f"could not check that kagent is 0.9.4 or newer, which leaves the count alone: {error.message}")
        return
    if older_than(version, _LEAVES_THE_COUNT):
        raise KagentError(
            f"kagent {version} sets the count to 1 where an Agent has none: nothing else can decide it",
            hint="kagent 0.9.4 and newer leave it alone; until then set a fixed count with "
            "kubectl kagent scale TYPE/NAME --replicas=N",
        )
