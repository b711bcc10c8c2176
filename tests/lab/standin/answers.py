"""Answers in kagent's envelope: `{"error": false, "data": ..., "message": ...}`, or `{"error": "text"}`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tests.lab.standin.gojson import compact

_NOBODY = "admin@kagent.dev"


class ApiError(Exception):
    def __init__(self, code: int, message: str, cause: str = "") -> None:
        super().__init__(f"{message}: {cause}" if cause else message)
        self.code = code


def found(data: Any, message: str) -> Response:
    # The real controller leaves an empty list out altogether.
    shown = {} if data == [] else {"data": data}
    return plain_json({"error": False} | shown | {"message": message})


def created(data: Any, message: str) -> Response:
    return plain_json({"error": False, "data": data, "message": message}, 201)


def plain_json(body: Any, code: int = 200) -> Response:
    return Response(compact(body), code, media_type="application/json")


def api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return Response(compact({"error": str(error)}) + "\n", error.code, media_type="application/json")


def text_error(message: str, code: int) -> Response:
    """As Go's http.Error writes it."""
    return Response(f"{message}\n", code, {"content-type": "text/plain; charset=utf-8"})


def user_of(request: Request) -> str:
    return request.query_params.get("user_id") or request.headers.get("x-user-id") or _NOBODY


async def body_of(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise ApiError(400, "Invalid request body", str(error)) from None
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid request body", "an object is expected")
    return body
