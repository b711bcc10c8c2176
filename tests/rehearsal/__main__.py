"""``python -m tests.rehearsal``: minutes of real agents with known counts, and what is broken on purpose.

It needs the lab with telemetry. Everything is asked of the lab's own Prometheus, and all messages are those
that the real Alertmanager posts. It prints tables of what was found and ends with 1 if something is not as it
has to be. An hour and more: alerts wait, and are told of for a while when all is well again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.cluster.conftest import Tools, own_namespace, wait_for
from tests.cluster.conversations import ASKER, HELPER, conversations
from tests.cluster.recorders import recorders
from tests.cluster.workloads import remote_server
from tests.lab.lab import Lab
from tests.rehearsal import faults, parts
from tests.rehearsal.answers import Answer, of_dashboards, of_logs, of_rules
from tests.rehearsal.faults import Fault
from tests.rehearsal.numbers import MODEL, Number, numbers
from tests.rehearsal.told import Board, Wanted
from tests.rehearsal.workload import Workload

PRICE = {"input": 300.0, "output": 300.0}  # USD for a million tokens: hot
FREE = {"input": 0.0, "output": 0.0}
UNPRICED = "unpriced"
RULES_EVERY = 30  # seconds
LOOK = 5.0


@dataclass
class Rehearsal:
    lab: Lab
    board: Board
    runtimes: list[str]
    minutes: float
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        sys.stderr.write(f"[{(time.monotonic() - self.began) / 60:5.1f} min] {text}\n")

    def until(self, minute: float) -> None:
        """Look at the alerts until then."""
        while time.monotonic() < self.began + minute * 60:
            self.board.look()
            time.sleep(LOOK)

    def query(self, text: str, **more: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = parts.prometheus(self.lab.layout, "query", query=text, **more)["result"]
        return found


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.rehearsal", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of asking the agents")
    parser.add_argument("--out", type=Path, help="a folder for all messages and tables")
    given = parser.parse_args()
    lab = Lab.attach()
    runtimes = ["python", "go"] if lab.controller == "real" else ["python"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("alertmanager", "recorder"):
            (folder / name).mkdir()
        pager = stack.enter_context(parts.messages(lab, folder / "alertmanager"))
        whole = Rehearsal(lab, Board(lab.layout, pager), runtimes, given.minutes)
        kagent = Tools(lab.kubeconfig, str(lab.kubectl), "kagent")
        stack.enter_context(recorders(kagent, folder / "recorder"))
        good = play(whole, stack)
        if given.out:
            given.out.mkdir(exist_ok=True, parents=True)
            whole.board.write(given.out)
    return 0 if good else 1


def play(whole: Rehearsal, stack: ExitStack) -> bool:
    lab, say, board = whole.lab, whole.say, whole.board
    priced = stack.enter_context(ExitStack())
    priced.enter_context(parts.price(lab, PRICE))
    say("agents start")
    workloads = [
        Workload(runtime, stack.enter_context(conversations(lab.kubeconfig, runtime)))
        for runtime in whole.runtimes
    ]
    spaces = {name: stack.enter_context(own_namespace(lab.kubeconfig)) for name in ("pods", "stuck", "quota")}
    staged = {"pods": faults.PODS, "stuck": faults.STUCK, "quota": faults.QUOTA}
    for name, fault in staged.items():
        faults.stage(spaces[name], fault.objects)
        board.want(wanted(fault, spaces[name].namespace))
    say(f"asked in {', '.join(f'{one.namespace} ({one.runtime})' for one in workloads)}")
    for one in workloads:
        remote = remote_server("remote")
        remote["spec"]["url"] = f"http://datetime-mcp.{one.namespace}:3000/mcp"
        faults.stage(one.agents.tools, (remote,))
    waiting = [one.leave_an_approval() for one in workloads]
    whole.began, began = time.monotonic(), time.time()
    threads = [one.started(time.monotonic() + whole.minutes * 60) for one in workloads]
    for name in ("stuck", "quota"):
        ready(spaces[name], staged[name].objects)
        faults.stage(spaces[name], staged[name].change)
    for one in workloads:
        board.want(_of_workload(one))
    board.want([Wanted("KagentModelPriceMissing", {"model": UNPRICED})])
    whole.until(whole.minutes * 0.1)
    say("Jaeger goes away")  # the collector tries for five minutes to deliver a span
    lab.stop("jaeger")
    board.want([Wanted("KagentSpansNotDelivered", {})])
    whole.until(whole.minutes * 0.3)
    say("the collector restarts")
    _all_between(workloads, lambda: lab.restart("collector"))
    whole.until(whole.minutes * 0.5)
    say("an agent restarts, changes and is rolled back")
    for one in workloads:
        one.between_rounds(partial(_roll_back, one))
    whole.until(whole.minutes)
    for thread in threads:
        thread.join()
    for one in workloads:
        one.check()
    say("all was asked; what was counted settles, and the API server restarts")
    lab.restart("kube-apiserver")  # it refuses the controllers a request or two: a rule counts these
    whole.until(whole.minutes + 3)
    is_right = _numbers(whole, workloads, began)
    lab.start("jaeger")
    say("collector and controllers go away")
    for part in ("collector", "kmcp", "kagent"):
        lab.stop(part)
    board.want(
        [
            Wanted("KagentCollectorDown", {}),
            Wanted("KagentControllerDown", {}),
            Wanted("KagentMcpControllerDown", {}),
        ]
    )
    whole.until((time.monotonic() - whole.began) / 60 + 7)
    for one in workloads:
        edit = {"spec": {"description": "Nobody takes this up."}}
        one.agents.tools.kubectl("patch", "agent", HELPER, "--type=merge", "-p", json.dumps(edit))
    whole.until((time.monotonic() - whole.began) / 60 + 1)
    is_whole = _answers(whole, began)
    for part in ("kagent", "kmcp", "collector"):
        lab.start(part)
    say("they are back; now what waits longest")
    board.until_told(whole.say, minutes=35)
    say("all is mended")
    priced.close()
    stack.enter_context(parts.price(lab, FREE))
    for one, task in zip(workloads, waiting, strict=True):
        one.agents.decide(task, "reject")
    for space in spaces.values():
        space.kubectl("delete", "agents,mcpservers,remotemcpservers,resourcequotas", "--all")
    board.until_over(whole.say, minutes=50)
    return board.report(sys.stdout) and is_right and is_whole


def wanted(fault: Fault, namespace: str) -> list[Wanted]:
    return [Wanted(name, {"namespace": namespace, **labels}) for name, labels in fault.alerts]


def _of_workload(one: Workload) -> list[Wanted]:
    about = {"namespace": one.namespace, "agent": ASKER}
    of_model = {**about, "model": MODEL}
    limited = "KagentModelRateLimited" if one.runtime == "python" else "KagentModelFailures"
    found = [
        Wanted(limited, of_model),
        Wanted("KagentToolFailures", {**about, "tool": "get_time"}),
        Wanted("KagentApprovalsWaiting", about),
        Wanted("KagentRolledBack", {"namespace": one.namespace, "name": HELPER}),
    ]
    return found + ([Wanted("KagentAgentCostHigh", about)] if one.runtime == "python" else [])


def ready(tools: Tools, objects: tuple[dict[str, Any], ...]) -> None:
    for item in objects:
        if item["kind"] == "Agent":
            done = tools.kagent("rollout", "status", f"agent/{item['metadata']['name']}", "--timeout=3m")
            assert done.code == 0, done.err


def _all_between(workloads: list[Workload], act: Callable[[], Any]) -> None:
    """``act`` once, while none of them asks."""
    first, *others = workloads
    first.between_rounds(lambda: _all_between(others, act) if others else act())


def _roll_back(one: Workload) -> None:
    """The helper gets another model, is asked, and gets the one before again: two rollouts."""
    tools = one.agents.tools
    model = json.loads(tools.kubectl("get", "modelconfig", "datetime-model", "-o", "json").out)
    faults.stage(
        tools, ({**model, "metadata": {"name": "other"}, "spec": model["spec"] | {"model": UNPRICED}},)
    )
    spec = {"spec": {"declarative": {"modelConfig": "other"}}}
    tools.kubectl("patch", "agent", HELPER, "--type=merge", "-p", json.dumps(spec))
    _rolled_out(tools)
    before = one.tokens()
    _awake(one)
    of_other = one.tokens() - before
    one.unpriced.update({kind: number for (agent, kind), number in of_other.items() if agent == HELPER})
    assert one.unpriced["output"], of_other
    done = tools.kagent("rollout", "undo", f"agent/{HELPER}")
    assert done.code == 0, done.err
    _rolled_out(tools)
    _awake(one)


def _awake(one: Workload) -> None:
    wait_for(lambda: one.agents.is_awake(HELPER), "an answer of the new pod")
    one.counts.update({("turns", HELPER): 1, ("model_calls", HELPER): 1})


def _rolled_out(tools: Tools) -> None:
    done = tools.kagent("rollout", "status", f"agent/{HELPER}", "--timeout=4m", timeout=260)
    assert done.code == 0, done.err


def _numbers(whole: Rehearsal, workloads: list[Workload], began: float) -> bool:
    """Asked for the time of the newest recorded sample: then nothing is added for what comes after it."""
    (newest,) = whole.query("max(timestamp(agent:turns:total))")
    at = float(newest["value"][1])
    seconds = int(at - began) + 600
    found: list[Number] = []
    for one in workloads:
        tokens = one.tokens()
        usd = {kind: price / 1e6 for kind, price in PRICE.items()}
        cost = {
            agent: sum(tokens[agent, kind] * price for kind, price in usd.items())
            for agent in (ASKER, HELPER)
        }
        cost[HELPER] -= sum(one.unpriced[kind] * price for kind, price in usd.items())
        found += numbers(lambda text: whole.query(text, time=str(at)), one, tokens, cost, seconds)
    # what a process of the collector counted ends between two evaluations of the rules
    within = RULES_EVERY / (whole.minutes * 60)
    sys.stdout.write("| panel | of | shown | really | |\n|---|---|---|---|---|\n")
    good = True
    for one_number in found:
        off = abs(one_number.shown - one_number.wanted)
        right = off < 1e-6 or off <= within * one_number.wanted
        good &= right
        exact = "" if off < 1e-6 else f"{off / (one_number.wanted or 1):.1%} off" if right else "WRONG"
        sys.stdout.write(
            f"| {one_number.panel} | {' '.join(one_number.labels)} | {one_number.shown:.6g} "
            f"| {one_number.wanted:.6g} | {exact} |\n"
        )
    sys.stdout.flush()
    return good


def _answers(whole: Rehearsal, began: float) -> bool:
    end = time.time()
    seconds = int(end - began) + 600

    def ask(text: str) -> list[dict[str, Any]]:
        times = {"start": str(end - seconds), "end": str(end), "step": "30"}
        series: list[dict[str, Any]] = parts.prometheus(whole.lab.layout, "query_range", query=text, **times)[
            "result"
        ]
        return series

    def ask_exemplars(text: str) -> list[dict[str, Any]]:
        times = {"start": str(end - seconds), "end": str(end)}
        found = parts.prometheus(whole.lab.layout, "query_exemplars", query=text, **times)
        return [{"metric": one["seriesLabels"]} for one in found if one["exemplars"]]

    def ask_loki(text: str) -> list[dict[str, Any]]:
        times = {"start": f"{int(end - seconds)}000000000", "end": f"{int(end)}000000000", "step": "60"}
        lines: list[dict[str, Any]] = parts.loki(whole.lab.layout, query=text, **times)
        return lines

    chosen = {"namespace": "test-.+", "agent": ".+", "word": "get_time"}
    found: list[Answer] = [
        *of_dashboards(ask, ask_exemplars, {}, seconds),
        *of_rules(ask, seconds),
        *of_logs(ask_loki, chosen, seconds),
    ]
    sys.stdout.write("| file | query | series | missing |\n|---|---|---|---|\n")
    for answer in found:
        sys.stdout.write(
            f"| {answer.where} | {answer.what} | {answer.series} | {' '.join(answer.missing)} |\n"
        )
    empty = [answer for answer in found if not answer.is_whole]
    sys.stdout.write(f"{len(found)} queries, {len(empty)} without data or labels\n")
    for answer in empty:
        sys.stdout.write(f"EMPTY {answer.where} {answer.what}: {' '.join(answer.text.split())[:300]}\n")
    sys.stdout.flush()
    return all(answer.is_of_parts_away for answer in empty)


if __name__ == "__main__":
    sys.exit(main())
