"""Read pages through the public interface, and check what must hold of them."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from assistant.guide.page import read_page
from assistant.guide.publishers import ReadingOptions
from tests.readers.oracle.rendering import words_of

if TYPE_CHECKING:
    from pathlib import Path

    from assistant.models.documents import ParsedPage

# Between the sentences of a passage are white space and the marks of items and rows.
BETWEEN = re.compile(r"(?:\s|[-*+•|>☐☑✓]|\[[ xX]\]|\d{1,9}[.)]|[a-z][.)])*")


def read_text(folder: Path, source: str, name: str = "page.md") -> ParsedPage:
    """Read a page from a folder of its own."""
    (folder / name).write_text(source, encoding="utf-8", newline="")
    return read_page(folder, name, reading_options=ReadingOptions())


def words_read(page: ParsedPage) -> list[str]:
    """Return every word that can be quoted from a page, in order: not those of its description."""
    return [
        word
        for passage in page.passages
        for sentence in passage.sentences
        if sentence.kind != "heading" or passage.slice(sentence) == passage.heading
        for word in words_of(passage.slice(sentence))
    ]


def broken_promises(page: ParsedPage) -> list[str]:
    """Return what does not hold of a page's sections, passages and sentences."""
    broken = []
    count = page.page.text.count("\n") + 1
    for section in page.sections:
        first, last = section.lines
        if not 1 <= first <= last <= count:
            broken.append(f"section {section.headings} has lines {section.lines} of {count}")
    spans = {(s.headings, s.anchor): s.lines for s in page.sections}
    ids = [passage.id for passage in page.passages]
    broken += [f"passage {name} stands twice" for name in {n for n in ids if ids.count(n) > 1}]
    for passage in page.passages:
        section = spans.get((passage.headings, passage.anchor))
        if section is None:
            broken.append(f"passage {passage.id} is of no section")
            continue
        end = 0
        for sentence in passage.sentences:
            if not BETWEEN.fullmatch(passage.text[end : sentence.start]):
                beside = passage.text[end : sentence.start]
                broken.append(f"passage {passage.id} has {beside!r} between two sentences")
            if not passage.slice(sentence).strip():
                broken.append(f"passage {passage.id} has an empty sentence")
            if not section[0] <= sentence.lines[0] <= sentence.lines[1] <= section[1]:
                broken.append(f"{passage.id}: lines {sentence.lines} outside {section}")
            end = sentence.end
        if not BETWEEN.fullmatch(passage.text[end:]):
            broken.append(f"passage {passage.id} ends in {passage.text[end:]!r}")
    return broken


def strayed(page: ParsedPage) -> list[str]:
    """Return the sentences whose first or last word is not in their lines."""
    lines = page.page.text.split("\n")
    stray = []
    for passage in page.passages:
        for sentence in passage.sentences:
            first, last = sentence.lines
            source = "\n".join(lines[first - 1 : last])
            there = {*words_of(source), *words_of(plain(source))}
            words = words_of(passage.slice(sentence))
            if words and not {words[0], words[-1]} <= there:
                stray.append(f"{passage.id} lines {first}-{last}: {words[0]} … {words[-1]}")
    return stray


def plain(source: str) -> str:
    """Remove from source lines what would split or spell a word otherwise."""
    source = re.sub(r"&(?:nbsp|ensp|emsp|shy|zwj|zwnj);", " ", source)
    source = re.sub(r"\]\([^()\s]*\)|\[", "", html.unescape(source))
    return re.sub(r"[*~`\\]|<[^<>]*>|(?<!\w)_|_(?!\w)", "", source)
