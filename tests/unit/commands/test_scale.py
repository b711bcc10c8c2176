"""scale, hibernate and wake as they are typed: exit code, stdout, stderr."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from kubectl_kagent.app import Root
from kubectl_kagent.errors import Unreachable
from kubectl_kagent.model.resources import (
    AGENT,
    DEPLOYMENT,
    HPA,
    MCP_SERVER,
    MODEL_CONFIG,
    SCALED_OBJECT,
    SERVICE,
)
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.fake.controllers import Controllers
from tests.loopback import response, serve
from tests.objects import agent, hpa, mcp_server, model_config, reconcile, scaled_object, workload
from tests.unit.backends.test_versions import controller
from tests.unit.lifecycle.workloads.test_users import TOLD, user


@pytest.fixture(autouse=True)
def _kagent_of_today(cluster: FakeCluster) -> None:
    controller(cluster)


@pytest.fixture
def clock(cluster: FakeCluster) -> FakeCluster:
    cluster.add(AGENT, agent(deployment={"replicas": 1}))
    return cluster


def replicas(cluster: FakeCluster, name: str = "clock") -> int | None:
    return workload(cluster, name).replicas


@pytest.mark.parametrize(
    "words", [["clock"], ["agent/clock"], ["agents", "clock"], ["agents.kagent.dev/clock"]]
)
def test_an_agent_by_each_of_its_names(clock: FakeCluster, kagent: Kagent, words: list[str]) -> None:
    assert kagent("scale", *words, "--replicas=3") == (0, "agent.kagent.dev/clock scaled\n", "")
    assert replicas(clock) == 3


def test_an_mcp_server(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    result = kagent("scale", "mcp/datetime", "--replicas=2")
    assert result == (
        0,
        "mcpserver.kagent.dev/datetime scaled\n",
        "Warning: a session with mcpserver.kagent.dev/datetime lives in one of its pods, and each request "
        'goes to any of 2: unless it keeps no sessions, agents get "Session not found" now and then\n',
    )
    assert workload(cluster, "datetime", MCP_SERVER).replicas == 2


@pytest.mark.parametrize("words", [["scale", "--replicas=0"], ["hibernate"]])
def test_the_agents_that_lose_an_mcp_server_are_named(
    cluster: FakeCluster, kagent: Kagent, words: list[str]
) -> None:
    cluster.add(MCP_SERVER, mcp_server())
    cluster.add(AGENT, user("clock"))
    done = "scaled" if words[0] == "scale" else "hibernated"
    assert kagent(words[0], "mcp/datetime", *words[1:]) == (
        0,
        f"mcpserver.kagent.dev/datetime {done}\n",
        f"Warning: {TOLD.format('clock')}\n",
    )
    assert kagent("scale", "mcp/datetime", "--replicas=1")[2] == ""  # more pods end nothing
    assert kagent("hibernate", "clock")[2] == ""


def test_several_at_once_by_name_by_label_and_all(cluster: FakeCluster, kagent: Kagent) -> None:
    for name, tier in (("a", "gold"), ("b", "gold"), ("c", "lead")):
        obj = agent(name)
        obj["metadata"]["labels"] = {"tier": tier}
        cluster.add(AGENT, obj)
    lines = {name: f"agent.kagent.dev/{name} scaled\n" for name in "abc"}
    assert kagent("scale", "a", "c", "--replicas=2") == (0, lines["a"] + lines["c"], "")
    assert kagent("scale", "agents", "-l", "tier=gold", "--replicas=3")[1] == lines["a"] + lines["b"]
    assert kagent("scale", "agents", "--all", "--replicas=4")[1] == "".join(lines.values())
    assert [replicas(cluster, name) for name in "abc"] == [4, 4, 4]


def test_nothing_selected_is_an_error_as_in_kubectl_scale(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("scale", "agents", "-l", "tier=none", "--replicas=2") == (
        1,
        "",
        "error: no agents matched in default namespace\n",
    )


def test_an_agent_that_is_not_there(clock: FakeCluster, kagent: Kagent) -> None:
    code, out, err = kagent("scale", "ghost", "--replicas=2")
    assert (code, out) == (1, "")
    assert err.startswith('Error from server (NotFound): agents.kagent.dev "ghost" not found\n')


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["clock"], "error: give either --replicas=COUNT or --release\n"),
        (["clock", "--replicas=1", "--release"], "error: give either --replicas=COUNT or --release\n"),
        (["--replicas=1"], "error: required resource not specified\n"),
        (["clock", "--replicas=-1"], "-1 is not in the range 0<=x<=2147483647"),
        (["clock", "--replicas=2147483648"], "2147483648 is not in the range 0<=x<=2147483647"),
        (["clock", "--replicas=many"], "'many' is not a valid integer\n"),
        (["pod/clock", "--replicas=1"], 'resource type "pod"'),
        (["mc/gpt", "--replicas=1"], "error: cannot do this with modelconfigs\n"),
        (["agent/clock", "mcp/x", "--replicas=1"], "error: all objects must be of the same type\n"),
        (["clock", "--all", "--replicas=1"], "error: name objects, or select them with -l or --all"),
        (["clock", "--replicas=1", "--timeout=soon"], '"soon" is not a duration'),
        (
            ["clock", "--replicas=1", "-o", "wide"],
            'error: unable to match a printer suitable for the output format "wide"\n'
            "hint: allowed: json, yaml, name, jsonpath=TEMPLATE, jsonpath-as-json=TEMPLATE, "
            "custom-columns=HEADER:PATH,...\n",
        ),
        (
            ["clock", "--replicas"],
            "error: option '--replicas' requires an argument\n"
            "hint: kubectl kagent scale -h shows how it is used\n",
        ),
        (
            ["clock", "--wait=no"],
            'error: "no" is not a value of --wait: true or false\n'
            "hint: kubectl kagent scale -h shows how it is used\n",
        ),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_changes_nothing(
    clock: FakeCluster, kagent: Kagent, args: list[str], message: str
) -> None:
    before = clock.read(AGENT, "clock")
    code, out, err = kagent("scale", *args)
    assert (code, out) == (2, "")
    assert message in err
    assert clock.read(AGENT, "clock") == before


def test_expectations_that_do_not_hold(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("scale", "clock", "--replicas=3", "--current-replicas=2") == (
        1,
        "",
        "Error from server (Conflict): agent.kagent.dev/clock: expected replicas to be 2, was 1\n",
    )
    code, out, err = kagent("scale", "clock", "--replicas=3", "--resource-version=1")
    assert (code, out) == (1, "")
    assert "expected resource version to be 1, was 3" in err
    assert clock.writes == []


def test_one_version_for_several_objects_is_refused(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(AGENT, agent("second"))
    code, _, err = kagent("scale", "clock", "second", "--replicas=3", "--resource-version=1")
    assert code == 2
    assert err == "error: cannot use --resource-version with multiple resources\n"


def test_dry_runs_say_so_and_change_nothing(clock: FakeCluster, kagent: Kagent) -> None:
    expected = "agent.kagent.dev/clock scaled (dry run)\n"
    assert kagent("scale", "clock", "--replicas=3", "--dry-run=client") == (0, expected, "")
    assert clock.writes == []
    expected = "agent.kagent.dev/clock scaled (server dry run)\n"
    assert kagent("scale", "clock", "--replicas=3", "--dry-run=server") == (0, expected, "")
    assert replicas(clock) == 1


def test_output_formats_show_the_object_as_it_is_now(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("scale", "clock", "--replicas=3", "-o", "name")[1] == "agent.kagent.dev/clock\n"
    path = "jsonpath={.spec.declarative.deployment.replicas}"
    assert kagent("scale", "clock", "--replicas=4", "-o", path)[1] == "4"
    shown = json.loads(kagent("scale", "clock", "--replicas=5", "-o", "json")[1])
    assert shown["spec"] == agent(deployment={"replicas": 5})["spec"]
    assert "managedFields" not in shown["metadata"]
    assert "replicas: 6\n" in kagent("scale", "clock", "--replicas=6", "-o", "yaml")[1]


def test_a_change_that_a_template_can_not_print_is_told(clock: FakeCluster, kagent: Kagent) -> None:
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"tools": [{"a": 1}, {"a": "x"}]}}})
    code, out, err = kagent("scale", "clock", "--replicas=3", "-o", r"jsonpath={.spec.declarative.tools[\a]}")
    assert (code, out, replicas(clock)) == (1, "", 3)
    assert err.startswith(
        "error: agent.kagent.dev/clock scaled, but the JSONPath expression "
        '".spec.declarative.tools[\\a]" can\'t be applied: '
    )


def test_the_guard_refuses_and_force_warns(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(HPA, hpa("clock"))
    assert kagent("scale", "clock", "--replicas=3") == (
        1,
        "",
        dedent("""\
            error: agent.kagent.dev/clock is scaled by an autoscaler: \
