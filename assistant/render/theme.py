"""Adjust the accent colour so that it is readable on every background.

Luminance and contrast are those of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio).
"""

from __future__ import annotations

MIN_CONTRAST = 4.6
"""The smallest contrast of text: level AA requires 4.5, and rounding takes some."""

LIGHT, DARK = "#e2e9ea", "#1d3338"
"""The backgrounds of the light and the dark theme with the least contrast to the accent."""

Colour = tuple[float, float, float]


def accent_css(accent: str) -> str:
    """Return a style sheet with the accent colour, darker or lighter where contrast requires it."""
    light, dark = (adjust_contrast(accent, ground) for ground in (LIGHT, DARK))
    on_light, on_dark = (text_colour(ground) for ground in (light, dark))
    return (
        f":root {{ --accent: light-dark({light}, {dark}); "
        f"--on-accent: light-dark({on_light}, {on_dark}); }}\n"
    )


def adjust_contrast(colour: str, ground: str) -> str:
    """Move a colour towards black or white, just enough to be readable on a background."""
    start = _parse_hex(colour)
    towards = (0.0, 0.0, 0.0) if _luminance(_parse_hex(ground)) > 0.18 else (1.0, 1.0, 1.0)
    for step in range(101):
        share = step / 100
        mixed = _format_hex(
            tuple(a + (b - a) * share for a, b in zip(start, towards, strict=True))  # type: ignore[arg-type]
        )
        if contrast_ratio(mixed, ground) >= MIN_CONTRAST:
            return mixed
    return _format_hex(towards)


def text_colour(ground: str) -> str:
    """Return black or white, whichever has more contrast to a background."""
    return max(("#ffffff", "#000000"), key=lambda ink: contrast_ratio(ink, ground))


def contrast_ratio(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    low, high = sorted(_luminance(_parse_hex(colour)) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def _parse_hex(colour: str) -> Colour:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _format_hex(parts: Colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(parts: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
