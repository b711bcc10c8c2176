"""``python -m tests.bench.many``: what other people's agents and revisions cost a verb.

On the lab: ``get agents -A`` over so many agents, in turn with kubectl's; and ``rollout history`` of one
agent alone, then beside so many revisions of others in its namespace. Nothing else should run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.model.resources import AGENT, CONTROLLER_REVISION
from tests.bench.fleet import AT_ONCE, Fleet, say
from tests.bench.pairs import PAIRS, compare, run
from tests.cluster.conftest import PROGRAM, Tools, own_namespace
from tests.cluster.workloads import await_rendered, create, parked
from tests.lab.lab import Lab

HISTORY_RATIO, GET_RATIO = 1.5, 1.2
_REVISIONS = 5
_OTHERS = 100  # of whom each has its share of the others' revisions


def main() -> int:
    """Print both ratios, each with its bound; 1 when one is not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.many")
    parser.add_argument("--agents", type=int, default=5000)
    parser.add_argument("--revisions", type=int, default=100_000)
    options = parser.parse_args()
    lab = Lab.attach()
    fleet = Fleet(connect(Connection(kubeconfig=str(lab.kubeconfig), namespace="default")), uuid4().hex[:6])
    try:
        fleet.make(options.agents)
        tools = Tools(lab.kubeconfig, str(lab.kubectl), fleet.namespace(0))
        peer, ours = [str(lab.kubectl), "get", "agents.kagent.dev", "-A"], [*PROGRAM, "get", "agents", "-A"]
        got = compare(lambda _: (ours, peer), tools)
    finally:
        fleet.remove()
    # afterwards: its revisions go one by one, and get reads what is left of them
    with own_namespace(lab.kubeconfig) as tools:
        ratio = _history(tools, options.revisions)
    rows = [
        (f"rollout history beside {options.revisions} revisions, times alone", ratio, HISTORY_RATIO),
        (f"get agents -A of {options.agents}, times kubectl's", got.wall, GET_RATIO),
    ]
    for name, value, limit in rows:
        sys.stdout.write(f"{name}: {value:.2f} (at most {limit})\n")
    sys.stdout.write(
        f"get agents -A: ours {got.ours:.2f} s, kubectl's {got.peer:.2f} s; CPU {got.cpu:.2f} times\n"
    )
    return int(any(value > limit for _, value, limit in rows))


def _history(tools: Tools, revisions: int) -> float:
    """How many times as long it takes beside the others' revisions."""
    api = connect(Connection(kubeconfig=str(tools.kubeconfig), namespace=tools.namespace))
    create(api, parked("clock", replicas=0))
    for number in range(_REVISIONS):
        spec = {"byo": {"deployment": {"env": [{"name": "NUMBER", "value": str(number)}]}}}
        api.merge_patch(AGENT, tools.namespace, "clock", {"spec": spec}, manager="bench")
        await_rendered(api, "clock")
        assert tools.kagent("rollout", "history", "agent/clock").code == 0
    alone = _took(tools)
    (pattern, *_) = api.list_objects(CONTROLLER_REVISION, tools.namespace)["items"]

    def other(number: int) -> None:
        name, count = f"other-{number % _OTHERS}", number // _OTHERS + 1
        metadata = {
            "name": f"agent-{name}-r{count}",
            "labels": {
                key: name if value == "clock" else value
                for key, value in pattern["metadata"]["labels"].items()
            },
            "annotations": pattern["metadata"].get("annotations", {}),
            "ownerReferences": pattern["metadata"]["ownerReferences"],  # who is nobody's is collected
        }
        body = {**pattern, "metadata": metadata, "revision": count}
        api.create(CONTROLLER_REVISION, tools.namespace, body, manager="bench")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(other, range(revisions)), 1):
            if not number % 10_000:
                say(f"{number} revisions made")
    return _took(tools) / alone


def _took(tools: Tools) -> float:
    words = [*PROGRAM, "rollout", "history", "agent/clock", "-n", tools.namespace]
    return statistics.median(run(words, tools).wall for _ in range(PAIRS + 1))


if __name__ == "__main__":
    sys.exit(main())
