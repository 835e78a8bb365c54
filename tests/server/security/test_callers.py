"""Test who may use a real server: local callers, and callers behind proxies.

Every request here comes from the loopback. The listed proxy has its own loopback address and names
the caller behind it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assistant.errors import EXIT_STATE, EXIT_USAGE
from assistant.server.app import protect
from assistant.server.lifecycle import startup_notices
from assistant.server.security.api_keys import KEY_PREFIX, SCOPES, ApiKeys
from assistant.server.security.policies import AllowedRoute, Policy
from assistant.settings import Settings
from tests.conftest import ROOT
from tests.served import Served, serve_assistant
from tests.serving import PATIENCE, Readers, Response, Serving

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")

PROXY = "127.0.0.2"
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}
BEHIND = {"trusted_proxies": PROXY, "user_header": "Remote-User"}
WRONG = KEY_PREFIX + "w" * 43

# One address for each scope, and what is answered to whoever may.
ADDRESSES = {
    "read": ("GET", "/v1/models", b"", 200),
    "feedback": ("POST", "/api/feedback", b'{"answer": "aaaaaaaaaaaaaaaa", "helpful": true}', 404),
    "admin": ("GET", "/metrics", b"", 200),
}


@dataclass
class Site:
    """A server that runs, and its keys."""

    serving: Serving | Served
    keys: ApiKeys

    def send_request(self, *requests, source="127.0.0.1", **headers: str) -> list[Response]:
        """What is answered to requests over one connection: a method, a path and a body each."""

        async def ask():
            async with Readers(self.serving.port) as readers:
                connection = readers.connection(source)
                fields = {name.replace("_", "-"): value for name, value in headers.items()}
                return [await connection.request(*request, fields) for request in requests]

        return asyncio.run(ask())

    def may(self, token: str = "", **how: str) -> dict[str, int]:
        """The status of the address of each scope; 0 for what it answers to whoever may."""
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        rows = [(method, path, body) for method, path, body, _ in ADDRESSES.values()]
        responses = self.send_request(*rows, **how, **authorization)
        let_in = [status for *_, status in ADDRESSES.values()]
        return {
            scope: 0 if response.status == status else response.status
            for scope, response, status in zip(ADDRESSES, responses, let_in, strict=True)
        }


def statuses(read: int, feedback: int, admin: int) -> dict[str, int]:
    return {"read": read, "feedback": feedback, "admin": admin}


def copy_index(tmp_path_factory, corpus_index) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(corpus_index, folder / "index")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory, corpus_index):
    """A server behind a proxy that says who is signed in."""
    folder = copy_index(tmp_path_factory, corpus_index)
    with Serving(folder, **BEHIND) as serving:
        yield Site(serving.ready(), ApiKeys(folder / "index" / "keys.json"))


@pytest.fixture(scope="module")
def open_site(tmp_path_factory, corpus_assistant):
    """A server behind a proxy whose guide anyone may read."""
    folder, anyone = tmp_path_factory.mktemp("open"), {"trusted_proxies": PROXY, "anonymous": True}
    with serve_assistant(corpus_assistant, folder, **anyone) as served:
        yield Site(served, served.keys)


@pytest.fixture(autouse=True)
def _no_keys_left(request):
    """Each test makes its own keys."""
    yield
    for name in {"site", "open_site"} & {*request.fixturenames}:
        keys = request.getfixturevalue(name).keys
        for key in keys.list_keys():
            keys.revoke(key.name)


def run_command(serving: Serving, *arguments: str) -> subprocess.CompletedProcess:
    """Run an `assistant keys` command in the server's folder."""
    folder = serving.stderr.parent
    environment = {**os.environ, "ASSISTANT_INDEX": str(folder / "index"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "assistant", "keys", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )


# Keys


def test_a_local_caller_needs_a_key_only_for_admin(site):
    assert site.may() == statuses(0, 0, 401)
    site.keys.add("ann")
    assert site.may() == statuses(0, 0, 401)
    assert site.may(site.keys.add("monitor", ["admin"])) == statuses(0, 0, 0)


def test_a_local_caller_without_an_admin_key_gets_the_command_that_makes_one(site):
    (reply,) = site.send_request(("GET", "/metrics", b""))
    assert reply.status == 401
    command = reply.json()["hint"].rpartition(": ")[2]
    token = run_command(
        site.serving, *command.replace("NAME", "monitor").split()[2:]
    ).stdout.strip()
    assert site.may(token) == statuses(0, 0, 0)


def test_a_remote_caller_without_a_key_is_refused(site):
    assert site.may(source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)
    site.keys.add("ann")
    assert site.may(source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)
    assert site.may(WRONG, source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["read"], statuses(0, 403, 403)),
        (["feedback"], statuses(403, 0, 403)),
        (["read", "feedback"], statuses(0, 0, 403)),
        (["admin"], statuses(0, 0, 0)),
    ],
)
def test_a_remote_key_gets_its_scopes_and_403_for_the_rest(site, scopes, expected):
    token = site.keys.add("ann", scopes)
    assert site.may(token, source=PROXY, **ELSEWHERE) == expected
    # The same holds for a local caller that sends a key.
    assert site.may(token) == expected


