"""Older lines from Loki: which are asked for, page by page, and how they join those of the node."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kubectl_kagent.errors import KagentError
from kubectl_kagent.model.resources import AGENT, POD, SERVICE
from kubectl_kagent.telemetry.logs import loki
from kubectl_kagent.telemetry.logs.loki import Pods, pages, stamp
from kubectl_kagent.telemetry.logs.notices import ContainerRef
from tests.conftest import Kagent
from tests.fake.cluster import FakeCluster
from tests.objects import agent
from tests.recordings import DATA

Object = dict[str, Any]
RECORDED = DATA / "logs" / "loki_go_agent.json"
SECOND = 10**9
EIGHT = 1795420800 * SECOND  # 2026-11-23T08:00:00Z
LABELS = ["k8s_container_name", "k8s_namespace_name", "k8s_pod_name", "service_name"]
PODS = Pods((("default", "clock"),), ("kagent",))
QUERY = (
    '{k8s_namespace_name=~"default", k8s_pod_name=~"clock-[a-z0-9]+-[a-z0-9]+", k8s_container_name=~"kagent"}'
)


def entry(time: int, text: str, pod: str = "clock-1a-b2c3d") -> tuple[int, ContainerRef, str]:
    return time, ContainerRef("default", pod, "kagent"), text


class Loki:
    """Answers as Loki does: an entry is a stream of its own, since its metadata differ."""

    def __init__(self, *entries: tuple[int, ContainerRef, str]) -> None:
        self.entries = list(entries)
        self.labels = LABELS
        self.names = ("k8s_namespace_name", "k8s_pod_name", "k8s_container_name")
        self.asked: list[dict[str, str]] = []

    def call(self, method: str, path: str, *_: Any, **__: Any) -> Object:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.endswith("/labels"):
            return {"status": "success", "data": self.labels}
        self.asked.append(query)
        assert len(self.asked) < 20, "its pages have no end"
        start, end, limit = (int(query[key]) for key in ("start", "end", "limit"))
        found = [item for item in self.entries if start <= item[0] < end][:limit]
        streams = [
            {
                "stream": {
                    **dict(zip(self.names, (source.namespace, source.pod, source.container), strict=True)),
                    "observed_timestamp": str(time),
                },
                "values": [[str(time), text]],
            }
            for time, source, text in found
        ]
        return {"status": "success", "data": {"resultType": "streams", "result": streams}}


def texts(http: Loki, pods: Pods = PODS) -> list[str]:
    return [text for page in pages(http, pods, 0, 10**19) for _, _, text in page]


def test_the_query_names_pods_that_are_gone_too() -> None:
    http = Loki()
    assert texts(http) == []
    assert http.asked == [
        {"query": QUERY, "start": "0", "end": str(10**19), "limit": "5000", "direction": "forward"}
    ]


def test_promtails_labels_and_any_container() -> None:
    names = ("namespace", "pod", "container")
    assert Pods((("a", "x"), ("b", "y.z")), ()).query(names, names) == (
        '{namespace=~"a|b", pod=~"x-[a-z0-9]+-[a-z0-9]+|y\\\\.z-[a-z0-9]+-[a-z0-9]+"}'
    )


def test_pages_lose_and_repeat_nothing_where_many_entries_have_one_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loki, "_PAGE", 4)
    times = [1, 2, 3, 3, 3, 4, 5, 5, 6, 7]
    http = Loki(*(entry(time, f"{number}") for number, time in enumerate(times)))
    assert texts(http) == [f"{number}" for number in range(len(times))]
    assert [(query["start"], query["limit"]) for query in http.asked] == [
        (start, "4") for start in ("0", "3", "4", "6")
    ]


def test_a_page_that_ends_within_a_moment_is_of_lokis_own_size() -> None:
    times = [*range(4998), *[5000] * 5, *range(6000, 6003)]
    http = Loki(*(entry(time, f"{number}") for number, time in enumerate(times)))
    assert texts(http) == [f"{number}" for number in range(len(times))]
    assert len(http.asked) == 2


def test_lines_that_are_alike_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one moment and one container, in streams of their own, at the end of a page."""
    monkeypatch.setattr(loki, "_PAGE", 4)
    http = Loki(entry(1, "a"), entry(2, "b"), *[entry(3, "x")] * 3, entry(4, "c"))
    assert texts(http) == ["a", "b", "x", "x", "x", "c"]


