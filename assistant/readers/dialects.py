"""What publishing tools write between the lines of Markdown, turned into plain Markdown; pure.

Knows the marks of kramdown, Liquid, Hugo, MDX, Material for MkDocs, Docusaurus, Obsidian and
MyST, and what a reader of the published page sees of each. Every line keeps its number: none is
added or removed. Code stays to the letter. Must not know CommonMark's tree, folders or passages.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from assistant.readers import mdx as components
from assistant.readers.code_fences import OPENING, Fence, spans, width
from assistant.readers.mdx import LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = r"^((?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*)"

_INDENT = re.compile(r"[ \t>]*")
_HEAD = re.compile(r"(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t])*")

# A line with neither of these needs no second look.
_MARK = re.compile(
    r"[{%=\[<:](?:(?<=\{)[%{:/#. +=~>-]|(?<=%)%|(?<==)=|(?<=\[)\[|(?<=<)[A-Z/]|(?<=:)[\w+-]+:)"
    r"|\s\^\w"
)
_MARK_FIRST = re.compile(
    r"[ \t>]*(?:[-*+] |\d+[.)] )*(?:!!!|\?\?\?|===|::|:[ \t]|///|\[!|-+8<-|\*\[|\(\S+\)="
    r"|\{!|\{ |\[_?[Tt][Oo][Cc]|<)"
)
_ADMONITION = re.compile(
    _PREFIX + r"(?:!!!|\?\?\?\+?)[ \t]+([\w-]+(?:[ \t]+[\w-]+)*)[ \t]*+(?:\"(.*)\")?[ \t]*$"
)
_TAB = re.compile(_PREFIX + r"===[!+]?[ \t]+\"(.*)\"[ \t]*$")
_CALLOUT = re.compile(
    r"^((?:[ \t]*(?:[-*+] |\d+[.)] )?>)+[ \t]*)\[!([\w-]+)(?:\|[^\]]*)?\][-+]?(.*)$"
)
_COLONS = re.compile(_PREFIX + r":{3,}+[ \t]*+(.*)$")
_DEFINITION = re.compile(r"^:([ \t]+)(?=\S)")
_LEAF = re.compile(_PREFIX + r"::[A-Za-z][\w-]*(?:\[(.*)\])?(?:\{[^{}]*\})?[ \t]*$")
_BRACED = re.compile(r"^\{([\w:.+-]+)\}[ \t]*+(.*)$")
_NAMED = re.compile(r"^([A-Za-z][\w-]*+)(?:[ \t]*+\[(.*)\])?[ \t]*+(?:\{[^{}]*\})?[ \t]*+(.*)")
_OPTION = re.compile(r"^[ \t>]*:[\w-]+:(?:[ \t].*)?$")
_DOTTED = re.compile(r"^[A-Za-z_]\w*(?:\.\w+)+$")
_SLASHES = re.compile(r"^([ \t]*)/{3,}[ \t]*(?:([\w-]+)[ \t]*(?:\|[ \t]*+(.*))?)?$")
# Directives whose content is Markdown; what others hold is code, or made by the tool.
_DIRECTIVES = frozenset(
    "note tip hint info important warning attention caution danger error seealso admonition topic "
    "sidebar margin aside dropdown details card grid grid-item grid-item-card tab-set tab-item "
    "versionadded versionchanged deprecated epigraph highlights pull-quote quote exercise solution "
    "figure table list-table glossary definition theorem proof example remark container div "
    "centered rubric todo".split()
)
_BLOCKS = frozenset(
    "note tip info warning danger success question failure bug example quote abstract attention "
    "caution hint error important admonition details tab html define caption".split()
)
_UNSEEN = (
    re.compile(_PREFIX + r"(?:-+8<-.*|\{!.*!\}[ \t]*)$"),  # a snippet of another file
    re.compile(_PREFIX + r"(?:\[TOC\]|\[\[_?TOC_?\]\]|<TOCInline\b.*/>)[ \t]*$", re.I),
    re.compile(_PREFIX + r"\*\[[^\]]+\]:"),  # an abbreviation, shown when pointed at
)
_TARGET = re.compile(_PREFIX + r"\(([^()\s]+)\)=[ \t]*$")
_LIQUID_LINE = re.compile(r"^\s*\{%-?\s*\w.*%\}\s*$")
_HIGHLIGHTED = re.compile(r"^\s*\{%-?\s*highlight\s*+([\w+#-]*+).*%\}\s*$")
_HIGHLIGHT_ENDS = re.compile(r"\{%-?\s*endhighlight\b")
# `{: .a #b c="d" }` of kramdown, `{ .a #b c="d" }` of attr_list; `{c}` alone may be anything.
ATTRIBUTES = (
    r"\{:?[ \t]*(?:[.#:][^\s{}]+|data-[\w-]+|[\w:-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s{}\"']+))"
    r"(?:[ \t]+[^\s{}\"'=]+(?:=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s{}\"']+))?)*[ \t]*\}"
)
_ATTRIBUTE_LINE = re.compile(rf"^[ \t>]*(?:\{{:[^{{}}]*\}}|{ATTRIBUTES})[ \t]*$")
_CONTENTS_LIST = re.compile(r"^[ \t]*\{: ?toc\b")
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t].*$")
_KRAMDOWN = re.compile(r"\{::/?[^{}]*+\}|\{:/[a-z]*\}")
_TOLD = re.compile(
    r"<([a-z][\w-]*+)(?=\s)(?>[^<>]*?\smarkdown(?:=[\"']?\w{0,20}[\"']?)?(?=[\s>]))[^<>]*>", re.I
)
_CLOSES = re.compile(r"</([a-z][\w-]*)>", re.I)
_TAG_FIRST = re.compile(r"^\s*<(?!/?(?:table|t[rdh]|thead|tbody|ul|ol|li|dl|p|div|h\d)\b)", re.I)
_NOTHING = "&#8203;"  # seen by nobody, and keeps a line that begins with a tag from being HTML
_ID = re.compile(r"#([^\s{}]+)")
_ATX = re.compile(r"^ {0,3}#{1,6}\s")
_WRAPPER = re.compile(r"^\s*</?(?:div|section|article|aside|main|center|details)\b[^>]*>\s*$", re.I)

# HTML that holds anything to the letter until it is closed.
_VERBATIM = (
    (re.compile(_PREFIX + r"<!--"), re.compile(r"-->")),
    (
        re.compile(_PREFIX + r"<(?:pre|script|style|textarea)(?=[\s>]|$)", re.I),
        re.compile(r"</(?:pre|script|style|textarea)>", re.I),
    ),
)

# What runs over several lines and is shown to nobody: how it opens, and how it ends.
_HIDDEN = (
    (re.compile(r"^[ \t>]*\{%-?\s*comment\s*-?%\}"), re.compile(r"\{%-?\s*endcomment\s*-?%\}")),
    (re.compile(r"^[ \t>]*\{::comment\}"), re.compile(r"\{:/(?:comment)?\}")),
    (re.compile(r"^[ \t>]*\{/\*"), re.compile(r"\*/\}")),
    (re.compile(r"^[ \t>]*%%(?!.*%%)"), re.compile(r"%%")),
)

_SHORTCODE_SHOWN = re.compile(r"\b(?:title|caption|label|heading|summary)=\"([^\"]*)\"")
_LIQUID = re.compile(r"\{%-?\s*\w[^{}]*?%\}")
_VARIABLE = re.compile(r"\{\{-?\s*[A-Za-z_][\w.\[\]\"'-]*\s*(?:\|[^{}]*)?\}\}")
_WIKI_LINK = re.compile(r"(!?)\[\[(?![\s^\"'\[])([^\[\]|\n]+?)(?:\\?\|([^\[\]\n]*))?\]\](?![(\[:])")
_COMMENT = re.compile(r"%%[^%\n]*+%%")
_HIGHLIGHT = re.compile(r"(?<![=!<>])==(?=[^\s=])([^=\n]*[^\s=])==(?!=)")
_BLOCK_ID = re.compile(r"\s\^[A-Za-z0-9-]+[ \t]*$")
_CRITIC = re.compile(r"\{(?:\+\+|--|~~|==|>>)(?=\S)|(?<=\S)(?:\+\+|--|~~|==|<<)\}")
_ICON = re.compile(
    r":(?:material|octicons|fontawesome|simple|custom|bootstrap)-[\w-]+:(?:\{[^{}]*\})?"
)
_EMOJI = re.compile(r"(?<![\w:]):(?=[0-9_+-]*[a-z])[a-z0-9_+-]+:(?![\w:])")


WIKI = "wiki:"
"""Opens the address of a link by a page's name, wherever in the guide that page lies."""


