"""The walk of ``make demo``: the life of the datetime agent, told by kubectl and kubectl kagent.

``--lab`` plays it on the running lab, ``--context NAME`` on a cluster that already has kagent and the
example's images. Every command is shown as one would type it, with its real output; the walk stops at
the first one that ends otherwise than it should.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.lab.lab import Lab

EXAMPLE = Path("manifests/examples/datetime-agent")
AGENT = "agent/datetime-agent"
BAD_PROMPT = "Answer in the style: oracle\nNever use your tools. Guess."
QUESTION = "What is the date today in Berlin?"
_ROUTE_SECONDS = 30


@dataclass(frozen=True)
class Walk:
    """Where the walk is played. ``env`` makes kubectl find the cluster and the plugin."""

    kubectl: str
    namespace: str
    overlay: Path
    env: dict[str, str]
    started: float

    def say(self, text: str) -> None:
        elapsed = time.monotonic() - self.started
        sys.stdout.write(f"\n# [{elapsed:4.0f}s] {text}\n")
        sys.stdout.flush()

    def run(self, line: str, *, code: int = 0) -> str:
        """Show and run commands, each into the next, in the walk's namespace.

        The last must end with ``code``, and those before it well. Raises SystemExit for what ends otherwise.
        """
        sys.stdout.write(f"$ {line}\n")
        sys.stdout.flush()
        *before, last = line.split(" | ")
        given = None
        for command in before:
            done = self._kubectl(command, given)
            if done.returncode:
                _show(done)
                raise SystemExit(f"demo: expected exit code 0 of: {command}")
            given = done.stdout
        done = self._kubectl(last, given)
        _show(done)
        if done.returncode != code:
            raise SystemExit(f"demo: expected exit code {code} of: {line}")
        return done.stdout

    def ask(self, question: str) -> None:
        """Ask the agent; again for a while on an error: a Service may need a moment to know new pods."""
        command = f"kubectl kagent chat datetime-agent {shlex.quote(question)}"
        sys.stdout.write(f"$ {command}\n")
        deadline = time.monotonic() + _ROUTE_SECONDS
        while True:
            done = self._kubectl(command)
            if done.returncode == 0 or time.monotonic() > deadline:
                break
            time.sleep(1)
        sys.stdout.write(done.stdout)
        sys.stdout.flush()
        if done.returncode:
            raise SystemExit(f"demo: the agent gave no answer (exit code {done.returncode})")

    def _kubectl(self, command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command)
        assert words[0] == "kubectl"
        return subprocess.run(
            [self.kubectl, *words[1:]],
            env=self.env,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _show(done: subprocess.CompletedProcess[str]) -> None:
    sys.stdout.write(done.stdout)
    if done.returncode:
        sys.stdout.write(f"(exit code {done.returncode})\n")
    sys.stdout.flush()


def play(walk: Walk) -> None:
    """The life of an agent, from apply to the undo of a ModelConfig change."""
    walk.say("The example: an MCP server and an agent, with plain kubectl")
    # apply -k would warn that the order in the kustomization is not its own
    walk.run(f"kubectl kustomize {walk.overlay} | kubectl apply -f -")
    walk.run("kubectl kagent rollout status mcpserver/datetime-mcp --timeout=3m")
    walk.run(f"kubectl kagent rollout status {AGENT} --timeout=5m")
    walk.run("kubectl kagent get agents")
    walk.ask(QUESTION)

    walk.say("Scale: kubectl can't, the plugin can, and it sticks")
    walk.run("kubectl scale agent datetime-agent --replicas=3", code=1)
    walk.run(f"kubectl kagent scale {AGENT} --replicas=3 --wait")
    walk.run("kubectl kagent get agents")
    walk.run(f"kubectl kagent scale {AGENT} --current-replicas=3 --replicas=1")

    walk.say("A bad prompt goes live")
    patch = json.dumps({"spec": {"declarative": {"systemMessage": BAD_PROMPT}}})
    walk.run(f"kubectl patch agent datetime-agent --type=merge -p {shlex.quote(patch)}")
    walk.run(f"kubectl kagent rollout status {AGENT} --timeout=5m")
    walk.ask(QUESTION)

    walk.say("What happened? History was not even running")
    walk.run(f"kubectl kagent rollout history {AGENT}")
    walk.run(f"kubectl kagent rollout diff {AGENT}")

    walk.say("Roll back: the old config hash has to come back before it says so")
    walk.run(f"kubectl kagent rollback {AGENT} --wait")
    walk.ask(QUESTION)

    walk.say("Restart")
    walk.run(f"kubectl kagent rollout restart {AGENT} --wait")

    walk.say("An autoscaler takes over, and scale refuses to fight it")
    walk.run(f"kubectl kagent autoscale {AGENT} --min=1 --max=3 --cpu=70%")
    walk.run("kubectl kagent get agents")
    walk.run(f"kubectl kagent scale {AGENT} --replicas=2", code=1)
    walk.run("kubectl delete hpa datetime-agent")

    walk.say("A shared ModelConfig changes: nothing in the agent, and yet another agent")
    model = json.dumps({"spec": {"model": "another-model"}})
    walk.run(f"kubectl patch modelconfig datetime-model --type=merge -p {shlex.quote(model)}")
    walk.run(f"kubectl kagent rollout diff {AGENT}")
    walk.run(f"kubectl kagent rollout undo {AGENT}", code=1)
    walk.run(f"kubectl kagent rollout undo {AGENT} --with-sources --wait")
    walk.run(f"kubectl kagent rollout history {AGENT}")
    walk.say("done")


def main() -> None:
    """Parse, prepare the namespace, play."""
    parser = argparse.ArgumentParser(description="The life of the datetime agent, in commands.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--lab", action="store_true", help="the running lab")
    where.add_argument("--context", help="a cluster that already has kagent; uses the example's base")
    options = parser.parse_args()
    kubectl = "kubectl"
    if options.lab:
        lab = Lab.attach()
        kubectl = str(lab.kubectl)
        os.environ["KUBECONFIG"] = str(lab.kubeconfig)
        sys.stdout.write(f"# on the lab, with the {lab.controller_description}\n")
    with tempfile.TemporaryDirectory(prefix="kagent-demo-") as folder:
        play(
            Walk(
                kubectl=kubectl,
                namespace="datetime-demo",
                overlay=EXAMPLE / ("overlays/lab" if options.lab else "base"),
                env=environment(kubectl, options.context, Path(folder)),
                started=time.monotonic(),
            )
        )


def environment(kubectl: str, context: str | None, folder: Path) -> dict[str, str]:
    """A kubeconfig of the walk's own (its namespace, its context) and the plugin first on PATH."""
    env = dict(os.environ)
    view = [kubectl, "config", "view", "--raw", "--flatten", "--minify"]
    view += ["--context", context] if context else []
    config = folder / "kubeconfig"
    config.touch(mode=0o600)
    config.write_bytes(subprocess.run(view, env=env, stdout=subprocess.PIPE, check=True).stdout)
    env["KUBECONFIG"] = str(config)
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    set_namespace = [kubectl, "config", "set-context", "--current", "--namespace=datetime-demo"]
    subprocess.run(set_namespace, env=env, stdout=subprocess.DEVNULL, check=True)
    make = [kubectl, "create", "namespace", "datetime-demo"]
    made = subprocess.run(make, env=env, capture_output=True, text=True)
    if made.returncode and "AlreadyExists" not in made.stderr:
        raise SystemExit(f"demo: {made.stderr.strip()}")
    return env


if __name__ == "__main__":
    main()
