"""Components, imports and expressions in Markdown (MDX), reduced to what a reader sees; pure.

Knows tags with braces in their attributes, on one line or over many, which attributes are shown
and where they lead, and that nothing indented in a component is code. Every line keeps its
number. Must not know Markdown beyond where its code is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from assistant.readers.code_fences import OPENING, Fence, indent, spans, width

if TYPE_CHECKING:
    from collections.abc import Iterator

LABEL = "\ue000"
"""Opens a heading that is none: the title of an admonition, a tab or a card.

A heading is the one block that needs no blank line on either side, so that a label may take the
place of a marker without moving a line.
"""

_TAG = re.compile(r"</?([A-Za-z][\w.:-]*)(?=[\s/>{]|$)|</?>")
_DELIMITER = re.compile(r"[\"'`{}>]")
_SHOWN = re.compile(
    r"(?<![\w-])[\"']?(?:(title|label|heading|name)|caption|summary|text|description)[\"']?\s*[=:]\s*+"
    r"(?:\{\s*+)?(?:\"([^\"\n]*)\"|'([^'\n]*)'|`([^`$\n]*)`)"
    r"|(?<![\w-])(?:items|tabs)=\{\s*\[([^\[\]{}]*)\]"
)
_LEADS_TO = re.compile(
    r"(?<![\w-])[\"']?(?:href|link|url|to)[\"']?\s*[=:]\s*+(?:\{\s*+)?"
    r"(?:\"([^\"\s<>]+)\"|'([^'\s<>]+)')"
)
_STRING = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_TEXT = re.compile(r"\{\s*(?:\"([^\"\n{}]*)\"|'([^'\n{}]*)'|`([^`\n{}$]*)`)\s*\}")
_EXPRESSION = re.compile(r"\{\s*[A-Za-z_$][\w.$]*(?:\([^{}\n]*\)|\[[^{}\n]*\])?\s*\}")
_IMPORT = re.compile(
    r"^import[ \t]++(?:[\w*{}\s,$]+?from[ \t]*+)?['\"][^'\"]+['\"][ \t]*+;?[ \t]*+(?://.*)?$"
)
_IMPORT_OPENS = re.compile(r"^import[ \t]*(?:\w+[ \t]*,[ \t]*)?\{[^}]*$")
_IMPORT_ENDS = re.compile(r"\}[ \t]*from[ \t]*['\"][^'\"]*['\"];?|^\s*$")
_EXPORT = re.compile(r"^export[ \t]+(?:const|let|var|default|function|async|class|\{)")
_OPENS = re.compile(
    r"\s*import\s(?:[^'\"{;\n]|\{[^{}'\"]*\})*['\"][^'\"\n]+['\"][^\S\n]*+;?[ \t]*+(?://[^\n]*)?(?:\n|\Z)"
)

# Past so many lines, and past so many tags without an end in a line, an angle bracket is just one.
_LONGEST_TAG = 80
_UNENDED_TAGS = 32


def opens(source: str) -> bool:
    """Whether a page begins as MDX does, with an import."""
    return bool(_OPENS.match(source))


def reduce(source: str) -> str:
    """A page of MDX as Markdown: components gone but for what they show, in lines as many."""
    return "\n".join(_Scan(source.split("\n")).lines())


class _Scan:
    """One pass over a page's lines; keeps what is open around the line at hand."""

    def __init__(self, source: list[str]) -> None:
        self._source = source
        self._fence = Fence()
        # Where what stands in components begins, and the column of the tag that it moves to.
        self._margins: list[tuple[int, int]] = []
        self._last = -1  # the last line that was read with one above
        self._shown: dict[int, str] = {}  # what such lines show

    def lines(self) -> list[str]:
        done: list[str] = []
        for number, line in enumerate(self._source):
            read_above = number <= self._last
            done.append(self._shown.pop(number, "") if read_above else self._line(number, line))
        return done

    def _line(self, number: int, line: str) -> str:
        line = self._dedented(line)
        if self._fence:
            self._fence.read(line)
            return line
        fence = OPENING.match(line) if "`" in line or "~" in line else None
        if fence:
            self._fence.open(fence[2], fence[1])
            return line
        if line.startswith(("import", "export")) and self._is_code(number, line):
            return ""
        if "<" not in line and "{" not in line:
            return line
        return self._reduced(number, line)

    def _dedented(self, line: str) -> str:
        if not self._margins or not line.strip():
            return line
        wide = line.expandtabs(4) if "\t" in indent(line) else line
        column = len(indent(wide))
        while self._margins and column < self._margins[-1][0]:
            self._margins.pop()
        if not self._margins:
            return line
        begins, tag = self._margins[-1]
        return " " * tag + wide[begins:]

    def _is_code(self, number: int, line: str) -> bool:
        """Whether a line imports or exports; what belongs to it is left out as well."""
        if _IMPORT.match(line):
            return True
        ends = _IMPORT_ENDS if _IMPORT_OPENS.match(line) else re.compile(r"^\s*$")
        if ends is not _IMPORT_ENDS and not _EXPORT.match(line):
            return False
        self._last = next(
            (n for n in range(number + 1, len(self._source)) if ends.search(self._source[n])),
            len(self._source) - 1,
        )
        return True

    def _reduced(self, number: int, line: str) -> str:
        """A line without components; a tag it opens is read to its end, lines down."""
        opened = _unended(line)
        if opened is not None:
            text = "\n".join([line, *self._source[number + 1 : number + _LONGEST_TAG]])
            end = tag_end(text, opened)
            if end is not None:
                tag, rest = text[opened:end], text[end:].partition("\n")[0]
                self._last = number + tag.count("\n")
                self._indented_in(self._last, line)
                if not tag.lstrip("</")[:1].islower():
                    return self._spread(number, line[:opened], tag, rest)
                line = f"{line[:opened]}{tag.replace(chr(10), ' ')}{rest}"
                return _without_components(line)
        self._indented_in(number, line)
        return _without_components(line)

    def _spread(self, number: int, before: str, tag: str, rest: str) -> str:
        """A component over several lines: each shows what it names, apart from its neighbours."""
        ends = [found.start() for found in re.finditer("\n", tag)]
        rows: list[list[str]] = [[] for _ in range(len(ends) + 1)]
        for position, text in _said(tag):
            rows[bisect_right(ends, position)].append(text)
        before, rest = _without_components(before), _without_components(rest)
        rows[-1] += [rest] if rest.strip() else []
        for row, texts in enumerate(rows):
            if texts:
                self._shown[number + row] = f"{indent(before)}###### {LABEL}{' | '.join(texts)}"
        first = self._shown.pop(number, "")
        return f"{before} {' | '.join(rows[0])}" if before.strip() else first

    def _indented_in(self, number: int, line: str) -> None:
        """What stands in a component begins where its first line does, and is no code for it."""
        tag = _TAG.match(line.strip())
        if not tag or line.strip().startswith("</"):
            return
        following = next(filter(str.strip, self._source[number + 1 : number + 3]), "")
        column, place = width(indent(following)), width(indent(line))
        if column > place + (self._margins[-1][0] - self._margins[-1][1] if self._margins else 0):
            self._margins.append((column, place))


