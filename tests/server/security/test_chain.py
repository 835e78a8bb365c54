"""All middlewares together: what reaches the application, and what every response has."""

from __future__ import annotations

import asyncio
import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import SettingsError
from assistant.server.app import protect
from assistant.server.security.policies import API_CONTENT_POLICY, AllowedRoute, Policy
from assistant.settings import Settings
from tests.server.security.asgi_requests import Application, request, send_scope

PAGE = "default-src 'self'; script-src 'nonce-{nonce}'; frame-ancestors {frames}"
LISTED = "https://good.example"
PROXIES = {"trusted_proxies": ("10.0.0.0/8", "fd00::/8"), "host": "0.0.0.0"}
ROUTES = (
    AllowedRoute.from_pattern(("GET",), "/", Policy(content_policy=PAGE)),
    AllowedRoute.from_pattern(("POST",), "/ask", Policy(is_question=True, cost=1.0)),
    AllowedRoute.from_pattern(("GET",), "/session", Policy()),
    AllowedRoute.from_pattern(("DELETE", "GET"), "/session", Policy()),
    AllowedRoute.from_pattern(("GET",), "/files/.+", Policy(cost=0.5)),
)
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-frame-options": "SAMEORIGIN",
}


def chain(application=None, **settings):
    return protect(application or Application(), lambda: ROUTES, Settings(**settings))


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/session", 200), ("/nowhere", 404), ("/ask", 405), ("/files/../a", 404)],
)
def test_every_response_has_the_security_headers_refusals_too(path, status):
    reply = request(chain(), path=path)
    assert reply.status == status
    assert {name: reply[name] for name in EVERYWHERE} == EVERYWHERE
    assert reply.all("strict-transport-security") == []
    assert request(chain(), path=path, scheme="https")["strict-transport-security"]
    assert (reply["content-security-policy"] == API_CONTENT_POLICY) == (path != "/")
    assert len(reply["x-request-id"]) == 12


def test_the_id_of_a_request_is_in_its_error_and_known_to_the_application():
    application = Application()
    reply = request(chain(application))
    assert application.state["request_id"] == reply["x-request-id"]
    reply = request(chain(application), path="/nowhere")
    assert reply.problem["id"] == reply["x-request-id"]


def test_the_lifespan_of_the_server_is_the_application_s():
    kinds = []

    async def application(scope, receive, send):
        kinds.append(scope["type"])

    asyncio.run(chain(application)({"type": "lifespan"}, None, None))
    assert kinds == ["lifespan"]


def test_the_application_s_errors_are_ours_its_cookies_stay_and_its_policies_too():
    headers = (("Set-Cookie", "a=b"), ("Server", "software/1.0"), ("X-Frame-Options", "ALLOWALL"))
    reply = request(chain(Application(headers=headers)))
    assert not {"set-cookie", "server"} & {*dict(reply.pairs)}
    assert reply["x-frame-options"] == "SAMEORIGIN"
    assert request(chain(Application(500))).problem["status"] == 500


def test_a_listed_site_may_read_what_is_there_and_is_told_nothing_of_what_is_not():
    cross = {"origins": (LISTED,), "host": "0.0.0.0"}
    for path, status in (("/", 200), ("/session", 200), ("/files/a", 200), ("/nowhere", 404)):
        reply = request(chain(**cross), path=path, headers=[("Origin", LISTED)])
        is_there = status == 200
        assert reply.status == status
        assert reply.all("access-control-allow-origin") == ([LISTED] if is_there else [])
        resource = "cross-origin" if is_there else "same-origin"
        assert reply["cross-origin-resource-policy"] == resource


def test_a_preflight_request_is_told_the_methods_of_its_path():
    headers = [("Origin", LISTED), ("Access-Control-Request-Method", "POST")]
    reply = request(chain(origins=(LISTED,)), "OPTIONS", "/ask", headers=headers)
    assert (reply.status, reply["access-control-allow-methods"]) == (204, "POST")


def test_the_proxy_s_word_makes_the_server_s_own_origin():
    notice = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "help.example.org")]
    headers = [*notice, ("Origin", "https://help.example.org")]
    for peer, status in (("10.0.0.1", 200), ("203.0.113.9", 403)):
        reply = request(chain(**PROXIES), "POST", "/ask", headers=headers, client=(peer, 1))
        assert reply.status == status


