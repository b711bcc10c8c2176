"""The program: the console script, and python -m kubectl_kagent."""

import gc
import os
import signal
import sys

# What a short program allocates it mostly keeps: looking for garbage in it costs a tenth of the start.
_ALLOCATIONS = 100_000


def main() -> None:
    """Run the command line. Ctrl-C before it has begun, or when all is done, causes no traceback either."""
    gc.set_threshold(_ALLOCATIONS)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    _fill_in()
    from kubectl_kagent.cli.interrupt import heed_signals

    if _is_completion():
        from kubectl_kagent.app import complete as run
    else:
        from kubectl_kagent.app import main as run

    heed_signals()
    signal.signal(signal.SIGINT, before)
    try:
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # cleaning up takes a moment, and must not stop half-way


def _is_completion() -> bool:
    """Whether kubectl asks for candidates: by a link of that name, or by cobra's word where there is none."""
    if sys.argv[1:2] == ["__complete"]:
        del sys.argv[1]
        return True
    return os.path.basename(sys.argv[0]).startswith("kubectl_complete-")


def _fill_in() -> None:
    """Put something in the place of a standard stream that is closed, as with ``>&-``.

    The next file or connection would get its descriptor, and programs that we run would write into that.
    Nothing is read from it; writing to stdout fails, as it does on a descriptor that is closed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR if name == "stderr" else os.O_RDONLY)
            setattr(sys, name, open(descriptor, mode))  # noqa: SIM115  # as long as the program


if __name__ == "__main__":
    main()