horizontalpodautoscaler.autoscaling/clock-hpa keeps it between 1 and 5
            hint: change the autoscaler, or set the count all the same with --force \
(it fights the autoscaler until 'kubectl kagent scale agent/clock -n default --release')
            """),
    )
    assert replicas(clock) == 1
    code, out, err = kagent("scale", "clock", "--replicas=3", "--force")
    assert (code, out) == (0, "agent.kagent.dev/clock scaled\n")
    assert err.startswith("Warning: horizontalpodautoscaler.autoscaling/clock-hpa keeps it between 1 and 5;")


def test_release(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(HPA, hpa("clock"))
    assert kagent("scale", "clock", "--release") == (0, "agent.kagent.dev/clock released\n", "")
    assert replicas(clock) is None


def test_error_unchanged_tells_by_the_exit_code(clock: FakeCluster, kagent: Kagent) -> None:
    assert kagent("scale", "clock", "--replicas=1", "--error-unchanged") == (
        3,
        "agent.kagent.dev/clock scaled\n",
        "error: nothing changed: every object is already as asked\n",
    )
    assert kagent("scale", "clock", "--replicas=2", "--error-unchanged")[0] == 0
    assert kagent("scale", "clock", "--replicas=2")[0] == 0


def test_setting_the_count_that_happens_to_run_is_a_change(cluster: FakeCluster, kagent: Kagent) -> None:
    """The CR had none before: from now on no autoscaler can move it."""
    cluster.add(AGENT, agent())
    assert kagent("scale", "clock", "--replicas=1", "--error-unchanged")[0] == 0
    assert replicas(cluster) == 1


def test_wait_ends_when_the_pods_are_there(clock: FakeCluster, kagent: Kagent) -> None:
    clock.edit(AGENT, "clock", {"spec": {"declarative": {"deployment": {"replicas": 3}}}})
    reconcile(clock, config_hash="1")
    code, out, _ = kagent("scale", "clock", "--replicas=3", "--wait")
    assert (code, out) == (0, "agent.kagent.dev/clock scaled\n")


def test_wait_gives_up_after_the_timeout_with_its_own_exit_code(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(MODEL_CONFIG, model_config())
    reconcile(clock, config_hash="1", ready=False)
    code, out, err = kagent("scale", "clock", "--replicas=1", "--timeout=10ms")
    assert (code, out) == (4, "agent.kagent.dev/clock scaled\n")
    assert err == (
        'Waiting for agent "clock" rollout to finish: 0 of 1 updated replicas are available...\n'
        "error: agent.kagent.dev/clock is scaled to 1, but timed out after 0.01s waiting for agent "
        '"clock" rollout to finish: 0 of 1 updated replicas are available\n'
        "hint: kubectl kagent rollout status agent/clock -n default shows how far it is\n"
    )


def test_what_fails_while_it_waits_says_that_the_change_is_made(clock: FakeCluster, kagent: Kagent) -> None:
    def refuse() -> None:
        clock.before("get", AGENT, refuse)
        raise Unreachable("the server lab did not answer in time")

    clock.before("patch", AGENT, lambda: clock.before("get", AGENT, refuse))
    code, out, err = kagent("scale", "clock", "--replicas=3", "--wait")
    assert (code, out) == (5, "agent.kagent.dev/clock scaled\n")
    assert err == (
        "Warning: the server lab did not answer in time; trying again\n"
        "error: agent.kagent.dev/clock is scaled to 3, but the server lab did not answer in time\n"
        "hint: kubectl kagent rollout status agent/clock -n default shows how far it is\n"
    )


def test_forbidden_has_its_own_exit_code_and_names_the_role(clock: FakeCluster, kagent: Kagent) -> None:
    clock.deny("patch", AGENT)
    code, out, err = kagent("scale", "clock", "--replicas=3")
    assert (code, out) == (6, "")
    first, hint = err.splitlines()
    assert first == (
        'Error from server (Forbidden): agents.kagent.dev "clock" is forbidden: User "tester" cannot patch '
        'resource "agents" in API group "kagent.dev" in the namespace "default"'
    )
    assert hint.startswith("hint: ClusterRole kagent-")


def test_an_unreachable_server_has_its_own_exit_code(clock: FakeCluster, kagent: Kagent) -> None:
    def gone() -> None:
        raise Unreachable("the server 127.0.0.1:1 did not answer in time")

    clock.before("get", AGENT, gone)
    result = kagent("scale", "clock", "--replicas=3")
    assert result == (5, "", "error: the server 127.0.0.1:1 did not answer in time\n")


def test_no_kagent_in_the_cluster(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.missing(AGENT)
    code, out, err = kagent("scale", "clock", "--replicas=3")
    assert (code, out) == (1, "")
    assert err.startswith('error: the server doesn\'t have a resource type "agents" in kagent.dev/v1alpha2\n')


def test_an_interrupt_in_the_midst_of_a_lock_of_pythons_is_one_too(
    clock: FakeCluster, kagent: Kagent
) -> None:
    def interrupt() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("cannot release un-acquired lock")

    clock.before("get", AGENT, interrupt)
    assert kagent("scale", "clock", "--replicas=3") == (130, "", "interrupted\n")


def test_an_interrupt_ends_quietly_with_130(clock: FakeCluster, kagent: Kagent) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    clock.before("patch", AGENT, interrupt)
    assert kagent("scale", "clock", "--replicas=3") == (130, "", "interrupted\n")


@pytest.mark.parametrize("moment", ["parse_args", "invoke"])
def test_an_interrupt_around_the_verb_is_no_other(
    clock: FakeCluster, kagent: Kagent, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Root, moment, interrupt)
    assert kagent("scale", "clock", "--replicas=3") == (130, "", "\ninterrupted\n")


def test_what_was_done_before_an_error_is_still_told(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(AGENT, agent("second", deployment={"replicas": 1}))

    def taken() -> None:
        clock.edit(AGENT, "second", {"spec": {"declarative": {"deployment": {"replicas": 9}}}})

    clock.before("patch", AGENT, taken, nth=2)
    code, out, err = kagent("scale", "clock", "second", "--replicas=3", "--current-replicas=1")
    assert (code, out) == (1, "agent.kagent.dev/clock scaled\n")
    assert err == (
        "Error from server (Conflict): agent.kagent.dev/second: expected replicas to be 1, was 9\n"
    )


def test_sleep_and_wake(clock: FakeCluster, kagent: Kagent) -> None:
    kagent("scale", "clock", "--replicas=3")
    assert kagent("hibernate", "clock") == (0, "agent.kagent.dev/clock hibernated\n", "")
    assert replicas(clock) == 0
    assert kagent("hibernate", "clock") == (
        0,
        "agent.kagent.dev/clock unchanged\n",
        "Warning: agent.kagent.dev/clock already has no replicas\n",
    )
    assert kagent("wake", "clock") == (0, "agent.kagent.dev/clock woken to 3\n", "")
    assert replicas(clock) == 3
    assert kagent("wake", "clock") == (
        0,
        "agent.kagent.dev/clock unchanged\n",
        "Warning: agent.kagent.dev/clock is awake\n",
    )


def test_what_sleeps_without_a_count_of_its_own_is_not_awake(cluster: FakeCluster, kagent: Kagent) -> None:
    """Hibernated, and then released: the Deployment stays at 0."""
    cluster.add(AGENT, agent())
    reconcile(cluster, config_hash="1")
    kagent("scale", "clock", "--replicas=3")
    kagent("hibernate", "clock")
    reconcile(cluster, config_hash="1")
    kagent("scale", "clock", "--release")
    assert kagent("wake", "clock") == (0, "agent.kagent.dev/clock woken to 3\n", "")
    assert replicas(cluster) == 3


def old_kagent(cluster: FakeCluster, version: str) -> None:
    cluster.services["GET", "kagent/kagent-controller:8083/version"] = {"kagent_version": version}


def test_an_old_kagent_leaves_no_count_alone(clock: FakeCluster, kagent: Kagent) -> None:
    old_kagent(clock, "0.9.3")
    assert kagent("scale", "clock", "--release") == (
        1,
        "",
        "error: kagent 0.9.3 sets the count to 1 where an Agent has none: nothing else can decide it\n"
        "hint: kagent 0.9.4 and newer leave it alone; until then set a fixed count with kubectl kagent scale "
        "TYPE/NAME --replicas=N\n",
    )
    assert replicas(clock) == 1
    assert kagent("scale", "clock", "--replicas=2")[0] == 0


def test_the_version_is_asked_where_the_flags_say(clock: FakeCluster, kagent: Kagent) -> None:
    controller(clock, "other")
    clock.services["GET", "other/kagent-controller:8083/version"] = {"kagent_version": "0.9.2"}
    said = "error: kagent {} sets the count to 1 where an Agent has none: nothing else can decide it\n"
    code, _, err = kagent("scale", "clock", "--release", "--kagent-namespace=other")
    assert (code, err.partition("hint")[0], replicas(clock)) == (1, said.format("0.9.2"), 1)
    with serve() as server:
        server.answer = lambda _: response(200, '{"kagent_version": "0.9.1"}')
        code, _, err = kagent("scale", "clock", "--release", f"--kagent-url={server.url}")
        assert [one.path.partition("?")[0] for one in server.received] == ["/version"]
    assert (code, err.partition("hint")[0], replicas(clock)) == (1, said.format("0.9.1"), 1)
    assert kagent("scale", "clock", "--release", "--kagent-token=x")[0] == 2
    assert replicas(clock) == 1


def test_a_version_that_can_not_be_asked_is_said(clock: FakeCluster, kagent: Kagent) -> None:
    clock.remove(SERVICE, "kagent-controller", namespace="kagent")
    code, out, err = kagent("scale", "clock", "--release")
    assert (code, out) == (0, "agent.kagent.dev/clock released\n")
    assert err.startswith(
        "Warning: could not check that kagent is 0.9.4 or newer, which leaves the count alone: no kagent "
        "controller service was found in any namespace\n"
    )


HPA_LABEL = "horizontalpodautoscaler.autoscaling/clock-hpa"
KEDA_LABEL = "scaledobject.keda.sh/clock-scaler"


@pytest.fixture
def released(cluster: FakeCluster, controllers: Controllers) -> FakeCluster:
    """An agent without a count of its own, whose Deployment has 3 pods."""
    cluster.add(AGENT, agent())
    controllers.act()
    cluster.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 3}})
    return cluster


def pods(cluster: FakeCluster) -> int:
    return int(cluster.read(DEPLOYMENT, "clock")["spec"]["replicas"])


@pytest.mark.parametrize("scaled", [False, True])
def test_what_slept_without_a_count_of_its_own_wakes_without_one(
    released: FakeCluster, controllers: Controllers, kagent: Kagent, *, scaled: bool
) -> None:
    """An HPA does nothing at 0, so it needs pods to decide about; then it decides again."""
    if scaled:
        released.add(HPA, hpa("clock"))
    note = f"Warning: {HPA_LABEL} leaves it at 0, and decides again once it is woken\n" if scaled else ""
    assert kagent("hibernate", "clock") == (0, "agent.kagent.dev/clock hibernated\n", note)
    controllers.act()
    assert (replicas(released), pods(released)) == (0, 0)
    who = HPA_LABEL if scaled else "kubectl scale deploy clock"
    assert kagent("wake", "clock") == (
        0,
        "agent.kagent.dev/clock woken to 3 and released\n",
        f"from now on {who} decides its count\n",
    )
    assert (replicas(released), pods(released)) == (None, 3)
    assert not [key for key in workload(released).annotations if "hibernated" in key]
    controllers.act()
    assert pods(released) == 3


@pytest.mark.parametrize("scaled", [False, True])
def test_what_had_no_pods_and_no_count_of_its_own_is_released_again_too(
    released: FakeCluster, controllers: Controllers, kagent: Kagent, *, scaled: bool
) -> None:
    """As after "kubectl scale deploy --replicas=0": whoever decided that decides again."""
    if scaled:
        released.add(HPA, hpa("clock"))
    released.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    assert kagent("hibernate", "clock")[:2] == (0, "agent.kagent.dev/clock hibernated\n")
    controllers.act()
    who = HPA_LABEL if scaled else "kubectl scale deploy clock"
    assert kagent("wake", "clock") == (
        0,
        "agent.kagent.dev/clock woken to 1 and released\n",
        f"from now on {who} decides its count\n",
    )
    assert (replicas(released), pods(released)) == (None, 1)
    assert not [key for key in workload(released).annotations if "hibernated" in key]


def test_a_count_set_by_hand_voids_the_note_that_stands_alone(released: FakeCluster, kagent: Kagent) -> None:
    released.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    kagent("hibernate", "clock")
    kagent("scale", "clock", "--replicas=2")
    assert not [key for key in workload(released).annotations if "hibernated" in key]


@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_dry_run_shows_the_notes_too(released: FakeCluster, kagent: Kagent, mode: str) -> None:
    shown = json.loads(kagent("hibernate", "clock", f"--dry-run={mode}", "-o", "json")[1])
    assert shown["metadata"]["annotations"] == {
        "kubectl-kagent/hibernated-replicas": "3",
        "kubectl-kagent/hibernated-released": "true",
    }
    kagent("hibernate", "clock")
    for words in (["wake"], ["scale", "--replicas=2"]):
        verb, *more = words
        shown = json.loads(kagent(verb, "clock", *more, f"--dry-run={mode}", "-o", "json")[1])
        assert not shown["metadata"].get("annotations")


@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_dry_run_shows_it_released(
    released: FakeCluster, controllers: Controllers, kagent: Kagent, mode: str
) -> None:
    kagent("hibernate", "clock")
    controllers.act()
    code, out, _ = kagent("wake", "clock", f"--dry-run={mode}", "-o", "json")
    assert (code, json.loads(out)["spec"]["declarative"].get("deployment", {})) == (0, {})
    assert replicas(released) == 0


def test_a_count_that_could_not_be_released_is_said(
    released: FakeCluster, controllers: Controllers, kagent: Kagent
) -> None:
    kagent("hibernate", "clock")
    controllers.act()
    controllers.stopped = True
    assert kagent("wake", "clock") == (
        4,
        "",
        "error: agent.kagent.dev/clock is woken to 3, its count not released yet, but its controller has not "
        "taken it up within 30s\n"
        "hint: kubectl kagent scale agent/clock -n default --release\n",
    )
    assert replicas(released) == 3


def test_keda_wakes_what_hibernates(clock: FakeCluster, kagent: Kagent) -> None:
    clock.add(SCALED_OBJECT, scaled_object("clock"))
    assert kagent("hibernate", "clock") == (
        1,
        "",
        f"error: agent.kagent.dev/clock would not stay asleep: {KEDA_LABEL} scales it up again as soon as "
        "there is work\n"
        f"hint: pause it first: kubectl annotate --overwrite {KEDA_LABEL} -n default "
        "autoscaling.keda.sh/paused-replicas=0; or hibernate all the same with --force\n",
    )
    assert replicas(clock) == 1
    warning = f"Warning: {KEDA_LABEL} scales it up again as soon as there is work\n"
    assert kagent("hibernate", "clock", "--force") == (0, "agent.kagent.dev/clock hibernated\n", warning)


def test_paused_it_does_not(clock: FakeCluster, kagent: Kagent) -> None:
    paused = scaled_object("clock")
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "0"}
    clock.add(SCALED_OBJECT, paused)
    warning = f"Warning: {KEDA_LABEL} is paused, and leaves it at 0\n"
    assert kagent("hibernate", "clock") == (0, "agent.kagent.dev/clock hibernated\n", warning)


def test_the_hpa_of_keda_stands_for_it_and_one_that_may_go_to_0_wakes_too(
    clock: FakeCluster, kagent: Kagent
) -> None:
    of_keda = hpa("clock")
    of_keda["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "keda-operator"}
    for scaler in (of_keda, hpa("clock", minimum=0)):
        clock.add(HPA, scaler)
        assert kagent("hibernate", "clock") == (
            1,
            "",
            f"error: agent.kagent.dev/clock would not stay asleep: {HPA_LABEL} scales it up again as soon as "
            "there is work\nhint: hibernate all the same with --force\n",
        )
        clock.remove(HPA, "clock-hpa")


def test_what_wakes_beside_a_paused_keda_is_not_said_to_be_decided_by_it(
    released: FakeCluster, controllers: Controllers, kagent: Kagent
) -> None:
    paused = scaled_object("clock")
    paused["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "0"}
    released.add(SCALED_OBJECT, paused)
    kagent("hibernate", "clock")
    controllers.act()
    assert kagent("wake", "clock") == (
        0,
        "agent.kagent.dev/clock woken to 3 and released\n",
        f"Warning: {KEDA_LABEL} is still paused, and may put the count back; to let it decide again: "
        f"kubectl annotate {KEDA_LABEL} -n default autoscaling.keda.sh/paused- "
        "autoscaling.keda.sh/paused-replicas-\n",
    )


def test_what_keda_has_at_0_is_not_woken_against_it(
    released: FakeCluster, controllers: Controllers, kagent: Kagent
) -> None:
    released.add(SCALED_OBJECT, scaled_object("clock"))
    released.edit(DEPLOYMENT, "clock", {"spec": {"replicas": 0}})
    warning = f"Warning: {KEDA_LABEL} decides the count of agent.kagent.dev/clock, and has it at 0\n"
    assert kagent("wake", "clock") == (0, "agent.kagent.dev/clock unchanged\n", warning)
    assert replicas(released) is None


def test_waking_loses_against_who_was_first(clock: FakeCluster, kagent: Kagent) -> None:
    kagent("hibernate", "clock")
    rival = {"spec": {"declarative": {"deployment": {"replicas": 7}}}}
    clock.before("patch", AGENT, lambda: clock.edit(AGENT, "clock", rival))
    code, _, err = kagent("wake", "clock")
    assert code == 1
    assert "expected replicas to be 0, was 7" in err
    assert replicas(clock) == 7


COUNTED = {"spec": {"declarative": {"deployment": {"replicas": 3}}}}


def test_two_who_hibernate_at_once_lose_no_count(clock: FakeCluster, kagent: Kagent) -> None:
    clock.edit(AGENT, "clock", COUNTED)
    clock.before("patch", AGENT, lambda: kagent("hibernate", "clock"))
    kagent("hibernate", "clock")
    assert kagent("wake", "clock")[:2] == (0, "agent.kagent.dev/clock woken to 3\n")


def test_a_count_that_came_while_it_was_hibernated_is_the_one_that_wakes(
    clock: FakeCluster, kagent: Kagent
) -> None:
    clock.before("patch", AGENT, lambda: clock.edit(AGENT, "clock", COUNTED))
    kagent("hibernate", "clock")
    assert kagent("wake", "clock")[:2] == (0, "agent.kagent.dev/clock woken to 3\n")


def test_help_shows_examples(kagent: Kagent) -> None:
    for verb in ("scale", "hibernate", "wake"):
        code, out, err = kagent(verb, "-h")
        assert (code, err) == (0, "")
        assert f"kubectl kagent {verb} " in out
