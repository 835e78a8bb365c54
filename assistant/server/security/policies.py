"""The table of what the gate lets through: paths, methods, scopes, costs and content policies."""

from __future__ import annotations

from functools import partial

from assistant.http_accept import JSON
from assistant.server.security.request import MAX_CONVERSATION_BODY, Policy

# Gradio writes styles into its page; all else a page asks for must be our own.
CHAT_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors {frames}"
)
PAGE_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)
EMBED_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)
NO_CONTENT_POLICY = "default-src 'none'; frame-ancestors {frames}"

QUEUE_JOIN_PATH = "/gradio_api/queue/join"
QUEUE_DATA_PATH = "/gradio_api/queue/data"

# What a request takes of its caller's rate, in questions, by the processor time it takes: a
# question 10 ms, a page with a quote marked up to that, one that is kept 1.5 ms, a file 1 ms.
QUESTION_COST, PAGE_COST, FILE_COST = 1.0, 0.2, 0.01

_get = partial(Policy, ("GET",))
_post = partial(Policy, ("POST",), body_media_type=JSON)
_ask = partial(_post, scope="read", is_question=True, cost=QUESTION_COST)

POLICIES = (
    _get("/", CHAT_CONTENT_POLICY, scope="read", cost=QUESTION_COST),
    _get("/guide/.*", PAGE_CONTENT_POLICY, scope="read", cost=PAGE_COST),
    _get("/a/[a-z2-7]{16}", PAGE_CONTENT_POLICY, scope="read", cost=PAGE_COST),
    _post("/feedback", NO_CONTENT_POLICY, scope="feedback", cost=PAGE_COST),
    _get("/(healthz|readyz)", NO_CONTENT_POLICY, is_health_check=True),
    _get("/progress", NO_CONTENT_POLICY),
    _get(r"/chat/[a-z]+(\.css|\.js)?", NO_CONTENT_POLICY, cost=FILE_COST),
    _get(r"/widget\.js", NO_CONTENT_POLICY, cross_origin=True, cost=FILE_COST),
    _get("/embed", EMBED_CONTENT_POLICY, scope="read", cost=PAGE_COST),
    _get("/(assets|static)/.+", NO_CONTENT_POLICY, cost=FILE_COST),
    _get(r"/theme\.css", NO_CONTENT_POLICY, cost=FILE_COST),
    _ask(QUEUE_JOIN_PATH, NO_CONTENT_POLICY),
    _get(QUEUE_DATA_PATH, NO_CONTENT_POLICY, scope="read", streams=True),
    _get("/gradio_api/heartbeat/[a-z0-9]+", NO_CONTENT_POLICY, scope="read", streams=True),
    _get("/gradio_api/startup-events", NO_CONTENT_POLICY, scope="read", cost=FILE_COST),
    _ask("/api/(ask|search)", max_body=MAX_CONVERSATION_BODY),
    _get("/api/(guide|sections/.+|answers/[^/]+)", scope="read", cost=PAGE_COST),
    _post("/api/feedback", scope="feedback", cost=PAGE_COST),
    _ask("/v1/chat/completions", max_body=MAX_CONVERSATION_BODY, openai_errors=True),
    _get("/v1/models(/[^/]+)?", scope="read", openai_errors=True, cost=FILE_COST),
    _ask("/mcp", error_media_type=JSON),
    _get("/openapi.json", scope="read", cost=PAGE_COST),
    _get("/metrics", scope="admin", cost=FILE_COST),
    Policy((), "/v1(/[^\0]*)?", openai_errors=True),
)
