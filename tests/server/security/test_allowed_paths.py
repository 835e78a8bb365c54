"""Which paths and methods get through."""

from __future__ import annotations

import asyncio
import posixpath
import re
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from assistant.server.security.allowed_paths import AllowedPathsMiddleware
from assistant.server.security.policies import AllowedRoute, Policy
from tests.server.security.asgi_requests import Application, request, send_scope

QUESTION, FILE = Policy(is_question=True, cost=1.0), Policy(cost=0.5)
ROUTES = (
    AllowedRoute.from_pattern(("GET",), "/", Policy()),
    AllowedRoute.from_pattern(("POST",), "/ask", QUESTION),
    AllowedRoute.from_pattern(("GET",), "/session", Policy()),
    AllowedRoute.from_pattern(("DELETE", "GET"), "/session", Policy()),
    AllowedRoute.from_pattern(("GET",), "/widget[.]js", Policy()),
    AllowedRoute.from_pattern(("GET",), "/files/.+", FILE),
    AllowedRoute.from_pattern(("GET",), "/stream", Policy(streams=True)),
)
TRAVERSAL = Path(__file__).parents[4] / "shared" / "security" / "traversal.txt"


def middleware(application=None, root: str = "", routes=ROUTES) -> AllowedPathsMiddleware:
    return AllowedPathsMiddleware(application or Application(), lambda: routes, root)


