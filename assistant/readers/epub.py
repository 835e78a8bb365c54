"""Convert a book (.epub) to HTML: its chapters in reading order.

Runs in the child process of `sandbox`.
"""

from __future__ import annotations

import posixpath
import re
from html import escape
from html.entities import html5
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from assistant.readers.packages import (
    XmlCounter,
    attribute,
    find_all,
    local_name,
    parse_part,
    read_parts,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SUFFIXES = (".opf", ".xhtml", ".html", ".htm", ".xml")
_XML_SUFFIXES = ("container.xml", "encryption.xml", ".opf")  # a chapter may declare entities
_CONTAINER = "META-INF/container.xml"
_DOCTYPE = re.compile(r"<!DOCTYPE", re.I)
_ENTITY = re.compile(r"&(\w{2,31});")
_XML_ENTITIES = frozenset({"amp", "apos", "gt", "lt", "quot"})
_MAX_DECLARATION_CHARS = 4_000  # before the declaration of the document's type: comments
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.I)
_BODY = re.compile(r"</?body\b", re.I)


def convert_book(raw: bytes) -> str:
    """Convert a book to HTML. Raises ValueError, with the reason, where it is none."""
    parts = read_parts(raw, _SUFFIXES, _XML_SUFFIXES)
    container = parse_part(parts, _CONTAINER)
    package = next((root.get("full-path", "") for root in find_all(container, "rootfile")), "")
    book = parse_part(parts, package)
    if "META-INF/encryption.xml" in parts and any(
        attribute(method, "Algorithm").endswith(("aes128-cbc", "aes256-cbc"))
        for method in find_all(parse_part(parts, "META-INF/encryption.xml"), "EncryptionMethod")
    ):
        raise ValueError("it is protected against copying")
    title, language = _first_text(book, "title"), _first_text(book, "language")
    pages = {
        item.get("id", ""): posixpath.normpath(
            posixpath.join(posixpath.dirname(package), unquote(item.get("href", "")))
        )
        for item in find_all(book, "item")
        if "nav" not in item.get("properties", "").split()
    }
    chapters = [
        pages[reference.get("idref", "")]
        for reference in find_all(book, "itemref")
        if reference.get("idref", "") in pages
    ]
    lines = [f'<html lang="{escape(language)}"><title>{escape(title)}</title><main>']
    lines += [_convert_chapter(parts[name]) for name in chapters if name in parts]
    return "\n".join((*lines, "</main></html>"))


def _first_text(root: Element, name: str) -> str:
    return next((" ".join("".join(each.itertext()).split()) for each in find_all(root, name)), "")


def _convert_chapter(raw: bytes) -> str:
    """Return the body of a chapter as HTML. What is no XML is read as HTML, as browsers do."""
    wide = raw[:2] in {b"\xff\xfe", b"\xfe\xff"}
    text = raw.decode("utf-16" if wide else "utf-8-sig", "replace")
    text = _strip_declarations(text)
    xml = _ENTITY.sub(_write_entity, text)
    try:
        XmlCounter().count_elements(xml.encode("utf-8", "replace"))
        root = ET.fromstring(xml)  # noqa: S314 - it was checked in the line before
    except (ValueError, ET.ParseError):
        tags = list(_BODY.finditer(text))
        start = text.find(">", tags[0].start()) + 1 if tags else 0
        return text[start : tags[-1].start() if len(tags) > 1 else len(text)]
    for element in root.iter():
        element.tag = local_name(element)
        for key in list(element.attrib):
            value = element.attrib.pop(key)
            name = key.rpartition("}")[2]
            if name == "href" and not _SCHEME.match(value):
                value = f"#{value.partition('#')[2]}"  # all chapters are one page here
            element.set(name, value)
    body_element = root if root.tag == "body" else root.find("body")
    return _write_element(root if body_element is None else body_element)


def _strip_declarations(text: str) -> str:
    """Return a page without what is before its first element."""
    if doctype := _DOCTYPE.search(text, 0, _MAX_DECLARATION_CHARS):
        end = text.find(">", doctype.end())
        bracket = text.find("[", doctype.end())
        if 0 <= bracket < end:
            end = text.find(">", text.find("]", bracket))
        text = text[end + 1 :]
    elif text.lstrip().startswith("<?xml"):
        text = text.partition("?>")[2]
    return text.strip()


def _write_element(body: Element) -> str:
    body.tag = "div"
    return ET.tostring(body, encoding="unicode", method="html")


def _write_entity(entity: re.Match[str]) -> str:
    name = entity[1]
    return entity[0] if name in _XML_ENTITIES else html5.get(f"{name};", entity[0])
