"""Unpack documents that are XML in a zip archive, within limits, and parse their parts.

Runs in the child process of `sandbox`.
"""

from __future__ import annotations

import posixpath
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

# Limits on one document, as sizes and counts, so that the result is the same on every machine. In
# Word's own files a full page of text has about 740 elements with 900 attributes, and 28 kB. An
# element with its attributes costs 80 us and 2.2 kB: a million of both is 600 pages, 40 s and
# 1.1 GB.
MAX_XML_BYTES = 100_000_000  # in all XML parts
_MAX_ELEMENTS = 1_000_000  # with their attributes
_MAX_ELEMENT_DEPTH = 150  # mammoth fails at some 200; a table in a table in a table is 20
_MAX_FILES = 20_000  # in the archive; most are pictures
# Word's own files compress 10 to 30 times; one that compresses over 100 times has hardly any text.
MAX_COMPRESSION_RATIO = 100
UNCHECKED_BYTES = 1_000_000  # up to this size, any compression is allowed


class LimitExceeded(ValueError):
    """A document exceeds a limit; the message says which, and what to do."""

    def __init__(self, excess: str) -> None:
        super().__init__(f"it has {excess}; split it, or save it as text")


def read_parts(
    raw: bytes, suffixes: tuple[str, ...], xml: tuple[str, ...] = (".xml", ".rels")
) -> dict[str, bytes]:
    """Return the parts of an archive whose names end so; those that end like `xml` are checked.

    Raises ValueError where it is no archive, and LimitExceeded where it is too large.
    """
    parts: dict[str, bytes] = {}
    counter = XmlCounter()
    try:
        with ZipFile(BytesIO(raw)) as archive:
            if len(archive.infolist()) > _MAX_FILES:
                raise LimitExceeded(f"more than {_MAX_FILES:,} files in it")
            for member in archive.infolist():
                if not member.filename.lower().endswith(suffixes):
                    continue
                with archive.open(member) as part:
                    # Read up to a limit: the size that the archive declares need not be true.
                    limit = max(UNCHECKED_BYTES, MAX_COMPRESSION_RATIO * member.compress_size)
                    content = part.read(min(limit, MAX_XML_BYTES - counter.size) + 1)
                counter.add(content, limit)
                if member.filename.lower().endswith(xml):
                    counter.count_elements(content)
                parts[member.filename] = content
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError("it is no archive") from error
    return parts


def parse_part(parts: dict[str, bytes], name: str) -> Element:
    """Parse a part of a package as XML. Raises ValueError where it is missing."""
    if name not in parts:
        raise ValueError(f"its part {name} is missing")
    # `read_parts` has refused declarations of entities, and what is too large or too deep.
    return ET.fromstring(parts[name])  # noqa: S314


def parse_xml(raw: bytes) -> Element:
    """Parse a document that is one XML file, within the limits of those that are packed."""
    counter = XmlCounter()
    counter.add(raw, MAX_XML_BYTES)
    counter.count_elements(raw)
    return ET.fromstring(raw)  # noqa: S314 - it was checked in the lines before


def read_relations(parts: dict[str, bytes], name: str) -> dict[str, tuple[str, str]]:
    """Return what a part of an Office document refers to: id to (kind, part or address)."""
    folder, file = posixpath.split(name)
    relations = posixpath.join(folder, "_rels", f"{file}.rels")
    targets: dict[str, tuple[str, str]] = {}
    if relations not in parts:
        return targets
    for relation in parse_part(parts, relations):
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, unquote(target)))[1:]
        kind = relation.get("Type", "").rpartition("/")[2]
        targets[relation.get("Id", "")] = kind, target
    return targets


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def find_all(element: Element, *names: str) -> Iterator[Element]:
    """Yield the elements below one that have such a name, in any namespace."""
    return (inner for inner in element.iter() if local_name(inner) in names)


def attribute(element: Element, name: str) -> str:
    """Return an attribute by its name, in any namespace; empty where there is none."""
    values = element.attrib.items()
    return next((value for key, value in values if key.rpartition("}")[2] == name), "")


def damage_error(error: Exception) -> MemoryError | ValueError:
    """Return the error to raise for a library's: expat reports too little memory in its own way."""
    no_memory = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]
    if isinstance(error, expat.ExpatError) and error.code == no_memory:
        return MemoryError()
    return ValueError("it is damaged")


class XmlCounter:
    """Counts the XML in the parts of a document, and raises LimitExceeded where it is too much."""

    def __init__(self) -> None:
        self.size = self._element_count = self._depth = 0

    def add(self, content: bytes, limit: int) -> None:
        """Count a part that may have so many bytes."""
        if len(content) > limit:
            raise LimitExceeded(
                f"a part that unpacks to more than {MAX_COMPRESSION_RATIO} times its size"
            )
        self.size += len(content)
        if self.size > MAX_XML_BYTES:
            raise LimitExceeded(f"more than {MAX_XML_BYTES // 1_000_000:,} MB of XML")

    def count_elements(self, content: bytes) -> None:
        """Count the elements of a part."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._count_start
        parser.EndElementHandler = self._count_end
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        try:
            parser.Parse(content, True)  # noqa: FBT003 - takes no keyword
        except expat.ExpatError as error:
            raise damage_error(error) from error
        self._depth = 0

    def _count_start(self, _: str, attributes: dict[str, str]) -> None:
        self._element_count += 1 + len(attributes)
        self._depth += 1
        if self._element_count > _MAX_ELEMENTS:
            raise LimitExceeded(f"more than {_MAX_ELEMENTS:,} elements and attributes of XML")
        if self._depth > _MAX_ELEMENT_DEPTH:
            raise LimitExceeded(
                f"elements of XML more than {_MAX_ELEMENT_DEPTH} deep in each other"
            )

    def _count_end(self, _: str) -> None:
        self._depth -= 1

    def _refuse_doctype(self, *_: Any) -> None:
        raise ValueError("it declares entities, which no such document needs")
