"""The policies of routes, and the allow-list that is collected from them."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from assistant.server.security.policies import AllowedRoute, Policy, collect_routes, with_policy

READ = Policy(scope="read", cost=0.2)


@with_policy(READ)
def page():
    pass


def test_an_endpoint_states_its_policy_and_its_route_the_paths_and_methods():
    api = APIRouter()
    api.get("/pages/{path:path}")(page)
    (route,) = collect_routes(api.routes)
    assert (route.methods, route.policy) == (("GET", "HEAD"), READ)
    assert route.pattern.fullmatch("/pages/a/b.md")
    assert not route.pattern.fullmatch("/pages")


def test_a_policy_may_allow_fewer_paths_than_its_route(tmp_path):
    files = with_policy(Policy(pattern="/static/[a-z]+[.]css"))(StaticFiles(directory=tmp_path))
    (route,) = collect_routes([Mount("/static", files)])
    assert route.methods == ("GET", "HEAD")
    assert route.pattern.fullmatch("/static/a.css")
    assert not route.pattern.fullmatch("/static/a.py")


def test_a_route_that_streams_takes_no_head_request():
    route = AllowedRoute.from_pattern(("GET",), "/stream", Policy(streams=True))
    assert route.methods == ("GET",)


def test_a_route_without_a_policy_is_an_error():
    with pytest.raises(ValueError, match="/open has no policy"):
        collect_routes([Route("/open", lambda request: None)])
