"""Convert AsciiDoc to HTML with the lines of the file.

Headings, paragraphs, lists, tables, code, quotes, admonitions, conditions and attributes are
converted as Asciidoctor does. No other file is read: an included file of the guide is a page of its
own. Every step takes time in proportion to the page.
"""

from __future__ import annotations

import csv
import itertools
import re
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from assistant.readers.asciidoc_inline import Inline
from assistant.readers.asciidoc_tables import MAX_COLUMNS, TableWriter, read_columns, split_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)")
_UNDERLINES = "=-~^+"  # of headings of two lines, by level
_ENTRY = re.compile(r":(!?)(\w[\w-]*)(!?):(?:[ \t]+(\S.*))?$")
_CONDITION = re.compile(r"(ifdef|ifndef|ifeval|endif)::([\w,+-]*)\[(.*)\][ \t]*$")
_INCLUDE = re.compile(r"include::([^\s\[][^\[]*)\[(.*)\][ \t]*$")
_ESCAPED_DIRECTIVE = re.compile(r"^\\(?=(?:include|ifdef|ifndef|ifeval|endif)::)")
_BLOCK_MACRO = re.compile(r"(image|video|audio|toc|pagebreak)::([^\s\[]*)\[(.*)\][ \t]*$")
_ATTRIBUTE_LINE = re.compile(
    r"\[(?:\[([\w:.-]+)(?:,.*)?\]|((?:quote|verse),.*|[\w.#%,\"'=*<>^!|:;?/ +$&@~(){}-]*))\][ \t]*$"
)
_DELIMITER = re.compile(
    r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|```\w*|[|,:!]={3,})[ \t]*$"
)
_ITEM = re.compile(r"[ \t]*(\*{1,6}|-|\.{1,6}|\d{1,6}\.|[a-zA-Z]\.|<(?:\d{1,4}|\.)>)[ \t]+(\S.*)")
_TERM_MARK = re.compile(r"(?<![:;\s])(?::{2,4}|;;)(?!\S)")
_ADMONITION = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+")
_ADMONITIONS = frozenset({"NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"})
_CHECKBOX = re.compile(r"\[[ x*]\][ \t]+")
_CALLOUT = re.compile(r"<(?:!--)?(\d{1,3}|\.)(?:--)?>\Z")
_COMMENT_MARKS = ("#", "//", "--", ";;")
_SHORTHAND = re.compile(r"([.#%])([\w:-]+)")
_NAMED_VALUE = re.compile(r"\b([\w-]{1,60})=(?:\"([^\"]*)\"|'([^']*)'|([^,]*))")
_IDENTIFIER = re.compile(r"[^\w .-]")
_SEPARATOR = re.compile(r"[ .-]+")
_VERBATIM = {"-": "pre", ".": "pre", "`": "pre"}
_CONTAINERS = {"=": "div", "*": "div", "_": "blockquote", "--": "div"}
_CODE_STYLES = frozenset("source listing literal stem latexmath asciimath verse".split())
_HTML_ATTRIBUTES = frozenset({"backend-html5", "backend-html", "basebackend-html"})
_OTHER_PLACES = ("env-", "backend-", "basebackend-")
_MAX_DEPTH = 40  # of blocks in each other


@dataclass
class _Attributes:
    """What the lines in brackets above a block say of it."""

    style: str = ""
    identifier: str = ""
    title: str = ""
    title_line: int = -1
    options: set[str] = field(default_factory=set)
    named: dict[str, str] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)

    def read(self, content: str) -> None:
        """Read the content of one line in brackets."""
        for match in _NAMED_VALUE.finditer(content):
            value = next((group for group in match.groups()[1:] if group is not None), "")
            self.named[match[1].lower()] = value.strip()
        plain = _NAMED_VALUE.sub("", content)
        places = [part.strip().strip("\"'") for part in plain.split(",")]
        for mark, name in _SHORTHAND.findall(places[0]):
            if mark == "#":
                self.identifier = name
            elif mark == "%":
                self.options.add(name)
        self.style = re.split(r"[.#%]", places[0], maxsplit=1)[0] or self.style
        self.positional = places
        self.options |= set(re.split(r"[,;\s]+", self.named.get("options", "")))
        self.options |= set(re.split(r"[,;\s]+", self.named.get("opts", "")))
        self.identifier = self.named.get("id", self.identifier)