def test_a_wrong_key_of_a_local_caller_is_refused_once_keys_exist(site):
    assert site.may(WRONG) == statuses(0, 0, 401)  # some clients must send a key
    site.keys.add("ann")
    assert site.may(WRONG) == statuses(401, 401, 401)


def test_a_header_without_a_key_counts_as_no_key(site):
    site.keys.add("ann")
    for header in ("", "Bearer", "Bearer ", "Basic YTpi", WRONG, f"Bearer {WRONG} {WRONG}"):
        (reply,) = site.send_request(("GET", "/v1/models", b""), Authorization=header)
        assert reply.status == 200
        (reply,) = site.send_request(
            ("GET", "/v1/models", b""), source=PROXY, Authorization=header, **ELSEWHERE
        )
        assert reply.status == 401


def test_a_refusal_has_a_hint(site):
    token = site.keys.add("ann", ["feedback"])
    row = ("GET", "/v1/models", b"")
    (without,) = site.send_request(row, source=PROXY, **ELSEWHERE)
    (wrong,) = site.send_request(row, source=PROXY, Authorization=f"Bearer {WRONG}", **ELSEWHERE)
    (other,) = site.send_request(row, source=PROXY, Authorization=f"Bearer {token}", **ELSEWHERE)
    for reply in (without, wrong):
        assert reply.headers["www-authenticate"] == "Bearer"
        assert "assistant keys add" in reply.json()["hint"]
    assert without.json()["detail"] != wrong.json()["detail"]
    assert other.json()["hint"] == "Use one of scope read."
    assert not any(WRONG in reply.body.decode() for reply in (without, wrong, other))


def test_a_key_added_or_revoked_on_the_command_line_takes_effect_at_once(site):
    token = run_command(site.serving, "add", "ann").stdout.strip()
    assert site.may(token, source=PROXY, **ELSEWHERE) == statuses(0, 403, 403)
    run_command(site.serving, "revoke", "ann")
    assert site.may(token, source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)


def test_no_file_of_the_server_holds_a_key(site):
    token = site.keys.add("ann")
    site.may(token, source=PROXY, **ELSEWHERE)
    folder = site.serving.stderr.parent
    for path in folder.rglob("*"):
        if path.is_file():
            assert token.removeprefix(KEY_PREFIX).encode() not in path.read_bytes(), path


def test_a_damaged_key_file_lets_nobody_in_and_names_the_log(site):
    token = site.keys.add("ann", ["admin"])
    path = site.serving.stderr.parent / "index" / "keys.json"
    content = path.read_text()
    try:
        path.write_text(content[:-5])
        for token_used in (token, WRONG):
            for how in ({}, {"source": PROXY, **ELSEWHERE}):
                assert site.may(token_used, **how) == statuses(503, 503, 503)
        assert site.may(source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)
        (reply,) = site.send_request(("GET", "/metrics", b""), Authorization=f"Bearer {token}")
        assert (reply.json()["detail"], reply.json()["hint"]) == (
            "The API keys cannot be read.",
            "The log says why.",
        )
        assert str(path.parent) not in reply.body.decode()
        assert f"{path} is not a file of API keys" in site.serving.log
        assert "Restore it, or remove it" in site.serving.log
    finally:
        path.write_text(content)
    assert site.may(token, source=PROXY, **ELSEWHERE) == statuses(0, 0, 0)


