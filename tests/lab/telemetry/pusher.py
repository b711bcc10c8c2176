"""What the collector sends (logs in OTLP, as JSON), on to the lab's Loki, which does not take OTLP yet.

It imports nothing of the lab: only the standard library.
"""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

# As Loki 3 names them, and ours for a pod's agent.
LABELS = (
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "k8s.container.restart_count",
    "agent",
)
TIMEOUT = 30

Labels = tuple[tuple[str, str], ...]


def pushed(logs: Mapping[str, Any], last: dict[Labels, int]) -> dict[str, Any]:
    """The same as a request to Loki's push API. ``last``, each stream's last time, is brought up to date.

    This Loki takes a stream only in the order of time, which the collector does not always keep, nor do two
    outputs of a container: a line that comes late goes into another stream, with one more label.
    """
    streams: dict[Labels, list[list[str]]] = {}
    for time, labels, line in sorted(_entries(logs), key=lambda entry: entry[0]):
        stream, number = labels, 0
        while last.get(stream, 0) > time:
            number += 1
            stream = (*labels, ("late", str(number)))
        last[stream] = time
        streams.setdefault(stream, []).append([str(time), line])
    return {"streams": [{"stream": dict(labels), "values": values} for labels, values in streams.items()]}


def _entries(logs: Mapping[str, Any]) -> Iterator[tuple[int, Labels, str]]:
    for resource in logs["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                known = _texts(resource["resource"]) | _texts(record)
                labels = tuple((key.replace(".", "_"), known[key]) for key in LABELS if key in known)
                yield int(record["timeUnixNano"]), labels, record["body"].get("stringValue", "")


def _texts(holder: Mapping[str, Any]) -> dict[str, str]:
    attributes = holder.get("attributes", ())
    return {
        item["key"]: item["value"]["stringValue"] for item in attributes if "stringValue" in item["value"]
    }


class Handler(BaseHTTPRequestHandler):
    """One export of the collector, which sends the next one when this one is answered."""

    protocol_version = "HTTP/1.1"
    loki: str
    last: ClassVar[dict[Labels, int]] = {}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        last = dict(self.last)
        status, said = self._push(json.dumps(pushed(body, last)).encode())
        if status == HTTPStatus.OK:
            self.last.update(last)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _push(self, body: bytes) -> tuple[int, bytes]:
        """Status and body for the collector, which sends again what Loki can't take now."""
        request = urllib.request.Request(self.loki, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                return HTTPStatus.OK, b"{}"
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            sys.stderr.write(f"{error.code}: {said[:500]}\n")
            again = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
            return HTTPStatus.SERVICE_UNAVAILABLE if again else error.code, json.dumps(
                {"message": said}
            ).encode()
        except OSError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, json.dumps({"message": str(error)}).encode()

    def log_message(self, *_: object) -> None:
        """Nothing: each export would be a line."""


def main() -> None:
    host, port, Handler.loki = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    ThreadingHTTPServer((host, port), Handler).serve_forever()


if __name__ == "__main__":
    main()
