"""Components, imports and expressions in Markdown (MDX), reduced to what a reader sees; pure.

Knows tags with braces in their attributes, on one line or over many, which attributes are shown
and where they lead, and that nothing indented in a component is code. Every line keeps its
number. Must not know Markdown beyond where its code is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from assistant.readers.code_fences import (
    FENCE_OPENING,
    Fence,
    column_width,
    find_code_spans,
    leading_blanks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL_MARK = "\ue000"
"""Opens a heading that is none: the title of an admonition, a tab or a card.

A heading is the one block that needs no blank line on either side, so that a label may take the
place of a marker without moving a line.
"""

_TAG = re.compile(r"</?([A-Za-z][\w.:-]*)(?=[\s/>{]|$)|</?>")
_DELIMITER = re.compile(r"[\"'`{}>]")
_VISIBLE_ATTRIBUTE = re.compile(
    r"(?<![\w-])[\"']?(?:(title|label|heading|name)|caption|summary|text|description)[\"']?\s*[=:]\s*+"
    r"(?:\{\s*+)?(?:\"([^\"\n]*)\"|'([^'\n]*)'|`([^`$\n]*)`)"
    r"|(?<![\w-])(?:items|tabs)=\{\s*\[([^\[\]{}]*)\]"
)
_LINK_ATTRIBUTE = re.compile(
    r"(?<![\w-])[\"']?(?:href|link|url|to)[\"']?\s*[=:]\s*+(?:\{\s*+)?"
    r"(?:\"([^\"\s<>]+)\"|'([^'\s<>]+)')"
)
_STRING = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_TEXT_EXPRESSION = re.compile(r"\{\s*(?:\"([^\"\n{}]*)\"|'([^'\n{}]*)'|`([^`\n{}$]*)`)\s*\}")
_EXPRESSION = re.compile(r"\{\s*[A-Za-z_$][\w.$]*(?:\([^{}\n]*\)|\[[^{}\n]*\])?\s*\}")
_IMPORT = re.compile(
    r"^import[ \t]++(?:[\w*{}\s,$]+?from[ \t]*+)?['\"][^'\"]+['\"][ \t]*+;?[ \t]*+(?://.*)?$"
)
_IMPORT_START = re.compile(r"^import[ \t]*(?:\w+[ \t]*,[ \t]*)?\{[^}]*$")
_IMPORT_END = re.compile(r"\}[ \t]*from[ \t]*['\"][^'\"]*['\"];?|^\s*$")
_EXPORT = re.compile(r"^export[ \t]+(?:const|let|var|default|function|async|class|\{)")
_LEADING_IMPORT = re.compile(
    r"\s*import\s(?:[^'\"{;\n]|\{[^{}'\"]*\})*['\"][^'\"\n]+['\"][^\S\n]*+;?[ \t]*+(?://[^\n]*)?(?:\n|\Z)"
)

# Past so many lines, and past so many tags without an end in a line, an angle bracket is just one.
_MAX_TAG_LINES = 80
_MAX_UNCLOSED_TAGS = 32


def starts_with_import(source: str) -> bool:
    """Whether a page begins as MDX does, with an import."""
    return bool(_LEADING_IMPORT.match(source))


def convert_mdx(source: str) -> str:
    """A page of MDX as Markdown: components gone but for what they show, in lines as many."""
    return "\n".join(_MdxConverter(source.split("\n")).convert())


class _MdxConverter:
    """One pass over a page's lines; keeps what is open around the line at hand."""

    def __init__(self, source: list[str]) -> None:
        self._source = source
        self._fence = Fence()
        # Where what stands in components begins, and the column of the tag that it moves to.
        self._margins: list[tuple[int, int]] = []
        self._last_consumed = -1  # the last line that was read with one above
        self._pending_lines: dict[int, str] = {}  # what such lines show

    def convert(self) -> list[str]:
        done: list[str] = []
        for number, line in enumerate(self._source):
            read_above = number <= self._last_consumed
            done.append(
                self._pending_lines.pop(number, "")
                if read_above
                else self._convert_line(number, line)
            )
        return done

    def _convert_line(self, number: int, line: str) -> str:
        line = self._dedent(line)
        if self._fence:
            self._fence.feed(line)
            return line
        fence = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if fence:
            self._fence.open(fence[2], fence[1])
            return line
        if line.startswith(("import", "export")) and self._skip_import_or_export(number, line):
            return ""
        if "<" not in line and "{" not in line:
            return line
        return self._convert_tags(number, line)

    def _dedent(self, line: str) -> str:
        if not self._margins or not line.strip():
            return line
        wide = line.expandtabs(4) if "\t" in leading_blanks(line) else line
        column = len(leading_blanks(wide))
        while self._margins and column < self._margins[-1][0]:
            self._margins.pop()
        if not self._margins:
            return line
        begins, tag = self._margins[-1]
        return " " * tag + wide[begins:]

    def _skip_import_or_export(self, number: int, line: str) -> bool:
        """Whether a line imports or exports; what belongs to it is left out as well."""
        if _IMPORT.match(line):
            return True
        ends = _IMPORT_END if _IMPORT_START.match(line) else re.compile(r"^\s*$")
        if ends is not _IMPORT_END and not _EXPORT.match(line):
            return False
        self._last_consumed = next(
            (n for n in range(number + 1, len(self._source)) if ends.search(self._source[n])),
            len(self._source) - 1,
        )
        return True

    def _convert_tags(self, number: int, line: str) -> str:
        """A line without components; a tag it opens is read to its end, lines down."""
        opened = _find_unclosed_tag(line)
        if opened is not None:
            text = "\n".join([line, *self._source[number + 1 : number + _MAX_TAG_LINES]])
            end = find_tag_end(text, opened)
            if end is not None:
                tag, rest = text[opened:end], text[end:].partition("\n")[0]
                self._last_consumed = number + tag.count("\n")
                self._push_margin(self._last_consumed, line)
                if not tag.lstrip("</")[:1].islower():
                    return self._convert_multiline_tag(number, line[:opened], tag, rest)
                line = f"{line[:opened]}{tag.replace(chr(10), ' ')}{rest}"
                return _strip_components(line)
        self._push_margin(number, line)
        return _strip_components(line)

    def _convert_multiline_tag(self, number: int, before: str, tag: str, rest: str) -> str:
        """A component over several lines: each shows what it names, apart from its neighbours."""
        ends = [found.start() for found in re.finditer("\n", tag)]
        rows: list[list[str]] = [[] for _ in range(len(ends) + 1)]
        for position, text in _iter_visible_attributes(tag):
            rows[bisect_right(ends, position)].append(text)
        before, rest = _strip_components(before), _strip_components(rest)
        rows[-1] += [rest] if rest.strip() else []
        for row, texts in enumerate(rows):
            if texts:
                self._pending_lines[number + row] = (
                    f"{leading_blanks(before)}###### {LABEL_MARK}{' | '.join(texts)}"
                )
        first = self._pending_lines.pop(number, "")
        return f"{before} {' | '.join(rows[0])}" if before.strip() else first

    def _push_margin(self, number: int, line: str) -> None:
        """What stands in a component begins where its first line does, and is no code for it."""
        tag = _TAG.match(line.strip())
        if not tag or line.strip().startswith("</"):
            return
        following = next(filter(str.strip, self._source[number + 1 : number + 3]), "")
        column, place = column_width(leading_blanks(following)), column_width(leading_blanks(line))
        if column > place + (self._margins[-1][0] - self._margins[-1][1] if self._margins else 0):
            self._margins.append((column, place))