@pytest.mark.parametrize("rest", [[], [4, 4, 4, 5]])
def test_more_lines_of_one_moment_than_a_page_has(monkeypatch: pytest.MonkeyPatch, rest: list[int]) -> None:
    """As of a collector that writes whole seconds. What comes after them is not lost besides."""
    monkeypatch.setattr(loki, "_PAGE", 2)
    times = [EIGHT, EIGHT + 3, EIGHT + 3, EIGHT + 3, *(EIGHT + time for time in rest)]
    http, seen = Loki(*(entry(time, f"{number}") for number, time in enumerate(times))), list[str]()
    with pytest.raises(KagentError) as caught:
        seen.extend(text for page in pages(http, PODS, 0, 10**19) for _, _, text in page)
    assert seen == ["0", "1", "2", *(["4", "5", "7"] if rest else [])]
    others = " and of 1 more" if rest else ""
    assert caught.value.line == (
        "error: Loki gives no more than 2 lines of one moment, and may have more of "
        f"2026-11-23T08:00:00.000000003Z{others}"
    )
    assert caught.value.hint == (
        "name fewer objects, or a container with -c: Loki is asked for less at once then"
    )


def test_pods_of_another_agent_are_left_out() -> None:
    http = Loki(entry(1, "mine"), entry(2, "other", "clock-two-1a-b2c3d"))
    assert texts(http) == ["mine"]


def test_the_stamp_is_the_kubelets() -> None:
    assert stamp(EIGHT + 7) == b"2026-11-23T08:00:00.000000007Z"


@pytest.mark.parametrize(
    ("names", "labels", "query"),
    [
        (
            ("k8s_namespace_name", "k8s_pod_name", "k8s_container_name"),
            ("k8s_namespace_name", "k8s_container_name"),
            '{k8s_namespace_name=~"default", k8s_container_name=~"kagent"} '
            '| k8s_pod_name=~"clock-[a-z0-9]+-[a-z0-9]+"',
        ),
        (
            ("namespace", "pod", "container"),
            ("namespace", "service_name"),
            '{namespace=~"default"} | pod=~"clock-[a-z0-9]+-[a-z0-9]+" | container=~"kagent"',
        ),
        (
            ("namespace", "pod", "container"),
            ("k8s_namespace_name", "namespace", "container"),
            '{namespace=~"default", container=~"kagent"} | pod=~"clock-[a-z0-9]+-[a-z0-9]+"',
        ),
    ],
    ids=["collector", "alloy", "both"],
)
def test_a_pods_name_that_is_metadata(
    names: tuple[str, str, str], labels: tuple[str, ...], query: str
) -> None:
    http = Loki(entry(1, "mine"))
    http.names, http.labels = names, [*labels]
    assert texts(http) == ["mine"]
    assert [one["query"] for one in http.asked] == [query]


def test_a_loki_whose_lines_tell_of_no_pod() -> None:
    """Nothing found is no answer where nothing can be found."""

    class Nameless(Loki):
        def call(self, method: str, path: str, *_: Any, **__: Any) -> Object:
            answer = super().call(method, path)
            return {"data": {"result": []}} if "%7C+k8s_pod_name" in path else answer

    http = Nameless((1, ContainerRef("default", "", ""), "whose?"))
    http.labels = ["k8s_namespace_name", "service_name"]
    with pytest.raises(KagentError, match="no labels for namespace, pod and container"):
        texts(http)
    assert http.asked[-1]["query"] == '{k8s_namespace_name=~"default"}'
    http.entries = [(1, ContainerRef("default", "other-1a-b2c3d", "kagent"), "of another agent")]
    assert texts(http) == []


def test_a_loki_without_pods() -> None:
    http = Loki()
    http.labels = ["service_name"]
    with pytest.raises(KagentError, match="no labels for namespace, pod and container"):
        texts(http)


def test_an_answer_of_another_shape() -> None:
    class Odd(Loki):
        def call(self, method: str, path: str, *_: Any, **__: Any) -> Object:
            return {"data": LABELS if "labels" in path else {"result": [{"stream": {}}]}}

    with pytest.raises(KagentError, match="another shape"):
        texts(Odd())


