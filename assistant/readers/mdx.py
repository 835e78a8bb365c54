"""Convert MDX to Markdown: replace components, imports and expressions by the text they show.

Every line keeps its number.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from html import escape
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

HIDDEN_MARK = "\ue001"
"""Marks a line of code that is not shown."""

LABEL_MARK = "\ue000"
"""Marks a heading that is a label: the title of an admonition, a tab or a card.

A heading is the only block that needs no blank line before and after it, so that a label can
replace a marker and no line moves.
"""

_TAG = re.compile(r"</?([A-Za-z][\w.:-]*)(?=[\s/>{]|$)|</?>")
_DELIMITER = re.compile(r"[\"'`{}>]")
_VISIBLE_ATTRIBUTE = re.compile(
    r"(?<![\w-])[\"']?(?:(title|label|heading|name)|caption|summary|text|description)[\"']?\s*[=:]\s*+"
    r"(?:\{\s*+)?(?:\"([^\"\n]*)\"|'([^'\n]*)'|`([^`$\n]*)`)"
    r"|(?<![\w-])(?:items|tabs)=\{\s*\[([^\[\]{}]*)\]"
)
_FEED_ATTRIBUTE = re.compile(r"(?<![\w-])rss=\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}")
_LINK_ATTRIBUTE = re.compile(
    r"(?<![\w-])[\"']?(?:href|link|url|to)[\"']?\s*[=:]\s*+(?:\{\s*+)?"
    r"(?:\"([^\"\s<>]+)\"|'([^'\s<>]+)')"
)
_UPDATE = "<Update"  # an entry of a list of changes, whose label stands above its headings
_STRING = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'")
_TEXT_EXPRESSION = re.compile(r"\{\s*(?:\"([^\"\n{}]*)\"|'([^'\n{}]*)'|`([^`\n{}$]*)`)\s*\}")
_EXPRESSION = re.compile(r"\{\s*[A-Za-z_$][\w.$]*(?:\([^{}\n]*\)|\[[^{}\n]*\])?\s*\}")
_IMPORT = re.compile(
    r"^(?:import[ \t]++(?:[\w*{}\s,$]+?from[ \t]*+)?['\"][^'\"]+['\"][ \t]*+;?[ \t]*+)++(?://.*)?$"
)
_IMPORT_START = re.compile(r"^import[ \t]*(?:\w+[ \t]*,[ \t]*)?\{[^}]*$")
_IMPORT_END = re.compile(r"\}[ \t]*from[ \t]*['\"][^'\"]*['\"];?|^\s*$")
_EXPORT = re.compile(r"^export[ \t]+(?:const|let|var|default|function|async|class|\{)")
_LEADING_IMPORT = re.compile(
    r"\s*(?:import\s(?:[^'\"{;\n]|\{[^{}'\"]*\})*['\"][^'\"\n]+['\"][^\S\n]*+;?[ \t]*+)++"
    r"(?://[^\n]*)?(?:\n|\Z)"
)
_THEME_IMPORT = re.compile(r"^import\s[^'\"\n]*['\"]@(?:theme|site|docusaurus|astrojs)/", re.M)
_BRACED_VALUE = re.compile(r"<[A-Za-z][\w.]*[ \t][^<>`{}%]*[\w-]=\{(?:[^{}%]|(?<=\bstyle=\{)\{)")
# The name of a language at the end of code in a line, which rehype-pretty-code does not show.
_CODE_LANGUAGE = re.compile(r"(?<=[^\s`])\{:\.?[a-z][a-z.-]*\}(?=`+\Z)")
# An expression on lines of its own that decides or repeats what is shown, which no reader knows.
_LINE_EXPRESSION = re.compile(r"\s*\{[ \t]*[\w$!(\[]")
_DECIDES = re.compile(r"&&|\|\||=>|\s\?\s")
_BRACE = re.compile(r"[{}]")
# A component of tabs has its content in slots, whose names are those of its tabs.
_TABS = re.compile(r"<(/?)\w*Tabs\b")
_TAB_SLOT = re.compile(r"[ \t]*<Fragment[ \t]+slot=[\"']([A-Za-z][\w +-]*)[\"'][^<>]*>[ \t]*$")
# In MDX, Markdown between the tags of such an element is Markdown: they start no block of HTML.
_CONTAINER = r"</?(?:p|div|section|figure|figcaption|center|main|article)(?=[\s/>])[^<>]*>"
_CONTAINER_LINE = re.compile(rf"\s*(?:{_CONTAINER}\s*)+")
_HEADING_LINE = re.compile(r"[ \t]*<h([1-6])(?:\s[^<>]*)?>([^<>]*)</h\1>[ \t]*")
_CONTAINER_TAG = re.compile(_CONTAINER)
_MARKDOWN_IN_LINE = re.compile(r"\]\(|\*\*|`")
_KEPT_ATTRIBUTE = re.compile(
    r"<[^<>]*(?:\s(?:id|name|hidden|style)\b|[\"'\s](?:demo|example|playground|preview|hidden)\b)"
)
_ROWS_TAG = re.compile(r"<(/?)(?:table|ul|ol|dl)\b", re.I)
_CODE_BLOCK = re.compile(r"[ \t]*<CodeBlock(?=[\s>])")
# The parameters of an interface: their name, type and default are shown.
_FIELD = re.compile(r"<(?:Param|Response|Property)Field\b|<Property\b")
_FIELD_PART = re.compile(
    r"(?<![\w-])(?:(?:path|query|body|header|name|type)=(?:\"([^\"\n]*)\"|'([^'\n]*)')"
    r"|(default)=(?:\"([^\"\n]*)\"|'([^'\n]*)'|\{([^{}\n]*)\})|(required|deprecated)(?=[\s/>]))"
)
# Components whose content follows as a link, and those whose attributes are names of pictures.
_LINK_COMPONENTS = frozenset({"Link", "LinkButton", "NavLink"})
_SILENT_COMPONENTS = frozenset({"Icon", "Image", "Img", "Frame", "Video", "YouTube"})

# An angle bracket is text where its tag has more than this many lines, or where this many tags
# before it in its line are not closed.
_MAX_TAG_LINES = 80
_MAX_UNCLOSED_TAGS = 32
_MAX_CODE_LINES = 400  # of one component with code
_CODE_OPENING = re.compile(r"\s*\{[ \t]*`")


def is_mdx(source: str) -> bool:
    """Check whether a page is MDX: it has imports, or a tag outside code has a value in braces."""
    return starts_with_import(source) or ("={" in source and _has_braced_value(source))


def _has_braced_value(source: str) -> bool:
    fence = Fence()
    for line in source.split("\n"):
        if fence:
            fence.feed(line)
        elif opening := FENCE_OPENING.match(line) if "`" in line or "~" in line else None:
            fence.open(opening[2], opening[1])
        elif "={" in line and "<" in line and not line.startswith(("    ", "\t")):
            code = find_code_spans(line)
            if any(not _is_in_code(code, tag.start()) for tag in _BRACED_VALUE.finditer(line)):
                return True
    return False


def starts_with_import(source: str) -> bool:
    """Check whether a page begins with an import, or has one of a theme, as MDX does."""
    if _LEADING_IMPORT.match(source):
        return True
    imports = _THEME_IMPORT.search(source) if "'@" in source or '"@' in source else None
    return imports is not None and source.count("\n```", 0, imports.start()) % 2 == 0


def convert_mdx(source: str) -> str:
    """Convert a page of MDX to Markdown with the same number of lines."""
    return "\n".join(_MdxConverter(source.split("\n")).convert())


class _MdxConverter:
    """Converts a page in one pass over its lines; tracks what is open at the current line."""

    def __init__(self, source: list[str]) -> None:
        self._source = source
        self._fence = Fence()
        # For each open component, the column of its content and the column of its tag.
        self._margins: list[tuple[int, int]] = []
        self._last_consumed = -1  # the last line that was converted with an earlier one
        self._pending_lines: dict[int, str] = {}  # the text of such lines
        self._rows_depth = 0  # how many tables and lists of HTML are open
        self._tabs_depth = 0  # how many components of tabs are open

    def convert(self) -> list[str]:
        output: list[str] = []
        for number, line in enumerate(self._source):
            if number <= self._last_consumed:
                output.append(self._pending_lines.pop(number, ""))
            else:
                output.append(self._convert_line(number, line))
        return output

    def _convert_line(self, number: int, line: str) -> str:
        line = self._dedent(line)
        if self._fence:
            self._fence.feed(line)
            return line
        fence = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if fence:
            self._fence.open(fence[2], fence[1])
            return line
        if "<CodeBlock" in line and _CODE_BLOCK.match(line):
            code = self._convert_code_block(number, line)
            if code is not None:
                return code
        if line.startswith(("import", "export")) and self._skip_import_or_export(number, line):
            return ""
        if "<" not in line and "{" not in line:
            return line
        return self._convert_tags(number, line)

    def _dedent(self, line: str) -> str:
        if not self._margins or not line.strip():
            return line
        expanded = line.expandtabs(4) if "\t" in leading_blanks(line) else line
        column = len(leading_blanks(expanded))
        while self._margins and column < self._margins[-1][0]:
            self._margins.pop()
        if not self._margins:
            return line
        content, tag = self._margins[-1]
        return " " * tag + expanded[content:]

    def _skip_import_or_export(self, number: int, line: str) -> bool:
        """Check whether a line imports or exports, and skip the lines that belong to it."""
        if _IMPORT.match(line):
            return True
        # A formatter of prose may break the line inside an import.
        following = self._source[number + 1 : number + 2] if line.endswith("import") else []
        if following and _IMPORT.match(f"{line} {following[0]}"):
            self._last_consumed = number + 1
            return True
        ends = _IMPORT_END if _IMPORT_START.match(line) else re.compile(r"^\s*$")
        if ends is not _IMPORT_END and not _EXPORT.match(line):
            return False
        first = number if ends is _IMPORT_END else self._find_end_of_code(number)
        self._last_consumed = next(
            (n for n in range(first + 1, len(self._source)) if ends.search(self._source[n])),
            len(self._source) - 1,
        )
        return True

    def _find_end_of_code(self, number: int) -> int:
        """Return the line on which all braces are closed that a line opens; it if none does."""
        depth = 0
        for after in range(number, min(number + _MAX_CODE_LINES, len(self._source))):
            line = self._source[after]
            depth += line.count("{") + line.count("(") - line.count("}") - line.count(")")
            if depth <= 0:
                return after
        return number

    def _convert_code_block(self, number: int, line: str) -> str | None:
        """Turn a component with code into an element of code, line for line; None if it is not."""
        start = find_tag_end(line, line.index("<"))
        lines = [line[start:]] if start else []
        while lines and "</CodeBlock>" not in lines[-1]:
            if len(lines) > _MAX_CODE_LINES or number + len(lines) >= len(self._source):
                return None
            lines.append(self._source[number + len(lines)])
        code, _, after = "\n".join(lines).partition("</CodeBlock>")
        opening = _CODE_OPENING.match(code)
        if not lines or after.strip() or not (opening or "{" not in code):
            return None
        if opening:
            code = code.rstrip().removesuffix("}").rstrip().removesuffix("`")
        rows = escape(code, quote=False).split("\n")
        first = opening[0].count("\n") if opening else int(not rows[0].strip())
        rows[first] = "<pre>" + (rows[first].partition("`")[2] if opening else rows[first])
        rows[-1] += "</pre>"
        title = extract_visible_text(line[:start].strip())
        if first:
            rows[0] = f"###### {LABEL_MARK}{title}" if title else ""
        self._last_consumed = number + len(lines) - 1
        self._pending_lines.update(enumerate(rows[1:], number + 1))
        return rows[0]

    def _convert_tags(self, number: int, line: str) -> str:
        """Return a line without components; read a tag that goes on in later lines to its end."""
        if _LINE_EXPRESSION.match(line) and self._skip_expression(number, line):
            return ""
        for tabs in _TABS.finditer(line):
            self._tabs_depth = max(0, self._tabs_depth + (-1 if tabs[1] else 1))
        start = _find_unclosed_tag(line)
        if start is not None:
            text = "\n".join([line, *self._source[number + 1 : number + _MAX_TAG_LINES]])
            end = find_tag_end(text, start)
            if end is not None:
                tag, rest = text[start:end], text[end:].partition("\n")[0]
                self._last_consumed = number + tag.count("\n")
                self._push_margin(self._last_consumed, line)
                if not tag.lstrip("</")[:1].islower():
                    return self._convert_multiline_tag(number, line[:start], tag, rest)
                line = f"{line[:start]}{tag.replace(chr(10), ' ')}{rest}"
                return _strip_components(line)
        self._push_margin(number, line)
        slot = _TAB_SLOT.match(line) if self._tabs_depth else None
        if title := slot[1] if slot else _extract_title(line):
            if line.lstrip().startswith(_UPDATE):
                return f"# {title}"
            return f"{leading_blanks(line)}###### {LABEL_MARK}{title}"
        stripped = _strip_components(line)
        if "/>" in line and self._is_one_of_many(number, line) and stripped.strip():
            return f"{leading_blanks(line)}- {stripped.strip()}"
        return self._strip_containers(stripped)

    def _skip_expression(self, number: int, line: str) -> bool:
        """Check whether an expression that decides what is shown has its own lines; skip them."""
        depth = 0
        for after in range(number, min(number + _MAX_TAG_LINES, len(self._source))):
            text = line if after == number else self._source[after]
            for brace in _BRACE.finditer(text):
                depth += 1 if brace[0] == "{" else -1
                if not depth:
                    expression = "\n".join([line, *self._source[number + 1 : after + 1]])
                    if text[brace.end() :].strip() or not _DECIDES.search(expression):
                        return False
                    self._last_consumed = after
                    return True
        return False

    def _is_one_of_many(self, number: int, line: str) -> bool:
        """Check whether a line is one component, and so is a neighbour, of the same name."""
        name = _whole_component(line)
        neighbours = (
            self._source[max(0, number - 1) : number] + self._source[number + 1 : number + 2]
        )
        return bool(name) and any(_whole_component(near) == name for near in neighbours)

    def _strip_containers(self, line: str) -> str:
        """Remove the tags of containers of Markdown, except inside tables and lists of HTML."""
        for tag in _ROWS_TAG.finditer(line):
            self._rows_depth = max(0, self._rows_depth + (-1 if tag[1] else 1))
        if self._rows_depth or "<" not in line or _KEPT_ATTRIBUTE.search(line):
            return line
        if heading := _HEADING_LINE.fullmatch(line):  # the lines below it are no part of its HTML
            return f"{leading_blanks(line)}{'#' * int(heading[1])} {heading[2].strip()}"
        if _CONTAINER_LINE.fullmatch(line):
            return ""
        if _CONTAINER_TAG.match(line.lstrip()) and _MARKDOWN_IN_LINE.search(line):
            return leading_blanks(line) + _CONTAINER_TAG.sub("", line).strip()
        return line

    def _convert_multiline_tag(self, number: int, before: str, tag: str, rest: str) -> str:
        """Convert a component over several lines: each line shows the text on it as a label."""
        ends = [match.start() for match in re.finditer("\n", tag)]
        rows: list[list[str]] = [[] for _ in range(len(ends) + 1)]
        name = _TAG.match(tag)
        is_silent = name is not None and name[1] in _SILENT_COMPONENTS
        for position, text in () if is_silent else _iter_visible_attributes(tag):
            rows[bisect_right(ends, position)].append(text)
        before, rest = _strip_components(before), _strip_components(rest)
        rows[-1] += [rest] if rest.strip() else []
        for row, texts in enumerate(rows):
            if texts:
                mark = "# " if tag.startswith(_UPDATE) else f"###### {LABEL_MARK}"
                label = f"{mark}{' | '.join(texts)}"
                self._pending_lines[number + row] = f"{leading_blanks(before)}{label}"
        first = self._pending_lines.pop(number, "")
        return f"{before} {' | '.join(rows[0])}" if before.strip() else first

    def _push_margin(self, number: int, line: str) -> None:
        """Push the column of a component's content: its indentation does not make it code."""
        tag = _TAG.match(line.strip())
        if not tag or line.strip().startswith("</"):
            return
        following = next(filter(str.strip, self._source[number + 1 : number + 3]), "")
        content = column_width(leading_blanks(following))
        column = column_width(leading_blanks(line))
        if content > column + (self._margins[-1][0] - self._margins[-1][1] if self._margins else 0):
            self._margins.append((content, column))


