"""What stands around the panels: variables, links and annotations, the same on all dashboards if possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import attr
from grafanalib import core

from dashboards.fields import BLUE, ORANGE, RED, Json, Link
from dashboards.layout import Row, place
from dashboards.queries import AGENTS, OPEN, TILE
from dashboards.targets import PROMETHEUS

TAG = "kagent"
ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}
_ON_TIME_CHANGE = 2
# Kinds of a variable's query, by Grafana's numbers (PromVariableQueryType).
_LABEL_VALUES, _RESULT = 1, 3
_TIME = "${__url_time_range}"
# The variables that every dashboard hands on.
_COMMON = ("prometheus_datasource", "loki_datasource", "tempo_datasource", "cluster")


@attr.s
class Variable(core.Template):
    """A variable in the shape that Grafana writes today; ``definition`` is for its list of variables."""

    def to_json_data(self) -> Json:
        shape: Json = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "hide": self.hide,
            "current": self._current,
        }
        if self.type == "textbox":
            return shape | {"query": self.query}
        shape |= {"refresh": self.refresh, "options": [], "query": self.query, "regex": self.regex or ""}
        if self.type == "datasource":
            return shape | {"includeAll": False, "multi": False}
        return shape | {
            "allValue": self.allValue,
            "datasource": self.dataSource,
            "definition": self.query,
            "includeAll": self.includeAll,
            "multi": self.multi,
            "query": {"qryType": self._kind, "query": self.query, "refId": f"Variable-{self.name}"},
            "skipUrlSync": self._kind == _RESULT,
            "sort": self.sort,
        }

    @property
    def _kind(self) -> int:
        return _RESULT if self.query.startswith("query_result(") else _LABEL_VALUES


def datasource(kind: str) -> Variable:
    """The data source of a kind: prometheus, loki or tempo."""
    variable = Variable(
        name=f"{kind}_datasource",
        label=f"{kind.capitalize()} data source",
        query=kind,
        type="datasource",
        refresh=1,
    )
    variable._current = {}  # Grafana's default one
    return variable


def choice(name: str, query: str, *, label: str = "", every: str = ".*", single: bool = False) -> Variable:
    """A choice among label values; all of them unless ``single``. ``every`` is what All means in a query."""
    variable = Variable(
        name=name,
        label=label or name.capitalize(),
        query=query,
        dataSource=PROMETHEUS,
        refresh=_ON_TIME_CHANGE,
        sort=core.SORT_ALPHA_ASC,
        includeAll=not single,
        multi=not single,
        allValue=None if single else every,
    )
    variable._current = {} if single else dict(ALL)
    return variable


def worked_out(name: str, query: str, regex: str) -> Variable:
    """A value that a PromQL query gives for the time range; nobody chooses it. ``regex`` takes it from
    Grafana's text of the result: ``{label="value"} value time``."""
    variable = Variable(
        name=name,
        label=name.capitalize(),
        query=f"query_result({query})",
        dataSource=PROMETHEUS,
        refresh=_ON_TIME_CHANGE,
        regex=regex,
        hide=2,
    )
    variable._current = {}
    return variable


def text(name: str, label: str) -> Variable:
    """A text that the reader types."""
    variable = Variable(name=name, label=label, query="", type="textbox")
    variable._current = {"text": "", "value": ""}
    return variable


CLUSTER = choice("cluster", "label_values(kagent_agent_info, cluster)")
_OVER_A_DAY = "vector($__range_s) > 86400"
_TILE = worked_out(
    "tile",
    f'label_replace({_OVER_A_DAY}, "tile", "1h", "", "") or '
    'label_replace(vector($__range_s) <= 86400, "tile", "5m", "", "")',
    '/tile="([^"]+)"/',
)
# Seconds; all of the range where no hour has been recorded.
_OPEN = worked_out(
    "open",
    'clamp_min(floor(time() - max(last_over_time(kagent:hours:closed{cluster=~"$cluster"}[1d]))), 1) '
    f"and on () ({_OVER_A_DAY}) or on () ({_OVER_A_DAY}) or on () vector(1)",
    r"/} (\d+) /",
)
NAMESPACE = choice("namespace", 'label_values(kagent_agent_info{cluster=~"$cluster"}, namespace)')
_AGENTS_OF = 'kagent_agent_info{cluster=~"$cluster",namespace=~"$namespace"}'
AGENT = choice("agent", f"label_values({_AGENTS_OF}, name)")
TOOL = choice("tool", f"label_values(agent_tool:calls:total{{{AGENTS}}}, tool)")
MODEL = choice("model", f"label_values(agent_model:calls:total{{{AGENTS}}}, model)")


def to(uid: str, title: str, **variables: str) -> Link:
    """A link to a dashboard that carries the time, the data sources, the cluster, and these variables."""
    carried = [f"${{{name}:queryparam}}" for name in _COMMON]
    given = [f"var-{name}={value}" for name, value in variables.items()]
    return {"title": title, "url": f"/d/{uid}?{'&'.join([_TIME, *carried, *given])}"}


def to_agent(title: str, uid: str = "kagent-agent", source: str = "__field.labels") -> Link:
    """A link from a series of one agent; from a table's row with ``source="__data.fields"``."""
    return to(uid, title, namespace=f"${{{source}.namespace}}", agent=f"${{{source}.agent}}")