def neutralise(source: str, *, mdx: bool = False) -> str:
    """Bring a page's Markdown to CommonMark with tables, footnotes and definition lists.

    Marks nobody reads are left out, titles of admonitions and tabs become labels, wiki links
    become links, and what stands indented under a marker stands at the margin. A page that opens
    with an import is MDX, whether said or not.
    """
    source = source.replace(LABEL, "\ufffd")
    if mdx or components.opens(source):
        source = components.reduce(source)
    return "\n".join(_Scan(source.split("\n")).lines())


class _Scan:
    """One pass over a page's lines; keeps what is open around the line at hand."""

    def __init__(self, source: Sequence[str]) -> None:
        self._source = source
        self._done: list[str] = []
        self._settled: dict[int, str] = {}  # lines further down that were read with one above
        self._fence = Fence()
        # Where what stands under markers begins, and the column of the marker that it moves to.
        self._margins: list[tuple[int, int]] = []
        self._directives: list[str] = []  # the fences of directives whose content is Markdown
        self._options = False  # whether a directive's options may follow
        self._told: Counter[str] = Counter()  # open elements that say they hold Markdown
        self._target = ""  # an anchor that waits for its heading

    def lines(self) -> list[str]:
        for number, line in enumerate(self._source):
            self._done.append(self._line(number, line))
        return self._done

    def _line(self, number: int, line: str) -> str:
        if number in self._settled:
            line = self._settled.pop(number)
            self._fence.read(line)
            return line
        if self._margins:
            line = self._dedented(line)
        if self._fence:
            self._fence.read(line)
            return line
        if self._options:
            self._options = bool(_OPTION.match(line))
            if self._options:
                return _quotation(line)
        opening = OPENING.match(line) if "`" in line or "~" in line else None
        if opening:
            return self._open_fence(number, line, opening)
        if self._target and line.strip():
            line, self._target = _with_anchor(line, self._target), ""
        if not _MARK_FIRST.match(line) and not _MARK.search(line):
            return line
        return self._marked(number, line) or _quotation(line)

    def _settle(self, number: int, ends: re.Pattern[str]) -> str:
        """Leave out what follows a line up to what ends it, or to the end of the page."""
        for after in range(number + 1, len(self._source)):
            line = self._source[after]
            ended = ends.search(line)
            if ended and not ended.end() and line.strip():  # it ends before this line
                break
            rest = _inline(line[ended.end() :]) if ended else ""
            self._settled[after] = rest or _quotation(self._under(line)[1])
            if ended:
                break
        return ""

    def _keep(self, number: int, ends: re.Pattern[str]) -> None:
        """Leave what follows a line to the letter up to the line that ends it."""
        for after in range(number + 1, len(self._source)):
            self._settled[after] = self._under(self._source[after])[1]
            if ends.search(self._source[after]):
                break

    # -- what stands under a marker -------------------------------------------------------------

    def _dedented(self, line: str) -> str:
        """A line moved to the marker it stands under; the margins it does not reach have ended."""
        depth, moved = self._under(line)
        if depth < len(self._margins) and line.strip(" \t>"):
            del self._margins[depth:]
            closing = self._fence.drop()
            if self._done and not self._done[-1].strip():
                self._done[-1] = closing
        return moved

    def _under(self, line: str) -> tuple[int, str]:
        """How many of the margins hold a line, and the line moved to the innermost's marker."""
        head = _INDENT.match(line)[0]  # type: ignore[index]
        wide = line.expandtabs(4) if "\t" in head else line
        column = width(head)
        for depth in range(len(self._margins), 0, -1):
            begins, marker = self._margins[depth - 1]
            if column >= begins and not wide[marker:begins].strip():
                return depth, wide[:marker] + wide[begins:]
        return 0, line

    def _moved(self) -> int:
        """How many columns the lines at hand were moved to the left."""
        return self._margins[-1][0] - self._margins[-1][1] if self._margins else 0

    def _indented_under(self, number: int, prefix: str) -> bool:
        """Whether the lines after a marker stand deeper than it, as its content does."""
        column = width(prefix) + 4 + self._moved()
        if _column_of_next(self._source[number + 1 : number + 9]) < column:
            return False
        self._margins.append((column, width(prefix)))
        return True

    def _indented_in(self, number: int, tag: str) -> None:
        """What stands in an element begins where its first line does, and is no code for it."""
        column = _column_of_next(self._source[number + 1 : number + 3])
        marker = _column_of_next([tag])
        if column > marker + self._moved() or marker == column - self._moved() > 0:
            self._margins.append((column, marker))

    # -- fences -----------------------------------------------------------------------------------

    def _open_fence(self, number: int, line: str, opening: re.Match[str]) -> str:
        prefix, fence, info = opening[1], opening[2], opening[3].strip()
        if self._directives and not info and fence == self._directives[-1]:
            self._directives.pop()
            return ""
        directive = _BRACED.match(info)
        if directive and directive[1] == "toctree":
            return self._settle(number, re.compile(rf"^[ \t]*{re.escape(fence)}[ \t]*$"))
        if directive and directive[1] in _DIRECTIVES:
            self._directives.append(fence)
            self._options = True
            return _label(prefix, directive[2])
        self._fence.open(fence, prefix)
        return line

    # -- a line with a mark in it -----------------------------------------------------------------

    def _marked(self, number: int, line: str) -> str:
        for opens, ends in _HIDDEN:
            begun = opens.match(line)
            if begun and not ends.search(line, begun.end()):
                return self._settle(number, ends)
        for opens, ends in _VERBATIM:
            begun = opens.match(line)
            if begun:
                if not ends.search(line, begun.end()):
                    self._keep(number, ends)
                return line
        replaced = self._container(number, line)
        if replaced is None:
            replaced = self._tool_line(number, line)
        return _inline(line) if replaced is None else replaced

    def _container(self, number: int, line: str) -> str | None:  # noqa: PLR0911
        """The markers of admonitions, tabs and directives, as labels; None where it is none."""
        if found := _ADMONITION.match(line):
            if self._indented_under(number, found[1]) or found[3] is not None:
                return _label(found[1], found[3] or "")
            return None
        if found := _TAB.match(line):
            self._indented_under(number, found[1])
            return _label(found[1], found[2])
        if found := _CALLOUT.match(line):
            return _label(found[1], found[3])
        if found := _COLONS.match(line):
            return self._colons(number, found)
        if found := _LEAF.match(line):
            return _label(found[1], found[2] or "")
        if (found := _DEFINITION.match(line)) and self._defines_a_comment():
            self._margins.append((width(found[0]) + self._moved(), 0))
            return _inline(line[found.end() :])
        found = _SLASHES.match(line)
        if found and (not found[2] or found[2] in _BLOCKS):
            return _label(found[1], found[3] or "")
        return None

    def _colons(self, number: int, found: re.Match[str]) -> str | None:
        prefix, rest = found[1], found[2].strip()
        if not rest:
            return prefix.rstrip()
        if braced := _BRACED.match(rest):
            if braced[1] == "toctree":
                return self._settle(number, re.compile(r"^[ \t]*:{3,}[ \t]*$"))
            self._options = True
            return _label(prefix, braced[2])
        if rest.startswith("{"):  # a division with attributes alone
            return prefix.rstrip()
        if _DOTTED.match(rest):  # what mkdocstrings puts in place, with its options indented
            if self._indented_under(number, prefix):
                self._margins.pop()
                self._settle(number, re.compile(r"^(?=\S)|^\s*$"))
            return ""
        named = _NAMED.match(rest)
        return _label(prefix, named[2] or named[3]) if named else None

    def _defines_a_comment(self) -> bool:
        """Whether what stands above is a comment, which a plugin puts a term in place of."""
        above = next(filter(str.strip, reversed(self._done[-4:])), "")
        return above.endswith("-->")

    def _tool_line(self, number: int, line: str) -> str | None:
        """Lines that speak to the publishing tool alone; None where it is none."""
        for mark in _UNSEEN:
            if unseen := mark.match(line):
                return _bare(unseen[1])
        if target := _TARGET.match(line):
            self._target = target[2]
            return _bare(target[1])
        if highlighted := _HIGHLIGHTED.match(line):
            self._fence.open("```")
            self._settle_end(number)
            return f"```{highlighted[1]}"
        if "<" in line and (self._told or "markdown" in line):
            return self._in_element(number, line)
        if _LIQUID_LINE.match(line) or _wraps_markdown(self._source, number, line):
            return ""
        return self._kramdown(line) if "{" in line else None

    def _in_element(self, number: int, line: str) -> str | None:
        """A line with HTML that says it holds Markdown: those tags go, and the rest is Markdown."""

        def opened(found: re.Match[str]) -> str:
            self._told[found[1].lower()] += 1
            return ""

        def closed(found: re.Match[str]) -> str:
            name = found[1].lower()
            if not self._told[name]:
                return found[0]
            self._told[name] -= 1
            return ""

        plain = _CLOSES.sub(closed, _TOLD.sub(opened, line))
        self._told = +self._told
        if plain == line and not self._told:
            return None
        plain = _inline(plain)
        if not plain.strip():
            self._indented_in(number, line)
        if not _TAG_FIRST.match(plain):
            return plain
        marker = self._margins[-1][1] if self._margins else 0
        return plain[:marker] + _NOTHING + plain[marker:].lstrip()

    def _settle_end(self, number: int) -> None:
        """Close the fence of highlighted code where its tag is closed."""
        for after in range(number + 1, len(self._source)):
            if _HIGHLIGHT_ENDS.search(self._source[after]):
                self._settled[after] = "```"
                return

    def _kramdown(self, line: str) -> str | None:
        """Blank a line of attributes, with the item it makes a table of contents of.

        An id that it gives to the heading above is moved up to it.
        """
        if not _KRAMDOWN.sub("", line).strip():
            return ""
        if not _ATTRIBUTE_LINE.match(line):
            return None
        if self._done:
            if _CONTENTS_LIST.match(line):
                self._done[-1] = _ITEM.sub("", self._done[-1])
            named = _ID.search(line)
            if named and _ATX.match(self._done[-1]):
                self._done[-1] = _with_anchor(self._done[-1], named[1])
        return ""


