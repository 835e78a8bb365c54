"""Check JSON-RPC messages before the SDK reads them, and track requests without a response."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import anyio
from mcp import types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.responses import Response

from assistant.http_accept import JSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from anyio.abc import ObjectReceiveStream, ObjectSendStream

DRAIN_SECONDS = 30.0
"""Seconds that pending questions may take once an agent has closed its output."""


def _error_data(code: int, message: str, hint: str) -> types.ErrorData:
    data = {"message": message, "hint": hint}
    return types.ErrorData(code=code, message=f"{message} {hint}", data=data)


_NOT_JSON = _error_data(types.PARSE_ERROR, "This is not JSON.", "Send one message of JSON-RPC 2.0.")
_BATCH = _error_data(
    types.INVALID_REQUEST, "Several messages at once are not taken.", "Send one message at a time."
)
_NOT_A_MESSAGE = _error_data(
    types.INVALID_REQUEST,
    "This is no message of JSON-RPC 2.0.",
    "Send jsonrpc, id, method and params.",
)
_BAD_ID = _error_data(
    types.INVALID_REQUEST,
    "The id of a request is a text or a whole number.",
    "Send such an id, or none with a notification.",
)
NOT_ACCEPTED = _error_data(
    types.INVALID_REQUEST,
    "The answer is JSON, which is not accepted.",
    "Send the header Accept: application/json, or none.",
)


def find_message_error(body: bytes) -> types.ErrorData | None:
    """Return what is wrong with a request's body, or None; the SDK's own messages have no hint."""
    try:
        message = from_json(body)
    except ValueError:
        return _NOT_JSON
    try:
        types.jsonrpc_message_adapter.validate_python(message, by_name=False)
    except ValidationError:
        return _BATCH if isinstance(message, list) else _NOT_A_MESSAGE
    # The SDK takes a request with another id for a notification, and would never answer it.
    name = message.get("id", "")
    return None if isinstance(name, str | int) and not isinstance(name, bool) else _BAD_ID


def _parse_error(error: Exception) -> types.ErrorData | None:
    """Return what is wrong with a line that the SDK could not read; None for an empty line."""
    if not isinstance(error, ValidationError):
        return _NOT_JSON
    first = error.errors(include_url=False)[0]
    value = first["input"]
    if first["type"] == "json_invalid":
        is_empty = isinstance(value, str) and not value.strip()
        return None if is_empty else _NOT_JSON
    return _BATCH if isinstance(value, list) and len(first["loc"]) < 2 else _NOT_A_MESSAGE


def error_response(error: types.ErrorData, status: int) -> Response:
    """Answer a request whose message, and so its id, cannot be read."""
    fields = {"code": error.code, "message": error.message, "data": error.data}
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": fields})
    return Response(body, status, media_type=JSON)


class PendingRequests:
    """Tracks requests without a response, between the agent's streams and the protocol's."""

    def __init__(self) -> None:
        self._ids: Counter[str] = Counter()
        self._changed = anyio.Event()

    async def forward_requests(
        self,
        incoming: AsyncIterable[SessionMessage | Exception],
        forward: ObjectSendStream[SessionMessage | Exception],
        replies: ObjectSendStream[SessionMessage],
    ) -> None:
        """Forward messages; at the end of the input, wait until all requests are answered.

        Replies to a malformed message with an error.
        """
        async with forward, replies:
            async for item in incoming:
                if isinstance(item, Exception):
                    if error := _parse_error(item):
                        failure = types.JSONRPCError(jsonrpc="2.0", id=None, error=error)
                        await replies.send(SessionMessage(failure))
                    continue
                self._track(item.message)
                await forward.send(item)
            with anyio.move_on_after(DRAIN_SECONDS):
                while self._ids:
                    await self._changed.wait()

    async def forward_responses(
        self,
        incoming: ObjectReceiveStream[SessionMessage],
        forward: ObjectSendStream[SessionMessage],
    ) -> None:
        """Forward responses, and mark their requests as answered."""
        async with forward:
            async for item in incoming:
                await forward.send(item)
                if isinstance(item.message, types.JSONRPCResponse | types.JSONRPCError):
                    self._resolve(item.message.id)

    def _track(self, message: types.JSONRPCMessage) -> None:
        if not isinstance(message, types.JSONRPCRequest | types.JSONRPCNotification):
            return
        if isinstance(message, types.JSONRPCRequest):
            self._ids[str(message.id)] += 1
        elif message.method == "notifications/cancelled" and message.params:  # never answered
            self._resolve(message.params.get("requestId"))

    def _resolve(self, name: object) -> None:
        self._ids[str(name)] -= 1
        self._ids = +self._ids  # those that are above zero
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
