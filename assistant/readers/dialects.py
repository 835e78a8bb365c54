"""Convert Markdown dialects to CommonMark: replace a tool's marks by the text that they show.

Covers kramdown, Liquid, Hugo, MDX, Material for MkDocs, Docusaurus, Obsidian and MyST. No line is
added or removed, so every line keeps its number. Code stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from assistant.readers.code_fences import (
    FENCE_CLOSING,
    FENCE_OPENING,
    Fence,
    column_width,
    find_code_spans,
)
from assistant.readers.directives import IGNORED_DIRECTIVES, VERSION_DIRECTIVES
from assistant.readers.embedded_rst import convert_embedded_rst
from assistant.readers.mdx import (
    HIDDEN_MARK,
    LABEL_MARK,
    convert_mdx,
    is_mdx,
    strip_comments,
)
from assistant.readers.template_tags import (
    OPEN_TAG,
    TAG,
    parse_tag,
    replace_outside_code,
    replace_tags,
    show_braces,
    show_examples,
    shown_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assistant.readers.template_tags import Tag

_PREFIX = r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)"

_QUOTE_PREFIX = re.compile(r"[ \t>]*")
_LINE_PREFIX = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*")

# A line with neither of these needs no conversion.
_INLINE_MARK = re.compile(
    r"[{%=\[<:^+#](?:(?<=`#)!|(?<=`:)::"
    r"|(?<=\{)[%{:/#. +=~>-]|(?<=%)%|(?<==)=|(?<=\[)\[|(?<=<)[A-Z/!]|(?<=:)[\w+-]+:"
    r"|(?<=\]\[)[\w\]]|(?<=\] \[)\w|(?<=\^)\^|(?<=\s\^)\w|(?<=\+)\+\w)|```md "
)
_LEADING_MARK = re.compile(
    r"[ \t>]*(?:[-*+] |\d+[.)] )*(?:!!!|\?\?\?|===|::|:[ \t]|///|\[!|-+8<-|\*\[|\([^()]+\)="
    r"|\{!|\{ |\{[\w-]+=|\[_?[Tt][Oo][Cc]|<|\^)"
)
_ADMONITION = re.compile(
    _PREFIX + r"(?:!!!|\?\?\?\+?)[ \t]+([\w-]+(?:[ \t]+[\w-]+)*)[ \t]*+(?:\"(.*)\")?[ \t]*$"
)
_TAB = re.compile(_PREFIX + r"===[!+]?[ \t]+\"(.*)\"[ \t]*$")
_CALLOUT = re.compile(
    r"^((?:[ \t]*(?:[-*+] |\d+[.)] )?>)+[ \t]*)\[!([\w-]+)(?:\|[^\]]*)?\][-+]?(.*)$"
)
_COLON_FENCE = re.compile(_PREFIX + r":{3,}+[ \t]*+(.*)$")
_DEFINITION = re.compile(r"^:([ \t]+)(?=\S)")
_LEAF_DIRECTIVE = re.compile(_PREFIX + r"::[A-Za-z][\w-]*(?:\[(.*)\])?(?:\{[^{}]*\})?[ \t]*$")
_BRACED_NAME = re.compile(r"^\{([\w:.+-]+)\}[ \t]*+(.*)$")
_DIRECTIVE_NAME = re.compile(
    r"^([A-Za-z][\w-]*+)(?:[ \t]*+\[(.*)\])?[ \t]*+(?:\{[^{}]*\})?[ \t]*+(.*)"
)
_DIRECTIVE_OPTION = re.compile(r"^[ \t>]*:[\w-]+:(?:[ \t].*)?$")
_DOTTED_NAME = re.compile(r"^[A-Za-z_]\w*(?:\.\w+)+$")
_SLASH_BLOCK = re.compile(r"^([ \t]*)/{3,}[ \t]*(?:([\w-]+)[ \t]*(?:\|[ \t]*+(.*))?)?$")
# Directives whose content is Markdown; the content of others is code, or made by the tool.
_MARKDOWN_DIRECTIVES = frozenset(
    "note tip hint info important warning attention caution danger error seealso admonition topic "
    "sidebar margin aside dropdown details card grid grid-item grid-item-card tab-set tab-item "
    "versionadded versionchanged deprecated epigraph highlights pull-quote quote exercise solution "
    "figure table list-table glossary definition theorem proof example remark container div "
    "centered rubric todo tab tabs group-tab".split()
)
_SLASH_BLOCK_NAMES = frozenset(
    "note tip info warning danger success question failure bug example quote abstract attention "
    "caution hint error important admonition details tab html define caption".split()
)
# mdBook shows a file in place of the first, and hides lines of Rust that only its compiler needs.
_BOOK_INCLUDE = (
    r"\{\{#(?:include|rustdoc_include|playground|shiftinclude|template|title)\b[^{}]*\}\}"
)
_HIDDEN_CODE = re.compile(rf"[ \t>]*(?:{_BOOK_INCLUDE}[ \t]*$|#(?:[ \t]|$))")
_HIDDEN_LINE = re.compile(
    _PREFIX + r"(?:"
    r"(?:-+8<-.*|\{!.*!\}[ \t]*|<<<[ \t]*[@./].*)$"  # includes another file
    rf"|{_BOOK_INCLUDE}[ \t]*$"
    r"|\^[A-Za-z0-9-]+[ \t]*$"  # the id of the block above
    r"|(?i:\[TOC\]|\[\[_?TOC_?\]\]|<TOCInline\b.*/>)[ \t]*$"
    r"|\*\[[^\]]+\]:"  # an abbreviation, shown on hover
    r")"
)
_MYST_TARGET = re.compile(_PREFIX + r"\(([^()]+)\)=[ \t]*$")
_TAG_LINE = re.compile(rf"([ \t>]*+)(?:(?:{TAG.pattern})[ \t]*+)++$")
_RAW_LINE = re.compile(r"\{%-?\s*+(?:end)?raw\s*+-?%\}")  # around code with tags that are shown
_MAX_TAG_LINES = 40  # of one tag
# A line that is removed inside one of these leaves a comment, since an empty line ends the HTML.
_HTML_ROWS = re.compile(r" {0,3}</?(?:table|thead|tbody|tfoot|tr|td|th|ul|ol|li|dl|dt|dd)\b", re.I)
_MAX_HTML_LINES = 60  # that are searched for the first line of the HTML around a line
# `{: .a #b c="d" }` in kramdown, `{ .a #b c="d" }` in attr_list. `{c}` alone may mean anything.
ATTRIBUTES = (
    r"\{:?[ \t]*(?:[.#:][^\s{}]+|data-[\w-]+|[\w:-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s{}\"']+))"
    r"(?:[ \t]+[^\s{}\"'=]+(?:=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s{}\"']+))?)*[ \t]*\}"
)
_ATTRIBUTE_LINE = re.compile(rf"^[ \t>]*(?:\{{:[^{{}}]*\}}|{ATTRIBUTES})[ \t]*$")
_CONTENTS_LIST = re.compile(r"^[ \t]*\{: ?toc\b")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t].*$")
_KRAMDOWN = re.compile(r"\{::/?[^{}]*+\}|\{:/[a-z]*\}")
_MARKDOWN_ELEMENT = re.compile(
    r"<([a-z][\w-]*+)(?=\s)(?>[^<>]*?\smarkdown(?:=[\"']?\w{0,20}[\"']?)?(?=[\s>]))[^<>]*>", re.I
)
_END_TAG = re.compile(r"</([a-z][\w-]*)>", re.I)
_LEADING_TAG = re.compile(r"^\s*<(?!/?(?:table|t[rdh]|thead|tbody|ul|ol|li|dl|p|div|h\d)\b)", re.I)
_ZERO_WIDTH_SPACE = "&#8203;"  # keeps a line that begins with a tag from being an HTML block
_ID = re.compile(r"#([^\s{}]+)")
_ATX_HEADING = re.compile(r"^ {0,3}#{1,6}\s")
_WRAPPER = re.compile(r"^\s*</?(?:div|section|article|aside|main|center|details)\b[^>]*>\s*$", re.I)

# A comment of two words that is a whole heading, or a term above its definition: a plugin of the
# site makes text of it, in which the last word is the name.
_NAMING_COMMENT = re.compile(
    r"([ \t]*+(?:#{1,6}[ \t]+)?)<!--[ \t]*[\w:-]+[ \t]+([^\s<>]+)[ \t]*-->[ \t]*$"
)
_LINK_LABEL = re.compile(r"^[ \t>]*+\[([^\[\]\n]+)\]:", re.M)
_REFERENCE = re.compile(
    r"(?<![\w\])!\\])\[((?:[^\[\]`]|`[^\[\]`]*`)++)\]( ?)\[((?:[A-Za-z_][\w.:/-]*)?)\](?![\[(])"
)
# The same over the end of a line, where the name is dotted.
_BROKEN_REFERENCE = re.compile(
    r"(?<![\w\])!\\])\[([^\[\]\n]{0,200})(?:\n([^\[\]\n]{1,200})\]|\]\n([ \t>]*+))"
    r"\[([A-Za-z_][\w/-]*+(?:\.[\w/-]++)++)\](?![\[(\]])"
)
_CODE_LANGUAGE = re.compile(r"^(`+ ?)(?:#!|:::)[A-Za-z][\w+-]* ")  # of InlineHilite
_DEEP_LINE = re.compile(r"(?: {4}|\t)[ \t]*(?!```|~~~)\S")
_MAX_OPTIONS = 40  # lines of them in a directive
_MAX_BLANK_LINES = 8  # also tags, in a cell of HTML

# HTML with verbatim content: how it begins, and how it ends.
_VERBATIM_BLOCKS = (
    (re.compile(_PREFIX + r"<!--"), re.compile(r"-->")),
    (
        re.compile(_PREFIX + r"<(?:pre|script|style|textarea)(?=[\s>]|$)", re.I),
        re.compile(r"</(?:pre|script|style|textarea)>", re.I),
    ),
)

# Blocks of several lines that are not shown: how each begins, and how it ends.
_HIDDEN_BLOCKS = (
    (re.compile(r"^[ \t>]*\{%-?\s*comment\s*-?%\}"), re.compile(r"\{%-?\s*endcomment\s*-?%\}")),
    (
        re.compile(r"^[ \t>]*\{\{[<%]\s*comment\s*[>%]\}\}"),
        re.compile(r"\{\{[<%]\s*/comment\s*[>%]\}\}"),
    ),
    (re.compile(r"^[ \t>]*\{::comment\}"), re.compile(r"\{:/(?:comment)?\}")),
    (re.compile(r"^[ \t>]*\{/\*"), re.compile(r"\*/\}")),
    (re.compile(r"^[ \t>]*%%(?!.*%%)"), re.compile(r"%%")),
)
_COMMENT_LINE = re.compile(r"%[ \t]")  # of MyST, at the start of a paragraph

# `[[...name]]` is a part of an address in frameworks of JavaScript.
_WIKI_LINK = re.compile(
    r"(!?)\[\[(?![\s^\"'\[]|\.{3})([^\[\]|\n]+?)(?:\\?\|([^\[\]\n]*))?\]\](?![(\[:])"
)
_OBSIDIAN_COMMENT = re.compile(r"%%[^%\n]*+%%")
_MARKED_TEXT = re.compile(r"(?<![=!<>])==(?=[^\s=])([^=\n]*[^\s=])==(?!=)")
_INSERTED_TEXT = re.compile(r"\^\^(?=[^\s^])([^^\n]*[^\s^])\^\^")
_KEYS = re.compile(r"(?<![\w+])\+\+((?:[\w-]{1,20}\+){0,5}[\w-]{1,20})\+\+(?![\w+])")
_SPAN = re.compile(r"(?<![\w\]!\\])\[([^\[\]]++)\]\{[ \t]*[.#][\w-][^{}]*\}")
_BLOCK_ID = re.compile(r"(?:\s|(?<=\]\]))\^[A-Za-z0-9-]+[ \t]*$")
_CRITIC_MARKUP = re.compile(r"\{(?:\+\+|--|~~|==|>>)(?=\S)|(?<=\S)(?:\+\+|--|~~|==|<<)\}")
_ICON = re.compile(
    r":(?:material|octicons|fontawesome|simple|custom|bootstrap)-[\w-]+:(?:\{[^{}]*\})?"
)
_ICON_ELEMENT = re.compile(r"<i class=[\"']fa-[^\"'<>]*[\"']>:[\w-]+:</i>")
_EMBEDDED_ICON = re.compile(r"(?<!\s)[ \t]!\[\[[^\[\]\n]*+\]\](?=[.,;:!?)])")
_EMOJI_SHORTCODE = re.compile(r"(?<![\w:]):(?=[0-9_+-]*[a-z])[a-z0-9_+-]+:(?![\w:])")


WIKI_SCHEME = "wiki:"
"""The scheme of a link to a page by its name, in any folder of the guide."""


def convert_to_commonmark(source: str, *, mdx: bool = False) -> str:
    """Convert a page to CommonMark with tables, footnotes and definition lists.

    Marks that are not shown are left out, titles of admonitions and tabs become labels, wiki links
    become links, and content indented under a marker loses its indentation. A page that begins with
    an import, or has tags with values in braces, is MDX, with or without `mdx`.
    """
    source = source.replace(LABEL_MARK, "\ufffd").replace(HIDDEN_MARK, "\ufffd")
    if mdx or is_mdx(source):
        source = convert_mdx(source)
    return "\n".join(_DialectConverter(source.split("\n")).convert())


class _DialectConverter:
    """Converts a page in one pass over its lines; tracks what is open at the current line."""

    def __init__(self, source: Sequence[str]) -> None:
        text = "\n".join(source)
        self._link_labels = {_normalize_label(label) for label in _LINK_LABEL.findall(text)}
        if "][" in text or "]\n" in text:
            source = _BROKEN_REFERENCE.sub(self._show_broken_reference, text).split("\n")
        self._source = source
        self._output: list[str] = []
        self._converted_ahead: dict[int, str] = {}  # later lines, converted with an earlier one
        self._fence = Fence()
        # For each open marker, the column of its content and the column of the marker.
        self._margins: list[tuple[int, int]] = []
        self._directives: list[str] = []  # the fences of directives whose content is Markdown
        self._in_options = False  # whether a directive's options may follow
        self._open_markdown_elements: Counter[str] = Counter()  # open elements with Markdown inside
        self._pending_anchor = ""  # an anchor for the next heading
        self._is_rust = False  # whether the open fence has code in Rust
        self._tab_language: str | None = None  # of the code in tabs, where they have code
        self._unclosed_tags: set[str] = set()  # names of tags that no later line ends
        self._in_table = False  # whether a table of HTML is open

    def convert(self) -> list[str]:
        for number, line in enumerate(self._source):
            self._output.append(self._convert_line(number, line))
        return self._output

    def _convert_line(self, number: int, line: str) -> str:
        if number in self._converted_ahead:
            line = self._converted_ahead.pop(number)
            self._fence.feed(line)
            return line
        if self._margins:
            line = self._dedent(line)
        if self._fence:
            return self._convert_code_line(line)
        if self._in_options:
            self._in_options = bool(_DIRECTIVE_OPTION.match(line))
            if self._in_options:
                return _keep_quote_prefix(line)
        if self._in_table and not line.strip() and self._continues_cell(number):
            return "<!-- -->"
        opening = FENCE_OPENING.match(line) if "`" in line or "~" in line else None
        if opening:
            return self._open_fence(number, line, opening)
        if line.startswith("%") and self._is_comment(line):
            line = ""
        if self._pending_anchor and line.strip():
            line, self._pending_anchor = _append_anchor(line, self._pending_anchor), ""
        if not _LEADING_MARK.match(line) and not _INLINE_MARK.search(line):
            return line
        converted = self._convert_marked_line(number, line)
        is_empty = not converted.strip()
        if is_empty and (
            self._is_inside_html() or (self._in_table and self._continues_cell(number))
        ):
            return f"{_keep_quote_prefix(line)}<!-- -->"
        return converted or _keep_quote_prefix(line)

    def _is_comment(self, line: str) -> bool:
        """Check whether a line is a comment of MyST: it begins a paragraph, or follows one.

        At the start of a page it is a title of Pandoc.
        """
        if not _COMMENT_LINE.match(line) or not self._output or self._output[-1].strip():
            return False
        return any(map(str.strip, self._output))

    def _convert_code_line(self, line: str) -> str:
        """Convert a line inside a fence, which it may close."""
        self._fence.feed(line)
        if "raw" in line and _RAW_LINE.fullmatch(line.strip()):
            return HIDDEN_MARK
        hides = "{{#" in line or (self._is_rust and "#" in line)
        if hides and _HIDDEN_CODE.match(line):
            return f"{_QUOTE_PREFIX.match(line)[0]}{HIDDEN_MARK}"  # type: ignore[index]
        return show_examples(line)

    def _skip_until(self, number: int, ends: re.Pattern[str]) -> str:
        """Leave out the lines after a line, up to the end pattern or the end of the page."""
        for after in range(number + 1, len(self._source)):
            line = self._source[after]
            end = ends.search(line)
            if end and not end.end() and line.strip():  # it ends before this line
                break
            rest = _convert_inline(line[end.end() :]) if end else ""
            self._converted_ahead[after] = rest or _keep_quote_prefix(self._match_margin(line)[1])
            if end:
                break
        return ""

    def _copy_until(self, number: int, ends: re.Pattern[str]) -> None:
        """Copy the lines after a line verbatim, up to the line with the end pattern."""
        for after in range(number + 1, len(self._source)):
            self._converted_ahead[after] = self._match_margin(self._source[after])[1]
            if ends.search(self._source[after]):
                break

    # -- content under a marker -----------------------------------------------------------------

    def _dedent(self, line: str) -> str:
        """Move a line to the column of its marker, and close the margins that it does not reach."""
        depth, moved = self._match_margin(line)
        if depth < len(self._margins) and line.strip(" \t>"):
            del self._margins[depth:]
            closing = self._fence.close()
            if self._output and not self._output[-1].strip():
                self._output[-1] = closing
        return moved

    def _match_margin(self, line: str) -> tuple[int, str]:
        """Return how many margins a line reaches, and the line moved to the innermost's marker."""
        prefix = _QUOTE_PREFIX.match(line)[0]  # type: ignore[index]
        expanded = line.expandtabs(4) if "\t" in prefix else line
        column = column_width(prefix)
        for depth in range(len(self._margins), 0, -1):
            content, marker = self._margins[depth - 1]
            if column >= content and not expanded[marker:content].strip():
                return depth, expanded[:marker] + expanded[content:]
        return 0, line

    def _dedent_width(self) -> int:
        """Return how many columns the current lines move to the left."""
        return self._margins[-1][0] - self._margins[-1][1] if self._margins else 0

    def _push_margin_under(self, number: int, prefix: str) -> bool:
        """Check whether the lines after a marker are indented as its content; push their margin."""
        column = column_width(prefix) + 4 + self._dedent_width()
        if _first_text_column(self._source[number + 1 : number + 9]) < column:
            return False
        self._margins.append((column, column_width(prefix)))
        return True

    def _push_element_margin(self, number: int, tag: str) -> None:
        """Push the column of an element's content: its indentation does not make it code."""
        column = _first_text_column(self._source[number + 1 : number + 3])
        marker = _first_text_column([tag])
        if column > marker + self._dedent_width() or marker == column - self._dedent_width() > 0:
            self._margins.append((column, marker))

    # -- fences -----------------------------------------------------------------------------------

    def _open_fence(self, number: int, line: str, opening: re.Match[str]) -> str:
        prefix, fence, info = opening[1], opening[2], opening[3].strip()
        if self._directives and not info and fence == self._directives[-1]:
            self._directives.pop()
            return ""
        directive = _BRACED_NAME.match(info)
        name = directive[1].rsplit(":", 1)[-1] if directive else ""
        if name in IGNORED_DIRECTIVES or (name == "raw" and info.endswith(("latex", "tex"))):
            return self._skip_until(number, _fence_end(fence))
        if name == "eval-rst":
            return self._convert_rst(number, fence, prefix)
        if directive and directive[1] in _MARKDOWN_DIRECTIVES:
            self._directives.append(fence)
            self._in_options = True
            return _make_directive_label(prefix, *directive.groups())
        self._fence.open(fence, prefix)
        self._is_rust = info.startswith("rust")
        if directive:
            self._hide_options(number)
        return line

    def _convert_rst(self, number: int, fence: str, prefix: str) -> str:
        """Convert the lines of reStructuredText inside a fence."""
        ends = _fence_end(fence)
        lines: list[str] = []
        for after in range(number + 1, len(self._source)):
            line = self._match_margin(self._source[after])[1]
            if ends.match(line):
                break
            lines.append(line.removeprefix(" " * column_width(prefix)).expandtabs(8))
        indent = prefix if not prefix.strip() else " " * column_width(prefix)
        for after, line in enumerate(convert_embedded_rst([*lines, ""]), number + 1):
            self._converted_ahead[after] = f"{indent}{line}" if line else ""
        return prefix.rstrip()

    def _hide_options(self, number: int) -> None:
        """Hide the options at the start of a directive whose content is code.

        They are lines like `:name: x`, or YAML between lines of three hyphens.
        """
        ahead = [self._match_margin(line)[1] for line in self._source[number + 1 :][:_MAX_OPTIONS]]
        rules = [at for at, line in enumerate(ahead) if line.strip() == "---"][:2]
        is_yaml = len(rules) == 2 and not rules[0]
        is_yaml = is_yaml and not any(map(FENCE_CLOSING.match, ahead[: rules[1]]))
        for at, line in enumerate(ahead):
            if at > rules[1] if is_yaml else not _DIRECTIVE_OPTION.match(line):
                break
            hidden = f"{_keep_quote_prefix(line)}{HIDDEN_MARK}"
            self._converted_ahead[number + 1 + at] = hidden

    # -- lines with a mark ------------------------------------------------------------------------

    def _convert_marked_line(self, number: int, line: str) -> str:
        for opens, ends in _HIDDEN_BLOCKS:
            start = opens.match(line)
            if start and not ends.search(line, start.end()):
                return self._skip_until(number, ends)
        if "{" in line and OPEN_TAG.search(line):
            line = self._join_tag(number, line)
        if "<i class=" in line:
            line = _ICON_ELEMENT.sub("", line)
        if "<!--" in line:
            line = self._convert_comments(number, line)
        if "][" in line or "] [" in line:
            line = replace_outside_code(_REFERENCE, self._show_reference, line)
        if "table" in line and line.lstrip(" ").startswith("<"):
            self._track_table(line)
        for opens, ends in _VERBATIM_BLOCKS:
            start = opens.match(line)
            if start:
                if not ends.search(line, start.end()):
                    self._copy_until(number, ends)
                return line
        replaced = self._convert_container(number, line)
        if replaced is None:
            replaced = self._convert_tool_line(number, line)
        return _convert_inline(line) if replaced is None else replaced

    def _convert_container(self, number: int, line: str) -> str | None:  # noqa: PLR0911
        """Convert the marker of an admonition, tab or directive to a label, else None."""
        if match := _ADMONITION.match(line):
            if self._push_margin_under(number, match[1]) or match[3] is not None:
                return _make_label(match[1], match[3] or "")
            return None
        if match := _TAB.match(line):
            self._push_margin_under(number, match[1])
            return _make_label(match[1], match[2])
        if match := _CALLOUT.match(line):
            return _make_label(match[1], match[3])
        if match := _COLON_FENCE.match(line):
            return self._convert_colon_fence(number, match)
        if match := _LEAF_DIRECTIVE.match(line):
            return _make_label(match[1], match[2] or "")
        if (match := _DEFINITION.match(line)) and self._follows_comment():
            self._margins.append((column_width(match[0]) + self._dedent_width(), 0))
            rest = line[match.end() :]
            converted = self._convert_container(number, rest)
            return _convert_inline(rest) if converted is None else converted
        match = _SLASH_BLOCK.match(line)
        if match and (not match[2] or match[2] in _SLASH_BLOCK_NAMES):
            return _make_label(match[1], match[3] or "")
        return None

    def _convert_colon_fence(self, number: int, fence: re.Match[str]) -> str | None:
        prefix, rest = fence[1], fence[2].strip()
        if not rest:
            return prefix.rstrip()
        if braced := _BRACED_NAME.match(rest):
            if braced[1] in IGNORED_DIRECTIVES:
                return self._skip_until(number, re.compile(r"^[ \t]*:{3,}[ \t]*$"))
            self._in_options = True
            return _make_directive_label(prefix, *braced.groups())
        if rest.startswith("{"):  # a division with attributes alone
            return prefix.rstrip()
        if _DOTTED_NAME.match(rest):  # mkdocstrings replaces this and its indented options
            if self._push_margin_under(number, prefix):
                self._margins.pop()
                self._skip_until(number, re.compile(r"^(?=\S)|^\s*$"))
            return ""
        directive = _DIRECTIVE_NAME.match(rest)
        return _make_label(prefix, directive[2] or directive[3]) if directive else None

    def _follows_comment(self) -> bool:
        """Check whether the line above is a comment, which a plugin replaces by a term."""
        above = next(filter(str.strip, reversed(self._output[-4:])), "")
        return above.endswith("-->") or f"# {LABEL_MARK}`" in above

    def _convert_tool_line(self, number: int, line: str) -> str | None:
        """Convert an instruction to the publishing tool; None for any other line."""
        if hidden := _HIDDEN_LINE.match(line):
            return _keep_item_prefix(hidden[1])
        if target := _MYST_TARGET.match(line):
            self._pending_anchor = "-".join(target[2].split())
            return _keep_item_prefix(target[1])
        if "{" in line and (tags := _TAG_LINE.match(line)):
            return self._convert_tag_line(number, line, tags[1])
        if "<" in line and (self._open_markdown_elements or "markdown" in line):
            return self._convert_element_line(number, line)
        if _wraps_markdown(self._source, number, line):
            return ""
        return self._convert_kramdown(line) if "{" in line else None

    def _convert_element_line(self, number: int, line: str) -> str | None:
        """Remove the tags of HTML elements with Markdown inside; None where there is none."""

        def open_element(tag: re.Match[str]) -> str:
            self._open_markdown_elements[tag[1].lower()] += 1
            return ""

        def close_element(tag: re.Match[str]) -> str:
            name = tag[1].lower()
            if not self._open_markdown_elements[name]:
                return tag[0]
            self._open_markdown_elements[name] -= 1
            return ""

        plain = _END_TAG.sub(close_element, _MARKDOWN_ELEMENT.sub(open_element, line))
        self._open_markdown_elements = +self._open_markdown_elements
        if plain == line and not self._open_markdown_elements:
            return None
        plain = _convert_inline(plain)
        if not plain.strip():
            self._push_element_margin(number, line)
        if not _LEADING_TAG.match(plain):
            return plain
        marker = self._margins[-1][1] if self._margins else 0
        return plain[:marker] + _ZERO_WIDTH_SPACE + plain[marker:].lstrip()

    # -- comments and references ------------------------------------------------------------------

    def _convert_comments(self, number: int, line: str) -> str:
        """Show the name that is a heading's or a term's only text, and leave out other comments.

        A comment before a text would make its line a block of HTML.
        """
        if naming := _NAMING_COMMENT.match(line):
            if "#" in naming[1]:
                return f"{naming[1]}`{naming[2]}` {{#{naming[2]}}}"
            following = next(filter(str.strip, self._source[number + 1 : number + 3]), "")
            if following.lstrip().startswith(":  "):
                return _make_label(naming[1], f"`{naming[2]}`")
        prefix = _LINE_PREFIX.match(line)[0]  # type: ignore[index]
        pieces: list[str] = []
        at, leads = len(prefix), True
        for start, end in _find_comments(line, at):
            pieces.append(line[at:start])
            leads = leads and not any(map(str.isalnum, pieces[-1]))
            at = end
            if leads:
                while line[at : at + 1].isspace():
                    at += 1
            else:
                pieces.append(line[start:end])
        rest = "".join([*pieces, line[at:]])
        return prefix + rest if any(map(str.isalnum, rest)) else line

    def _show_reference(self, reference: re.Match[str]) -> str:
        """Show the text of a link to what no line of the page defines: a plugin of the site knows.

        A class of characters, as in `[A-Z][a-z]`, is no such link.
        """
        text, gap, name = reference.groups()
        if _normalize_label(name or text) in self._link_labels or (gap and "." not in name):
            return reference[0]
        if gap or "." in (name or text) or " " in text or "`" in text:
            return text
        return text if min(len(text), len(name)) > 2 and (text + name).isalpha() else reference[0]

    def _show_broken_reference(self, reference: re.Match[str]) -> str:
        first, second, indent, name = reference.groups()
        if _normalize_label(name) in self._link_labels:
            return reference[0]
        if second is not None:
            return f"{first}\n{second}"
        return f"\n{indent}{first}"

    # -- tables of HTML ---------------------------------------------------------------------------

    def _track_table(self, line: str) -> None:
        lower = line.lower()
        opened, closed = lower.rfind("<table"), lower.rfind("</table")
        if opened != closed:
            self._in_table = opened > closed

    def _continues_cell(self, number: int) -> bool:
        """Check whether an empty line is inside a cell, whose next line is too deep for Markdown.

        Some tools parse a table of HTML to its end. Where the next line is Markdown, it is not
        indented so that it would be code.
        """
        after = self._source[number + 1 : number + 1 + _MAX_BLANK_LINES]
        shown = (line for line in after if line.strip() and not _TAG_LINE.match(line))
        return bool(_DEEP_LINE.match(next(shown, "")[self._dedent_width() :]))

    # -- tags of template languages ---------------------------------------------------------------

    def _join_tag(self, number: int, line: str) -> str:
        """Return a line with the lines after it in which its last tag goes on."""
        lines = [line]
        for after in range(number + 1, min(number + _MAX_TAG_LINES, len(self._source))):
            following = self._source[after]
            lines.append(following.strip())
            if "%}" in following or ">}}" in following:
                joined = " ".join(lines)
                if OPEN_TAG.search(joined):
                    continue
                # A line that is empty would end the paragraph that the tag is in.
                filler = "" if _TAG_LINE.match(joined) else _ZERO_WIDTH_SPACE
                self._converted_ahead.update(dict.fromkeys(range(number + 1, after + 1), filler))
                return joined
            if "{%" in following or "{{" in following:
                break
        return line

    def _convert_tag_line(self, number: int, line: str, prefix: str) -> str:
        """Convert a line of tags: the fence of code inside them, their title, or nothing."""
        tags = [parse_tag(match) for match in TAG.finditer(line)]
        text = " | ".join(filter(None, map(shown_text, tags)))
        language = self._find_code_language(line, tags[0]) if len(tags) == 1 else None
        if language is not None and self._fence_content(number, tags[0].name, prefix):
            return f"{prefix}````{language}" + (f' title="{text}"' if text else "")
        above = self._output[-1].strip() if self._output else ""
        if above:  # the tag is a word of a paragraph, or of HTML
            return f"{prefix}{text}" if text else ""
        return _make_label(prefix, text)

    def _find_code_language(self, line: str, tag: Tag) -> str | None:
        """Return the language of the code inside a tag; None where its content is Markdown.

        Tabs of a `tabpane` are code, in its language, unless it says that they are text.
        """
        if tag.name.strip("/") == "tabpane":
            is_code = tag.name == "tabpane" and "text=true" not in line
            self._tab_language = (tag.code_language or "") if is_code else None
        if tag.code_language is None and tag.name == "tab" and "{{<" in line:
            return self._tab_language
        return tag.code_language

    def _fence_content(self, number: int, name: str, prefix: str) -> bool:
        """Check whether the lines up to the end of a tag are code, and make them a fence."""
        if name in self._unclosed_tags:
            return False
        below = (self._source[n].strip() for n in range(number + 1, len(self._source)))
        inside = next((text for text in below if text and not _RAW_LINE.fullmatch(text)), "")
        if inside.startswith(("```", "~~~", "{{<", "{{%", "{%")):
            return False
        ends = re.compile(rf"(?:\{{%-?\s*+(end)?+|\{{\{{[<%]\s*+(/\s*+)?+){re.escape(name)}\b")
        for after in range(number + 1, len(self._source)):
            if end := ends.search(self._source[after]):
                if not any(end.groups()):  # the same tag begins again: this one has no content
                    return False
                self._fence.open("````", prefix)
                self._converted_ahead[after] = f"{prefix}````"
                return True
        self._unclosed_tags.add(name)
        return False

    def _is_inside_html(self) -> bool:
        """Check whether the lines above are rows or items of HTML, which an empty line ends."""
        first = ""
        for line in reversed(self._output[-_MAX_HTML_LINES:]):
            if not line.strip():
                break
            first = line
        return bool(_HTML_ROWS.match(first))

    def _convert_kramdown(self, line: str) -> str | None:
        """Blank a line of kramdown attributes, and an item that it replaces by a table of contents.

        An id for the heading above moves up to that heading. None for any other line.
        """
        if not _KRAMDOWN.sub("", line).strip():
            return ""
        if not _ATTRIBUTE_LINE.match(line):
            return None
        if self._output:
            if _CONTENTS_LIST.match(line):
                self._output[-1] = _ITEM.sub("", self._output[-1])
            anchor = _ID.search(line)
            if anchor and _ATX_HEADING.match(self._output[-1]):
                self._output[-1] = _append_anchor(self._output[-1], anchor[1])
        return ""


