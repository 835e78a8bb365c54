"""Middleware: check that a caller may use a route: by API key, as a signed-in user, or locally."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from assistant.errors import ApiKeyError
from assistant.server.security.callers import Caller, caller_of
from assistant.server.security.policies import policy_of
from assistant.server.security.problems import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from assistant.server.security.api_keys import ApiKeys, KeyScope

_BEARER = re.compile(r"bearer +(\S+) *", re.I)
_log = logging.getLogger(__name__)


class AuthenticationMiddleware:
    """Lets through callers with the scope of the route's policy; refuses others with 401 or 403.

    Without a key, local callers and signed-in users may read and give feedback; with `anonymous`,
    everybody may. Starlette's AuthenticationMiddleware checks no scopes.
    """

    def __init__(
        self, app: ASGIApp, keys: ApiKeys | None = None, *, anonymous: bool = False
    ) -> None:
        self._app = app
        self._keys, self._anonymous = keys, anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that is allowed, with the caller's key; refuse any other."""
        if scope["type"] == "http" and (needed := policy_of(scope).scope):
            token = bearer_token(Headers(scope=scope))
            try:
                caller = self._authenticate(caller_of(scope), token, needed)
            except Refusal as refusal:
                await refusal(scope, receive, send)
                return
            except ApiKeyError as error:
                _log.error("Request %s: %s", scope["state"].get("request_id", ""), error)
                unreadable = Refusal(503, "The API keys cannot be read.", "The log says why.")
                await unreadable(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)

    def _authenticate(self, caller: Caller, token: str, needed: KeyScope) -> Caller:
        """Return the caller with its key. Raises Refusal where it may not do what is needed."""
        key = self._keys.find(token) if self._keys and token else None
        needs_no_key = caller.may_without_key(needed, anonymous=self._anonymous)
        # Where no key exists, none can be wrong: some clients cannot send a request without a key.
        if token and not key and not (needs_no_key and not (self._keys and self._keys.list_keys())):
            raise _unauthorized("This API key is not known here, or was revoked.")
        if key and not key.allows(needed):
            raise Refusal(403, "This API key does not allow that.", f"Use one of scope {needed}.")
        if not key and not needs_no_key:
            if caller.user:
                raise Refusal(403, "Readers may not see that.", f"Use a key of scope {needed}.")
            raise _unauthorized("An API key is needed here.", needed)
        return replace(caller, key=key)


def bearer_token(headers: Headers) -> str:
    """Return the token of an Authorization header; empty where there is none."""
    match = _BEARER.fullmatch(headers.get("authorization", ""))
    return match[1] if match else ""


def _unauthorized(message: str, needed: str = "") -> Refusal:
    hint = "Send Authorization: Bearer KEY, made with: assistant keys add NAME; or, to let anyone "
    hint += "read, turn on the setting anonymous."
    if needed == "admin":
        hint = "Send Authorization: Bearer KEY, made with: assistant keys add NAME --scope admin"
    return Refusal(401, message, hint, {"www-authenticate": "Bearer"})