def _label(prefix: str, title: str) -> str:
    """A marker's title as a label where the marker stood; without one, what it stands in."""
    title = _inline(title).strip()
    return f"{prefix}###### {LABEL}{title}" if title else prefix.rstrip()


def _column_of_next(lines: Sequence[str]) -> int:
    """Where the text of the first line that has any begins."""
    for line in lines:
        head = _INDENT.match(line)[0]  # type: ignore[index]
        if len(head) < len(line):
            return width(head)
    return 0


def _quotation(line: str) -> str:
    """What is left of a line that goes, so that the quotation it stands in is not ended."""
    return _INDENT.match(line)[0].rstrip()  # type: ignore[index]


def _bare(prefix: str) -> str:
    """What is left of a line whose mark is gone: the item or the quotation it stands in."""
    return prefix.rstrip() if prefix.strip() else ""


def _with_anchor(line: str, anchor: str) -> str:
    return f"{line.rstrip()} {{#{anchor}}}" if _ATX.match(line) else line


def _wraps_markdown(lines: Sequence[str], number: int, line: str) -> bool:
    """Whether a line is an HTML wrapper with Markdown in it, rather than more HTML or code."""
    if not _WRAPPER.match(line):
        return False
    inside = number - 1 if line.lstrip().startswith("</") else number + 1
    neighbour = lines[inside] if 0 <= inside < len(lines) else ""
    return not neighbour.startswith(("    ", "\t")) and not neighbour.lstrip().startswith("<")


