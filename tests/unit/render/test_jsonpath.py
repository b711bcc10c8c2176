"""jsonpath templates; what is expected was printed by kubectl 1.35 for the same object."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import KagentError, UsageError
from kubectl_kagent.render.jsonpath import check, evaluate

OBJECT: dict[str, Any] = {
    "apiVersion": "kagent.dev/v1alpha2",
    "kind": "Agent",
    "metadata": {
        "name": "clock",
        "labels": {"a.b/c": "dotted", "plain": "p", "dash-key": "d"},
        "annotations": {"k": "v"},
    },
    "spec": {
        "n": 3,
        "f": 1.5,
        "big": 12345678901,
        "t": True,
        "no": None,
        "empty": "",
        "list": ["x", "y", "z"],
        "nums": [1, 2, 3],
        "maps": [
            {"name": "one", "v": 1, "on": True},
            {"name": "two", "v": 2, "on": False},
            {"name": "three", "v": 3},
        ],
        "m": {"k2": "b", "k1": "a", "html": "<&>"},
        "emptylist": [],
        "lists": [[1, 2], [3, 4]],
        "emptymap": {},
        "uni": "äé",
    },
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        # paths
        ("{.metadata.name}", "clock"),
        ("{$.metadata.name}", "clock"),
        ("{@.metadata.name}", "clock"),
        ("{ .metadata.name }", "clock"),
        ("{.metadata['name']}", "clock"),
        ("{['metadata']['name']}", "clock"),
        ("{.spec['n']}", "3"),
        (r"{.metadata.labels.a\.b/c}", "dotted"),
        (r"{.metadata.labels['a\.b/c']}", "dotted"),
        ("{.metadata.labels.dash-key}", "d"),
        ("{.metadata.labels['plain','dash-key']}", "p d"),
        ("{.metadata..k}", "v"),
        ("{.spec.maps..name}", "one two three"),
        # what is not there
        ("{.nope}", ""),
        ("{.spec.nope.deeper}", ""),
        ("{.spec.maps[*].nope}", ""),
        ("{.spec.n}{.spec.nope}", "3"),
        ("{.metadata.labels.a.b/c}", ""),
        # values
        ("{.spec.f}", "1.5"),
        ("{.spec.big}", "12345678901"),
        ("{.spec.t}", "true"),
        ("{.spec.no}", "null"),
        ("{.spec.empty}", ""),
        ("{.spec.uni}", "äé"),
        ("{.spec.list}", '["x","y","z"]'),
        ("{.spec.nums}", "[1,2,3]"),
        ("{.spec.emptylist}", "[]"),
        ("{.spec.emptymap}", "{}"),
        ("{.spec.m}", r'{"html":"\u003c\u0026\u003e","k1":"a","k2":"b"}'),
        ("{.spec.m.html}", "<&>"),
        ("{.metadata.labels}", '{"a.b/c":"dotted","dash-key":"d","plain":"p"}'),
        # lists
        ("{.spec.list[0]}", "x"),
        ("{.spec.list[-1]}", "z"),
        ("{.spec.list[-1:]}", "z"),
        ("{.spec.list[0:2]}", "x y"),
        ("{.spec.list[:2]}", "x y"),
        ("{.spec.list[1:]}", "y z"),
        ("{.spec.list[::2]}", "x z"),
        ("{.spec.list[0,2]}", "x z"),
        ("{.spec.list[*]}", "x y z"),
        ("{.spec.maps[*].name}", "one two three"),
        ("{.spec.maps[*]['v','name','nope']}", "1 2 3 one two three"),
        ("{.spec.lists[*][1,0]}", "2 4 1 3"),
        ("{.spec.list[3:3]}", ""),
        ("{.spec.emptylist[0:]}", ""),
        ("{.spec.emptylist[*]}", ""),
        ("{.spec.nope[5]}", ""),
        ("{.spec.no[5]}", ""),
        ("{.spec.maps[0:2].name}", "one two"),
        ("{.spec.maps[*].on}", "true false"),
        # filters
        ('{.spec.maps[?(@.name=="two")].v}', "2"),
        ("{.spec.maps[?(@.name=='two')].v}", "2"),
        ("{.spec.maps[?(@.v>1)].name}", "two three"),
        ("{.spec.maps[?(@.v>=2)].name}", "two three"),
        ("{.spec.maps[?(@.v!=2)].name}", "one three"),
        ("{.spec.maps[?(@.v<2)]}", '{"name":"one","on":true,"v":1}'),
        ("{.spec.maps[?(@.on==true)].name}", "one"),
        ("{.spec.maps[?(@.on)].name}", "one two"),
        ('{.spec.maps[?(@.name=="nope")].v}', ""),
        ('{.spec.maps[?(@.nope=="x")].v}', ""),
        ('{.spec.list[?(@=="y")]}', "y"),
        ('{.spec.list[?(@!="y")]}', "x z"),
        # text
        ("", ""),
        ("plain text", "plain text"),
        (".metadata.name", ".metadata.name"),
        ('{"text"}', "text"),
        ("{'text'}", "text"),
        ('{"ä"}', "ä"),
        (r'{"a\"b"}', 'a"b'),
        (r"{'it\'s'}", "it's"),
        ("a{.metadata.name}b", "aclockb"),
        ('{.metadata.name}{"\\n"}', "clock\n"),
        ('{.kind}{"\\t"}{.metadata.name}', "Agent\tclock"),
        ("{.spec.list[0]}{'\\n'}", "x\n"),
        ("{.metadata.name} and {.kind}", "clock and Agent"),
        # ranges
        ('{range .spec.list[*]}{@}{"\\n"}{end}', "x\ny\nz\n"),
        ("{range .spec.list}{@} {end}", '["x","y","z"] '),
        ("{range .spec.maps[*]}{.name}={.v},{end}", "one=1,two=2,three=3,"),
        ("{range .spec.maps[*]}{@.name}{end}", "onetwothree"),
        ('{range .spec.maps[*]}{.name}{.nope}{"\\n"}{end}', "one\ntwo\nthree\n"),
        ("{range .spec.maps[*]}{range .nope[*]}{@}{end}{.name}{end}", "onetwothree"),
        ('{range .spec.maps[*]}{.v}{","}{end}{.kind}', "1,2,3,Agent"),
        ("{range .spec.maps[?(@.v>1)]}[{.name}]{end}", "[two][three]"),
        ("{range .spec.nope[*]}x{end}", ""),
        ("{range .items[*]}x{end}", ""),
    ],
)
def test_templates_print_what_kubectl_prints(template: str, text: str) -> None:
    assert evaluate(template, OBJECT) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{.spec.list[3]}", "array index out of bounds: index 3, length 3"),
        ("{.spec.list[-5]}", "array index out of bounds: index -2, length 3"),
        ("{.spec.list[0,7]}", "array index out of bounds: index 7, length 3"),
        ("{.spec.emptylist[0]}", "array index out of bounds: index 0, length 0"),
        ("{range .spec.maps[9]}{.name}{end}", "array index out of bounds: index 9, length 3"),
        ("{.spec.list[1:9]}", "array index out of bounds: index 8, length 3"),
        ("{.spec.list[5:]}", "array index out of bounds: index 5, length 3"),
        ("{.spec.list[-4:]}", "array index out of bounds: index -1, length 3"),
        ("{.spec.list[2:1]}", "starting index 2 is greater than ending index 1"),
        ("{.spec.list[1:0]}", "starting index 1 is greater than ending index 0"),
    ],
)
def test_an_index_that_a_list_does_not_have_is_kubectls_error(template: str, said: str) -> None:
    with pytest.raises(KagentError, match=f"can't be applied: {said}$"):
        evaluate(template, OBJECT)
    check(template)  # which has no object to look at


def test_what_is_found_as_json() -> None:
    template = "a{.spec.maps[0:2].name}{.spec.nope}{range .spec.lists[*]}{@}{end}{.spec.m.html}"
    assert evaluate(template, OBJECT, as_json=True) == (
        '[\n    "a"\n]\n'
        '[\n    "one",\n    "two"\n]\n'
        "[]\n"
        "[\n    [\n        1,\n        2\n    ]\n]\n"
        "[\n    [\n        3,\n        4\n    ]\n]\n"
        '[\n    "\\u003c\\u0026\\u003e"\n]\n'
    )


@pytest.mark.parametrize(
    "template", ["{.metadata.name", "{end}", "{.spec.list[}", "{.metadata.name}{", "{.a b}"]
)
def test_what_does_not_parse_is_a_usage_error(template: str) -> None:
    with pytest.raises(UsageError) as caught:
        evaluate(template, OBJECT)
    assert caught.value.exit_code == 2


def test_a_range_that_is_never_closed_is_refused() -> None:
    """kubectl prints the rest over the whole object; that is never what was meant."""
    with pytest.raises(UsageError, match=r"a \{range\} without an \{end\}"):
        evaluate("{range .spec.list[*]}{@}", OBJECT)


def test_quoted_text_in_a_filter_stays_whole() -> None:
    items = {"items": [{"name": "a.b-c/d"}, {"name": "other"}]}
    assert evaluate('{.items[?(@.name=="a.b-c/d")].name}', items) == "a.b-c/d"


def test_ranges_nest_and_each_has_its_own_node() -> None:
    items = {"items": [{"n": "a", "tools": ["x", "y"]}, {"n": "b", "tools": []}, {"n": "c", "tools": ["z"]}]}
    template = '{range .items[*]}{.n}:{range .tools[*]}{@},{end}{"\\n"}{end}'
    assert evaluate(template, items) == "a:x,y,\nb:\nc:z,\n"


def test_a_value_that_is_nested_too_deeply_is_said_to_be() -> None:
    assert evaluate("{.a} {.b}", {"a": TooDeep("[]"), "b": {"c": TooDeep("[]")}}) == (
        '"(nested too deeply to be read)" {"c":"(nested too deeply to be read)"}'
    )


@pytest.mark.parametrize("template", ["{range .a}{.b[}{end}", "{range .a}{range .b}{.c d}{end}{end}"])
def test_what_stands_in_a_range_is_checked_without_an_object(template: str) -> None:
    with pytest.raises(UsageError, match="is not a JSONPath expression"):
        check(template)


def test_a_template_that_parses_passes_the_check() -> None:
    check("{range .items[*]}{\"end\"}{end}{.metadata.name}{}{'}'}text")


def test_what_an_object_makes_of_an_expression_is_no_fault_of_the_command_line() -> None:
    with pytest.raises(KagentError, match="can't be applied") as failed:
        evaluate(r"{.items[\a]}", {"items": [{"a": 1}, {"a": "x"}]})
    assert failed.value.exit_code == 1
