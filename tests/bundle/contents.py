"""What is in a dashboard's JSON: its panels, their queries, and the PromQL in them as a tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.pictures.steps import seconds_of
from scripts.rule_checks import promql
from tests.lab.layout import CHECKOUT

Json = dict[str, Any]
GENERATED = CHECKOUT / "dashboards" / "generated"
# What Grafana puts in for a range of some hours.
_MACROS = {"$__rate_interval": "2m", "$__interval": "5m", "$__auto": "5m"}
# What the variables that nobody chooses are for such a range.
_WITHIN_A_DAY = {"tile": "5m", "open": "1"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a dashboard, and where it is."""

    where: str
    kind: str  # prometheus, loki or tempo
    text: str
    target: Json


def generated() -> dict[str, Json]:
    """The dashboards that are checked in, by uid."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(GENERATED.glob("*.json"))}


def panels(dashboard: Json) -> list[Json]:
    """All panels but the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard: Json) -> list[Json]:
    return list(dashboard["templating"]["list"])


def queries(dashboard: Json) -> Iterator[Query]:
    """The queries of panels and annotations, then those that fill the variables."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            text = target.get("expr") or target["query"]
            yield Query(f"{panel['title']}/{target['refId']}", target["datasource"]["type"], text, target)
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(f"annotation {annotation['name']}", "prometheus", annotation["expr"], annotation)
    for variable in variables(dashboard):
        if variable["type"] == "query":
            yield Query(f"variable {variable['name']}", "prometheus", selector(variable), variable)


def selector(variable: Json) -> str:
    """The PromQL in label_values(SELECTOR, LABEL), or in query_result(QUERY)."""
    text = variable["query"]["query"]
    found = re.fullmatch(r"label_values\((.+), *\w+\)|query_result\((.+)\)", text)
    if found is None:
        raise ValueError(f"{variable['name']} is filled by neither label_values nor query_result")
    return str(found[1] or found[2])


def filled_in(
    text: str, variables: Mapping[str, str] | None = None, *, default: str = "x", span: str = "6h"
) -> str:
    """A query as Grafana sends it for that span; of a variable that is not given, ``default``."""
    for macro, value in {**_MACROS, "$__range_s": str(seconds_of(span)), "$__range": span}.items():
        text = text.replace(macro, value)
    known = {**_WITHIN_A_DAY, **(variables or {})}
    return re.sub(r"\$\{?([a-z_]+)(?::\w+)?\}?", lambda found: known.get(found[1], default), text)


def parsed(query: Query) -> Any:
    """The tree of a PromQL query. Raises ValueError if it is none."""
    return promql.parse(filled_in(query.text))