# What is local


ADDED_BY_PROXIES = """
Forwarded X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port
X-Forwarded-Server X-Real-IP X-Client-IP X-Cluster-Client-IP X-Original-URL Via CDN-Loop
CF-Connecting-IP CF-Ray CF-Visitor True-Client-IP Fastly-Client-IP Fly-Client-IP Client-IP
X-Amzn-Trace-Id X-Azure-ClientIP X-Appengine-User-IP X-Envoy-External-Address X-Vercel-Id
Tailscale-User-Login Ngrok-Skip-Browser-Warning X-Varnish X-ProxyUser-IP X-Forward-For
Remote-User X-Remote-User X-Auth-Request-User X-Authentik-Username X-Goog-IAP-JWT-Assertion
X-SSL-Client-Verify X-Scheme X-Url-Scheme Front-End-Https Proxy-Client-IP WL-Proxy-Client-IP
DO-Connecting-IP Ali-CDN-Real-IP X-Source-IP X-Request-Start X-Bluecoat-Via X_Forwarded_For
""".split()


def test_a_header_that_a_proxy_adds_makes_a_caller_on_the_loopback_one_from_elsewhere(site):
    for header in ADDED_BY_PROXIES:
        for text in ("127.0.0.1", "for=127.0.0.1", ""):
            assert site.may(**{header: text}) == statuses(401, 401, 401), (header, text)


def test_a_header_that_programs_send_themselves_leaves_a_caller_local(site):
    for header in ("Accept", "Origin-Trial", "X-Requested-With", "X-Request-ID", "Traceparent"):
        assert site.may(**{header: "1"}) == statuses(0, 0, 401), header


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "203.0.113.9", "127.0.0.1, 203.0.113.9", "203.0.113.9, ::1", "unknown", ""],
)
def test_nobody_who_comes_through_a_listed_proxy_is_local_whatever_it_says(site, text):
    assert site.may(source=PROXY, X_Forwarded_For=text) == statuses(401, 401, 401)
    assert site.may(source=PROXY) == statuses(401, 401, 401)


# Who is signed in


def test_who_is_signed_in_at_the_proxy_may_read_and_say_what_they_think(site):
    reply = site.may(source=PROXY, Remote_User="ann", **ELSEWHERE)
    assert reply == statuses(0, 0, 403)
    (refused,) = site.send_request(
        ("GET", "/metrics", b""), source=PROXY, Remote_User="ann", **ELSEWHERE
    )
    assert refused.json()["hint"] == "Use a key of scope admin."


def test_who_is_signed_in_is_a_reader_though_the_proxy_does_not_say_from_where(site):
    assert site.may(source=PROXY, Remote_User="ann") == statuses(0, 0, 403)
    assert site.may(source=PROXY, Remote_User="ann", X_Forwarded_For="127.0.0.1") == statuses(
        0, 0, 403
    )


@pytest.mark.parametrize("header", ["Remote-User", "remote-user", "REMOTE-USER"])
def test_a_caller_cannot_set_the_user_header_itself(site, header):
    assert site.may(**{header: "ann", **ELSEWHERE}) == statuses(401, 401, 401)


@pytest.mark.parametrize("header", ["Remote_User", "X-Remote-User", "Remote-User-Name"])
def test_only_the_header_that_is_named_signs_in(site, header):
    async def ask():
        async with Readers(site.serving.port) as readers:
            fields = {header: "ann", **ELSEWHERE}
            return await readers.connection(PROXY).request("GET", "/v1/models", b"", fields)

    assert asyncio.run(ask()).status == 401


def test_an_empty_user_name_signs_nobody_in(site):
    for name in ("", " "):
        reply = site.may(source=PROXY, Remote_User=name, **ELSEWHERE)
        assert reply == statuses(401, 401, 401)


