"""Parse Markdown to the blocks of the published page.

`dialects` first converts the marks of publishing tools to CommonMark, line for line, so that every
block keeps its place in the file. pyromark (bindings of pulldown-cmark) then parses CommonMark with
tables, footnotes and definition lists; attribute lists, roles and inline HTML are handled here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyromark
from pyromark import Options

from assistant.models.documents import Block, Link
from assistant.readers.dialects import ATTRIBUTES, convert_to_commonmark
from assistant.readers.directives import show_name
from assistant.readers.html import parse_html
from assistant.readers.inline import (
    MARKUP_TAGS,
    PieceMarkup,
    collapse_pieces,
    collapse_whitespace,
    join_cells,
    slice_markup,
)
from assistant.readers.mdx import HIDDEN_MARK, LABEL_MARK
from assistant.readers.twoslash import is_twoslash, strip_twoslash
from assistant.text.normalize import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assistant.models.documents import BlockKind, Markup, MarkupKind

POSSIBLE_HEADING_LEVEL = 7
"""The level of an emphasised line of its own, which may be a heading."""

_OPTIONS = (
    Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
    | Options.ENABLE_DEFINITION_LIST
)
_SPAN_ATTRIBUTES = re.compile(rf"^(?:\{{:[^{{}}]*\}}|{ATTRIBUTES})")
# `{#id}`, and Nextra's `[#id]`.
_HEADING_ATTRIBUTES = re.compile(
    r"(?<!\s)\s*\{(?=[:.# ])[^{}]*\}\s*\Z|(?:\A\s+|(?<=\S)\s*)\[#[A-Za-z][\w-]*\]\s*\Z"
)
_ROLE = re.compile(r"\{([A-Za-z][\w:.+-]*)\}\Z")
# The roles whose text is words; that of the others is code.
_TEXT_ROLES = frozenset(
    "abbr abbreviation any cite doc download eq guilabel menuselection numref pep ref rfc sub sup "
    "term subscript superscript title-reference".split()
)
_NUMBER_ROLES = frozenset({"pep", "rfc"})  # a document of the series that the role is named after
_ROLE_TARGET = re.compile(r"^(.*\S)\s*<[^<>]+>$")
_KRAMDOWN = re.compile(r"\{::/?[^{}]*+\}|\{:/[a-z]*\}")
_ID = re.compile(r"#([^\s{}\[\]]+)")
_ANCHOR = re.compile(r"\s(?:id|name)\s*=\s*[\"']?([^\s\"'<>]+)", re.I)
_LINK_ADDRESS = re.compile(r"\s(?:href|src)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+))", re.I)
_ALT = re.compile(r"\salt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.I)
_CODE_TITLE = re.compile(r"\b(?:title|filename)=([\"'])(.*?)\1|(?<=\s)\[([^\[\]]+)\]")
_LINE_MARK = re.compile(
    r"(?<=\S)[ \t]*+(?://|#|--|<!--|/\*)[ \t]*+\[!code\b[\w: ,+-]{0,40}\](?:[ \t]*+(?:-->|\*/))?"
)
# A comment by which Docusaurus marks lines of code is a line that it does not show.
_HIGHLIGHT_LINE = re.compile(
    r"[ \t]*(?://|#|--|%|/\*|<!--|\{/\*)[ \t]*highlight-(?:[a-z]{1,20}-)?(?:next-line|start|end)"
    r"[ \t]*+(?:-->|\*/\}?)?[ \t]*+"
)
# mdBook shows a helper that has a backslash before it, without the backslash.
_ESCAPED_HELPER = re.compile(r"\\(?=\{\{#\w)")
_PARAGRAPH = re.compile(rb"(?:[^\S\n]*+\S[^\n]*+\n)*(?:[^\S\n]*+\S[^\n]*+)?")
_TAG = re.compile(r"</?([A-Za-z][\w-]*)")
_BARE_TAGS = re.compile(r"(?:\s*+</?[A-Za-z][\w.-]*+\s*+/?>)*+\s*+")  # these show nothing
_HIDDEN_TAGS = frozenset("script style template noscript".split())
_BREAKING_TAGS = frozenset("br dd div dl dt hr li ol p ul".split())  # in a cell of a pipe table
_TABLE_RULE = re.compile(r"[-:=+| ]*")
_SENTENCE_ENDINGS = tuple(".!?:;,。！？：…")
_CLOSING_MARKS = tuple(".,;:!?)")
_MAX_HEADING_WORDS = 12  # in an emphasised line that may be a heading
_MARKUP_EVENTS: dict[str, MarkupKind] = {
    "Strong": "strong",
    "Emphasis": "emphasis",
    "Link": "link",
}

Event = tuple[str, Any, int, int]
"""A parser event: name (+ where an element opens, - where it closes), value, start and end byte."""


def parse_events(source: str) -> Iterator[Event]:
    """Yield the parser's events, without the marks of attributes and roles in the text.

    `source` is CommonMark, as `convert_to_commonmark` returns it. The event that closes a heading
    has its level and the anchor of its attributes as its value. A table without a header is one of
    kramdown's, which CommonMark parses as a paragraph.
    """
    events = _parse_commonmark(source)
    return _PipeTables(source).convert(events) if "|" in source else events


class _PipeTables:
    """Turns paragraphs of which every line begins and ends with a bar into tables."""

    def __init__(self, source: str) -> None:
        self._raw = source.encode()
        self._cells: list[list[Event]] = []  # of the current row, also what is outside its bars
        self._open: list[Event] = []  # inline elements
        self._broken: Counter[str] = Counter()  # elements that a bar has closed before their end

    def convert(self, events: Iterable[Event]) -> Iterator[Event]:
        row_start = -1  # the first byte of the current row; -1 outside such a table
        for event in events:
            name, _, start, end = event
            if name == "+Paragraph" and self._is_table(start):
                yield "+Table", None, start, end
                row_start, self._cells = start, [[]]
            elif row_start < 0:
                yield event
            elif name in {"SoftBreak", "HardBreak"}:
                yield from self._close_row(row_start, start)
                row_start, self._cells = end, [[]]
            elif name == "-Paragraph":
                yield from self._close_row(row_start, end)
                yield "-Table", None, start, end
                row_start = -1
            else:
                self._add(event)

    def _is_table(self, start: int) -> bool:
        if self._raw[start : start + 1] != b"|":
            return False
        paragraph = _PARAGRAPH.match(self._raw, start)
        lines = paragraph[0].splitlines() if paragraph else []
        stripped = [line.strip(b" \t>") for line in lines]
        return all(line.startswith(b"|") and line.endswith(b"|") for line in stripped)

    def _add(self, event: Event) -> None:
        name, value, start, end = event
        if name == "Text":
            first, *others = value.split("|")
            self._cells[-1].append((name, first, start, end))
            for text in others:
                self._close_cell()
                self._cells.append([(name, text, start, end)])
            return
        if name[0] == "-" and self._broken[name[1:]]:
            self._broken[name[1:]] -= 1
            return
        if name[0] == "+":
            self._open.append(event)
        elif name[0] == "-":
            self._open.pop()
        self._cells[-1].append(event)

    def _close_cell(self) -> None:
        """Close the elements that are open where a bar ends their cell."""
        while self._open:
            name, _, start, end = self._open.pop()
            self._cells[-1].append((f"-{name[1:]}", None, start, end))
            self._broken[name[1:]] += 1

    def _close_row(self, start: int, end: int) -> Iterator[Event]:
        self._close_cell()
        cells = self._cells[1:-1]
        text = "".join(event[1] for cell in cells for event in cell if event[0] in {"Text", "Code"})
        if _TABLE_RULE.fullmatch(text) and text:
            return
        yield "+TableRow", None, start, end
        for cell in cells:
            yield "+TableCell", None, start, end
            yield from cell
            yield "-TableCell", None, start, end
        yield "-TableRow", None, start, end


def _parse_commonmark(source: str) -> Iterator[Event]:
    text: Event | None = None  # delayed until the next event is known
    previous = ""
    event: Any
    name: str
    value: Any
    for event, span in pyromark.events_with_range(source, options=_OPTIONS, merge_text=True):
        name, value = (event, None) if isinstance(event, str) else event.popitem()
        if name == "Text":
            if "{" in value:
                value = _KRAMDOWN.sub("", value)
                if previous[:1] == "-" or previous == "Code":
                    value = _SPAN_ATTRIBUTES.sub("", value)
            text = (name, value, span["start"], span["end"])
            continue
        if name == "Start":
            name, value = (value, None) if isinstance(value, str) else value.popitem()
            name = "+" + name
        elif name == "End":
            name, value = (value, None) if isinstance(value, str) else value.popitem()
            name = "-" + name
        if name == "-Heading":
            text, value = _strip_heading_attributes(text, value)
        if text:
            if name == "Code" and text[1].endswith("}"):
                text, name, value = _strip_role(text, value)
            yield text
            text = None
        yield name, value, span["start"], span["end"]
        previous = name
    if text:
        yield text


def _strip_heading_attributes(
    text: Event | None, level: str
) -> tuple[Event | None, tuple[int, str]]:
    """Return the last text of a heading without its attributes; its level, and its anchor."""
    attributes = (
        _HEADING_ATTRIBUTES.search(text[1])
        if text and text[1].rstrip().endswith(("}", "]"))
        else None
    )
    if not text or not attributes:
        return text, (int(level[1]), "")
    anchor = _ID.search(attributes[0])
    plain = text[1][: attributes.start()]
    return ("Text", plain, *text[2:]), (int(level[1]), anchor[1] if anchor else "")


def _strip_role(text: Event, value: str) -> tuple[Event, str, str]:
    """Remove a role's name from the text before it, and its hidden target from its own text.

    Returns the text before it, and whether its own is "Code" or "Text".
    """
    role = _ROLE.search(text[1])
    if not role:
        return text, "Code", value
    titled = _ROLE_TARGET.match(value)
    own = role[1].lower().rsplit(":", 1)[-1]
    name = "Text" if own in _TEXT_ROLES else "Code"
    before = ("Text", text[1][: role.start()], *text[2:])
    if not titled and own in _NUMBER_ROLES:
        value = f"{own.upper()} {value}"
    elif not titled:
        value = show_name(own, value)
    return before, name, titled[1] if titled else value


def code_title(block: Any) -> str:
    """Return the title that a code fence's first line declares; empty without one."""
    title = _CODE_TITLE.search(block["Fenced"]) if isinstance(block, dict) else None
    return collapse_whitespace(title[2] or title[3] or "") if title else ""


