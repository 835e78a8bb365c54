"""What a client accepts is read as RFC 9110 says, and as another reader of headers reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.http_accept import EVENT_STREAM, HTML, JSON, choose_media_type

CHOSEN = [
    # The header, and what is sent of JSON, an event stream and a page: empty where nothing can be.
    ("", JSON),
    ("  ", JSON),
    ("*/*", JSON),
    ("*", JSON),
    (EVENT_STREAM, EVENT_STREAM),
    ("TEXT/Event-Stream", EVENT_STREAM),
    ("text/event-stream; charset=utf-8", EVENT_STREAM),
    ("application/json, text/event-stream;q=0.5", JSON),
    ("application/json;q=0.5, text/event-stream", EVENT_STREAM),
    ("application/json;Q=0.5, text/event-stream ; Q = 0.6", EVENT_STREAM),
    ("application/json, text/event-stream", JSON),
    ("text/event-stream, */*", EVENT_STREAM),
    ("*/*, text/event-stream;q=0.9", JSON),
    ("text/event-stream;q=0, */*", JSON),
    ("application/json;q=0, */*;q=0.1", EVENT_STREAM),
    ("application/*;q=0.2, text/*;q=0.1", JSON),
    ("text/*;q=0.9, text/event-stream;q=0, */*;q=0.1", HTML),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
    ("image/png", ""),
    ("*/*;q=0", ""),
    ("application/json;q=0", ""),
    # From here on, rubbish beside what can be read.
    ("application/json;q=2, text/event-stream;q=0.1", EVENT_STREAM),
    ("application/json;q=high, text/event-stream;q=0.1", EVENT_STREAM),
    ("application/json;q=-1, text/event-stream;q=0.1", EVENT_STREAM),
    ("application/json;q=1;q=1, text/event-stream;q=0.1", EVENT_STREAM),
    (',;=,;q=1,,/,text/,"text/event-stream",text/event-stream;q=0.1', EVENT_STREAM),
    ('text/html;a="b, application/json", text/event-stream', EVENT_STREAM),
    ("not text/event-stream", ""),
    ("text/event-streams", ""),
    ("\x00\ud800, text/html", HTML),
]


@pytest.mark.parametrize(("header", "chosen"), CHOSEN)
def test_what_is_sent_is_what_the_client_likes_best(header, chosen):
    assert choose_media_type(header, (JSON, EVENT_STREAM, HTML)) == chosen


RANGES = ["*/*", "application/*", "text/*", "application/json", EVENT_STREAM, HTML, "image/png"]
ITEMS = st.tuples(st.sampled_from(RANGES), st.integers(0, 10), st.booleans())


@given(st.lists(ITEMS, min_size=1, max_size=6, unique_by=lambda item: item[0]))
def test_another_reader_of_the_header_rates_every_type_the_same(items):
    http = pytest.importorskip("werkzeug.http")
    datastructures = pytest.importorskip("werkzeug.datastructures")
    header = ", ".join(
        f"{name.upper() if loud else name};q={weight / 10}" for name, weight, loud in items
    )
    accepted = http.parse_accept_header(header, datastructures.MIMEAccept)
    for one in (JSON, EVENT_STREAM, HTML):
        assert bool(choose_media_type(header, [one])) == (accepted.quality(one) > 0)
        for other in (JSON, EVENT_STREAM, HTML):
            if accepted.quality(one) > accepted.quality(other):
                assert choose_media_type(header, (other, one)) == one


@given(st.text(st.characters()) | st.text('aplictonjsexv/*;,="q.019 ', max_size=60))
def test_whatever_a_header_holds_one_of_the_types_is_chosen_or_none(header):
    assert choose_media_type(header, (JSON, EVENT_STREAM)) in {JSON, EVENT_STREAM, ""}
