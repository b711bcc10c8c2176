"""`python -m tests.lab.images`: build every image archive and print where they are."""

import argparse
import sys
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.images import build_all
from tests.lab.layout import Layout
from tests.lab.progress import Progress


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.images", description="build the lab's images")
    parser.add_argument("--cache", type=Path, default=Layout.here().cache)
    parser.add_argument("--controller", type=Path, help="a static binary of kagent's controller")
    parser.add_argument("--go-adk", type=Path, help="a static binary of kagent's Go agent runtime")
    options = parser.parse_args()
    try:
        archives = build_all(options.cache, Progress(), options.controller, options.go_adk)
    except LabError as error:
        sys.exit(f"error: {error}")
    sys.stdout.writelines(f"{path}\n" for path in archives)


if __name__ == "__main__":
    main()
