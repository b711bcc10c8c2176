"""The tenant as which a collector sends."""

from __future__ import annotations

import pytest
import yaml

from kubectl_kagent.observe.status.stores import AsTenant, tenant


def test_as_install_writes_it() -> None:
    config = {"exporters": {"otlp_grpc/tempo": {"headers": {"X-Scope-OrgID": "team-a"}}}}
    assert (
        tenant({"data": {"collector.yaml": "a: 1\n", "addresses.yaml": yaml.safe_dump(config)}}) == "team-a"
    )


@pytest.mark.parametrize("text", ["X-Scope-OrgID: 'a'", '"x-scope-orgid": a', "  X-Scope-OrgID:  a  "])
def test_as_people_write_it(text: str) -> None:
    assert tenant({"data": {"x.yaml": f"headers:\n{text}\n"}}) == "a"


def test_none() -> None:
    assert (tenant(None), tenant({"data": {"x": "# X-Scope-OrgID: a"}})) == ("", "")


def test_the_header_is_sent() -> None:
    sent: list[object] = []

    class Http:
        def call(self, *_: object, headers: object = None, **__: object) -> dict[str, object]:
            sent.append(headers)
            return {}

    for as_ in ("a", ""):
        AsTenant(Http(), as_).call("GET", "/")  # type: ignore[arg-type]  # as much as is used
    assert sent == [{"X-Scope-OrgID": "a"}, {}]
