"""What comes back over HTTP: whole bodies within a limit, JSON, and the lines of streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kubectl_kagent.decoding import from_json
from kubectl_kagent.errors import KagentError, Unanswered

if TYPE_CHECKING:
    import urllib3

    from kubectl_kagent.model.resources import Resource

Object = dict[str, Any]

BODY_LIMIT = 256 * 1024 * 1024  # the list of all pods of a large cluster is half of that
LINE_LIMIT = 32 * 1024 * 1024
_PIECE = 1 << 18
LOGIN_PAGE = "is a login page or another server behind this address?"


def whole(response: urllib3.BaseHTTPResponse, where: str) -> bytes:
    """The body, to its end.

    Raises Unanswered when it breaks off, KagentError when it is longer than an answer can be.
    """
    import urllib3

    pieces: list[bytes] = []
    size = 0
    try:
        while piece := response.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > BODY_LIMIT:
                response.close()
                raise KagentError(
                    f"{where} answered with more than {BODY_LIMIT} bytes: longer than any valid answer"
                )
    except urllib3.exceptions.HTTPError as error:
        from kubectl_kagent.cluster.unreachable import broken_off

        response.close()
        raise broken_off(where, error) from error
    return b"".join(pieces)


def answer(response: urllib3.BaseHTTPResponse, where: str, path: str) -> Object:
    """A service's JSON object; empty when the answer has no content."""
    check(response, where)
    data = whole(response, where)
    return {} if response.status == 204 else decode(data, path)


def answer_list(response: urllib3.BaseHTTPResponse, where: str, path: str) -> list[Any]:
    """A service's JSON list. Raises KagentError for anything else."""
    check(response, where)
    value = _value(whole(response, where), path)
    if not isinstance(value, list):
        raise KagentError(f"{path} answered with {type(value).__name__}, not a list")
    return value


def check(response: urllib3.BaseHTTPResponse, where: str) -> None:
    """Raise what a service's refusal, or the redirection to a login page, means."""
    if response.status >= 300:
        from kubectl_kagent.cluster.refusals import service_refusal

        kind = response.headers.get("Content-Type", "")
        raise service_refusal(response.status, kind, whole(response, where), where)


def check_api(response: urllib3.BaseHTTPResponse, host: str, resource: Resource | None) -> None:
    """Raises what the API server's refusal means; ``resource`` is what it was asked for."""
    from kubectl_kagent.cluster.refusals import refusal, service_refusal, status_in

    if response.status < 300:
        return
    data = whole(response, host)
    if response.status < 400:
        raise service_refusal(response.status, "", data, f"the server {host}")
    status = status_in(data)
    if not status:
        text = " ".join(data.decode(errors="replace").split())
        status = {"message": text[:300] or f"HTTP {response.status}"}
    raise refusal(status, response.status, resource)


def events(response: urllib3.BaseHTTPResponse, where: str, path: str) -> Iterator[bytes]:
    """The lines of an event stream as they come; closes the response.

    Raises Unanswered when it breaks, KagentError when the answer is no event stream.
    """
    import urllib3

    try:
        check(response, where)
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith("text/event-stream"):
            start = response.read(200, decode_content=True)
            raise KagentError(
                f"{path} answered with {kind or 'no content type'}, not an event stream: {start!r}",
                hint=LOGIN_PAGE,
            )
        yield from lines(response, all_=True)
    except urllib3.exceptions.HTTPError as error:
        from kubectl_kagent.cluster.unreachable import why_it_broke

        raise Unanswered(f"the stream from {path} broke: {why_it_broke(error)}") from error
    finally:
        response.close()


def decode(data: bytes, path: str, *, cut: bool = False) -> Object:
    """The JSON object in an answer's body, as ``from_json``. Raises KagentError for anything else."""
    value = _value(data, path, cut=cut)
    if not isinstance(value, dict):
        raise KagentError(f"{path} answered with {type(value).__name__}, not an object")
    return value


def _value(data: bytes, path: str, *, cut: bool = False) -> Any:
    try:
        return from_json(data, cut=cut)
    except ValueError as error:
        text = data[:80].decode(errors="replace").strip()
        raise KagentError(
            f"{path} answered with something that is not JSON: {text!r}", hint=LOGIN_PAGE
        ) from error


def pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """A stream as it comes, of any size (``stream`` would wait for a full buffer).

    With a size to read1, urllib3 also sees that less came than Content-Length had promised.
    """
    while piece := response.read1(_PIECE):
        yield piece


def has_an_end(response: urllib3.BaseHTTPResponse) -> bool:
    """Whether a body tells where it ends; else it may have been cut anywhere, even in the headers."""
    encoding = response.headers.get("Transfer-Encoding", "")
    return "chunked" in encoding.lower() or "Content-Length" in response.headers


def lines(response: urllib3.BaseHTTPResponse, *, all_: bool = False) -> Iterator[bytes]:
    """Lines as they come; ``all_``: empty ones, and the last without end, too.

    Raises KagentError for a line that is too long to be an answer.
    """
    pending: list[bytes] = []
    size = 0
    for piece in pieces(response):
        *complete, rest = piece.split(b"\n")
        if complete:
            first = b"".join([*pending, complete[0]])
            yield from (line for line in [first, *complete[1:]] if all_ or line.strip())
            pending, size = [], 0
        pending.append(rest)
        size += len(rest)
        if size > LINE_LIMIT:
            raise KagentError(f"a line of more than {LINE_LIMIT} bytes came: longer than any valid answer")
    last = b"".join(pending)
    if all_ and last.strip():
        yield last
