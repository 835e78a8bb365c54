"""A guide on a server, asked from Python as one that lies here is.

Knows the server's addresses and bodies, and connections. Must not know how an answer is found. A
request goes to the one origin that was named, directly: no redirection is followed, so that a key
is told to nobody else.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from assistant import __version__
from assistant.conversation import MAX_TURNS, Conversation
from assistant.errors import QuestionError, ServerError, SettingsError
from assistant.models import fields
from assistant.models.answers import Answer, Hit, Reason, Search
from assistant.models.documents import Passage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assistant.models.answers import Turn

DEFAULT_TIMEOUT = 30.0
"""Seconds that a server may say nothing before it is given up."""

MAX_REQUEST_BYTES = 64 * 1024
"""Bytes a server reads of a request; where a talk is longer, its oldest turns are left out."""

MAX_TURN_CHARS = 20_000
MAX_SOURCES = 100
"""What a server takes of one turn, in characters and in passages; the rest of it is not sent."""

MAX_RESPONSE_BYTES = 16 << 20
_MAX_IDLE_CONNECTIONS = 8  # connections that are kept for the next questions
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_REQUEST_ERRORS = frozenset({413, 422})  # what the request is at fault for
_ADDRESS_HINT = "Give the address the chat is opened at, https://help.example.org/guide for one."
_VERSION_HINT = "See that the address is a guide's, and that it runs this version of the assistant."


def connect(url: str, *, key: str = "", timeout: float = DEFAULT_TIMEOUT) -> RemoteAssistant:
    """The guide that a server answers for; nothing is sent until something is asked.

    `url` is where its chat is opened, with the path it is published under. `key` is one that
    `assistant keys add` made there. `timeout` is how many seconds it may say nothing. Raises
    SettingsError for an address or a key that cannot be one.
    """
    return RemoteAssistant(_parse_address(url), key=_check_key(key), timeout=timeout)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is: its host and port, and the path before all of its addresses."""

    host: str
    port: int | None
    root: str
    secure: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' * self.secure}://{host}{port}{self.root}"


@dataclass(frozen=True, slots=True)
class _ReceivedHit:
    """A hit as a server sends it."""

    rank: int
    passage: str
    path: str
    headings: tuple[str, ...]
    anchor: str
    url: str
    probability: float
    text: str
    why: Reason

    @property
    def hit(self) -> Hit:
        """The hit: its passage without its sentences, and no number in a store."""
        passage = Passage(
            self.passage, self.path, self.headings, self.anchor, self.url, self.text, sentences=()
        )
        return Hit(passage, -1, self.rank, self.probability, self.why)


