"""The program: the console script, and python -m kubectl_kagent."""

import gc
import signal

# What a short program allocates it mostly keeps: looking for garbage in it costs a tenth of the start.
_ALLOCATIONS = 100_000


def main() -> None:
    """Run the command line. Ctrl-C before it has begun, or when all is done, causes no traceback either."""
    gc.set_threshold(_ALLOCATIONS)
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kubectl_kagent.cli import main as run

    signal.signal(signal.SIGINT, before)
    try:
        run()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # cleaning up takes a moment, and must not stop half-way


if __name__ == "__main__":
    main()