@dataclass
class _List:
    """An open list: its marker, and the tags that close its item and itself."""

    marker: str
    close_item: str
    close: str


def convert_asciidoc(source: str, path: str = "") -> tuple[str, list[tuple[int, str]]]:
    """Convert a page to HTML, each block on its line; return it with warnings (line, message).

    Its path in the guide says whether it is one of Antora's, whose references start elsewhere.
    """
    lines = [line.rstrip() for line in source.replace("\0", "").split("\n")]
    inline = Inline(budget=4 * len(source) + 100_000)
    inline.titles = _find_titles(lines)
    inline.pages_folder = _find_pages_folder(path)
    warnings: list[tuple[int, str]] = []
    output = [""] * len(lines)
    numbered = list(enumerate(lines))
    _Converter(numbered, output, inline, warnings).run()
    return "\n".join(output), warnings


def _find_pages_folder(path: str) -> str | None:
    """Return where Antora's folder of pages is, seen from a page; None for a page of another tool.

    The folders are modules/NAME/pages.
    """
    parts = path.split("/")
    for number, (folder, _, kind) in enumerate(zip(parts, parts[1:], parts[2:-1], strict=False)):
        if folder == "modules" and kind in {"pages", "partials"}:
            return "../" * (len(parts) - number - 4)
    return None


def _find_titles(lines: Sequence[str]) -> dict[str, str]:
    """Return the titles of sections by their ids, for references without a text."""
    titles: dict[str, str] = {}
    identifier = ""
    for line in lines:
        if line.startswith("[") and (match := _ATTRIBUTE_LINE.match(line)):
            attributes = _Attributes()
            attributes.read(match[2] or "")
            identifier = match[1] or attributes.identifier or identifier
        elif match := _HEADING.match(line):
            titles.setdefault(identifier or make_identifier(match[2]), match[2])
            identifier = ""
        elif line:
            if identifier and line.startswith(".") and len(line) > 1 and line[1] != " ":
                titles.setdefault(identifier, line[1:])
            identifier = ""
    return titles


def make_identifier(title: str, prefix: str = "_", separator: str = "_") -> str:
    """Return the id that Asciidoctor makes of a title."""
    words = _IDENTIFIER.sub("", re.sub(r"<[^<>]*>|&\w+;", "", title).lower())
    if not separator:
        return prefix + re.sub(r"[ .-]", "", words)
    joined = _SEPARATOR.sub(separator, words).strip(separator)
    return prefix + joined