def _find_unclosed_tag(line: str) -> int | None:
    """Where a tag begins that the line does not end, outside its code."""
    code = find_code_spans(line) if "`" in line else []
    end = 0
    for found in _TAG.finditer(line):
        if found.start() < end or _is_in_code(code, found.start()):
            continue
        stop = find_tag_end(line, found.start())
        if stop is None:
            return found.start()
        end = stop
    return None


def _is_in_code(code: list[tuple[int, int]], position: int) -> bool:
    before = bisect_right(code, (position, len(code) and code[-1][1])) - 1
    return before >= 0 and code[before][0] <= position < code[before][1]


def find_tag_end(text: str, start: int) -> int | None:
    """Where the tag that begins at `start` ends, quotes and braces in it skipped over."""
    depth, mark = 0, ""
    for found in _DELIMITER.finditer(text, start):
        sign = found[0]
        if mark:
            mark = "" if sign == mark else mark
        elif sign in "\"'`":
            mark = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif depth <= 0:  # an arrow in braces ends nothing
            return found.end()
    return None


def _strip_components(line: str) -> str:
    if "`" not in line:
        return _strip_components_from_text(line)
    pieces: list[str] = []
    end = 0
    for start, stop in find_code_spans(line):
        pieces += [_strip_components_from_text(line[end:start]), line[start:stop]]
        end = stop
    return "".join([*pieces, _strip_components_from_text(line[end:])])


