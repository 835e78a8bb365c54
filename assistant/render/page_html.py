"""Render the content of a page as harmless HTML, without its author's own markup.

Raw HTML becomes the blocks that a reader would see, an image becomes its alternative text, with a
picture of the guide above it, and a link that could run a script becomes text.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, NamedTuple

from assistant.guide.front_matter import blank_front_matter
from assistant.readers import html as html_reader
from assistant.readers import markdown, reader_for
from assistant.readers.dialects import convert_to_commonmark
from assistant.readers.mdx import LABEL_MARK
from assistant.readers.twoslash import is_twoslash
from assistant.render.page_blocks import HeadingIds, id_attribute, is_safe_link, render_blocks
from assistant.text.normalize import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from assistant.models.documents import Page

    Resolve = Callable[[str], str]

_TAGS = {
    "Paragraph": "p",
    "Emphasis": "em",
    "Strong": "strong",
    "Strikethrough": "s",
    "BlockQuote": "blockquote",
    "Item": "li",
    "DefinitionList": "dl",
    "DefinitionListTitle": "dt",
    "DefinitionListDefinition": "dd",
    "FootnoteDefinition": "section",
    "Table": "table",
    "TableHead": "thead",
    "TableRow": "tr",
}
_AROUND = {"Table": ('<div class="scroll">', "</div>")}
"""What is around an element: a wide table scrolls within itself."""


class Picture(NamedTuple):
    """A picture of the guide: its address on this server, and its size; 0 where it is unknown."""

    url: str
    width: int = 0
    height: int = 0


def render_page_source(
    page: Page,
    anchors: Iterable[tuple[int, str]],
    *,
    resolve: Resolve | None = None,
    picture: Callable[[str], Picture | None] | None = None,
) -> str:
    """Render a page of any format as safe HTML; the other arguments are as in `render_markdown`."""
    reader = reader_for(page.path)
    if not reader.is_markdown:
        return render_blocks(reader.parse(page.text), anchors, resolve)
    mdx = page.path.lower().endswith(".mdx")
    text = blank_front_matter(page.text)
    return render_markdown(text, anchors, resolve=resolve, picture=picture, mdx=mdx)


def render_markdown(
    source: str,
    anchors: Iterable[tuple[int, str]],
    *,
    resolve: Resolve | None = None,
    picture: Callable[[str], Picture | None] | None = None,
    mdx: bool = False,
) -> str:
    """Render a page of Markdown as HTML.

    `anchors` are the lines of its sections' headings with their ids, in order. `resolve` turns
    an address on the page into the target of a link; empty for no link. `picture` turns one
    into a picture to show above its alternative text.
    """
    return "".join(
        _MarkdownRenderer(
            convert_to_commonmark(source, mdx=mdx),
            anchors,
            resolve or _keep_address,
            picture or (lambda _: None),
        ).render()
    )


class _MarkdownRenderer:
    """Writes the harmless part of a page's events in one pass."""

    def __init__(
        self,
        source: str,
        anchors: Iterable[tuple[int, str]],
        resolve: Resolve,
        picture: Callable[[str], Picture | None],
    ) -> None:
        self._source = source
        self._picture = picture
        self._lines = markdown.LineIndex(source)
        self._ids = HeadingIds(anchors)
        self._resolve = resolve
        self._out: list[str] = []
        self._heading = ""  # the tag of the open heading
        self._links: list[bool] = []  # whether each open link has a target
        self._lists: list[str] = []
        self._verbatim: list[str] | None = None
        self._images: list[tuple[str, str, list[str]]] = []  # address, title, alternative text
        self._head = False
        self._is_twoslash = False

    def render(self) -> list[str]:
        for name, value, start, _ in markdown.parse_events(self._source):
            if name[0] == "+":
                self._open(name[1:], value, start)
            elif name[0] == "-":
                self._close(name[1:])
            else:
                self._leaf(name, value)
        return self._out

    def _open(self, name: str, value: Any, start: int) -> None:
        out = self._out
        match name:
            case "Heading":
                self._heading = f"h{value['level'][1]}"
                out.append(f"<{self._heading}{self._id_at(start)}>")
            case "Link":
                address = self._resolve(value["dest_url"])
                safe = bool(address) and is_safe_link(address)
                self._links.append(safe)
                if safe:
                    titled = f' title="{html.escape(value["title"])}"' if value["title"] else ""
                    out.append(f'<a href="{html.escape(address)}"{titled}>')
            case "Image":
                self._images.append((value["dest_url"], value["title"], []))
            case "List":
                first = f' start="{value}"' if value not in {None, 1} else ""
                self._lists.append("ul" if value is None else "ol")
                out.append(f"<{self._lists[-1]}{first}>\n")
            case "CodeBlock" | "HtmlBlock":
                self._verbatim = []
                self._is_twoslash = is_twoslash(value)
                if titled := markdown.code_title(value):
                    out.append(f'<p class="label">{html.escape(titled)}</p>\n')
            case "TableCell":
                out.append("<th>" if self._head else "<td>")
            case "TableHead":
                self._head = True
                out.append("<thead><tr>")
            case "Paragraph":
                out.append(f"<p{self._id_at(start)}>")
            case _ if name in _TAGS:
                out.append(f"{_AROUND.get(name, ('', ''))[0]}<{_TAGS[name]}>")

    def _close(self, name: str) -> None:
        out = self._out
        match name:
            case "Heading":
                out.append(f"</{self._heading}>\n")
            case "Link":
                if self._links.pop():
                    out.append("</a>")
            case "Image":
                address, title, alt = self._images.pop()
                shown = title or "".join(alt)
                if picture := self._picture(address):  # its text is below it
                    room = f' width="{picture.width}" height="{picture.height}"'
                    sized = room if picture.width else ""
                    url = html.escape(picture.url)
                    out.append(f'<img src="{url}" alt="" loading="lazy"{sized}>')
                if shown:
                    out.append(f'<span class="image">{html.escape(shown)}</span>')
            case "List":
                out.append(f"</{self._lists.pop()}>\n")
            case "CodeBlock":
                code = markdown.clean_code(self._take_verbatim(), twoslash=self._is_twoslash)
                out.append(f"<pre><code>{html.escape(code)}</code></pre>\n")
            case "HtmlBlock":
                blocks = html_reader.parse_html(self._take_verbatim())
                out.append(render_blocks(blocks, (), self._resolve))
            case "TableCell":
                out.append("</th>" if self._head else "</td>")
            case "TableHead":
                self._head = False
                out.append("</tr></thead>\n")
            case _ if name in _TAGS:
                inline = name in {"Emphasis", "Strong", "Strikethrough"}
                after = _AROUND.get(name, ("", ""))[1]
                out.append(f"</{_TAGS[name]}>{after}" + ("" if inline else "\n"))

    def _take_verbatim(self) -> str:
        taken, self._verbatim = "".join(self._verbatim or ()), None
        return strip_invisible(taken)

    def _leaf(self, name: str, value: Any) -> None:
        out = self._out
        match name:
            case "Text" | "Html" if self._verbatim is not None:
                self._verbatim.append(value)
            case "Text" | "Code" if self._images:
                self._images[-1][2].append(value)
            case "Text":
                if value.startswith(LABEL_MARK):
                    out[-1], self._heading = '<p class="label">', "p"
                out.append(html.escape(strip_invisible(value.replace(LABEL_MARK, ""))))
            case "Code":
                out.append(f"<code>{html.escape(strip_invisible(value))}</code>")
            case "SoftBreak":
                out.append("\n")
            case "HardBreak":
                out.append("<br>\n")
            case "InlineHtml" if value.lower().startswith("<br"):
                out.append("<br>")
            case "Rule":
                out.append("<hr>\n")
            case "FootnoteReference":
                out.append(f"<sup>{html.escape(value)}</sup>")

    def _id_at(self, start: int) -> str:
        return id_attribute(self._ids.take(self._lines.line_at(start)))


def _keep_address(address: str) -> str:
    return address
