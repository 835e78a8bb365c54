"""Split a page's blocks at its headings, and leave out its navigation."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.guide.publishers import assign_anchors, slugify
from assistant.models.documents import Section
from assistant.readers.markdown import POSSIBLE_HEADING_LEVEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.guide.publishers import Publisher, Slugs
    from assistant.models.documents import Block, Page

# A heading of Markdown, AsciiDoc or HTML.
_HEADING_IN_CODE = re.compile(
    r"^[ \t]*[#=]{1,6}[ \t]++(\S[^\n]*+)|<h[1-6][^<>]*>([^<>\n]++)</h", re.M
)

MAX_HEADING_CHARS = 1_000
"""The longest heading in 20 real guides has some 200 characters."""

# Hyphens that a publisher makes a dash of, which is in no anchor.
_DASHES: dict[Publisher, re.Pattern[str]] = {
    **dict.fromkeys(("mdbook", "hugo", "jekyll"), re.compile(r"-{2,3}")),
    "starlight": re.compile(r"(?<!-)--(?!-)"),
}
_WRITTEN_ID = re.compile(r"(?<![\w-])id=[\"']?([^\s\"'{}]+)")
_TAG_OR_MARK = re.compile(r"<[^<>]*>|[*`]")
_EMOJI = re.compile(r":[a-z0-9_+-]+:|\S(?:\ufe0f|\u200d\S)+")


_MIN_SENTENCE_WORDS = 5  # "On this page:" names a table of contents


@dataclass(frozen=True, slots=True)
class SectionBlocks:
    """A heading and the blocks under it, before they become a section and passages.

    `published_anchor` is that of the published page; empty where it has none.
    """

    headings: tuple[str, ...]
    anchor: str
    heading: Block | None
    blocks: tuple[Block, ...]
    lines: tuple[int, int]
    published_anchor: str = ""

    def to_section(self, page: Page) -> Section:
        """Make the section of a page."""
        url = page.url
        if anchor := self.published_anchor:
            is_plain = anchor.isascii() and anchor.replace("-", "").isalnum()
            url = f"{url}#{anchor if is_plain else quote(anchor)}"
        return Section(page.path, self.headings, self.anchor, url, self.lines)


def split_sections(
    blocks: Sequence[Block], title: str, *, publisher: Publisher, slugs: Slugs = "", source: str
) -> list[SectionBlocks]:
    """Split a page's blocks at its headings; leave out a table of contents and its heading.

    Emphasised lines are headings on a page that has no other headings below its title. `source` is
    the text of the page, to whose lines those of the blocks lead.
    """
    resolved = _resolve_possible_headings(blocks)
    return list(_iter_sections(resolved, title, publisher=publisher, slugs=slugs, source=source))


def demote_long_headings(blocks: Sequence[Block]) -> list[Block]:
    """Turn overlong headings into prose: each would be in the path of every passage below it."""
    return [
        replace(block, kind="prose", level=0)
        if block.kind == "heading" and len(block.text) > MAX_HEADING_CHARS
        else block
        for block in blocks
    ]


def _find_example_headings(blocks: Sequence[Block]) -> set[int]:
    """Return the numbers of the headings of examples: right below code that has them as its marks.

    The first stands between the code and no other text, and each that follows is in it too.
    """
    numbers: set[int] = set()
    shown: set[str] = set()  # the headings of the code above
    code = ""
    for number, block in enumerate(blocks):
        if block.kind == "heading":
            if code:
                marks = _HEADING_IN_CODE.findall(code)
                shown = {marked.strip(" \t#=") or html for marked, html in marks}
            if block.text in shown:
                shown.remove(block.text)
                numbers.add(number)
            else:
                shown = set()
        code = block.text if block.kind == "code" else ""
    return numbers


def _resolve_possible_headings(blocks: Sequence[Block]) -> list[Block]:
    """Turn emphasised lines into prose where the page has real headings below its title."""
    levels = [
        block.level
        for block in blocks
        if block.kind == "heading" and block.level < POSSIBLE_HEADING_LEVEL
    ]
    has_headings = len(levels) > 1 or bool(levels and levels[0] > 1)
    return [
        replace(block, kind="prose", level=0)
        if block.kind == "heading" and block.level == POSSIBLE_HEADING_LEVEL and has_headings
        else block
        for block in blocks
    ]


def _iter_sections(
    blocks: list[Block], title: str, *, publisher: Publisher, slugs: Slugs, source: str
) -> Iterator[SectionBlocks]:
    last_line = max(1, source.count("\n") + (not source.endswith("\n")))
    headings = [number for number, block in enumerate(blocks) if block.kind == "heading"]
    lines = source.split("\n") if headings else []
    named = [
        (
            _restore_heading(blocks[number], publisher, lines),
            blocks[number].anchor or _find_written_id(blocks[number], lines),
        )
        for number in headings
    ]
    anchored = zip(headings, assign_anchors(named, publisher, slugs), strict=True)
    examples = _find_example_headings(blocks)
    starts = [
        (number, anchor)
        for number, anchor in anchored
        if blocks[number].text and number not in examples
    ]
    blocks = [
        replace(block, kind="prose", level=0) if number in examples else block
        for number, block in enumerate(blocks)
    ]
    ends = [*(number for number, _ in starts), len(blocks)]
    content = _drop_navigation(blocks[: ends[0]])
    if content:
        last = blocks[ends[0]].lines[0] - 1 if starts else last_line
        yield SectionBlocks(
            (title,), "", None, tuple(content), (1, max(last, content[-1].lines[1]))
        )
    path: list[tuple[int, str]] = []
    for (start, anchor), end in zip(starts, ends[1:], strict=True):
        heading = blocks[start]
        while path and path[-1][0] >= heading.level:
            path.pop()
        path.append((heading.level, heading.text))
        content = _drop_navigation(blocks[start + 1 : end])
        if content is None:
            continue
        last = blocks[end].lines[0] - 1 if end < len(blocks) else last_line
        # In HTML the next heading may be on the line where this section's text ends.
        text_ends = max(block.lines[1] for block in (heading, *content[-1:]))
        names = [name for _, name in path]
        starts_with_title = names[0].casefold() == title.casefold()
        yield SectionBlocks(
            headings=tuple(names) if starts_with_title else (title, *names),
            anchor=anchor,
            heading=heading,
            blocks=tuple(content),
            lines=(min(block.lines[0] for block in (heading, *content[:1])), max(last, text_ends)),
            published_anchor=_publish_anchor(anchor, heading, publisher),
        )


def _publish_anchor(anchor: str, heading: Block, publisher: Publisher) -> str:
    """Return the anchor of a heading on the published page; empty for an emphasised line."""
    if heading.level >= POSSIBLE_HEADING_LEVEL:
        return ""
    # Sphinx makes an id of a label, which MyST may write with any sign.
    return (slugify(anchor, "sphinx") or anchor) if publisher == "sphinx" else anchor


def _restore_heading(heading: Block, publisher: Publisher, lines: Sequence[str]) -> str:
    """Return the text of a heading as its publisher has it, where readers of the guide see another.

    Anchors have the names of emojis (`:tada:`) and invisible parts of emojis; some tools make one
    character of two hyphens.
    """
    text = heading.text
    if publisher in _DASHES and "--" in text:
        text = _join_hyphens(heading, _DASHES[publisher])
    raw = "\n".join(lines[heading.lines[0] - 1 : heading.lines[1]])
    if "</" in raw:
        text = _join_words(text, raw)
    if text.isascii():
        return text
    start = 0
    for written in _EMOJI.findall(raw):
        shown = _show_emoji(written)
        at = text.find(shown, start) if shown != written else -1
        if at >= 0:
            is_dropped = publisher in {"mkdocs", "vitepress"} and written.startswith(":")
            mark = "" if is_dropped else written
            text = f"{text[:at]}{mark}{text[at + len(shown) :]}"
            start = at + len(mark)
    return " ".join(text.split())


def _find_written_id(heading: Block, lines: Sequence[str]) -> str:
    """Return the id in the attributes at the end of a heading: `{ id="x" }`; empty without one."""
    line = lines[heading.lines[0] - 1].rstrip() if heading.lines[0] <= len(lines) else ""
    attributes = line.rpartition("{")[2] if line.endswith("}") else ""
    written = _WRITTEN_ID.search(attributes)
    return written[1] if written else ""


def _join_words(text: str, raw: str) -> str:
    """Return a text without spaces that readers put where only a tag ends a word."""
    written = set(_TAG_OR_MARK.sub("", raw).split())
    words: list[str] = []
    for word in text.split():
        if words and words[-1] + word in written:
            words[-1] += word
        else:
            words.append(word)
    return " ".join(words)


def _join_hyphens(heading: Block, hyphens: re.Pattern[str]) -> str:
    """Return the text of a heading with dashes for pairs of hyphens that are not in code."""
    pieces: list[str] = []
    start = 0
    for mark in sorted(mark for mark in heading.markup if mark.kind == "code"):
        pieces += [hyphens.sub("\u2013", heading.text[start : mark.start])]
        pieces += [heading.text[mark.start : mark.end]]
        start = mark.end
    return "".join([*pieces, hyphens.sub("\u2013", heading.text[start:])])


def _show_emoji(written: str) -> str:
    """Return an emoji as a page shows it, without its invisible parts."""
    if not written.startswith(":"):
        return written.replace("\ufe0f", "").replace("\u200d", "")
    import emoji

    shown = str(emoji.emojize(written, language="alias"))
    return shown.replace("\ufe0f", "").replace("\u200d", "")


def _drop_navigation(blocks: list[Block]) -> list[Block] | None:
    """Return the content of the blocks under a heading; None where all of them are navigation."""
    if not blocks:
        return blocks
    # A block without text may contain a video, which is recommended though it is not quoted.
    blocks = [
        block for block in blocks if block.kind == "break" or block.text.strip() or block.links
    ]
    content = _drop_contents_lists(blocks)
    if any(block.kind != "break" for block in content):
        return content
    return None if len(content) < len(blocks) else []


def _drop_contents_lists(blocks: list[Block]) -> list[Block]:
    """Drop lists that contain only links to sections of the page itself.

    One that ends a sentence is text: "There are four ways to do it:".
    """
    is_contents: dict[int, bool] = {}  # by the group of a list
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.kind == "item" and is_contents.get(block.group, True):
            first = block.links[0] if block.links else None
            ends_sentence = (
                before is not None
                and before.kind == "prose"
                and before.text.endswith(":")
                and len(before.text.split()) >= _MIN_SENTENCE_WORDS
            )
            is_contents[block.group] = (
                first is not None
                and first.title == block.text
                and first.url.startswith("#")
                and not ends_sentence
            )
    if not any(is_contents.values()):
        return blocks
    return [block for block in blocks if block.kind != "item" or not is_contents[block.group]]
