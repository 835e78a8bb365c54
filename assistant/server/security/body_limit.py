"""Middleware: limit the length, the media type and the arrival time of a request's body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.server.security.policies import Policy, policy_of
from assistant.server.security.problems import Refusal, has_body

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimitMiddleware:
    """Reads the whole body of a request, if the route's policy allows it.

    The body has to arrive within `timeout` seconds. Its headers are checked before any of it is
    read. Starlette's RequestBodyLimitMiddleware has neither a timeout nor a media type, and starts
    the application before the body is known to be short enough.
    """

    def __init__(self, app: ASGIApp, timeout: float = 10.0) -> None:
        self._app = app
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request with its whole body; refuse one whose body is not allowed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["body_unread"] = has_body(scope)
        try:
            _check_headers(Headers(scope=scope), policy_of(scope))
            body = await self._read(scope, receive)
        except Refusal as refusal:
            await refusal(scope, receive, send)
            return
        await self._app(scope, replay_body(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """Read the whole body. Raises Refusal where it is too long or too slow."""
        body, more, max_body = bytearray(), True, policy_of(scope).max_body
        try:
            async with asyncio.timeout(self._timeout):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400)  # which nobody receives
                    body += message.get("body", b"")
                    more = scope["state"]["body_unread"] = message.get("more_body", False)
                    if len(body) > max_body:
                        raise _too_long(max_body)
        except TimeoutError:
            raise Refusal(408) from None
        return bytes(body)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Make a `receive` that begins with a whole body which was read before."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_replayed() -> Message:
        return messages.pop() if messages else await receive()

    return receive_replayed


def _check_headers(headers: Headers, policy: Policy) -> None:
    """Check what the headers say of the body. Raises Refusal where it is not allowed."""
    lengths = headers.getlist("content-length")
    is_ambiguous = len(lengths) > 1 or (lengths and "transfer-encoding" in headers)
    if is_ambiguous or not all(length.isdecimal() for length in lengths):
        raise Refusal(400, "The request does not say clearly how long it is.")
    if any(len(length) > 9 or int(length) > policy.max_body for length in lengths):
        raise _too_long(policy.max_body)
    codings = ",".join(headers.getlist("content-encoding")).lower().split(",")
    if {coding.strip() for coding in codings} - {"", "identity"}:
        raise Refusal(422, "The request is compressed.", "Send it uncompressed.")
    # A page of another site can send a form or text without a preflight request, but not JSON.
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if policy.body_media_type and kind != policy.body_media_type:
        raise Refusal(415)


def _too_long(max_body: int) -> Refusal:
    return Refusal(413, hint=f"Send at most {max_body // 1024} kB.")
