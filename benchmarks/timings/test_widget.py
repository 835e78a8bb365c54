"""How soon the widget can be used after a click, in a real browser."""

from __future__ import annotations

import logging

import pytest

from tests.browser.driving import sync_api

expect = sync_api.expect
log = logging.getLogger(__name__)

# Gradio asks pandas for an option that newer pandas announces to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")


def test_it_is_usable_three_tenths_of_a_second_after_the_click(guest_of):
    took: list[float] = []
    # What else the machine does can only make it slower.
    while len(took) < 12 and min(took, default=1000) > 300:
        reader = guest_of()
        expect(reader.button).to_be_visible()
        reader.page.wait_for_load_state("networkidle")
        reader.page.evaluate(
            "addEventListener('click', () => window.began = performance.timeOrigin + "
            "performance.now(), true)"
        )
        reader.open()
        began = reader.page.evaluate("began")
        took.append(reader.inside().evaluate("focused") - began)
    log.info("usable after %s ms", [round(milliseconds) for milliseconds in took])
    assert min(took) <= 300
