"""Objects in kubectl's output formats."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest
import yaml

from kubectl_kagent.errors import UsageError
from kubectl_kagent.render.escapes import harmless
from kubectl_kagent.render.output import OBJECTS, changed, object_label, parse, to_yaml
from tests.objects import agent

ITEM: dict[str, Any] = {
    **agent(systemMessage="Tell the time.\nDon't guess, ä <b>."),
    "metadata": {"name": "clock", "managedFields": [{"manager": "x"}], "labels": {"a.b/c": "dotted"}},
}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}


def objects(items: list[dict[str, Any]], output: str, *, single: bool) -> str:
    return parse(output, OBJECTS).objects(items, single=single)


def test_json_is_the_object_without_its_managed_fields() -> None:
    text = objects([ITEM], "json", single=True)
    assert json.loads(text) == {
        **ITEM,
        "metadata": {"name": "clock", "labels": {"a.b/c": "dotted"}},
    }
    assert text.startswith('{\n    "apiVersion": "kagent.dev/v1alpha2",\n    "kind": "Agent",\n')
    assert text.endswith("}\n")
    assert "ä <b>" in text
    assert "managedFields" in ITEM["metadata"]


def test_several_objects_are_a_list_as_kubectl_makes_it() -> None:
    whole = json.loads(objects([ITEM, POD], "json", single=False))
    assert (whole["apiVersion"], whole["kind"]) == ("v1", "List")
    assert whole["metadata"] == {"resourceVersion": ""}
    assert [item["kind"] for item in whole["items"]] == ["Agent", "Pod"]
    assert json.loads(objects([], "json", single=False))["items"] == []


def test_yaml_reads_back_and_is_sorted() -> None:
    text = objects([POD], "yaml", single=True)
    assert text == dedent("""\
        apiVersion: v1
        kind: Pod
        metadata:
          name: p
        """)
    assert yaml.safe_load(objects([ITEM], "yaml", single=True))["spec"] == ITEM["spec"]


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "a\x85b",
        "a\x85b\nc",
        "\x1b[31m\nred\n",
        "a\u2028b\u2029c",
        "\ufeffa\u202eb\u200b",
        "tag \U000e0041",
        "dele\u200dte",
        "👩\u200d💻\n",
        "half \ufffd",
        "- a: [b\n",
    ],
)
def test_yaml_and_json_read_back_whatever_is_in_a_text(text: str, *, shown: bool) -> None:
    """Also as a terminal shows them."""
    item = {**POD, "metadata": {"name": "p", "annotations": {text: text}}}
    printed = {form: harmless(objects([item], form, single=True), shown=shown) for form in ("yaml", "json")}
    assert yaml.safe_load(printed["yaml"]) == item
    assert json.loads(printed["json"]) == item


def test_name_is_type_and_name() -> None:
    assert objects([ITEM, POD], "name", single=False) == "agent.kagent.dev/clock\npod/p\n"
    assert object_label({**POD, "apiVersion": "apps/v1", "kind": "Deployment"}) == "deployment.apps/p"


def test_jsonpath_sees_one_object_or_the_list() -> None:
    assert objects([ITEM], "jsonpath={.metadata.name}", single=True) == "clock"
    assert objects([ITEM, POD], "jsonpath={.items[*].metadata.name}", single=False) == "clock p"


def test_custom_columns() -> None:
    spec = r"NAME:.metadata.name,LABEL:.metadata.labels.a\.b/c,NOPE:.nope,KIND:{.kind}"
    assert objects([ITEM, POD], f"custom-columns={spec}", single=False) == dedent("""\
        NAME    LABEL    NOPE     KIND
        clock   dotted   <none>   Agent
        p       <none>   <none>   Pod
        """)


def test_custom_columns_print_values_as_go_does() -> None:
    values = {"l": ["x", "y"], "m": {"k2": "b", "k1": [1]}, "t": True, "no": None, "el": [], "em": {}}
    columns = "L:.l,ALL:.l[*],M:.m,T:.t,NO:.no,EL:.el,EM:.em"
    (_, line) = objects([{**POD, **values}], f"custom-columns={columns}", single=True).splitlines()
    assert line.split("   ") == ["[x y]", "x,y", "map[k1:[1] k2:b]", "true", "<nil>", "[]", " map[]"]


@pytest.mark.parametrize(
    "output", ["toml", "jsonpath", "jsonpath=", "custom-columns", "custom-columns=", "JSON"]
)
def test_formats_that_are_not_known_are_a_usage_error(output: str) -> None:
    with pytest.raises(UsageError, match="unable to match a printer suitable for the output format"):
        objects([ITEM], output, single=True)


@pytest.mark.parametrize("spec", ["NAME", "NAME:", ":.metadata.name", "NAME:.metadata.name,"])
def test_a_spec_that_is_none_is_a_usage_error(spec: str) -> None:
    with pytest.raises(UsageError, match="is not a custom-columns spec"):
        objects([ITEM], f"custom-columns={spec}", single=True)


@pytest.mark.parametrize(
    ("dry_run", "line"),
    [
        ("none", "agent.kagent.dev/clock scaled\n"),
        ("client", "agent.kagent.dev/clock scaled (dry run)\n"),
        ("server", "agent.kagent.dev/clock scaled (server dry run)\n"),
    ],
)
def test_the_line_after_a_change(dry_run: str, line: str) -> None:
    assert f"{changed(ITEM, 'scaled', dry_run)}\n" == line


@pytest.mark.parametrize(
    "text",
    [
        *("y", "N", "1e3", "1.e3", "0o14", "0x1F", "0b11", "1_000", ".5", "+1", "true", "null", "~", "014"),
        *("-0o14", "+0O7", "-0X1F", "-0B1", "1e_3", "-_1", "+_1", "0_x1F"),
    ],
)
def test_a_text_that_a_reader_could_take_for_something_else_is_quoted(text: str) -> None:
    (line,) = to_yaml({"a": text}).splitlines()
    assert line in (f'a: "{text}"', f"a: '{text}'")


@pytest.mark.parametrize("text", ["1.35.4", "5m", "yes-or-no", "100m", "v1", "a1e3", "0.10-alpha"])
def test_other_texts_are_not_quoted(text: str) -> None:
    assert to_yaml({"a": text}) == f"a: {text}\n"
