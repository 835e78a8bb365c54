"""Draw the icons of pages as inline SVG, in the colour of the text beside them."""

from __future__ import annotations

_SHAPES = {
    "back": "M14 9H4M8.2 4.6 3.8 9l4.4 4.4",
    "list": "M7.2 5h7.6M7.2 9h7.6M7.2 13h7.6M3.5 5h.01M3.5 9h.01M3.5 13h.01",
    "book": "M9 5.6C7.7 4.4 5.7 4 3 4v9.4c2.7 0 4.7.4 6 1.5 1.3-1.1 3.3-1.5 6-1.5V4"
    "c-2.7 0-4.7.4-6 1.6zm0 0v9.2",
    "ask": "M4.6 3.2h8.8c.9 0 1.6.7 1.6 1.6v6c0 .9-.7 1.6-1.6 1.6H8.4L5 15.2v-2.8h-.4"
    "C3.7 12.4 3 11.7 3 10.8v-6c0-.9.7-1.6 1.6-1.6z",
    "plus": "M9 3.6v10.8M3.6 9h10.8",
    "close": "m4.6 4.6 8.8 8.8M13.4 4.6l-8.8 8.8",
    "check": "m3.8 9.6 3.4 3.4 7-7.6",
    "alert": "M9 5.6v4M9 12.3h.01M9 2.7a6.3 6.3 0 1 0 0 12.6A6.3 6.3 0 0 0 9 2.7z",
    "send": "M9 14.4V3.8M4.7 8 9 3.7 13.3 8",
    "search": "M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6zM11.6 11.6l3.4 3.4",
}
_MIRRORED = frozenset({"back", "list"})
"""Icons that point along the line: they are mirrored where it runs from right to left."""


def render_icon(name: str) -> str:
    """Render an icon by its name; whatever it stands for is said beside it."""
    mirrored = " mirrored" if name in _MIRRORED else ""
    return (
        f'<svg class="glyph{mirrored}" viewBox="0 0 18 18" aria-hidden="true" focusable="false">'
        f'<path d="{_SHAPES[name]}"/></svg>'
    )
