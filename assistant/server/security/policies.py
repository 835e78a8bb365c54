"""The table of what the gate lets through: paths, methods, scopes, costs and content policies."""

from __future__ import annotations

from functools import partial

from assistant.http_accept import JSON
from assistant.server.security.request import TALK, Route

# Gradio writes styles into its page; all else a page asks for must be our own.
CHAT = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors {frames}"
)
READER = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)
EMBED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)
NOTHING = "default-src 'none'; frame-ancestors {frames}"

JOINED = "/gradio_api/queue/join"
LISTENED = "/gradio_api/queue/data"

# What a request takes of its caller's rate, in questions, by the processor time it takes: a
# question 10 ms, a page with a quote marked up to that, one that is kept 1.5 ms, a file 1 ms.
QUESTION, PAGE, FILE = 1.0, 0.2, 0.01

_get = partial(Route, ("GET",))
_post = partial(Route, ("POST",), sent=JSON)
_ask = partial(_post, scope="read", asks=True, cost=QUESTION)

ROUTES = (
    _get("/", CHAT, scope="read", cost=QUESTION),
    _get("/guide/.*", READER, scope="read", cost=PAGE),
    _get("/a/[a-z2-7]{16}", READER, scope="read", cost=PAGE),
    _post("/feedback", NOTHING, scope="feedback", cost=PAGE),
    _get("/(healthz|readyz)", NOTHING, probe=True),
    _get("/progress", NOTHING),
    _get(r"/chat/[a-z]+(\.css|\.js)?", NOTHING, cost=FILE),
    _get(r"/widget\.js", NOTHING, shared=True, cost=FILE),
    _get("/embed", EMBED, scope="read", cost=PAGE),
    _get("/(assets|static)/.+", NOTHING, cost=FILE),
    _get(r"/theme\.css", NOTHING, cost=FILE),
    _ask(JOINED, NOTHING),
    _get(LISTENED, NOTHING, scope="read", streams=True),
    _get("/gradio_api/heartbeat/[a-z0-9]+", NOTHING, scope="read", streams=True),
    _get("/gradio_api/startup-events", NOTHING, scope="read", cost=FILE),
    _ask("/api/(ask|search)", longest=TALK),
    _get("/api/(guide|sections/.+|answers/[^/]+)", scope="read", cost=PAGE),
    _post("/api/feedback", scope="feedback", cost=PAGE),
    _ask("/v1/chat/completions", longest=TALK, nested=True),
    _get("/v1/models(/[^/]+)?", scope="read", nested=True, cost=FILE),
    _ask("/mcp", errors=JSON),
    _get("/openapi.json", scope="read", cost=PAGE),
    _get("/metrics", scope="admin", cost=FILE),
    Route((), "/v1(/[^\0]*)?", nested=True),
)