class RemoteAssistant:
    """A guide on a server; safe to share by threads, and closed when it is left as a context.

    All that asks raises QuestionError for a question that cannot be asked, and ServerError where
    the server cannot be reached, refuses, or answers as no guide does.
    """

    def __init__(
        self, place: ServerAddress, *, key: str = "", timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self.address = place
        self._timeout = timeout
        self._context = ssl.create_default_context() if place.secure else None
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._headers = {"Accept": _JSON, "User-Agent": f"guide-assistant/{__version__}"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question as an Assistant here would, but for the answer's `hits`: none is sent.

        `history` is the talk so far, oldest first.
        """
        said = self._post("/api/ask", {"question": question}, history)
        try:
            return Answer.from_dict({name: said[name] for name in said if name != "id"})
        except (TypeError, ValueError) as error:
            raise self._invalid_response() from error

    async def ask_async(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question in a thread of its own, so that others can be asked meanwhile."""
        return await asyncio.to_thread(self.ask, question, history)

    def search(self, question: str, k: int = 10, history: Sequence[Turn] = ()) -> Search:
        """The k passages that answer best, best first, without their sentences; k is at most 50."""
        said = self._post("/api/search", {"question": question, "k": k}, history)
        try:
            hits = fields.read(tuple[_ReceivedHit, ...], said["hits"])
            return Search(said["question"], said["understood_as"], tuple(one.hit for one in hits))
        except (KeyError, TypeError, ValueError) as error:
            raise self._invalid_response() from error

    def examples(self, count: int = 4) -> list[str]:
        """Questions that the guide answers; no more than the server offers, which is four."""
        try:
            found: tuple[str, ...] = fields.read(
                tuple[str, ...], self._request("GET", "/api/guide")["examples"]
            )
        except (KeyError, TypeError) as error:
            raise self._invalid_response() from error
        return list(found[:count])

    def conversation(self) -> Conversation:
        """A talk that begins with nothing said; the server remembers none of it."""
        return Conversation(self)

    def close(self) -> None:
        """Close the connections that are kept; whoever asks again opens another."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- requests -------------------------------------------------------------------------------

    def _post(self, path: str, asked: dict[str, Any], history: Sequence[Turn]) -> dict[str, Any]:
        turns = [_turn_to_dict(turn) for turn in history[-MAX_TURNS:]]
        body = _encode_body({**asked, "history": turns})
        while turns and len(body) > MAX_REQUEST_BYTES:
            del turns[0]
            body = _encode_body({**asked, "history": turns})
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """What the server says, as JSON types; or what it refuses with, raised."""
        response, said = self._send(method, path, body)
        kind = response.headers.get_content_type()
        data: Any = None
        if kind in {_JSON, _PROBLEM}:
            try:
                data = json.loads(said)
            except (RecursionError, ValueError) as error:
                raise self._invalid_response() from error
        if response.status == http.client.OK and kind == _JSON and isinstance(data, dict):
            return data
        raise self._error_for(response, data)

    def _send(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Send a request over a connection that is kept, or a new one where that was closed."""
        headers = {**self._headers, "Content-Type": _JSON} if body else self._headers
        while True:
            connection, kept = self._connection()
            try:
                connection.request(method, self.address.root + path, body, headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept and not isinstance(error, TimeoutError):
                    continue  # closed while nobody asked; a question can be asked again
                raise self._connection_error(error) from error
            try:
                said = response.read(MAX_RESPONSE_BYTES + 1)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise self._connection_error(error) from error
            if len(said) > MAX_RESPONSE_BYTES:
                connection.close()
                raise self._invalid_response()
            self._release(connection)
            return response, said

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        host, port = self.address.host, self.address.port
        if self._context:
            return http.client.HTTPSConnection(
                host, port, timeout=self._timeout, context=self._context
            ), False
        return http.client.HTTPConnection(host, port, timeout=self._timeout), False

    def _release(self, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next question, unless the server has closed it."""
        with self._lock:
            if connection.sock is not None and len(self._idle) < _MAX_IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    # -- what goes wrong ------------------------------------------------------------------------

    def _error_for(
        self, response: http.client.HTTPResponse, data: Any
    ) -> QuestionError | ServerError:
        """What the server says is wrong, with its mend; or how it answers where it says nothing."""
        status = response.status
        if isinstance(data, dict) and response.headers.get_content_type() == _PROBLEM:
            what, mend = data.get("detail"), data.get("mend")
            if isinstance(what, str) and isinstance(mend, str):
                if status in _REQUEST_ERRORS:
                    return QuestionError(what, mend)
                after = response.headers.get("Retry-After", "")
                wait = int(after) if after.isascii() and after.isdecimal() else None
                return ServerError(what, mend, retry_after=wait)
        place = response.headers.get("Location", "")
        if 300 <= status < 400 and place:
            what = f"{self.address} sends its readers on, to {place[:200]!a}."
            return ServerError(what, "Connect to that address, if you trust it.")
        what = f"{self.address} answers with status {status}, not as a guide's server does."
        return ServerError(what, _VERSION_HINT)

    def _invalid_response(self) -> ServerError:
        return ServerError(
            f"{self.address} answers with what is no answer of a guide.", _VERSION_HINT
        )

    def _connection_error(self, error: Exception) -> ServerError:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, TimeoutError):
            why = f"it said nothing for {self._timeout:g} seconds"
        mend = "See that the server runs and that its address is right, then ask again."
        return ServerError(f"{self.address} cannot be asked: {why}.", mend)


def _turn_to_dict(turn: Turn) -> dict[str, Any]:
    sources = list(turn.sources[:MAX_SOURCES])
    return {"role": turn.role, "text": turn.text[:MAX_TURN_CHARS], "sources": sources}


def _encode_body(asked: dict[str, Any]) -> bytes:
    """JSON, as short as it can be said."""
    try:
        return json.dumps(asked, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, which JSON has a way to write
        return json.dumps(asked).encode()


def _parse_address(url: str) -> ServerAddress:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:  # and so is a name that is no host's
        raise SettingsError(f"{url!a} is no address: {error}.", _ADDRESS_HINT) from error
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise SettingsError(f"{url!a} is no address of a server.", _ADDRESS_HINT)
    if parts.username is not None:
        mend = "Leave out what stands before the @; a key is given as key."
        raise SettingsError(f"The address of {host} holds a name or a password.", mend)
    root = quote(parts.path.rstrip("/"), safe="/%!$&'()*+,;=:@~")
    return ServerAddress(host, port, root, secure=parts.scheme == "https")


def _check_key(key: str) -> str:
    """A key that can stand in a header; what it is must not be told by an error."""
    if not key.isascii() or not key.isprintable() or " " in key:
        mend = "Give it as `assistant keys add` printed it, without a space or a line end."
        raise SettingsError("The key holds what no key does.", mend)
    return key