def _extract_title(line: str) -> str:
    """Return the text of a component whose tag is the whole line and whose content follows."""
    plain = line.strip()
    tag = _TAG.match(plain)
    if not tag or not (tag[1] or "")[:1].isupper() or plain.startswith("</"):
        return ""
    is_whole = find_tag_end(plain, 0) == len(plain) and not plain.endswith("/>")
    return extract_visible_text(plain) if is_whole else ""


def _whole_component(line: str) -> str:
    """Return the name of the component that closes itself and is the whole line, else nothing."""
    plain = line.strip()
    tag = _TAG.match(plain) if plain.endswith("/>") else None
    if not tag or not (tag[1] or "")[:1].isupper():
        return ""
    return tag[1] if find_tag_end(plain, 0) == len(plain) else ""


def _find_unclosed_tag(line: str) -> int | None:
    """Return where the first tag outside code begins that the line does not close; None if none."""
    code = find_code_spans(line) if "`" in line else []
    end = 0
    for tag in _TAG.finditer(line):
        if tag.start() < end or _is_in_code(code, tag.start()):
            continue
        stop = find_tag_end(line, tag.start())
        if stop is None:
            return tag.start()
        end = stop
    return None


def _is_in_code(code: list[tuple[int, int]], position: int) -> bool:
    before = bisect_right(code, (position, len(code) and code[-1][1])) - 1
    return before >= 0 and code[before][0] <= position < code[before][1]


