"""lint beside the API server: what it refuses, the server refuses in a dry run, for the same fields."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from kubectl_kagent.lint.admission import admitted
from kubectl_kagent.lint.crds import packed
from kubectl_kagent.lint.faults import RULE, SCHEMA, UNKNOWN, spelled
from kubectl_kagent.model.resources import LISTABLE
from tests.cluster.conftest import Tools
from tests.generated_manifests import manifests
from tests.lab.layout import CHECKOUT

pytestmark = pytest.mark.cluster

EXAMPLES = CHECKOUT / "tests" / "data" / "lint"
SEED = 15
PLURALS = {resource.kind: resource.plural for resource in LISTABLE}
# metadata is decoded before it is judged
_UNDECODABLE = re.compile(r"cannot unmarshal \w+ into Go struct field ObjectMeta\.([\w.]+)")
Verdict = tuple[str, set[str]]


def test_a_bad_file_as_a_process(tools: Tools) -> None:
    path = EXAMPLES / "schema" / "bad.yaml"
    done = tools.kagent("lint", "-f", str(path))
    about = f"mcpserver {tools.namespace}/tools"
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines()[0] == (
        f"{path}:7: error schema {about} spec.httpTransport.targetPort must be an integer, not a string"
    )


@pytest.fixture
def ask(tools: Tools) -> Iterator[Callable[[dict[str, Any]], Verdict]]:
    """What the API server says of an object that kubectl would create."""
    words = [tools.kubectl_program, "proxy", "--port=0"]
    with subprocess.Popen(words, env=tools.env(), stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        address = proxy.stdout.readline().split()[-1]
        pool = urllib3.PoolManager()

        def of(body: dict[str, Any]) -> Verdict:
            url = f"http://{address}/apis/{body['apiVersion']}/namespaces/{tools.namespace}/{PLURALS[body['kind']]}"
            answer = pool.request("POST", f"{url}?dryRun=All&fieldValidation=Strict", json=body)
            return _verdict(answer.status, answer.json())

        try:
            yield of
        finally:
            proxy.terminate()
            pool.clear()


def _verdict(code: int, status: Any) -> Verdict:
    """How it ends, and the fields that are named."""
    if code == 201:
        return "created", set()
    if code == 400:
        unknown = set(re.findall(r'unknown field "([^"]+)"', status["message"]))
        return (
            ("unknown", unknown)
            if unknown
            else ("invalid", {f"metadata.{name}" for name in _UNDECODABLE.findall(status["message"])})
        )
    assert code == 422, status
    causes = status["details"].get("causes") or ()
    return "invalid", {cause["field"] for cause in causes} - {"<nil>"}


def _ours(body: dict[str, Any]) -> tuple[Verdict, set[str]]:
    schema = packed().schema(body["apiVersion"], body["kind"])
    assert schema is not None
    faults, unjudged = admitted(schema, body)
    assert unjudged == []
    kinds = {fault.kind for fault in faults}
    unknown = {spelled(fault.path) for fault in faults if fault.kind == UNKNOWN}
    if unknown:
        return ("unknown", unknown), kinds
    fields = {spelled(fault.path) for fault in faults}
    return ("invalid" if faults else "created", fields), kinds


def test_two_hundred_manifests_are_taken_or_refused_as_by_the_api_server(
    ask: Callable[[dict[str, Any]], Verdict],
) -> None:
    kinds: Counter[str] = Counter()
    for body in manifests(SEED, 200):
        theirs, (ours, found) = ask(body), _ours(body)
        kinds.update(found or {"good"})
        assert ours == theirs, json.dumps(body, indent=1)
    assert min(kinds[kind] for kind in ("good", SCHEMA, UNKNOWN, RULE)) >= 20, kinds
