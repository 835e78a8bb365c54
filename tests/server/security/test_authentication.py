"""Who may use a route: by a key, signed in, local, or anonymous."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from assistant.server.security.api_keys import SCOPES, ApiKeys
from assistant.server.security.authentication import AuthenticationMiddleware
from assistant.server.security.callers import Caller
from assistant.server.security.policies import Policy
from tests.server.security.asgi_requests import Application, request

ADDRESS = ip_address("203.0.113.9")
CALLERS = {
    "anyone": Caller(ADDRESS),
    "local": Caller(ip_address("127.0.0.1"), is_local=True),
    "signed in": Caller(ADDRESS, user="ann"),
}
LET_IN = {"anyone": [], "local": ["read", "feedback"], "signed in": ["read", "feedback"]}


@pytest.fixture
def keys(tmp_path) -> ApiKeys:
    return ApiKeys(tmp_path / "keys.json")


def statuses(app, caller: Caller, token: str = "") -> dict[str, int]:
    """The status of a route of each scope."""
    headers = [("Authorization", f"Bearer {token}")] if token else []
    return {
        scope: request(app, policy=Policy(scope=scope), caller=caller, headers=headers).status
        for scope in SCOPES
    }


@pytest.mark.parametrize("caller", CALLERS)
def test_a_caller_without_a_key_may_do_what_it_is_trusted_with(keys, caller):
    app = AuthenticationMiddleware(Application(), keys)
    replies = statuses(app, CALLERS[caller])
    assert [scope for scope in SCOPES if replies[scope] == 200] == LET_IN[caller]
    assert {status for status in replies.values() if status != 200} <= {401, 403}


def test_anyone_may_read_and_rate_where_that_is_set_and_no_more(keys):
    app = AuthenticationMiddleware(Application(), keys, anonymous=True)
    assert statuses(app, CALLERS["anyone"]) == {"read": 200, "feedback": 200, "admin": 401}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_allows_its_scope_and_admin_allows_all(keys, scope):
    application = Application()
    app = AuthenticationMiddleware(application, keys)
    replies = statuses(app, CALLERS["anyone"], keys.add("ann", [scope]))
    assert replies == {other: 200 if scope in {other, "admin"} else 403 for other in SCOPES}
    assert application.state["caller"].name == "key ann"


def test_a_route_without_a_scope_is_for_all(keys):
    app = AuthenticationMiddleware(Application(), keys)
    assert request(app, headers=[("Authorization", "Bearer wrong")]).status == 200


def test_a_wrong_key_is_refused_where_any_was_made(keys):
    app = AuthenticationMiddleware(Application(), keys)
    assert statuses(app, CALLERS["local"], "wrong") == {"read": 200, "feedback": 200, "admin": 401}
    keys.add("ann")
    assert set(statuses(app, CALLERS["local"], "wrong").values()) == {401}


def test_a_refusal_names_the_scheme_and_what_to_do(keys):
    app = AuthenticationMiddleware(Application(), keys)
    reply = request(app, policy=Policy(scope="read"), caller=CALLERS["anyone"])
    assert (reply.status, reply["www-authenticate"]) == (401, "Bearer")
    assert "assistant keys add" in reply.problem["hint"]


def test_keys_that_cannot_be_read_let_nobody_in_and_the_log_says_why(tmp_path, caplog):
    (tmp_path / "keys.json").write_text("{")
    app = AuthenticationMiddleware(Application(), ApiKeys(tmp_path / "keys.json"))
    assert set(statuses(app, CALLERS["local"], "token").values()) == {503}
    assert str(tmp_path) in caplog.text
