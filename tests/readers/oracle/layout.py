"""The text of an HTML page as a browser lays it out, by the standard library's parser."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every other tag, known or not, is laid out within its line.
BLOCK = set(
    "address article aside blockquote body br caption center col colgroup dd details dialog dir div"
    " dl dt fieldset figcaption figure footer form frame h1 h2 h3 h4 h5 h6 header hr html iframe"
    " input legend li link main menu meta nav noscript object ol optgroup option p param pre search"
    " section select source summary table tbody td textarea tfoot th thead tr track ul video audio"
    " button x-contents".split()
)
OPTIONAL = {"x-contents", "x-label"}
HIDDEN = set("script style head title template noscript video audio canvas".split())


class Text(HTMLParser):
    """The text of HTML as a browser lays it out: blocks apart, inline tags joined."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[tuple[str, str]] = []
        self._hidden: list[str] = []
        self._kind = ""

    def runs(self) -> Iterator[tuple[str, str]]:
        for kind, pieces in groupby(self._pieces, key=lambda piece: piece[0]):
            yield kind, "".join(text for _, text in pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden.append(tag)
        if tag == "img":
            self._pieces.append(("alt", dict(attrs).get("alt") or ""))
        if tag in OPTIONAL:
            self._kind = tag[2:]
        if tag in BLOCK:
            self._pieces.append((self._kind, "\n"))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag in OPTIONAL:
            self._kind = ""
        if tag in BLOCK:
            self._pieces.append((self._kind, "\n"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append((self._kind, data))
