"""The CRDs of kagent's main, which becomes 0.11, on a real API server, and no controller of 0.10.

tests/data/crds-0.11 has what main adds and changes but for the two large ones, agents (served as before) and
sandboxagents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.kinds import NEWER
from tests.alone.test_controller_away import controller_stopped
from tests.cluster.conftest import Tools, wait_for
from tests.cluster.workloads import byo
from tests.lab.layout import CHECKOUT

pytestmark = pytest.mark.cluster
OURS, THEIRS = CHECKOUT / "tests/lab/manifests/crds", CHECKOUT / "tests/data/crds-0.11"
ADDED = ("crd/agenttemplates.kagent.dev", "crd/harnesses.kagent.dev")
APPLY = ("apply", "--server-side", "--force-conflicts", "-f")
WARNING = f"Warning: {NEWER}\n"

# Verbs on an agent that nobody takes up: what they end with, after the one line.
ON_AN_AGENT = {
    "get agents": 0,
    "describe agent/alone": 0,
    "scale agent/alone --replicas=2": 0,
    "hibernate agent/alone": 0,
    "wake agent/alone": 0,
    "rollout restart agent/alone": 1,
    "rollout history agent/alone": 0,
    "rollout status agent/alone --watch=false": 5,
    "logs agent/alone": 1,
    "tools list agent/alone": 0,
}


@pytest.fixture
def newer(tools: Tools, api: ApiServer) -> Iterator[None]:
    with controller_stopped(tools, api):
        tools.kubectl(*APPLY, str(THEIRS))
        try:
            wait_for(lambda: "v1alpha3" in api.group_versions("kagent.dev"), "kagent.dev/v1alpha3")
            yield
        finally:
            # A CRD whose objects nobody has read may take minutes to go: the API server is itself the first
            # to ask for them, is told "storage is (re)initializing", and tries again later and later.
            kinds = ",".join(name.removeprefix("crd/") for name in ADDED)
            wait_for(lambda: tools.kubectl("get", kinds, check=False).code == 0, "lists of the new kinds")
            tools.kubectl("delete", "--wait=false", *ADDED)
            tools.kubectl(*APPLY, str(OURS))
            wait_for(lambda: "v1alpha3" not in api.group_versions("kagent.dev"), "the end of v1alpha3", 600)


@pytest.mark.usefixtures("newer")
def test_every_verb_says_what_this_cluster_has(tools: Tools, api: ApiServer) -> None:
    none = tools.kagent("get", "agents")
    assert (none.code, none.out, none.err) == (
        0,
        "",
        f"{WARNING}No resources found in {api.namespace} namespace.\n",
    )
    assert WARNING in tools.kagent("version").err
    assert NEWER in tools.kagent("check").out
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(byo("alone", replicas=0)))
    done = {line: tools.kagent(*line.split()) for line in ON_AN_AGENT}
    found = {line: (one.code, one.err.count(WARNING)) for line, one in done.items()}
    assert found == {line: (code, 1) for line, code in ON_AN_AGENT.items()}, done


@pytest.mark.usefixtures("newer")
def test_an_object_that_runs_without_a_deployment(tools: Tools, api: ApiServer) -> None:
    harness = {
        "apiVersion": "kagent.dev/v1alpha2",
        "kind": "AgentHarness",
        "metadata": {"name": "coder"},
        "spec": {"backend": "openclaw", "substrate": {"workerPoolRef": {"name": "pool"}}},
    }
    tools.kubectl("apply", "-f", "-", stdin=json.dumps(harness))
    done = tools.kagent("scale", "agent/coder", "--replicas=2")
    assert (done.code, done.out, done.err) == (
        1,
        "",
        f'{WARNING}Error from server (NotFound): agents.kagent.dev "coder" not found\n'
        "hint: coder is of kind AgentHarness, which kagent runs without a Deployment: "
        f"kubectl get agentharness coder -n {api.namespace} shows it\n",
    )
