"""The tenant as which a collector sends."""

from __future__ import annotations

import pytest
import yaml

from kubectl_kagent.observe.status.stores import tenant


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