def explore(title: str, kind: str, query: str) -> Link:
    """A link to Explore, where ``kind`` (loki or tempo) is asked ``query`` in the dashboard's time range.

    ``query`` stands in JSON in an address: quoted for both here, but for the variables in it.
    """
    target = (
        f'{{"refId":"A","datasource":{{"type":"{kind}","uid":"${{{kind}_datasource}}"}},'
        f'"{"expr" if kind == "loki" else "query"}":"{_in_json(query)}",'
        f'"queryType":"{"range" if kind == "loki" else "traceql"}"}}'
    )
    pane = (
        f'{{"kagent":{{"datasource":"${{{kind}_datasource}}","queries":[{target}],'
        '"range":{"from":"${__from}","to":"${__to}"}}}'
    )
    return {"title": title, "url": f"/explore?schemaVersion=1&panes={quote(pane, safe='${}_.:')}"}


def _in_json(query: str) -> str:
    return query.replace("\\", "\\\\").replace('"', '\\"')


def _annotation(name: str, expr: str, color: str, title: str, text: str, *, enable: bool = True) -> Json:
    return {
        "name": name,
        "datasource": PROMETHEUS,
        "enable": enable,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": "60s",
        "titleFormat": title,
        "textFormat": text,
        "target": {"expr": expr, "refId": "Anno", "interval": "60s"},
    }


def _event(name: str, event: str, color: str, title: str, text: str, *, enable: bool = True) -> Json:
    """Of a series whose value is when something happened; Grafana takes milliseconds."""
    expr = f"max_over_time(kagent:event:{event}[$__interval]) * 1000"
    return _annotation(name, expr, color, title, text, enable=enable) | {"useValueForTime": True}


# What an alert calls the things that a dashboard chooses among.
_LABELS = {"namespace": "namespace", "agent": "agent", "server": "name", "gateway": "gateway"}


def what_happened(variables: Sequence[Variable]) -> list[Json]:
    """What happened to what these variables choose: changes, revisions, rollouts, restarts, alerts.

    Where one workload is chosen all is shown; where many are, restarts and alerts would hide the rest, and
    are there to be switched on.
    """
    chosen = {variable.name for variable in variables}
    single = any(not variable.includeAll for variable in variables if variable.name in ("server", "agent"))
    where = 'cluster=~"$cluster"' + (',namespace=~"$namespace"' if "namespace" in chosen else "")
    workload = next((name for name in ("server", "agent") if name in chosen), "")
    named = where + (f',name=~"${workload}"' if workload else "")
    # Also alerts without the label: a collector that is down concerns every agent.
    alerts = 'cluster=~"$cluster"' + "".join(
        f',{label}=~"${variable}|"' for variable, label in _LABELS.items() if variable in chosen
    )
    return [
        {
            "name": "Annotations & Alerts",
            "type": "dashboard",
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": True,
            "hide": True,
            "iconColor": "rgba(0, 211, 255, 1)",
        },
        _event(
            "Config changes",
            f"config_change{{{named}}}",
            BLUE,
            "{{namespace}}/{{name}}: {{change}} changed",
            "by {{changed_by}}",
        ),
        _event(
            "New revisions",
            f"new_revision{{{named}}}",
            BLUE,
            "{{namespace}}/{{name}}: new revision",
            "{{kind}}",
        ),
        _event(
            "Rollbacks",
            f"rollback{{{named}}}",
            ORANGE,
            "{{namespace}}/{{name}}: rolled back",
            "{{kind}}",
        ),
        _event(
            "Rollouts",
            f"deployment_change{{{named}}}",
            ORANGE,
            "{{namespace}}/{{name}}: Deployment changed",
            "A rollout, or another number of replicas",
        ),
        _event(
            "Restarts",
            f"container_restart{{{named}}}",
            RED,
            "{{namespace}}/{{pod}}: container restarted",
            "{{container}}",
            enable=single,
        ),
        _annotation(
            "Firing alerts",
            f'ALERTS{{alertname=~"Kagent.+",alertname!="KagentWatchdog",alertstate="firing",{alerts}}}',
            RED,
            "{{alertname}}",
            "{{severity}}: {{namespace}} {{agent}} {{name}}",
            enable=single,
        ),
    ]


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[Row],
    *,
    variables: Sequence[Variable],
    hours: int = 6,
) -> core.Dashboard:
    """A dashboard of these rows: data sources and cluster before its own variables, links, annotations."""
    everywhere = [*map(datasource, ("prometheus", "loki", "tempo")), CLUSTER, *_worked_out_for(rows)]
    return core.Dashboard(
        uid=uid,
        title=title,
        description=description,
        tags=[TAG],
        editable=False,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        refresh="1m",
        timezone="browser",
        time=core.Time(f"now-{hours}h", "now"),
        timePicker=core.TimePicker(refreshIntervals=["30s", "1m", "5m", "15m", "1h"], timeOptions=[]),
        templating=core.Templating(list=[*everywhere, *variables]),
        annotations=core.Annotations(list=what_happened(variables)),
        links=[_DROPDOWN],
        panels=place(rows),
    )


def _worked_out_for(rows: Sequence[Row]) -> list[Variable]:
    """Those that a query or its step has in it."""
    targets = [target for row in rows for panel in row.panels for target in panel.targets]
    texts = [f"{target.expr} {target.interval}" for target in targets]
    return [one for one, text in ((_TILE, TILE), (_OPEN, OPEN)) if any(text in other for other in texts)]


_DROPDOWN: dict[str, Any] = {
    "type": "dashboards",
    "title": "kagent dashboards",
    "tags": [TAG],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}
