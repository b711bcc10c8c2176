"""What the bundle's collectors write beside what they are sent, read from their own configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.lab.layout import CHECKOUT

_FOLDER = CHECKOUT / "manifests" / "observability"
_SET = re.compile(r'set\((resource|span|log)\.attributes\["([^"]+)"\]')
# What the operator `container` of file_log reads from a file's path (opentelemetry-collector-contrib,
# pkg/stanza/docs/operators/container.md).
_OF_A_PATH = {
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.pod.uid",
    "k8s.container.name",
    "k8s.container.restart_count",
}
# What Loki 3 takes for labels of a stream, of what is here; the rest becomes structured metadata
# (https://grafana.com/docs/loki/latest/send-data/otel/).
_LABELS = {"k8s.namespace.name", "k8s.pod.name", "k8s.container.name"}


def of_stored_spans() -> set[str]:
    """Attributes that the collector gives to spans on their way to where traces are kept."""
    config = _config("collector/collector.yaml")
    return {name for processor in _way(config, "otlp", "otlp_grpc/tempo") for name in _written(processor)}


def of_streams() -> set[str]:
    """Labels of the streams of lines in Loki."""
    return {_in_loki(name) for name in _of_lines() & _LABELS}


def of_lines() -> set[str]:
    """Structured metadata of lines in Loki."""
    return {_in_loki(name) for name in _of_lines() - _LABELS}


def has_exemplars() -> bool:
    """Whether the durations of spans have their traces beside them, as the OpenMetrics text does."""
    config = _config("collector/collector.yaml")
    return bool(
        config["connectors"]["span_metrics"]["exemplars"]["enabled"]
        and config["exporters"]["prometheus"]["enable_open_metrics"]
    )


def _of_lines() -> set[str]:
    config = _config("logs/logs.yaml")
    (operator,) = config["receivers"]["file_log"]["operators"]
    found = {*_OF_A_PATH} if operator == {"type": "container"} else set()
    for processor in _way(config, "file_log", "otlp_http/loki"):
        found |= {*_written(processor)}
        if "set(log.trace_id.string" in str(processor):
            found.add("trace_id")  # a field of its own in OTLP, which Loki keeps under this name
    return found


def _config(path: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((_FOLDER / path).read_text())
    return config


def _way(config: dict[str, Any], receiver: str, exporter: str) -> Iterator[dict[str, Any]]:
    """The processors of the pipelines from a receiver to an exporter, in their order."""
    for pipeline in config["service"]["pipelines"].values():
        if receiver not in pipeline["receivers"]:
            continue
        further = [name for name in pipeline["exporters"] if name in config.get("connectors", {})]
        rest = [[*_way(config, name, exporter)] for name in further]
        if exporter in pipeline["exporters"] or any(rest):
            yield from (config["processors"][name] or {} for name in pipeline["processors"])
            yield from (processor for each in rest for processor in each)


def _written(processor: dict[str, Any]) -> Iterator[str]:
    """The attributes that a processor sets: k8s_attributes by name, transform by its statements."""
    extract = processor.get("extract", {})
    yield from extract.get("metadata", ())
    yield from (label["tag_name"] for label in extract.get("labels", ()))
    yield from (name for _, name in _SET.findall(str(processor)))


def _in_loki(name: str) -> str:
    return name.replace(".", "_").replace("/", "_")
