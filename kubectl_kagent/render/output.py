"""Print API objects in kubectl's formats: json, yaml, name, jsonpath, custom-columns."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_kagent.decoding import TooDeep
from kubectl_kagent.errors import Usage
from kubectl_kagent.masking import masked_value
from kubectl_kagent.render.escapes import is_harmless
from kubectl_kagent.render.jsonpath import evaluate, find_values
from kubectl_kagent.render.table import plain, table

Object = Mapping[str, Any]

# What YAML 1.1 or Go's reader takes for a number or a boolean, though PyYAML writes it without quotes.
_AMBIGUOUS = re.compile(
    r"[yYnN]|[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?|0[oO][0-7_]+|0[xX][\da-fA-F_]+|0[bB][01_]+"
)
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+~-]*")


def objects(items: Sequence[Object], output: str, *, single: bool, wide: bool = True) -> str:
    """``items`` as ``output`` asks; a List around them unless ``single``. ``wide``: the caller has that too.

    Raises Usage for a format that kubectl does not know either.
    """
    name, _, argument = output.partition("=")
    shown = [strip_managed_fields(item) for item in items]
    whole: Object = (
        shown[0]
        if single
        else {"apiVersion": "v1", "items": shown, "kind": "List", "metadata": {"resourceVersion": ""}}
    )
    if output == "json":
        return json.dumps(whole, indent=4, ensure_ascii=False, sort_keys=True, default=str) + "\n"
    if output == "yaml":
        return to_yaml(whole)
    if output == "name":
        return "".join(f"{object_label(item)}\n" for item in items)
    if name == "jsonpath" and argument:
        return evaluate(argument, whole)
    if name == "custom-columns" and argument:
        return custom_columns(shown, argument)
    texts = "json, yaml, name, wide" if wide else "json, yaml, name"
    raise Usage(
        f'unable to match a printer suitable for the output format "{output}"',
        hint=f"allowed: {texts}, jsonpath=TEMPLATE, custom-columns=HEADER:PATH,...",
    )


def check(output: str) -> str:
    """``output`` itself. Raises Usage for what ``objects`` could not print, before anything is changed."""
    if output:
        objects([{"metadata": {"name": ""}}], output, single=True, wide=False)
    return output


def data(value: Mapping[str, Any], output: str, *, wide: bool = False, whole: bool = False) -> str:
    """A view of our own as json, yaml or through jsonpath; ``wide`` when it has that too.

    Secrets in it are masked unless it is to be ``whole``.

    Raises Usage for another format.
    """
    name, _, argument = output.partition("=")
    value = value if whole else masked_value(value)
    if output == "json":
        return json.dumps(value, indent=4, ensure_ascii=False, default=str) + "\n"
    if output == "yaml":
        return to_yaml(value)
    if name == "jsonpath" and argument:
        return evaluate(argument, value)
    raise Usage(
        f'this view has no output format "{output}"',
        hint="allowed: json, yaml, jsonpath=TEMPLATE" + (", wide" if wide else ""),
    )


def to_yaml(value: Any) -> str:
    """YAML as kubectl writes it: block style, keys sorted, a text of several lines as these lines."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
        # only between double quotes a code is what it stands for, also one that is put there to be printed
        quoted = not is_harmless(data, shown=True) or _AMBIGUOUS.fullmatch(data)
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


def changed(item: Object, verb: str, output: str, dry_run: str = "none") -> str:
    """The line (or object) after a change: ``agent.kagent.dev/NAME scaled``."""
    if output:
        return objects([item], output, single=True)
    suffix = {"none": "", "client": " (dry run)", "server": " (server dry run)"}[dry_run]
    return plain(f"{object_label(item)} {verb}{suffix}") + "\n"


def custom_columns(items: Sequence[Object], spec: str) -> str:
    """``HEADER:.path,HEADER:.path`` as a table."""
    columns = [column.partition(":") for column in spec.split(",")]
    if not all(header and path for header, _, path in columns):
        raise Usage(
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