@pytest.mark.parametrize(
    "path", ["/admin", "/ask/", "//", "/ASK", "/widgetxjs", "/files/", "/ask;"]
)
def test_a_path_that_is_not_listed_does_not_exist(path):
    application = Application()
    assert request(middleware(application), path=path).status == 404
    assert application.scopes == []


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "GET, HEAD"),
        ("GET", "/ask", "POST"),
        ("PUT", "/session", "GET, HEAD, DELETE"),
        ("TRACE", "/", "GET, HEAD"),
        ("OPTIONS", "/ask", "POST"),
        ("HEAD", "/stream", "GET"),
        ("get", "/", "GET, HEAD"),
        ("<script>", "/", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_listed_is_refused_with_those_that_are(method, path, allow):
    application = Application()
    reply = request(middleware(application), method, path)
    assert (reply.status, reply["allow"]) == (405, allow)
    assert application.scopes == []


def test_two_routes_of_one_path_are_told_apart_by_their_method():
    for method in ("GET", "DELETE"):
        assert request(middleware(), method, "/session").status == 200


def test_a_request_gets_the_policy_of_its_route():
    application = Application()
    for method, path, policy in (("POST", "/ask", QUESTION), ("GET", "/files/a", FILE)):
        request(middleware(application), method, path)
        assert application.state["policy"] is policy


def test_the_allow_list_is_that_of_the_moment():
    routes = [ROUTES[0]]
    app = AllowedPathsMiddleware(Application(), lambda: routes)
    assert request(app, path="/session").status == 404
    routes.append(ROUTES[2])
    assert request(app, path="/session").status == 200


def test_a_preflight_request_is_passed_on_with_the_methods_of_its_path():
    application = Application()
    headers = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")]
    assert request(middleware(application), "OPTIONS", "/ask", headers=headers).status == 200
    assert application.state["allowed_methods"] == ("POST",)
    assert request(middleware(), "OPTIONS", "/nowhere", headers=headers).status == 404


def test_a_websocket_is_refused():
    async def run():
        messages = []

        async def send(message):
            messages.append(message)

        await middleware()({"type": "websocket", "path": "/", "headers": []}, None, send)
        return messages

    assert asyncio.run(run()) == [{"type": "websocket.close", "code": 1008}]


def escapes(path: str) -> bool:
    """Whether a path leaves its folder for anybody who decodes it up to five times over."""
    for _ in range(5):
        for form in (path, path.replace("\\", "/")):
            if not (posixpath.normpath(form) + "/").startswith("/files/"):
                return True
        path = unquote(path)
    return False


def test_no_form_of_a_path_that_leads_elsewhere_reaches_the_application():
    if not TRAVERSAL.exists():
        pytest.skip(f"{TRAVERSAL} is absent")
    forms = TRAVERSAL.read_text(encoding="utf-8").split("\n")
    assert len(forms) > 2000
    application, strict = Application(), Application()
    pages = [AllowedRoute.from_pattern(("GET",), "/files/[a-z]+[.]md", Policy())]
    narrow = middleware(strict, routes=pages)
    refused = 0
    for form in filter(None, forms):
        sent = form.replace("?", "%3F")  # else what follows is no path
        for path in (f"/files/{sent}", f"/{sent.lstrip('/')}"):
            assert request(narrow, path=path).status == 404
            status = request(middleware(application), path=path).status
            assert status in {200, 404}
            refused += status == 404
    assert strict.scopes == []
    assert refused > 3900
    for scope in application.scopes:
        assert not escapes(scope["path"])
        assert not re.search(r"[\x00-\x1f\\]|%(25)*(2f|5c|2e)", scope["path"], re.I)


@pytest.mark.parametrize(
    "path",
    [
        *("/files/../ask", "/files/./a", "/files/%2e%2e/a", "/files/.%2E/a"),
        *("/files/%252e%252e/a", "/files/%25252e%25252e/a"),
        *("/files/a%2fb", "/files/a%2Fb", "/files/a%5cb", "/files/a%255cb", "/files/a%00b"),
        *("/files/a%2500b", "/files/a\\b", "/files/a%0ab", "/files/a%7f", "/files/.env"),
        *("/files/%c0%ae%c0%ae/a", "/files/%ff", "/files/%u2215a", "/files/a%", "/files/a%2"),
        *("/files/a/..", "/files/...", "http://evil.example/files/a", "files/a", "", "*"),
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_as_one_that_is_unknown(path):
    application = Application()
    reply = request(middleware(application), path=path)
    unknown = request(middleware(application), path="/nowhere")
    assert application.scopes == []
    assert (reply.status, unknown.status) == (404, 404)
    assert reply.problem == unknown.problem


def test_a_path_is_checked_where_the_server_does_not_say_how_it_was_sent():
    for path, status in (("/files/%2e%2e/a", 404), ("/files/a%2fb", 404), ("/files/ä", 200)):
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        assert asyncio.run(send_scope(middleware(), scope, [b""])).status == status


@pytest.mark.parametrize(
    "name", ["a.md", "a b.md", "über uns.md", "100% sure.md", "a%20b.md", "a,b;c=d.md", "日本.md"]
)
def test_the_name_of_a_page_arrives_as_it_is(name):
    application = Application()
    assert request(middleware(application), path=f"/files/{quote(name)}").status == 200
    assert application.scopes[0]["path"] == f"/files/{name}"
    assert unquote(application.scopes[0]["raw_path"]) == f"/files/{name}"


@pytest.mark.parametrize("sent", ["/help/files/a%20b", "/files/a%20b"])
def test_under_a_root_the_application_sees_the_same_whatever_the_proxy_strips(sent):
    application = Application()
    assert request(middleware(application, "/help"), path=sent).status == 200
    scope = application.scopes[0]
    assert (scope["path"], scope["root_path"]) == ("/help/files/a b", "/help")
    assert scope["raw_path"] == b"/help/files/a%20b"


def test_the_root_itself_leads_to_its_first_page():
    app = middleware(root="/team/help")
    reply = request(app, path="/team/help?q=a%20b")
    assert (reply.status, reply["location"]) == (307, "/team/help/?q=a%20b")
    assert request(app, path="/team/help/").status == 200
    assert request(app, path="/team/helper").status == 404
    assert request(app, path="/team").status == 404
    assert request(app, path="/team/help/../").status == 404