def _make_directive_label(prefix: str, name: str, argument: str) -> str:
    """Return a label of a directive's argument: a title, or what was changed in which version."""
    words = VERSION_DIRECTIVES.get(name, "")
    return _make_label(prefix, f"{words} {argument}" if words and argument else argument)


def _fence_end(fence: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{re.escape(fence)}[ \t]*$")


def _normalize_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def _find_comments(line: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each comment of a line."""
    while (opens := line.find("<!--", start)) >= 0 and (closes := line.find("-->", opens + 4)) >= 0:
        start = closes + 3
        yield opens, start


def _make_label(prefix: str, title: str) -> str:
    """Return a label in place of a marker; without a title, the prefix of its line."""
    title = _convert_inline(title).strip()
    return f"{prefix}###### {LABEL_MARK}{title}" if title else prefix.rstrip()


def _first_text_column(lines: Sequence[str]) -> int:
    """Return the column of the text of the first line that has any."""
    for line in lines:
        prefix = _QUOTE_PREFIX.match(line)[0]  # type: ignore[index]
        if len(prefix) < len(line):
            return column_width(prefix)
    return 0


def _keep_quote_prefix(line: str) -> str:
    """Return the `>` marks of a line that is left out, so that its quotation continues."""
    return _QUOTE_PREFIX.match(line)[0].rstrip()  # type: ignore[index]


def _keep_item_prefix(prefix: str) -> str:
    """Return the prefix of a line whose mark is removed: its item or its quotation."""
    return prefix.rstrip() if prefix.strip() else ""


def _append_anchor(line: str, anchor: str) -> str:
    return f"{line.rstrip()} {{#{anchor}}}" if _ATX_HEADING.match(line) else line


def _wraps_markdown(lines: Sequence[str], number: int, line: str) -> bool:
    """Check whether a line is the tag of an HTML wrapper around Markdown, not HTML or code."""
    if not _WRAPPER.match(line):
        return False
    inside = number - 1 if line.lstrip().startswith("</") else number + 1
    neighbour = lines[inside] if 0 <= inside < len(lines) else ""
    return not neighbour.startswith(("    ", "\t")) and not neighbour.lstrip().startswith("<")


def _convert_inline(line: str) -> str:
    """Convert the marks in a line, outside its code; its prefix keeps the text in its column."""
    prefix = _LINE_PREFIX.match(line)[0]  # type: ignore[index]
    text = line[len(prefix) :]
    if "{%" in text or "{{" in text:
        text = replace_tags(text)
    if "`" not in text:
        return prefix + _convert_inline_text(text).lstrip(" ")
    pieces: list[str] = []
    end = 0
    for start, stop in find_code_spans(text):
        code = _CODE_LANGUAGE.sub(r"\1", show_braces(show_examples(text[start:stop])))
        pieces += [_convert_inline_text(text[end:start]), _convert_code_span(code)]
        end = stop
    return prefix + "".join([*pieces, _convert_inline_text(text[end:])]).lstrip(" ")


def _convert_code_span(span: str) -> str:
    """Return the content of a span of three backticks that says it is Markdown, else the span."""
    is_markdown = span.startswith("```md ") and "](" in span
    return span[len("```md ") : -len("```")] if is_markdown else span


def _convert_inline_text(text: str) -> str:
    if "{" in text:
        text = _CRITIC_MARKUP.sub("", text)
        text = _SPAN.sub(r"\1", text) if "]{" in text else text
    if "%%" in text or "{/*" in text:
        text = strip_comments(_OBSIDIAN_COMMENT.sub("", text))
    if "^" in text:
        text = _BLOCK_ID.sub("", _INSERTED_TEXT.sub(r"\1", text))
    if "[[" in text:
        text = _EMBEDDED_ICON.sub("", text)
        text = _WIKI_LINK.sub(_replace_wiki_link, text)
    if "==" in text:
        text = _MARKED_TEXT.sub(r"\1", text)
    if "++" in text:
        text = _KEYS.sub(r"\1", text)
    if ":" in text:
        text = _EMOJI_SHORTCODE.sub(_replace_emoji, _ICON.sub("", text))
    return text


def _replace_wiki_link(link: re.Match[str]) -> str:
    """Replace a wiki link by a Markdown link; leave out an embedded page, read by itself."""
    embeds, target, label = link[1], link[2].strip(), link[3]
    if embeds:
        return ""
    page, _, heading = target.partition("#")
    text = (label or "").strip() or target.replace("#", " > " if page else "")
    address = f"{page}#{heading}" if heading else page
    return f"[{text}](<{WIKI_SCHEME}{address.replace('<', '').replace('>', '')}>)"


def _replace_emoji(shortcode: re.Match[str]) -> str:
    import emoji

    return str(emoji.emojize(shortcode[0], language="alias"))
