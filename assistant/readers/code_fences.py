"""Find code in Markdown: fenced blocks of several lines, and code spans inside a line."""

from __future__ import annotations

import re

# A fence may open inside a list item or a quotation. The closing line is not indented deeper.
FENCE_OPENING = re.compile(
    r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)(`{3,}+(?=[^`]*$)|~{3,}+)(.*)$"
)
FENCE_CLOSING = re.compile(r"^([ \t>]*)(`{3,}|~{3,})[ \t]*$")
_BACKTICKS = re.compile(r"`+")


class Fence:
    """The fenced code block that is open at a line, if any."""

    def __init__(self) -> None:
        self._marker: tuple[str, int] | None = None

    def __bool__(self) -> bool:
        return self._marker is not None

    def open(self, marker: str, prefix: str = "") -> None:
        """Open a fence whose marker follows a prefix."""
        self._marker = marker, column_width(prefix)

    def close(self) -> str:
        """Close the fence at the end of its container; return the line that closes it."""
        marker, column = self._marker or ("", 0)
        self._marker = None
        return " " * column + marker

    def feed(self, line: str) -> None:
        """Read a line inside the fence, which may close it."""
        closing = FENCE_CLOSING.match(line)
        if not closing or not self._marker or not closing[2].startswith(self._marker[0]):
            return
        if column_width(closing[1]) <= self._marker[1] + 3:
            self._marker = None


def column_width(prefix: str) -> int:
    """Return how many columns a prefix takes."""
    return len(prefix.expandtabs(4))


def leading_blanks(line: str) -> str:
    """Return the blanks that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def find_code_spans(line: str) -> list[tuple[int, int]]:
    """Return the start and end of each code span of a line, in time linear in its length."""
    runs = [match.span() for match in _BACKTICKS.finditer(line)]
    ahead: dict[int, list[int]] = {}  # the runs of each length, last first
    for number in range(len(runs) - 1, -1, -1):
        ahead.setdefault(runs[number][1] - runs[number][0], []).append(number)
    spans: list[tuple[int, int]] = []
    number = 0
    while number < len(runs):
        start, end = runs[number]
        same = ahead[end - start]
        while same and same[-1] <= number:
            same.pop()
        escaped = start > 0 and line[start - 1] == "\\" and end - start == 1
        if same and not escaped:
            number = same[-1]
            spans.append((start, runs[number][1]))
        number += 1
    return spans