def _unended(line: str) -> int | None:
    """Where a tag begins that the line does not end, outside its code."""
    code = spans(line) if "`" in line else []
    end = 0
    for found in _TAG.finditer(line):
        if found.start() < end or _inside(code, found.start()):
            continue
        stop = tag_end(line, found.start())
        if stop is None:
            return found.start()
        end = stop
    return None


def _inside(code: list[tuple[int, int]], position: int) -> bool:
    before = bisect_right(code, (position, len(code) and code[-1][1])) - 1
    return before >= 0 and code[before][0] <= position < code[before][1]


def tag_end(text: str, start: int) -> int | None:
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


def _without_components(line: str) -> str:
    if "`" not in line:
        return _reduced_text(line)
    pieces: list[str] = []
    end = 0
    for start, stop in spans(line):
        pieces += [_reduced_text(line[end:start]), line[start:stop]]
        end = stop
    return "".join([*pieces, _reduced_text(line[end:])])


def _reduced_text(text: str) -> str:
    """Text without components and expressions; HTML stays, but for attributes in braces."""
    pieces: list[str] = []
    end = unended = 0
    for found in _TAG.finditer(text):
        if found.start() < end:
            continue
        stop = tag_end(text, found.start())
        if stop is None:
            unended += 1
            if unended == _UNENDED_TAGS:
                break
            continue
        tag, name = text[found.start() : stop], found[1] or ""
        closes = "/" if tag.startswith("</") else ""
        pieces.append(_evaluated(text[end : found.start()]))
        if name[:1].islower():
            pieces.append(f"<{closes}{name}>" if "{" in tag else tag)
        else:
            pieces.append(shown(tag))
        end = stop
    return "".join([*pieces, _evaluated(text[end:])])


def _evaluated(text: str) -> str:
    if "{" not in text:
        return text
    text = _TEXT.sub(lambda found: "".join(filter(None, found.groups())), uncommented(text))
    return _EXPRESSION.sub("", text)


def uncommented(text: str) -> str:
    """The text without comments in braces; one that is never closed is none."""
    pieces: list[str] = []
    end = 0
    while (start := text.find("{/*", end)) >= 0 and (stop := text.find("*/}", start + 3)) >= 0:
        pieces.append(text[end:start])
        end = stop + 3
    return "".join([*pieces, text[end:]])


def shown(tag: str) -> str:
    """What a component shows of its attributes: titles, labels, the names of its tabs."""
    return " ".join(" | ".join(text for _, text in _said(tag)).split())


def _said(tag: str) -> Iterator[tuple[int, str]]:
    """What a tag shows, and where in it; the name of what leads somewhere is a link."""
    braces = [found.start() for found in re.finditer("[{}]", tag)]
    # Between the same braces a name and an address belong together.
    leads = {
        bisect_right(braces, found.start()): found[1] or found[2]
        for found in _LEADS_TO.finditer(tag)
    }
    for found in _SHOWN.finditer(tag):
        text = found[2] or found[3] or found[4] or ""
        if found[5] and not _STRING.sub("", found[5]).replace(",", "").strip():
            text = " | ".join("".join(pair) for pair in _STRING.findall(found[5]))
        if found[1] and not set("[]<>") & set(text):
            address = leads.pop(bisect_right(braces, found.start()), "")
            text = f"[{text}](<{address}>)" if address and text else text
        if text:
            yield found.start(), text
