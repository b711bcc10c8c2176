"""Results in kubectl's formats: json, yaml, name, jsonpath, custom-columns."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import UsageError
from kubectl_kagent.masking import masked_value
from kubectl_kagent.render.escapes import is_harmless
from kubectl_kagent.render.jsonpath import check, evaluate, find_values
from kubectl_kagent.render.table import plain, table

Object = Mapping[str, Any]

# What YAML 1.1 or Go's reader takes for a number or a boolean, though PyYAML writes it without quotes.
_AMBIGUOUS = re.compile(
    r"[yYnN]|[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|0[oO][0-7]+|0[xX][\da-fA-F]+|0[bB][01]+)"
)
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+~-]*")


# Those that take what follows an equals sign, and its name in the help.
TEMPLATES = {"jsonpath": "TEMPLATE", "jsonpath-as-json": "TEMPLATE", "custom-columns": "HEADER:PATH,..."}
# Of a verb that prints API objects, those of its answer.
OBJECTS = ("json", "yaml", "name", "jsonpath", "custom-columns")


@dataclass(frozen=True, slots=True)
class Output:
    """What ``-o`` asks for: the format's name, empty for the verb's own text, and the template of some."""

    name: str = ""
    template: str = ""

    @property
    def is_text(self) -> bool:
        """Whether it is for people: the verb's own text, or its wide table."""
        return self.name in ("", "text", "wide")

    @property
    def wide(self) -> bool:
        return self.name == "wide"

    def objects(self, items: Sequence[Object], *, single: bool) -> str:
        """API objects in this format; a List around them unless ``single``."""
        shown = [strip_managed_fields(item) for item in items]
        if self.name == "name":
            return "".join(f"{object_label(item)}\n" for item in items)
        if self.name == "custom-columns":
            return custom_columns(shown, self.template)
        metadata = {"resourceVersion": ""}
        listed = {"apiVersion": "v1", "items": shown, "kind": "List", "metadata": metadata}
        whole: Object = shown[0] if single else listed
        if self.name == "json":
            return json.dumps(whole, indent=4, ensure_ascii=False, sort_keys=True, default=str) + "\n"
        return self._written(whole)

    def view(self, value: Mapping[str, object], *, whole: bool = False) -> str:
        """A view of our own in this format. Secrets in it are masked unless it is to be ``whole``.

        Its keys are an interface: each view is a TypedDict, and docs/output.md is written from these.
        """
        value = value if whole else masked_value(value)
        if self.name == "json":
            return json.dumps(value, indent=4, ensure_ascii=False, default=str) + "\n"
        return self._written(value)

    def _written(self, value: Mapping[str, object]) -> str:
        if not self.name.startswith("jsonpath"):
            return to_yaml(value)
        return evaluate(self.template, value, as_json=self.name == "jsonpath-as-json")


TEXT = Output()


def parse(text: str, formats: Sequence[str]) -> Output:
    """What ``-o`` was given, one of ``formats``.

    Raises UsageError for any other format, and for a template that does not parse.
    """
    name, _, template = text.partition("=")
    if name not in with_json(formats) or (name in TEMPLATES) != bool(template):
        raise UsageError(
            f'unable to match a printer suitable for the output format "{text}"',
            hint=f"allowed: {spelled(formats)}",
        )
    if name.startswith("jsonpath"):
        check(template)
    elif name == "custom-columns":
        custom_columns([{}], template)
    return Output(name, template)


def spelled(formats: Sequence[str]) -> str:
    """The formats as they are typed: ``json, yaml, jsonpath=TEMPLATE``."""
    every = with_json(formats)
    return ", ".join(f"{name}={TEMPLATES[name]}" if name in TEMPLATES else name for name in every)


def with_json(formats: Sequence[str]) -> tuple[str, ...]:
    """The formats, and beside ``jsonpath`` what it finds as JSON."""
    beside = {"jsonpath": ("jsonpath", "jsonpath-as-json")}
    return tuple(name for each in formats for name in beside.get(each, (each,)))


def to_yaml(value: Any) -> str:
    """YAML as kubectl writes it: block style, keys sorted, a text of several lines as these lines."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        # only between double quotes a code is what it stands for, also one that is put there to be printed
        quoted = not is_harmless(data, shown=True) or _AMBIGUOUS.fullmatch(data.replace("_", ""))
        style = '"' if quoted else "|" if "\n" in data else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Dumper.add_representer(str, text)
    Dumper.add_representer(TooDeep, lambda dumper, value: text(dumper, str(value)))
    unfolded = sys.maxsize
    return yaml.dump(
        value, Dumper=Dumper, sort_keys=True, default_flow_style=False, allow_unicode=True, width=unfolded
    )


def id_lines(kind: str, ids: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """``KIND/ID`` a line, and the ids left out: what xargs would take apart, or a program for an option.

    Services and agents choose the ids of sessions, tasks and traces.
    """
    safe = [id_ for id_ in ids if _PLAIN_ID.fullmatch(id_)]
    prefix = f"{kind}/" if kind else ""
    return "".join(f"{prefix}{id_}\n" for id_ in safe), tuple(id_ for id_ in ids if id_ not in safe)


def object_label(item: Object) -> str:
    """``agent.kagent.dev/NAME``, or ``pod/NAME`` in the core API."""
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    kind = str(item.get("kind", "")).lower()
    return plain(f"{kind}{'.' + group if group else ''}/{item['metadata']['name']}")


def changed(item: Object, verb: str, dry_run: str = "none") -> str:
    """The line after a change: ``agent.kagent.dev/NAME scaled``."""
    suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}[dry_run]
    return plain(f"{object_label(item)} {verb}{suffix}")


def custom_columns(items: Sequence[Object], spec: str) -> str:
    """``HEADER:.path,HEADER:.path`` as a table. Raises UsageError for another spec."""
    columns = [column.partition(":") for column in spec.split(",")]
    if not all(header and path for header, _, path in columns):
        raise UsageError(
            f'"{spec}" is not a custom-columns spec',
            hint="write it like NAME:.metadata.name,UID:.metadata.uid",
        )
    rows = [
        [",".join(map(_cell, find_values(path, item))) or "<none>" for _, _, path in columns]
        for item in items
    ]
    return table([header for header, _, _ in columns], rows)


def _cell(value: Any) -> str:
    """As Go prints values, which is what kubectl puts into columns."""
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{key}:{_cell(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_cell, value))}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def strip_managed_fields(item: Object) -> dict[str, Any]:
    """Without ``metadata.managedFields``, which kubectl hides too."""
    metadata = {key: value for key, value in (item.get("metadata") or {}).items() if key != "managedFields"}
    return {**item, "metadata": metadata}
