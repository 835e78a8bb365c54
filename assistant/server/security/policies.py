"""Define the policy of each route: who may use it, what it costs, and what its pages may load.

A route states its policy where it is defined, with `@with_policy`. The allow-list of paths is
collected from the routes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starlette.routing import BaseRoute, Mount, Route

from assistant.conversation import MAX_CONVERSATION_BYTES
from assistant.http_accept import JSON
from assistant.server.security.problems import PROBLEM_JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Scope

    from assistant.server.security.api_keys import KeyScope

MAX_BODY = 64 * 1024
"""Bytes of a request's body, unless its policy says otherwise."""

API_CONTENT_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Gradio writes styles into its page; everything else a page loads must come from this server.
CHAT_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors {frames}"
)
PAGE_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {frames}"
)
EMBED_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)
# A picture runs nothing, also where it is opened by itself.
PICTURE_CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors {frames}"
)
# The page of an error carries its own styles and loads nothing but a logo.
ERROR_CONTENT_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors {frames}"
)
ASSET_CONTENT_POLICY = "default-src 'none'; frame-ancestors {frames}"

# The cost of a request in questions, by the processor time it takes: a question 10 ms, a page with
# a highlighted quote up to 10 ms, a page from the cache 1.5 ms, a file 1 ms.
QUESTION_COST, PAGE_COST, FILE_COST = 1.0, 0.2, 0.01

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Policy:
    """Tells the middlewares what to let through to a route.

    scope: what the caller must be allowed to do; None where anyone may.
    cost: what a request takes of the caller's rate limit, in questions.
    is_question: whether it counts against the limit on waiting questions.
    content_policy: the Content-Security-Policy; {nonce} and {frames} are filled in.
    cross_origin: whether pages of other sites may load it, as they do the widget's script.
    max_body: bytes of a request's body.
    body_media_type: the media type that a body must have; empty for any.
    error_media_type: a media type in which the route describes a bad request in its own way.
    streams: whether the response is a stream that stays open.
    pattern: a regular expression for the paths, where the route's own path allows too many.
    """

    scope: KeyScope | None = None
    cost: float = 0.0
    is_question: bool = False
    content_policy: str = API_CONTENT_POLICY
    cross_origin: bool = False
    max_body: int = MAX_BODY
    body_media_type: str = ""
    error_media_type: str = PROBLEM_JSON
    streams: bool = False
    pattern: str = ""


QUESTION_POLICY = Policy(
    scope="read",
    cost=QUESTION_COST,
    is_question=True,
    max_body=MAX_CONVERSATION_BYTES,
    body_media_type=JSON,
)
"""The policy of a question, or a search, with its conversation as JSON."""

FEEDBACK_POLICY = Policy(scope="feedback", cost=PAGE_COST, body_media_type=JSON)


@dataclass(frozen=True, slots=True)
class AllowedRoute:
    """A row of the allow-list: whole paths below the root, their methods and their policy."""

    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    policy: Policy

    @classmethod
    def from_pattern(cls, methods: Iterable[str], pattern: str, policy: Policy) -> AllowedRoute:
        """Make a row from a regular expression; GET also allows HEAD, unless the route streams."""
        allowed = set(methods) | ({"HEAD"} if "GET" in methods else set())
        if policy.streams:
            allowed -= {"HEAD"}
        return cls(re.compile(pattern), tuple(sorted(allowed)), policy)


def with_policy(policy: Policy) -> Callable[[_T], _T]:
    """Decorate an endpoint, a function or an ASGI application, with its policy."""

    def decorate(endpoint: _T) -> _T:
        endpoint.policy = policy  # type: ignore[attr-defined]
        return endpoint

    return decorate


def collect_routes(routes: Iterable[BaseRoute]) -> tuple[AllowedRoute, ...]:
    """Collect the allow-list from routes. Raises ValueError for a route without a policy."""
    return tuple(_allow(route) for route in routes)


def _allow(route: BaseRoute) -> AllowedRoute:
    if not isinstance(route, Route | Mount):
        raise TypeError(f"{route} is not a route of HTTP.")
    policy = getattr(route.app if isinstance(route, Mount) else route.endpoint, "policy", None)
    if policy is None:
        raise ValueError(f"The route {route.path or '/'} has no policy.")
    methods = (isinstance(route, Route) and route.methods) or {"GET"}
    return AllowedRoute.from_pattern(methods, policy.pattern or route.path_regex.pattern, policy)


def policy_of(scope: Scope) -> Policy:
    """Return the policy of a request's route; the default one before the route is known."""
    policy: Policy = scope.get("state", {}).get("policy", _DEFAULT)
    return policy


_DEFAULT = Policy()
