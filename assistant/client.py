"""Ask a guide on a server from Python, in the same way as a local guide.

Requests go to the one origin that was named, directly: no redirection is followed and no proxy is
used, so that a key is sent nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

import httpx

from assistant import __version__
from assistant.conversation import (
    MAX_CONVERSATION_BYTES,
    MAX_SOURCES,
    MAX_TURN_CHARS,
    MAX_TURNS,
    Conversation,
)
from assistant.errors import QuestionError, ServerError, SettingsError
from assistant.models.answers import Answer, Search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from assistant.models.answers import Turn

DEFAULT_TIMEOUT = 30.0
"""Seconds without a byte from the server after which a request fails."""

MAX_RESPONSE_BYTES = 16 << 20

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=8)
_ASYNC_LIMITS = httpx.Limits(max_connections=16, max_keepalive_connections=8)
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_REQUEST_ERRORS = frozenset({413, 422})
_ADDRESS_HINT = "Give the address of its chat, for example https://help.example.org/guide."
_VERSION_HINT = (
    "Check that the address is a guide's, and that it runs this version of the assistant."
)


def connect(url: str, *, key: str = "", timeout: float = DEFAULT_TIMEOUT) -> RemoteAssistant:
    """Return the guide that a server serves; nothing is sent before the first question.

    `url` is the address of its chat, with the path it is published under. `key` is one that
    `assistant keys add` made there. `timeout` is the number of seconds the server may send nothing.
    Raises SettingsError for an address or a key that is malformed.
    """
    return RemoteAssistant(_parse_address(url), key=_check_key(key), timeout=timeout)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The host and port of a server, and the path that its addresses begin with."""

    host: str
    port: int | None
    root: str
    secure: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' * self.secure}://{host}{port}{self.root}"


@dataclass(slots=True)
class _Session:
    """The connections of one event loop, and how many requests use them."""

    client: httpx.AsyncClient
    requests: int = 0


class _Connection:
    """Records whether a request opened a new connection, as httpx traces it."""

    is_new = False

    def trace(self, event: str, _: object) -> None:
        if event == "connection.connect_tcp.started":
            self.is_new = True

    async def trace_async(self, event: str, info: object) -> None:
        self.trace(event, info)


