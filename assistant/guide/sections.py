"""A page's blocks to its sections, and each section to passages that fit the encoder; pure.

Knows what a heading holds, what of a page is navigation, and where a text may be cut. Must not
know how blocks are parsed, or folders; how long a passage may be is handed in.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.guide import publishers
from assistant.models.documents import Passage, Section, Sentence
from assistant.readers.markdown import POSSIBLE_HEADING_LEVEL
from assistant.text.text import split_sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from assistant.models.documents import Block, Page

# What is no letter, or no digit, as a blank: counted by bytes, ten times as fast as by a pattern.
_LETTERS_ONLY = bytes(c if chr(c).isalpha() else 32 for c in range(128)) + b" " * 128
_DIGITS_ONLY = bytes(c if chr(c).isdigit() else 32 for c in range(128)) + b" " * 128
_NON_MARKS = bytes(c for c in range(128) if chr(c).isalnum() or chr(c).isspace())
_FOREIGN_BLANK = re.compile(r"[^\S\x00-\x7f]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")

# What is quoted in one piece or not at all.
_UNSPLITTABLE_KINDS = frozenset({"code", "row", "header"})

MAX_HEADING_CHARS = 1_000
"""Characters of a heading; the longest in 20 real guides has some 200."""

# A sentence this many times too long for a passage is cut between words.
_WORD_SPLIT_FACTOR = 2


@dataclass(frozen=True, slots=True)
class SectionBlocks:
    """A heading and the blocks under it, before they become a section and passages.

    `placed` is whether the published page has the anchor too.
    """

    headings: tuple[str, ...]
    anchor: str
    heading: Block | None
    blocks: tuple[Block, ...]
    lines: tuple[int, int]
    anchor_is_published: bool = True

    def to_section(self, page: Page) -> Section:
        """The section of a page that the part is."""
        link = page.url
        if self.anchor and self.anchor_is_published:
            plain = self.anchor.isascii() and self.anchor.replace("-", "").isalnum()
            link = f"{link}#{self.anchor if plain else quote(self.anchor)}"
        return Section(page.path, self.headings, self.anchor, link, self.lines)


def split_sections(
    found: Sequence[Block], title: str, *, publisher: publishers.Publisher, last_line: int
) -> list[SectionBlocks]:
    """Cut a page's blocks at its headings; a table of contents and its heading are left out.

    Emphasised lines are headings on a page that has no others below its title.
    """
    return list(
        _iter_sections(
            _resolve_possible_headings(found), title, publisher=publisher, last_line=last_line
        )
    )


def demote_long_headings(found: Sequence[Block]) -> list[Block]:
    """The blocks with each heading that is longer than any reader's made prose.

    It would stand in the heading path of every passage below it.
    """
    return [
        replace(block, kind="prose", level=0)
        if block.kind == "heading" and len(block.text) > MAX_HEADING_CHARS
        else block
        for block in found
    ]


def _resolve_possible_headings(found: Sequence[Block]) -> list[Block]:
    """The blocks with each emphasised line made a heading, or prose."""
    real = [
        block for block in found if block.kind == "heading" and block.level < POSSIBLE_HEADING_LEVEL
    ]
    headed = len(real) > 1 or (real and real[0].level > 1)
    return [
        replace(block, kind="prose", level=0)
        if block.kind == "heading" and block.level == POSSIBLE_HEADING_LEVEL and headed
        else block
        for block in found
    ]


def _iter_sections(
    found: list[Block], title: str, *, publisher: publishers.Publisher, last_line: int
) -> Iterator[SectionBlocks]:
    headings = [number for number, block in enumerate(found) if block.kind == "heading"]
    named = [(found[number].text, found[number].anchor) for number in headings]
    anchored = zip(headings, publishers.assign_anchors(named, publisher), strict=True)
    starts = [(number, anchor) for number, anchor in anchored if found[number].text]
    ends = [*(number for number, _ in starts), len(found)]
    kept = _drop_navigation(found[: ends[0]])
    if kept:
        last = found[ends[0]].lines[0] - 1 if starts else last_line
        yield SectionBlocks((title,), "", None, tuple(kept), (1, max(last, kept[-1].lines[1])))
    path: list[tuple[int, str]] = []
    for (start, anchor), end in zip(starts, ends[1:], strict=True):
        heading = found[start]
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, heading.text))
        kept = _drop_navigation(found[start + 1 : end])
        if kept is None:
            continue
        last = found[end].lines[0] - 1 if end < len(found) else last_line
        # In HTML the next heading may stand in the line where this section's text ends.
        ends_at = max(block.lines[1] for block in (heading, *kept[-1:]))
        names = [name for _, name in path]
        same = names[0].casefold() == title.casefold()
        yield SectionBlocks(
            headings=tuple(names) if same else (title, *names),
            anchor=anchor,
            heading=heading,
            blocks=tuple(kept),
            lines=(heading.lines[0], max(last, ends_at)),
            anchor_is_published=heading.level < POSSIBLE_HEADING_LEVEL,
        )


def _drop_navigation(held: list[Block]) -> list[Block] | None:
    """What is content of the blocks under a heading; None where all they hold is navigation."""
    if not held:
        return held
    # A block of no text may hold a film, which is recommended though it is not quoted.
    held = [block for block in held if block.kind == "break" or block.text.strip() or block.links]
    kept = _drop_contents_lists(held)
    if any(block.kind != "break" for block in kept):
        return kept
    return None if len(kept) < len(held) else []


def _drop_contents_lists(held: list[Block]) -> list[Block]:
    """Drop lists made of nothing but links into the page itself."""
    in_page: dict[int, bool] = {}
    for block in held:
        if block.kind == "item" and in_page.get(block.group, True):
            first = block.links[0] if block.links else None
            in_page[block.group] = (
                first is not None and first.title == block.text and first.url.startswith("#")
            )
    if not any(in_page.values()):
        return held
    return [block for block in held if block.kind != "item" or not in_page[block.group]]


def chunk_section(
    part: SectionBlocks, section: Section, *, max_tokens: int, language: str, lists_resources: bool
) -> Iterator[Passage]:
    """Pack a part's blocks into passages that fit a window of tokens, the heading in the first."""
    path = " > ".join(section.headings)
    whole = "\n".join([block.text for block in part.blocks])
    # Two for the special tokens; the heading path is encoded with every passage.
    room = max_tokens - 2
    # No character is more than three word pieces: what is this short needs no counting at all.
    fits = 3 * (len(path) + len(whole)) <= room
    if not fits:
        room = max(max_tokens // 3, room - estimate_tokens(path))
        # Most sections fit as a whole, and their blocks need no counting one by one.
        fits = estimate_tokens(whole) <= room
    packed = _PassageBuilder(part.heading)
    number = 1

    def passage() -> Passage:
        return Passage(
            id=f"{section.path}#{section.anchor}/{number}",
            path=section.path,
            headings=section.headings,
            anchor=section.anchor,
            url=section.url,
            text="".join(packed.texts),
            sentences=tuple(packed.sentences),
            lists_resources=lists_resources,
            language=language,
        )

    for block in part.blocks:
        if block.kind == "break":
            packed.token_count = room  # a thematic break is the author's own cut
            continue
        if not block.text.strip():
            continue
        for piece, size in [(block, 1)] if fits else _split_block(block, room):
            if packed.has_body and packed.token_count and packed.token_count + size > room:
                yield passage()
                packed = _PassageBuilder(None)
                number += 1
            packed.add(piece, size)
    yield passage()


class _PassageBuilder:
    """A passage as it fills: items and rows on lines of their own, the rest apart."""

    def __init__(self, heading: Block | None) -> None:
        self.texts: list[str] = []
        self.sentences: list[Sentence] = []
        self.token_count = 0  # tokens, but for the heading's
        self.has_body = False
        self._length = 0
        self._previous = heading
        if heading:
            self.texts.append(heading.text)
            self._length = len(heading.text)
            self.sentences.append(Sentence(0, self._length, "heading", heading.lines))

    def add(self, block: Block, tokens: int) -> None:
        """One more block, of so many tokens."""
        lead = "  " * block.level + block.marker
        if self.texts:
            before = self._previous
            together = before is not None and block.group and block.group == before.group
            lead = ("\n" if together else "\n\n") + lead
        start = self._length + len(lead)
        self.texts += (lead, block.text)
        self._length = start + len(block.text)
        kind = "prose" if block.kind in {"heading", "break"} else block.kind
        for a, b in (
            [(0, len(block.text))] if kind in _UNSPLITTABLE_KINDS else split_sentences(block.text)
        ):
            self.sentences.append(Sentence(start + a, start + b, kind, block.lines))  # type: ignore[arg-type]
        self._previous, self.has_body = block, True
        self.token_count += tokens


def _split_block(block: Block, room: int) -> Iterator[tuple[Block, int]]:
    """A block that fits and its tokens, or its sentences in runs that do.

    Code and rows are never cut.
    """
    text = block.text
    size = estimate_tokens(text)
    if size <= room or block.kind in _UNSPLITTABLE_KINDS:
        yield block, size
        return
    start, end, used, marker = 0, 0, 0, block.marker
    for span_start, span_end in _split_text(text, room):
        size = estimate_tokens(text[span_start:span_end])
        if start < end and used + size > room:
            yield _slice_block(block, text[start:end], marker)
            start, used, marker = span_start, 0, ""
        used += size
        end = span_end
    yield _slice_block(block, text[start:end], marker)


def _slice_block(block: Block, text: str, marker: str) -> tuple[Block, int]:
    return replace(block, text=text, marker=marker), estimate_tokens(text)


def _split_text(text: str, room: int) -> Iterable[tuple[int, int]]:
    """The sentences of a text; one that is far too long between its words."""
    for start, end in split_sentences(text):
        if estimate_tokens(text[start:end]) <= _WORD_SPLIT_FACTOR * room:
            yield start, end
            continue
        begun, used = start, 0
        for word in re.finditer(r"\S{1,100}", text[start:end]):
            used += estimate_tokens(word[0])
            if used > room and start + word.start() > begun:
                yield begun, start + word.start()
                begun, used = start + word.start(), estimate_tokens(word[0])
        yield begun, end


def estimate_tokens(text: str) -> int:
    """About how many word pieces an English encoder makes of a text, rather more than fewer.

    A plain Latin word counts one piece and one more for every five letters beyond the third; a
    number or a mark one; of other scripts every character one, a Hangul syllable two and a half.
    Measured against the default tokenizer: half of English passages within 8 %, 1 in 1,000 over.
    """
    raw = text.encode("ascii", "replace")  # a letter of another script is a mark
    lengths = list(map(len, raw.translate(_LETTERS_ONLY).split()))
    pieces = len(lengths) + sum([(n - 3) // 5 for n in lengths if n > 7])
    pieces += len(raw.translate(_DIGITS_ONLY).split()) + len(raw.translate(None, _NON_MARKS))
    if text.isascii():
        return pieces
    pieces -= len(_FOREIGN_BLANK.findall(text))
    return math.ceil(pieces + 1.5 * len(_HANGUL.findall(text)))
