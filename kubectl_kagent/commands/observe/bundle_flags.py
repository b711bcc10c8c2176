"""What the verbs of observe have in common: the options that say what the bundle is for this cluster."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from kubectl_kagent.cli import terminal
from kubectl_kagent.cli.options import Connect
from kubectl_kagent.cluster import Cluster
from kubectl_kagent.errors import Forbidden, NotFound, UsageError
from kubectl_kagent.model.resources import CRD, GRAFANA_DASHBOARD, PROMETHEUS_RULE, Resource
from kubectl_kagent.observe import bundle, files, rule_values
from kubectl_kagent.observe.addresses import (
    DEFAULT_LOKI,
    DEFAULT_TRACES,
    Destinations,
    find_loki,
    find_traces,
)
from kubectl_kagent.observe.bundle import Operator, Settings
from kubectl_kagent.observe.for_alertmanager import DEFAULT_LOKI_UID
from kubectl_kagent.observe.selectors import selected_labels

F = TypeVar("F", bound=Callable[..., Any])

# what tells that an operator is there
_SERVED: dict[Operator, Resource] = {
    "prometheus-operator": PROMETHEUS_RULE,
    "grafana-operator": GRAFANA_DASHBOARD,
}
EXCLUSIVE = (("--operator", "--plain"), ("--plain", "--grafana-url"))


@dataclass(frozen=True, slots=True)
class BundleFlags:
    """The bundle as the command line describes it. A cluster is asked only for what it leaves open."""

    operator: bool
    plain: bool
    values: Path | None
    destinations: Destinations
    grafana: str
    loki_uid: str
    recorder_image: str

    @property
    def as_typed(self) -> tuple[str, ...]:
        """Those that were given."""
        switches = (("--operator", self.operator), ("--plain", self.plain))
        texts = (
            ("--traces-endpoint", self.destinations.traces),
            ("--loki-endpoint", self.destinations.loki),
            ("--tenant", self.destinations.tenant),
            ("--grafana-url", self.grafana),
            ("--loki-uid", self.loki_uid),
            ("--values", self.values),
            ("--recorder-image", self.recorder_image),
        )
        given = (name for name, is_on in switches if is_on)
        return (*given, *(f"{name}={text}" for name, text in texts if text))

    def objects(self, connect: Connect) -> list[bundle.Object]:
        """The bundle's objects for a cluster. Raises UsageError for values that are wrong."""
        values = self._values()  # what is wrong is said before anything is asked
        operators = {name for name, resource in _SERVED.items() if self._is_there(name, resource, connect)}
        if self.grafana and "prometheus-operator" not in operators:
            raise UsageError(
                "--grafana-url is for an AlertmanagerConfig, and the cluster has no prometheus-operator",
                hint="docs/alerting.md has the configuration of a plain Alertmanager",
            )
        labels = _labels(connect()) if "prometheus-operator" in operators else {}
        return self._built(operators, _found(connect, self.destinations), labels, values)

    def objects_for_any(self, connect: Connect) -> list[bundle.Object]:
        """The same, but where the command line names the flavour no cluster is asked for anything."""
        if not self.operator and not self.plain:
            return self.objects(connect)
        operators: set[Operator] = {"prometheus-operator"} if self.operator else set()
        return self._built(operators, self.destinations, {}, self._values())

    def _is_there(self, name: Operator, resource: Resource, connect: Connect) -> bool:
        if name == "prometheus-operator" and (self.operator or self.plain):
            return self.operator
        return serves(connect(), resource)

    def _built(
        self, operators: set[Operator], destinations: Destinations, labels: Mapping[str, str], values: str
    ) -> list[bundle.Object]:
        settings = Settings(
            operators=frozenset(operators),
            namespace=namespace(),
            values=values,
            destinations=destinations,
            labels=labels,
            grafana=self.grafana,
            loki_uid=self.loki_uid or DEFAULT_LOKI_UID,
            recorder_image=self.recorder_image,
            options=self.as_typed,
        )
        return bundle.build(files.root(), settings)

    def _values(self) -> str:
        """The file's text, whose values are right; empty without one. Raises UsageError."""
        if not self.values:
            return ""
        try:
            text = self.values.read_text()
            rule_values.rules_file(rule_values.merged((files.root() / rule_values.SOURCE).read_text(), text))
        except OSError as error:
            raise UsageError(f"{self.values} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UsageError(f"{self.values} cannot be read: it is not UTF-8 text") from None
        except ValueError as error:
            message = str(error).removeprefix(rule_values.SOURCE).removeprefix(": ").strip()
            raise UsageError(f"{self.values}: {message}") from None
        return text


def _labels(cluster: Cluster) -> dict[str, str]:
    try:
        return selected_labels(cluster)
    except Forbidden as error:
        terminal.warn(
            f"Prometheus may take up nothing: which labels it wants is not known: {error.explained}"
        )
        return {}


def _found(connect: Connect, given: Destinations) -> Destinations:
    """With what the cluster has where nothing is given; what is not found is said."""
    traces = given.traces or find_traces(connect())
    if not traces:
        _warn(
            "no Tempo or Jaeger with an OTLP port (4317) was found: traces go",
            DEFAULT_TRACES,
            "--traces-endpoint",
        )
    loki = given.loki or find_loki(connect())
    if not loki:
        _warn("no Loki was found: logs go", DEFAULT_LOKI, "--loki-endpoint")
    return replace(given, traces=traces, loki=loki)


def _warn(what: str, where: str, option: str) -> None:
    terminal.warn(f"{what} to {where}, unless {option} names another address")


def bundle_flags(function: F) -> F:
    """Add the options; the verb gets them as ``flags``."""

    @functools.wraps(function)
    def wrapper(
        *args: Any,
        operator: bool,
        plain: bool,
        values: Path | None,
        traces_endpoint: str,
        loki_endpoint: str,
        tenant: str,
        grafana_url: str,
        loki_uid: str,
        recorder_image: str,
        **rest: Any,
    ) -> Any:
        if loki_uid and not grafana_url:
            raise UsageError("--loki-uid is for the links of --grafana-url, which is not given")
        destinations = Destinations(traces_endpoint, loki_endpoint, tenant)
        flags = BundleFlags(operator, plain, values, destinations, grafana_url, loki_uid, recorder_image)
        return function(*args, flags=flags, **rest)

    for option in reversed(_OPTIONS):
        wrapper = option(wrapper)
    return wrapper  # type: ignore[return-value]  # click's decorators keep the callable, not its type


class Matching(click.ParamType[str]):
    """A text of that form, and how it is described."""

    name = "text"

    def __init__(self, form: str, described: str) -> None:
        self._form, self._described = form, described

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text and not re.fullmatch(self._form, text):
            self.fail(f"{text!r} is not {self._described}", param, ctx)
        return text.rstrip("/")


_HOST = r"[A-Za-z0-9.-]+"
_URL = rf"https?://{_HOST}(:\d+)?(/[A-Za-z0-9./_-]*)?"
_IMAGE = r"[A-Za-z0-9][A-Za-z0-9._-]*(:\d+)?(/[A-Za-z0-9._-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"
_OPTIONS = (
    click.option(
        "--operator",
        is_flag=True,
        help="Objects of the prometheus-operator; default: if the cluster has its PrometheusRules.",
    ),
    click.option("--plain", is_flag=True, help="Rules and scrapes as ConfigMaps, for a plain Prometheus."),
    click.option(
        "--traces-endpoint",
        metavar="HOST:PORT",
        default="",
        type=Matching(rf"(https?://)?{_HOST}:\d+/?", "an address like tempo.monitoring:4317"),
        help="Where traces go by OTLP over gRPC; default: the Tempo or Jaeger of the cluster.",
    ),
    click.option(
        "--loki-endpoint",
        metavar="URL",
        default="",
        type=Matching(_URL, "a URL like http://loki.monitoring:3100"),
        help="Where logs go; default: the Loki of the cluster.",
    ),
    click.option(
        "--tenant",
        metavar="ID",
        default="",
        type=Matching(r"[A-Za-z0-9!_.*'()-]{1,150}", "the id of a tenant"),
        help="Tenant of Tempo and Loki, sent as X-Scope-OrgID.",
    ),
    click.option(
        "--grafana-url",
        metavar="URL",
        default="",
        type=Matching(_URL, "a URL like https://grafana.example.org"),
        help="Route alerts to Slack and PagerDuty by an AlertmanagerConfig of the prometheus-operator, with "
        "links to this Grafana. Its Secret is yours to make.",
    ),
    click.option(
        "--loki-uid",
        metavar="UID",
        default="",
        type=Matching(r"[A-Za-z0-9_-]{1,40}", "the uid of a data source"),
        help=f"Of that Grafana's Loki data source, for links to logs; default: {DEFAULT_LOKI_UID}, that of "
        "manifests/grafana.",
    ),
    click.option(
        "--recorder-image",
        metavar="IMAGE",
        default="",
        type=Matching(_IMAGE, "an image like registry.example.com/kagent-recorder:0.1.0"),
        help="Bring the recorder, too, which keeps the whole history of agents and may write "
        "ControllerRevisions in all namespaces; this is the image that you built of it.",
    ),
    click.option(
        "--values",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Thresholds, objectives and prices of your own, in the form of alerts/values.yaml; "
        "what it does not name stays.",
    ),
)


def serves(cluster: Cluster, resource: Resource) -> bool:
    """Whether the cluster has that kind."""
    try:
        cluster.get(CRD, None, resource.full_name)
    except NotFound:
        return False
    return True


def namespace() -> str:
    """The bundle's: that of ``-n``, whose default is not the context's."""
    return str(click.get_current_context().params["namespace"])
