"""The program in the archive. krew links it as kubectl-kagent, and completion has a link, too."""

import os


def _main() -> None:
    _give_back_library_path()
    from kubectl_kagent.__main__ import main

    main()


def _give_back_library_path() -> None:
    """Python has loaded the archive's libraries; what we run (credential plugins, a diff) must not."""
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


_main()
