"""One request at the gate and its response: what the application sees of it, and the client.

Knows HTTP messages, a body's length and time, the headers of ours, and what an error looks like.
Must not know who may ask for what.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.http_accept import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Message, Receive, Scope, Send

    from assistant.server.security.api_keys import KeyScope
    from assistant.settings import Settings

MAX_BODY = 64 * 1024  # bytes a request's body may have
MAX_CONVERSATION_BODY = 8 * MAX_BODY  # and one that brings all of a talk, each time
API_CONTENT_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PROBLEM_JSON = "application/problem+json"  # RFC 9457


# A client still sending would see nothing but a broken connection if that were closed at once, so
# what it sends is read and dropped for as many seconds.
_LINGER_SECONDS = 5.0
_STRIPPED_HEADERS = re.compile(  # the gate says these, or nobody
    rb"access-control-|content-security-|cross-origin-|permissions-|referrer-|strict-transport-"
    rb"|x-content-type-|x-frame-|x-request-id|set-cookie|server|connection"
)
_DEFAULT_MESSAGES = {
    400: ("The request could not be understood.", "Check its address, headers and body."),
    401: ("A key is needed here.", "Send Authorization: Bearer KEY."),
    403: ("This is not allowed.", "Check the address, or begin at the first page."),
    404: ("There is nothing at this address.", "Check the address, or begin at the first page."),
    405: ("This address does not take such a request.", "Use one of the methods in Allow."),
    408: ("The request took too long to arrive.", "Send it again, all at once."),
    413: ("The request is too long.", "Send less at once."),
    415: ("The body is not said to be JSON.", "Send the header Content-Type: application/json."),
    421: ("This host name is not served here.", "Use another, or add it to the setting hosts."),
    422: ("The request is not in the form expected.", "Check its fields and send it again."),
    429: ("Too many questions at once.", "Wait a moment and ask again."),
    500: ("Something went wrong here.", "Try again; the log says more under this id."),
    503: ("The assistant is not ready.", "Try again in a moment."),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A row of the table of what is let through.

    `path` is a regular expression for the whole path below the root. `policy` is the
    Content-Security-Policy, in which {nonce} and {frames} are filled in. `scope` is what a caller
    must be allowed to, None where anyone may. A row that `asks` counts against the queue. `cost` is
    what it takes of the caller's rate, in questions. A `probe` is answered under any host name.
    What is `shared` may be loaded by other sites' pages, as a
    widget's script is. `longest` is how many bytes a body may have. Where errors are `nested` they
    are said twice: the second time in a member `error`, the one place where OpenAI's clients look.
    `errors` is a kind of content in which the application says what is wrong with a request in its
    own way. `check` says what is wrong with a body, or nothing. What is `sent` is the media type a
    body must be said to have. A row that `streams` answers with a stream that stays open. Where a
    GET is let through, so is a HEAD, unless the row streams. A row without methods lets nothing
    through: it says how errors look below its path.
    """

    methods: tuple[str, ...]
    path: str
    content_policy: str = API_CONTENT_POLICY
    scope: KeyScope | None = None
    is_question: bool = False
    cost: float = 0.0
    is_health_check: bool = False
    cross_origin: bool = False
    max_body: int = MAX_BODY
    openai_errors: bool = False
    error_media_type: str = PROBLEM_JSON
    validate_body: Callable[[bytes], str] | None = None
    body_media_type: str = ""
    streams: bool = False

    @property
    def allowed_methods(self) -> tuple[str, ...]:
        """The methods that are let through."""
        if "GET" not in self.methods or self.streams:
            return self.methods
        return tuple(dict.fromkeys(("GET", "HEAD", *self.methods)))


def problem_json(
    status: int,
    message: str,
    hint: str,
    id: str,  # noqa: A002 - its name in JSON
    *,
    openai_error: bool = False,
) -> bytes:
    """An error as every one is sent: JSON after RFC 9457, with its mend and the request's id."""
    title = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"
    said = {"type": "about:blank", "title": title, "status": status, "detail": message}
    said |= {"mend": hint, "id": id}
    if openai_error:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        said["error"] = {"message": f"{message} {hint}", "type": kind, "param": None, "code": None}
    return json.dumps(said).encode()


