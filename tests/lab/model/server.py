"""The HTTP side: one thread a request, which is plenty for a lab's agents."""

import json
import sys
import time
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.lab.model import wire
from tests.lab.model.script import Reply, Turn, read_turn, reply

MODELS = ("scripted", "scripted-mini")
MAX_BODY = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            models = [{"id": name, "object": "model", "owned_by": "lab"} for name in MODELS]
            self._json(HTTPStatus.OK, {"object": "list", "data": models})
        elif self.path == "/healthz":
            self._json(HTTPStatus.OK, {"ok": True})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, f"no such path: {self.path}")

    def do_POST(self) -> None:
        raw = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY))
        if self.path != "/v1/chat/completions":
            self._refuse(HTTPStatus.NOT_FOUND, f"no such path: {self.path}")
            return
        try:
            body = json.loads(raw)
            turn = read_turn(body)
        except (ValueError, AttributeError, KeyError, TypeError) as mistake:
            self._refuse(HTTPStatus.BAD_REQUEST, f"not a chat completion request: {mistake}")
            return
        answer = reply(turn)
        _log(turn, answer)
        try:
            self._answer(body, turn, answer, prompt_tokens=len(raw) // 4)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the agent gave up; nobody is left to tell

    def log_message(self, *_: object) -> None:
        """Silence the line per request: the log says what was answered instead."""

    def _answer(self, body: dict[str, Any], turn: Turn, answer: Reply, prompt_tokens: int) -> None:
        if answer.status != HTTPStatus.OK:
            self._json(answer.status, wire.error(answer.status))
            return
        reply_id = uuid.uuid4().hex[:12]
        if body.get("stream"):
            self._stream(answer, turn.model, reply_id, prompt_tokens)
            return
        time.sleep(answer.seconds)
        self._json(HTTPStatus.OK, wire.completion(answer, turn.model, reply_id, prompt_tokens))

    def _stream(self, answer: Reply, model: str, reply_id: str, prompt_tokens: int) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pause = answer.seconds / max(1, len(wire.pieces(answer.text)))
        for event in wire.chunks(answer, model, reply_id, prompt_tokens):
            self._chunk(wire.sse(event))
            if event["choices"] and event["choices"][0]["delta"].get("content"):
                time.sleep(pause)
        self._chunk(wire.sse(None))
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= HTTPStatus.BAD_REQUEST:
            self.send_header(
                "Retry-After-Ms", "10"
            )  # the OpenAI clients retry; a test need not wait for them
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._json(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def open_server(host: str, port: int) -> Server:
    """Listen at once; the caller serves and closes. Port 0 takes a free one (`server_port` tells)."""
    return Server((host, port), Handler)


def _log(turn: Turn, answer: Reply) -> None:
    """One short line a request: whole conversations would fill the disk."""
    if answer.calls:
        what = "call " + ", ".join(call.name for call in answer.calls)
    else:
        what = f"{answer.status} {answer.text[:60]!r}"
    clock = time.strftime("%H:%M:%S")
    sys.stdout.write(f"{clock} prompt={turn.prompt_title[:40]!r} question={turn.question[:60]!r} -> {what}\n")
    sys.stdout.flush()