@pytest.fixture
def behind_the_proxy(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Loki:
    """Loki in the cluster, an agent, and a pod whose first lines the node has no more."""
    cluster.add(AGENT, agent("clock"))
    labels = {"app": "kagent", "kagent": "clock"}
    status = {"containerStatuses": [{"name": "kagent", "state": {"running": {}}}]}
    body = {"metadata": {"name": "clock-1a-b2c3d", "labels": labels}, "status": status}
    spec = {"containers": [{"name": "kagent"}]}
    cluster.add(POD, {"apiVersion": "v1", "kind": "Pod", "spec": spec, **body})
    service = {"metadata": {"name": "loki", "labels": {"app.kubernetes.io/name": "loki"}, "namespace": "far"}}
    ports = {"spec": {"ports": [{"port": 3100}]}}
    cluster.add(SERVICE, {"apiVersion": "v1", "kind": "Service", **service, **ports})
    http = Loki(
        entry(EIGHT - 60 * SECOND, "gone", "clock-9f-xxxxx"),
        entry(EIGHT - 50 * SECOND, "rotated away"),
        entry(EIGHT - 40 * SECOND, "two\nlines"),
        entry(EIGHT - 10 * SECOND, "on the node"),
    )

    def called(method: str, namespace: str, name: str, path: str, _body: object) -> Object:
        assert (method, namespace, name) == ("GET", "far", "loki:3100")
        return http.call(method, path)

    monkeypatch.setattr(cluster, "called", called)
    cluster.kubelet.write("clock-1a-b2c3d", "07:59:50 on the node", "07:59:55 and only there")
    return http


def test_older_lines_come_before_those_of_the_node(behind_the_proxy: Loki, kagent: Kagent) -> None:
    said = "asking Loki for lines since 2026-11-22T08:00:00Z; --since says another time\n"
    assert kagent("logs", "clock", "--loki=auto", "--no-prefix") == (
        0,
        "gone\nrotated away\ntwo\nlines\non the node\nand only there\n",
        said,
    )
    behind_the_proxy.asked.clear()
    assert kagent("logs", "clock", "--loki=auto", "--no-prefix", "--since-time=2026-11-23T07:59:15Z")[1:] == (
        "two\nlines\non the node\nand only there\n",
        "",
    )
    assert behind_the_proxy.asked[0]["start"] == str(EIGHT - 45 * SECOND)


def test_lines_that_loki_does_not_give_are_told_and_the_others_shown(
    behind_the_proxy: Loki, kagent: Kagent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loki, "_PAGE", 2)
    times = [60, 50, 50, 50, 40]
    behind_the_proxy.entries = [entry(EIGHT - time * SECOND, f"{n}") for n, time in enumerate(times)]
    words = ("logs", "clock", "--loki=auto", "--no-prefix", "--since=1h")
    shown = "0\n1\n2\n4\non the node\nand only there\n"
    missing = (
        "Loki gives no more than 2 lines of one moment, and may have more of 2026-11-23T07:59:10.000000000Z"
    )
    code, out, err = kagent(*words)
    assert (code, out, err.splitlines()[0]) == (1, shown, f"error: {missing}")
    assert kagent(*words, "--ignore-errors") == (0, shown, f"Warning: {missing}\n")


def test_without_loki_it_says_how_to_name_one(cluster: FakeCluster, kagent: Kagent) -> None:
    cluster.add(AGENT, agent("clock"))
    code, out, err = kagent("logs", "clock", "--loki=auto", "--since=1h")
    assert (code, out) == (1, "")
    assert err == (
        "error: no Loki service (label app.kubernetes.io/name=loki, port 3100) was found in any namespace\n"
        "hint: give its address: --loki=http://HOST:3100\n"
    )


def test_a_recorded_answer() -> None:
    class Recorded(Loki):
        def call(self, method: str, path: str, *_: Any, **__: Any) -> Object:
            return {"data": LABELS} if "/labels" in path else json.loads(RECORDED.read_text())

    found = list(pages(Recorded(), Pods((("default", "datetime-agent"),), ()), 0, 10**19))
    assert [(len(page), page[0][1].pod) for page in found] == [(4, "datetime-agent-5d6c9665f9-8bp9j")]
    assert [json.loads(text)["msg"] for _, _, text in found[0]] == ["Execute"] * 4


def test_a_loki_that_does_not_go_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(Loki):
        def call(self, method: str, path: str, *more: Any, **how: Any) -> Object:
            assert len(self.asked) < 10
            return super().call(method, re.sub(r"start=\d+", "start=0", path), *more, **how)

    monkeypatch.setattr(loki, "_PAGE", 2)
    stuck = Stuck(*(entry(EIGHT + second * SECOND, "x") for second in range(3)))
    with pytest.raises(KagentError) as caught:
        texts(stuck)
    assert caught.value.line == (
        "error: Loki answers with lines that are older than asked for: its pages have no end"
    )