def find_tag_end(text: str, start: int) -> int | None:
    """Return where the tag that begins at `start` ends; quotes and braces in it are skipped."""
    depth, quote = 0, ""
    for match in _DELIMITER.finditer(text, start):
        sign = match[0]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'`":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif depth <= 0:  # a `>` in braces, as in an arrow function, ends no tag
            return match.end()
    return None


def _strip_components(line: str) -> str:
    line = _strip_comments_around_code(line) if "{/*" in line else line
    if "`" not in line:
        return _strip_components_from_text(line)
    pieces: list[str] = []
    end = 0
    for start, stop in find_code_spans(line):
        code = _CODE_LANGUAGE.sub("", line[start:stop])
        pieces += [_strip_components_from_text(line[end:start]), code]
        end = stop
    return "".join([*pieces, _strip_components_from_text(line[end:])])


def _strip_comments_around_code(line: str) -> str:
    """Remove comments in braces that begin outside code, with the code in them."""
    code = find_code_spans(line)
    pieces: list[str] = []
    end = after = 0
    while (start := line.find("{/*", after)) >= 0:
        after = start + 3
        if _is_in_code(code, start):
            continue
        stop = line.find("*/}", after)
        if stop < 0:
            break
        pieces.append(line[end:start])
        end = after = stop + 3
    return "".join([*pieces, line[end:]])


