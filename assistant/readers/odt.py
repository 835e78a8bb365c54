"""Convert an OpenDocument text (.odt) to HTML.

Comments, deleted text, pictures and the tables of contents are left out. Runs in the child process
of `sandbox`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assistant.readers.packages import attribute, find_all, local_name, parse_part, read_parts

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LEFT_OUT = frozenset(
    """
    alphabetical-index annotation annotation-end bibliography forms illustration-index index-title
    note-citation object-index sequence-decls table-index table-of-content tracked-changes
    user-index variable-decls
    """.split()
)
_BLOCKS = {
    "p": "p",
    "list": "ul",
    "list-item": "li",
    "list-header": "li",
    "table": "table",
    "table-header-rows": "thead",
    "table-row": "tr",
    "table-cell": "td",
}
_LINE_TAGS = frozenset("h1 h2 h3 h4 h5 h6 li p tr".split())


def convert_odt(raw: bytes) -> str:
    """Convert a text to HTML. Raises ValueError, with the reason, where it is none."""
    parts = read_parts(raw, ("content.xml", "meta.xml"))
    content = parse_part(parts, "content.xml")
    titles = find_all(parse_part(parts, "meta.xml"), "title") if "meta.xml" in parts else ()
    title = next((" ".join((each.text or "").split()) for each in titles), "")
    texts = list(find_all(content, "text"))
    if not texts:
        raise ValueError("it has no text")
    writer = _Writer()
    for inner in texts[0]:
        writer.write(inner)
    return f"<title>{escape(title)}</title>{''.join(writer.pieces)}"


class _Writer:
    """Writes elements as HTML; a footnote stands after the paragraph that it belongs to."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._notes: list[Element] = []

    def write(self, element: Element) -> None:
        """Append an element, without the text after it."""
        name = local_name(element)
        if name in _LEFT_OUT:
            return
        tag = _BLOCKS.get(name, "")
        match name:
            case "h":
                level = attribute(element, "outline-level")
                tag = f"h{level}" if level in set("123456") else "h6"
            case "a":
                self.pieces.append(f'<a href="{escape(attribute(element, "href"))}">')
            case "s" | "tab" | "line-break":
                self.pieces.append(" ")
            case "note":
                self._notes += find_all(element, "note-body")
                return
            case "table-cell" if attribute(element, "number-columns-repeated"):
                if not len(element):
                    return  # the empty cells up to the last column
            case _:
                pass
        self._write_content(element, tag)
        if name == "a":
            self.pieces.append("</a>")
        if name in {"h", "p"}:
            notes, self._notes = self._notes, []
            for note in notes:
                self._write_content(note, "")

    def _write_content(self, element: Element, tag: str) -> None:
        if tag:
            self.pieces.append(f"<{tag}>")
        self.pieces.append(escape(element.text or ""))
        for inner in element:
            self.write(inner)
            self.pieces.append(escape(inner.tail or ""))
        if tag:
            self.pieces.append(f"</{tag}>" + ("\n" if tag in _LINE_TAGS else ""))
