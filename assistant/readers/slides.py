"""Convert slides (.pptx) to HTML: a section for each slide, with its lists, tables and notes.

Hidden slides, charts, pictures and comments are left out. Runs in the child process of `sandbox`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assistant.readers.packages import (
    attribute,
    find_all,
    local_name,
    parse_part,
    read_parts,
    read_relations,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    Relations = dict[str, tuple[str, str]]

_PRESENTATION = "ppt/presentation.xml"
_TITLES = frozenset({"title", "ctrTitle"})
_FOOTERS = frozenset({"dt", "ftr", "hdr", "sldNum"})  # date, footer, header and number of a slide
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def convert_slides(raw: bytes) -> str:
    """Convert a presentation to HTML. Raises ValueError, with the reason, where it is none."""
    parts = read_parts(raw, (".xml", ".rels"))
    presentation = parse_part(parts, _PRESENTATION)
    relations = read_relations(parts, _PRESENTATION)
    lines: list[str] = []
    for entry in find_all(presentation, "sldId"):
        _, part = relations.get(entry.get(f"{_RELATION}id", ""), ("", ""))
        if part in parts:
            lines += _convert_slide(parts, part)
    return "\n".join(lines)


def _convert_slide(parts: dict[str, bytes], part: str) -> Iterator[str]:
    root = parse_part(parts, part)
    if root.get("show") in {"0", "false"}:
        return
    relations = read_relations(parts, part)
    shapes = [shape for tree in find_all(root, "spTree") for shape in _list_shapes(tree)]
    for shape in shapes:
        if _placeholder(shape) in _TITLES and (words := _join_paragraphs(shape)):
            yield f"<h2>{words}</h2>"
    for shape in shapes:
        if _placeholder(shape) not in _TITLES | _FOOTERS:
            yield from _convert_shape(shape, relations)
    for kind, target in relations.values():
        if kind == "diagramData" and target in parts:
            for point in find_all(parse_part(parts, target), "pt"):
                yield from _convert_paragraphs(point, relations, is_list=True)
        elif kind == "notesSlide" and target in parts:
            for shape in find_all(parse_part(parts, target), "sp"):
                if _placeholder(shape) == "body":
                    notes = read_relations(parts, target)
                    yield from _convert_paragraphs(shape, notes, is_list=False)


def _list_shapes(tree: Element) -> Iterator[Element]:
    """Yield the shapes of a slide, also those in groups, in order."""
    for shape in tree:
        # A choice is what newer programs show; its fallback says the same.
        if local_name(shape) in {"grpSp", "AlternateContent", "Choice"}:
            yield from _list_shapes(shape)
        elif local_name(shape) in {"sp", "graphicFrame"}:
            yield shape


def _placeholder(shape: Element) -> str:
    """Return the kind of placeholder that a shape fills; empty for a box of text."""
    return next((mark.get("type", "obj") for mark in find_all(shape, "ph")), "")


def _convert_shape(shape: Element, relations: Relations) -> Iterator[str]:
    tables = list(find_all(shape, "tbl"))
    for table in tables:
        has_header = any(
            attribute(properties, "firstRow") in {"1", "true"}
            for properties in find_all(table, "tblPr")
        )
        yield "<table>"
        for number, row in enumerate(find_all(table, "tr")):
            tag = "th" if has_header and not number else "td"
            cells = (
                " ".join(_write_runs(line, relations) for line in find_all(cell, "p"))
                for cell in find_all(row, "tc")
            )
            yield "<tr>" + "".join(f"<{tag}>{words}</{tag}>" for words in cells) + "</tr>"
        yield "</table>"
    if not tables:
        is_list = _placeholder(shape) not in {"", "subTitle"}
        yield from _convert_paragraphs(shape, relations, is_list=is_list)


def _convert_paragraphs(shape: Element, relations: Relations, *, is_list: bool) -> Iterator[str]:
    """Yield a shape's paragraphs; those of a list with the lists that they are in."""
    depth = 0
    for paragraph in find_all(shape, "p"):
        words = _write_runs(paragraph, relations)
        if not words.strip():
            continue
        if not is_list:
            yield f"<p>{words}</p>"
            continue
        level = next((line.get("lvl", "0") for line in find_all(paragraph, "pPr")), "0")
        wanted = 1 + (int(level) if level in set("012345678") else 0)
        marks = "<ul>" * (wanted - depth) if wanted > depth else "</ul>" * (depth - wanted)
        depth = wanted
        yield f"{marks}<li>{words}</li>"
    if depth:
        yield "</ul>" * depth


def _write_runs(paragraph: Element, relations: Relations) -> str:
    """Return a paragraph's text with its links."""
    pieces = []
    for run in paragraph:
        if local_name(run) == "br":
            pieces.append(" ")
        words = escape("".join(text.text or "" for text in find_all(run, "t")))
        link = next((mark.get(f"{_RELATION}id", "") for mark in find_all(run, "hlinkClick")), "")
        kind, address = relations.get(link, ("", ""))
        pieces.append(f'<a href="{escape(address)}">{words}</a>' if kind == "hyperlink" else words)
    return "".join(pieces)


def _join_paragraphs(shape: Element) -> str:
    return " ".join(
        " ".join(_write_runs(line, {}).split()) for line in find_all(shape, "p")
    ).strip()
