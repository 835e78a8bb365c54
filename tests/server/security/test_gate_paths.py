"""Which paths get through the gate, and that whatever else comes is answered."""

from __future__ import annotations

import asyncio
import posixpath
import re
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.test_gate import (
    LISTED,
    ROUTES,
    Application,
    asked,
    exchanged,
    gate,
)

from assistant.server.security.middleware import SecurityMiddleware
from assistant.server.security.request import Policy
from assistant.settings import Settings

TRAVERSAL = (
    Path(__file__).parent.parent.parent.parent.parent / "shared" / "security" / "traversal.txt"
)


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
    narrow = SecurityMiddleware(strict, [Policy(("GET",), "/files/[a-z]+[.]md")], Settings())
    refused = 0
    for form in filter(None, forms):
        sent = form.replace("?", "%3F")  # else what follows is no path
        for path in (f"/files/{sent}", f"/{sent.lstrip('/')}"):
            assert asked(narrow, path=path).status == 404
            status = asked(gate(application), path=path).status
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
    reply, unknown = asked(gate(application), path=path), asked(gate(application), path="/nowhere")
    assert application.scopes == []
    assert (reply.status, unknown.status) == (404, 404)
    assert {**reply.problem, "id": ""} == {**unknown.problem, "id": ""}


def test_a_path_is_looked_through_where_the_server_does_not_say_how_it_was_sent():
    application = Application()
    for path, status in (("/files/%2e%2e/a", 404), ("/files/a%2fb", 404), ("/files/ä", 200)):
        scope = {"type": "http", "method": "GET", "path": path}
        scope["headers"] = [(b"host", b"localhost")]
        assert asyncio.run(exchanged(gate(application), scope, [b""])).status == status


@pytest.mark.parametrize(
    "name", ["a.md", "a b.md", "über uns.md", "100% sure.md", "a%20b.md", "a,b;c=d.md", "日本.md"]
)
def test_the_name_of_a_page_arrives_as_it_is(name):
    application = Application()
    assert asked(gate(application), path=f"/files/{quote(name)}").status == 200
    assert application.scopes[0]["path"] == f"/files/{name}"
    assert unquote(application.scopes[0]["raw_path"]) == f"/files/{name}"


@pytest.mark.parametrize("sent", ["/help/files/a%20b", "/files/a%20b"])
def test_under_a_root_the_application_sees_the_same_whatever_the_proxy_strips(sent):
    application = Application()
    assert asked(gate(application, root="/help"), path=sent).status == 200
    scope = application.scopes[0]
    assert (scope["path"], scope["root_path"]) == ("/help/files/a b", "/help")
    assert scope["raw_path"] == b"/help/files/a%20b"


def test_the_root_itself_leads_to_its_first_page():
    guarded = gate(root="/team/help")
    reply = asked(guarded, path="/team/help?q=a%20b")
    assert (reply.status, reply["location"]) == (307, "/team/help/?q=a%20b")
    assert asked(guarded, path="/team/help/").status == 200
    assert asked(guarded, path="/team/helper").status == 404
    assert asked(guarded, path="/team").status == 404
    assert asked(guarded, path="/team/help/../").status == 404


# Whatever comes

WORD = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
PIECES = st.sampled_from(
    "/ . .. %2e %2f %5c %00 \\ files ask help // % %25 a ; ? # : @ ä %c3%a4 \x00 ~".split(" ")
)
NAMES = st.sampled_from(
    """host origin content-length transfer-encoding content-encoding x-forwarded-for
    x-forwarded-host x-forwarded-proto sec-fetch-site access-control-request-method range
    cookie expect connection""".split()
)
VALUES = st.one_of(
    WORD,
    st.sampled_from(["localhost", "127.0.0.1", "10.0.0.1", "https", LISTED, "chunked", "0", "5"]),
)
KNOWN = {200, 204, 307, 400, 403, 404, 405, 413, 421, 422, 429}


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT", "x"]),
    path=st.lists(PIECES | WORD, max_size=6).map(lambda parts: "/" + "".join(parts)) | WORD,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
    body=st.binary(max_size=40),
    peer=st.sampled_from(["203.0.113.9", "10.0.0.1", "127.0.0.1", "testclient"]),
    root=st.sampled_from(["", "/help"]),
)
def test_whatever_comes_is_answered_and_nothing_reaches_what_is_not_in_the_table(
    method, path, headers, body, peer, root
):
    application = Application()
    guarded = gate(application, root=root, origins=(LISTED,), trusted_proxies=("10.0.0.0/8",))
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
    reply = asyncio.run(exchanged(guarded, scope, [body]))
    assert reply.status in KNOWN
    assert len(reply.all("x-request-id")) == len(reply.all("content-security-policy")) == 1
    assert reply.status == 200 or not application.scopes
    for scope in application.scopes:
        below = scope["path"].removeprefix(root)
        row = next(row for row in ROUTES if re.fullmatch(row.path, below) and method in row.methods)
        assert not escapes(below) or row.path != "/files/.+"
