"""A colour of the guide's own can be read on every ground it stands on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.render import theme

COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other", "contrast"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59)],
)
def test_contrast_is_that_of_the_accessibility_guidelines(one, other, contrast):
    assert theme.contrast_ratio(one, other) == pytest.approx(contrast, abs=0.01)
    assert theme.contrast_ratio(other, one) == theme.contrast_ratio(one, other)


@given(COLOURS)
def test_whatever_colour_is_chosen_links_and_buttons_can_be_read(accent):
    style = theme.accent_css(accent)
    light, dark, on_light, on_dark = re.findall(r"#[0-9a-f]{6}", style)
    assert theme.contrast_ratio(light, theme.LIGHT) >= 4.5
    assert theme.contrast_ratio(dark, theme.DARK) >= 4.5
    assert theme.contrast_ratio(light, on_light) >= 4.5
    assert theme.contrast_ratio(dark, on_dark) >= 4.5


def test_a_colour_that_can_be_read_is_left_as_it_is():
    assert theme.adjust_contrast("#0b5c6b", theme.LIGHT) == "#0b5c6b"
