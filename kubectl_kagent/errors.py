"""What can go wrong in ways a user can act on: a message, the next step, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

INTERRUPTED = 130

# What a script may lean on; 2 is click's own.
EXIT_CODES: Mapping[int, str] = {
    0: "done",
    1: "failed",
    2: "the command line is not valid: nothing was asked or done",
    3: "nothing to change, with `--error-unchanged`",
    4: "timeout",
    5: "the cluster or the controller does not answer",
    6: "forbidden, or not logged in",
    7: "a task waits for a person: input required",
    INTERRUPTED: "interrupted",
}


class KagentError(Exception):
    """A failure that is explained to the user in one line, with a hint when there is a next step."""

    exit_code = 1
    # whether a write that ends so was carried out is not known: no answer, or that of a server that failed
    open = False

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def left_open(self, what: str, shown: str) -> None:
        """Say that ``what`` is not known, and which command shows it."""
        self.message += f": {what} is not known"
        self.hint = shown

    @property
    def line(self) -> str:
        """The line for stderr."""
        return f"error: {self.message}"

    @property
    def explained(self) -> str:
        """Message and next step in one line, for a warning."""
        return self.message + (f"; {self.hint}" if self.hint else "")


class ServerError(KagentError):
    """The API server refused a request; the line is kubectl's."""

    reason = ""

    @property
    def line(self) -> str:
        return f"Error from server ({self.reason}): {self.message}" if self.reason else super().line


class OtherServerError(ServerError):
    """Any refusal that no caller treats apart."""

    def __init__(self, reason: str, message: str, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.reason = reason


class NotFound(ServerError):
    """The object is not there."""

    reason = "NotFound"


class AlreadyExists(ServerError):
    """Somebody else created that name first."""

    reason = "AlreadyExists"


class Conflict(ServerError):
    """The object changed since it was read."""

    reason = "Conflict"


class FieldConflict(Conflict):
    """A server-side apply would change fields that somebody else manages: each field, and its manager."""

    def __init__(self, message: str, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class Expired(ServerError):
    """The API server no longer remembers that resource version (etcd compacts after five minutes)."""

    reason = "Expired"


class Forbidden(ServerError):
    """RBAC says no."""

    reason = "Forbidden"
    exit_code = 6


class Unauthorized(KagentError):
    """The credentials are missing, wrong or expired."""

    exit_code = 6


class Unreachable(KagentError):
    """The API server or the kagent controller does not answer."""

    exit_code = 5


class Unanswered(Unreachable):
    """A request went out and no answer came back: nobody knows whether it was carried out."""

    open = True


class Untrusted(Unreachable):
    """The certificate of who answers is not trusted; the hint says what would make it so."""


class BadConfig(KagentError):
    """A kubeconfig, or the file of services, has something in it that can't be used; the message names it."""


class ResourceMissing(KagentError):
    """The cluster has no such kind: kagent or kmcp is not installed, or in another version."""


class TimedOut(KagentError):
    """What was waited for did not come in time."""

    exit_code = 4


class Unchanged(KagentError):
    """Nothing to change, and the caller asked to be told (``--error-unchanged``)."""

    exit_code = 3


class Unreadable(KagentError):
    """An object has something in it that is nested too deeply to be compared, kept or sent."""

    def __init__(self, what: str = "an object") -> None:
        super().__init__(f"{what} has something in it that is nested too deeply to be read")


class InputRequired(KagentError):
    """A task waits for a person: an approval, or an answer."""

    exit_code = 7


class UsageError(KagentError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class Interrupted(KeyboardInterrupt):
    """Ctrl-C that leaves something behind: a write of which too little is known, or a question that waits."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Incomplete(KagentError):
    """A change is made, and what belongs to it failed; ``exit_code`` is that of the failure."""

    def __init__(self, message: str, hint: str | None, exit_code: int) -> None:
        super().__init__(message, hint)
        self.exit_code = exit_code

    @classmethod
    def because(cls, text: str, failure: KagentError, hint: str | None) -> Incomplete:
        """``text``, which ends before the reason, and the failure's own line as that."""
        return cls(f"{text} {failure.line.removeprefix('error: ')}", hint, failure.exit_code)


@dataclass(slots=True)
class Done:
    """What a verb has changed so far, in words that "but ..." can follow, and the hint where to see more."""

    text: str = ""
    hint: str = ""


@contextmanager
def done_so_far(text: str = "", hint: str = "") -> Iterator[Done]:
    """A failure or an interrupt in the block says first what is done by then. Raises Incomplete for these.

    As long as ``text`` is empty nothing is done, and errors are as they come.
    """
    done = Done(text, hint)
    try:
        yield done
    except Incomplete:
        raise
    except KagentError as error:
        if not done.text:
            raise
        hint = error.hint or ""
        if "kubectl kagent " not in hint:  # one of ours shows more than that there is a change
            hint = "; ".join(filter(None, (hint, done.hint)))
        raise Incomplete.because(f"{done.text}, but", error, hint) from error
    except KeyboardInterrupt as error:
        if not done.text:
            raise
        raise Incomplete(f"interrupted, but {done.text}", done.hint, INTERRUPTED) from error
