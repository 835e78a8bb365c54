"""Make the server's error responses: problem details as JSON (RFC 9457)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

PROBLEM_JSON = "application/problem+json"

_LINGER_SECONDS = 5.0
_DEFAULT_MESSAGES = {
    400: ("The request could not be understood.", "Check its address, headers and body."),
    401: ("An API key is needed here.", "Send Authorization: Bearer KEY."),
    403: ("This is not allowed.", "Check the address, or start at the first page."),
    404: ("There is nothing at this address.", "Check the address, or start at the first page."),
    405: ("This address does not take this method.", "Use one of the methods in Allow."),
    408: ("The request took too long to arrive.", "Send it again, all at once."),
    413: ("The request body is too long.", "Send less at once."),
    415: (
        "The Content-Type of the body is not JSON.",
        "Send the header Content-Type: application/json.",
    ),
    421: ("This host name is not served here.", "Use another, or add it to the setting hosts."),
    422: ("The request does not have the expected form.", "Check its fields and send it again."),
    429: ("Too many questions at once.", "Wait a moment and ask again."),
    500: (
        "Something went wrong on the server.",
        "Try again; the server's log says more under this id.",
    ),
    503: ("The assistant is not ready.", "Try again in a moment."),
}


def problem_json(
    status: int, message: str, hint: str, request_id: str, *, openai_error: bool = False
) -> bytes:
    """Render an error as JSON: RFC 9457's members, a hint how to fix it, and the request's id.

    `openai_error` adds the member `error`, the one place where OpenAI's clients look.
    """
    known = status in HTTPStatus.__members__.values()
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if known else "Error",
        "status": status,
        "detail": message,
        "hint": hint,
        "mend": hint,  # the old name of `hint`, until version 0.2
        "id": request_id,
    }
    if openai_error:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        text = f"{message} {hint}"
        problem["error"] = {"message": text, "type": kind, "param": None, "code": None}
    return json.dumps(problem).encode()


@dataclass(eq=False)
class Refusal(Exception):
    """A response instead of the application's, as an ASGI application; may be raised and caught.

    An error without a message gets the default message of its status. A status below 400 has no
    body.
    """

    status: int
    message: str = ""
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status >= 400:
            same_class = _DEFAULT_MESSAGES.get(self.status // 100 * 100, _DEFAULT_MESSAGES[500])
            message, hint = _DEFAULT_MESSAGES.get(self.status, same_class)
            self.message, self.hint = self.message or message, self.hint or hint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, then read the rest of the request's body for up to five seconds.

        If the connection were closed at once, a client that still sends its body would not see the
        response.
        """
        state = scope.setdefault("state", {})
        headers, body = {**self.headers, "cache-control": "no-store"}, b""
        if self.message:
            body = problem_json(
                self.status,
                self.message,
                self.hint,
                state.get("request_id", ""),
                openai_error=state.get("openai_errors", False),
            )
            headers["content-type"] = PROBLEM_JSON
        if self.status != HTTPStatus.NO_CONTENT:
            headers["content-length"] = str(len(body))
        unread = state.get("body_unread", has_body(scope))
        if unread:
            headers["connection"] = "close"
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": pairs})
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body, "more_body": unread})
        if unread:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    while (await receive()).get("more_body", False):
                        pass
            await send({"type": "http.response.body", "body": b""})


def has_body(scope: Scope) -> bool:
    """Whether the headers of a request announce a body."""
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def stopping() -> Refusal:
    """Return the refusal of a request that comes while the server stops."""
    return Refusal(503, "The assistant is stopping.", headers={"retry-after": "10"})