class RemoteAssistant:
    """A guide on a server; threads may share it, and leaving it as a context closes it.

    Every question raises QuestionError where the question has to change, and ServerError where the
    server cannot be reached, refuses, or sends something else than a guide's response.
    """

    def __init__(
        self, address: ServerAddress, *, key: str = "", timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self.address = address
        self._seconds = timeout
        self._timeout = httpx.Timeout(timeout, pool=None)
        self._context = ssl.create_default_context()
        self._headers = {
            "Accept": _JSON,
            "Accept-Encoding": "identity",
            "User-Agent": f"guide-assistant/{__version__}",
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._client = self._new_client()
        self._sessions: dict[asyncio.AbstractEventLoop, _Session] = {}

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question as a local Assistant would, without the answer's `hits`.

        `history` is the conversation so far, oldest turn first.
        """
        body = _encode_body({"question": question}, history)
        return self._to_answer(self._send(self._request("POST", "/api/ask", body)))

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question without blocking the event loop."""
        body = _encode_body({"question": question}, history)
        return self._to_answer(await self._send_async(self._request("POST", "/api/ask", body)))

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """Return the k best passages, best first, without their sentences; k is at most 50."""
        body = _encode_body({"question": question, "k": k}, history)
        data = self._send(self._request("POST", "/api/search", body))
        try:
            return Search.from_dict(data)
        except ValueError as error:
            raise self._invalid_response() from error

    def examples(self, count: int = 4) -> list[str]:
        """Return questions that the guide answers; a server offers at most four."""
        examples = self._send(self._request("GET", "/api/guide")).get("examples")
        if not isinstance(examples, list) or not all(isinstance(text, str) for text in examples):
            raise self._invalid_response()
        return examples[:count]

    def conversation(self) -> Conversation:
        """Start a conversation; the server stores none of it."""
        return Conversation(self)

    def close(self) -> None:
        """Close the idle connections; a later question opens another."""
        client, self._client = self._client, self._new_client()
        client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- requests -------------------------------------------------------------------------------

    def _new_client(self) -> httpx.Client:
        return httpx.Client(
            timeout=self._timeout, limits=_LIMITS, verify=self._context, trust_env=False
        )

    def _request(self, method: str, path: str, body: bytes | None = None) -> httpx.Request:
        headers = {**self._headers, "Content-Type": _JSON} if body else self._headers
        timeout = {"timeout": self._timeout.as_dict()}
        url = f"{self.address}{path}"
        return httpx.Request(method, url, headers=headers, content=body, extensions=timeout)

    def _send(self, request: httpx.Request) -> dict[str, Any]:
        """Send a request and return the JSON object of its response. Raises the server's error."""
        connection, content = _Connection(), bytearray()
        request.extensions = {**request.extensions, "trace": connection.trace}
        try:
            response = self._client.send(request, stream=True)
            with closing(response):
                for chunk in response.iter_raw():
                    self._append(content, chunk)
        except httpx.TransportError as error:
            if not _was_closed_while_idle(error, connection):
                raise self._connection_error(error) from error
            return self._send(request)
        return self._parse(response, bytes(content))

    async def _send_async(self, request: httpx.Request) -> dict[str, Any]:
        """Send a request as `_send` does, without blocking the event loop."""
        connection, content = _Connection(), bytearray()
        request.extensions = {**request.extensions, "trace": connection.trace_async}
        try:
            async with self._session() as client:
                response = await client.send(request, stream=True)
                async with aclosing(response):
                    async for chunk in response.aiter_raw():
                        self._append(content, chunk)
        except httpx.TransportError as error:
            if not _was_closed_while_idle(error, connection):
                raise self._connection_error(error) from error
            return await self._send_async(request)
        return self._parse(response, bytes(content))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[httpx.AsyncClient]:
        """Share connections among the requests of this event loop while any is under way.

        Connections belong to their loop, which may end at any time between two requests.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            self._sessions[loop] = _Session(
                httpx.AsyncClient(limits=_ASYNC_LIMITS, verify=self._context, trust_env=False)
            )
        session = self._sessions[loop]
        session.requests += 1
        try:
            yield session.client
        finally:
            session.requests -= 1
            if not session.requests:
                del self._sessions[loop]
                await session.client.aclose()

    def _append(self, content: bytearray, chunk: bytes) -> None:
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise self._invalid_response()

    # -- responses ------------------------------------------------------------------------------

    def _parse(self, response: httpx.Response, content: bytes) -> dict[str, Any]:
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        data: Any = None
        if content_type in {_JSON, _PROBLEM}:
            try:
                data = json.loads(content)
            except (RecursionError, ValueError) as error:
                raise self._invalid_response() from error
        if response.status_code == httpx.codes.OK and content_type == _JSON:
            if isinstance(data, dict):
                return data
            raise self._invalid_response()
        problem = data if content_type == _PROBLEM and isinstance(data, dict) else {}
        raise self._refusal(response, problem)

    def _to_answer(self, data: dict[str, Any]) -> Answer:
        try:
            return Answer.from_dict(data)
        except ValueError as error:
            raise self._invalid_response() from error

    def _refusal(
        self, response: httpx.Response, problem: dict[str, Any]
    ) -> QuestionError | ServerError:
        """Return the error that a response describes, or an error that names its status."""
        status = response.status_code
        # Version 0.1 of the server sends the hint as "mend".
        message, hint = problem.get("detail"), problem.get("hint", problem.get("mend"))
        if isinstance(message, str) and isinstance(hint, str):
            if status in _REQUEST_ERRORS:
                return QuestionError(message, hint)
            seconds = response.headers.get("retry-after", "")
            wait = int(seconds) if seconds.isascii() and seconds.isdecimal() else None
            return ServerError(message, hint, retry_after=wait)
        location = response.headers.get("location", "")
        if 300 <= status < 400 and location:
            message = f"{self.address} redirects to {location[:200]!a}."
            return ServerError(message, "Connect to that address, if you trust it.")
        message = f"{self.address} answered with status {status}, not as a guide's server does."
        return ServerError(message, _VERSION_HINT)

    def _invalid_response(self) -> ServerError:
        message = f"{self.address} sent a response that is not a guide's."
        return ServerError(message, _VERSION_HINT)

    def _connection_error(self, error: httpx.TransportError) -> ServerError:
        reason = _reason(error)
        if isinstance(error, httpx.TimeoutException):
            reason = f"it sent nothing for {self._seconds:g} seconds"
        hint = "Check that the server runs and that its address is right, then ask again."
        return ServerError(f"{self.address} cannot be reached: {reason}.", hint)


def _was_closed_while_idle(error: httpx.TransportError, connection: _Connection) -> bool:
    """Whether the server closed a connection between two requests; a question can be sent again."""
    return not connection.is_new and not isinstance(error, httpx.TimeoutException)


def _reason(error: BaseException) -> str:
    """Return the system's description of an error, for example "Connection refused"."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) or type(error).__name__


def _encode_body(data: dict[str, Any], history: Sequence[Turn]) -> bytes:
    """Encode a question with its conversation, without the oldest turns where it is too long."""
    turns = [_turn_to_dict(turn) for turn in history[-MAX_TURNS:]]
    body = _encode({**data, "history": turns})
    while turns and len(body) > MAX_CONVERSATION_BYTES:
        del turns[0]
        body = _encode({**data, "history": turns})
    return body


def _turn_to_dict(turn: Turn) -> dict[str, Any]:
    sources = list(turn.sources[:MAX_SOURCES])
    return {"role": turn.role, "text": turn.text[:MAX_TURN_CHARS], "sources": sources}


def _encode(data: dict[str, Any]) -> bytes:
    """Encode JSON as UTF-8, or as ASCII where a lone surrogate cannot be encoded."""
    try:
        return json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(data).encode()


def _parse_address(url: str) -> ServerAddress:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:  # also raised for a malformed host name
        raise SettingsError(f"{url!a} is not an address: {error}.", _ADDRESS_HINT) from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise SettingsError(f"{url!a} is not the address of a server.", _ADDRESS_HINT)
    if parts.username is not None:
        hint = "Remove what stands before the @, and pass the key as key."
        raise SettingsError(f"The address of {host} contains a user name or a password.", hint)
    root = quote(parts.path.rstrip("/"), safe="/%!$&'()*+,;=:@~")
    return ServerAddress(host, port, root, secure=parts.scheme == "https")


def _check_key(key: str) -> str:
    """Return a key that fits in a header; the error does not repeat the key."""
    if not key.isascii() or not key.isprintable() or " " in key:
        hint = "Pass it as `assistant keys add` printed it, without a space or a line end."
        raise SettingsError("The key contains characters that no key has.", hint)
    return key