def test_a_key_takes_precedence_over_the_user_header(site):
    token = site.keys.add("ann", ["admin"])
    assert site.may(token, source=PROXY, Remote_User="bob", **ELSEWHERE) == statuses(0, 0, 0)
    site.keys.revoke("ann")
    site.keys.add("eve")
    assert site.may(token, source=PROXY, Remote_User="bob", **ELSEWHERE) == statuses(401, 401, 401)


# Where anyone may read


def test_anyone_may_read_and_say_what_they_think_where_that_is_set_and_no_more(open_site):
    assert open_site.may(source=PROXY, **ELSEWHERE) == statuses(0, 0, 401)
    assert open_site.may(**ELSEWHERE) == statuses(0, 0, 401)


def test_where_anyone_may_read_a_key_that_is_needed_by_the_client_alone_may_be_any(open_site):
    assert open_site.may(WRONG, source=PROXY, **ELSEWHERE) == statuses(0, 0, 401)
    open_site.keys.add("ann")
    assert open_site.may(WRONG, source=PROXY, **ELSEWHERE) == statuses(401, 401, 401)


def test_nobody_is_signed_in_where_no_header_is_named(open_site):
    assert open_site.may(source=PROXY, Remote_User="ann", **ELSEWHERE) == statuses(0, 0, 401)


def test_a_key_for_one_thing_allows_no_more_where_anyone_may_read(open_site):
    token = open_site.keys.add("ann", ["feedback"])
    assert open_site.may(token, source=PROXY, **ELSEWHERE) == statuses(403, 0, 403)


# How often


def test_one_key_has_one_share_whatever_is_forged_and_others_have_theirs(site):
    busy, calm = site.keys.add("busy"), site.keys.add("calm")
    rng = random.Random(7)
    row = ("POST", "/api/search", b'{"question": "what is a product owner?"}')

    def forged() -> dict[str, str]:
        address = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
        return {"X_Forwarded_For": address, "X_Real_IP": address, "Forwarded": f"for={address}"}

    async def ask():
        async with Readers(site.serving.port) as readers:
            responses = []
            while sum(response.status == 429 for response in responses) < 10:
                fields = {name.replace("_", "-"): value for name, value in forged().items()}
                fields["Authorization"] = f"Bearer {busy}"
                connection = readers.connection(PROXY if len(responses) % 2 else "127.0.0.1")
                responses.append(await connection.request(*row, fields))
                await connection.close()
            other = {**ELSEWHERE, "Authorization": f"Bearer {calm}"}
            return responses, await readers.connection(PROXY).request(*row, other)

    began = time.monotonic()
    responses, other = asyncio.run(asyncio.wait_for(ask(), PATIENCE))
    seconds = time.monotonic() - began
    accepted = sum(response.status == 200 for response in responses)
    assert 60 <= accepted <= 61 + 2 * seconds  # the burst, and two more for every second
    refused = [response for response in responses if response.status != 200]
    assert {response.status for response in refused} == {429}
    for response in refused:
        wait = int(response.headers["retry-after"])
        assert 1 <= wait <= 60
        assert response.json()["hint"].startswith(f"Wait {wait} second")
    assert other.status == 200


# At the start


def start_and_fail(tmp_path, **settings: object) -> tuple[int, str]:
    """Start a server that fails, and return its exit code and its log."""
    with Serving(tmp_path, **settings) as serving:
        serving.process.wait(PATIENCE)
        return serving.process.returncode, serving.log


def test_a_user_header_is_not_trusted_from_everybody(tmp_path):
    code, text = start_and_fail(tmp_path, user_header="Remote-User", host=OUTWARD)
    assert code == EXIT_USAGE
    assert "The setting user_header lets anyone sign in as anybody" in text
    assert "trusted_proxies" in text.splitlines()[-1]
    assert not (tmp_path / "index").exists()


def test_a_server_does_not_start_over_damaged_keys(tmp_path):
    (tmp_path / "keys.json").write_text("{")
    code, text = start_and_fail(tmp_path, keys=tmp_path / "keys.json")
    assert code == EXIT_STATE
    assert "is not a file of API keys" in text