def clean_code(code: str, *, twoslash: bool = False) -> str:
    """Return the code of a fence as its page shows it, without marks of the publishing tool."""
    # The marker of an admonition inside code is not a label.
    text = _strip_code_marks(code.replace(f"###### {LABEL_MARK}", "").rstrip("\n"))
    return strip_twoslash(text) if twoslash else text


def parse_markdown(source: str) -> list[Block]:
    """Return every block of a page in order, with headings, without markup."""
    return _BlockBuilder(convert_to_commonmark(source)).build()


def parse_mdx(source: str) -> list[Block]:
    """Return every block of a page of MDX: Markdown with components."""
    return _BlockBuilder(convert_to_commonmark(source, mdx=True)).build()


class _InlineRun:
    """A run of inline markup: the text that a reader sees, its links, and its bytes."""

    __slots__ = (
        "anchor", "end", "icons", "links", "markup", "open_markup", "pieces", "start", "strong_end",
    )  # fmt: skip

    def __init__(self, pieces: list[str] | None = None) -> None:
        self.pieces = pieces or []
        self.links: list[Link] = []
        self.icons: list[str] = []
        self.markup: list[PieceMarkup] = []
        # By kind: the address, and the number of pieces before it.
        self.open_markup: dict[MarkupKind, list[tuple[str, int]]] = {}
        self.start = -1
        self.end = 0
        self.strong_end: int | None = None  # how many pieces the strong text at its start has
        self.anchor = ""

    def extend(self, start: int, end: int) -> None:
        """Extend the run by the bytes of an event."""
        if self.start < 0:
            self.start = start
        self.end = end

    def open(self, kind: MarkupKind, address: str = "") -> None:
        """Open markup before the next piece."""
        self.open_markup.setdefault(kind, []).append((address, len(self.pieces)))

    def close(self, kind: MarkupKind) -> None:
        """Close the markup of a kind that was opened last, if any is open."""
        if opened := self.open_markup.get(kind):
            address, start = opened.pop()
            self.markup.append(PieceMarkup(start, len(self.pieces), kind, address))
            if kind == "link":
                words = collapse_whitespace("".join(self.pieces[start:]))
                self.links.append(Link(words, address))

    @property
    def text(self) -> str:
        return collapse_whitespace("".join(self.pieces))

    def collapse(self) -> tuple[str, tuple[Markup, ...]]:
        """Return the text, and where its markup is."""
        return collapse_pieces(self.pieces, self.markup)

    def is_possible_heading(self, text: str) -> bool:
        """Check whether the whole run is strong, short, and no sentence."""
        if not text or self.strong_end != len(self.pieces) or self.links:
            return False
        return len(text.split()) <= _MAX_HEADING_WORDS and not text.endswith(_SENTENCE_ENDINGS)