class _Converter:
    """Converts the lines of a page, or of a cell of a table."""

    def __init__(
        self,
        lines: Sequence[tuple[int, str]],
        output: list[str],
        inline: Inline,
        warnings: list[tuple[int, str]],
        depth: int = 0,
    ) -> None:
        self._lines = lines
        self._output = output
        self._inline = inline
        self._warnings = warnings
        self._depth = depth
        self._position = 0
        self._containers: list[tuple[str, str, list[_List]]] = []  # delimiter, end tag, lists
        self._lists: list[_List] = []
        self._attributes = _Attributes()
        self._identifiers: dict[str, int] = {}
        self._is_attached = False  # the next block belongs to the item before it
        self._blank_before = False
        self._expects_text = False  # a term has no text yet
        self._skipped = 0  # how many conditions that do not hold are open
        # Where each delimiter stands last.
        self._ends = {line: n for n, (_, line) in enumerate(lines) if _DELIMITER.match(line)}

    def run(self) -> None:
        if not self._depth:
            self._read_header()
        while self._position < len(self._lines):
            self._convert_next()
        self._close_lists(0)
        self._write_title()
        while self._containers:
            self._close_container()

    # -- output and input -------------------------------------------------------------------------

    def _write(self, html: str, position: int | None = None) -> None:
        """Write HTML at the end of what is written for a line, the current one by default."""
        place = min(self._position if position is None else position, len(self._lines) - 1)
        if place >= 0:
            self._output[self._lines[place][0]] += html

    def _warn(self, message: str) -> None:
        self._warnings.append((self._lines[self._position][0] + 1, message))

    def _line(self, offset: int = 0) -> str:
        position = self._position + offset
        return self._lines[position][1] if position < len(self._lines) else ""

    # -- the head of a page -----------------------------------------------------------------------

    def _read_header(self) -> None:
        """Read the title, the author and the attributes at the start of a page."""
        while self._position < len(self._lines):
            if self._read_entry():
                continue
            if self._line() and not self._is_comment(self._line()):
                break
            self._position += 1
        match = _HEADING.match(self._line())
        if not match or len(match[1]) > 1:
            return
        self._convert_heading(1, match[2], is_title=True)
        while line := self._line():
            if self._read_entry():
                continue
            is_text = not (self._is_comment(line) or _INCLUDE.match(line))
            if not self._read_condition(line) and is_text and not self._skipped:
                self._write(f"<p>{self._inline.convert(line)}</p>")  # the author, the revision
            self._position += 1

    def _read_entry(self) -> bool:
        """Read `:name: value`, also over several lines, and step over it."""
        match = _ENTRY.match(self._line())
        if not match:
            return False
        value = match[4] or ""
        self._position += 1
        while value.endswith("\\") and self._position < len(self._lines):
            value = f"{value[:-1].removesuffix('+').rstrip()} {self._line().strip()}"
            self._position += 1
        is_unset = bool(match[1] or match[3])
        self._inline.define(match[2], None if is_unset else value)
        return True

    @staticmethod
    def _is_comment(line: str) -> bool:
        return line.startswith("//") and not line.startswith("///")

    # -- lines and blocks -------------------------------------------------------------------------

    def _convert_next(self) -> None:
        line = self._line()
        if not line:
            self._blank_before = True
            self._is_attached = False
            self._position += 1
            return
        if self._read_condition(line) or self._is_comment(line) or self._skipped:
            self._position += 1
            return
        if self._read_entry():
            return
        if line == "+" and self._lists:
            self._is_attached, self._blank_before = True, False
            self._position += 1
            return
        if self._read_attributes(line):
            self._position += 1
            return
        if match := _INCLUDE.match(line):
            self._read_include(match)
            return
        self._convert_block(line)
        self._attributes = _Attributes()
        self._is_attached = self._blank_before = False

    def _convert_block(self, line: str) -> None:
        delimiter = _DELIMITER.match(line)
        if delimiter and not self._is_underlined():
            self._convert_delimited(delimiter[1])
        elif self._convert_item(line):
            pass
        else:
            is_attached = self._is_attached or self._expects_text
            if not is_attached and (self._blank_before or self._attributes.style):
                self._close_lists(0)
            is_text = self._expects_text and not self._blank_before
            self._expects_text = False
            self._convert_paragraph() if is_text else self._convert_plain(line)

    def _convert_plain(self, line: str) -> None:
        heading = _HEADING.match(line)
        if heading and line[0] == "#" and self._is_enclosed():
            heading = None
        macro = _BLOCK_MACRO.match(line)
        if self._attributes.style in _CODE_STYLES:
            self._convert_paragraph()
        elif heading:
            self._close_lists(0)
            self._convert_heading(len(heading[1]), heading[2])
        elif self._is_underlined():
            self._close_lists(0)
            level = 1 + _UNDERLINES.index(self._line(1)[0])
            self._convert_heading(level, line)
            self._position += 1
        elif macro:
            self._convert_block_macro(macro)
        elif line in {"'''", "---", "***", "- - -", "* * *", "<<<"}:
            self._write("<hr>" if line != "<<<" else "")
            self._position += 1
        elif line[0] in " \t":
            self._write_title()
            self._write_verbatim(self._take_paragraph(), "pre")
        else:
            self._convert_paragraph()

    def _is_enclosed(self) -> bool:
        """Check whether the current line is in a delimited block, which has no sections in it."""
        if self._attributes.style in {"discrete", "float"}:
            return False
        return any(self._ends.get(mark, 0) > self._position for mark, _, _ in self._containers)

    def _is_underlined(self) -> bool:
        """Check whether the line is a title, and the next one its underline."""
        line, below = self._line(), self._line(1)
        if len(below) < 2 or below[0] not in _UNDERLINES or below.strip(below[0]):
            return False
        if self._lists and not self._blank_before:
            return False
        if any(below == mark for mark, _, _ in self._containers):  # the end of a block
            return False
        return abs(len(line) - len(below)) <= 1 and line[0].isalnum()

    def _read_condition(self, line: str) -> bool:
        match = _CONDITION.match(line) if "::" in line else None
        if not match:
            return False
        name, names, content = match[1], match[2], match[3]
        if name == "endif":
            self._skipped = max(0, self._skipped - 1)
        elif content and name != "ifeval":
            if not self._skipped and self._holds(name, names):
                self._write(f"<p>{self._inline.convert(content)}</p>")
        elif self._skipped or not self._holds(name, names):
            self._skipped += 1
        return True

    def _holds(self, name: str, names: str) -> bool:
        """Check a condition. One on an attribute that the page does not set holds either way.

        The site may set it, and no words are to be lost. Names of other places than a web site do
        not hold.
        """
        results = []
        for each in re.split(r"[,+]", names.lower()) if name != "ifeval" else ():
            if each in self._inline.attributes or each in _HTML_ATTRIBUTES:
                results.append(name == "ifdef")
            elif each.startswith(_OTHER_PLACES):
                results.append(name == "ifndef")
            else:
                results.append(True)
        return (all if "+" in names else any)(results or [True])

    def _read_attributes(self, line: str) -> bool:
        """Read a line in brackets, or a title, above a block."""
        match = _ATTRIBUTE_LINE.match(line) if line[0] == "[" else None
        if match:
            if match[1]:
                self._attributes.identifier = match[1]
            else:
                self._attributes.read(self._inline.expand(match[2] or ""))
            return True
        if line[0] == "." and len(line) > 1 and line[1] not in ". \t":
            if self._attributes.title:  # no block was between them
                self._write_title()
            self._attributes.title = line[1:]
            self._attributes.title_line = self._position
            return True
        return False

    def _read_include(self, match: re.Match[str]) -> None:
        name = self._inline.expand(match[1])
        if not name.lower().endswith((".adoc", ".asciidoc", ".asc")):
            self._warn(f"The included file {name[:80]} is not read.")
        self._position += 1

    def _write_title(self) -> None:
        if self._attributes.title:
            words = self._inline.convert(self._attributes.title)
            self._write(f"<p>{words}</p>", self._attributes.title_line)
        if self._attributes.identifier:
            self._write(f'<a id="{escape(self._attributes.identifier)}"></a>')

    def _convert_heading(self, level: int, title: str, *, is_title: bool = False) -> None:
        words = self._inline.convert(title.removesuffix(f" {'=' * level}"))
        known = self._inline.attributes
        identifier = self._attributes.identifier
        anchor = re.search(r'<a id="([^"]*)"></a>', words)
        if anchor:
            identifier = identifier or anchor[1]
        if not identifier and not is_title:
            prefix, separator = known.get("idprefix", "_"), known.get("idseparator", "_")
            base = make_identifier(words, prefix, separator)
            count = self._identifiers[base] = self._identifiers.get(base, 0) + 1
            identifier = base if count == 1 else f"{base}{separator}{count}"
        named = f' id="{escape(identifier)}"' if identifier else ""
        self._write(f"<h{level}{named}>{words}</h{level}>")
        self._attributes = _Attributes()
        self._position += 1

    def _convert_block_macro(self, match: re.Match[str]) -> None:
        name, target, content = match.groups()
        self._write_title()
        attributes = _Attributes()
        attributes.read(content)
        if name == "image":
            alt = attributes.named.get("alt", attributes.positional[0])
            self._write(f'<p><img src="{escape(target)}" alt="{escape(alt)}"></p>')
        elif name in {"video", "audio"}:
            host = {"youtube": "https://www.youtube.com/watch?v=", "vimeo": "https://vimeo.com/"}
            address = host.get(attributes.positional[0], "") + target
            self._write(f'<iframe src="{escape(address)}"></iframe>')
        self._position += 1

    # -- paragraphs -------------------------------------------------------------------------------

    def _take_paragraph(self) -> list[tuple[int, str]]:
        """Step over the lines of a paragraph, and return them with their positions."""
        taken: list[tuple[int, str]] = []
        while line := self._line():
            if taken and self._ends_paragraph(line):
                break
            if not self._is_comment(line):
                taken.append((self._position, line))
            self._position += 1
        return taken

    def _ends_paragraph(self, line: str) -> bool:
        if line == "+" or _CONDITION.match(line) or _INCLUDE.match(line):
            return True
        if _DELIMITER.match(line) or (line[0] == "[" and _ATTRIBUTE_LINE.match(line)):
            return True
        return bool(self._lists) and bool(_ITEM.match(line) or _find_term(line))

    def _convert_paragraph(self) -> None:
        style = self._attributes.style
        self._write_title()
        lines = self._take_paragraph()
        if style in _CODE_STYLES:
            self._write_verbatim(lines, "pre")
            return
        start, end = "<p>", "</p>"
        label = _ADMONITION.match(lines[0][1]) if lines else None
        if label:
            start = f"<p>{label[1].capitalize()}: "
            lines[0] = (lines[0][0], lines[0][1][label.end() :])
        elif style.upper() in _ADMONITIONS:
            start = f"<p>{style.capitalize()}: "
        elif style == "quote":
            start, end = "<blockquote><p>", f"</p>{self._attribution()}</blockquote>"
        self._write_inline(lines, start, end)

    def _attribution(self) -> str:
        """Return who is quoted, and where it stands."""
        names = [name for name in self._attributes.positional[1:3] if name]
        names = names or [self._attributes.named.get("attribution", "")]
        words = ", ".join(name for name in names if name)
        return f"<p>— {self._inline.convert(words)}</p>" if words else ""

    def _write_inline(self, lines: Sequence[tuple[int, str]], start: str, end: str) -> None:
        """Write lines as running text, each in its place."""
        if not lines:
            return
        html = self._inline.convert("\n".join(line for _, line in lines)).split("\n")
        self._write(start, lines[0][0])
        for (position, _), text in zip(lines, html, strict=False):
            self._write(text, position)
        self._write(end, lines[-1][0])

    def _write_verbatim(self, lines: Sequence[tuple[int, str]], tag: str) -> None:
        """Write lines as they are."""
        expands = "attributes" in self._attributes.named.get("subs", "")
        indent = min((len(text) - len(text.lstrip()) for _, text in lines if text), default=0)
        callouts = 0  # that count themselves
        for number, (position, line) in enumerate(lines):
            text = self._inline.expand(line) if expands else line
            text = _write_callouts(_ESCAPED_DIRECTIVE.sub("", text[indent:]), callouts)
            callouts += line.count("<.>") if text.endswith(")") else 0
            start = f"<{tag}>" if not number else ""
            end = f"</{tag}>" if number == len(lines) - 1 else ""
            self._write(f"{start}{escape(text, quote=False)}{end}", position)

    # -- delimited blocks -------------------------------------------------------------------------

    def _convert_delimited(self, delimiter: str) -> None:
        kind = "--" if delimiter == "--" else delimiter[0]
        if self._containers and self._containers[-1][0] == delimiter:
            self._close_lists(0)
            self._close_container()
            self._position += 1
            return
        is_attached = self._is_attached or self._expects_text
        if not is_attached and (self._blank_before or not self._lists):
            self._close_lists(0)
        self._expects_text = False
        self._write_title()
        style = self._attributes.style
        if kind in "|,:!":
            self._convert_table(delimiter)
        elif kind == "/":
            self._take_until(delimiter)
        elif kind == "+":
            for position, line in self._take_until(delimiter):
                text = escape(line, quote=False) if style in _CODE_STYLES else line
                self._write(text, position)
        elif kind in _VERBATIM or (style in _CODE_STYLES and kind != "--"):
            lines = self._take_until("```" if kind == "`" else delimiter)
            self._write_code(lines)
        elif kind == "--" and style in _CODE_STYLES:
            self._write_code(self._take_until(delimiter))
        else:
            self._open_container(delimiter, _CONTAINERS[kind])

    def _write_code(self, lines: list[tuple[int, str]]) -> None:
        for position, line in lines:
            if match := _INCLUDE.match(line):
                number = self._lines[position][0] + 1
                self._warnings.append((number, f"The included file {match[1][:80]} is not read."))
        self._write_verbatim([pair for pair in lines if not _INCLUDE.match(pair[1])], "pre")

    def _take_until(self, delimiter: str) -> list[tuple[int, str]]:
        """Step over the lines up to a delimiter, and over it; return them with their positions."""
        self._position += 1
        taken = []
        while self._position < len(self._lines) and self._line() != delimiter:
            taken.append((self._position, self._line()))
            self._position += 1
        self._position += 1
        return taken

    def _open_container(self, delimiter: str, tag: str) -> None:
        style = self._attributes.style
        if len(self._containers) >= _MAX_DEPTH:
            self._position += 1
            return
        end = f"</{tag}>"
        self._write(f"<{tag}>")
        if style.upper() in _ADMONITIONS:
            self._write(f"<p>{style.capitalize()}</p>")
        elif tag == "blockquote":
            end = f"{self._attribution()}{end}"
        self._containers.append((delimiter, end, self._lists))
        self._lists = []
        self._position += 1

    def _close_container(self) -> None:
        _, end, lists = self._containers.pop()
        self._close_lists(0)
        self._write(end)
        self._lists = lists

    # -- lists ------------------------------------------------------------------------------------

    def _convert_item(self, line: str) -> bool:
        item = _ITEM.match(line)
        term = None if item else _find_term(line)
        if not item and not term:
            return False
        if line[0] in " \t" and not self._lists and self._attributes.style in _CODE_STYLES:
            return False
        marker = item[1] if item else term[1] if term else ""
        kind = _list_kind(marker)
        if self._attributes.style and self._lists and self._blank_before and not self._is_attached:
            self._close_lists(0)
        self._open_list(kind, marker)
        self._write_title()
        if item:
            words = _CHECKBOX.sub("", item[2])
            self._lists[-1].close_item = "</li>"
            self._write("<li>")
        else:
            name, _, words = term or ("", "", "")
            name = self._inline.convert(name)
            self._lists[-1].close_item = "</dd>"
            self._write(f"<dt>{name}</dt><dd>")
        first = self._position
        self._position += 1
        self._expects_text = not words
        rest = self._take_paragraph() if words and self._line() and not self._ends_item() else []
        self._write_inline([(first, words), *rest] if words else [], "", "")
        return True

    def _ends_item(self) -> bool:
        line = self._line()
        return self._is_comment(line) or self._ends_paragraph(line) or bool(_ENTRY.match(line))

    def _open_list(self, kind: str, marker: str) -> None:
        """Open a list for an item, or go back to the one that the item belongs to."""
        for number, opened in enumerate(self._lists):
            if opened.marker == kind:
                self._close_lists(number + 1)
                self._write(opened.close_item)
                return
        tag = "ul" if kind[0] in "*-" else "dl" if kind[0] in ":;" else "ol"
        start = self._attributes.named.get(
            "start", marker.rstrip(".") if marker[0].isdigit() else ""
        )
        number_mark = f' start="{start}"' if tag == "ol" and start.isdigit() else ""
        self._write(f"<{tag}{number_mark}>")
        self._lists.append(_List(kind, "", f"</{tag}>"))

    def _close_lists(self, count: int) -> None:
        """Close the open lists down to a number of them, at the end of the line before."""
        while len(self._lists) > count:
            closed = self._lists.pop()
            self._write(closed.close_item + closed.close, max(0, self._position - 1))

    # -- tables -----------------------------------------------------------------------------------

    def _convert_table(self, delimiter: str) -> None:
        lines = [pair for pair in self._take_until(delimiter) if not self._is_comment(pair[1])]
        form = self._attributes.named.get("format", "")
        if not lines:
            return
        if delimiter[0] in ",:" or form in {"csv", "dsv", "tsv"}:
            default = {"tsv": "\t", "dsv": ":"}.get(
                form, delimiter[0] if delimiter[0] == ":" else ","
            )
            self._write_delimited_table(
                lines, self._attributes.named.get("separator", default)[:1] or default
            )
            return
        separator = self._attributes.named.get("separator", delimiter[0])
        cells = split_cells(lines, separator)
        columns = read_columns(self._attributes.named.get("cols", ""))
        if not columns and cells:
            first = cells[0].position
            count = sum(cell.span * cell.copies for cell in cells if cell.position == first)
            columns = [""] * min(MAX_COLUMNS, count)
        has_header = "header" in self._attributes.options or (
            len(lines) > 1 and bool(lines[0][1]) and not lines[1][1]
            and "noheader" not in self._attributes.options
        )  # fmt: skip
        writer = TableWriter(self._write, self._write_cell, columns or [""], has_header=has_header)
        writer.write(cells, lines[0][0], lines[-1][0])

    def _write_delimited_table(self, lines: list[tuple[int, str]], separator: str) -> None:
        has_header = "header" in self._attributes.options or (len(lines) > 1 and not lines[1][1])
        self._write("<table>", lines[0][0])
        is_first = True
        for position, line in lines:
            if not line:
                continue
            row = [line]
            with suppress(csv.Error):
                row = next(csv.reader([line], delimiter=separator), [line])
            tag = "th" if has_header and is_first else "td"
            is_first = False
            cells = (f"<{tag}>{self._inline.convert(cell.strip())}</{tag}>" for cell in row)
            self._write(f"<tr>{''.join(cells)}</tr>", position)
        self._write("</table>", lines[-1][0])

    def _write_cell(self, lines: Sequence[tuple[int, str]], style: str) -> None:
        """Write the content of a cell: running text, code, or blocks of its own."""
        if style == "a" and self._depth < _MAX_DEPTH:
            inner = [(self._lines[position][0], text) for position, text in lines]
            _Converter(inner, self._output, self._inline, self._warnings, self._depth + 1).run()
        elif style == "l":
            self._write_verbatim(lines, "pre")
        else:
            tag = {"e": "em", "m": "code", "s": "strong"}.get(style, "")
            start, end = (f"<{tag}>", f"</{tag}>") if tag else ("", "")
            paragraph: list[tuple[int, str]] = []
            for position, text in [*lines, (-1, "")]:
                if text:
                    paragraph.append((position, text))
                elif paragraph:
                    self._write_inline(paragraph, start, end + ("<br>" if position >= 0 else ""))
                    paragraph = []


def _list_kind(marker: str) -> str:
    """Return what the markers of one list have in common."""
    if marker[0].isdigit():
        return "1."
    if marker[0].isalpha():
        return "a."
    return "<1>" if marker[0] == "<" else marker


def _find_term(line: str) -> tuple[str, str, str] | None:
    """Split a line into a term, the mark after it, and its text; None where it has no term."""
    mark = _TERM_MARK.search(line) if "::" in line or ";;" in line else None
    if not mark:
        return None
    return line[: mark.start()].strip(), mark[0], line[mark.end() :].strip()


def _write_callouts(line: str, count: int) -> str:
    """Write the marks at the end of a line of code as (1), without the comment around them.

    A mark with a dot has the number after those that were counted.
    """
    numbers: list[str] = []
    text = line
    while match := _CALLOUT.search(text):
        numbers.insert(0, match[1])
        text = text[: match.start()].rstrip()
    if not numbers:
        return line
    for mark in _COMMENT_MARKS:
        if text == mark or text.endswith(f" {mark}"):
            text = text.removesuffix(mark)
    counted = itertools.count(count + 1)
    shown = (f"({next(counted) if number == '.' else number})" for number in numbers)
    return " ".join((text.rstrip(), *shown))