# A name for the loopback that is not known as this machine's own.
OUTWARD = "127.1"
LINE = "Readers on other machines need an API key: assistant keys add NAME, or turn on anonymous."
NOBODY = "Readers need an API key: assistant keys add NAME, or turn on anonymous."
HOSTS = "Readers on this machine need an API key too, since hosts is set."
OFF = "Readers on this machine need an API key too, since trust_loopback is off."
NAMED = {"hosts": ("help.example.org",)}


def test_a_server_that_nobody_may_ask_logs_a_notice(tmp_path_factory, corpus_index):
    folder = copy_index(tmp_path_factory, corpus_index)
    with Serving(folder, host=OUTWARD) as serving:
        serving.ready()
        assert serving.log.count(LINE) == 1


@pytest.mark.parametrize(
    ("settings", "key", "lines"),
    [
        ({"host": "0.0.0.0"}, False, (LINE,)),
        ({"host": "0.0.0.0"}, True, ()),
        ({"host": "0.0.0.0", "anonymous": True}, False, ()),
        ({"host": "0.0.0.0", **BEHIND}, False, ()),
        ({"host": "127.0.0.1"}, False, ()),
        ({"host": "::1"}, False, ()),
        ({"host": "localhost"}, False, ()),
        (NAMED, False, (HOSTS, NOBODY)),
        (NAMED, True, (HOSTS,)),
        ({**NAMED, **BEHIND}, False, (HOSTS,)),
        ({**NAMED, "anonymous": True}, False, ()),
        ({"trust_loopback": False}, False, (OFF, NOBODY)),
        ({"host": "0.0.0.0", "trust_loopback": False}, True, (OFF,)),
    ],
)
def test_startup_notices_match_the_settings(tmp_path, settings, key, lines):
    keys = ApiKeys(tmp_path / "keys.json")
    if key:
        keys.add("ann")
    assert startup_notices(Settings(**settings), keys) == lines


# What cannot come from the loopback


ROUTES = tuple(
    AllowedRoute.from_pattern(("GET",), f"/{scope}", Policy(scope=scope)) for scope in SCOPES
)


READER = ["read", "feedback"]


async def reached(scope, receive, send):
    """An application that answers everybody."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def find_scopes(peer: str, host: str = "127.0.0.1", headers=None, **settings: object) -> list[str]:
    """Return the scopes that a client at an address has."""
    app = protect(reached, lambda: ROUTES, Settings(host="0.0.0.0", **settings))
    client = TestClient(app, f"http://{host}", client=(peer, 5))
    return [s for s in SCOPES if client.get(f"/{s}", headers=headers).status_code == 200]


def test_the_loopback_a_proxy_on_another_machine_speaks_of_is_not_ours():
    listed = {"trusted_proxies": "10.0.0.0/8, 127.0.0.1"}
    forwarded = {"X-Forwarded-For": "127.0.0.1"}
    assert find_scopes("10.0.0.5", headers=forwarded, **listed) == []
    assert (
        find_scopes("127.0.0.1", headers={"X-Forwarded-For": "127.0.0.1, 10.0.0.5"}, **listed) == []
    )
    assert find_scopes("127.0.0.1", headers=forwarded, **listed) == []
    assert find_scopes("127.0.0.1", **listed) == []


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.5", "::ffff:203.0.113.9", "2001:db8::1"])
def test_another_machine_is_not_this_one(peer):
    assert find_scopes(peer) == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_address_of_the_loopback_is_this_machine(peer):
    assert find_scopes(peer) == READER


def test_a_foreign_name_for_this_machine_gives_its_pages_nothing_of_this_machine_s_own():
    """A foreign host name can resolve to this machine in a browser here (DNS rebinding)."""
    assert find_scopes("127.0.0.1", "evil.example") == []
    assert find_scopes("127.0.0.1", "evil.example", anonymous=True) == ["read", "feedback"]
    assert find_scopes("127.0.0.1", "localhost") == READER


def test_nobody_is_local_by_a_published_host_name():
    assert find_scopes("127.0.0.1", "help.example", hosts="help.example") == []
    assert find_scopes("127.0.0.1", "help.example", hosts="help.example", anonymous=True) == READER
    assert find_scopes("127.0.0.1", "localhost", hosts="localhost") == []