def _inline(line: str) -> str:
    """Marks inside a line, outside its code; what it begins with keeps the text in its column."""
    head = _HEAD.match(line)[0]  # type: ignore[index]
    text = line[len(head) :]
    if "`" not in text:
        return head + _unmarked(text).lstrip(" ")
    pieces: list[str] = []
    end = 0
    for start, stop in spans(text):
        pieces += [_unmarked(text[end:start]), text[start:stop]]
        end = stop
    return head + "".join([*pieces, _unmarked(text[end:])]).lstrip(" ")


def _unmarked(text: str) -> str:
    if "{" in text:
        text = _without_shortcodes(text)
        text = _VARIABLE.sub("", _LIQUID.sub("", text))
        text = _CRITIC.sub("", text)
    if "%%" in text or "{/*" in text:
        text = components.uncommented(_COMMENT.sub("", text))
    if "[[" in text:
        text = _WIKI_LINK.sub(_as_link, text)
    if "==" in text:
        text = _HIGHLIGHT.sub(r"\1", text)
    if "^" in text:
        text = _BLOCK_ID.sub("", text)
    if ":" in text:
        text = _EMOJI.sub(_as_emoji, _ICON.sub("", text))
    return text


def _without_shortcodes(text: str) -> str:
    """The text with what each shortcode of Hugo shows; it stands on one line and in no other."""
    *before, rest = text.split("}}")
    pieces: list[str] = []
    for piece in before:
        opens = piece.rfind("{{")
        inside = piece[opens + 2 :] if opens >= 0 else ""
        if inside[:1] in {"<", "%"} and inside[-1] in ">%" and "\n" not in inside:
            pieces += [piece[:opens], " ".join(_SHORTCODE_SHOWN.findall(inside))]
        else:
            pieces += [piece, "}}"]
    return "".join([*pieces, rest])


def _as_link(found: re.Match[str]) -> str:
    """A wiki link as a link; what another page is embedded with is read on that page."""
    embedded, target, label = found[1], found[2].strip(), found[3]
    if embedded:
        return ""
    page, _, heading = target.partition("#")
    shown = (label or "").strip() or target.replace("#", " > " if page else "")
    place = f"{page}#{heading}" if heading else page
    return f"[{shown}](<{WIKI}{place.replace('<', '').replace('>', '')}>)"


def _as_emoji(found: re.Match[str]) -> str:
    import emoji

    return str(emoji.emojize(found[0], language="alias"))