def _strip_components_from_text(text: str) -> str:
    """Remove components and expressions; HTML stays, without attributes in braces."""
    pieces: list[str] = []
    end = unclosed = 0
    for match in _TAG.finditer(text):
        if match.start() < end:
            continue
        stop = find_tag_end(text, match.start())
        if stop is None:
            unclosed += 1
            if unclosed == _MAX_UNCLOSED_TAGS:
                break
            continue
        tag, name = text[match.start() : stop], match[1] or ""
        closes = "/" if tag.startswith("</") else ""
        pieces.append(_evaluate_expressions(text[end : match.start()]))
        if name[:1].islower():
            pieces.append(f"<{closes}{name}>" if "{" in tag else tag)
        elif name in _LINK_COMPONENTS and not tag.endswith("/>"):
            address = _LINK_ATTRIBUTE.search(tag)
            opening = f'<a href="{address[1] or address[2]}">' if address else ""
            pieces.append("</a>" if closes else opening)
        else:
            shown = extract_visible_text(tag)
            pieces.append(f"{shown} " if shown and text[stop : stop + 1].isalnum() else shown)
        end = stop
    return "".join([*pieces, _evaluate_expressions(text[end:])])


def _evaluate_expressions(text: str) -> str:
    if "{" not in text:
        return text
    text = _TEXT_EXPRESSION.sub(
        lambda match: "".join(filter(None, match.groups())), strip_comments(text)
    )
    return _EXPRESSION.sub("", text)


