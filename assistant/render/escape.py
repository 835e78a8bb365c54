"""Escape text as HTML on one line, and render links."""

from __future__ import annotations

import html
import re

LINE_ENDS = re.compile(r"(?<!\s)\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
"""A line end with the white space around it."""


def escape(words: str) -> str:
    """Escape text as HTML on one line; a blank line would end the paragraph around it."""
    return html.escape(LINE_ENDS.sub(" ", words))


def render_link(url: str, content: str, css_class: str = "") -> str:
    """Render a link that opens in a new tab, so that the conversation stays open."""
    attribute = f' class="{css_class}"' if css_class else ""
    target = 'target="_blank" rel="noopener noreferrer"'
    return f'<a{attribute} href="{escape(url)}" {target}>{content}</a>'
