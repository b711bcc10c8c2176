"""Hostile names, namespaces, annotations, URLs and ids by the thousand, judged by what an API server gets.

Tenants write the specs and annotations, services the ids. Whatever they are, each request goes to an object
that the verb is about, or below the proxy of a Service that it asks, and the token goes to nobody else.
"""

from __future__ import annotations

import posixpath
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import pytest
from click.testing import CliRunner

from kubectl_kagent.app import cli
from tests.loopback import Loopback, Received, refused, response, serve

Object = dict[str, Any]

TOKEN = "token-of-a-cluster-administrator"
IN_ALL = 2_000
AT_ONCE = 50

_CHARS = r"(?!kube-system\b)[^/]+"
_MINE = re.compile(
    "|".join(
        (
            "/version",
            r"/apis/kagent\.dev",
            rf"/apis/kagent\.dev/v1alpha\d(/namespaces/{_CHARS})?/\w+(/{_CHARS})?",
            rf"/apis/(apps/v1|autoscaling/v2|keda\.sh/v1alpha1)(/namespaces/{_CHARS})?/\w+(/{_CHARS})?",
            rf"/api/v1(/namespaces/{_CHARS})?/(services|configmaps|pods|events|namespaces)(/{_CHARS})?",
            r"/api/v1/namespaces/team-a/services/s\d+:80/proxy(/.*)?",
            rf"/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/api/(sessions|tasks|a2a)(/{_CHARS})*",
            r"/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy/api/toolservers",
        )
    )
)
_ONE_OBJECT = re.compile(r"(metadata\.name|involvedObject\.\w+)=([^,=\\]|\\.)*")
_UPS = ("..", ".", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..;", "\uff0e\uff0e", "%c0%ae%c0%ae")
_BETWEEN = ("/", "%2f", "%2F", "%252F", "\\", "%5c", "//", "/./", "/;/")
_BEFORE = (
    "",
    "x",
    "x?",
    "x%3F",
    "x%3f",
    "x#",
    "x%23",
    "x;",
    "x%00",
    "x\r\nX-Evil: 1\r\n",
    "x%0d%0aX: 1",
    "@evil",
)
_GOALS = (
    "api/v1/nodes/node1/proxy/run/kube-system/etcd/etcd",
    "api/v1/namespaces/kube-system/secrets",
    "apis/apps/v1/namespaces/kube-system/deployments",
    "version",
)
_AFTER = ("", "?x=", "#", "%3Fx=", "%23", "?cmd=id", ",metadata.namespace=kube-system", "/")


def hostile(seed: int, count: int) -> list[str]:
    """Texts that try to climb to another place of the API, each coded in some way."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        between = draw.choice(_BETWEEN)
        steps = [draw.choice(_UPS) for _ in range(draw.randint(1, 9))]
        goal = draw.choice(_GOALS).replace("/", draw.choice((between, "/")))
        text = (
            draw.choice(_BEFORE)
            + between.join(["", *steps, goal][draw.randint(0, 1) :])
            + draw.choice(_AFTER)
        )
        found.append(draw.choice((str, str, str, quote, lambda word: quote(word, safe="")))(text))
    return found


def decoded(path: str) -> Iterator[str]:
    """The path as anybody on its way may read it: decoded up to four times, and resolved."""
    for _ in range(5):
        yield re.sub("^//", "/", posixpath.normpath(path.partition("#")[0].replace("\\", "/")))
        path = unquote(path)


def judge(request: Received) -> None:
    path, _, query = request.path.partition("?")
    for seen in decoded(path):
        assert _MINE.fullmatch(seen), f"{request.path!r} may be read as {seen!r}"
    for selector in parse_qs(query).get("fieldSelector", ()):
        assert _ONE_OBJECT.fullmatch(selector), request.path


@pytest.fixture
def api() -> Iterator[Loopback]:
    with serve() as loopback:
        yield loopback


@pytest.fixture
def stranger() -> Iterator[Loopback]:
    """A server that a tenant names, which is none of the cluster's."""
    with serve() as loopback:
        yield loopback


def run(api: Loopback, *words: str) -> tuple[int, str]:
    flags = ["--server", api.url, "--token", TOKEN, "--insecure-skip-tls-verify"]
    verb = [*words[: 2 if words[0] in ("tools", "sessions", "approvals", "rollout", "trace") else 1]]
    result = CliRunner().invoke(cli, [*verb, *flags, *words[len(verb) :]], catch_exceptions=False)
    return result.exit_code, result.output


def judge_all(api: Loopback, stranger: Loopback | None = None) -> None:
    assert api.received
    for request in api.received:
        judge(request)
    for request in stranger.received if stranger else ():
        assert TOKEN not in repr(request)
    api.received.clear()


def listing(items: list[Object]) -> bytes:
    return response(200, {"kind": "List", "metadata": {"resourceVersion": "7"}, "items": items})


def meta(name: str, **more: Any) -> Object:
    born = "2026-11-23T08:00:00Z"
    about = {"name": name, "namespace": "team-a", "uid": name, "creationTimestamp": born}
    return {**about, "resourceVersion": "5", "generation": 1, **more}


def agent(name: str, words: list[str]) -> Object:
    """An agent that names ``words`` wherever a spec can name something."""
    one, two, three, four, five = words
    tools = [
        {"type": "McpServer", "mcpServer": {"kind": "RemoteMCPServer", "name": one, "namespace": two}},
        {"type": "McpServer", "mcpServer": {"kind": "Service", "name": two, "toolNames": [one]}},
        {"type": "McpServer", "mcpServer": {"name": three}},
        {"type": "Agent", "agent": {"name": four, "namespace": one}},
    ]
    spec = {
        "type": "Declarative",
        "declarative": {
            "modelConfig": five,
            "memory": {"modelConfig": four},
            "systemMessageFrom": {"type": "ConfigMap", "name": three, "key": one},
            "promptTemplate": {"dataSources": [{"kind": "ConfigMap", "name": two}]},
            "tools": tools,
        },
    }
    return {"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "metadata": meta(name), "spec": spec}


@pytest.mark.parametrize(
    "verb", ["tools list", "tools check --all", "describe a0", "get agents", "rollout history a0"]
)
def test_what_specs_name(api: Loopback, verb: str) -> None:
    words = hostile(1, IN_ALL // 2)
    groups = [words[at : at + 5] for at in range(0, len(words), 5)]
    one_by_one = "a0" in verb
    groups = groups[::5] if one_by_one else groups
    at_once = 1 if one_by_one else AT_ONCE
    for at in range(0, len(groups), at_once):
        some = groups[at : at + at_once]
        items = [agent(f"a{number}", group) for number, group in enumerate(some)]
        api.answer = lambda request, items=items: agents_only(request, items)  # type: ignore[misc]
        run(api, *verb.split(), "-n", "team-a")
        judge_all(api)


def agents_only(request: Received, items: list[Object]) -> bytes:
    path = request.path.partition("?")[0]
    if "resourceVersionMatch=Exact" in request.path and "resourceVersion=7" not in request.path:
        return refused(410, "Expired", "too old")
    if request.method != "GET":
        return refused(403, "Forbidden", "nothing is to be changed here")
    if path.endswith("/agents"):
        return listing(items)
    if path.endswith("/agents/a0"):
        return response(200, items[0])
    if re.search(r"/namespaces/[^/]+/\w+/[^/]+$", path):
        return refused(404, "NotFound", "not found", name="x", kind="x")
    return listing([])


def test_where_services_and_remote_servers_say_that_they_listen(api: Loopback, stranger: Loopback) -> None:
    everything = hostile(2, IN_ALL // 4)
    proxied = 0
    for words in [everything[at : at + AT_ONCE] for at in range(0, len(everything), AT_ONCE)]:
        services, remotes = [], []
        for number, word in enumerate(words):
            notes = {"kagent.dev/mcp-service-path": f"/{word}", "kagent.dev/mcp-service-port": "80"}
            if number % 2:
                services.append(
                    {"metadata": meta(f"s{number}", annotations=notes), "spec": {"ports": [{"port": 80}]}}
                )
                continue
            url = (f"http://s{number}.team-a/{word}", f"http://{stranger.address}/{word}")[number % 4 // 2]
            spec = {"url": url, "protocol": "STREAMABLE_HTTP", "headersFrom": [{"name": "X-A", "value": "b"}]}
            remotes.append({"metadata": meta(f"r{number}"), "spec": spec})

        def answer(
            request: Received, services: list[Object] = services, remotes: list[Object] = remotes
        ) -> bytes:
            path = request.path.partition("?")[0]
            if path.endswith("/services"):
                return listing(services)
            if path.endswith("/remotemcpservers"):
                return listing(remotes)
            if "/proxy/" in path:
                return response(500, {})
            return listing([])

        api.answer = answer
        run(api, "tools", "list", "-o", "wide", "-n", "team-a")
        proxied += sum("/proxy/" in request.path for request in api.received)
        judge_all(api, stranger)
    assert proxied, "no Service was asked: nothing is shown"
    assert stranger.received, "no other server was asked: nothing is shown"


IDS = (
    ("sessions", "show"),
    ("sessions", "delete"),
    ("sessions", "export"),
    ("trace", "show"),
    ("approvals", "approve"),
    ("chat", "clock", "hello", "--session"),
    ("logs", "clock", "--task"),
)


@pytest.mark.parametrize("verb", IDS, ids=" ".join)
def test_ids_that_a_person_copies(api: Loopback, verb: tuple[str, ...]) -> None:
    service = {"metadata": {**meta("kagent-controller"), "namespace": "kagent"}}
    service["spec"] = {"ports": [{"name": "controller", "port": 8083}]}
    api.answer = lambda request: (
        listing([service])
        if request.path.partition("?")[0].endswith("/services")
        else response(404, {"error": "x"})
    )
    for word in hostile(3, IN_ALL // 4 // len(IDS)):
        before = len(api.received)
        code, said = run(api, *verb, *([word] if verb[-1].startswith("--") else ["--", word]))
        assert code, said
        for request in api.received[before:]:
            judge(request)


@pytest.mark.parametrize(
    "verb", [("get", "agents"), ("hibernate", "agents", "--all"), ("logs", "clock")], ids=" ".join
)
def test_namespaces_of_the_command_line(api: Loopback, verb: tuple[str, ...]) -> None:
    api.answer = lambda _request: listing([])
    for word in ["..", ".", "team-a/../kube-system", *hostile(4, 50)]:
        code, said = run(api, *verb, "-n", word)
        for request in api.received:
            judge(request)
        assert code in (1, 2) or "kube-system" not in repr(api.received), said
        api.received.clear()