def strip_comments(text: str) -> str:
    """Remove comments in braces; one that is never closed is text."""
    pieces: list[str] = []
    end = 0
    while (start := text.find("{/*", end)) >= 0 and (stop := text.find("*/}", start + 3)) >= 0:
        pieces.append(text[end:start])
        end = stop + 3
    return "".join([*pieces, text[end:]])


def extract_visible_text(tag: str) -> str:
    """Return the attributes that a component shows: titles, labels, the names of its tabs."""
    name = _TAG.match(tag)
    if name and name[1] in _SILENT_COMPONENTS:
        return ""
    if _FIELD.match(tag):
        return " | ".join(" ".join(filter(None, part)) for part in _FIELD_PART.findall(tag))
    return " ".join(" | ".join(text for _, text in _iter_visible_attributes(tag)).split())


def _iter_visible_attributes(tag: str) -> Iterator[tuple[int, str]]:
    """Yield the position and text of each visible attribute; a name with an address is a link."""
    if "rss=" in tag:
        tag = _FEED_ATTRIBUTE.sub(lambda match: " " * len(match[0]), tag)
    braces = [match.start() for match in re.finditer("[{}]", tag)]
    # A name and an address between the same braces belong together.
    addresses = {
        bisect_right(braces, match.start()): match[1] or match[2]
        for match in _LINK_ATTRIBUTE.finditer(tag)
    }
    for match in _VISIBLE_ATTRIBUTE.finditer(tag):
        text = match[2] or match[3] or match[4] or ""
        if match[5] and not _STRING.sub("", match[5]).replace(",", "").strip():
            text = " | ".join("".join(pair) for pair in _STRING.findall(match[5]))
        if match[1] and not set("[]<>") & set(text):
            address = addresses.pop(bisect_right(braces, match.start()), "")
            text = f"[{text}](<{address}>)" if address and text else text
        if text:
            yield match.start(), text
