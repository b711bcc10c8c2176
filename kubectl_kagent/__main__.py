"""The program: the console script, and python -m kubectl_kagent."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C while its modules are still being loaded ends it without a traceback."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kubectl_kagent.cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
