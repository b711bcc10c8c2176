"""`python -m tests.lab`: the lab's command line."""

import argparse
import os
import sys

from tests.lab.errors import LabError
from tests.lab.lab import PARTS, Lab
from tests.lab.processes import MARK

HINT = "parts: " + ", ".join(PARTS)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="a real one-node Kubernetes with kagent", epilog=HINT
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="bring the lab up, or repair it")
    verbs.add_parser("down", help="take it away: processes, mounts, network namespace, cgroups")
    verbs.add_parser("status", help="what runs, and where the logs are")
    build = verbs.add_parser("build", help="only fill the cache with programs and images")
    for verb_with_choice in (up, build):
        verb_with_choice.add_argument(
            "--telemetry", action="store_true", help="with Jaeger, Loki, Prometheus and collectors"
        )
    verbs.add_parser("build-stern", help="only fill the cache with the bench's peer, and say where it is")
    for verb in ("restart", "stop", "start"):
        verbs.add_parser(verb, help=f"{verb} one part", epilog=HINT).add_argument(
            "part", choices=PARTS, metavar="PART"
        )
    options = parser.parse_args()
    try:
        _run(Lab.here(), options)
    except LabError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(lab: Lab, options: argparse.Namespace) -> None:
    match options.verb:
        case "up":
            # What `up` starts on its way (compilers, imports) is marked too: `down` finds it after a crash.
            os.environ[MARK] = f"{lab.layout.label}/up/"
            lab.up(with_telemetry=options.telemetry)
            status(lab)
        case "down":
            lab.down()
        case "status":
            status(lab)
        case "build":
            lab.build(with_telemetry=options.telemetry)
        case "build-stern":
            sys.stdout.write(f"{lab.build_stern()}\n")
        case verb:
            getattr(lab, verb)(options.part)


def status(lab: Lab) -> None:
    lines = [f"lab         {lab.layout.name}", f"controller  {lab.controller_description or 'none yet'}"]
    lines += [f"kubeconfig  {lab.kubeconfig}", f"kubectl     {lab.kubectl}", f"logs        {lab.logs}", ""]
    lines += [f"{name:<24} {pid or 'not running'}" for name, pid in lab.pids().items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