class LineIndex:
    """Maps the bytes of a text, as UTF-8, to its lines."""

    def __init__(self, source: str) -> None:
        self.raw = source.encode()
        self._line_ends = [match.start() for match in re.finditer(rb"\n", self.raw)]

    def line_at(self, byte: int) -> int:
        """Return the 1-based line of a byte."""
        return bisect_left(self._line_ends, byte) + 1

    def line_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the first and last line of a span of bytes, without trailing white space."""
        while end - 1 > start and self.raw[end - 1] in b" \t\n":
            end -= 1
        first = bisect_left(self._line_ends, start) + 1
        return first, max(first, bisect_left(self._line_ends, end - 1) + 1)


class _BlockBuilder:
    """Builds blocks in one pass over a page's events; tracks the open containers."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._lines = LineIndex(source)
        self._blocks: list[Block] = []
        self._lists: list[tuple[int | None, int]] = []  # next number (None: bullets), group
        self._group_count = 0
        self._marker = ""
        self._quote_depth = 0
        self._run = _InlineRun()
        self._cells: list[_InlineRun] | None = None  # of the current table row
        self._hidden_depth = 0  # how many hidden inline elements are open
        self._image_depth = 0
        self._follows_image = False
        self._pending_anchor = ""  # an id just before, meant for the next heading
        self._verbatim: list[str] | None = None  # the text of the current code or HTML
        self._is_twoslash = False  # whether a compiler's comments are in the current code

    def build(self) -> list[Block]:
        for name, value, start, end in parse_events(self._source):
            if name == "Text":
                self._add_text(value, start, end)
            elif name[0] == "+":
                self._open(name, value, start)
            elif name[0] == "-":
                self._close(name, value, start, end)
            else:
                self._add_leaf(name, value, start, end)
        self._close_run()
        return self._blocks

    # -- inline -----------------------------------------------------------------------------------

    def _add_text(self, value: str, start: int, end: int) -> None:
        if self._verbatim is not None:
            self._verbatim.append(value)
            return
        if self._image_depth or self._hidden_depth:
            return
        pieces = self._run.pieces
        if self._follows_image and pieces and value[:1] in _CLOSING_MARKS:
            pieces[-1] = pieces[-1].rstrip(" ")  # before an icon in a sentence
        self._follows_image = False
        pieces.append(value)
        self._run.extend(start, end)

    def _add_leaf(self, name: str, value: Any, start: int, end: int) -> None:
        match name:
            case "Code" if not self._image_depth:
                self._run.open("code")
                self._run.pieces.append(_ESCAPED_HELPER.sub("", value))
                self._run.close("code")
                self._run.extend(start, end)
            case "SoftBreak" | "HardBreak":
                self._run.pieces.append(" ")
            case "InlineHtml":
                self._add_inline_html(value)
                self._run.extend(start, end)
            case "Html" if self._verbatim is not None:
                self._verbatim.append(value)
            case "Rule":
                self._close_run()
                if not self._lists:  # in an item, such as a card, it parts a title from its text
                    self._append_block("break", "", start, end)
            case _:  # a footnote's number, a task's box
                pass

    def _add_inline_html(self, value: str) -> None:
        match = _TAG.match(value)
        if not match:
            return
        tag, run, closes = match[1].lower(), self._run, value[1] == "/"
        if tag in _HIDDEN_TAGS:
            self._hidden_depth = max(0, self._hidden_depth + (-1 if closes else 1))
        elif tag in _BREAKING_TAGS:
            run.pieces.append(" ")
        elif tag == "img":
            address, alt = _first_group(_LINK_ADDRESS, value), _first_group(_ALT, value)
            run.icons.append(f"{address} {alt}")
            self._follows_image = True
        elif tag == "a" and closes:
            run.close("link")
        elif tag == "a" and (address := _first_group(_LINK_ADDRESS, value)):
            run.open("link", address)
        elif tag in MARKUP_TAGS and closes:
            run.close(MARKUP_TAGS[tag])
        elif tag in MARKUP_TAGS:
            run.open(MARKUP_TAGS[tag])
        if not closes:
            run.anchor = _first_group(_ANCHOR, value) or run.anchor

    # -- opening events ---------------------------------------------------------------------------

    def _open(self, name: str, value: Any, start: int) -> None:
        run = self._run
        match name:
            case "+Strong":
                if not run.pieces and run.strong_end is None:
                    run.strong_end = -1
                run.open("strong")
            case "+Emphasis":
                run.open("emphasis")
            case "+Link":
                run.open("link", value["dest_url"])
            case "+Image":
                run.icons.append(value["dest_url"])
                self._image_depth += 1
            case "+Strikethrough" | "+TableCell":
                pass
            case _:
                self._close_run()
                self._open_container(name, value, start)

    def _open_container(self, name: str, value: Any, start: int) -> None:
        match name:
            case "+BlockQuote":
                self._quote_depth += 1
            case "+List":
                if not self._lists:
                    self._group_count += 1
                self._lists.append((value, self._lists[0][1] if self._lists else self._group_count))
            case "+Item" if self._lists:
                number, group = self._lists[-1]
                self._marker = "- " if number is None else f"{number}. "
                self._lists[-1] = (None if number is None else number + 1, group)
            case "+Table":
                self._group_count += 1
            case "+TableHead" | "+TableRow":
                self._cells = []
            case "+CodeBlock" | "+HtmlBlock":
                self._verbatim = []
                self._is_twoslash = is_twoslash(value)
                if title := code_title(value):
                    self._append_block("prose", title, start, start + 1)

    # -- closing events ---------------------------------------------------------------------------

    def _close(self, name: str, value: Any, start: int, end: int) -> None:
        run = self._run
        match name:
            case "-Strong" | "-Emphasis" | "-Link":
                if name == "-Strong" and run.strong_end == -1:
                    run.strong_end = len(run.pieces)
                run.close(_MARKUP_EVENTS[name[1:]])
            case "-Image":
                self._image_depth -= 1
                self._follows_image = True
                if not self._image_depth:  # images in its alternative text are skipped
                    alt = self._lines.raw[start:end].decode(errors="replace").partition("](")[0]
                    run.icons[-1] += f" {alt.lstrip('![')}"
                run.extend(start, end)
            case "-Strikethrough":
                pass
            case "-TableCell" if self._cells is not None:
                self._cells.append(run)
                self._run = _InlineRun()
            case "-TableHead" | "-TableRow":
                self._close_row("header" if name == "-TableHead" else "row", start, end)
            case "-CodeBlock" | "-HtmlBlock":
                self._close_verbatim(name, start, end)
            case "-Heading":
                self._close_heading(value, start, end)
            case _:
                self._close_run()
                self._close_container(name)

    def _close_container(self, name: str) -> None:
        match name:
            case "-BlockQuote":
                self._quote_depth -= 1
            case "-List" if self._lists:
                self._lists.pop()
                self._marker = ""
            case "-Item":
                self._marker = ""

    def _close_heading(self, level_and_anchor: Any, start: int, end: int) -> None:
        level, anchor = level_and_anchor
        run, self._run = self._run, _InlineRun()
        text, markup = run.collapse()
        if text.startswith(LABEL_MARK):
            label = text[1:].strip()
            first = text.index(label, 1)
            markup = tuple(slice_markup(markup, first, first + len(label)))
            self._append_block("prose", label, start, end, run=run, markup=markup)
            return
        first, last = self._lines.line_span(start, end)
        self._blocks.append(
            Block(
                kind="heading",
                text=text,
                lines=(first, last),
                level=level,
                anchor=anchor or run.anchor or self._pending_anchor,
                links=tuple(run.links),
                markup=markup,
            )
        )
        self._pending_anchor = ""

    def _close_verbatim(self, name: str, start: int, end: int) -> None:
        text, self._verbatim = "".join(self._verbatim or ()), None
        if name == "-CodeBlock":
            text = clean_code(strip_invisible(text), twoslash=self._is_twoslash)
            self._append_block("code", text, start, end)
            return
        first, last = self._lines.line_span(start, end)
        inner = [] if _BARE_TAGS.fullmatch(text) else parse_html(text, first_line=first)
        for block in inner:
            lines = min(block.lines[0], last), min(block.lines[1], last)
            group = block.group + self._group_count if block.group else 0
            self._blocks.append(replace(block, lines=lines, group=group))
        self._group_count += max((block.group for block in inner), default=0)
        is_hidden = (match := _TAG.match(text.lstrip())) and match[1].lower() in _HIDDEN_TAGS
        anchor = "" if is_hidden else _first_group(_ANCHOR, text)
        self._pending_anchor = "" if inner else anchor or self._pending_anchor

    def _close_row(self, kind: BlockKind, start: int, end: int) -> None:
        cells, self._cells = self._cells or [], None
        self._run = _InlineRun()
        text, markup = join_cells(cell.collapse() for cell in cells)
        if not _TABLE_RULE.fullmatch(text):
            self._blocks.append(
                Block(
                    kind=kind,
                    text=text,
                    lines=self._lines.line_span(start, end),
                    group=self._group_count,
                    links=tuple(link for cell in cells for link in cell.links),
                    icons=tuple(icon for cell in cells for icon in cell.icons),
                    markup=markup,
                )
            )

    # -- blocks -----------------------------------------------------------------------------------

    def _close_run(self) -> None:
        """Append the current run as a block of the open container."""
        run = self._run
        if run.start < 0:
            return
        self._run = _InlineRun()
        text, markup = run.collapse()
        self._pending_anchor = "" if text else run.anchor or self._pending_anchor
        if not text and not run.icons:
            return
        kind: BlockKind = "item" if self._lists else "quote" if self._quote_depth else "prose"
        if kind == "prose" and run.is_possible_heading(text):
            lines = self._lines.line_span(run.start, run.end)
            level = POSSIBLE_HEADING_LEVEL
            self._blocks.append(Block("heading", text, lines, level=level, markup=markup))
            return
        self._append_block(kind, text, run.start, run.end, run=run, markup=markup)

    def _append_block(
        self,
        kind: BlockKind,
        text: str,
        start: int,
        end: int,
        *,
        run: _InlineRun | None = None,
        markup: tuple[Markup, ...] = (),
    ) -> None:
        marker, self._marker = self._marker, ""
        self._blocks.append(
            Block(
                kind=kind,
                text=text,
                lines=self._lines.line_span(start, end),
                level=max(0, len(self._lists) - 1),
                marker=marker,
                group=self._lists[-1][1] if self._lists else 0,
                links=tuple(run.links) if run else (),
                icons=tuple(run.icons) if run else (),
                markup=markup,
            )
        )


def _strip_code_marks(code: str) -> str:
    """Leave out lines that are hidden, and the comments by which VitePress marks lines."""
    if HIDDEN_MARK in code:
        shown = (line for line in code.split("\n") if HIDDEN_MARK not in line)
        code = "\n".join(shown).lstrip("\n")
    if "highlight-" in code:
        code = "\n".join(line for line in code.split("\n") if not _HIGHLIGHT_LINE.fullmatch(line))
    code = _ESCAPED_HELPER.sub("", code) if "\\{{#" in code else code
    return _LINE_MARK.sub("", code) if "[!code" in code else code


def _first_group(pattern: re.Pattern[str], tag: str) -> str:
    """Return the first group of a pattern that matched; empty without one."""
    match = pattern.search(tag)
    return next(filter(None, match.groups()), "") if match else ""