def test_a_malformed_host_of_a_proxy_is_refused_too():
    for host in ("a b", "http://localhost", "localhost:99999", "<script>"):
        headers = [("X-Forwarded-Host", host)]
        assert request(chain(**PROXIES), headers=headers, client=("10.0.0.1", 1)).status == 400


def test_a_header_that_is_dropped_inside_counts_outside():
    """What the application is not to see, the middlewares before it have looked at."""
    for name, status in (("Content-Encoding", 422), ("Transfer-Encoding", 200)):
        application = Application()
        reply = request(chain(application), "POST", "/ask", headers=[(name, "gzip")], body=[b"x"])
        assert reply.status == status
    assert application.header("transfer-encoding") == []


def test_settings_that_contradict_one_another_are_an_error():
    with pytest.raises(SettingsError, match="hosts"):
        chain(hosts=("https://help.example.org",))
    with pytest.raises(SettingsError, match="user_header"):
        chain(user_header="Remote-User")


def test_a_reader_after_a_forger_sees_nothing_of_the_forged_host():
    class Mirror(Application):
        async def __call__(self, scope, receive, send):
            self.body = str(sorted(scope["headers"])).encode() + scope["scheme"].encode()
            await super().__call__(scope, receive, send)

    app = chain(Mirror(), hosts=("help.example.org",), trusted_proxies=("10.0.0.0/8",))
    own = ("Host", "help.example.org")
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Forwarded-Server", "Host"):
        for value in ("evil.example", "host=evil.example", "help.example.org@evil.example"):
            for peer in ("203.0.113.9", "10.0.0.1"):
                forged = request(app, headers=[own, (name, value)], client=(peer, 1))
                assert "evil.example" not in str(forged)
                clean = request(app, headers=[own])
                assert clean.status == 200
                assert "evil" not in str(clean)


# Whatever comes

WORD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
PIECES = st.sampled_from(
    "/ . .. %2e %2f %5c %00 \\ files ask help // % %25 a ; ? # : @ ä %c3%a4 \x00 ~".split(" ")
)
NAMES = st.sampled_from(
    """host origin content-length transfer-encoding content-encoding x-forwarded-for
    x-forwarded-host x-forwarded-proto sec-fetch-site access-control-request-method range
    cookie expect connection authorization""".split()
)
VALUES = st.one_of(
    WORD,
    st.sampled_from(["localhost", "127.0.0.1", "10.0.0.1", "https", LISTED, "chunked", "0", "5"]),
)
KNOWN = {200, 204, 307, 400, 403, 404, 405, 413, 421, 422, 429}


def escapes(path: str) -> bool:
    """Whether a path leaves its folder for anybody who decodes it up to five times over."""
    for _ in range(5):
        for form in (path, path.replace("\\", "/")):
            if not (posixpath.normpath(form) + "/").startswith("/files/"):
                return True
        path = unquote(path)
    return False


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT", "x"]),
    path=st.lists(PIECES | WORD, max_size=6).map(lambda parts: "/" + "".join(parts)) | WORD,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    body=st.binary(max_size=40),
    peer=st.sampled_from(["203.0.113.9", "10.0.0.1", "127.0.0.1", "testclient"]),
    root=st.sampled_from(["", "/help"]),
)
def test_whatever_comes_is_answered_and_only_allowed_paths_reach_the_application(
    method, path, headers, body, peer, root
):
    application = Application()
    app = chain(application, root=root, origins=(LISTED,), trusted_proxies=("10.0.0.0/8",))
    raw = path.encode("utf-8", "replace").decode("latin-1")
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": raw.encode("latin-1"),
        "query_string": b"",
        "client": (peer, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    reply = asyncio.run(send_scope(app, scope, [body]))
    assert reply.status in KNOWN
    assert len(reply.all("x-request-id")) == len(reply.all("content-security-policy")) == 1
    assert reply.status == 200 or not application.scopes
    for scope in application.scopes:
        below = scope["path"].removeprefix(root)
        route = next(r for r in ROUTES if r.pattern.fullmatch(below) and method in r.methods)
        assert not escapes(below) or route.pattern.pattern != "/files/.+"
