"""The program in the archive. krew links it as kubectl-kagent, people link it as kubectl_complete-kagent."""

import os
import sys


def _main() -> None:
    _give_back_library_path()
    if os.path.basename(sys.argv[0]).startswith("kubectl_complete-"):
        from kubectl_kagent.app import complete as run
    else:
        from kubectl_kagent.__main__ import main as run
    run()


def _give_back_library_path() -> None:
    """Python has loaded the archive's libraries; what we run (credential plugins, a diff) must not."""
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


_main()
