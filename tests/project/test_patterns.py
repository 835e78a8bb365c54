"""Every pattern of the package takes a time in proportion to the text it is given.

Each is found: those that modules hold, by importing them, and those written where they are used, in
the source (`tests/patterns.py`). Its parse tree is read for repeats that share the text
(`tests/repeats.py`).
"""

from __future__ import annotations

import re

import pytest

from assistant.answering import definitions
from assistant.settings import Settings
from tests.patterns import held_patterns, written_patterns
from tests.repeats import risks

# Put together while running, from what is no pattern; a test of its own reads what comes of each.
MADE_WHILE_RUNNING = {
    "server.security.policies.from_pattern",
    "answering.definitions.subject_pattern",
    "query.identifiers.contains_identifier",  # an escaped word between two guards
}


def test_no_two_repeats_of_a_pattern_share_the_text():
    written = [use for use in written_patterns() if use.pattern is not None]
    uses = [*held_patterns(), *written]
    assert {use.place: risks for use in uses if (risks := use.risks)} == {}


def test_patterns_are_found_wherever_they_are_held():
    held, written = (
        {use.place.partition(".")[0] for use in uses}
        for uses in (held_patterns(), written_patterns())
    )
    assert held >= {"query", "readers", "text", "guide", "answering", "render", "server"}
    assert written >= {"readers", "guide", "answering"}
    assert len(held_patterns()) > 200


def test_what_is_made_while_running_is_known():
    assert {use.place for use in written_patterns() if use.pattern is None} == MADE_WHILE_RUNNING


@pytest.mark.parametrize("subject", ["a - - - - b", "policies", "a b's  c", "PM / PO"])
def test_the_pattern_of_a_name_is_in_proportion(subject):
    assert risks(definitions.subject_pattern(subject).pattern, re.I) == []


def test_the_patterns_of_the_routes_are_in_proportion():
    from assistant.server.app import Server
    from assistant.server.routes.chat import GRADIO_ROUTES

    routes = (*Server(Settings(journal="off")).routes, *GRADIO_ROUTES)
    for pattern in {route.pattern.pattern for route in routes}:
        assert risks(pattern, anywhere=False, whole=True) == [], pattern


# -- the check itself ------------------------------------------------------------------------------

SLOW = [
    r"(?:how|what)\s+.+\s+and\s+.+\s+differ",
    r"how (.+?) and (.+?) differ",
    r"^.*a.*b",
    r"^(a+)+$",
    r"^(?:\w+\s?)*$",
    r"^(?:a|a)*$",
    r"^(?:a|ab|b)*$",
    r"^(?:(?:a|a bit|bit) )*x",
    r"^(?:(?:a|a bit|bit) ){1,30}x",
    r"^(?:a?)*b",
    r"^(?:a{1,3})*b",
    r"^(?:.*,){2}x",
    r"^x\s+\s+y",
    r"^a*a*+b",
    r"^(?:,\s*)*\s*x",
    r"^(?=\s*\s*x)y",
    r"^(?:[^)]*\)|x+)*z",
    r"^a(?:\[.*\])?(?:\{.*\})?$",
    r"\s+$",
    r".*foo",
    r"\w+@",
    r"\{/\*(?:[^*]|\*(?!/))*+\*/\}",
    r"(?<!x)\s+$",
    r"^\s*\n\s*x",
    rb"^[ \t]*\s*x",
]
QUICK = [
    r"^(.+?) and (.+)",
    r"^(?>.*?how )(?>(.+?) and )(.+?) differ",
    r"^(?:(?:and|but|so)\b[ ,]*){1,8}",
    r"(?<!\s)\s+$",
    r"\b\w+\s",
    r'"[^"]*"',
    r"^a*+a*b",
    r"^[^=]*=[^=]*=x",
    r"^(?:\s+\w+)*$",
    r"^(?:a|b)*$",
    r"^(?:(?:in|into) )*$",
    r"[a-z]+",
    r"\d{1,9}\.\d{1,9}x",
    r"^.*x",
    rb"^\s*=[ \t]*x",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_is_slow_on_some_text_is_found(pattern):
    assert risks(pattern)


@pytest.mark.parametrize("pattern", QUICK)
def test_a_pattern_that_is_quick_on_any_text_is_let_be(pattern):
    assert risks(pattern) == []


def test_what_is_looked_for_at_one_place_needs_no_start_of_its_own():
    assert risks(r"\s+x")
    assert not risks(r"\s+x", anywhere=False)
    assert risks(r"(.+?)-(.+)", anywhere=False, whole=True)
