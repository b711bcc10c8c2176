"""observe on a real cluster: installed, the same again, changed by hand, and gone without a trace.

The bundle's roles have one name in a cluster, which tests of permissions use, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from kubectl_kagent.cluster.api import ApiServer
from kubectl_kagent.cluster.connect import Connection, connect
from kubectl_kagent.errors import ResourceMissing
from kubectl_kagent.model.resources import BUNDLED
from kubectl_kagent.observe.bundle import SELECTOR
from tests.cluster.conftest import Done, Tools, wait_for
from tests.lab.layout import CHECKOUT

pytestmark = pytest.mark.cluster

# so that nothing is looked for, and no warning depends on what else the cluster has
ADDRESSES = ("--traces-endpoint=tempo.monitoring:4317", "--loki-endpoint=http://loki.monitoring:3100")
# its pods need not run here
WHOLE = (*ADDRESSES, "--recorder-image=registry.test/kagent-recorder:0.1.0")
INSTALL = ("observe", "install", *WHOLE)
DIFF = ("observe", "diff", *WHOLE)
ROLE = "clusterrole.rbac.authorization.k8s.io/kagent-recorder"


@pytest.fixture
def admin(tools: Tools) -> ApiServer:
    return connect(Connection(kubeconfig=str(tools.kubeconfig)))


@pytest.fixture
def empty(tools: Tools, admin: ApiServer) -> Iterator[Tools]:
    """The programs for a namespace that is not there yet; the bundle is gone at the end."""
    found = replace(tools, namespace=f"bundle-{uuid4().hex[:8]}")
    yield found
    found.kagent("observe", "uninstall", "--yes")
    wait_for(lambda: not left(admin), "the end of all of it")


def labels(done: Done, verb: str) -> list[str]:
    """The objects of lines that all say ``verb``."""
    lines = [line.partition(" ") for line in done.out.splitlines()]
    assert {after for _, _, after in lines} == {verb}, done
    return [label for label, _, _ in lines]


def left(admin: ApiServer) -> list[str]:
    """What has the bundle's label, in any namespace."""
    found = []
    for resource in BUNDLED:
        try:
            items = admin.list_objects(resource, labels=SELECTOR)["items"]
        except ResourceMissing:
            continue
        found += [resource.label(item["metadata"]["name"]) for item in items]
    return found


def test_installed_twice_changed_by_hand_and_gone(empty: Tools, admin: ApiServer) -> None:
    tried = empty.kagent(*INSTALL, "--dry-run=server")
    assert (tried.code, tried.err, left(admin)) == (0, "", [])
    first = empty.kagent(*INSTALL)
    made = labels(first, "created")
    traces = (
        "kagent sends no traces unless its Helm values say so: otel.tracing.enabled=true, "
        f"otel.tracing.exporter.otlp.endpoint=http://kagent-collector.{empty.namespace}:4317\n"
    )
    assert (first.code, first.err, sorted(made)) == (0, traces, sorted(left(admin)))
    assert labels(tried, "created (server dry run)") == made
    second = empty.kagent(*INSTALL)
    assert (second.code, second.err, labels(second, "unchanged")) == (0, "", made)
    assert empty.kagent(*DIFF) == Done(0, "", "")

    patch = '[{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}]'
    empty.kubectl("patch", ROLE, "--type=json", "-p", patch)
    conflict = f"{ROLE} .rules is managed by kubectl-patch"
    seen = empty.kagent(*DIFF)
    assert (seen.code, seen.err) == (
        1,
        f"Warning: {conflict}: install changes it only with --force-conflicts\n",
    )
    changed = [line for line in seen.out.splitlines() if re.match(r"[-+] +- (get|list|watch)$", line)]
    assert [line.replace(" ", "") for line in changed] == ["--get", "+-list", "+-watch"]
    assert empty.kagent(*INSTALL) == Done(
        1,
        "",
        f"{conflict}\nerror: 1 conflict with what others made or changed: nothing was installed\n"
        "hint: kubectl kagent observe diff shows the changes; --force-conflicts makes them all the same\n",
    )
    forced = empty.kagent(*INSTALL, "--force-conflicts")
    assert (forced.code, [line for line in forced.out.splitlines() if not line.endswith(" unchanged")]) == (
        0,
        [f"{ROLE} configured"],
    )

    gone = empty.kagent("observe", "uninstall", "--yes")
    assert (gone.code, gone.err, sorted(labels(gone, "deleted"))) == (0, "", sorted(made))
    wait_for(lambda: not left(admin), "the end of all of it")
    told = f"nothing of the bundle is installed in namespace {empty.namespace}\n"
    assert empty.kagent("observe", "uninstall", "--yes") == Done(0, "", told)


def test_a_namespace_that_others_made_stays(tools: Tools, admin: ApiServer) -> None:
    assert tools.kagent(*INSTALL).code == 0
    assert tools.kagent("observe", "uninstall", "--yes").code == 0
    wait_for(lambda: not left(admin), "the end of all of it")
    assert tools.kubectl("get", "namespace", tools.namespace, "-o", "name").out.startswith("namespace/")


def test_what_is_exported_is_what_is_installed(tools: Tools, admin: ApiServer, tmp_path: Path) -> None:
    """All but a namespace that others made."""
    folder = tmp_path / "bundle"
    done = tools.kagent("observe", "export", "--plain", *WHOLE, str(folder))
    printed = list(yaml.safe_load_all(tools.kagent("observe", "export", "--plain", *WHOLE).out))
    assert done == Done(0, f"{folder}: {len(printed)} objects\n", "")
    anywhere = replace(tools, namespace="")  # as people call it: the recorder's namespace is another one
    applied = anywhere.kubectl("apply", "--server-side", "--field-manager=kubectl-kagent", "-k", str(folder))
    assert len(applied.out.splitlines()) == len(printed)
    same = tools.kagent(*INSTALL, "--plain")
    assert (same.code, len(labels(same, "unchanged"))) == (0, len(printed))
    assert tools.kagent("observe", "uninstall", "--yes").code == 0
    wait_for(lambda: not left(admin), "the end of all of it")


def test_the_role_allows_it(empty: Tools, admin: ApiServer) -> None:
    assert empty.kagent(*INSTALL).code == 0
    user = f"installer-{uuid4().hex[:8]}"
    manifest = CHECKOUT / "manifests" / "rbac" / "kagent-observe.yaml"
    empty.kubectl("apply", "-f", str(manifest))
    empty.kubectl("create", "clusterrolebinding", user, "--clusterrole=kagent-observe", f"--user={user}")
    try:
        wait_for(lambda: empty.kagent(*DIFF, f"--as={user}").code == 0, "the role")
        assert empty.kagent(*INSTALL, f"--as={user}").code == 0
        assert empty.kagent("observe", "uninstall", "--yes", f"--as={user}").code == 0
        wait_for(lambda: not left(admin), "the end of all of it")
    finally:
        empty.kubectl("delete", "clusterrolebinding", user)
        empty.kubectl("delete", "-f", str(manifest))
