"""A text has what it uses in front of it, and nothing else."""

from __future__ import annotations

import pytest

from scripts.inlined import definitions, inlined

ONE = """\
{{/* A comment that has {{ define "no" }} in it. */}}

{{ define "a" -}}
{{ if .x }}{{ template "b" . }}{{ end }}
{{- end }}

{{/* Another. */}}
{{ define "c" }}c{{ end }}
"""
TWO = '{{ define "b" }}b{{ end }}\n'
DEFINED = definitions([ONE, TWO])
A = '{{ define "a" -}}\n{{ if .x }}{{ template "b" . }}{{ end }}\n{{- end }}'


def test_definitions_end_where_they_end() -> None:
    assert DEFINED == {"a": A, "c": '{{ define "c" }}c{{ end }}', "b": '{{ define "b" }}b{{ end }}'}


def test_what_is_used_comes_first_also_by_another() -> None:
    text = 'x {{ template "a" . }}'
    assert inlined(text, DEFINED) == f'{A}{{{{ define "b" }}}}b{{{{ end }}}}{text}'


def test_a_text_that_uses_nothing_stays() -> None:
    assert inlined("critical", DEFINED) == "critical"


def test_what_is_not_defined_is_an_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        inlined('{{ template "nobody" . }}', DEFINED)