@dataclass(eq=False)
class Refusal(Exception):
    """A request that goes no further, and what is answered; an error has words by its status."""

    status: int
    message: str = ""
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status >= 400:
            alike = _DEFAULT_MESSAGES.get(self.status // 100 * 100, _DEFAULT_MESSAGES[500])
            what, mend = _DEFAULT_MESSAGES.get(self.status, alike)
            self.message, self.hint = self.message or what, self.hint or mend


class GuardedRequest:
    """One request as the application is to see it, and its response as the client is to."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.headers = Headers(raw=[(name.lower(), value) for name, value in scope["headers"]])
        self.is_head = scope["method"] == "HEAD"
        self.own_origin = self.listed_origin = ""
        self.policy = Policy((), "")  # until it is known
        self.acquire_stream: Callable[[], Refusal | None] = lambda: (
            None
        )  # taken where a stream begins
        self.body = b""
        self.begun = False
        self._nonce = secrets.token_urlsafe(16)
        self.state = {**scope.get("state", {}), "request_id": self.id, "nonce": self._nonce}
        self.state["admin"] = False  # whether the caller has an API key of scope admin
        self.scope: Scope = {"scheme": "http", **scope, "state": self.state}
        self._receive, self._send, self._settings = receive, send, settings
        chunked = "transfer-encoding" in self.headers
        self._unread = chunked or self.headers.get("content-length", "0") != "0"
        self._handed = self._streams = self._ended = self._complete = False
        self._left = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def read(self, patience: float) -> None:
        """Read the body whole; it may be too long, or take more than so many seconds."""
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(patience):
                while more:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400)  # which nobody hears
                    body += message.get("body", b"")
                    more = self._unread = message.get("more_body", False)
                    if len(body) > self.policy.max_body:
                        raise self.too_long()
        except TimeoutError:
            raise Refusal(408) from None
        self.body = bytes(body)

    def too_long(self) -> Refusal:
        """What a body is refused with that is longer than its row allows."""
        return Refusal(413, hint=f"Send at most {self.policy.max_body // 1024} kB.")

    async def receive(self) -> Message:
        """The body, then that the client has left or that its stream is to end."""
        if not self._handed:
            self._handed = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left.set()

    def end(self) -> None:
        """Tell an event stream, begun or about to, that its client has left."""
        self._ended = True
        if self._streams:
            self._left.set()

    async def send(self, message: Message) -> None:
        """The application's response under the gate's headers, or a problem for its error."""
        if self._complete:
            return  # an error that a problem was sent for
        if message["type"] == "http.response.start":
            status, pairs = message["status"], message.get("headers", [])
            said = Headers(raw=[(name.lower(), value) for name, value in pairs])
            kind = said.get("content-type", "").partition(";")[0].strip().lower()
            own = (
                kind == PROBLEM_JSON
                or (kind == self.policy.error_media_type and status < 500)
                or self.policy.is_health_check
            )
            foreign = not own and (kind != "text/html" or status == 500)
            if status >= 400 and foreign:
                kept = {name: said[name] for name in ("allow", "retry-after") if name in said}
                await self.refuse(Refusal(status, headers=kept))
                return
            if kind == EVENT_STREAM and (full := self.acquire_stream()):
                self._left.set()
                await self.refuse(full)
                return
            self.begun, self._streams = True, kind == EVENT_STREAM
            if self._ended:
                self.end()
            theirs = [pair for pair in said.raw if not _STRIPPED_HEADERS.match(pair[0])]
            message = {**message, "headers": [*theirs, *self._ours(self.policy.content_policy)]}
        elif message["type"] == "http.response.body":
            self._complete = not message.get("more_body", False)
        await self._send(message)
        if self.is_head and not self._complete:  # the head is all of it, of a stream too
            self._complete = True
            self._left.set()
            await self._send({"type": "http.response.body", "body": b""})

    async def finish(self) -> None:
        """Watch no more; a stream told to end is closed, so that its client sees it whole."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._ended and self._streams and not self._complete:
            await self._send({"type": "http.response.body", "body": b""})

    async def refuse(self, stop: Refusal) -> None:
        """Answer in the application's place; a client still sending is heard out for a while."""
        self.begun = self._complete = True
        status, said = stop.status, {**stop.headers, "cache-control": "no-store"}
        body = b""
        if stop.message:
            body = problem_json(
                status, stop.message, stop.hint, self.id, openai_error=self.policy.openai_errors
            )
            said["content-type"] = PROBLEM_JSON
        if status != HTTPStatus.NO_CONTENT:
            said["content-length"] = str(len(body))
        if self._unread:
            said["connection"] = "close"
        headers = [(name.encode(), value.encode("latin-1")) for name, value in said.items()]
        headers += self._ours(API_CONTENT_POLICY)
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        body = b"" if self.is_head else body
        await self._send({"type": "http.response.body", "body": body, "more_body": self._unread})
        if self._unread:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    while (await self._receive()).get("more_body", False):
                        pass
            await self._send({"type": "http.response.body", "body": b""})

    def _ours(self, policy: str) -> list[tuple[bytes, bytes]]:
        """What every response says, or nothing where that is empty."""
        settings, origin = self._settings, self.listed_origin
        frames = " ".join(("'self'", *settings.frames))
        abroad, secure = origin or self.policy.cross_origin, self.scope["scheme"] == "https"
        said = {
            "x-request-id": self.id,
            "content-security-policy": policy.format(nonce=self._nonce, frames=frames),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "cross-origin" if abroad else "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
            "x-frame-options": "" if settings.frames else "SAMEORIGIN",
            "strict-transport-security": "max-age=31536000" if secure else "",
            "vary": "Origin" if settings.origins else "",
            "access-control-allow-origin": origin,
            "access-control-expose-headers": origin
            and "ETag, Mcp-Session-Id, Retry-After, X-Request-Id",
        }
        return [(name.encode(), value.encode("latin-1")) for name, value in said.items() if value]
