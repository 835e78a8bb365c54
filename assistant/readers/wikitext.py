"""Convert MediaWiki's wikitext to HTML with the lines of the file.

Headings, lists, tables, code, links and footnotes are converted as a wiki shows them, templates to
the words of their parameters. Categories, redirects and links to other languages are left out.
Every step takes time in proportion to the page.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from assistant.readers.wikitext_templates import (
    NOTES_MARK,
    SOFT_BREAK,
    Expander,
    Wiki,
    make_anchor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_REDIRECT = re.compile(
    r"\s*#(?:REDIRECT|WEITERLEITUNG|REDIRECTION|REDIRECCIÓN|REDIRECIONAMENTO|RINVIA|DOORVERWIJZING)"
    r"\b",
    re.I,
)
_SWITCH = re.compile(r"__[A-Z]{3,24}__")
_LIST = re.compile(r"[*#:;]+")
_QUOTES = re.compile(r"'{2,}")
_WEB_LINK = re.compile(
    r"\[((?:https?:|ftp:|mailto:)?//[^\s\[\]<>\"\x00-\x02]++|mailto:[^\s\[\]<>\"\x00-\x02]++)"
    r"([^\[\]\n]*)\]"
)
_ADDRESS = re.compile(r"\b(?:https?|ftp)://[^\s\[\]<>\"\x00-\x02|]+")
_REFERENCE_MARK = re.compile(r"&(?!(?:[a-zA-Z]\w{1,30}|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_HTML = re.compile(
    r"</?(abbr|b|bdi|bdo|big|blockquote|br|caption|center|cite|code|dd|del|dfn|div|dl|dt|em|font"
    r"|h[1-6]|hr|i|ins|kbd|li|mark|ol|p|q|rb|rp|rt|rtc|ruby|s|samp|small|span|strike|strong|sub|sup"
    r"|table|td|th|time|tr|tt|u|ul|var|wbr)(?=[\s/>])([^<>]*)>",
    re.I,
)
_BLOCK_START = re.compile(
    r"[ \t]*</?(?:blockquote|caption|center|dd|div|dl|dt|h[1-6]|hr|li|ol|p|table|td|th|tr|ul)"
    r"(?=[\s/>])",
    re.I,
)
_KEPT_HTML = re.compile(r"\x00\d+\x00")
_HTML_BLOCK = re.compile(r"</?(?:table|tr|td|pre|p)\b")
_LIST_TAGS = {"*": ("ul", "li"), "#": ("ol", "li"), ":": ("dl", "dd"), ";": ("dl", "dt")}
_MAX_DEPTH = 40  # of lists and tables in each other


def convert_wikitext(
    source: str, *, title: str = "", wiki: Wiki | None = None, anchor: str = "", level: int = 0
) -> tuple[str, str]:
    """Convert a page to HTML with the same lines; return it with the title that it declares.

    `anchor` comes before those of its headings, and `level` is added to theirs, where it is one
    page of many in a file.
    """
    if _REDIRECT.match(source):
        return "\n" * source.count("\n"), ""
    expander = Expander(wiki or Wiki(), title)
    expanded = expander.expand(source)
    converter = _Converter(expander, anchor, level)
    return converter.run(expanded), expander.display_title


def find_redirect(source: str) -> str:
    """Return the title of the page that a page redirects to; empty where it does not."""
    match = _REDIRECT.match(source)
    target = source[match.end() :].partition("[[")[2].partition("]]")[0] if match else ""
    return " ".join(target.partition("|")[0].replace("_", " ").split())


class _Converter:
    """Converts the lines of one page."""

    def __init__(self, expander: Expander, anchor: str, level: int) -> None:
        self._expander = expander
        self._anchor = anchor
        self._level = level
        self._pieces: list[str] = []
        self._list = ""  # the marks of the open lists
        self._in_paragraph = self._in_code = False
        self._tables: list[str] = []  # the end tag of the open cell of each open table
        self._anchors: dict[str, int] = {}

    def run(self, text: str) -> str:
        """Return the page as HTML."""
        for line in text.split("\n"):
            self._convert_line(line.rstrip())
            self._pieces.append("\n")
        self._pieces.pop()
        self._close_text()
        while self._tables:
            self._close_table()
        self._write_notes()
        return self._expander.restore("".join(self._pieces))

    # -- lines ------------------------------------------------------------------------------------

    def _convert_line(self, line: str) -> None:
        line = _SWITCH.sub("", line) if "__" in line else line
        plain = line.replace(SOFT_BREAK, "")
        if not plain.strip():
            self._pieces.append(SOFT_BREAK * line.count(SOFT_BREAK))
            if not line and not (self._in_code and self._list):
                self._close_text()
            return
        if NOTES_MARK in line:
            before, _, after = line.partition(NOTES_MARK)
            self._convert_line(before)
            self._close_text()
            self._write_notes()
            self._convert_line(after.replace(NOTES_MARK, ""))
            return
        lead = line[: len(line) - len(line.lstrip(SOFT_BREAK))]
        if lead:  # a comment or a template above
            self._pieces.append(lead)
            line = line[len(lead) :]
        if not self._convert_block(line):
            self._convert_text(line)

    def _convert_block(self, line: str) -> bool:
        """Convert a line that begins with a mark of its own."""
        marks = _LIST.match(line)
        if marks:
            self._close_paragraph()
            self._convert_item(marks[0], line[marks.end() :])
            return True
        bare = line.strip(f" \t{SOFT_BREAK}")
        if bare.startswith("=") and bare.endswith("=") and len(bare) > 2:
            self._close_text()
            self._convert_heading(bare)
            return True
        if bare.startswith("{|") and len(self._tables) < _MAX_DEPTH:
            self._close_text()
            self._pieces.append("<table>")
            self._tables.append("")
            return True
        if self._tables and bare[0] in "|!":
            self._close_text()
            self._convert_table_line(bare)
            return True
        if line.startswith("----"):
            self._close_text()
            self._pieces.append("<hr>")
            rest = line.lstrip("-")
            if rest.strip():
                self._convert_text(rest)
            return True
        return False

    def _convert_heading(self, line: str) -> None:
        level = min(6, len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")))
        words = line[level:-level].strip() if level else line
        if not words:
            self._convert_text(line)
            return
        html = self._convert_inline(words)
        text = re.sub(r"<[^<>]*>", "", self._expander.restore(html)).replace("\n", " ")
        base = make_anchor(text)
        count = self._anchors[base] = self._anchors.get(base, 0) + 1
        anchor = base if count == 1 else f"{base}_{count}"
        anchor = f"{self._anchor}/{anchor}" if self._anchor else anchor
        level = min(6, max(level, 2 if self._level else 1) + self._level)
        self._pieces.append(f'<h{level} id="{anchor}">{html}</h{level}>')

    def _convert_text(self, line: str) -> None:
        self._close_lists("")
        is_code = line[0] in " \t" and not (self._in_paragraph or self._tables)
        if is_code and not _BLOCK_START.match(line) and not self._begins_block(line):
            if not self._in_code:
                self._pieces.append("<pre>")
                self._in_code = True
            self._pieces.append(self._convert_inline(line[1:]))
            return
        self._close_code()
        if _BLOCK_START.match(line) or self._begins_block(line):
            self._close_paragraph()
        elif not self._in_paragraph:
            self._pieces.append("<p>")
            self._in_paragraph = True
        self._pieces.append(self._convert_inline(line))

    def _begins_block(self, line: str) -> bool:
        """Check whether a line begins with a block that was put aside."""
        match = _KEPT_HTML.match(line.lstrip())
        return bool(match and _HTML_BLOCK.match(self._expander.restore(match[0])))

    def _close_text(self) -> None:
        self._close_lists("")
        self._close_paragraph()

    def _close_paragraph(self) -> None:
        self._close_code()
        if self._in_paragraph:
            self._write_back("</p>")
            self._in_paragraph = False

    def _close_code(self) -> None:
        if self._in_code:
            self._write_back("</pre>")
            self._in_code = False

    def _write_back(self, html: str) -> None:
        """Write HTML at the end of the line before."""
        place = len(self._pieces)
        while place and self._pieces[place - 1] == "\n":
            place -= 1
        self._pieces.insert(place, html)

    def _write_notes(self) -> None:
        notes = [self._expander.expand(note) for note in self._expander.take_notes()]
        if notes:
            items = (f"<li>{self._convert_inline(_flatten(note))}</li>" for note in notes)
            self._pieces.append(f"<ol>{''.join(items)}</ol>")

    # -- lists ------------------------------------------------------------------------------------

    def _convert_item(self, marks: str, words: str) -> None:
        marks = marks[:_MAX_DEPTH]
        is_same = marks.replace(";", ":") == self._list.replace(";", ":")
        if is_same and marks:
            tag = _LIST_TAGS[self._list[-1]][1]
            self._write_back(f"</{tag}>")
            self._list = marks
            self._pieces.append(f"<{_LIST_TAGS[marks[-1]][1]}>")
        else:
            common = 0
            for old, new in zip(self._list, marks, strict=False):
                if old != new and {old, new} != {":", ";"}:
                    break
                common += 1
            shorter = common == len(marks)  # the next item of a list around the last one
            self._close_lists(self._list[:common])
            if shorter and marks:
                old = _LIST_TAGS[self._list[-1]][1]
                self._write_back(f"</{old}>")
                self._list = marks
                self._pieces.append(f"<{_LIST_TAGS[marks[-1]][1]}>")
            for mark in marks[common:]:
                tag, item = _LIST_TAGS[mark]
                self._pieces.append(f"<{tag}><{item}>")
                self._list += mark
        words = words.strip(" \t")
        if marks[-1] == ";" and (split := _split_term(words)):
            term, text = split
            self._pieces.append(
                f"{self._convert_inline(term)}</dt><dd>{self._convert_inline(text)}"
            )
            self._list = f"{self._list[:-1]}:"
        else:
            self._pieces.append(self._convert_inline(words))

    def _close_lists(self, outer: str) -> None:
        """Close the open lists but the outer ones, which have these marks."""
        while len(self._list) > len(outer):
            tag, item = _LIST_TAGS[self._list[-1]]
            self._write_back(f"</{item}></{tag}>")
            self._list = self._list[:-1]

    # -- tables -----------------------------------------------------------------------------------

    def _convert_table_line(self, line: str) -> None:
        if line.startswith("|}"):
            self._close_table()
            rest = line[2:].strip()
            if rest:
                self._convert_text(rest)
        elif line.startswith("|-"):
            self._close_cell()
            self._pieces.append("<tr>")
        elif line.startswith("|+"):
            self._close_cell()
            _, words = _split_cell(line[2:])
            self._pieces.append(f"<caption>{self._convert_inline(words)}")
            self._tables[-1] = "</caption>"
        else:
            tag = "th" if line[0] == "!" else "td"
            cells = line[1:].replace("!!", "||") if tag == "th" else line[1:]
            for cell in cells.split("||"):
                self._close_cell()
                _, words = _split_cell(cell)
                self._pieces.append(f"<{tag}>{self._convert_inline(words)}")
                self._tables[-1] = f"</{tag}>"

    def _close_cell(self) -> None:
        self._write_back(self._tables[-1])
        self._tables[-1] = ""

    def _close_table(self) -> None:
        self._close_cell()
        self._tables.pop()
        self._pieces.append("</table>")

    # -- inline -----------------------------------------------------------------------------------

    def _convert_inline(self, text: str) -> str:
        """Return the text of one line as HTML, with marks for what was put aside."""
        keep = self._expander.keep
        text = _HTML.sub(lambda match: keep(match[0].replace(SOFT_BREAK, " ")), text)
        if "[" in text:
            text = _WEB_LINK.sub(self._convert_web_link, text)
        text = _ADDRESS.sub(self._convert_address, text)
        text = text.replace("<", "&lt;").replace(">", "&gt;")
        text = _REFERENCE_MARK.sub("&amp;", text)
        return "".join(_convert_quotes(text)) if "''" in text else text

    def _convert_web_link(self, match: re.Match[str]) -> str:
        words = match[2].strip()
        url = match[1]
        shown = words or self._expander.keep(escape(url.removeprefix("mailto:"), quote=False))
        keep = self._expander.keep
        return f"{keep(f'<a href={chr(34)}{escape(url)}{chr(34)}>')}{shown}{keep('</a>')}"

    def _convert_address(self, match: re.Match[str]) -> str:
        url = match[0].rstrip(".,;:!?)'")
        keep = self._expander.keep
        return (
            keep(f'<a href="{escape(url)}">{escape(url, quote=False)}</a>') + match[0][len(url) :]
        )


def _convert_quotes(text: str) -> Iterator[str]:
    """Yield a line in pieces, runs of apostrophes as tags; what is open at its end is closed."""
    opened: list[str] = []
    position = 0
    for match in _QUOTES.finditer(text):
        yield text[position : match.start()]
        position = match.end()
        count = len(match[0])
        extra = count - 5 if count > 5 else count == 4
        yield "'" * extra
        count -= extra
        for tag in ("strong", "em") if count == 5 else ("strong",) if count == 3 else ("em",):
            if tag not in opened:
                opened.append(tag)
                yield f"<{tag}>"
                continue
            place = opened.index(tag)
            inner = opened[place + 1 :]
            yield "".join(f"</{each}>" for each in (*reversed(inner), tag))
            yield "".join(f"<{each}>" for each in inner)
            del opened[place]
    yield text[position:]
    yield "".join(f"</{tag}>" for tag in reversed(opened))


def _split_term(words: str) -> tuple[str, str] | None:
    """Split an item into a term and its text; None where it has no text."""
    match = re.search(r":(?!//)(?=\s)|(?<=\s):(?!//)", words)
    if not match:
        return None
    return words[: match.start()].strip(), words[match.end() :].strip()


def _split_cell(cell: str) -> tuple[str, str]:
    """Split a cell into its attributes and its words."""
    attributes, mark, words = cell.partition("|")
    if not mark or "[" in attributes or "\x00" in attributes or not _are_attributes(attributes):
        return "", cell.strip()
    return attributes, words.strip()


def _are_attributes(text: str) -> bool:
    return "=" in text or not text.strip()


def _flatten(text: str) -> str:
    """Return a text on one line, without line breaks."""
    return " ".join(text.replace(SOFT_BREAK, " ").split())
