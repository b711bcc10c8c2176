"""All of lint over files that are read already. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kubectl_kagent.lint.admission import admitted
from kubectl_kagent.lint.crds import Schemas
from kubectl_kagent.lint.documents import Document, documents
from kubectl_kagent.lint.faults import spelled
from kubectl_kagent.lint.findings import LintFinding, LintReport, NotJudged
from kubectl_kagent.lint.ignores import Ignore, Placed, apply, of_annotations, of_comments
from kubectl_kagent.lint.kubernetes import schema_of
from kubectl_kagent.lint.manifests import DEFAULT, Manifest, Manifests, manifests_of
from kubectl_kagent.lint.rules import BY_ID, RULES
from kubectl_kagent.lint.rules.rule import Raised
from kubectl_kagent.lint.sources import Source
from kubectl_kagent.model.resources import KAGENT_GROUP


@dataclass(slots=True)
class _Found:
    """What is found so far."""

    placed: list[Placed] = field(default_factory=list)
    ignores: list[Ignore] = field(default_factory=list)
    unjudged: dict[NotJudged, None] = field(default_factory=dict)  # each once, in order

    def add(self, items: Iterable[Ignore | Placed | NotJudged]) -> None:
        for item in items:
            if isinstance(item, Ignore):
                self.ignores.append(item)
            elif isinstance(item, NotJudged):
                self.unjudged[item] = None
            else:
                self.placed.append(item)


def lint(sources: Iterable[Source], schemas: Schemas, namespace: str = DEFAULT) -> LintReport:
    """Every finding in ``sources``; objects that name no namespace are in ``namespace``."""
    found = _Found()
    objects: list[Manifest] = []
    files = 0
    for source in sources:
        files += 1
        for document in documents(source.content):
            found.add(_problems(source.name, document))
            found.add(of_comments(source.name, document.comments))
            if document.value is not None:
                objects += manifests_of(source.name, document, namespace)
    fitting: list[Manifest] = []
    for manifest in objects:
        faults = list(_of_schema(manifest, schemas))
        if not any(isinstance(item, Placed) for item in faults):
            fitting.append(manifest)
        found.add(faults)
        found.add(of_annotations(manifest))
    found.add(_of_rules(Manifests(fitting)))
    left, ignored = apply(found.placed, found.ignores)
    ordered = sorted(dict.fromkeys(left), key=lambda each: (each.file, each.line, each.rule, each.path))
    return LintReport(files, len(objects), tuple(ordered), tuple(found.unjudged), ignored)


def _problems(file: str, document: Document) -> Iterator[Placed]:
    for problem in document.problems:
        severity = BY_ID[problem.rule].severity
        yield Placed(LintFinding(problem.rule, severity, file, problem.line, "", "", problem.text))


def _of_schema(manifest: Manifest, schemas: Schemas) -> Iterator[Placed | NotJudged]:
    if missing := [key for key in ("apiVersion", "kind") if not manifest.value.get(key)]:
        text = f"is not a Kubernetes object: it has no {' and no '.join(missing)}"
        line = manifest.line(())
        severity = BY_ID["unreadable"].severity
        yield Placed(LintFinding("unreadable", severity, manifest.file, line, "", "", text))
        return
    is_ours = manifest.group == KAGENT_GROUP
    schema = (
        schemas.schema(manifest.api_version, manifest.kind)
        if is_ours
        else schema_of(manifest.group, manifest.kind)
    )
    if schema is None:
        versions = ", ".join(schemas.versions(KAGENT_GROUP, manifest.kind))
        if not is_ours:
            if versions:
                why = f"its apiVersion is {manifest.api_version}; kagent's {manifest.kind} has {versions}"
                yield NotJudged("unknown-kind", manifest.label, why)
            return
        about = f"{manifest.api_version} of {manifest.kind}" if versions else manifest.kind
        has = f": there is {versions}" if versions else ""
        text = f"{about} is not in the schemas of {schemas.of}{has}; it was not checked"
        yield _placed("unknown-kind", Raised(manifest, ("apiVersion",) if versions else ("kind",), text))
        return
    faults, unjudged = admitted(schema, manifest.value)
    for fault in faults:
        yield _placed(fault.kind, Raised(manifest, fault.path, fault.text))
    for rule in unjudged:
        why = f"{spelled(rule.path)}: {rule.rule}: {rule.why}"
        yield NotJudged("validation-rule", manifest.label, why)


def _of_rules(manifests: Manifests) -> Iterator[Placed | NotJudged]:
    for rule in RULES:
        for item in rule.judge(manifests) if rule.judge else ():
            yield item if isinstance(item, NotJudged) else _placed(rule.id, item)


def _placed(rule: str, raised: Raised) -> Placed:
    manifest = raised.manifest
    line = manifest.line(raised.path)
    path = spelled(raised.path)
    severity = BY_ID[rule].severity
    finding = LintFinding(rule, severity, manifest.file, line, manifest.label, path, raised.text)
    return Placed(finding, manifest)
