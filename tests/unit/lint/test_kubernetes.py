"""Objects of other kinds than kagent's: what rules read of them fits, or nobody takes them."""

from __future__ import annotations

import pytest

from kubectl_kagent.lint.crds import packed
from kubectl_kagent.lint.linter import lint
from kubectl_kagent.lint.sources import Source
from tests.lab.layout import CHECKOUT

AGENT = (CHECKOUT / "tests/data/lint/unapproved-tool/bad.yaml").read_text()


def linted(text: str) -> list[tuple[str, str]]:
    """Errors: object and field, what is wrong."""
    found = lint([Source("a.yaml", f"{text}\n---\n{AGENT}".encode(), "a.yaml")], packed())
    return [(f"{each.about} {each.path}", each.text) for each in found.findings if each.severity == "error"]


@pytest.mark.parametrize(
    ("version", "kind", "body", "path", "told"),
    [
        ("v1", "Service", "spec: [1]", "spec", "must be an object, not a list"),
        ("v1", "Service", "spec: {selector: 3}", "spec.selector", "must be an object, not a number"),
        ("v1", "ConfigMap", "data: 3", "data", "must be an object, not a number"),
        ("v1", "Secret", "stringData: {a: 1}", "stringData.a", "must be a string, not a number"),
        ("apps/v1", "Deployment", "spec: {template: 4}", "spec.template", "must be an object, not a number"),
        (
            "apps/v1",
            "Deployment",
            "spec: {template: {spec: {containers: [1]}}}",
            "spec.template.spec.containers[0]",
            "must be an object, not a number",
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "spec: {podSelector: {matchExpressions: [4]}}",
            "spec.podSelector.matchExpressions[0]",
            "must be an object, not a number",
        ),
        (
            "autoscaling/v1",
            "HorizontalPodAutoscaler",
            "spec: {scaleTargetRef: 3}",
            "spec.scaleTargetRef",
            "must be an object, not a number",
        ),
    ],
)
def test_what_does_not_fit_is_said_and_not_read(
    version: str, kind: str, body: str, path: str, told: str
) -> None:
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: odd}}\n{body}"
    assert linted(text) == [(f"{kind.lower()} default/odd {path}", told)]


def test_a_namespace_whose_labels_are_none() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: 3}"
    assert linted(text) == [("namespace default/default metadata.labels", "must be an object, not a number")]


def test_what_no_rule_reads_may_be_anything() -> None:
    assert linted("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: 3") == []


def test_each_item_of_a_list_is_an_object() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- 1\n- {kind: Agent}\n- null"
    assert linted(text) == [
        (" ", "is not a Kubernetes object: it has no apiVersion and no kind"),
        (" ", "is not a Kubernetes object: it has no apiVersion"),
        (" ", "is not a Kubernetes object: it has no apiVersion and no kind"),
    ]
