"""Convert Confluence's storage format to HTML: one page, or the pages of an exported space.

A page keeps its lines. Titles, texts and code of macros are read, links lead to pages by their
titles; users, comments, old versions and lists that Confluence computes are left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from html import escape
from html.entities import html5
from typing import TYPE_CHECKING
from xml.parsers import expat

from assistant.readers.dialects import WIKI_SCHEME
from assistant.readers.packages import attribute, local_name, parse_xml
from assistant.readers.wikitext_templates import make_anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from xml.etree.ElementTree import Element

STORAGE_SIGNS = ("<ac:", "<ri:")
"""What a page in storage format has, and no page of HTML."""

_CDATA_START, _CDATA_END = "<![CDATA[", "]]>"
_PROLOG = re.compile(r"\s*(?:<\?xml[^<>]*\?>)?\s*(?:<!DOCTYPE[^<>\[\]]*>)?", re.I)
_ENTITY = re.compile(r"&(\w{2,31});")
_XML_ENTITIES = frozenset({"amp", "apos", "gt", "lt", "quot"})
_HTML_ATTRIBUTES = ("colspan", "href", "id", "rowspan", "src", "start", "alt")
_VOID_TAGS = frozenset({"br", "col", "hr", "img", "wbr"})
_HIDDEN_TAGS = frozenset(
    """
    ac:adf-attribute ac:adf-fallback ac:emoticon ac:placeholder ac:task-id ac:task-status
    ac:task-uuid
    """.split()
)
_BLOCK_TAGS = {
    "ac:adf-content": "div",
    "ac:caption": "div",
    "ac:layout": "div",
    "ac:layout-cell": "div",
    "ac:layout-section": "div",
    "ac:rich-text-body": "div",
    "ac:task": "li",
    "ac:task-body": "span",
    "ac:task-list": "ul",
}
_MACRO_TAGS = frozenset({"ac:macro", "ac:structured-macro"})
_LINK_BODIES = frozenset({"ac:link-body", "ac:plain-text-link-body"})
# Macros that show what Confluence computes, or what stands elsewhere.
_HIDDEN_MACROS = frozenset(
    """
    attachments blog-posts change-history children content-by-label contentbylabel contributors
    contributors-summary favpages gallery labels listlabels livesearch pagetree pagetreesearch
    popular-labels profile profile-picture recently-updated recently-updated-dashboard
    related-labels space-attachments spaces tasks-report-macro toc toc-zone-none userlister
    """.split()
)
_MAX_DEPTH = 400


@dataclass
class _Link:
    """An open link: where it leads, and what is shown where it has no text."""

    address: str = ""
    anchor: str = ""
    shown: str = ""
    has_body: bool = False


def convert_page(text: str) -> str:
    """Convert a page in storage format to HTML with the same lines.

    What is no XML is returned as it is, for it can be read as HTML. Raises ValueError where it
    declares entities.
    """
    return _StorageWriter(_locate_file).convert(text)


def convert_space(raw: bytes) -> str:
    """Convert the `entities.xml` of an exported space to HTML, a section for each page.

    Raises ValueError, with the reason, where it is none.
    """
    objects: dict[str, list[Element]] = defaultdict(list)
    for each in parse_xml(raw):
        if local_name(each) == "object":
            objects[each.get("class", "")].append(each)
    contents = {
        _read_reference(each, "content"): _read_property(each, "body")
        for each in objects["BodyContent"]
    }
    pages = [
        page
        for each in (*objects["Page"], *objects["BlogPost"])
        if (page := _SpacePage.read(each, contents))
    ]
    name = next((_read_property(each, "name") for each in objects["Space"]), "")
    titles = {page.title.casefold(): page.title for page in pages}

    def locate(title: str, _: str, anchor: str) -> str:
        """Return the address of a page of this space; empty for another."""
        if not title:
            return f"#{anchor}" if anchor else ""
        known = titles.get(title.casefold())
        return f"#{make_anchor(known)}" if known else ""

    lines = [f"<title>{escape(name)}</title><main>"]
    for page in _order_pages(pages):
        body = _StorageWriter(locate, heading_shift=2).convert(page.body)
        anchor = escape(make_anchor(page.title))
        lines.append(f'<h2 id="{anchor}">{escape(page.title)}</h2>\n<div>{body}</div>')
    return "\n".join((*lines, "</main>"))


def _locate_file(title: str, space: str, anchor: str) -> str:
    """Return the address of a page that is a file of the guide; empty for one of another space."""
    if space:
        return ""
    if not title:
        return f"#{anchor}" if anchor else ""
    return f"{WIKI_SCHEME}{title}#{anchor}" if anchor else f"{WIKI_SCHEME}{title}"


# -- a space --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _SpacePage:
    identifier: str
    parent: str
    position: int
    title: str
    body: str

    @classmethod
    def read(cls, element: Element, contents: Mapping[str, str]) -> _SpacePage | None:
        """Read a page; None for an old version, a draft, and a page in the trash."""
        if _read_reference(element, "originalVersion"):
            return None
        if _read_property(element, "contentStatus") not in {"", "current"}:
            return None
        identifier = _read_identifier(element)
        title = _read_property(element, "title")
        # An export writes the end of a section of text inside another one with a space.
        body = contents.get(identifier, "").replace("]] >", _CDATA_END)
        position = _read_property(element, "position")
        number = int(position) if position.isascii() and position.isdigit() else 0
        if not title or not identifier:
            return None
        return cls(identifier, _read_reference(element, "parent"), number, title, body)


def _read_identifier(element: Element) -> str:
    return next((each.text or "" for each in element if local_name(each) == "id"), "").strip()


def _read_property(element: Element, name: str) -> str:
    for each in element:
        if local_name(each) == "property" and attribute(each, "name") == name:
            return (each.text or "").strip() if name != "body" else each.text or ""
    return ""


def _read_reference(element: Element, name: str) -> str:
    """Return the id of the object that a property refers to."""
    for each in element:
        if local_name(each) == "property" and attribute(each, "name") == name:
            return _read_identifier(each)
    return ""


def _order_pages(pages: list[_SpacePage]) -> Iterator[_SpacePage]:
    """Yield each page before those below it, in the order of the space."""
    known = {page.identifier for page in pages}
    children: dict[str, list[_SpacePage]] = defaultdict(list)
    for page in sorted(pages, key=lambda page: (page.position, page.title)):
        children[page.parent if page.parent in known else ""].append(page)
    waiting = children[""][::-1]
    visited: set[str] = set()
    while waiting:
        page = waiting.pop()
        if page.identifier not in visited:
            visited.add(page.identifier)
            yield page
            waiting += children[page.identifier][::-1]
    yield from (page for page in pages if page.identifier not in visited)  # in a circle


# -- a page ---------------------------------------------------------------------------------------


@dataclass
class _StorageWriter:
    """Writes the elements of one page as HTML, each on its line."""

    locate: Callable[[str, str, str], str]
    heading_shift: int = 0
    _pieces: list[str] = field(default_factory=list)
    _line: int = 1
    _hidden: int = 0  # how many elements deep the parser is in one that is not shown
    _macros: list[str] = field(default_factory=list)
    _parameter: tuple[str, list[str]] | None = None
    _links: list[_Link] = field(default_factory=list)
    _images: list[dict[str, str]] = field(default_factory=list)
    _is_raw: bool = False
    _depth: int = 0

    def convert(self, text: str) -> str:
        """Return a page as HTML; what is no XML as it is."""
        prolog = _PROLOG.match(text)
        start = prolog.end() if prolog else 0
        if text[start : start + 9].upper() == "<!DOCTYPE":
            raise ValueError("it declares entities, which no such document needs")
        source = "\n" * text.count("\n", 0, start) + text[start:]
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda name, values: self._start(name, values, parser)
        parser.EndElementHandler = lambda name: self._end(name, parser)
        parser.CharacterDataHandler = lambda data: self._write_text(data, parser)
        try:
            parser.Parse(f"<x>{_replace_entities(source)}</x>".encode("utf-8", "replace"), True)  # noqa: FBT003
        except expat.ExpatError:
            return text
        missing = source.count("\n") + 1 - self._line
        return "".join((*self._pieces, "\n" * max(0, missing)))

    def _sync(self, parser: expat.XMLParserType) -> None:
        """Write line ends until the line of the source."""
        missing = parser.CurrentLineNumber - self._line
        if missing > 0:
            self._write("\n" * missing)

    def _write(self, html: str) -> None:
        self._pieces.append(html)
        self._line += html.count("\n")

    def _start(self, name: str, values: dict[str, str], parser: expat.XMLParserType) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"it has elements more than {_MAX_DEPTH} deep in each other")
        macro = values.get("ac:name", "").lower()
        if (
            self._hidden
            or name in _HIDDEN_TAGS
            or (name in _MACRO_TAGS and macro in _HIDDEN_MACROS)
        ):
            self._hidden += 1
            return
        self._sync(parser)
        if name in _MACRO_TAGS:
            self._macros.append(macro)
        elif name in {"ac:parameter", "ac:default-parameter"}:
            self._parameter = values.get("ac:name", "").lower(), []
        elif name.startswith("ri:"):
            self._refer(name, values)
        elif name == "ac:plain-text-body":
            self._is_raw = self._macro() == "html"
            self._write("" if self._is_raw else "<pre>")
        elif name == "ac:link":
            self._links.append(_Link(anchor=values.get("ac:anchor", "")))
        elif name in _LINK_BODIES:
            self._open_link()
        elif name == "ac:image":
            self._images.append({"alt": values.get("ac:alt", ""), "src": ""})
        elif name == "time":
            self._write(escape(values.get("datetime", "")))
        elif ":" in name or name == "x":
            tag = _BLOCK_TAGS.get(name, "")
            self._write(f"<{tag}>" if tag else "")
        else:
            self._write(self._make_tag(name, values))

    def _end(self, name: str, parser: expat.XMLParserType) -> None:
        self._depth -= 1
        if self._hidden:
            self._hidden -= 1
            return
        self._sync(parser)
        if name in _MACRO_TAGS:
            self._macros.pop()
        elif name in {"ac:parameter", "ac:default-parameter"}:
            self._show_parameter()
        elif name == "ac:plain-text-body":
            self._write("" if self._is_raw else "</pre>")
            self._is_raw = False
        elif name == "ac:link":
            self._close_link()
        elif name in _LINK_BODIES:
            self._write("</a>" if self._links and self._links[-1].address else "")
        elif name == "ac:image":
            image = self._images.pop()
            self._write(f'<img src="{escape(image["src"])}" alt="{escape(image["alt"])}">')
        elif ":" in name or name in {"time", "x"}:
            tag = _BLOCK_TAGS.get(name, "")
            self._write(f"</{tag}>" if tag else "")
        elif name not in _VOID_TAGS:
            self._write(f"</{self._shift(name)}>")

    def _write_text(self, data: str, parser: expat.XMLParserType) -> None:
        if self._hidden:
            return
        if self._parameter:
            self._parameter[1].append(data)
            return
        self._sync(parser)
        self._write(data if self._is_raw else escape(data, quote=False))

    def _macro(self) -> str:
        return self._macros[-1] if self._macros else ""

    def _shift(self, name: str) -> str:
        if len(name) == 2 and name[0] == "h" and name[1] in "123456":
            return f"h{min(6, int(name[1]) + self.heading_shift)}"
        return name

    def _make_tag(self, name: str, values: dict[str, str]) -> str:
        shown = (f' {key}="{escape(values[key])}"' for key in _HTML_ATTRIBUTES if key in values)
        return f"<{self._shift(name)}{''.join(shown)}>"

    def _show_parameter(self) -> None:
        """Write what readers see of a macro's parameter: its title, or what it is about."""
        name, pieces = self._parameter or ("", [])
        self._parameter = None
        words = " ".join("".join(pieces).split())
        macro = self._macro()
        if not words:
            return
        if macro == "anchor":
            self._write(f'<a id="{escape(words)}"></a>' if not name else "")
        elif (macro == "status" and name == "title") or (macro == "jira" and name == "key"):
            self._write(escape(words, quote=False))
        elif macro in {"include", "excerpt-include"} and name in {"", "default-parameter"}:
            address = self.locate(words, "", "")
            shown = escape(words, quote=False)
            self._write(f'<p><a href="{escape(address)}">{shown}</a></p>' if address else "")
        elif name == "body" and "math" in macro:
            self._write(f"<code>{escape(words, quote=False)}</code>")
        elif name == "title":
            self._write(f"<p><strong>{escape(words, quote=False)}</strong></p>")

    # -- links ------------------------------------------------------------------------------------

    def _refer(self, name: str, values: dict[str, str]) -> None:
        """Read what a link, a picture or a parameter refers to."""
        title = values.get("ri:content-title", "")
        file = values.get("ri:filename", "") or values.get("ri:value", "")
        if self._parameter:
            self._parameter[1].append(title)
        elif self._images and not self._links:
            self._images[-1]["src"] = file
        elif self._links:
            link = self._links[-1]
            if name in {"ri:page", "ri:blog-post"}:
                link.shown = title
                link.address = self.locate(title, values.get("ri:space-key", ""), link.anchor)
            elif file:
                link.address, link.shown = file, file
            elif name == "ri:shortcut":
                link.shown = values.get("ri:parameter", "")
            elif name == "ri:space":
                link.shown = values.get("ri:space-key", "")

    def _open_link(self) -> None:
        if not self._links:
            return
        link = self._links[-1]
        if not link.address and not link.shown and link.anchor:
            link.address = self.locate("", "", link.anchor)
        link.has_body = True
        self._write(f'<a href="{escape(link.address)}">' if link.address else "")

    def _close_link(self) -> None:
        link = self._links[-1]
        if not link.has_body:
            link.shown = link.shown or link.anchor
            self._open_link()
            self._write(escape(link.shown, quote=False))
            self._write("</a>" if link.address else "")
        self._links.pop()


def _replace_entities(text: str) -> str:
    """Replace the entities of HTML by their characters, outside of sections of plain text."""
    pieces: list[str] = []
    position = 0
    while (start := text.find(_CDATA_START, position)) >= 0:
        end = text.find(_CDATA_END, start)
        if end < 0:
            break
        pieces += [_ENTITY.sub(_write_entity, text[position:start]), text[start:end]]
        position = end
    pieces.append(_ENTITY.sub(_write_entity, text[position:]))
    return "".join(pieces)


def _write_entity(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _XML_ENTITIES else html5.get(f"{name};", f"&amp;{name};")
