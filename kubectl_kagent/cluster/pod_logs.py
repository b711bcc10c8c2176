"""Logs of pods, as the API server passes them on from the kubelet. ``cluster.Cluster`` has the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf

import urllib3

from kubectl_kagent.cluster import answers
from kubectl_kagent.cluster.transport import Transport
from kubectl_kagent.errors import TimedOut, Unreachable
from kubectl_kagent.model.resources import POD

_LOG_SILENCE = 60
_STAMPED = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (.*)", re.DOTALL)


def last_lines(
    server: Transport, namespace: str, pod: str, container: str, *, previous: bool, tail: int
) -> str:
    """The last ``tail`` lines, without their stamps."""
    query = {
        "container": container,
        "timestamps": "true",
        "previous": str(previous).lower(),
        "tailLines": str(tail),
    }
    response = server.send("GET", f"{POD.path(namespace, pod)}/log", query)
    answers.check_api(response, server.host, POD)
    data = answers.whole(response, server.host)
    # What has no stamp is not the container's: the kubelet tells there that it can't read the log.
    lines = [_STAMPED.match(line) for line in data.decode(errors="replace").split("\n")]
    return "".join(f"{line[1]}\n" for line in lines if line)


def stream(
    server: Transport,
    namespace: str,
    pod: str,
    container: str,
    *,
    follow: bool,
    previous: bool,
    since_time: str | None,
    since_seconds: int | None,
    tail: int | None,
) -> Iterator[bytes]:
    """Pieces of the log, with stamps, as they come; an empty one when it begins."""
    query = {
        "container": container,
        "timestamps": "true",
        "follow": "true" if follow else None,
        "previous": "true" if previous else None,
        "sinceTime": since_time,
        "sinceSeconds": None if since_seconds is None else str(since_seconds),
        "tailLines": None if tail is None else str(tail),
    }
    silent = TimedOut(f"no line of pod {pod} for {_LOG_SILENCE} seconds")
    # each new request to follow makes the kubelet watch the file anew; pool.py tells a dead connection
    limit = inf if follow else _LOG_SILENCE
    try:  # without a line there is not even a response
        path = f"{POD.path(namespace, pod)}/log"
        response = server.send("GET", path, query, timeout=limit, stream=True)
    except Unreachable as error:
        if isinstance(error.__cause__, urllib3.exceptions.ReadTimeoutError):
            raise silent from error
        raise
    try:
        answers.check_api(response, server.host, POD)
        yield b""
        yield from answers.pieces(response)
        if not answers.has_an_end(response):
            raise Unreachable(f"the log of pod {pod} came without its length: it may not be all")
    except urllib3.exceptions.ReadTimeoutError as error:
        raise silent from error
    except urllib3.exceptions.HTTPError as error:
        raise Unreachable(f"the connection to the server {server.host} broke") from error
    finally:
        response.close()
