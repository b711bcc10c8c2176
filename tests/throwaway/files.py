"""What the verb is made of: whole files, and what is put into those there are."""

DECISION = '''"""Whether the controller has made the Deployment of an agent. Pure."""

from __future__ import annotations

from kubectl_kagent.model.workload import Workload


def made(agent: Workload, *, there: bool) -> str:
    """``yes`` or ``no``, or ``stale``: the controller has not seen the newest spec."""
    if not agent.observed:
        return "stale"
    return "yes" if there else "no"
'''

DECISION_TEST = '''"""Whether the controller has made the Deployment of an agent."""

from __future__ import annotations

from typing import Any

from kubectl_kagent.lifecycle.workloads.made import made
from kubectl_kagent.model.resources import AGENT
from kubectl_kagent.model.workload import Workload


def test_what_was_not_observed_is_stale() -> None:
    seen: dict[str, Any] = {"metadata": {"generation": 2}, "status": {"observedGeneration": 2}}
    old: dict[str, Any] = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}
    assert made(Workload(AGENT, seen), there=True) == "yes"
    assert made(Workload(AGENT, seen), there=False) == "no"
    assert made(Workload(AGENT, old), there=True) == "stale"
'''

PROTOCOL = """    def exists(self, resource: Resource, namespace: str | None, name: str) -> bool: ...

"""

METHOD = """    def exists(self, resource: Resource, namespace: str | None, name: str) -> bool:
        return bool(self.list_objects(resource, namespace, fields=f"metadata.name={name}")["items"])

"""

CONTRACT = """def test_what_is_there_exists(subject: Subject) -> None:
    name = subject.config_map(a="0")["metadata"]["name"]
    assert subject.api.exists(CONFIG_MAP, subject.namespace, name)
    assert not subject.api.exists(CONFIG_MAP, subject.namespace, "ghost")


"""

SCREEN = '''"""Screen of ``made``. Pure."""

from __future__ import annotations

from typing import Annotated, TypedDict

from kubectl_kagent.render.table import table


class MadeView(TypedDict):
    """Whether the controller has made the Deployment of an agent."""

    name: Annotated[str, "the agent"]
    made: Annotated[str, "`yes`, `no`, or `stale`"]


def made_table(name: str, made: str) -> str:
    """The table of ``made``."""
    return table(["NAME", "MADE"], [[name, made]])


def made_view(name: str, made: str) -> MadeView:
    """The same as data."""
    return {"name": name, "made": made}
'''

SCREEN_TEST = '''"""Screen of ``made``."""

from __future__ import annotations

from kubectl_kagent.render.made import made_table
from tests.conftest import Screen


def test_an_agent_and_the_answer(screen: Screen) -> None:
    screen("made", made_table("clock", "yes"))
'''

COMMAND = '''"""made."""

from __future__ import annotations

import click

from kubectl_kagent.cli import completion, options, terminal
from kubectl_kagent.cli.command import command
from kubectl_kagent.cli.output import formats
from kubectl_kagent.cli.targets import agent_name
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.lifecycle.workloads import made as decision
from kubectl_kagent.model.resources import AGENT, DEPLOYMENT
from kubectl_kagent.model.workload import Workload
from kubectl_kagent.render import made as screen
from kubectl_kagent.render.output import Output


@command(short_help="Whether there is a Deployment")
@click.argument("agent", shell_complete=completion.agent)
@formats("json", "yaml", "jsonpath")
@options.connected
def made(cluster: Cluster, agent: str, output: Output) -> None:
    """Say whether the controller has made the Deployment of an agent.

    \\b
    kubectl kagent made datetime-agent
    """
    name = agent_name(agent)
    workload = Workload(AGENT, cluster.get(AGENT, cluster.namespace, name))
    answer = decision.made(workload, there=cluster.exists(DEPLOYMENT, cluster.namespace, name))
    if output.is_text:
        terminal.show(screen.made_table(name, answer))
    else:
        terminal.write(output.view(screen.made_view(name, answer)))
'''

EXAMPLES = """
    \\b
    kubectl kagent made datetime-agent
"""

COMMAND_TEST = '''"""made."""

from __future__ import annotations

from tests.conftest import Kagent
from tests.fake.controllers import Story


def test_an_agent_with_a_deployment(kagent: Kagent, story: Story) -> None:
    assert kagent("made", "clock") == (0, "NAME    MADE\\nclock   yes\\n", "")
    assert kagent("made", "clock", "-o", "jsonpath={.made}") == (0, "yes", "")
'''

ROW = """    "made": (
        Need(AGENT, ("get",), "the agent named"),
        Need(DEPLOYMENT, ("list",), "whether it is there"),
    ),
"""

LAB_TEST = '''"""made on a real cluster."""

from __future__ import annotations

import pytest

from tests.cluster.conftest import Tools

pytestmark = pytest.mark.cluster


def test_nobody_has_none(tools: Tools) -> None:
    done = tools.kagent("made", "nobody")
    hint = "hint: kubectl kagent get agents -A lists all agents\\n"
    error = f'Error from server (NotFound): agents.kagent.dev "nobody" not found\\n{hint}'
    assert (done.code, done.out, done.err) == (1, "", error)
'''