def _strip_components_from_text(text: str) -> str:
    """Text without components and expressions; HTML stays, but for attributes in braces."""
    pieces: list[str] = []
    end = unended = 0
    for found in _TAG.finditer(text):
        if found.start() < end:
            continue
        stop = find_tag_end(text, found.start())
        if stop is None:
            unended += 1
            if unended == _MAX_UNCLOSED_TAGS:
                break
            continue
        tag, name = text[found.start() : stop], found[1] or ""
        closes = "/" if tag.startswith("</") else ""
        pieces.append(_evaluate_expressions(text[end : found.start()]))
        if name[:1].islower():
            pieces.append(f"<{closes}{name}>" if "{" in tag else tag)
        else:
            pieces.append(extract_visible_text(tag))
        end = stop
    return "".join([*pieces, _evaluate_expressions(text[end:])])


def _evaluate_expressions(text: str) -> str:
    if "{" not in text:
        return text
    text = _TEXT_EXPRESSION.sub(
        lambda found: "".join(filter(None, found.groups())), strip_comments(text)
    )
    return _EXPRESSION.sub("", text)


def strip_comments(text: str) -> str:
    """The text without comments in braces; one that is never closed is none."""
    pieces: list[str] = []
    end = 0
    while (start := text.find("{/*", end)) >= 0 and (stop := text.find("*/}", start + 3)) >= 0:
        pieces.append(text[end:start])
        end = stop + 3
    return "".join([*pieces, text[end:]])


def extract_visible_text(tag: str) -> str:
    """What a component shows of its attributes: titles, labels, the names of its tabs."""
    return " ".join(" | ".join(text for _, text in _iter_visible_attributes(tag)).split())


def _iter_visible_attributes(tag: str) -> Iterator[tuple[int, str]]:
    """What a tag shows, and where in it; the name of what leads somewhere is a link."""
    braces = [found.start() for found in re.finditer("[{}]", tag)]
    # Between the same braces a name and an address belong together.
    leads = {
        bisect_right(braces, found.start()): found[1] or found[2]
        for found in _LINK_ATTRIBUTE.finditer(tag)
    }
    for found in _VISIBLE_ATTRIBUTE.finditer(tag):
        text = found[2] or found[3] or found[4] or ""
        if found[5] and not _STRING.sub("", found[5]).replace(",", "").strip():
            text = " | ".join("".join(pair) for pair in _STRING.findall(found[5]))
        if found[1] and not set("[]<>") & set(text):
            address = leads.pop(bisect_right(braces, found.start()), "")
            text = f"[{text}](<{address}>)" if address and text else text
        if text:
            yield found.start(), text
