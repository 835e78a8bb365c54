"""Convert Org to HTML with the lines of the file.

Headings, lists, tables, blocks, links and footnotes are converted as Org's own export shows them.
What is not exported, such as comments, properties and tags, is left out. Every step takes time in
proportion to the page.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from assistant.readers.dialects import WIKI_SCHEME
from assistant.readers.org_inline import Inline

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADING = re.compile(r"(\*+)[ \t]+(\S.*)")
_HEADING_START = re.compile(r"\*+[ \t]")
_TAGS = re.compile(r":(?:[\w@#%]+:)+")
_PRIORITY = re.compile(r"\[#[A-Za-z0-9]{1,2}\][ \t]*")
_KEYWORD = re.compile(r"[ \t]*#\+(\w[\w-]*)(?:\[[^\[\]]*\])?:[ \t]*(.*)")
_BEGIN = re.compile(r"[ \t]*#\+begin_(\S+)(.*)", re.I)
_END = re.compile(r"[ \t]*#\+end_(\S+)[ \t]*$", re.I)
_DRAWER = re.compile(r"[ \t]*:([\w-]+):[ \t]*$")
_PROPERTY = re.compile(r"[ \t]*:([\w-]+):[ \t]+(\S.*)")
_ITEM = re.compile(r"([ \t]*)([-+]|(?<=[ \t])\*|\d{1,9}[.)])(?:[ \t]+(\S.*)|$)")
_CHECKBOX = re.compile(r"\[[ xX-]\](?:[ \t]+|$)")
_COUNTER = re.compile(r"\[@(\d{1,9})\][ \t]*")
_FIXED = re.compile(r"[ \t]*:(?:[ \t](.*))?$")
_RULE = re.compile(r"[ \t]*-{5,}[ \t]*$")
_COMMENT = re.compile(r"[ \t]*#(?:[ \t]|$)")
_PLANNING = re.compile(r"[ \t]*(?:SCHEDULED|DEADLINE|CLOSED):[ \t]*[<\[]")
_CLOCK = re.compile(r"[ \t]*CLOCK:[ \t]*[\[=]")
_FOOTNOTE = re.compile(r"\[fn:([\w-]{1,60})\][ \t]*(.*)")
_ENVIRONMENT = re.compile(r"[ \t]*\\begin\{(\w+\*?)\}")
_WIDTH_ROW = re.compile(r"(?:/|<[lrc]?\d{0,4}>?|>)?")  # a cell that sets widths and groups
_LINK_KEYWORD = re.compile(r"(\S+)[ \t]+(\S+)")
_MACRO_KEYWORD = re.compile(r"([a-zA-Z][\w-]*)[ \t]+(.*)")
_NO_RESULT = re.compile(r":exports[ \t]+(?:none|results)\b", re.I)
_TODO_MARKS = re.compile(r"\([^()]*\)")
_SHOWN_KEYWORDS = frozenset({"author", "date", "subtitle"})
_VERBATIM = frozenset({"comment", "example", "export", "src"})
_HIDDEN_DRAWERS = frozenset({"logbook", "properties"})
_HIDDEN_TAGS = frozenset({"archive", "noexport"})
_MAX_DEPTH = 40  # of lists and blocks in each other
_TAB_WIDTH = 8


@dataclass
class _List:
    """An open list: its tag, how far its items are indented, and the tag that closes an item."""

    tag: str
    indent: int
    close_item: str = ""


def convert_org(source: str) -> tuple[str, str, list[tuple[int, str]]]:
    """Convert a page to HTML, each block on its line.

    Return it with the language that it declares, and with warnings (line, message).
    """
    converter = _Converter([line.rstrip() for line in source.replace("\0", "").split("\n")])
    converter.run()
    return "\n".join(converter.output), converter.language, converter.warnings


class _Converter:
    """Converts the lines of one page."""

    def __init__(self, lines: list[str]) -> None:
        self.output = [""] * len(lines)
        self.language = ""
        self.warnings: list[tuple[int, str]] = []
        self._lines = lines
        self._position = 0
        self._inline = Inline(budget=4 * sum(map(len, lines)) + 100_000)
        self._todo_keywords = {"DONE", "TODO"}
        self._hidden_tags = set(_HIDDEN_TAGS)
        self._title = ""
        self._headings: list[int] = []  # their positions
        self._ends: dict[str, list[int]] = defaultdict(list)  # by name: the ends of blocks
        self._anchors: dict[int, str] = {}  # by the position of a heading
        self._lists: list[_List] = []
        self._blocks: list[tuple[str, str, list[_List]]] = []  # name, end tag, lists around it
        self._blank_count = 0
        self._find_headings()
        self._read_keywords()
        self._find_targets()

    def run(self) -> None:
        """Convert all lines."""
        while self._position < len(self._lines):
            self._convert_next()
        self._close_all()

    # -- what is known before the first line ------------------------------------------------------

    def _find_headings(self) -> None:
        for position, line in enumerate(self._lines):
            if line.startswith("*"):
                if _HEADING_START.match(line):
                    self._headings.append(position)
            elif ":" in line and line.strip().lower() == ":end:":
                self._ends[":"].append(position)
            elif "#+" in line and (end := _END.match(line)):
                self._ends[end[1].lower()].append(position)
            elif "\\end{" in line:
                name = line.partition("\\end{")[2].partition("}")[0]
                self._ends[f"\\{name}"].append(position)

    def _read_keywords(self) -> None:
        title: list[str] = []
        macros = self._inline.macros
        for line in self._lines:
            keyword = _KEYWORD.match(line) if "#+" in line else None
            if not keyword:
                continue
            value = keyword[2].strip()
            match keyword[1].lower():
                case "title" if value:
                    title.append(value)
                case "todo" | "seq_todo" | "typ_todo":
                    self._todo_keywords |= set(_TODO_MARKS.sub("", value).split()) - {"|"}
                case "exclude_tags":
                    self._hidden_tags |= set(value.lower().split())
                case "language":
                    self.language = value.lower()
                case "link" if pair := _LINK_KEYWORD.match(value):
                    self._inline.abbreviations[pair[1]] = pair[2]
                case "macro" if pair := _MACRO_KEYWORD.match(value):
                    macros[pair[1].lower()] = pair[2]
                case "author" | "date" | "email" as name:
                    macros.setdefault(name, value)
                case _:
                    pass
        self._title = " ".join(title)
        macros.setdefault("title", self._title)

    def _find_targets(self) -> None:
        """Find what links inside the page may name: headings, ids and targets."""
        targets = self._inline.targets
        for position, following in pairwise([*self._headings, len(self._lines)]):
            match = _HEADING.match(self._lines[position])
            title = self._read_heading(match[2])[0] if match else ""
            names = []
            for line in self._lines[position + 1 : min(following, position + 30)]:
                own = _PROPERTY.match(line)
                if own and own[1].upper() == "CUSTOM_ID":
                    self._anchors[position] = own[2].strip()
                elif own and own[1].upper() == "ID":
                    names.append(f"id:{own[2].strip()}")
                elif line.strip().upper() == ":END:":
                    break
            anchor = self._anchors.get(position, "")
            address = f"#{anchor}" if anchor else f"{WIKI_SCHEME}#{title}"
            for name in (*names, f"*{title}", title):
                targets.setdefault(" ".join(name.casefold().split()), address)
        for line in self._lines:
            if "<<" in line:
                for name in re.findall(r"(?<!<)<<([^<>]{1,200})>>(?!>)", line):
                    targets[" ".join(name.casefold().split())] = f"#{name}"

    def _read_heading(self, words: str) -> tuple[str, set[str], bool]:
        """Return a heading's title, its tags, and whether it is a comment."""
        *before, last = words.rsplit(None, 1)
        tags = set(last.lower().strip(":").split(":")) if _TAGS.fullmatch(last) else set()
        title = "".join(before) if tags else words
        first, _, rest = title.partition(" ")
        if first in self._todo_keywords:
            title = rest.strip()
        title = _PRIORITY.sub("", title, count=1) if title.startswith("[#") else title
        is_comment = title.split(" ", 1)[0] == "COMMENT"
        return title, tags, is_comment

    def _next_end(self, name: str) -> int | None:
        """Return where the block that begins here ends: before the next heading, or nowhere."""
        ends = self._ends.get(name, [])
        place = bisect_right(ends, self._position)
        if place == len(ends):
            return None
        heading = bisect_right(self._headings, self._position)
        is_cut = heading < len(self._headings) and self._headings[heading] < ends[place]
        return None if is_cut else ends[place]

    # -- output -----------------------------------------------------------------------------------

    def _write(self, html: str, position: int | None = None) -> None:
        """Write HTML at the end of what is written for a line, the current one by default."""
        place = self._position if position is None else position
        self.output[min(place, len(self._lines) - 1)] += html

    def _write_inline(self, lines: Sequence[tuple[int, str]], start: str, end: str) -> None:
        """Write lines as running text, each in its place."""
        html = self._inline.convert("\n".join(text for _, text in lines)).split("\n")
        self._write(start, lines[0][0])
        for (position, _), text in zip(lines, html, strict=False):
            self._write(text, position)
        self._write(end, lines[-1][0])

    def _write_verbatim(self, lines: Sequence[tuple[int, str]]) -> None:
        """Write lines as they are, without what they all are indented by."""
        while lines and not lines[-1][1]:
            lines = lines[:-1]
        indent = min((len(text) - len(text.lstrip()) for _, text in lines if text), default=0)
        for number, (position, text) in enumerate(lines):
            start = "<pre>" if not number else ""
            end = "</pre>" if number == len(lines) - 1 else ""
            self._write(f"{start}{escape(text[indent:], quote=False)}{end}", position)

    # -- lines ------------------------------------------------------------------------------------

    def _convert_next(self) -> None:
        line = self._lines[self._position]
        if not line:
            self._blank_count += 1
            self._position += 1
            return
        if line[0] == "*" and _HEADING_START.match(line):
            self._convert_heading(line)
            self._blank_count = 0
            return
        if self._blank_count > 1:
            self._close_lists(0)
        item = _ITEM.match(line)
        if not (item and not _RULE.match(line)):
            self._leave_lists(_indent(line))
        self._blank_count = 0
        if not self._convert_special(line):
            if item:
                self._convert_item(item)
            else:
                self._convert_paragraph()

    def _convert_special(self, line: str) -> bool:
        """Convert a line that begins with a mark of its own, and step over it."""
        plain = line.lstrip()
        if plain[0] == "#":
            return self._convert_hash(line)
        if plain[0] == ":":
            return self._convert_colon(line)
        if plain[0] == "|" or plain.startswith("+-"):
            self._convert_table()
            return True
        if plain[0] == "\\" and (environment := _ENVIRONMENT.match(line)):
            end = self._next_end(f"\\{environment[1]}")
            if end is not None:
                self._write_verbatim([*self._numbered(self._position, end + 1)])
                self._position = end + 1
                return True
        if _RULE.match(line):
            self._write("<hr>")
        elif _CLOCK.match(line):
            pass
        elif line[0] == "[" and (note := _FOOTNOTE.match(line)):
            self._close_lists(0)
            self._convert_text(note[2], "<p>", "</p>")
            return True
        else:
            return False
        self._position += 1
        return True

    def _numbered(self, start: int, end: int) -> list[tuple[int, str]]:
        return list(enumerate(self._lines[start:end], start))

    def _convert_heading(self, line: str) -> None:
        self._close_all()
        match = _HEADING.match(line)
        stars = len(line) - len(line.lstrip("*"))
        title, tags, is_comment = self._read_heading(match[2]) if match else ("", set(), False)
        if is_comment or not tags.isdisjoint(self._hidden_tags):
            self._skip_subtree(stars)
            return
        level = min(6, stars + 1)
        anchor = self._anchors.get(self._position, "")
        named = f' id="{escape(anchor)}"' if anchor else ""
        if title:
            self._write(f"<h{level}{named}>{self._inline.convert(title)}</h{level}>")
        self._position += 1
        if self._position < len(self._lines) and _PLANNING.match(self._lines[self._position]):
            self._position += 1

    def _skip_subtree(self, stars: int) -> None:
        """Step over a heading and all that is below it."""
        place = bisect_right(self._headings, self._position)
        for position in self._headings[place:]:
            line = self._lines[position]
            if len(line) - len(line.lstrip("*")) <= stars:
                self._position = position
                return
        self._position = len(self._lines)

    def _convert_hash(self, line: str) -> bool:
        """Convert a comment, a keyword, or the start or end of a block."""
        if begin := _BEGIN.match(line):
            self._convert_block(begin[1].lower(), begin[2])
        elif end := _END.match(line):
            self._close_block(end[1].lower())
        elif keyword := _KEYWORD.match(line):
            self._convert_keyword(keyword[1].lower(), keyword[2].strip())
        elif not _COMMENT.match(line):
            return False
        self._position += 1
        return True

    def _convert_keyword(self, name: str, value: str) -> None:
        match name:
            case "title" if self._title:
                self._write(f"<h1>{self._inline.convert(self._title)}</h1>")
                self._title = ""
            case "caption" if value:
                self._write(f"<p>{self._inline.convert(value)}</p>")
            case "html":
                self._write(value)
            case "include":
                path = value.strip('"').partition('"')[0]
                if not path.partition("::")[0].lower().endswith(".org"):
                    message = f"The included file {path[:80]} is not read."
                    self.warnings.append((self._position + 1, message))
            case _ if name in _SHOWN_KEYWORDS and value:
                self._write(f"<p>{self._inline.convert(value)}</p>")
            case _:
                pass

    def _convert_colon(self, line: str) -> bool:
        """Convert a drawer, or lines of fixed width."""
        if drawer := _DRAWER.match(line):
            end = self._next_end(":")
            if drawer[1].lower() == "end":
                self._position += 1
                return True
            if end is None:
                return False
            self._position = end + 1 if drawer[1].lower() in _HIDDEN_DRAWERS else self._position + 1
            return True
        if not _FIXED.match(line):
            return False
        lines = []
        while self._position < len(self._lines):
            fixed = _FIXED.match(self._lines[self._position])
            if not fixed:
                break
            lines.append((self._position, fixed[1] or ""))
            self._position += 1
        self._write_verbatim(lines)
        return True

    # -- blocks -----------------------------------------------------------------------------------

    def _convert_block(self, name: str, parameters: str) -> None:
        """Convert a block without markup, or open one with blocks in it."""
        end = self._next_end(name)
        if end is None:
            return
        if name not in _VERBATIM:
            if len(self._blocks) < _MAX_DEPTH:
                tag = "blockquote" if name in {"quote", "verse"} else "div"
                self._write(f"<{tag}>")
                self._blocks.append((name, f"</{tag}>", self._lists))
                self._lists = []
            return
        lines = self._numbered(self._position + 1, end)
        if name == "export":
            if parameters.strip().lower() == "html":
                for position, text in lines:
                    self._write(text, position)
        elif name != "comment" and not _NO_RESULT.search(parameters):
            self._write_verbatim([(position, _strip_comma(text)) for position, text in lines])
        self._position = end

    def _close_block(self, name: str) -> None:
        if not any(opened == name for opened, _, _ in self._blocks):
            return
        is_open = True
        while is_open:
            opened, end, lists = self._blocks.pop()
            self._close_lists(0)
            self._write(end)
            self._lists = lists
            is_open = opened != name

    def _close_all(self) -> None:
        self._close_lists(0)
        while self._blocks:
            self._close_block(self._blocks[-1][0])
            self._close_lists(0)

    # -- lists and paragraphs ---------------------------------------------------------------------

    def _leave_lists(self, indent: int) -> None:
        """Close the lists whose items are indented as far as a line, or farther."""
        count = len(self._lists)
        while count and self._lists[count - 1].indent >= indent:
            count -= 1
        self._close_lists(count)

    def _close_lists(self, count: int) -> None:
        """Close the open lists down to a number of them, at the end of the line before."""
        while len(self._lists) > count:
            closed = self._lists.pop()
            self._write(f"{closed.close_item}</{closed.tag}>", max(0, self._position - 1))

    def _convert_item(self, item: re.Match[str]) -> None:
        words, bullet = item[3] or "", item[2]
        indent = _indent(item[1] + "x")
        counter = _COUNTER.match(words)
        words = words[counter.end() :] if counter else words
        words = _CHECKBOX.sub("", words, count=1) if words.startswith("[") else words
        term, mark, text = words.partition(" ::")
        is_term = bool(mark) and (not text or text[0] in " \t") and bullet[0] in "-+*"
        self._leave_lists(indent + 1)
        tag = "dl" if is_term else "ol" if bullet[0].isdigit() else "ul"
        if self._lists and self._lists[-1].indent == indent and self._lists[-1].tag != tag:
            self._close_lists(len(self._lists) - 1)
        if self._lists and (self._lists[-1].indent == indent or len(self._lists) >= _MAX_DEPTH):
            self._write(self._lists[-1].close_item)
        else:
            self._write(f"<{tag}>")
            self._lists.append(_List(tag, indent))
        if is_term:
            self._write(f"<dt>{self._inline.convert(term)}</dt><dd>")
            self._lists[-1].close_item = "</dd>"
            words = text.strip()
        else:
            self._write(f'<li value="{counter[1]}">' if counter else "<li>")
            self._lists[-1].close_item = "</li>"
        if words:
            self._convert_text(words, "", "")
        else:
            self._position += 1

    def _convert_paragraph(self) -> None:
        self._convert_text(self._lines[self._position], "<p>", "</p>")

    def _convert_text(self, first: str, start: str, end: str) -> None:
        """Convert a paragraph whose first line is given, and step over it."""
        lines = [(self._position, first)]
        self._position += 1
        indent = self._lists[-1].indent if self._lists else -1
        while self._position < len(self._lines):
            line = self._lines[self._position]
            if not line or _indent(line) <= indent or self._begins_block(line):
                break
            lines.append((self._position, line.strip()))
            self._position += 1
        if any(name == "verse" for name, _, _ in self._blocks):
            lines = [(position, f"{text} \\\\") for position, text in lines]
        self._write_inline(lines, start, end)

    def _begins_block(self, line: str) -> bool:
        plain = line.lstrip()
        if plain[0] in "|#:" or plain.startswith(("+-", "\\begin{")):
            is_text = plain[0] == ":" and not (_FIXED.match(line) or _DRAWER.match(line))
            is_tag = plain[0] == "#" and not (_COMMENT.match(line) or plain.startswith("#+"))
            return not (is_text or is_tag)
        if line[0] == "[" and _FOOTNOTE.match(line):
            return True
        if line[0] == "*" and _HEADING_START.match(line):
            return True
        return bool(_ITEM.match(line) or _RULE.match(line) or _CLOCK.match(line))

    # -- tables -----------------------------------------------------------------------------------

    def _convert_table(self) -> None:
        rows: list[tuple[int, list[str]]] = []
        header_count = 0
        first = self._position
        while self._position < len(self._lines):
            line = self._lines[self._position].strip()
            if not line.startswith(("|", "+-")):
                break
            if line.startswith(("|-", "+-")):
                header_count = header_count or len(rows)
            else:
                cells = line.removeprefix("|").removesuffix("|").split("|")
                cells = [cell.strip() for cell in cells]
                if not all(_WIDTH_ROW.fullmatch(cell) for cell in cells) or not any(cells):
                    rows.append((self._position, cells))
            self._position += 1
        if header_count == len(rows):  # a rule below the last row is none of a header
            header_count = 0
        self._write("<table>", first)
        for number, (position, cells) in enumerate(rows):
            tag = "th" if number < header_count else "td"
            html = (f"<{tag}>{self._inline.convert(cell)}</{tag}>" for cell in cells)
            self._write(f"<tr>{''.join(html)}</tr>", position)
        self._write("</table>", self._position - 1)


def _indent(line: str) -> int:
    """Return how far a line is indented."""
    if line[0] not in " \t":
        return 0
    expanded = line[: len(line) - len(line.lstrip())].expandtabs(_TAB_WIDTH)
    return len(expanded)


def _strip_comma(line: str) -> str:
    """Return a line of code without the comma that keeps it from being a heading."""
    plain = line.lstrip()
    if plain.startswith((",*", ",#+", ",,")):
        return line.replace(",", "", 1)
    return line
