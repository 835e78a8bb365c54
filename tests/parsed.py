"""Parse HTML and Markdown with parsers that are not ours: their text and their elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin

_EMPTY = frozenset({"br", "hr", "img", "input"})


@dataclass
class Element:
    """An element with its attributes and the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


class Parsed(HTMLParser):
    """The elements of a piece of HTML in order, and its whole text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.text = ""
        self._open: list[Element] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.text += data
        for element in self._open:
            element.text += data

    @property
    def tags(self) -> list[str]:
        """The names of the elements in order."""
        return [element.tag for element in self.elements]

    def texts(self, *tags: str) -> list[str]:
        """The text of each element with one of these names."""
        return [element.text for element in self.elements if element.tag in tags]

    @property
    def links(self) -> list[tuple[str, str]]:
        """The text and the target of each link."""
        return [(e.text, e.attributes["href"]) for e in self.elements if e.tag == "a"]


def parse_markdown(source: str) -> Parsed:
    """Parse Markdown with tables, strikethrough, footnotes, and HTML left as it is."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).use(footnote_plugin)
    return Parsed(parser.render(source))


def words_of(quote: str) -> str:
    """Return a quote as one line, without the markers and borders that HTML has elements for."""
    plain = re.sub(r"^ *(?:-|\d+\.) ", "", quote, flags=re.MULTILINE).replace(" | ", " ")
    return " ".join(plain.split())
