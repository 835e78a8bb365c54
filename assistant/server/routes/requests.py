"""Read from a request what its response depends on: the reader's language, the server's address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.render import catalogue

if TYPE_CHECKING:
    from starlette.requests import Request

    from assistant.render.catalogue import Messages


def choose_messages(request: Request, language: str) -> Messages:
    """Return the messages of the setting's language, or else of the reader's."""
    return catalogue.choose_messages(request.headers.get("accept-language", ""), language)


def find_origin(request: Request) -> str:
    """Return the address of this server as the request names it, or the proxy that is trusted."""
    return str(request.base_url).rstrip("/")
